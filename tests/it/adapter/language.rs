//! What a mapping can say.

use serde_json::{Value, json};

use super::{adapter, record};

const HEAD: &str = "
adapter: own
says: For this test.
version: 1
api: \"1\"
documented_at: https://example.test
";

/// What `payload` becomes by a mapping with this way of taking and emitting.
fn becomes(rest: &str, payload: &Value) -> Result<Vec<Value>, String> {
    let own = adapter(&format!("{HEAD}{rest}")).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let headers = [("X-Topic".to_owned(), "orders".to_owned()), ("Shop".to_owned(), "maison-aubert".to_owned())];
    own.adapt(payload, &record(payload, &headers)).map_err(|refusal| format!("{}: {}", refusal.cause, refusal.detail))
}

/// The text of a scan whose `text` is this expression.
fn text(expression: &str, payload: &Value) -> Result<Value, String> {
    let rest = format!(
        "match: \"true\"
shop: headers.shop
emit:
  - type: parcel.tracked
    id: '\"1\"'
    time: '\"2026-05-05T10:00:00Z\"'
    data:
      carrier: '\"ups\"'
      tracking_number: '\"N1\"'
      status: {{ is: in_transit }}
      text: |
        {expression}
"
    );
    becomes(&rest, payload).map(|events| events[0]["data"]["text"].clone())
}

#[test]
fn what_is_missing_is_null_all_the_way_down() {
    for path in ["payload.a.b.c", "payload.list[7].x", "payload.none[\"x\"].y", "headers.not_there", "key"] {
        assert_eq!(text(path, &json!({ "list": [1], "none": null })), Ok(Value::Null), "{path}");
        assert_eq!(text(&format!("{path} == null ? \"none\" : \"some\""), &json!({})), Ok(json!("none")), "{path}");
    }
}

#[test]
fn functions_do_what_they_say() {
    let payload = json!({ "a": "", "b": "second", "n": 42, "big": 18_446_744_073_709_551_615_u64, "amounts": ["1.10", 2, null, "-0.2"], "tags": ["x", "y"] });
    for (expression, value) in [
        ("either(payload.a, payload.b)", json!("second")),
        ("either(payload.none, payload.a, payload.n)", json!("42")),
        ("either(payload.none, payload.a).x.y", Value::Null),
        ("words(payload.a, payload.b, \" third \")", json!("second third")),
        ("sum(payload.amounts)", json!("2.90")),
        ("sum(payload.none)", json!("0.00")),
        ("cents(1990, 2)", json!("19.90")),
        ("cents(-5, 2)", json!("-0.05")),
        ("cents(1990, 0)", json!("1990")),
        ("cents(payload.none, 2)", Value::Null),
        ("moment(\"20260505 101500\", \"%Y%m%d %H%M%S\")", json!("2026-05-05T10:15:00")),
        ("moment(\"20260505101500+02:00\", \"%Y%m%d%H%M%S%:z\")", json!("2026-05-05T10:15:00+02:00")),
        ("moment(\"05.05.2026\", \"%d.%m.%Y\")", json!("2026-05-05")),
        ("moment(payload.none, \"%Y\")", Value::Null),
        ("carrier(\"Mondial  Relay!\")", json!("mondial_relay")),
        ("text(payload.n) + \"!\"", json!("42!")),
        ("payload.big", json!("18446744073709551615")),
        ("payload.tags.map(tag, tag + \"1\").join(\",\")", json!("x1,y1")),
        ("\"y\" in payload.tags ? payload.tags[1] : \"\"", json!("y")),
        ("string(payload.none.size() + payload.tags.size())", json!("2")),
        ("payload.none.map(tag, tag).size() == 0 ? \"empty\" : \"full\"", json!("empty")),
    ] {
        assert_eq!(text(expression, &payload), Ok(value), "{expression}");
    }
}

#[test]
fn a_list_that_is_too_long_is_not_even_looked_at() {
    let payload = json!({ "long": vec![1; 501], "fits": vec![1; 500] });
    assert_eq!(text("payload.fits.map(one, one).size()", &payload), Ok(json!("500")));
    let refusal = text("payload.long.map(one, one).size()", &payload).unwrap_err();
    assert_eq!(refusal, "too_many: own: parcel.tracked.text: a list has more than 500 elements");
}

#[test]
fn an_object_of_the_payload_is_never_taken_over() {
    let payload = json!({ "customer": { "password_hash": "SECRET" }, "all": [{ "password_hash": "SECRET" }] });
    for expression in ["payload.customer", "payload.all", "payload", "either(payload.none, payload.customer)"] {
        let refusal = text(expression, &payload).unwrap_err();
        assert!(refusal.starts_with("invalid_field: own: parcel.tracked.text: "), "{refusal}");
        assert!(!refusal.contains("SECRET"), "{refusal}");
    }
}

#[test]
fn values_are_brought_into_the_type_of_their_field() {
    let rest = "match: \"true\"
shop: headers.shop
zone: Europe/Paris
emit:
  - type: order.placed
    id: [payload.n]
    time: payload.at
    subject: payload.n
    data:
      order_id: payload.n
      customer: {}
      currency: { is: EUR }
      items:
        each: item in payload.items
        when: item.quantity != \"0\"
        sku: item.sku
        name: item.name
        quantity: item.quantity
        unit_price: item.price
        best_before: item.day
      totals: { items: 'sum(payload.items.map(item, item.price))', total: payload.total }
      delivery: { express: true, address: { country: { is: FR }, city: payload.city } }
      promise: { earliest: payload.day, latest: payload.day }
";
    let payload = json!({
        "n": 7, "at": "2026-05-05 10:00:00", "day": "2026-05-07", "total": 10.123_456, "city": "",
        "items": [
            { "sku": 11, "name": "A", "quantity": "2.0000", "price": "3.333333", "day": "2026-06-01T00:00:00" },
            { "sku": 12, "name": "B", "quantity": "0", "price": 1 },
        ],
    });
    let expected = json!({
        "specversion": "1.0", "id": "order.placed/7", "source": "/own/maison-aubert", "type": "order.placed",
        "time": "2026-05-05T10:00:00+02:00", "subject": "7", "datacontenttype": "application/json",
        "data": {
            "shop": "maison-aubert", "order_id": "7", "customer": {}, "currency": "EUR",
            "items": [{ "sku": "11", "name": "A", "quantity": 2, "unit_price": "3.3333", "best_before": "2026-06-01" }],
            "totals": { "items": "4.3333", "total": "10.1235" },
            "delivery": { "express": true, "address": { "country": "FR" } },
            "promise": { "earliest": "2026-05-07T00:00:00+02:00", "latest": "2026-05-07T23:59:59+02:00" },
        },
    });
    assert_eq!(becomes(rest, &payload), Ok(vec![expected]));
}

#[test]
fn lists_within_lists_are_walked_and_named_where_they_fail() {
    let rest = "match: \"true\"
shop: headers.shop
emit:
  - type: parcel.tracked
    each: [shipment in payload.shipments, scan in shipment.scans]
    let: { number: shipment.number }
    when: scan.skip != true
    id: [number, scan.at]
    time: scan.at
    data: { carrier: '\"ups\"', tracking_number: number, status: { is: in_transit }, place: scan.place }
";
    let scan = |at: &str| json!({ "at": at });
    let mut payload = json!({ "shipments": [
        { "number": "A/1", "scans": [scan("2026-05-05T10:00:00Z"), { "skip": true }] },
        { "number": "B", "scans": [scan("2026-05-04T10:00:00Z")] },
    ]});
    let ids =
        |events: Vec<Value>| events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let expected = ["parcel.tracked/B/2026-05-04T10:00:00Z", "parcel.tracked/A%2F1/2026-05-05T10:00:00Z"];
    assert_eq!(becomes(rest, &payload).map(ids).unwrap(), expected);
    payload["shipments"][1]["scans"][0]["place"] = json!({ "city": "Lyon" });
    let refusal = becomes(rest, &payload).unwrap_err();
    assert!(refusal.contains("own: parcel.tracked[1][0].place: is an object"), "{refusal}");
}

#[test]
fn what_an_adapter_does_not_take_waits_and_what_it_ignores_does_not() {
    let rest = "match: headers.x_topic == payload.topic
ignore: payload.test == true
shop: headers.shop
emit:
  - { type: order.confirmed, id: [payload.id], time: payload.at, data: { order_id: payload.id } }
";
    let refusal = becomes(rest, &json!({ "topic": "products" })).unwrap_err();
    assert!(refusal.starts_with("unmatched_payload: own: "), "{refusal}");
    assert_eq!(becomes(rest, &json!({ "topic": "orders", "test": true })), Ok(vec![]));
    let refusal = becomes(rest, &json!({ "topic": "orders", "at": "2026-05-05T10:00:00Z" })).unwrap_err();
    assert_eq!(refusal, "missing_field: own: order.confirmed.id: nothing in the payload tells this event from others");
}
