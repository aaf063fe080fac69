//! Reads one part of the configuration into its type, every unknown key reported.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::source::Source;
use crate::domain::fault::{Fault, nearest};

pub(super) struct Reader<'a> {
    pub source: &'a Source,
    pub defaults: &'a Map<String, Value>,
    pub faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    /// Reads one part, if it has no fault.
    pub fn part<T: DeserializeOwned>(&mut self, path: &[&str], value: Value) -> Option<T> {
        let before = self.faults.len();
        self.mend(path, value).filter(|_| self.faults.len() == before)
    }

    /// Reads a part, or what can be read of it, with the defaults in the place of the rest.
    pub fn part_or<T: DeserializeOwned>(&mut self, path: &[&str], value: Value) -> Option<T> {
        self.mend(path, value).or_else(|| serde_json::from_value(self.default(path, &[])?.clone()).ok())
    }

    /// Reports all faults of a part and reads what is left without them.
    fn mend<T: DeserializeOwned>(&mut self, path: &[&str], mut value: Value) -> Option<T> {
        loop {
            match serde_path_to_error::deserialize::<_, T>(&value) {
                Ok(part) => return Some(part),
                Err(error) => {
                    let inner: Vec<String> = error.path().iter().map(ToString::to_string).collect();
                    let message = error.inner().to_string();
                    if message.ends_with("expected a string") && self.reread(path, &inner, &mut value) {
                        continue;
                    }
                    let unknown = message
                        .strip_prefix("unknown field `")
                        .and_then(|rest| rest.split('`').next())
                        .map(str::to_owned);
                    self.report(path, &inner, &message, unknown.as_deref());
                    // without the unknown key, or with the default, the rest can be looked at
                    let goes_on = match unknown {
                        Some(key) => remove(&mut value, &inner, &key),
                        None => self.restore(path, &inner, &mut value),
                    };
                    if !goes_on {
                        return None;
                    }
                }
            }
        }
    }

    /// Puts the default in the place of what cannot be read; `false` if there is none.
    fn restore(&self, path: &[&str], inner: &[String], value: &mut Value) -> bool {
        let Some(default) = self.default(path, inner).filter(|_| !inner.is_empty()) else { return false };
        let Some(at) = inner.iter().try_fold(value, |at, part| at.get_mut(part)) else { return false };
        let changes = at != default;
        at.clone_from(default);
        changes
    }

    /// What the defaults say there; a shop inherits those of every shop.
    fn default(&self, path: &[&str], inner: &[String]) -> Option<&Value> {
        let path = if path.starts_with(&["shops", "named"]) { &["shop"] } else { path };
        let (first, rest) = path.split_first()?;
        let rest = rest.iter().copied().chain(inner.iter().map(String::as_str));
        rest.fold(self.defaults.get(*first), |at, part| at?.get(part))
    }

    /// Variables are texts, and taken for numbers where they look like numbers: takes one for the
    /// text that it is.
    fn reread(&self, path: &[&str], inner: &[String], value: &mut Value) -> bool {
        let place: Vec<&str> = path.iter().copied().chain(inner.iter().map(String::as_str)).collect();
        let Some(text) = Source::variable(&place) else { return false };
        let Some(at) = inner.iter().try_fold(value, |at, part| at.get_mut(part)) else { return false };
        let changes = !at.is_string();
        *at = Value::String(text);
        changes
    }

    fn report(&mut self, path: &[&str], inner: &[String], message: &str, unknown: Option<&str>) {
        let mut place: Vec<&str> = path.to_vec();
        place.extend(inner.iter().map(String::as_str).filter(|part| *part != "?"));
        if let Some(key) = unknown
            && place.last() != Some(&key)
        {
            place.push(key);
        }
        let name = place.join(".");
        let mut fault = match unknown {
            Some(_) => self.source.fault(&place, format!("there is no setting '{name}'")),
            None => self.source.fault(&place, format!("{name}: {message}")),
        };
        if let Some((key, known)) = unknown.zip(message.split_once("expected")) {
            let known: Vec<&str> = known.1.split('`').skip(1).step_by(2).collect();
            fault.suggestion = Some(match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("known here: {}", known.join(", ")),
            });
        }
        self.faults.push(fault);
    }
}

/// Takes `key` out of the table at `path`; `false` if it is not there.
fn remove(value: &mut Value, path: &[String], key: &str) -> bool {
    let table = match path {
        [parents @ .., last] if last == key => parents,
        whole => whole,
    };
    let mut at = value;
    for part in table.iter().filter(|part| *part != "?") {
        match at.get_mut(part) {
            Some(next) => at = next,
            None => return false,
        }
    }
    at.as_object_mut().is_some_and(|table| table.remove(key).is_some())
}
