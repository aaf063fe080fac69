//! Where a setting stands: the defaults, the operator's file with its line, or a variable.

use std::collections::BTreeSet;
use std::path::Path;

use config::{Config, Environment, File, FileFormat};
use serde_json::{Map, Value};

use crate::domain::fault::Fault;

/// Complete and commented; what a setting is when nobody says otherwise.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

const PREFIX: &str = "REASSURE";

/// The texts that the configuration was read from.
#[derive(Clone)]
pub struct Source {
    file: Option<(String, String)>,
    /// All layers together; secrets are only named in it.
    tree: Map<String, Value>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.file.as_ref().map(|(name, _)| name)).finish()
    }
}

impl Source {
    /// The defaults alone.
    pub fn defaults() -> Map<String, Value> {
        toml::from_str(DEFAULTS).unwrap_or_default()
    }

    /// What the variable of the setting at `path` holds.
    pub fn variable(path: &[&str]) -> Option<String> {
        std::env::var(variable(path)).ok()
    }

    /// Reads the three layers into one tree.
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML.
    pub fn read(file: Option<&Path>) -> Result<(Self, Map<String, Value>), Vec<Fault>> {
        let file = match file {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| vec![Fault::new(&name, format!("cannot be read: {error}"))])?;
                Some((name, text))
            }
        };
        let mut layers = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some((name, text)) = &file {
            // parsed on its own first, so that a slip has its place
            if let Err(error) = text.parse::<toml::Table>() {
                let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
                return Err(vec![Fault { line, ..Fault::new(name, format!("not TOML: {}", error.message())) }]);
            }
            layers = layers.add_source(File::from_str(text, FileFormat::Toml));
        }
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("bus.topics")
            .with_list_parse_key("service.roles");
        let tree = layers
            .add_source(environment)
            .build()
            .and_then(Config::try_deserialize::<Map<String, Value>>)
            .map_err(|error| vec![Fault::new("the configuration", error.to_string())])?;
        Ok((Self { file, tree: tree.clone() }, tree))
    }

    /// Whether a shop of that name is described, well or not.
    pub fn names_shop(&self, id: &str) -> bool {
        self.tree.get("shops").and_then(|shops| shops.get("named")?.get(id)).is_some()
    }

    /// The sections that say something else there.
    pub fn changed_sections(&self, other: &Self) -> BTreeSet<String> {
        let names = self.tree.keys().chain(other.tree.keys());
        names.filter(|name| self.tree.get(*name) != other.tree.get(*name)).cloned().collect()
    }

    /// A fault of the setting at `path`, placed where it was last said.
    pub fn fault(&self, path: &[&str], what: String) -> Fault {
        let variable = variable(path);
        if std::env::var_os(&variable).is_some() {
            return Fault::new(format!("environment variable {variable}"), what);
        }
        match &self.file {
            Some((name, text)) => match inherited_line_of(text, path) {
                Some(line) => Fault { line: Some(line), ..Fault::new(name, what) },
                None => Fault::new(name, what),
            },
            None => Fault::new("the defaults (no --config was given)", what),
        }
    }
}

fn variable(path: &[&str]) -> String {
    format!("{PREFIX}__{}", path.join("__").to_uppercase())
}

/// The line of a shop's setting, or of the one that it inherits.
fn inherited_line_of(text: &str, path: &[&str]) -> Option<usize> {
    let own = line_of(text, path);
    let inherited = match path {
        ["shops", "named", _, rest @ ..] if own.is_none_or(|(depth, _)| depth <= 3) => {
            line_of(text, &[&["shop"], rest].concat()).filter(|(depth, _)| *depth > 1)
        }
        _ => None,
    };
    inherited.or(own).map(|(_, line)| line)
}

/// The line on which the setting stands, else that of the nearest table around it; and how much
/// of the path it names.
fn line_of(text: &str, path: &[&str]) -> Option<(usize, usize)> {
    let mut table: Vec<String> = Vec::new();
    let mut best: Option<(usize, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let here = if let Some(header) = line.strip_prefix('[') {
            table = split(header.trim_start_matches('[').split(']').next().unwrap_or(""));
            table.clone()
        } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let mut here = table.clone();
            here.extend(split(key));
            here
        } else {
            continue;
        };
        // a longer key (`bus.group`) stands for the table that it opens, unless there is a better
        let depth = here.len().min(path.len());
        if here.iter().zip(path).all(|(a, b)| a == b) && best.is_none_or(|(known, _)| depth > known) {
            best = Some((depth, index + 1));
        }
    }
    best
}

/// The parts of a dotted key; a dot within quotes parts nothing.
fn split(key: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for c in key.trim().chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('.', None) => parts.push(String::new()),
            (c, _) => parts.last_mut().into_iter().for_each(|part| part.push(c)),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}
