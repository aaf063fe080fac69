//! Whatever comes, nothing panics, nothing is boundless, no refusal repeats anything of a person,
//! and what comes out is an event that the service takes or refuses for its values alone.

use proptest::prelude::*;
use reassure::domain::event::EventType;
use serde_json::{Value, json};

use super::{Fixture, SHIPPED, decoded, record, shipped};

/// What must never come back in a detail.
const MARK: &str = "jane@personal.test";

fn places(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(places).sum(),
        Value::Array(elements) => elements.iter().map(places).sum(),
        _ => 0,
    }
}

/// Puts `put` at the place of that number, counted depth first.
fn replace(value: &mut Value, place: &mut usize, put: &Value) {
    if *place == 0 {
        *value = put.clone();
    }
    *place = place.wrapping_sub(1);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, place, put)),
        Value::Array(elements) => elements.iter_mut().for_each(|value| replace(value, place, put)),
        _ => {}
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from(MARK)),
        Just(Value::from("")),
        Just(Value::from("2026-05-05")),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(MARK.repeat(600))),
        Just(Value::from(vec![MARK; 600])),
    ];
    let names = proptest::sample::select(vec!["id", "status", "code", "date", "event", "shipments", "data", MARK]);
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Adapts and decodes; a refusal holds nothing of the payload.
fn holds(adapter: &str, payload: &Value, headers: &[(String, String)]) -> Result<(), TestCaseError> {
    let (adapter, record) = (shipped(adapter), record(payload, headers));
    if let Ok(events) = adapter.adapt(payload, &record) {
        prop_assert!(events.len() <= 500);
        for event in &events {
            prop_assert!(event["type"].as_str().and_then(EventType::parse).is_some(), "{event}");
            prop_assert!(event["id"].as_str().is_some_and(|id| !id.is_empty() && id.len() <= 256), "{event}");
        }
    }
    if let Err(refusal) = decoded(&adapter, &record) {
        prop_assert!(!refusal.detail.contains("jane"), "{}", refusal.detail);
        prop_assert!(refusal.detail.len() < 600, "{}", refusal.detail);
        prop_assert!(refusal.cause.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        // the shape is the adapter's concern: what it makes can be refused for its values alone
        let of_values = ["absurd_time", "invalid_field", "too_long", "unknown_shop", "too_many"];
        prop_assert!(refusal.stage == "adapt" || of_values.contains(&refusal.cause), "{refusal:?}");
    }
    Ok(())
}

fn fixtures() -> impl Strategy<Value = usize> {
    0..Fixture::all().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_fixture_with_anything_anywhere(which in fixtures(), seed in any::<prop::sample::Index>(), put in anything()) {
        let Fixture { adapter, mut payload, headers, .. } = Fixture::all().swap_remove(which);
        let mut place = seed.index(places(&payload));
        replace(&mut payload, &mut place, &put);
        holds(&adapter, &payload, &headers)?;
    }

    #[test]
    fn anything_at_all(payload in anything()) {
        let headers: Vec<_> = Fixture::all().into_iter().flat_map(|fixture| fixture.headers).collect();
        for adapter in SHIPPED.iter() {
            holds(&adapter.about().name, &payload, &headers)?;
        }
    }
}

/// Only the fields that a mapping names are read: whatever is put where none looks changes nothing.
#[test]
fn what_no_mapping_names_changes_nothing() {
    for fixture in Fixture::all() {
        let adapter = shipped(&fixture.adapter);
        let expected = adapter.adapt(&fixture.payload, &fixture.record()).unwrap();
        let mut payload = fixture.payload.clone();
        for pointer in ["", "/customer", "/data", "/data/value", "/msg", "/result", "/shipment", "/order", "/billing"] {
            if let Some(Value::Object(fields)) = payload.pointer_mut(pointer) {
                fields.insert("password_hash".to_owned(), json!("SECRET"));
                fields.insert("zz_list".to_owned(), json!(vec![MARK; 2_000]));
            }
        }
        let found = adapter.adapt(&payload, &record(&payload, &fixture.headers));
        assert_eq!(found, Ok(expected), "{}/{}", fixture.adapter, fixture.name);
    }
}

#[test]
fn a_history_without_end_is_refused_and_takes_no_time() {
    let scan = json!({ "code": "ET1", "date": "2026-05-05T10:00:00+02:00" });
    let payload = json!({ "shipment": { "idShip": "N1", "holder": 4, "event": vec![scan; 20_000] } });
    let refusal = shipped("laposte").adapt(&payload, &record(&payload, &[("shop".into(), "s".into())])).unwrap_err();
    assert_eq!(refusal.cause, "too_many", "{refusal:?}");
}

/// Lists within lists multiply.
#[test]
fn events_are_bounded_over_all_lists_of_a_payload() {
    let scan = json!({ "timestamp": "2026-05-05T10:00:00Z", "statusCode": "transit" });
    let shipment = json!({ "id": "N1", "status": scan, "events": vec![scan; 400] });
    let payload = json!({ "shipments": vec![shipment; 400] });
    let refusal = shipped("dhl").adapt(&payload, &record(&payload, &[("shop".into(), "s".into())])).unwrap_err();
    assert_eq!(refusal.cause, "too_many", "{refusal:?}");
}

#[test]
fn an_id_of_many_long_parts_stays_within_what_events_may_have() {
    let long = "x".repeat(300);
    let mut fixture = Fixture::of("laposte", "parcel");
    fixture.payload["shipment"]["event"][0]["date"] = json!("2026-05-05T10:00:00+02:00");
    fixture.headers = vec![("shop".into(), "maison-aubert".into())];
    fixture.payload["shipment"]["idShip"] = json!(long);
    let events = shipped("laposte").adapt(&fixture.payload, &fixture.record()).unwrap();
    assert!(events.iter().all(|event| event["id"].as_str().unwrap().len() < 100), "{events:?}");
}
