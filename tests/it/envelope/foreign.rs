//! Records that are no CloudEvents: Debezium's outbox in each of its shapes, and JSON whose parts
//! are where the operator says.

use bytes::Bytes;
use reassure::domain::event::EventType;
use reassure::domain::time::Timestamp;
use reassure::envelope::format::{Mapping, Origin};
use reassure::envelope::{Decoded, Format, Refusal, encode};
use reassure::ports::Record;
use serde_json::{Value, json};

use super::{confluent, example, read, read_as, record};

const ID: &str = "4d47e190-0402-4048-bc2c-89dd54343cdc";
/// When the row was written, as the connector puts it into the record's timestamp.
const WRITTEN: i64 = 1_772_700_000_000;

fn outbox(value: &Value, headers: &[(&str, &str)]) -> Record {
    Record { key: Some(Bytes::from_static(b"A-1")), timestamp: Some(WRITTEN), ..record(value.to_string(), headers) }
}

fn debezium(record: &Record) -> Result<Decoded, Refusal> {
    read_as(record, &Format::Debezium(Mapping::debezium()), None)
}

fn data() -> Value {
    example(EventType::OrderPlaced)["data"].clone()
}

/// The event that all shapes of the example carry.
fn assert_is_the_example(decoded: &Decoded, what: &str) {
    let example = read(&record(example(EventType::OrderPlaced).to_string(), &[])).unwrap();
    assert_eq!(decoded.event.body, example.event.body, "{what}");
    assert_eq!((&*decoded.event.id, &*decoded.event.source), (ID, "/orders"), "{what}");
    assert_eq!(decoded.event.time, Timestamp::from_millis(WRITTEN), "{what}");
}

#[test]
fn an_outbox_row_is_read_in_every_shape_that_the_connector_gives_it() {
    let text = data().to_string();
    let schema = json!({ "type": "string", "optional": true, "name": "io.debezium.data.Json", "version": 1 });
    let in_header = [("id", ID), ("eventType", "order.placed")];
    for (what, value, headers) in [
        ("text within JSON, as the JSON converter writes a column", json!(text), &in_header),
        ("JSON itself: expanded, or by a string converter", data(), &in_header),
        ("text within the converter's schema and payload", json!({ "schema": schema, "payload": text }), &in_header),
        (
            "expanded within schema and payload",
            json!({ "schema": { "type": "struct" }, "payload": data() }),
            &in_header,
        ),
        ("schemas without a schema", json!({ "schema": null, "payload": text }), &in_header),
        ("headers by the JSON converter", json!(text), &[("id", &*format!("\"{ID}\"")), ("type", "\"order.placed\"")]),
    ] {
        assert_is_the_example(&debezium(&outbox(&value, headers)).unwrap(), what);
    }
    let in_envelope = json!({ "payload": text, "eventType": "order.placed" });
    let wrapped = json!({ "schema": { "type": "struct" }, "payload": in_envelope });
    let expanded = json!({ "payload": data(), "type": "order.placed", "aggregatetype": "order" });
    for (what, value) in [("envelope", in_envelope), ("wrapped envelope", wrapped), ("expanded envelope", expanded)] {
        assert_is_the_example(&debezium(&outbox(&value, &[("id", ID)])).unwrap(), what);
    }
}

#[test]
fn an_outbox_row_may_hold_a_whole_event() {
    let event = example(EventType::OrderPlaced);
    let decoded = debezium(&outbox(&json!(event.to_string()), &[("id", ID)])).unwrap();
    assert_eq!(decoded, read(&record(event.to_string(), &[])).unwrap());
}

#[test]
fn an_outbox_row_may_be_avro() {
    let fields = json!([
        { "name": "payload", "type": "string" },
        { "name": "eventType", "type": "string" },
    ]);
    let schema = json!({ "type": "record", "name": "Value", "fields": fields });
    let schema = confluent::schema(&schema, &[]).unwrap();
    let payload = json!({ "shop": "maison-aubert", "order_id": "A" }).to_string();
    let mut datum = vec![u8::try_from(2 * payload.len()).unwrap()];
    datum.extend_from_slice(payload.as_bytes());
    datum.push(30);
    datum.extend_from_slice(b"order.confirmed");
    let mut record = confluent::framed(3, &datum);
    record.headers.push(("id".to_owned(), ID.into()));
    record.timestamp = Some(WRITTEN);
    let decoded = read_as(&record, &Format::Debezium(Mapping::debezium()), Some(&schema)).unwrap();
    assert_eq!((decoded.event.body.event_type(), &*decoded.event.id), (EventType::OrderConfirmed, ID));
}

#[test]
fn the_publishers_types_are_translated() {
    let mut mapping = Mapping::debezium();
    mapping.types.insert("OrderCreated".to_owned(), EventType::OrderPlaced);
    let format = Format::Debezium(mapping);
    let record = outbox(&data(), &[("id", ID), ("eventType", "OrderCreated")]);
    assert_is_the_example(&read_as(&record, &format, None).unwrap(), "translated");
    let refusal = debezium(&record).unwrap_err();
    assert_eq!(refusal.cause, "unknown_type");
}

#[test]
fn what_an_outbox_row_lacks_is_named() {
    for (value, headers, cause, words) in [
        (
            data(),
            &[("id", ID)] as &[(&str, &str)],
            "missing_field",
            "type is missing; it is looked for in the header eventType",
        ),
        (data(), &[("eventType", "order.placed")], "missing_field", "id is missing; it is looked for in the header id"),
        (json!("jane@personal.test"), &[("id", ID), ("type", "order.placed")], "malformed_json", "the payload"),
        (json!(null), &[("id", ID), ("type", "order.placed")], "invalid_field", "data"),
        (json!([1]), &[("id", ID), ("type", "order.placed")], "invalid_field", "data"),
    ] {
        let refusal = debezium(&outbox(&value, headers)).unwrap_err();
        assert_eq!(refusal.cause, cause, "{}", refusal.detail);
        assert!(refusal.detail.contains(words) && !refusal.detail.contains("jane"), "{}", refusal.detail);
    }
    let mut timeless = outbox(&data(), &[("id", ID), ("type", "order.placed")]);
    timeless.timestamp = None;
    assert!(debezium(&timeless).unwrap_err().detail.contains("timestamp"));
}

fn field(pointer: &str) -> Origin {
    Origin::Field(pointer.to_owned())
}

fn mapping() -> Mapping {
    Mapping {
        event_type: vec![field("/meta/kind")],
        types: [("CONFIRMED".to_owned(), EventType::OrderConfirmed)].into(),
        id: Some(field("/meta/id")),
        time: Some(field("/meta/at")),
        source: Some(Origin::Header("origin".to_owned())),
        data: Some("/order".to_owned()),
    }
}

#[test]
fn the_parts_of_plain_json_are_where_the_mapping_says() {
    let payload = json!({
        "meta": { "kind": "CONFIRMED", "id": 17, "at": "2026-07-01T09:30:00" },
        "order": { "shop": "maison-aubert", "order_id": "A" },
    });
    let given = record(payload.to_string(), &[("Origin", "/legacy")]);
    let decoded = read_as(&given, &Format::Json(mapping()), None).unwrap();
    assert_eq!((&*decoded.event.id, &*decoded.event.source), ("17", "/legacy"));
    assert_eq!(decoded.event.body.event_type(), EventType::OrderConfirmed);
    // a time without a zone is the shop's
    assert_eq!((decoded.event.time, decoded.zoneless), (Timestamp::parse("2026-07-01T07:30:00Z").unwrap(), 1));

    for (pointer, wrong, words) in [
        ("/meta/kind", json!({}), "type is missing; it is looked for in the field /meta/kind"),
        ("/meta/id", json!(null), "id is missing"),
        ("/meta/at", json!("jane"), "time is not a date and time"),
        ("/order", json!(7), "data"),
    ] {
        let mut payload = payload.clone();
        *payload.pointer_mut(pointer).unwrap() = wrong;
        let given = record(payload.to_string(), &[("origin", "/legacy")]);
        let refusal = read_as(&given, &Format::Json(mapping()), None).unwrap_err();
        assert!(refusal.detail.contains(words) && !refusal.detail.contains("jane"), "{}", refusal.detail);
    }
    let refusal = read_as(&record(payload.to_string(), &[]), &Format::Json(mapping()), None).unwrap_err();
    assert!(refusal.detail.contains("source is missing; it is looked for in the header origin"), "{}", refusal.detail);
}

/// I1: a record without an id is known by its place, and a topic that was made anew is another.
#[test]
fn a_record_without_an_id_is_the_same_whenever_it_is_read() {
    let format =
        Format::Json(Mapping { event_type: vec![Origin::Fixed("order.confirmed".to_owned())], ..Mapping::default() });
    let given = outbox(&json!({ "shop": "maison-aubert", "order_id": "A" }), &[]);
    let key = |record: &Record| read_as(record, &format, None).unwrap().event.key();
    assert_eq!(key(&given), key(&given));
    assert_ne!(key(&given), key(&Record { offset: 1, ..given.clone() }));
    assert_ne!(key(&given), key(&Record { timestamp: Some(WRITTEN + 1), ..given.clone() }));
    let mut elsewhere = given.clone();
    elsewhere.partition.number = 1;
    assert_ne!(key(&given), key(&elsewhere));
    elsewhere.partition = reassure::ports::Partition { topic: "others".into(), number: 0 };
    assert_ne!(key(&given), key(&elsewhere));
    assert!(String::from_utf8(encode(&read_as(&given, &format, None).unwrap().event)).unwrap().contains("\"/orders\""));
}
