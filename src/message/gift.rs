//! What a present must not give away: the recipient is told that something comes, when and where, and
//! neither what it cost nor what it is.

use serde_json::Value;

/// What the recipient's letter does not have, by its path; `*` is each of a list.
const HIDDEN: [&str; 14] = [
    "order.url",
    "order.items",
    "order.count",
    "order.totals",
    "order.delivery.insured",
    "order.delivery.service",
    "shipment.items",
    "parcels.*.items",
    "parcel.items",
    "together.*.items",
    "products",
    "cancelled",
    "refund",
    "returned",
];

/// Takes out of the facts what would spoil it. A template that uses it all the same cannot be written.
pub fn keep_secret(facts: &mut Value) {
    for path in HIDDEN {
        hide(facts, path);
    }
}

fn hide(facts: &mut Value, path: &str) {
    match (facts, path.split_once('.')) {
        (Value::Object(object), None) => drop(object.remove(path)),
        (Value::Object(object), Some((first, rest))) => {
            if let Some(inner) = object.get_mut(first) {
                hide(inner, rest);
            }
        }
        (Value::Array(list), Some(("*", rest))) => list.iter_mut().for_each(|one| hide(one, rest)),
        _ => {}
    }
}
