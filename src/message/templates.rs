//! The words, as files: `<message>/<locale>/{subject,html,text,sms}.hbs`, with what several
//! messages share in `layout/` (every locale) and `layout/<locale>/`.
//!
//! A shop's own files lie over those that every shop inherits: each stands in the place of the
//! one of the same path. What it does not change is shared, not copied.

pub mod link;
mod source;
mod sources;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use handlebars::{
    Context, Handlebars, RenderContext, RenderError, RenderErrorReason, Renderable, StringOutput, Template,
};

use self::link::Broken;
use self::sources::{Partials, Place, Sources};
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

/// Escapes what it shows.
static HTML: LazyLock<Handlebars<'static>> = LazyLock::new(|| registry(escape_html));
/// Shows it as it is; the context has been made safe for lines of plain text.
static PLAIN: LazyLock<Handlebars<'static>> = LazyLock::new(|| registry(str::to_owned));

/// A part with every partial in its place.
#[derive(Debug)]
struct Linked {
    /// One after the other; what trees have in common is shared.
    pieces: Vec<Arc<Template>>,
    /// The partials in it, by their names: a layer that has one of these must link it anew.
    partials: BTreeSet<String>,
}

/// Pieces that are there already, by the line where each begins.
#[derive(Default)]
struct Pool(HashMap<usize, Vec<Arc<Template>>>);

impl Pool {
    fn put(&mut self, piece: &Arc<Template>) {
        let begin = piece.mapping.first().map_or(0, |line| line.0);
        self.0.entry(begin).or_default().push(Arc::clone(piece));
    }

    /// `pieces`, those that are there already in the place of their equals.
    fn shared(&mut self, pieces: Vec<Template>) -> Vec<Arc<Template>> {
        let mut shared = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let beside = piece.mapping.first().and_then(|line| self.0.get(&line.0));
            let known = beside.and_then(|beside| beside.iter().find(|known| ***known == piece)).cloned();
            shared.push(known.unwrap_or_else(|| {
                let piece = Arc::new(piece);
                self.put(&piece);
                piece
            }));
        }
        shared
    }
}

/// Every message in every locale, ready to be written.
#[derive(Debug)]
pub struct Templates {
    /// What is inherited where this layer says nothing.
    below: Option<Arc<Templates>>,
    /// The files of this layer.
    sources: Sources,
    /// What this layer changes, by message and locale.
    own: BTreeMap<String, BTreeMap<String, BTreeMap<Part, Linked>>>,
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
        Self::compile(None, read)
    }

    /// No words at all, for who decides and sends nothing.
    pub fn none() -> Self {
        Self { below: None, sources: Sources::default(), own: BTreeMap::new() }
    }

    /// Reads the templates in `directory` over those of `below`.
    ///
    /// # Errors
    /// As [`Templates::load`].
    pub fn over(below: &Arc<Self>, directory: &Path) -> Result<Self, Vec<Fault>> {
        Self::compile(Some(Arc::clone(below)), source::from_directory(directory)?)
    }

    fn compile(below: Option<Arc<Self>>, read: source::Folder) -> Result<Self, Vec<Fault>> {
        let first = below.as_ref().map_or(0, |below| below.sources.next());
        let (sources, mut faults) = Sources::compile(read, first);
        let mut templates = Self { below, sources, own: BTreeMap::new() };
        for (place, linked) in templates.link() {
            match linked {
                Ok(linked) => {
                    let locales = templates.own.entry(place.message).or_default();
                    locales.entry(place.locale).or_default().insert(place.part, linked);
                }
                Err(fault) => faults.extend(fault),
            }
        }
        faults.sort();
        faults.dedup();
        if faults.is_empty() { Ok(templates) } else { Err(faults) }
    }

    /// Links the parts of this layer, and the inherited ones that use a partial of it. No fault is
    /// told of a part whose partial is there and broken.
    fn link(&self) -> Vec<(Place, Result<Linked, Option<Fault>>)> {
        let mut places: BTreeSet<&Place> = self.sources.parts.keys().collect();
        let inherited = self.below.iter().flat_map(|below| below.sources.parts.keys());
        places.extend(inherited.filter(|place| self.touches(place)));
        let mut linked = Vec::with_capacity(places.len());
        let mut pool = Pool::default();
        for place in places {
            let below = self.below.as_ref().and_then(|below| below.linked(&place.message, &place.locale, place.part));
            below.into_iter().flat_map(|below| &below.pieces).for_each(|piece| pool.put(piece));
            let layers = [Some(&self.sources), self.below.as_deref().map(|below| &below.sources)];
            let layers: Vec<&Sources> = layers.into_iter().flatten().collect();
            let Some(part) = layers.iter().find_map(|layer| layer.parts.get(place)) else { continue };
            let partials = Partials::of(&layers, &place.locale);
            let mut used = BTreeSet::new();
            let result = match link::link(part, &partials, &mut used) {
                Ok(pieces) => Ok(Linked { pieces: pool.shared(pieces), partials: used }),
                Err(Broken { missing: Some(name), .. }) if self.sources.unread.contains(&name) => Err(None),
                Err(broken) => Err(Some(self.fault(&broken, &partials.names()))),
            };
            linked.push((place.clone(), result));
        }
        linked
    }

    /// An inherited part uses a partial that this layer has.
    fn touches(&self, place: &Place) -> bool {
        let inherited = self.below.as_ref().and_then(|below| below.linked(&place.message, &place.locale, place.part));
        inherited.is_some_and(|linked| linked.partials.iter().any(|name| self.sources.has(&place.locale, name)))
    }

    fn fault(&self, broken: &Broken, partials: &[&str]) -> Fault {
        let (file, line) = self.place(broken.line);
        let fault = Fault::new(file, &broken.what).at(line, broken.column);
        let near = broken.missing.as_deref().and_then(|missing| nearest(missing, partials.iter().copied()));
        match near {
            Some(near) => fault.suggest(format!("did you mean '{near}'?")),
            None => fault,
        }
    }

    /// The messages there are words for.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        let layers = std::iter::successors(Some(self), |layer| layer.below.as_deref());
        layers.flat_map(|layer| layer.own.keys()).map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }

    /// The locales of a message, or of all.
    pub(super) fn locales(&self, message: Option<&str>) -> BTreeSet<&str> {
        let own = self.own.iter().filter(|(name, _)| message.is_none_or(|message| message == **name));
        let inherited = self.below.iter().flat_map(|below| below.locales(message));
        own.flat_map(|(_, locales)| locales.keys()).map(String::as_str).chain(inherited).collect()
    }

    /// All of a message in this locale is inherited.
    pub(super) fn inherits(&self, message: &str, locale: &str) -> bool {
        let own = self.own.get(message).is_some_and(|locales| locales.contains_key(locale));
        !own && self.below.as_ref().is_some_and(|below| below.locales(Some(message)).contains(locale))
    }

    fn linked(&self, message: &str, locale: &str, part: Part) -> Option<&Linked> {
        let own = || self.own.get(message)?.get(locale)?.get(&part);
        own().or_else(|| self.below.as_ref()?.linked(message, locale, part))
    }

    /// The tree of a part, partials in place: its pieces, one after the other.
    pub(super) fn tree(&self, message: &str, locale: &str, part: Part) -> Option<&[Arc<Template>]> {
        self.linked(message, locale, part).map(|linked| &*linked.pieces)
    }

    /// Where a line of a tree was written.
    pub(super) fn place(&self, line: usize) -> (&str, usize) {
        let (file, in_file) = link::place(line);
        match &self.below {
            Some(below) if file < self.sources.first => below.place(line),
            _ => (self.sources.file(file).unwrap_or_default(), in_file),
        }
    }

    /// The file of a part, or where it should be.
    pub(super) fn file(&self, message: &str, locale: &str, part: Part) -> String {
        let place = Place { message: message.to_owned(), locale: locale.to_owned(), part };
        match &self.below {
            Some(below) if !self.sources.parts.contains_key(&place) && below.sources.parts.contains_key(&place) => {
                below.file(message, locale, part)
            }
            _ => format!("{}/{message}/{locale}/{}", self.sources.folder, part.file()),
        }
    }

    /// Writes out one part.
    pub(super) fn render(
        &self,
        message: &str,
        locale: &str,
        part: Part,
        context: &Context,
    ) -> Result<String, RenderError> {
        let missing = || RenderErrorReason::TemplateNotFound(format!("{message}/{locale}/{}", part.file()));
        let tree = self.tree(message, locale, part).ok_or_else(missing)?;
        let registry = if part == Part::Html { &*HTML } else { &*PLAIN };
        let mut output = StringOutput::new();
        let mut rendering = RenderContext::new(None);
        for piece in tree {
            piece.render(registry, context, &mut rendering, &mut output)?;
        }
        output.into_string().map_err(RenderError::from)
    }
}

/// With the helpers that templates may use; the templates themselves are kept apart from it.
fn registry(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    format::register(&mut registry);
    registry.register_helper(markup::NAME, Box::new(markup::Markup));
    registry
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
