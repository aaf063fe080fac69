//! The document that a shop's own webhook receives. Built in code: its receivers are programs,
//! and its form must not depend on anybody's words.

use serde_json::{Map, Value, json};

use super::Letter;

/// Below what receivers of webhooks commonly accept.
const MOST_BYTES: usize = 20_000;

/// What the document tells of the scene. Neither name nor address of the customer is among it:
/// the shop knows them by the order's id.
const FACTS: [&str; 10] =
    ["arrival", "delay", "hold", "parcels", "shipment", "delivered", "cancelled", "refund", "returned", "concerns"];

/// The document of a letter.
pub fn document(letter: &Letter<'_>, locale: &str, scene: &Value, title: &str, text: &str) -> String {
    let journey = letter.journey;
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| data.insert(name.to_owned(), value);
    put("notification", json!(letter.notification));
    put("shop", json!(letter.shop_id));
    put("order_id", json!(journey.key.order_id));
    put("message", json!(letter.message));
    put("subject", json!(letter.subject.to_string()));
    put("phase", json!(journey.phase(letter.now)));
    put("locale", json!(locale));
    put("title", json!(title));
    put("text", json!(text));
    if let Some(promise) = scene.pointer("/order/promise") {
        put("promise", promise.clone());
    }
    for fact in FACTS {
        if let Some(value) = scene.get(fact) {
            put(fact, value.clone());
        }
    }
    let mut document = json!({ "type": letter.message, "timestamp": letter.now, "data": data });
    let mut body = document.to_string();
    // the longest go first; what identifies the message always fits
    for fact in ["shipment", "parcels", "hold", "delay", "text"] {
        if body.len() <= MOST_BYTES {
            break;
        }
        if let Some(data) = document["data"].as_object_mut() {
            data.remove(fact);
            data.insert("shortened".to_owned(), Value::Bool(true));
        }
        body = document.to_string();
    }
    body
}
