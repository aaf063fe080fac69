//! Says what is wrong with data that could not be read: which field, and what would be right.
//!
//! The messages of a deserializer quote what they found, and what they found may be personal.
//! So the data is walked along its schema instead: the words are the schema's, the path is made
//! of names that the schema has (I9). This runs for refused records only.

use chrono::NaiveDate;
use serde_json::Value;
use serde_json::error::Category;

use super::{Limits, Refusal};
use crate::domain::event::EventType;
use crate::domain::order::Amount;
use crate::domain::time::Timestamp;
use crate::schema::{DataSchema, kind_of, vocabulary, without_null};

/// Why the attributes of a structured CloudEvent could not be read.
pub fn attributes(value: &[u8], error: &serde_json::Error) -> Refusal {
    if let Some(refusal) = syntax("the value", error) {
        return refusal;
    }
    let named = ["specversion", "id", "source", "type", "time", "datacontenttype", "traceparent"];
    let parsed: Option<Value> = serde_json::from_slice(value).ok();
    let wrong = |name: &&&str| {
        parsed.as_ref().is_some_and(|it| it.get(**name).is_some_and(|it| !it.is_null() && !it.is_string()))
    };
    match named.iter().find(wrong) {
        Some(name) => Refusal::decode("invalid_field", format!("{name} is not a text; it must be a string")),
        None => Refusal::decode("malformed_json", "the value is not one JSON object that names each attribute once"),
    }
}

/// Why a payload is no JSON.
pub fn json(what: &str, error: &serde_json::Error) -> Refusal {
    syntax(what, error).unwrap_or_else(unexplained)
}

/// Why data could not be read from this text.
pub fn data_text(event_type: EventType, text: &str, error: &serde_json::Error) -> Refusal {
    if let Some(refusal) = syntax("data", error) {
        return refusal;
    }
    match serde_json::from_str(text) {
        Ok(value) => data(event_type, &value),
        Err(error) => syntax("data", &error).unwrap_or_else(unexplained),
    }
}

/// Why data could not be read from this value.
pub fn data(event_type: EventType, value: &Value) -> Refusal {
    let schema = DataSchema::of(event_type);
    let walk = Walk { schema, limits: None };
    walk.object("data", &schema.data, value).err().unwrap_or_else(unexplained)
}

/// The first text or list that is longer than allowed.
pub fn bounds(event_type: EventType, value: &Value, limits: &Limits) -> Result<(), Refusal> {
    let schema = DataSchema::of(event_type);
    Walk { schema, limits: Some(limits) }.value("data", &schema.data, value)
}

/// A name that is given twice is the one fault that a parsed value does not show.
fn unexplained() -> Refusal {
    Refusal::decode("invalid_field", "data is not as its schema says; name each field once, as the schema spells it")
}

/// The parser's words on what is no JSON at all, which are fixed texts.
fn syntax(what: &str, error: &serde_json::Error) -> Option<Refusal> {
    if error.classify() == Category::Data {
        return None;
    }
    let message = error.to_string();
    let cause = if message.starts_with("recursion limit") { "too_deep" } else { "malformed_json" };
    Some(Refusal::decode(cause, format!("{what} is not JSON that can be read: {message}")))
}

/// Looks for faults (`limits` is `None`) or for what is too long.
struct Walk<'a> {
    schema: &'static DataSchema,
    limits: Option<&'a Limits>,
}

impl Walk<'_> {
    fn value(&self, path: &str, schema: &Value, value: &Value) -> Result<(), Refusal> {
        let (inner, nullable) = without_null(schema);
        if nullable && value.is_null() {
            return Ok(());
        }
        let resolved = self.schema.resolve(inner);
        match (kind_of(resolved), value) {
            (Some("object"), _) => self.object(path, resolved, value),
            (Some("array"), Value::Array(items)) => self.list(path, resolved, items),
            (Some("array"), _) => self.fault(path, "a list"),
            (Some("boolean"), Value::Bool(_)) => Ok(()),
            (Some("boolean"), _) => self.fault(path, "true or false"),
            (Some("integer"), Value::Number(number)) if number.as_u64().is_some_and(|it| it <= u32::MAX.into()) => {
                Ok(())
            }
            (Some("integer"), _) => self.fault(path, "a whole number from 0 to 4294967295"),
            _ => self.text(path, resolved, value),
        }
    }

    fn object(&self, path: &str, schema: &Value, value: &Value) -> Result<(), Refusal> {
        let Value::Object(given) = value else { return self.fault(path, "an object") };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if self.limits.is_none() && !given.contains_key(name) {
                return Err(Refusal::decode(
                    "missing_field",
                    format!("{path}.{name} is missing; {} needs it", self.event()),
                ));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = given.get(name) {
                self.value(&format!("{path}.{name}"), property, value)?;
            }
        }
        Ok(())
    }

    fn list(&self, path: &str, schema: &Value, items: &[Value]) -> Result<(), Refusal> {
        if let Some(limits) = self.limits.filter(|limits| items.len() > limits.max_items) {
            let detail = format!("{path} has more than {} elements; send fewer", limits.max_items);
            return Err(Refusal::validate("too_many", detail));
        }
        let mut items = items.iter().enumerate();
        items.try_for_each(|(at, item)| self.value(&format!("{path}[{at}]"), &schema["items"], item))
    }

    fn text(&self, path: &str, schema: &Value, value: &Value) -> Result<(), Refusal> {
        if let Some(limits) = self.limits {
            return match value {
                Value::String(text) if text.len() > limits.max_text => {
                    let detail = format!("{path} is longer than {} bytes; send it shorter", limits.max_text);
                    Err(Refusal::validate("too_long", detail))
                }
                _ => Ok(()),
            };
        }
        let text = value.as_str();
        match schema["format"].as_str() {
            Some("date-time") if value.is_i64() || text.is_some_and(|it| Timestamp::parse(it).is_ok()) => return Ok(()),
            Some("date-time") => return self.fault(path, "a date and time such as 2026-03-02T09:30:00+01:00"),
            Some("date") if text.is_some_and(|it| it.parse::<NaiveDate>().is_ok()) => return Ok(()),
            Some("date") => return self.fault(path, "a day such as 2026-03-02"),
            _ => {}
        }
        if schema.get("pattern").is_some() {
            let number = value.is_number().then(|| value.to_string());
            let amount = text.or(number.as_deref()).is_some_and(|it| Amount::parse(it).is_ok());
            return if amount { Ok(()) } else { self.fault(path, "an amount such as \"129.90\"") };
        }
        let names = vocabulary(schema);
        match text {
            None => self.fault(path, "a text"),
            // a vocabulary that has this word takes any
            Some(text) if names.is_empty() || names.contains(&text) || names.contains(&"unknown") => Ok(()),
            Some(_) => self.fault(path, &format!("one of {}", names.join(", "))),
        }
    }

    fn fault(&self, path: &str, right: &str) -> Result<(), Refusal> {
        if self.limits.is_some() {
            return Ok(()); // not what is looked for
        }
        Err(Refusal::decode("invalid_field", format!("{path} is not as it must be: {right}")))
    }

    fn event(&self) -> &'static str {
        self.schema.name
    }
}
