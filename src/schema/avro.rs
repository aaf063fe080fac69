//! The Avro schema of an event, from the JSON Schema of its data.
//!
//! Names and nesting are those of the JSON. What JSON may leave out has a default: `null` for what
//! is optional, otherwise what the reader would assume. Moments are `timestamp-millis`. Amounts
//! and days stay strings as in JSON, and so do names from a fixed vocabulary: an Avro enum would
//! make a reader fail on a status that it does not know yet, where a string is kept and counted.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{DataSchema, reference};

/// The namespace of every record.
const NAMESPACE: &str = "reassure.v1";

/// The record of an event: its CloudEvents attributes and its data.
pub fn record(schema: &DataSchema) -> Value {
    let DataSchema { name, record, .. } = schema;
    let mut writer = Writer { schema, named: BTreeSet::new() };
    let data = writer.object(&format!("{record}Data"), &schema.data);
    json!({
        "type": "record",
        "name": record,
        "namespace": NAMESPACE,
        "doc": format!("The event {name}."),
        "fields": [
            { "name": "id", "type": "string", "doc": "With the source it tells a repetition." },
            { "name": "source", "type": "string", "doc": "Who publishes." },
            { "name": "time", "type": moment(), "doc": "When it happened." },
            { "name": "data", "type": data },
        ],
    })
}

struct Writer<'a> {
    schema: &'a DataSchema,
    /// Records that have been spelled out; from then on their name is enough.
    named: BTreeSet<String>,
}

fn moment() -> Value {
    json!({ "type": "long", "logicalType": "timestamp-millis" })
}

impl Writer<'_> {
    fn object(&mut self, name: &str, object: &Value) -> Value {
        if !self.named.insert(name.to_owned()) {
            return json!(name);
        }
        let required = object["required"].as_array();
        let is_required = |field: &str| required.is_some_and(|names| names.iter().any(|name| name == field));
        let properties = object["properties"].as_object().into_iter().flatten();
        let fields: Vec<Value> =
            properties.map(|(name, property)| self.field(name, property, is_required(name))).collect();
        let mut record = json!({ "type": "record", "name": name, "fields": fields });
        if let Some(doc) = object.get("description") {
            record["doc"] = doc.clone();
        }
        record
    }

    fn field(&mut self, name: &str, property: &Value, required: bool) -> Value {
        let (inner, nullable) = without_null(property);
        let kind = self.kind(inner);
        let default = if required || nullable { None } else { self.default(inner) };
        let mut field = match default {
            _ if required && !nullable => json!({ "name": name, "type": kind }),
            Some(default) => json!({ "name": name, "type": kind, "default": default }),
            None => json!({ "name": name, "type": ["null", kind], "default": null }),
        };
        if let Some(doc) = self.doc(property, inner) {
            field["doc"] = json!(doc);
        }
        field
    }

    fn kind(&mut self, property: &Value) -> Value {
        let resolved = self.schema.resolve(property);
        match kind_of(resolved) {
            Some("object") => self.object(reference(property).unwrap_or("Unnamed"), resolved),
            Some("array") => {
                let items = self.kind(&resolved["items"]);
                json!({ "type": "array", "items": items })
            }
            Some("boolean") => json!("boolean"),
            Some("integer") => json!("long"),
            Some("number") => json!("double"),
            _ if resolved["format"] == "date-time" => moment(),
            _ => json!("string"),
        }
    }

    /// What the reader assumes where the field is left out. A list without a default is empty.
    fn default(&self, property: &Value) -> Option<Value> {
        let resolved = self.schema.resolve(property);
        match property.get("default") {
            Some(given) if resolved["type"] == "object" => self.whole(resolved, given),
            Some(given) => Some(given.clone()),
            None if resolved["type"] == "array" => Some(json!([])),
            None => None,
        }
    }

    /// Avro wants every field of a default record spelled out.
    fn whole(&self, object: &Value, given: &Value) -> Option<Value> {
        let mut whole = Map::new();
        for (name, property) in object["properties"].as_object()? {
            let value = match given.get(name) {
                Some(value) => value.clone(),
                None if without_null(property).1 => Value::Null,
                None => self.default(property)?,
            };
            whole.insert(name.clone(), value);
        }
        Some(Value::Object(whole))
    }

    /// The field's own words, else those of its type, and the vocabulary if it is fixed.
    fn doc(&self, property: &Value, inner: &Value) -> Option<String> {
        let resolved = self.schema.resolve(inner);
        let words = property.get("description").or_else(|| resolved.get("description")).and_then(Value::as_str);
        let names = vocabulary(resolved);
        let names = (!names.is_empty()).then(|| format!("One of {}.", names.join(", ")));
        let parts: Vec<&str> = words.into_iter().chain(names.as_deref()).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// The schema beside `null`, and whether `null` is allowed.
pub fn without_null(property: &Value) -> (&Value, bool) {
    let is_null = |branch: &Value| branch["type"] == "null";
    match property.get("anyOf").and_then(Value::as_array) {
        Some(branches) if branches.iter().any(is_null) => {
            (branches.iter().find(|branch| !is_null(branch)).unwrap_or(property), true)
        }
        _ => (property, property["type"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "null"))),
    }
}

/// The type that a schema names, beside `null`.
pub fn kind_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

/// The names that a schema allows, if it lists them.
pub fn vocabulary(schema: &Value) -> Vec<&str> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let single = schema.get("const").and_then(Value::as_str);
    let branches = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().flat_map(vocabulary);
    listed.chain(single).chain(branches).collect()
}
