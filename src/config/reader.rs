//! Reads one part of the configuration into its type, every unknown key reported.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::source::Source;
use crate::domain::fault::{Fault, nearest};

pub(super) struct Reader<'a> {
    pub source: &'a Source,
    pub faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    /// Reads one part; its unknown keys are all reported, of other faults the first.
    pub fn part<T: DeserializeOwned>(&mut self, path: &[&str], mut value: Value) -> Option<T> {
        let before = self.faults.len();
        loop {
            match serde_path_to_error::deserialize::<_, T>(&value) {
                Ok(part) if self.faults.len() == before => return Some(part),
                Ok(_) => return None,
                Err(error) => {
                    let inner: Vec<String> = error.path().iter().map(ToString::to_string).collect();
                    let message = error.inner().to_string();
                    let unknown = message
                        .strip_prefix("unknown field `")
                        .and_then(|rest| rest.split('`').next())
                        .map(str::to_owned);
                    self.report(path, &inner, &message, unknown.as_deref());
                    // without the unknown key the rest can be looked at
                    match unknown {
                        Some(key) if remove(&mut value, &inner, &key) => {}
                        _ => return None,
                    }
                }
            }
        }
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
