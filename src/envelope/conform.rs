//! What a foreign writer's schema gave, as a schema of ours wants it, by the rules of Avro's
//! schema resolution: fields are found by their name or by an alias that ours gives them, those
//! that ours does not have are left out, those that the writer does not have take our default, and
//! numbers widen (`int` to `long`, any to `double`). Two liberties are taken because nothing is
//! lost: moments in micro- or nanoseconds are moments, and the symbol of an enum is its text.
//!
//! What does not fit is named by our own fields and types, which say nothing of the record (I9).

use apache_avro::Schema;
use apache_avro::schema::{NamesRef, RecordField};
use serde_json::{Map, Value};

use super::Refusal;
use crate::domain::time::{Timestamp, reading_in};

/// A record as a schema of ours wants it.
pub fn conform(given: Value, reader: &Schema, names: &NamesRef<'_>) -> Result<Value, Refusal> {
    Conform { names }.value(given, reader, "")
}

/// The same for an event's data alone.
pub fn conform_data(given: Value, event: &Schema, names: &NamesRef<'_>) -> Result<Value, Refusal> {
    let data = match event {
        Schema::Record(record) => record.fields.iter().find(|field| field.name == "data").map(|field| &field.schema),
        _ => None,
    };
    Conform { names }.value(given, data.unwrap_or(event), "data")
}

struct Conform<'a> {
    names: &'a NamesRef<'a>,
}

impl Conform<'_> {
    fn value(&self, given: Value, reader: &Schema, path: &str) -> Result<Value, Refusal> {
        match (reader, given) {
            (Schema::Ref { name }, given) => match self.names.get(name) {
                Some(named) => self.value(given, named, path),
                None => Err(misfit(path, "what it is")),
            },
            (Schema::Union(union), given) => {
                // ours are `null` and one more
                let other = union.variants().iter().find(|it| !matches!(it, Schema::Null)).unwrap_or(&Schema::Null);
                if given.is_null() { Ok(given) } else { self.value(given, other, path) }
            }
            (Schema::Record(record), Value::Object(fields)) => self.record(fields, &record.fields, path),
            (Schema::Array(array), Value::Array(items)) => {
                let mut items = items.into_iter().enumerate();
                items
                    .try_fold(Vec::new(), |mut all, (at, item)| {
                        all.push(self.value(item, &array.items, &format!("{path}[{at}]"))?);
                        Ok(all)
                    })
                    .map(Value::Array)
            }
            (Schema::TimestampMillis, given) if given.is_i64() || is_moment(&given) => Ok(given),
            (Schema::Long, given) if given.is_i64() => Ok(given),
            (Schema::Double, given) if given.is_number() => Ok(given),
            (Schema::Boolean, given) if given.is_boolean() => Ok(given),
            (Schema::String, given) if given.is_string() => Ok(given),
            _ => Err(misfit(path, name_of(reader))),
        }
    }

    fn record(&self, mut given: Map<String, Value>, fields: &[RecordField], path: &str) -> Result<Value, Refusal> {
        let mut fitted = Map::new();
        for field in fields {
            let path = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
            let mut names = std::iter::once(&field.name).chain(&field.aliases);
            match names.find_map(|name| given.remove(name)) {
                Some(value) => {
                    fitted.insert(field.name.clone(), self.value(value, &field.schema, &path)?);
                }
                // the type that reads it assumes the same
                None if field.default.is_some() => {}
                None => return Err(misfit(&path, name_of(&field.schema))),
            }
        }
        Ok(Value::Object(fitted))
    }
}

fn is_moment(given: &Value) -> bool {
    // the zone is found when the event is read
    given.as_str().is_some_and(|text| reading_in(chrono_tz::Tz::UTC, || Timestamp::parse(text)).0.is_ok())
}

fn misfit(path: &str, wanted: &str) -> Refusal {
    let field = if path.is_empty() { "the record" } else { path };
    let right = "change the writer's schema to be compatible with schemas/avro";
    let detail = format!("{field} is not there, or not {wanted}, by the schema it was written with; {right}");
    Refusal::decode("incompatible_schema", detail)
}

fn name_of(schema: &Schema) -> &'static str {
    match schema {
        Schema::String => "a string",
        Schema::Long => "a whole number",
        Schema::Double => "a number",
        Schema::Boolean => "a boolean",
        Schema::TimestampMillis => "a moment",
        Schema::Array(_) => "an array",
        _ => "a record",
    }
}
