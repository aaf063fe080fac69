//! A payload that an adapter makes events of: none, one or several, and all of them or none.

use std::sync::Arc;

use reassure::domain::event::EventType;
use reassure::envelope::{Adapt, Events, Format, Limits, Reading, Refusal, decode};
use reassure::ports::Record;
use serde_json::{Value, json};

use super::{example, now, record, zone_of};

/// Takes the events out of a list.
struct List;

impl Adapt for List {
    fn adapt(&self, payload: &Value, _: &Record) -> Result<Vec<Value>, Refusal> {
        let list = payload.as_array().ok_or_else(|| Refusal::validate("no_list", "the payload is no list"))?;
        Ok(list.clone())
    }
}

fn adapted(payload: &Value) -> Result<Events, Refusal> {
    let format = Format::Adapter(Arc::new(List));
    let limits = Limits::default();
    let reading = Reading { format: &format, schema: None, zone_of: &zone_of, limits: &limits, now: now() };
    decode(&record(payload.to_string(), &[]), &reading)
}

#[test]
fn one_payload_may_be_several_events_or_none() {
    let [placed, confirmed] = [example(EventType::OrderPlaced), example(EventType::OrderConfirmed)];
    let events = adapted(&json!([placed, confirmed])).unwrap();
    let types: Vec<EventType> = events.iter().map(|decoded| decoded.event.body.event_type()).collect();
    assert_eq!(types, [EventType::OrderPlaced, EventType::OrderConfirmed]);
    assert!(adapted(&json!([])).unwrap().is_empty());
}

#[test]
fn if_one_of_several_is_not_valid_none_is_taken() {
    let mut stranger = example(EventType::OrderConfirmed);
    stranger["data"]["shop"] = "nowhere".into();
    let refusal = adapted(&json!([example(EventType::OrderPlaced), stranger])).unwrap_err();
    assert_eq!((refusal.stage, refusal.cause), ("validate", "unknown_shop"));
    assert_eq!(adapted(&json!([7])).unwrap_err().cause, "malformed_json");
    assert_eq!(adapted(&json!({})).unwrap_err().cause, "no_list");
}
