//! Types, JSON Schemas, Avro schemas and examples say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reassure::domain::event::EventType;
use reassure::domain::time::Timestamp;
use reassure::envelope::{encode, encode_avro};
use reassure::schema;
use serde_json::Value;

use super::{example, example_text, read, record};

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn json_schema(event_type: EventType) -> Value {
    serde_json::from_str(&file(&format!("schemas/json/{}.json", event_type.as_str()))).unwrap()
}

fn avro_schema(event_type: EventType) -> Value {
    serde_json::from_str(&file(&format!("schemas/avro/{}.avsc", event_type.as_str()))).unwrap()
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let stale = schema::stale(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas"));
    assert!(stale.is_empty(), "write them anew: {stale:?}");
}

#[test]
fn every_example_is_valid() {
    for event_type in EventType::ALL {
        let validator = jsonschema::options().should_validate_formats(true).build(&json_schema(*event_type)).unwrap();
        let faults: Vec<String> = validator.iter_errors(&example(*event_type)).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", event_type.as_str());
    }
}

#[test]
fn an_example_of_another_type_is_not_valid() {
    let validator = jsonschema::validator_for(&json_schema(EventType::OrderPlaced)).unwrap();
    assert!(!validator.is_valid(&example(EventType::ParcelTracked)));
}

/// What the reader assumes for what is left out is no difference, nor is how a moment is written.
fn same(given: &Value, written: &Value) -> bool {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            let defaults = |value: &Value| {
                *value == Value::Bool(false) || *value == "0.00" || *value == "" || *value == "home" || *value == "all"
            };
            given.iter().all(|(name, value)| written.get(name).is_some_and(|it| same(value, it)))
                && written.iter().all(|(name, value)| given.contains_key(name) || defaults(value))
        }
        (Value::Array(given), Value::Array(written)) => {
            given.len() == written.len() && given.iter().zip(written).all(|(given, written)| same(given, written))
        }
        (Value::String(given), Value::String(written)) if given != written => {
            let moment = |text: &str| text.contains('T').then(|| Timestamp::parse(text).ok()).flatten();
            moment(given).is_some() && moment(given) == moment(written)
        }
        (given, written) => given == written,
    }
}

#[test]
fn nothing_of_an_example_is_dropped() {
    for event_type in EventType::ALL {
        let event = read(&record(example_text(*event_type), &[])).unwrap().event;
        let written: Value = serde_json::from_slice(&encode(&event)).unwrap();
        assert!(same(&example(*event_type), &written), "{}: {written:#}", event_type.as_str());
        assert_eq!(event.body.event_type(), *event_type);
    }
}

#[test]
fn json_and_avro_carry_the_same_event() {
    for event_type in EventType::ALL {
        let mut event = read(&record(example_text(*event_type), &[])).unwrap().event;
        assert_eq!(read(&record(encode(&event), &[])).unwrap().event, event);

        let headers = event.traceparent.clone().map(|it| ("traceparent", it));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, it)| (*name, it.as_str())).collect();
        let decoded = read(&record(encode_avro(&event), &headers)).unwrap();
        assert_eq!(decoded.event, event, "{}", event_type.as_str());
        assert_eq!(decoded.zoneless, 0);
        assert_eq!(decoded.event.key(), event.key());

        event.id.push('x');
        assert_ne!(decoded.event.key(), event.key());
    }
}

#[test]
fn source_and_id_do_not_run_together() {
    let mut one = read(&record(example_text(EventType::OrderConfirmed), &[])).unwrap().event;
    let mut other = one.clone();
    (one.source, one.id) = ("ab".to_owned(), "c".to_owned());
    (other.source, other.id) = ("a".to_owned(), "bc".to_owned());
    assert_ne!(one.key(), other.key());
}

#[test]
fn the_binary_mode_carries_the_same_event() {
    for event_type in EventType::ALL {
        let example = example(*event_type);
        let attribute = |name: &str| example[name].as_str().unwrap_or_default().to_owned();
        let headers =
            ["specversion", "id", "source", "type", "time"].map(|name| (format!("ce_{name}"), attribute(name)));
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.push(("Content-Type", "application/json; charset=utf-8"));
        if let Some(traceparent) = example["traceparent"].as_str() {
            headers.push(("ce_traceparent", traceparent));
        }
        let structured = read(&record(example_text(*event_type), &[])).unwrap();
        let binary = read(&record(example["data"].to_string(), &headers)).unwrap();
        assert_eq!(binary, structured);
    }
}

/// Every field by its path, and whether it must be there; `[]` stands for the elements of a list.
type Fields = BTreeMap<String, bool>;

fn json_fields(schema: &Value, definitions: &Value, path: &str, fields: &mut Fields) {
    let branch = schema["anyOf"].as_array().and_then(|branches| branches.iter().find(|it| it["type"] != "null"));
    let schema = branch.unwrap_or(schema);
    let named = schema["$ref"].as_str().map(|name| &definitions[name.trim_start_matches("#/$defs/")]);
    let schema = named.unwrap_or(schema);
    if schema["items"].is_object() {
        json_fields(&schema["items"], definitions, &format!("{path}[]"), fields);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name));
        json_fields(property, definitions, &path, fields);
        fields.insert(path, required);
    }
}

fn avro_fields<'a>(schema: &'a Value, named: &mut BTreeMap<String, &'a Value>, path: &str, fields: &mut Fields) {
    let schema = match schema {
        Value::Array(branches) => branches.iter().find(|it| **it != "null").unwrap(),
        schema => schema,
    };
    let schema = match schema.as_str().and_then(|name| named.get(name)) {
        Some(schema) => schema,
        None => schema,
    };
    if schema["type"] == "array" {
        avro_fields(&schema["items"], named, &format!("{path}[]"), fields);
    }
    if schema["type"] == "record" {
        named.insert(schema["name"].as_str().unwrap().to_owned(), schema);
        for field in schema["fields"].as_array().unwrap() {
            let path = format!("{path}.{}", field["name"].as_str().unwrap());
            avro_fields(&field["type"], named, &path, fields);
            fields.insert(path, field.get("default").is_none());
        }
    }
}

/// The paths that a value of JSON has.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                paths(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[test]
fn both_schemas_have_the_same_fields_and_the_examples_use_each() {
    let (mut all, mut used) = (BTreeSet::new(), BTreeSet::new());
    for event_type in EventType::ALL {
        let schema = json_schema(*event_type);
        let mut json = Fields::new();
        json_fields(&schema["$defs"]["Data"], &schema["$defs"], "data", &mut json);

        let schema = avro_schema(*event_type);
        let fields = schema["fields"].as_array().unwrap();
        let data = fields.iter().find(|field| field["name"] == "data").unwrap();
        let mut avro = Fields::new();
        avro_fields(&data["type"], &mut BTreeMap::new(), "data", &mut avro);
        assert_eq!(json, avro, "{}", event_type.as_str());
        assert!(json.contains_key("data.shop"));

        // what the type writes, the schemas have
        let event = read(&record(example_text(*event_type), &[])).unwrap().event;
        let mut written = BTreeSet::new();
        paths(&serde_json::to_value(&event.body).unwrap(), "data", &mut written);
        let unknown: Vec<_> = written.iter().filter(|path| !json.contains_key(*path)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", event_type.as_str());

        // the field's own name and what is directly around it, wherever it stands
        let short = |path: &String| path.rsplit('.').take(2).collect::<Vec<_>>().join(" of ").replace("[]", "");
        all.extend(json.keys().map(short));
        let mut example_paths = BTreeSet::new();
        paths(&example(*event_type)["data"], "data", &mut example_paths);
        used.extend(example_paths.iter().map(short));
    }
    let unused: Vec<_> = all.difference(&used).collect();
    assert!(unused.is_empty(), "no example shows {unused:?}");
}

#[test]
fn every_avro_schema_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/avro");
    let files = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in files(&folder).filter(|path| path.is_file()).chain(files(&folder.join("outcomes"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        apache_avro::Schema::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn a_status_of_tomorrow_is_kept() {
    let text = example_text(EventType::ParcelTracked).replace("held_at_pickup", "teleported");
    let event = read(&record(text, &[])).unwrap().event;
    assert!(String::from_utf8(encode(&event)).unwrap().contains("\"status\":\"unknown\""));
}
