//! What a shop and its carrier publish.

use chrono::{Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

pub const SHOP: &str = "lumen";
pub const ORDERS: &str = "reassure.orders";
pub const CARRIERS: &str = "reassure.carriers";

/// So many minutes ago, as events write times.
pub fn ago(minutes: i64) -> String {
    (Utc::now() - Duration::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub fn event(id: &str, event_type: &str, time: String, data: Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/test", "type": event_type, "time": time, "data": data })
}

/// Somebody who reads e-mails.
pub fn reader(order: &str) -> Value {
    json!({ "id": format!("c-{order}"), "name": "Ada Tester", "email": format!("{}@client.example", order.to_lowercase()), "locale": "en" })
}

/// Somebody who has a telephone of their own and nothing else.
pub fn caller(order: &str) -> Value {
    let number = order.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap_or(1) % 10_000;
    let phone = format!("+33 6 39 98 {:02} {:02}", number / 100, number % 100);
    json!({ "id": format!("c-{order}"), "name": "Ada Tester", "phone": phone, "locale": "en" })
}

pub fn placed_by(order: &str, customer: Value) -> Value {
    let data = json!({
        "shop": SHOP, "order_id": order, "customer": customer, "currency": "EUR",
        "items": [{ "sku": "LAMP", "name": "Reading lamp", "quantity": 1, "unit_price": "49.00" }],
        "totals": { "items": "49.00", "shipping": "4.90", "discount": "0.00", "taxes": [], "total": "53.90" },
        "delivery": {
            "method": "home", "service": "Standard",
            "address": { "name": "Ada Tester", "lines": ["1 Sample Street"], "postal_code": "69001", "city": "Lyon", "country": "FR" },
        },
        "promise": { "earliest": ago(-2 * 24 * 60), "latest": ago(-4 * 24 * 60) },
    });
    event(&format!("{order}-placed"), "order.placed", ago(180), data)
}

pub fn placed(order: &str) -> Value {
    placed_by(order, reader(order))
}

/// A rule that speaks with every question; more of its keys can follow.
pub const ASKED: &str = "
- rule: asked
  says: We have heard you.
  on: support.contacted
  message: collected
  channels: [email]
  once_per: event
  expires: 2d
";

/// A question about an order.
pub fn asked(order: &str, number: u32) -> Value {
    let data = json!({ "shop": SHOP, "order_id": order });
    event(&format!("{order}-asked-{number}"), "support.contacted", ago(0), data)
}

pub fn cancelled(order: &str) -> Value {
    event(&format!("{order}-cancelled"), "order.cancelled", ago(1), json!({ "shop": SHOP, "order_id": order }))
}

fn number(order: &str) -> String {
    format!("{order}T")
}

pub fn shipped(order: &str) -> Value {
    let parcel = json!({ "carrier": "colissimo", "tracking_number": number(order) });
    let data = json!({ "shop": SHOP, "order_id": order, "shipment_id": format!("{order}-S"), "parcels": [parcel] });
    event(&format!("{order}-shipped"), "shipment.created", ago(120), data)
}

/// A scan by the parcel's number alone.
pub fn scan(order: &str, status: &str, minutes_ago: i64) -> Value {
    let data = json!({ "shop": SHOP, "carrier": "colissimo", "tracking_number": number(order), "status": status });
    event(&format!("{order}-{status}-{minutes_ago}"), "parcel.tracked", ago(minutes_ago), data)
}

/// Where an event is published, and under which key.
pub fn place(event: &Value) -> (&'static str, String) {
    let of = |field: &str| event["data"][field].as_str().unwrap_or_default().to_owned();
    let of_carrier = event["type"].as_str().is_some_and(|name| name.starts_with("parcel."));
    if of_carrier { (CARRIERS, of("tracking_number")) } else { (ORDERS, of("order_id")) }
}
