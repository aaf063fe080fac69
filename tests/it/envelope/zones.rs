//! Times without a zone, in the hours that clocks skip and repeat.

use reassure::domain::event::{Body, EventType};
use reassure::domain::time::Timestamp;

use super::{example, read, record};

fn at(time: &str) -> (Timestamp, u32) {
    let mut event = example(EventType::OrderConfirmed);
    event["time"] = time.into();
    let decoded = read(&record(event.to_string(), &[])).unwrap();
    (decoded.event.time, decoded.zoneless)
}

fn utc(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_zone_that_is_named_is_taken() {
    assert_eq!(at("2026-07-01T09:30:00-04:00"), (utc("2026-07-01T13:30:00Z"), 0));
}

#[test]
fn without_a_zone_the_shops_is_taken_and_counted() {
    assert_eq!(at("2026-07-01T09:30:00"), (utc("2026-07-01T07:30:00Z"), 1));
    assert_eq!(at("2026-01-05 09:30:00"), (utc("2026-01-05T08:30:00Z"), 1));
}

#[test]
fn the_hour_that_is_skipped_becomes_the_first_moment_after_it() {
    assert_eq!(at("2026-03-29T02:30:00"), (utc("2026-03-29T01:00:00Z"), 1));
}

#[test]
fn the_hour_that_is_repeated_is_read_as_the_first() {
    assert_eq!(at("2026-10-25T02:30:00"), (utc("2026-10-25T00:30:00Z"), 1));
}

#[test]
fn times_within_the_data_are_read_in_the_shops_zone_too() {
    let mut event = example(EventType::ParcelEtaChanged);
    event["data"]["shop"] = "maison-aubert".into();
    event["data"]["eta"]["earliest"] = "2026-07-01T08:00:00".into();
    event["data"]["eta"]["latest"] = "2026-07-01T18:00:00".into();
    let decoded = read(&record(event.to_string(), &[])).unwrap();
    assert_eq!(decoded.zoneless, 2);
    let Body::ParcelEtaChanged(data) = decoded.event.body else { panic!("another type") };
    assert_eq!(data.eta.earliest, utc("2026-07-01T06:00:00Z"));
    assert_eq!(data.eta.latest, utc("2026-07-01T16:00:00Z"));
}
