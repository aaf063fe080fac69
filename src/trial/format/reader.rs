//! Reading YAML with its places.

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::domain::fault::{Fault, nearest};
use crate::domain::time::Timestamp;
use crate::domain::written::Written;
use crate::domain::written::yaml::Yaml;
use crate::trial::keys::Key;
use crate::trial::moment::Frame;

pub type Fields<'y> = Vec<(&'y Spanned<String>, &'y Spanned<Yaml>)>;

pub struct Reader<'a> {
    pub written: Written<'a>,
    pub faults: Vec<Fault>,
}

impl Reader<'_> {
    pub fn fault(&mut self, at: Location, what: impl Into<String>) {
        self.faults.push(self.written.fault(at, what));
    }

    /// It is written as `{ … }`.
    pub fn in_braces(&self, it: &Spanned<Yaml>) -> bool {
        let number = |number: u64| usize::try_from(number).unwrap_or(1) - 1;
        let line = self.written.text.lines().nth(number(it.referenced.line()));
        line.and_then(|line| line.chars().nth(number(it.referenced.column()))) == Some('{')
    }

    /// The fields of a mapping.
    pub fn mapping<'y>(&mut self, it: &'y Spanned<Yaml>, what: &str) -> Fields<'y> {
        match &it.value {
            Yaml::Mapping(fields) => fields.iter().map(|(key, value)| (key, value)).collect(),
            other => {
                self.fault(it.referenced, format!("{what} is a mapping, not {}", other.kind()));
                Vec::new()
            }
        }
    }

    /// The fields of a mapping that may have these keys alone.
    pub fn fields<'y>(&mut self, it: &'y Spanned<Yaml>, what: &str, known: &[Key]) -> Fields<'y> {
        let mut fields = self.mapping(it, what);
        fields.retain(|(key, _)| {
            let is_known = known.iter().any(|(name, _)| *name == key.value);
            if !is_known {
                let fault = self.written.fault(key.referenced, format!("{what} has no '{}'", key.value));
                let suggestion = nearest(&key.value, known.iter().map(|(name, _)| *name));
                let suggestion = suggestion.map(|known| format!("did you mean '{known}'?"));
                self.faults.push(Fault { suggestion, ..fault });
            }
            is_known
        });
        fields
    }

    pub fn list<'y>(&mut self, it: &'y Spanned<Yaml>, key: &str) -> &'y [Spanned<Yaml>] {
        match &it.value {
            Yaml::List(list) => list,
            Yaml::Null => &[],
            other => {
                self.fault(it.referenced, format!("{key}: a list is needed, not {}", other.kind()));
                &[]
            }
        }
    }

    pub fn text(&mut self, it: &Spanned<Yaml>, key: &str) -> Option<String> {
        let text = text_of(&it.value);
        if text.is_none() {
            self.fault(it.referenced, format!("{key}: a text is needed, not {}", it.value.kind()));
        }
        text
    }

    /// A list of texts, or one text.
    pub fn texts(&mut self, it: &Spanned<Yaml>, key: &str) -> Vec<String> {
        match &it.value {
            Yaml::List(list) => list.iter().filter_map(|one| self.text(one, key)).collect(),
            _ => self.text(it, key).into_iter().collect(),
        }
    }

    pub fn moment(&mut self, it: &Spanned<Yaml>, key: &str, frame: &Frame) -> Option<Timestamp> {
        let text = self.text(it, key)?;
        frame.read(&text).map_err(|what| self.fault(it.referenced, format!("{key}: {what}"))).ok()
    }

    /// A list of moments, or one.
    pub fn moments(&mut self, it: &Spanned<Yaml>, key: &str, frame: &Frame) -> Vec<Timestamp> {
        match &it.value {
            Yaml::List(list) => list.iter().filter_map(|one| self.moment(one, key, frame)).collect(),
            _ => self.moment(it, key, frame).into_iter().collect(),
        }
    }

    /// The one of `known` that is named.
    pub fn one_of<T: Copy>(&mut self, it: &Spanned<Yaml>, key: &str, known: &[(&str, T)]) -> Option<T> {
        let name = self.text(it, key)?;
        let found = known.iter().find(|(one, _)| *one == name).map(|(_, value)| *value);
        if found.is_none() {
            let fault = self.written.fault(it.referenced, format!("{key}: there is no '{name}'"));
            let suggestion = nearest(&name, known.iter().map(|(name, _)| *name));
            self.faults.push(Fault { suggestion: suggestion.map(|known| format!("did you mean '{known}'?")), ..fault });
        }
        found
    }
}

/// A number without a unit, such as a parcel's, is a text too.
fn text_of(it: &Yaml) -> Option<String> {
    match it {
        Yaml::Text(text) => Some(text.trim().to_owned()),
        Yaml::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The value of a mapping's key.
pub fn get<'y>(it: &'y Spanned<Yaml>, key: &str) -> Option<&'y Yaml> {
    match &it.value {
        Yaml::Mapping(fields) => fields.iter().find(|(name, _)| name.value == key).map(|(_, value)| &value.value),
        _ => None,
    }
}

/// Without the places.
pub fn json(it: &Yaml) -> Value {
    match it {
        Yaml::Null => Value::Null,
        Yaml::Truth(truth) => Value::Bool(*truth),
        Yaml::Number(number) => Value::Number(number.clone()),
        Yaml::Text(text) => Value::String(text.clone()),
        Yaml::List(list) => list.iter().map(|one| json(&one.value)).collect(),
        Yaml::Mapping(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.value.clone(), json(&value.value))).collect())
        }
    }
}
