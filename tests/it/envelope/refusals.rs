//! What is refused, as what, and in which words.

use reassure::domain::event::EventType;
use reassure::envelope::{Format, Limits, Reading, Refusal, decode, encode_avro};
use reassure::ports::Record;
use serde_json::{Value, json};

use super::{example, example_text, now, read, record, zone_of};

/// Refused, with this stage and cause, and all of this in the detail.
#[track_caller]
fn refused(record: &Record, stage: &str, cause: &str, words: &[&str]) {
    let refusal = read(record).expect_err("it was accepted");
    assert_eq!((refusal.stage, refusal.cause), (stage, cause), "{}", refusal.detail);
    for word in words {
        assert!(refusal.detail.contains(word), "no '{word}' in: {}", refusal.detail);
    }
}

/// An example with one thing changed.
fn changed(event_type: EventType, pointer: &str, value: Value) -> Record {
    let mut event = example(event_type);
    let place = event.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the example"));
    *place = value;
    record(event.to_string(), &[])
}

/// An example with one thing taken away.
fn without(event_type: EventType, parent: &str, name: &str) -> Record {
    let mut event = example(event_type);
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    record(event.to_string(), &[])
}

use EventType::{CustomerErased, OrderConfirmed, OrderPlaced, ParcelTracked, ShipmentCreated};

#[test]
fn a_tombstone_is_told_apart() {
    let mut tombstone = record("", &[]);
    tombstone.value = None;
    let refusal = read(&tombstone).unwrap_err();
    assert!(refusal.is_tombstone());
    assert_eq!(refusal.cause, Refusal::TOMBSTONE);
    let empty = read(&record("", &[])).unwrap_err();
    assert!(!empty.is_tombstone());
}

#[test]
fn what_is_no_event_at_all() {
    refused(&record("", &[]), "decode", "unknown_format", &["CloudEvents", "Avro"]);
    refused(&record("hello", &[]), "decode", "unknown_format", &[]);
    refused(&record([0, 0, 0, 0, 7, 1], &[]), "decode", "no_registry", &["registry.url"]);
    refused(
        &record("[]", &[("content-type", "application/cloudevents+json")]),
        "decode",
        "malformed_json",
        &["object"],
    );
    refused(&record("{", &[]), "decode", "malformed_json", &["line 1 column 1"]);
    refused(&record("{\"id\":\u{1}", &[]), "decode", "malformed_json", &[]);
    refused(&record(b"{\"id\":\"\xff\"}".as_slice(), &[]), "decode", "malformed_json", &[]);
    refused(&record("{}", &[]), "decode", "missing_field", &["specversion"]);
    refused(&record("{\"id\":1,\"id\":2}", &[]), "decode", "invalid_field", &["id"]);
    refused(&record("{\"id\":\"1\",\"id\":\"2\"}", &[]), "decode", "malformed_json", &["once"]);
}

#[test]
fn attributes() {
    for name in ["specversion", "id", "source", "type", "time", "data"] {
        refused(&without(OrderConfirmed, "", name), "decode", "missing_field", &[&format!("{name} is missing")]);
    }
    refused(&changed(OrderConfirmed, "/data", Value::Null), "decode", "missing_field", &["data"]);
    refused(&changed(OrderConfirmed, "/specversion", json!("0.3")), "decode", "unsupported_version", &["1.0"]);
    refused(&changed(OrderConfirmed, "/type", json!("order.placd")), "decode", "unknown_type", &["order.placed?"]);
    refused(&changed(OrderConfirmed, "/type", json!("weather")), "decode", "unknown_type", &["customer.erased"]);
    refused(&changed(OrderConfirmed, "/source", json!(7)), "decode", "invalid_field", &["source", "string"]);
    refused(&changed(OrderConfirmed, "/time", json!("soon")), "decode", "invalid_field", &["time", "RFC 3339"]);
    refused(
        &changed(OrderConfirmed, "/datacontenttype", json!("text/xml")),
        "decode",
        "invalid_field",
        &["application/json"],
    );
    refused(&changed(OrderConfirmed, "/id", json!("")), "validate", "invalid_field", &["id is empty"]);
    refused(&changed(OrderConfirmed, "/id", json!("x".repeat(257))), "validate", "invalid_field", &["256"]);
    refused(&changed(OrderConfirmed, "/source", json!("a\nb")), "validate", "invalid_field", &["source", "control"]);
    let mut event = example(OrderConfirmed);
    event["data_base64"] = json!("e30=");
    refused(&record(event.to_string(), &[]), "decode", "invalid_field", &["data_base64"]);
}

#[test]
fn absurd_times() {
    refused(&changed(OrderConfirmed, "/time", json!("1999-12-31T23:59:59Z")), "validate", "absurd_time", &["2000"]);
    refused(&changed(OrderConfirmed, "/time", json!("2027-01-01T00:00:01Z")), "validate", "absurd_time", &["24 hours"]);
    assert!(read(&changed(OrderConfirmed, "/time", json!("2027-01-01T00:00:00Z"))).is_ok());
    assert!(read(&changed(OrderConfirmed, "/time", json!("2000-01-01T00:00:00Z"))).is_ok());
}

#[test]
fn data_that_is_not_of_its_type() {
    let cases = [
        ("/data/order_id", json!(12), "data.order_id", "a text"),
        ("/data/items/0/quantity", json!(-1), "data.items[0].quantity", "whole number"),
        ("/data/items/1/quantity", json!("jane@example.com"), "data.items[1].quantity", "whole number"),
        ("/data/items/0/unit_price", json!("12,50"), "data.items[0].unit_price", "129.90"),
        ("/data/items/0/perishable", json!("yes"), "data.items[0].perishable", "true or false"),
        ("/data/items/0/best_before", json!("tomorrow"), "data.items[0].best_before", "a day"),
        ("/data/items", json!({}), "data.items", "a list"),
        ("/data/customer", json!("jane@example.com"), "data.customer", "an object"),
        ("/data/customer/email", json!(["jane@example.com"]), "data.customer.email", "a text"),
        ("/data/customer/channels/0", json!("pigeon"), "data.customer.channels[0]", "email, sms, webhook"),
        ("/data/delivery/method", json!("pigeon"), "data.delivery.method", "pickup_point"),
        ("/data/delivery/point/opening_hours/0/day", json!("lundi"), "opening_hours[0].day", "monday"),
        ("/data/promise/latest", json!("soon"), "data.promise.latest", "2026-03-02"),
        ("/data/totals/taxes/0/amount", json!(true), "data.totals.taxes[0].amount", "amount"),
        ("/data", json!([]), "data", "an object"),
    ];
    for (pointer, value, path, right) in cases {
        refused(&changed(OrderPlaced, pointer, value), "decode", "invalid_field", &[path, right]);
    }
    refused(&without(OrderPlaced, "/data", "order_id"), "decode", "missing_field", &["data.order_id", "order.placed"]);
    refused(&without(OrderPlaced, "/data/items/0", "sku"), "decode", "missing_field", &["data.items[0].sku"]);
    let twice = example_text(OrderConfirmed).replace("\"shop\"", "\"shop\": \"x\", \"shop\"");
    refused(&record(twice, &[]), "decode", "invalid_field", &["once"]);
}

#[test]
fn identifiers() {
    refused(&changed(OrderConfirmed, "/data/shop", json!("nowhere")), "validate", "unknown_shop", &["data.shop"]);
    refused(&changed(OrderConfirmed, "/data/shop", json!("")), "validate", "invalid_field", &["data.shop is empty"]);
    refused(
        &changed(OrderConfirmed, "/data/order_id", json!("")),
        "validate",
        "invalid_field",
        &["data.order_id is empty"],
    );
    refused(&changed(OrderPlaced, "/data/order_id", json!("x".repeat(129))), "validate", "invalid_field", &["128"]);
    refused(&changed(CustomerErased, "/data/customer_id", json!("a\u{7f}")), "validate", "invalid_field", &["control"]);
    refused(&changed(ParcelTracked, "/data/carrier", json!("")), "validate", "invalid_field", &["data.carrier"]);
    let pointer = "/data/parcels/0/tracking_number";
    let path = "data.parcels[0].tracking_number";
    refused(&changed(ShipmentCreated, pointer, json!("\t")), "validate", "invalid_field", &[path]);
}

#[test]
fn what_is_too_much() {
    let long = changed(OrderPlaced, "/data/customer/name", json!("é".repeat(4097)));
    refused(&long, "validate", "too_long", &["data.customer.name", "8192"]);
    assert!(read(&changed(OrderPlaced, "/data/customer/name", json!("é".repeat(4096)))).is_ok());

    let item = example(OrderPlaced)["data"]["items"][1].clone();
    refused(
        &changed(OrderPlaced, "/data/items", json!(vec![item.clone(); 501])),
        "validate",
        "too_many",
        &["data.items", "500"],
    );
    assert!(read(&changed(OrderPlaced, "/data/items", json!(vec![item; 500]))).is_ok());

    let whole = record(format!("{}{}", example_text(OrderPlaced), " ".repeat(1024 * 1024)), &[]);
    refused(&whole, "decode", "too_large", &["1048576"]);
    let small = Limits { max_bytes: 10, ..Limits::default() };
    let reading = Reading { format: &Format::Detect, schema: None, zone_of: &zone_of, limits: &small, now: now() };
    let refusal = decode(&record(example_text(OrderPlaced), &[]), &reading).unwrap_err();
    assert_eq!(refusal.cause, "too_large");
}

#[test]
fn nesting_without_end() {
    let deep = |open: &str, shut: &str| format!("{}{}", open.repeat(100_000), shut.repeat(100_000));
    let inner = deep("{\"data\":", "}").replacen(":}", ":1}", 1);
    refused(&record(inner, &[]), "decode", "missing_field", &["specversion"]);
    let event = example_text(OrderPlaced).replace("\"EUR\"", &deep("[", "]"));
    refused(&record(event, &[]), "decode", "too_deep", &["data"]);
    refused(
        &record(deep("[", "]"), &[("content-type", "application/cloudevents+json")]),
        "decode",
        "malformed_json",
        &[],
    );
}

#[test]
fn avro_that_is_not_what_it_says() {
    let event = read(&record(example_text(OrderPlaced), &[])).unwrap().event;
    let avro = encode_avro(&event);
    refused(&record([0xC3, 0x01, 1, 2], &[]), "decode", "malformed_avro", &["short"]);
    let mut other = avro.clone();
    other[3] ^= 1;
    refused(&record(other, &[]), "decode", "unknown_schema", &["schemas/avro"]);
    let mut longer = avro.clone();
    longer.push(0);
    refused(&record(longer, &[]), "decode", "malformed_avro", &["goes on"]);
    for length in 10..avro.len() {
        refused(&record(&avro[..length], &[]), "decode", "malformed_avro", &["ends before"]);
    }
}

#[test]
fn a_traceparent_is_taken_only_if_it_is_one() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let text = example_text(OrderConfirmed);
    let traced = |headers: &[(&str, &str)]| read(&record(text.clone(), headers)).unwrap().event.traceparent;
    assert_eq!(traced(&[("traceparent", good)]).as_deref(), Some(good));
    assert_eq!(
        traced(&[("ce_traceparent", good), ("content-type", "application/cloudevents+json")]).as_deref(),
        Some(good)
    );
    for bad in [
        "",
        "00-x",
        &good.to_uppercase(),
        &good.replace("00-4", "ff-4"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    ] {
        assert_eq!(traced(&[("traceparent", bad)]), None, "{bad}");
    }
}
