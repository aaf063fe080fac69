//! The words, as files: `<message>/<locale>/{subject,html,text,sms}.hbs`, with what several
//! messages share in `layout/` (every locale) and `layout/<locale>/`.

pub mod link;
mod source;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use handlebars::{Context, Handlebars, RenderError, Template};

use self::link::Broken;
use super::{format, markup};
use crate::domain::fault::{Fault, nearest};

/// One of the four files of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Subject,
    Html,
    Text,
    Sms,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::Subject, Self::Html, Self::Text, Self::Sms];

    /// The file's name.
    pub fn file(self) -> &'static str {
        match self {
            Self::Subject => "subject.hbs",
            Self::Html => "html.hbs",
            Self::Text => "text.hbs",
            Self::Sms => "sms.hbs",
        }
    }

    fn of_file(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.file() == name)
    }
}

/// The templates of one locale.
#[derive(Debug)]
pub(super) struct Set {
    /// Escapes what it shows.
    html: Handlebars<'static>,
    /// Shows it as it is; the context has been made safe for lines of plain text.
    plain: Handlebars<'static>,
}

/// Every message in every locale, ready to be written.
#[derive(Debug)]
pub struct Templates {
    /// By locale as the folders are named.
    sets: BTreeMap<String, Set>,
    /// Which messages there are, and in which locales.
    messages: BTreeMap<String, BTreeSet<String>>,
    /// The files, in the order of their numbers in the lines of linked trees.
    files: Vec<String>,
}

impl Templates {
    /// Reads the templates in `directory`, or those that the program carries.
    ///
    /// # Errors
    /// Every file that cannot be read or parsed, and every partial that is missing.
    pub fn load(directory: Option<&Path>) -> Result<Self, Vec<Fault>> {
        let read = match directory {
            Some(directory) => source::from_directory(directory)?,
            None => source::embedded(),
        };
        Self::compile(read)
    }

    fn compile(read: Vec<source::File>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let files: Vec<String> = read.iter().map(|file| file.shown.clone()).collect();
        let mut shared: HashMap<String, Template> = HashMap::new();
        let mut own: BTreeMap<String, HashMap<String, Template>> = BTreeMap::new();
        // partials that are there and broken: that they cannot be used is no fault of its own
        let mut unread: BTreeSet<String> = BTreeSet::new();
        let mut parts: Vec<(String, String, Part, Template)> = Vec::new();
        for (index, file) in read.iter().enumerate() {
            let template = match link::compile(&file.content, index) {
                Ok(template) => template,
                Err(broken) => {
                    faults.push(fault(&broken, &files, &[]));
                    unread.insert(stem(file.path.rsplit('/').next().unwrap_or_default()));
                    continue;
                }
            };
            let segments: Vec<&str> = file.path.split('/').collect();
            match segments[..] {
                ["layout", name] => drop(shared.insert(stem(name), template)),
                ["layout", locale, name] => {
                    own.entry(locale.to_owned()).or_default().insert(stem(name), template);
                }
                [message, locale, name] if Part::of_file(name).is_some() => {
                    let part = Part::of_file(name).unwrap_or(Part::Text);
                    parts.push((message.to_owned(), locale.to_owned(), part, template));
                }
                _ => faults.push(
                    Fault::new(&file.shown, "not a file of a message").suggest(
                        "a message has <message>/<locale>/subject.hbs, html.hbs, text.hbs and sms.hbs; partials go into layout/",
                    ),
                ),
            }
        }
        let mut templates = Self { sets: BTreeMap::new(), messages: BTreeMap::new(), files };
        let mut partials: HashMap<String, HashMap<String, Template>> = HashMap::new();
        for (message, locale, part, template) in parts {
            let known = partials.entry(locale.clone()).or_insert_with(|| {
                let mut known = shared.clone();
                known.extend(own.remove(&locale).unwrap_or_default());
                known
            });
            match link::link(&template, known) {
                Ok(linked) => templates.insert(message, locale, part, linked),
                Err(Broken { missing: Some(name), .. }) if unread.contains(&name) => {}
                Err(broken) => {
                    let names: Vec<&str> = known.keys().map(String::as_str).collect();
                    faults.push(fault(&broken, &templates.files, &names));
                }
            }
        }
        faults.sort();
        faults.dedup();
        if faults.is_empty() { Ok(templates) } else { Err(faults) }
    }

    fn insert(&mut self, message: String, locale: String, part: Part, template: Template) {
        let set = self.sets.entry(locale.clone()).or_insert_with(Set::new);
        let registry = if part == Part::Html { &mut set.html } else { &mut set.plain };
        registry.register_template(&registered(part, &message), template);
        self.messages.entry(message).or_default().insert(locale);
    }

    /// The messages there are words for.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.messages.keys().map(String::as_str)
    }

    /// The locales of a message, or of all.
    pub(super) fn locales(&self, message: Option<&str>) -> BTreeSet<&str> {
        let sets = self.messages.iter().filter(|(name, _)| message.is_none_or(|message| message == **name));
        sets.flat_map(|(_, locales)| locales).map(String::as_str).collect()
    }

    /// The tree of a part, partials in place.
    pub(super) fn tree(&self, message: &str, locale: &str, part: Part) -> Option<&Template> {
        let set = self.sets.get(locale)?;
        let registry = if part == Part::Html { &set.html } else { &set.plain };
        registry.get_template(&registered(part, message))
    }

    /// Where a line of a tree was written.
    pub(super) fn place(&self, line: usize) -> (&str, usize) {
        let (file, line) = link::place(line);
        (self.files.get(file).map_or("", String::as_str), line)
    }

    /// The file of a part, or where it should be.
    pub(super) fn file(&self, message: &str, locale: &str, part: Part) -> String {
        let path = format!("{message}/{locale}/{}", part.file());
        let base = self.files.first().map_or(source::SHOWN, |file| source::base(file));
        format!("{base}/{path}")
    }

    /// Writes out one part.
    pub(super) fn render(
        &self,
        message: &str,
        locale: &str,
        part: Part,
        context: &Context,
    ) -> Result<String, RenderError> {
        let set = self.sets.get(locale);
        let name = registered(part, message);
        let missing = || handlebars::RenderErrorReason::TemplateNotFound(name.clone());
        let set = set.ok_or_else(missing)?;
        let registry = if part == Part::Html { &set.html } else { &set.plain };
        registry.render_with_context(&name, context)
    }
}

impl Set {
    fn new() -> Self {
        let registry = |escape: fn(&str) -> String| {
            let mut registry = Handlebars::new();
            registry.set_strict_mode(true);
            registry.register_escape_fn(escape);
            format::register(&mut registry);
            registry.register_helper(markup::NAME, Box::new(markup::Markup));
            registry
        };
        Self { html: registry(escape_html), plain: registry(str::to_owned) }
    }
}

fn registered(part: Part, message: &str) -> String {
    format!("{message}/{}", part.file())
}

fn stem(file: &str) -> String {
    file.strip_suffix(".hbs").unwrap_or(file).to_owned()
}

/// For text and for quoted attributes. Leaves `=` alone, which handlebars' own does not: mail
/// services rewrite links, and not all of them decode what they read.
fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn fault(broken: &Broken, files: &[String], partials: &[&str]) -> Fault {
    let (file, line) = link::place(broken.line);
    let fault = Fault::new(files.get(file).cloned().unwrap_or_default(), &broken.what).at(line, broken.column);
    let near = broken.missing.as_deref().and_then(|missing| nearest(missing, partials.iter().copied()));
    match near {
        Some(near) => fault.suggest(format!("did you mean '{near}'?")),
        None => fault,
    }
}
