//! Adapters as people write them: YAML, every fault reported with its place.

mod event;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde_saphyr::{Location, Spanned};

use super::expression::Expression;
use super::table::Table;
use super::{About, Adapter, Carriers, Names, function};
use crate::domain::event::ParcelStatus;
use crate::domain::fault::{Fault, nearest};
use crate::domain::written::Written;
use crate::domain::written::yaml::Yaml;

/// The keys of an adapter, in the order in which they are best written.
const KEYS: [&str; 13] = [
    "adapter",
    "says",
    "version",
    "api",
    "documented_at",
    "notes",
    "zone",
    "match",
    "ignore",
    "shop",
    "tables",
    "let",
    "emit",
];

/// What every expression may look at.
const ROOTS: [&str; 5] = ["payload", "headers", "key", "topic", "received"];

type Fields = Vec<(Spanned<String>, Spanned<Yaml>)>;

impl Adapter {
    /// Reads an adapter. `default_shop` is the shop of payloads that name none.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn parse(written: Written<'_>, carriers: &Carriers, default_shop: Option<&str>) -> Result<Self, Vec<Fault>> {
        let source: Spanned<Yaml> =
            serde_saphyr::from_str(written.text).map_err(|error| vec![written.unreadable("an adapter", &error)])?;
        let mut reader = Reader { written, faults: Vec::new() };
        let adapter = reader.adapter(source, carriers, default_shop);
        adapter.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
    }
}

struct Reader<'a> {
    written: Written<'a>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, at: Location, what: impl Into<String>, suggestion: Option<String>) {
        let fault = self.written.fault(at, what);
        self.faults.push(Fault { suggestion, ..fault });
    }

    /// Reports a name that is not among the known ones.
    fn unknown<'n>(&mut self, at: Location, what: String, name: &str, known: impl Iterator<Item = &'n str> + Clone) {
        let suggestion = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.fault(at, what, Some(suggestion));
    }

    fn adapter(&mut self, source: Spanned<Yaml>, carriers: &Carriers, default_shop: Option<&str>) -> Option<Adapter> {
        let begin = source.referenced;
        let Yaml::Mapping(fields) = source.value else {
            self.fault(begin, "an adapter is a mapping that begins with 'adapter: <name>'", None);
            return None;
        };
        let mut given: BTreeMap<String, Spanned<Yaml>> = BTreeMap::new();
        for (key, value) in fields {
            if KEYS.contains(&key.value.as_str()) {
                given.insert(key.value, value);
            } else {
                let what = format!("an adapter has no '{}'", key.value);
                self.unknown(key.referenced, what, &key.value, KEYS.into_iter());
            }
        }
        for key in ["adapter", "says", "version", "api", "documented_at", "match", "shop", "emit"] {
            if !given.contains_key(key) {
                self.fault(begin, format!("the adapter has no '{key}'"), None);
            }
        }
        let about = self.about(&mut given);
        let zone = given.remove("zone").and_then(|value| self.zone(&value));
        let mut scope = function::scope(carriers);
        let mut names: Vec<String> = ROOTS.map(str::to_owned).to_vec();
        let tables = given.remove("tables").map(|value| self.mapping("tables", value)).unwrap_or_default();
        for (name, table) in tables {
            self.own_name(&name, &mut names);
            if let Some(table) = self.table(&name.value, table) {
                scope.add_variable_as_val(name.value, Box::new(table));
            }
        }
        let takes = given.remove("match").and_then(|value| self.expression("match", &value, &names));
        let ignores = given.remove("ignore").and_then(|value| self.expression("ignore", &value, &names));
        let own = given.remove("let").map(|value| self.names(value, &mut names)).unwrap_or_default();
        let shop = given.remove("shop").and_then(|value| self.expression("shop", &value, &names));
        let mut emits = Vec::new();
        if let Some(value) = given.remove("emit") {
            let at = value.referenced;
            match value.value {
                Yaml::List(list) if !list.is_empty() => {
                    for source in list {
                        emits.extend(self.emit(source, &names));
                    }
                }
                _ => self.fault(at, "emit: a list of events is needed", None),
            }
        }
        let default_shop = default_shop.map(str::to_owned);
        Some(Adapter { about, zone, takes: takes?, ignores, shop: shop?, default_shop, names: own, emits, scope })
    }

    fn about(&mut self, given: &mut BTreeMap<String, Spanned<Yaml>>) -> About {
        let mut text = |key: &str| given.remove(key).map_or(String::new(), |value| self.text(key, &value));
        let (says, api, documented_at) = (text("says"), text("api"), text("documented_at"));
        text("notes");
        let version = given.remove("version").map_or(0, |value| match &value.value {
            Yaml::Number(number) if number.as_u64().is_some() => number.as_u64().unwrap_or_default(),
            _ => {
                self.fault(value.referenced, "version: a whole number is needed", None);
                0
            }
        });
        let name = given.remove("adapter").map_or(String::new(), |value| {
            let name = self.text("adapter", &value);
            let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) {
                let what = format!("'{name}' is no name for an adapter: lower-case letters, digits and _ are");
                self.fault(value.referenced, what, None);
            }
            name
        });
        About { name, says, version, api, documented_at }
    }

    fn zone(&mut self, value: &Spanned<Yaml>) -> Option<Tz> {
        let name = self.text("zone", value);
        if name.is_empty() || name == "shop" {
            return None;
        }
        let zone = name.parse().ok();
        if zone.is_none() {
            let what = format!("zone: there is no time zone '{name}'");
            self.fault(value.referenced, what, Some("write 'shop', 'UTC' or a name such as 'Europe/Paris'".to_owned()));
        }
        zone
    }

    /// A name of the file's own must not hide another.
    fn own_name(&mut self, name: &Spanned<String>, names: &mut Vec<String>) {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let starts_well = name.value.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts_well || !name.value.bytes().all(letters) {
            self.fault(
                name.referenced,
                format!("'{}' is no name: lower-case letters, digits and _ are", name.value),
                None,
            );
        } else if names.contains(&name.value) || function::NAMES.contains(&name.value.as_str()) {
            self.fault(name.referenced, format!("'{}' is the name of something else already", name.value), None);
        }
        names.push(name.value.clone());
    }

    fn names(&mut self, value: Spanned<Yaml>, names: &mut Vec<String>) -> Names {
        let mut own = Vec::new();
        for (name, value) in self.mapping("let", value) {
            let expression = self.expression(&name.value, &value, names);
            self.own_name(&name, names);
            own.extend(expression.map(|expression| (name.value, expression)));
        }
        own
    }

    fn table(&mut self, name: &str, value: Spanned<Yaml>) -> Option<Table> {
        let at = value.referenced;
        let (mut words, mut otherwise, mut to_statuses) = (Vec::new(), None, false);
        for (key, value) in self.mapping(name, value) {
            match key.value.as_str() {
                "to" => {
                    to_statuses = true;
                    if self.text("to", &value) != "parcel_status" {
                        let hint = "write 'parcel_status', or leave it out".to_owned();
                        self.fault(value.referenced, "to: there is no such vocabulary", Some(hint));
                    }
                }
                "codes" => words = self.mapping("codes", value),
                "otherwise" => otherwise = Some(value),
                other => {
                    let what = format!("a table has no '{other}'");
                    self.unknown(key.referenced, what, other, ["to", "codes", "otherwise"].into_iter());
                }
            }
        }
        if words.is_empty() {
            self.fault(at, format!("the table '{name}' has no 'codes'"), None);
        }
        let mut word = |value: &Spanned<Yaml>| {
            let word = self.text(name, value);
            if to_statuses && ParcelStatus::parse(&word).is_none() {
                let known = ParcelStatus::ALL.iter().map(|status| status.as_str());
                self.unknown(value.referenced, format!("there is no parcel status '{word}'"), &word, known);
            }
            word
        };
        let words = words.iter().map(|(code, value)| (code.value.clone(), word(value))).collect();
        let otherwise = otherwise.as_ref().map(word);
        Some(Table::new(name, words, otherwise))
    }

    fn mapping(&mut self, key: &str, value: Spanned<Yaml>) -> Fields {
        match value.value {
            Yaml::Mapping(fields) => fields,
            other => {
                self.fault(value.referenced, format!("{key}: a mapping is needed, not {}", other.kind()), None);
                Vec::new()
            }
        }
    }

    fn text(&mut self, key: &str, value: &Spanned<Yaml>) -> String {
        match &value.value {
            Yaml::Text(text) => text.trim().to_owned(),
            other => {
                self.fault(value.referenced, format!("{key}: a text is needed, not {}", other.kind()), None);
                String::new()
            }
        }
    }

    fn expression(&mut self, key: &str, value: &Spanned<Yaml>, names: &[String]) -> Option<Expression> {
        let Yaml::Text(source) = &value.value else {
            let what = format!("{key}: an expression is needed, not {}", value.value.kind());
            self.fault(value.referenced, what, None);
            return None;
        };
        self.compile(source, value.referenced, names)
    }

    fn compile(&mut self, source: &str, at: Location, names: &[String]) -> Option<Expression> {
        match Expression::parse(source, names) {
            Ok(expression) => Some(expression),
            Err(flaws) => {
                for flaw in flaws {
                    self.faults.push(self.written.flaw(at, source, &flaw));
                }
                None
            }
        }
    }
}
