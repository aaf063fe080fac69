//! Records to events and back.

mod agreement;
pub mod confluent;
mod foreign;
mod fuzz;
mod refusals;
mod several;
mod story;
mod zones;

use std::sync::Arc;

use bytes::Bytes;
use chrono_tz::Tz;
use reassure::domain::event::EventType;
use reassure::domain::time::Timestamp;
use reassure::envelope::{Decoded, Format, Limits, Reading, Refusal, WriterSchema, decode};
use reassure::ports::{Partition, Record};
use serde_json::Value;

/// A record of this value and these headers.
fn record(value: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Record {
    let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Bytes::copy_from_slice(value.as_bytes()));
    Record {
        partition: Partition { topic: Arc::from("orders"), number: 0 },
        offset: 0,
        key: None,
        value: Some(Bytes::from(value.into())),
        headers: headers.iter().map(header).collect(),
        timestamp: None,
    }
}

/// The time at which the tests play, after every example.
fn now() -> Timestamp {
    Timestamp::parse("2026-12-31T00:00:00Z").unwrap()
}

fn zone_of(shop: &str) -> Option<Tz> {
    match shop {
        "maison-aubert" => Some(Tz::Europe__Paris),
        "harbour-books" => Some(Tz::Europe__London),
        _ => None,
    }
}

/// The one event of a record whose format shows itself.
fn read(record: &Record) -> Result<Decoded, Refusal> {
    read_as(record, &Format::Detect, None)
}

pub fn read_as(record: &Record, format: &Format, schema: Option<&WriterSchema>) -> Result<Decoded, Refusal> {
    let limits = Limits::default();
    let reading = Reading { format, schema, zone_of: &zone_of, limits: &limits, now: now() };
    decode(record, &reading).map(|events| {
        assert_eq!(events.len(), 1);
        events.into_iter().next().unwrap()
    })
}

/// The published example of an event, as text.
fn example_text(event_type: EventType) -> String {
    let path = format!("{}/schemas/examples/{}.json", env!("CARGO_MANIFEST_DIR"), event_type.as_str());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn example(event_type: EventType) -> Value {
    serde_json::from_str(&example_text(event_type)).unwrap()
}
