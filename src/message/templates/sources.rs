//! The files of one layer of templates, compiled, their partials not yet in place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use handlebars::Template;

use super::Part;
use super::link::{self, Broken};
use super::source::Folder;
use crate::domain::fault::Fault;

/// Where a part belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub message: String,
    pub locale: String,
    pub part: Part,
}

/// The files of one layer.
#[derive(Debug, Default)]
pub struct Sources {
    /// As a person would open it.
    pub folder: String,
    /// The number of the first file, in the lines of linked trees; those of the layer below come
    /// before it.
    pub first: usize,
    files: Vec<String>,
    pub parts: BTreeMap<Place, Template>,
    /// Partials of every locale.
    shared: HashMap<String, Template>,
    /// Partials of one locale.
    local: BTreeMap<String, HashMap<String, Template>>,
    /// Partials that are there and broken: that they cannot be used is no fault of its own.
    pub unread: BTreeSet<String>,
}

impl Sources {
    /// Compiles what was read, and tells every fault.
    pub fn compile(read: Folder, first: usize) -> (Self, Vec<Fault>) {
        let mut sources = Self { folder: read.shown, first, ..Self::default() };
        let mut faults = Vec::new();
        for (index, file) in read.files.into_iter().enumerate() {
            match link::compile(&file.content, first + index) {
                Ok(template) => {
                    if !sources.put(&file.path, template) {
                        faults.push(Fault::new(&file.shown, "not a file of a message").suggest(
                            "a message has <message>/<locale>/subject.hbs, html.hbs, text.hbs and sms.hbs; partials go into layout/",
                        ));
                    }
                }
                Err(Broken { line, column, what, .. }) => {
                    faults.push(Fault::new(&file.shown, what).at(link::place(line).1, column));
                    sources.unread.insert(stem(file.path.rsplit('/').next().unwrap_or_default()));
                }
            }
            sources.files.push(file.shown);
        }
        (sources, faults)
    }

    /// `false`: there is no place for such a file.
    fn put(&mut self, path: &str, template: Template) -> bool {
        let segments: Vec<&str> = path.split('/').collect();
        match segments[..] {
            ["layout", name] => drop(self.shared.insert(stem(name), template)),
            ["layout", locale, name] => {
                self.local.entry(locale.to_owned()).or_default().insert(stem(name), template);
            }
            [message, locale, name] => match Part::of_file(name) {
                Some(part) => {
                    let place = Place { message: message.to_owned(), locale: locale.to_owned(), part };
                    self.parts.insert(place, template);
                }
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// The number after that of the last file.
    pub fn next(&self) -> usize {
        self.first + self.files.len()
    }

    /// The file of that number, as a person would open it.
    pub fn file(&self, number: usize) -> Option<&str> {
        self.files.get(number.checked_sub(self.first)?).map(String::as_str)
    }

    /// There is a partial of that name here, for this locale or for every one.
    pub fn has(&self, locale: &str, partial: &str) -> bool {
        self.shared.contains_key(partial) || self.local.get(locale).is_some_and(|local| local.contains_key(partial))
    }
}

/// The partials of one locale: its own before those of every locale, and of the same place the
/// upper layer's before the lower one's.
pub struct Partials<'a>(Vec<&'a HashMap<String, Template>>);

impl<'a> Partials<'a> {
    /// Of `layers`, the uppermost first.
    pub fn of(layers: &[&'a Sources], locale: &str) -> Self {
        let local = layers.iter().filter_map(|layer| layer.local.get(locale));
        Self(local.chain(layers.iter().map(|layer| &layer.shared)).collect())
    }

    pub fn get(&self, name: &str) -> Option<&'a Template> {
        self.0.iter().find_map(|partials| partials.get(name))
    }

    pub fn names(&self) -> Vec<&'a str> {
        self.0.iter().flat_map(|partials| partials.keys()).map(String::as_str).collect()
    }
}

fn stem(file: &str) -> String {
    file.strip_suffix(".hbs").unwrap_or(file).to_owned()
}
