//! Avro under Confluent's framing: what other writers wrote is read, matched to our schemas, and
//! what does not fit is named.

use bytes::Bytes;
use reassure::domain::event::EventType;
use reassure::domain::time::Timestamp;
use reassure::envelope::{Decoded, Format, Limits, Refusal, WriterSchema, encode, encode_avro, schema_id};
use reassure::ports::{Record, Registered, SchemaId};
use serde_json::{Value, json};

use super::{example_text, read, read_as, record};

/// Magic byte 1 and the GUID 89791762-2336-4186-9674-299b90a802e2, as Confluent's own tests have it.
const GUID: [u8; 17] =
    [0x01, 0x89, 0x79, 0x17, 0x62, 0x23, 0x36, 0x41, 0x86, 0x96, 0x74, 0x29, 0x9b, 0x90, 0xa8, 0x02, 0xe2];

pub(super) fn schema(schema: &Value, references: &[Value]) -> Result<WriterSchema, Refusal> {
    WriterSchema::parse(&Registered {
        kind: "AVRO".to_owned(),
        text: schema.to_string(),
        references: references.iter().map(Value::to_string).collect(),
    })
}

/// A byte 0, the number and the datum.
pub fn framed(number: u32, datum: &[u8]) -> Record {
    record([&[0], number.to_be_bytes().as_slice(), datum].concat(), &[])
}

pub fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The published schema of an event.
pub(super) fn ours(event_type: EventType) -> Value {
    let path = format!("{}/schemas/avro/{}.avsc", env!("CARGO_MANIFEST_DIR"), event_type.as_str());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What of an event's data was not left to its default.
fn data_of(decoded: &Decoded) -> Value {
    serde_json::from_slice::<Value>(&encode(&decoded.event)).unwrap()["data"].clone()
}

/// Data that Python's `fastavro` wrote.
pub fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("fastavro/cases.json")).unwrap()
}

#[test]
fn what_another_writer_wrote_is_read_by_our_schemas() {
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let schema = schema(&case["schema"], case["references"].as_array().unwrap()).unwrap();
        let datum = bytes(case["datum"].as_str().unwrap());
        for format in [Format::Detect, Format::ConfluentAvro] {
            let decoded =
                read_as(&framed(7, &datum), &format, Some(&schema)).unwrap_or_else(|it| panic!("{name}: {it:?}"));
            let data = data_of(&decoded);
            for (field, value) in case["data"].as_object().unwrap() {
                assert_eq!(data[field], *value, "{name}: {field}");
            }
            assert_eq!((&*decoded.event.id, &*decoded.event.source), ("evt-1", "/fastavro"), "{name}");
            assert_eq!(decoded.event.time, Timestamp::parse("2026-03-05T08:58:12.345Z").unwrap(), "{name}");
        }
    }
}

#[test]
fn the_schema_is_named_by_a_number_or_a_guid() {
    let limits = Limits::default();
    let id = |record: &Record, format| schema_id(record, format, &limits);
    let framed = framed(0x0102_0304, b"x");
    assert_eq!(id(&framed, &Format::Detect), Some(SchemaId::Number(0x0102_0304)));
    let mut by_header = record("x", &[]);
    by_header.headers.push(("__VALUE_schema_id".to_owned(), Bytes::copy_from_slice(&GUID)));
    let guid = id(&by_header, &Format::ConfluentAvro).unwrap();
    assert_eq!(guid.to_string(), "89791762-2336-4186-9674-299b90a802e2");
    assert_eq!(id(&by_header, &Format::Detect), Some(guid));
    // nothing is asked for on behalf of what is something else
    assert_eq!(id(&framed, &Format::CloudEvents), None);
    assert_eq!(id(&framed, &Format::Avro), None);
    by_header.headers.push(("content-type".to_owned(), "application/cloudevents+json".into()));
    assert_eq!(id(&by_header, &Format::Detect), None);
    assert_eq!(id(&record([0, 0, 0, 1], &[]), &Format::Detect), None);
    let mut wrong = record("x", &[]);
    wrong.headers.push(("__value_schema_id".to_owned(), Bytes::copy_from_slice(&GUID[..16])));
    assert_eq!(id(&wrong, &Format::Detect), None);
}

#[test]
fn with_a_guid_the_value_is_the_datum_alone() {
    let case = &cases()[0];
    let schema = schema(&case["schema"], &[]).unwrap();
    let mut record = record(bytes(case["datum"].as_str().unwrap()), &[]);
    record.headers.push(("__value_schema_id".to_owned(), Bytes::copy_from_slice(&GUID)));
    assert_eq!(read_as(&record, &Format::Detect, Some(&schema)).unwrap().event.id, "evt-1");
}

#[test]
fn our_own_schemas_carry_the_same_event_as_json() {
    for event_type in EventType::ALL {
        let event = read(&record(example_text(*event_type), &[])).unwrap().event;
        let schema = schema(&ours(*event_type), &[]).unwrap();
        let mut decoded =
            read_as(&framed(1, &encode_avro(&event)[10..]), &Format::ConfluentAvro, Some(&schema)).unwrap();
        decoded.event.traceparent.clone_from(&event.traceparent);
        assert_eq!(decoded.event, event);
    }
}

#[test]
fn the_binary_mode_may_carry_avro() {
    let schema = schema(&ours(EventType::OrderConfirmed)["fields"][3]["type"], &[]).unwrap();
    let datum = [0, 0, 0, 0, 7, 6, b'A', b'-', b'1', 26].iter().chain(b"maison-aubert").copied().collect::<Vec<u8>>();
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "/s"),
        ("ce_type", "order.confirmed"),
        ("ce_time", "2026-03-05T08:00:00"),
        ("content-type", "application/avro"),
    ];
    let record = record(datum, &headers);
    assert_eq!(schema_id(&record, &Format::Detect, &Limits::default()), Some(SchemaId::Number(7)));
    let decoded = read_as(&record, &Format::CloudEvents, Some(&schema)).unwrap();
    assert_eq!(data_of(&decoded), json!({ "shop": "maison-aubert", "order_id": "A-1" }));
    assert_eq!(decoded.zoneless, 1);
}

/// The schema of an order's confirmation, with other fields in its data.
fn with_data(fields: Value) -> Value {
    let mut schema = ours(EventType::OrderConfirmed);
    schema["fields"][3]["type"]["fields"] = fields;
    schema
}

fn refused(schema: &Value, datum: &[u8]) -> Refusal {
    let schema = self::schema(schema, &[]).unwrap();
    read_as(&framed(1, datum), &Format::ConfluentAvro, Some(&schema)).unwrap_err()
}

/// A text as Avro writes it.
fn text(text: &str) -> Vec<u8> {
    [&[u8::try_from(2 * text.len()).unwrap()], text.as_bytes()].concat()
}

#[test]
fn a_schema_that_does_not_fit_is_refused_by_the_name_of_what_does_not() {
    let start = [text("1"), text("/s"), vec![0]].concat();
    let shop = json!({ "name": "shop", "type": "string" });
    let refusal = refused(&with_data(json!([shop])), &[start.clone(), text("maison-aubert")].concat());
    assert_eq!((refusal.stage, refusal.cause), ("decode", "incompatible_schema"));
    assert!(refusal.detail.contains("data.order_id is not there, or not a string"), "{}", refusal.detail);

    let number = json!([shop, { "name": "order_id", "type": "long" }]);
    let refusal = refused(&with_data(number), &[start.clone(), text("maison-aubert"), vec![2]].concat());
    assert!(refusal.cause == "incompatible_schema" && refusal.detail.contains("data.order_id"), "{refusal:?}");

    let nullable = json!([shop, { "name": "order_id", "type": ["null", "string"] }]);
    let refusal = refused(&with_data(nullable), &[start, text("maison-aubert"), vec![0]].concat());
    assert!(refusal.cause == "incompatible_schema" && refusal.detail.contains("data.order_id"), "{refusal:?}");

    let other = json!({ "type": "record", "name": "Weather", "fields": [{ "name": "id", "type": "string" }] });
    let refusal = refused(&other, &text("jane@personal.test"));
    assert!(refusal.cause == "incompatible_schema" && refusal.detail.contains("OrderConfirmed"), "{refusal:?}");
    assert!(!refusal.detail.contains("jane"));
}

#[test]
fn a_schema_that_nobody_should_read_with_is_refused() {
    let record = |fields: Value| json!({ "type": "record", "name": "OrderConfirmed", "fields": fields });
    let list = |items: Value| record(json!([{ "name": "list", "type": { "type": "array", "items": items } }]));
    let chain = |depth: usize| (0..depth).fold(json!("int"), |inner, _| json!({ "type": "array", "items": inner }));
    let mut doubling = json!("int");
    for level in 0..14 {
        let first = json!({ "name": "a", "type": doubling });
        let fields = if level == 0 {
            json!([first, { "name": "b", "type": "int" }])
        } else {
            json!([first, { "name": "b", "type": format!("L{}", level - 1) }])
        };
        doubling = json!({ "type": "record", "name": format!("L{level}"), "fields": fields });
    }
    for (what, schema) in [
        ("recursive", record(json!([{ "name": "next", "type": ["null", "OrderConfirmed"] }]))),
        ("too deep", list(chain(80))),
        ("doubling", list(doubling)),
        ("endless", list(json!("null"))),
        ("endless by an empty record", list(json!({ "type": "record", "name": "E", "fields": [] }))),
        ("fixed", list(json!({ "type": "fixed", "name": "F", "size": 2_000_000_000 }))),
        ("no such name", list(json!("Nowhere"))),
        ("no schema", json!({ "type": "recrod" })),
    ] {
        let refusal = self::schema(&schema, &[]).expect_err(what);
        assert_eq!((refusal.stage, refusal.cause), ("decode", "unreadable_schema"), "{what}: {}", refusal.detail);
    }
    let kind = Registered { kind: "PROTOBUF".to_owned(), text: "syntax".to_owned(), references: vec![] };
    assert!(WriterSchema::parse(&kind).unwrap_err().detail.contains("no Avro"));
}

/// At its end the library would go on with nulls: a few bytes would fill the memory.
#[test]
fn a_list_that_promises_more_than_it_holds_ends_at_once() {
    let fields: Vec<Value> =
        (0..200).map(|at| json!({ "name": format!("f{at}"), "type": ["null", "string"] })).collect();
    let item = json!({ "type": "record", "name": "I", "fields": fields });
    let schema = json!({ "type": "record", "name": "OrderConfirmed", "fields": [
        { "name": "list", "type": { "type": "array", "items": item } }
    ] });
    // 100,000 elements, and none there
    let refusal = refused(&schema, &[0xC0, 0x9A, 0x0C]);
    assert_eq!(refusal.cause, "malformed_avro");
    assert!(refusal.detail.contains("ends before"), "{}", refusal.detail);
}
