//! What a foreign writer's schema gave, as a schema of ours wants it, by the rules of Avro's
//! schema resolution: fields are found by their name or by an alias that ours gives them, those
//! that ours does not have are left out, those that the writer does not have take our default, and
//! numbers widen (`int` to `long`, any to `double`). Beyond these rules a logical type stands for
//! what it means, because nothing is lost: a moment in micro- or nanoseconds is a moment, and a
//! day, a decimal, a UUID or the symbol of an enum is its text.
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

#[cfg(test)]
mod tests {
    use apache_avro::schema::ResolvedSchema;
    use serde_json::json;

    use super::*;

    /// What a reader whose one field is of `kind` makes of a record.
    fn read(field: &Value, given: Value) -> Result<Value, Refusal> {
        let schema = json!({ "type": "record", "name": "R", "fields": [field] });
        let schema = Schema::parse_str(&schema.to_string()).unwrap();
        let resolved = ResolvedSchema::try_from(&schema).unwrap();
        conform(given, &schema, resolved.get_names())
    }

    #[test]
    fn the_reader_s_names_aliases_and_defaults_count() {
        let field = json!({ "name": "order_id", "aliases": ["orderId"], "type": "string" });
        assert_eq!(read(&field, json!({ "orderId": "A", "more": 1 })).unwrap(), json!({ "order_id": "A" }));
        // the name itself comes first
        assert_eq!(read(&field, json!({ "orderId": "A", "order_id": "B" })).unwrap(), json!({ "order_id": "B" }));
        assert!(read(&field, json!({ "order": "A" })).unwrap_err().detail.starts_with("order_id is not there"));
        let field = json!({ "name": "note", "type": "string", "default": "" });
        assert_eq!(read(&field, json!({})).unwrap(), json!({}));
    }

    #[test]
    fn numbers_widen_and_nothing_else_changes_its_type() {
        let moment = json!({ "type": "long", "logicalType": "timestamp-millis" });
        for (kind, fits, does_not) in [
            (json!("long"), vec![json!(1)], vec![json!(1.5), json!("1"), json!(null)]),
            (json!("double"), vec![json!(1), json!(1.5)], vec![json!("1"), json!(true)]),
            (json!("boolean"), vec![json!(true)], vec![json!(1)]),
            (json!("string"), vec![json!("a")], vec![json!(1), json!({}), json!([])]),
            (json!(["null", "string"]), vec![json!("a"), json!(null)], vec![json!(1)]),
            (moment, vec![json!(1), json!("2026-03-05T08:00:00.123456Z")], vec![json!("soon"), json!(1.5)]),
            (json!({ "type": "array", "items": "long" }), vec![json!([]), json!([1])], vec![json!([1, "2"]), json!(1)]),
        ] {
            let field = json!({ "name": "it", "type": kind });
            for given in fits {
                assert_eq!(read(&field, json!({ "it": given })).unwrap(), json!({ "it": given }), "{kind}");
            }
            for given in does_not {
                let refusal = read(&field, json!({ "it": given })).expect_err("it fits");
                assert_eq!(refusal.cause, "incompatible_schema", "{kind}: {given}");
            }
        }
    }
}
