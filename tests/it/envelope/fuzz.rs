//! Whatever comes, nothing panics, and no refusal repeats anything of a person.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use proptest::prelude::*;
use reassure::domain::event::EventType;
use reassure::envelope::format::Mapping;
use reassure::envelope::{Adapt, Format, Limits, Reading, Refusal, WriterSchema, decode, encode_avro, schema_id};
use reassure::ports::Record;
use serde_json::{Value, json};

use super::{confluent, example, now, read, record, zone_of};

/// What must never come back in a detail.
const MARK: &str = "jane@personal.test";

/// Places in a value, counted depth first.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(places).sum(),
        Value::Array(items) => items.iter().map(places).sum(),
        _ => 0,
    }
}

/// Does `change` at the place of that number.
fn at(value: &mut Value, place: &mut usize, change: &mut impl FnMut(&mut Value)) {
    if *place == 0 {
        change(value);
    }
    *place = place.wrapping_sub(1);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| at(value, place, change)),
        Value::Array(items) => items.iter_mut().for_each(|value| at(value, place, change)),
        _ => {}
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from(MARK)),
        Just(Value::from(format!("{MARK}, expected {MARK}"))),
        Just(serde_json::json!([MARK])),
        Just(serde_json::json!({ MARK: MARK })),
        Just(serde_json::json!({ "shop": MARK, "carrier": MARK, MARK: [[MARK]] })),
        Just(Value::from(MARK.repeat(600))),
        Just(Value::from(vec![MARK; 600])),
    ]
}

fn types() -> impl Strategy<Value = EventType> {
    proptest::sample::select(EventType::ALL)
}

/// Gives back what it was given, whatever that is.
struct Mirror;

impl Adapt for Mirror {
    fn adapt(&self, payload: &Value, _: &Record) -> Result<Vec<Value>, Refusal> {
        Ok(vec![payload.clone()])
    }
}

fn formats() -> Vec<Format> {
    let mapping = Mapping { data: Some("/data".to_owned()), ..Mapping::debezium() };
    vec![
        Format::Detect,
        Format::CloudEvents,
        Format::ConfluentAvro,
        Format::Avro,
        Format::Debezium(Mapping::debezium()),
        Format::Json(mapping),
        Format::Adapter(Arc::new(Mirror)),
    ]
}

/// A writer's schema that has something of everything.
fn writer() -> &'static WriterSchema {
    static WRITER: LazyLock<WriterSchema> = LazyLock::new(|| {
        let logical = |kind: &str, logical: &str| json!({ "type": kind, "logicalType": logical });
        let decimal = json!({ "type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 4 });
        let kinds = [
            json!("string"),
            json!("bytes"),
            json!("double"),
            json!("float"),
            json!("boolean"),
            decimal,
            logical("int", "date"),
            logical("string", "uuid"),
            logical("long", "timestamp-micros"),
            logical("long", "timestamp-nanos"),
            logical("long", "local-timestamp-millis"),
            logical("int", "time-millis"),
            json!({ "type": "map", "values": ["null", "long"] }),
            json!({ "type": "array", "items": "string" }),
            json!({ "type": "fixed", "name": "F", "size": 3 }),
            json!({ "type": "enum", "name": "E", "symbols": ["A", "B"] }),
        ];
        let fields: Vec<Value> = kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| json!({ "name": format!("f{at}"), "type": ["null", kind] }))
            .collect();
        confluent::schema(&json!({ "type": "record", "name": "OrderPlaced", "fields": fields }), &[]).unwrap()
    });
    &WRITER
}

/// Reads it in every format, with a schema and without.
fn silent_in_all(record: &Record) -> Result<(), TestCaseError> {
    let limits = Limits::default();
    for format in formats() {
        for schema in [None, Some(writer())] {
            schema_id(record, &format, &limits);
            let reading = Reading { format: &format, schema, zone_of: &zone_of, limits: &limits, now: now() };
            if let Err(refusal) = decode(record, &reading) {
                prop_assert!(!refusal.detail.contains("jane"), "{}", refusal.detail);
                prop_assert!(refusal.detail.len() < 900, "{}", refusal.detail);
            }
        }
    }
    Ok(())
}

fn silent(value: Vec<u8>, headers: &[(&str, &str)]) -> Result<(), TestCaseError> {
    if let Err(refusal) = read(&record(value, headers)) {
        prop_assert!(!refusal.detail.contains("jane"), "{}", refusal.detail);
        prop_assert!(refusal.detail.len() < 600, "{}", refusal.detail);
        prop_assert!(refusal.cause.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_example_with_anything_anywhere(event_type in types(), seed in any::<prop::sample::Index>(), value in values()) {
        let mut event = example(event_type);
        let mut place = seed.index(places(&event));
        at(&mut event, &mut place, &mut |found| *found = value.clone());
        silent(event.to_string().into_bytes(), &[])?;
        let headers = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/s"), ("ce_type", event_type.as_str())];
        silent(event["data"].to_string().into_bytes(), &headers)?;
    }

    #[test]
    fn an_example_with_a_name_changed(event_type in types(), seed in any::<prop::sample::Index>()) {
        let mut event = example(event_type);
        let mut place = seed.index(places(&event));
        at(&mut event, &mut place, &mut |found| {
            if let Value::Object(fields) = found
                && let Some(name) = fields.keys().next().cloned()
                && let Some(value) = fields.remove(&name)
            {
                fields.insert(MARK.to_owned(), value);
            }
        });
        silent(event.to_string().into_bytes(), &[])?;
    }

    #[test]
    fn an_example_with_bytes_changed(
        event_type in types(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let text = example(event_type).to_string().replace("exemple.test", MARK);
        let mut bytes = text.into_bytes();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        silent(bytes, &[])?;
    }

    #[test]
    fn avro_with_bytes_changed(
        event_type in types(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let text = example(event_type).to_string().replace("exemple.test", MARK);
        let mut bytes = encode_avro(&read(&record(text, &[])).unwrap().event);
        for (index, byte) in changes {
            let at = 10 + index.index(bytes.len() - 10);
            bytes[at] = byte;
        }
        silent(bytes, &[])?;
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in proptest::sample::select(vec!["", "{", "{\"data\":", "\u{c3}\u{1}"])) {
        let value = [start.as_bytes(), &bytes].concat();
        silent(value, &[])?;
    }

    #[test]
    fn any_bytes_and_headers_in_every_format(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        start in proptest::sample::select(vec!["", "{", "\"{", "{\"payload\":\"", "{\"schema\":{},\"payload\":", "\0\0\0\0\u{1}", "\u{c3}\u{1}"]),
        names in proptest::collection::vec(proptest::sample::select(vec![
            "id", "eventType", "type", "content-type", "ce_id", "ce_specversion", "ce_type", "ce_time", "__value_schema_id", "traceparent",
        ]), 0..4),
        contents in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            Just(MARK.as_bytes().to_vec()),
            Just(b"order.placed".to_vec()),
            Just(b"application/avro".to_vec()),
            Just([&[1_u8], [7; 16].as_slice()].concat()),
        ], 4),
    ) {
        let mut record = record([start.as_bytes(), &bytes].concat(), &[]);
        record.headers = names.into_iter().map(str::to_owned).zip(contents.into_iter().map(Bytes::from)).collect();
        record.timestamp = bytes.first().map(|first| i64::from(*first) * (i64::MAX / 255));
        silent_in_all(&record)?;
    }

    #[test]
    fn an_example_with_anything_anywhere_in_every_format(event_type in types(), seed in any::<prop::sample::Index>(), value in values()) {
        let mut event = example(event_type);
        let mut place = seed.index(places(&event));
        at(&mut event, &mut place, &mut |found| *found = value.clone());
        let headers = [("id", "1"), ("eventType", event_type.as_str())];
        silent_in_all(&record(event.to_string(), &headers))?;
        silent_in_all(&record(json!({ "schema": null, "payload": event["data"].to_string() }).to_string(), &headers))?;
    }
}
