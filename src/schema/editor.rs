//! Schemas for editors: what may be written in files of rules and of their tests, with a word on
//! every key. Made from the tables of keys by which these files are read.

use serde_json::{Map, Value, json};

use super::DataSchema;
use crate::domain::decision::Reason;
use crate::domain::event::{EventType, ParcelStatus};
use crate::domain::order::{Channel, Concern};
use crate::domain::party::Party;
use crate::domain::rule::ESCALATION_KEYS;
use crate::domain::rule::keys::{KEYS, NEEDED, OFF_KEYS};
use crate::trial::keys::{self, Key};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// `90s`, `36h`, `1d 12h`
const SPAN: &str = r"^\s*(\d+\s*(s|seconds?|m|min|minutes?|h|hours?|d|days?)\s*)+$";

/// `+1d 12h`, `day 2 09:00` or a date and time.
const MOMENT: &str = r"^\s*([+-]\s*0|0|[+-](\s*\d+\s*(s|seconds?|m|min|minutes?|h|hours?|d|days?))+|day -?\d+ \d{1,2}:\d{2}|\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}.*)\s*$";

/// The schema of a file of rules.
pub fn rules() -> Value {
    let rule = object(KEYS, of_rule, &NEEDED);
    let off = object(OFF_KEYS, of_rule, &["rule", "off"]);
    json!({
        "$schema": DRAFT,
        "title": "Rules",
        "description": "Which message goes out on what, and when.",
        "type": "array",
        "items": { "if": { "required": ["off"] }, "then": off, "else": rule },
    })
}

fn of_rule(key: &str) -> Value {
    match key {
        "rule" => json!({ "type": "string", "pattern": "^[a-z0-9_]{1,64}$" }),
        "says" | "message" | "when" | "valid_while" => json!({ "type": "string", "minLength": 1 }),
        "on" => {
            let scans = json!({
                "type": "object",
                "additionalProperties": false,
                "properties": { "parcel.tracked": one_or_more(&words(statuses())) },
            });
            one_or_more(&json!({ "anyOf": [words(events()), scans] }))
        }
        "at" => one_or_more(
            &json!({ "type": "string", "examples": ["4h after promise", "2 working days after promise", "1 open day before hold_until", "silence after last_scan"] }),
        ),
        "to" => words(Party::ALL.map(Party::as_str)),
        "channels" | "otherwise" => one_or_more(&words(channels())),
        "escalate" => object(ESCALATION_KEYS, of_escalation, &["to"]),
        "once_per" => words(["order", "shipment", "parcel", "event"]),
        "again_after" | "only_if_told" | "supersedes" => one_or_more(&json!({ "type": "string" })),
        "not_within" => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "patternProperties": { SPAN: one_or_more(&json!({ "type": "string" })) },
        }),
        "quiet_hours" => words(["ignore"]),
        "off" => json!({ "const": true }),
        "purpose" => words(["service", "marketing"]),
        "unless_carrier_told" | "beyond_budget" => json!({ "type": "boolean" }),
        "expires" | "fold" => json!({ "type": "string", "pattern": SPAN }),
        "priority" => json!({ "type": "integer", "minimum": 0, "maximum": 255 }),
        _ => json!({}),
    }
}

fn of_escalation(key: &str) -> Value {
    match key {
        "to" => words(["email", "sms"]),
        "after" => json!({ "type": "string", "pattern": SPAN }),
        "at" => json!({ "type": "string", "examples": ["1 open day before hold_until"] }),
        "unless" => words(["delivered"]),
        _ => json!({ "type": "array", "items": words(Concern::ALL.map(Concern::as_str)) }),
    }
}

/// The schema of a file of tests.
pub fn tests() -> Value {
    let placed = DataSchema::of(EventType::OrderPlaced);
    let mut definitions = Map::new();
    for event_type in EventType::ALL {
        definitions.extend(DataSchema::of(*event_type).definitions.clone());
    }
    definitions.values_mut().for_each(loosen);
    let mut given = object(keys::GIVEN, of_given, &[]);
    add_canonical(&mut given, &placed.data);
    let decision = |needed: &[&str]| object(keys::EXPECTED, of_expected, needed);
    definitions.extend([
        ("Given".to_owned(), given),
        ("Happening".to_owned(), happening()),
        ("Decision".to_owned(), decision(&["at", "rule"])),
        ("PartOfDecision".to_owned(), decision(&[])),
        ("Content".to_owned(), object(keys::CONTENT, of_content, &["rule", "channel"])),
        ("Test".to_owned(), object(keys::TEST, of_test, &["test"])),
    ]);
    let mut file = object(keys::FILE, of_test, &["rules", "tests"]);
    file["$schema"] = json!(DRAFT);
    file["title"] = json!("Tests of rules");
    file["description"] = json!("Journeys that rules are tried on, and the decisions that follow.");
    file["$defs"] = Value::Object(definitions);
    file
}

/// The values of a file's and of a test's keys.
fn of_test(key: &str) -> Value {
    match key {
        "rules" => one_or_more(&json!({ "type": "string" })),
        "test" | "zone" => json!({ "type": "string", "minLength": 1 }),
        "starts" => json!({ "type": "string", "examples": ["2026-03-02 09:00"] }),
        "shop" => json!({ "type": ["object", "string"] }),
        "given" => json!({ "$ref": "#/$defs/Given" }),
        "tests" => list("Test"),
        "told_elsewhere" => {
            let by_whom = object(keys::ELSEWHERE, |_| one_or_more(&moment()), &[]);
            json!({ "anyOf": [moment(), { "type": "array", "items": moment() }, by_whom] })
        }
        "events" => list("Happening"),
        "until" => moment(),
        "of" => words(["all"]),
        "expect" => list("Decision"),
        "expect_partly" => list("PartOfDecision"),
        "content" => list("Content"),
        _ => json!({}),
    }
}

fn of_given(key: &str) -> Value {
    match key {
        "method" => words(["home", "pickup_point", "store"]),
        "express" => json!({ "type": ["boolean", "null"] }),
        "total" => json!({ "type": ["string", "number"] }),
        "promise" => json!({ "anyOf": [moment(), { "type": ["object", "null"] }] }),
        _ => json!({ "type": ["string", "null"] }),
    }
}

fn of_expected(key: &str) -> Value {
    match key {
        "at" | "defer" => moment(),
        "send" | "withdraw" => one_or_more(&words(channels())),
        "because" | "suppress" => words(reasons()),
        "skipped" => json!({
            "type": "object",
            "propertyNames": words(channels()),
            "additionalProperties": words(reasons()),
        }),
        _ => json!({ "type": ["string", "number"] }),
    }
}

fn of_content(key: &str) -> Value {
    match key {
        "channel" => words(channels()),
        "at" => moment(),
        "contains" | "lacks" => one_or_more(&json!({ "type": ["string", "number"] })),
        "subject" | "text" => json!({ "type": ["string", "null"] }),
        _ => json!({ "type": ["string", "number"] }),
    }
}

/// What happens: its type says which keys it may have.
fn happening() -> Value {
    let mut all = object(keys::EVENT, of_event, &["at"]);
    let mut rules = Vec::new();
    for event_type in EventType::ALL {
        let data = &DataSchema::of(*event_type).data;
        add_canonical(&mut all, data);
        let canonical = data["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
        let known = words(keys::EVENT.iter().map(|(key, _)| *key).chain(canonical));
        rules.push(json!({
            "if": { "properties": { "event": { "const": event_type.as_str() } }, "required": ["event"] },
            "then": { "propertyNames": known },
        }));
    }
    all["anyOf"] = json!([{ "required": ["event"] }, { "required": ["providers"] }, { "required": ["receipt", "of"] }]);
    all["allOf"] = json!(rules);
    all
}

fn of_event(key: &str) -> Value {
    match key {
        "at" | "happened" | "until" => moment(),
        "event" => words(events()),
        "providers" => words(["away", "back"]),
        "receipt" => words(["delivered", "bounced", "failed", "complained"]),
        "parcels" => one_or_more(&json!({ "type": ["string", "number", "object"] })),
        "data" => json!({ "type": "object" }),
        _ => json!({ "type": ["string", "number"] }),
    }
}

/// Adds the canonical keys that the short form does not have.
fn add_canonical(object: &mut Value, data: &Value) {
    let Some(properties) = object["properties"].as_object_mut() else { return };
    for (key, schema) in data["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        loosen(&mut schema);
        // a window may be given by its last moment, and what is laid over another may be a part of it
        let told = schema.get("description").cloned();
        let is_structure = schema.get("$ref").is_some() || schema.get("anyOf").is_some();
        if is_structure {
            schema = json!({ "anyOf": [schema, moment(), { "type": ["object", "null"] }] });
        }
        let entry = properties.entry(key).or_insert(schema);
        if let (Some(told), true) = (told, is_structure) {
            entry["description"] = told;
        }
    }
}

/// What a test gives is laid over what it has by itself: it need not be whole, null takes away, and
/// moments count from the start.
fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("required");
            if map.get("format").is_some_and(|format| format == "date-time") {
                map.retain(|key, _| key == "description");
            }
            if map.get("type").is_some_and(|kind| kind.is_string() && kind != "null")
                && !map.contains_key("enum")
                && !map.contains_key("const")
            {
                let kind = map["type"].take();
                // numbers may be written without quotes
                map["type"] =
                    if kind == "string" { json!(["string", "number", "null"]) } else { json!([kind, "null"]) };
                map.remove("minLength");
                map.remove("maxLength");
            }
            map.values_mut().for_each(loosen);
        }
        Value::Array(list) => list.iter_mut().for_each(loosen),
        _ => {}
    }
}

/// A mapping that has these keys alone.
fn object(keys: &[Key], value: impl Fn(&str) -> Value, needed: &[&str]) -> Value {
    let properties = keys.iter().map(|(key, told)| {
        let mut schema = value(key);
        schema["description"] = json!(told);
        ((*key).to_owned(), schema)
    });
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "additionalProperties": false, "required": needed, "properties": properties })
}

fn list(of: &str) -> Value {
    json!({ "type": ["array", "null"], "items": { "$ref": format!("#/$defs/{of}") } })
}

fn moment() -> Value {
    json!({ "type": ["string", "integer"], "pattern": MOMENT })
}

fn one_or_more(of: &Value) -> Value {
    json!({ "anyOf": [of, { "type": "array", "items": of }] })
}

fn words<'a>(known: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "enum": known.into_iter().collect::<Vec<_>>() })
}

fn events() -> impl Iterator<Item = &'static str> {
    EventType::ALL.iter().map(|event| event.as_str())
}

fn statuses() -> impl Iterator<Item = &'static str> {
    ParcelStatus::ALL.into_iter().map(ParcelStatus::as_str)
}

fn channels() -> impl Iterator<Item = &'static str> {
    Channel::ALL.into_iter().map(Channel::as_str)
}

fn reasons() -> impl Iterator<Item = &'static str> {
    Reason::ALL.into_iter().map(Reason::as_str)
}
