//! Whatever comes, nothing panics, and no refusal repeats anything of a person.

use proptest::prelude::*;
use reassure::domain::event::EventType;
use reassure::envelope::encode_avro;
use serde_json::Value;

use super::{example, read, record};

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
}
