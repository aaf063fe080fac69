//! The published schemas of the events, made from the types that read them, so that neither can
//! say what the other does not; and those of what is told of our work, from what writes them.
//!
//! `schemas/json/` holds a JSON Schema of each whole CloudEvent, `schemas/avro/` an Avro schema
//! of each event in single-object encoding, `schemas/asyncapi.json` all topics with what is on them, `schemas/editor/`
//! what an editor needs for rules and their tests, `schemas/metrics.md` what `/metrics` shows.

mod asyncapi;
mod avro;
mod editor;

use std::path::Path;
use std::sync::LazyLock;
use std::{fs, io};

use include_dir::{Dir, include_dir};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::domain::event::EventType;
use crate::outcome::ReportType;
use crate::telemetry;

pub(crate) use avro::{kind_of, vocabulary, without_null};

/// The schema of the data of one type, with the definitions that it refers to.
pub(crate) struct DataSchema {
    /// The CloudEvents `type`.
    pub name: &'static str,
    /// The same as the name of an Avro record.
    pub record: String,
    /// What `data` holds.
    pub data: Value,
    /// By name, what `#/$defs/<name>` means within `data` and within each other.
    pub definitions: Map<String, Value>,
}

impl DataSchema {
    /// The schema of that type's data, built once.
    pub fn of(event_type: EventType) -> &'static Self {
        static ALL: LazyLock<Vec<DataSchema>> = LazyLock::new(|| {
            let build = |it: &EventType| {
                DataSchema::build(it.as_str(), format!("{it:?}"), |generator| it.data_schema(generator))
            };
            EventType::ALL.iter().map(build).collect()
        });
        // the list is in the order of EventType::ALL, which is the order of declaration
        &ALL[event_type as usize]
    }

    /// The schema of what is told of that type, built once.
    pub fn of_report(report_type: ReportType) -> &'static Self {
        static ALL: LazyLock<Vec<DataSchema>> = LazyLock::new(|| {
            let build = |it: ReportType| {
                DataSchema::build(it.as_str(), format!("{it:?}"), |generator| it.data_schema(generator))
            };
            ReportType::ALL.map(build).into()
        });
        &ALL[report_type as usize]
    }

    fn build(name: &'static str, record: String, data: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Self {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        let data = data(&mut generator).to_value();
        let mut definitions = generator.take_definitions(true);
        for definition in definitions.values_mut() {
            bound_identifiers(definition);
        }
        let mut schema = Self { name, record, data: Value::Null, definitions };
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

/// The Avro schema of that event, as text.
pub(crate) fn avro_schema(event_type: EventType) -> String {
    avro::record(DataSchema::of(event_type)).to_string()
}

/// The Avro schema of what is told of that type, as text.
pub(crate) fn avro_schema_of_report(report_type: ReportType) -> String {
    avro::record(DataSchema::of_report(report_type)).to_string()
}

/// What `schemas/avro` holds: today's schemas, and beside them earlier ones that records may still
/// be written with. To change a type, copy its schema to another name first.
pub(crate) fn kept_avro_schemas() -> impl Iterator<Item = &'static str> {
    static KEPT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/avro");
    KEPT.files().filter_map(|file| file.contents_utf8())
}

/// What is told of our work names its order where any reader of CloudEvents finds it.
fn report(schema: &DataSchema) -> Value {
    let mut whole = cloud_event(schema);
    let attributes = &mut whole["properties"];
    attributes["subject"] = json!({ "description": "The order that it is about.", "type": "string" });
    attributes["source"]["description"] = json!("The deployment, as its configuration names it (`outgoing.source`).");
    attributes["time"]["description"] = json!("When it was decided or attempted.");
    attributes["traceparent"]["description"] = json!("That of the event which it follows from.");
    whole
}

fn cloud_event(schema: &DataSchema) -> Value {
    let name = schema.name;
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
    let events = EventType::ALL.iter().map(|event_type| DataSchema::of(*event_type));
    let events = events.flat_map(|schema| of_each("", schema, &cloud_event(schema)));
    let reports = ReportType::ALL.into_iter().map(DataSchema::of_report);
    let reports = reports.flat_map(|schema| of_each("outcomes/", schema, &report(schema)));
    let documents = [
        ("asyncapi.json".to_owned(), text(&asyncapi::document())),
        ("editor/rules.json".to_owned(), text(&editor::rules())),
        ("editor/tests.json".to_owned(), text(&editor::tests())),
        ("metrics.md".to_owned(), telemetry::page()),
        ("logs.md".to_owned(), telemetry::log::page()),
    ];
    events.chain(reports).chain(documents)
}

/// The files of one type, in `folder` below those of the formats.
fn of_each(folder: &str, schema: &DataSchema, json: &Value) -> [(String, String); 2] {
    let name = schema.name;
    [
        (format!("json/{folder}{name}.json"), text(json)),
        (format!("avro/{folder}{name}.avsc"), text(&avro::record(schema))),
    ]
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
