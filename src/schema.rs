//! The published schemas of the events, made from the types that read them, so that neither can
//! say what the other does not.
//!
//! `schemas/json/` holds a JSON Schema of each whole CloudEvent, `schemas/avro/` an Avro schema
//! of each event in single-object encoding.

mod avro;

use std::path::Path;
use std::sync::LazyLock;
use std::{fs, io};

use include_dir::{Dir, include_dir};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::domain::event::EventType;

pub use avro::NAMESPACE;
pub(crate) use avro::{kind_of, vocabulary, without_null};

/// The schema of one event type's data, with the definitions that it refers to.
pub(crate) struct DataSchema {
    pub event_type: EventType,
    /// What `data` holds.
    pub data: Value,
    /// By name, what `#/$defs/<name>` means within `data` and within each other.
    pub definitions: Map<String, Value>,
}

impl DataSchema {
    /// The schema of that type's data, built once.
    pub fn of(event_type: EventType) -> &'static Self {
        static ALL: LazyLock<Vec<DataSchema>> =
            LazyLock::new(|| EventType::ALL.iter().map(|event_type| DataSchema::build(*event_type)).collect());
        // the list is in the order of EventType::ALL, which is the order of declaration
        &ALL[event_type as usize]
    }

    fn build(event_type: EventType) -> Self {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let data = event_type.data_schema(&mut generator).to_value();
        let mut definitions = generator.take_definitions(true);
        for definition in definitions.values_mut() {
            bound_identifiers(definition);
        }
        let mut schema = Self { event_type, data: Value::Null, definitions };
        // the data itself is no definition of its own: nothing else refers to it
        schema.data = match reference(&data) {
            Some(name) => schema.definitions.remove(name).unwrap_or(Value::Null),
            None => data,
        };
        schema
    }

    /// What a reference stands for, or the schema itself.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        reference(schema).and_then(|name| self.definitions.get(name)).unwrap_or(schema)
    }
}

/// The name of the definition that `schema` refers to.
pub(crate) fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

/// What an identifier may be is checked by hand when an event is read; the schema says the same.
fn bound_identifiers(definition: &mut Value) {
    const IDENTIFIERS: [&str; 6] = ["shop", "order_id", "shipment_id", "customer_id", "carrier", "tracking_number"];
    let Some(properties) = definition.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| IDENTIFIERS.contains(&name.as_str())) {
        property["minLength"] = json!(1);
        property["maxLength"] = json!(128);
    }
}

/// The JSON Schema of each event as a structured CloudEvent: the file's name and its text.
pub fn json_schemas() -> Vec<(String, String)> {
    let file = |event_type: &EventType| {
        let name = event_type.as_str();
        (format!("{name}.json"), text(&cloud_event(DataSchema::of(*event_type))))
    };
    EventType::ALL.iter().map(file).collect()
}

/// The Avro schema of each event: the file's name and its text.
pub fn avro_schemas() -> Vec<(String, String)> {
    let file = |event_type: &EventType| {
        let name = event_type.as_str();
        (format!("{name}.avsc"), text(&avro::record(DataSchema::of(*event_type))))
    };
    EventType::ALL.iter().map(file).collect()
}

/// The Avro schema of that event, as text.
pub(crate) fn avro_schema(event_type: EventType) -> String {
    avro::record(DataSchema::of(event_type)).to_string()
}

/// What `schemas/avro` holds: today's schemas, and beside them earlier ones that records may still
/// be written with. To change a type, copy its schema to another name first.
pub(crate) fn kept_avro_schemas() -> impl Iterator<Item = &'static str> {
    static KEPT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/avro");
    KEPT.files().filter_map(|file| file.contents_utf8())
}

fn cloud_event(schema: &DataSchema) -> Value {
    let name = schema.event_type.as_str();
    let mut definitions = schema.definitions.clone();
    definitions.insert("Data".to_owned(), schema.data.clone());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": format!("A CloudEvent 1.0 of the type {name}."),
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": {
                "description": "With the source it tells a repetition.",
                "type": "string", "minLength": 1, "maxLength": 256,
            },
            "source": {
                "description": "Who publishes, such as `/shops/maison-aubert/orders`.",
                "type": "string", "minLength": 1, "maxLength": 256,
            },
            "type": { "const": name },
            "time": {
                "description": "When it happened. Without a zone it is read in the shop's, and counted.",
                "type": "string", "format": "date-time",
            },
            "datacontenttype": { "description": "JSON, which is also what is assumed.", "type": "string" },
            "traceparent": { "description": "W3C trace context, handed on to the providers.", "type": "string" },
            "data": { "$ref": "#/$defs/Data" },
        },
        "$defs": definitions,
    })
}

/// Pretty-printed, with the keys in the order in which a person reads a schema.
fn text(schema: &Value) -> String {
    let mut text = String::new();
    print(schema, 0, &mut text);
    text.push('\n');
    text
}

fn print(value: &Value, depth: usize, text: &mut String) {
    const FIRST: [&str; 8] = ["$schema", "title", "name", "namespace", "type", "doc", "description", "required"];
    let rank = |key: &str| match FIRST.iter().position(|first| *first == key) {
        _ if key == "$defs" => FIRST.len() + 1,
        place => place.unwrap_or(FIRST.len()),
    };
    let indent = |depth: usize| format!("\n{}", "  ".repeat(depth));
    let nested = |it: &Value| it.as_array().is_some_and(|it| !it.is_empty()) || it.is_object();
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| rank(key));
            text.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                text.push_str(&indent(depth + 1));
                text.push_str(&format!("{}: ", json!(key)));
                print(value, depth + 1, text);
            }
            text.push_str(&indent(depth));
            text.push('}');
        }
        Value::Array(items) if items.iter().any(nested) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                text.push_str(&indent(depth + 1));
                print(item, depth + 1, text);
            }
            text.push_str(&indent(depth));
            text.push(']');
        }
        // names and numbers fit on one line
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            text.push_str(&format!("[{}]", items.join(", ")));
        }
        _ => text.push_str(&value.to_string()),
    }
}

/// Every generated file by its path below `schemas/`.
fn files() -> impl Iterator<Item = (String, String)> {
    let below = |folder: &'static str| move |(name, text)| (format!("{folder}/{name}"), text);
    json_schemas().into_iter().map(below("json")).chain(avro_schemas().into_iter().map(below("avro")))
}

/// Writes the generated schemas below `dir`, which is `schemas/` of the repository.
///
/// # Errors
/// Those of the file system.
pub fn write(dir: &Path) -> io::Result<()> {
    for (path, text) in files() {
        let path = dir.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

/// The generated files below `dir` that are missing or not as they would be written now.
pub fn stale(dir: &Path) -> Vec<String> {
    let fresh = |path: &str, text: &str| fs::read_to_string(dir.join(path)).is_ok_and(|found| found == text);
    files().filter(|(path, text)| !fresh(path, text)).map(|(path, _)| path).collect()
}
