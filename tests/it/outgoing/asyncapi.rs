//! The AsyncAPI document: valid by AsyncAPI's own schema, and every schema that it names exists.

use std::collections::BTreeSet;
use std::path::Path;

use reassure::domain::event::EventType;
use reassure::outcome::ReportType;
use serde_json::Value;

fn schemas() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(schemas().join("asyncapi.json")).unwrap()).unwrap()
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_valid() {
    let Some(file) = crate::stack::asyncapi() else { return };
    let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults = |document: &Value| -> Vec<String> {
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
    };
    assert_eq!(faults(&document()), Vec::<String>::new());
    let mut broken = document();
    broken["operations"]["bury"]["action"] = "publish".into();
    assert_ne!(faults(&broken), Vec::<String>::new(), "the word of the version before");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in found {
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let target = if file.is_empty() {
            document.clone()
        } else {
            let text = std::fs::read_to_string(schemas().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            serde_json::from_str(&text).unwrap()
        };
        assert!(target.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_type_is_on_a_channel_in_each_of_its_forms() {
    let document = document();
    let channels = document["channels"].as_object().unwrap().values();
    let on: BTreeSet<&String> = channels.flat_map(|channel| channel["messages"].as_object().unwrap().keys()).collect();
    let components = document["components"]["messages"].as_object().unwrap();
    assert_eq!(on, components.keys().collect());
    let events = EventType::ALL.iter().flat_map(|it| {
        ["", ".binary", ".avro", ".confluent", ".debezium"].map(|form| format!("{}{form}", it.as_str()))
    });
    let told = ReportType::ALL.iter().flat_map(|it| ["", ".avro"].map(|form| format!("{}{form}", it.as_str())));
    for name in events.chain(told) {
        assert!(on.contains(&name), "{name} is on no channel");
    }
}
