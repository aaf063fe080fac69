//! The same news again is the same event (I1): a webhook that is retried, a history that has grown.

use reassure::domain::event::{Event, ParcelStatus};
use serde_json::json;

use super::{Fixture, decoded, record, shipped};

#[test]
fn a_webhook_that_is_retried_says_nothing_new() {
    for fixture in Fixture::all() {
        let adapter = shipped(&fixture.adapter);
        let first = decoded(&adapter, &fixture.record()).unwrap();
        // what differs is what a retry changes: the offset and when it came
        let retried = reassure::ports::Record { offset: 7, timestamp: Some(1_778_000_360_000), ..fixture.record() };
        let again = decoded(&adapter, &retried).unwrap();
        let keys = |events: &[Event]| events.iter().map(Event::key).collect::<Vec<_>>();
        assert_eq!(keys(&first), keys(&again), "{}/{}", fixture.adapter, fixture.name);
    }
}

#[test]
fn the_events_of_a_payload_are_told_from_each_other() {
    for fixture in Fixture::all() {
        let events = decoded(&shipped(&fixture.adapter), &fixture.record()).unwrap();
        let mut keys: Vec<_> = events.iter().map(Event::key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), events.len(), "{}/{}", fixture.adapter, fixture.name);
    }
}

#[test]
fn a_history_that_has_grown_brings_its_last_scan_alone() {
    let histories = [
        ("aftership", "update", "/msg/checkpoints"),
        ("easypost", "update", "/result/tracking_details"),
        ("shippo", "update", "/data/tracking_history"),
        ("seventeentrack", "update", "/data/track_info/tracking/providers/0/events"),
        ("laposte", "parcel", "/shipment/event"),
        ("dhl", "history", "/shipments/0/events"),
        ("ups", "activity", "/trackResponse/shipment/0/package/0/activity"),
    ];
    for (name, fixture, list) in histories {
        let fixture = Fixture::of(name, fixture);
        let adapter = shipped(name);
        let after = decoded(&adapter, &fixture.record()).unwrap();
        let mut earlier = fixture.payload.clone();
        let scans = earlier.pointer_mut(list).unwrap().as_array_mut().unwrap();
        scans.remove(scans.len() - 1);
        let before = decoded(&adapter, &record(&earlier, &fixture.headers)).unwrap();
        let known: Vec<_> = before.iter().map(Event::key).collect();
        assert_eq!(after.iter().filter(|event| !known.contains(&event.key())).count(), 1, "{name}");
    }
}

#[test]
fn the_events_of_a_record_come_in_the_order_of_their_times() {
    for fixture in Fixture::all() {
        let events = decoded(&shipped(&fixture.adapter), &fixture.record()).unwrap();
        assert!(events.iter().map(|event| event.time).is_sorted(), "{}/{}", fixture.adapter, fixture.name);
    }
}

/// A number is given once by the platform, in its own words for the carrier, and scanned later by
/// the carrier or by an aggregator: the two must be one parcel.
#[test]
fn scans_find_the_parcel_that_the_platform_announced() {
    let waybills = |adapter: &str, name: &str| -> Vec<String> {
        let fixture = Fixture::of(adapter, name);
        let events = shipped(adapter).adapt(&fixture.payload, &fixture.record()).unwrap();
        let parcels = events.iter().flat_map(|event| {
            let listed = event["data"]["parcels"].as_array().cloned().unwrap_or_default();
            listed.into_iter().chain([event["data"].clone()])
        });
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        parcels.map(|parcel| format!("{} {}", text(&parcel["carrier"]), text(&parcel["tracking_number"]))).collect()
    };
    for (platform, carrier, waybill) in [
        (("shopify", "fulfillment_created"), ("laposte", "parcel"), "colissimo 6A20000000017"),
        (("commercetools", "parcel_added"), ("dhl", "history"), "dhl 00340000000000000017"),
        (("commercetools", "parcel_added"), ("aftership", "update"), "dhl 00340000000000000017"),
        (("adobe_commerce", "shipment"), ("ups", "activity"), "ups 1Z00000000000001"),
    ] {
        for (adapter, fixture) in [platform, carrier] {
            assert!(waybills(adapter, fixture).contains(&waybill.to_owned()), "{adapter}/{fixture}: {waybill}");
        }
    }
}

/// DHL's own sample: the enumeration decides, and nothing is announced on the strength of a text.
#[test]
fn where_dhl_contradicts_itself_the_code_wins() {
    let fixture = Fixture::of("dhl", "contradiction");
    let events = shipped("dhl").adapt(&fixture.payload, &fixture.record()).unwrap();
    assert_eq!(events[0]["data"]["status"], json!(ParcelStatus::Announced.as_str()));
}
