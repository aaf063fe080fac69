//! Stand-ins for what names a person, an order or a parcel.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::event::{Body, Event};
use crate::domain::journey::Journey;

/// Which stand-in has come for what: the same for the same.
pub struct StandIns {
    parcels: BTreeMap<String, String>,
    shipments: BTreeMap<String, String>,
    items: BTreeMap<String, String>,
    /// By what the buyer is reached.
    buyers: Vec<String>,
}

/// What an order of a test has by itself, and must be told to lack.
const OWN: &str = include_str!("../order.json");

/// Keys of amounts, moments, codes and vocabularies: nothing of a person stands there.
const HARMLESS: [&str; 29] = [
    "amount",
    "best_before",
    "carrier",
    "category",
    "channel",
    "channels",
    "closes",
    "code",
    "concerns",
    "country",
    "currency",
    "day",
    "discount",
    "earliest",
    "extent",
    "items",
    "latest",
    "locale",
    "marketing",
    "method",
    "opens",
    "service",
    "shipping",
    "status",
    "time_zone",
    "topic",
    "total",
    "unit_price",
    "until",
];

/// Where carriers say that they have left a parcel; anything else may be a name.
const DELIVERED_TO: [&str; 5] = ["neighbour", "letterbox", "recipient", "reception", "safe_place"];

impl StandIns {
    pub fn of(journey: &Journey) -> Self {
        let number = |names: &mut dyn Iterator<Item = &str>, letter: &str| {
            let mut known = BTreeMap::new();
            for name in names {
                let next = format!("{letter}{}", known.len() + 1);
                known.entry(name.to_owned()).or_insert(next);
            }
            known
        };
        let customer = &journey.order.customer;
        let mut parcels: Vec<_> = journey.parcels.iter().collect();
        parcels.sort_by_key(|parcel| parcel.given_before.first().map_or(parcel.linked_at, |given| given.at));
        Self {
            parcels: number(&mut parcels.iter().map(|parcel| &*parcel.key.waybill.tracking_number), "A"),
            shipments: number(&mut journey.shipments.iter().map(|shipment| &*shipment.id), "S"),
            items: number(&mut journey.order.items.iter().map(|item| &*item.sku), "ITEM-"),
            buyers: [&customer.email, &customer.phone].into_iter().flatten().map(|text| contact(text)).collect(),
        }
    }

    /// A parcel's number or a shipment's id, with the life of the number behind it.
    pub fn about(&self, name: &str) -> String {
        let (number, life) =
            name.rsplit_once('/').map_or((name, String::new()), |(number, life)| (number, format!("/{life}")));
        match (self.shipments.get(name), self.parcels.get(name), self.parcels.get(number)) {
            (Some(id), _, _) | (_, Some(id), _) => id.clone(),
            (_, _, Some(id)) => format!("{id}{life}"),
            _ => name.to_owned(),
        }
    }

    /// The order, laid over that of tests: what it lacks is null.
    pub fn order(&self, order: Value) -> Map<String, Value> {
        let mut order = self.replace("", order);
        if let Ok(own) = serde_json::from_str(OWN) {
            lack(&own, &mut order);
        }
        order.as_object().cloned().unwrap_or_default()
    }

    /// The keys of an event beside its type, in the short form where there is one.
    pub fn data(&self, event: &Event) -> Map<String, Value> {
        let Value::Object(mut data) = self.replace("", json!(event.body)) else { return Map::new() };
        for key in ["shop", "order_id", "customer_id"] {
            data.remove(key);
        }
        if let Some(id) = data.remove("shipment_id") {
            data.insert("shipment".to_owned(), id);
        }
        let common = |waybill: &Value| waybill["carrier"] == "colissimo";
        match &event.body {
            Body::ParcelTracked(_) | Body::ParcelEtaChanged(_) => {
                if let Some(number) = data.remove("tracking_number") {
                    data.insert("parcel".to_owned(), number);
                }
                if data.get("carrier").is_some_and(|carrier| carrier == "colissimo") {
                    data.remove("carrier");
                }
            }
            Body::ShipmentCreated(_) => {
                let parcels = data.get("parcels").and_then(Value::as_array).cloned().unwrap_or_default();
                if parcels.iter().all(common) {
                    let numbers = parcels.iter().map(|parcel| parcel["tracking_number"].clone()).collect();
                    data.insert("parcels".to_owned(), numbers);
                }
            }
            Body::CustomerUpdated(_) => {
                if let Some(customer) = data.get_mut("customer").and_then(Value::as_object_mut) {
                    customer.remove("id");
                }
            }
            _ => {}
        }
        data.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
        data
    }

    /// `value` of `key`, with stand-ins for what may be personal. What is not known to be harmless
    /// is left out.
    fn replace(&self, key: &str, value: Value) -> Value {
        let Value::Object(map) = value else {
            return match value {
                Value::Array(list) if key == "lines" => {
                    list.iter().map(|_| json!("1 Example Street")).take(1).collect()
                }
                Value::Array(list) => list.into_iter().map(|one| self.replace(key, one)).collect(),
                other => self.scalar(key, other),
            };
        };
        let within = |inner: &str| match (key, inner) {
            ("items", "name") => "item_name".to_owned(),
            ("point", "name") => "point_name".to_owned(),
            ("point" | "customer", "id") => format!("{key}_id"),
            // of a present: not reached at the buyer's address
            ("recipient", "email" | "phone") => format!("recipient_{inner}"),
            ("hold", "code") => "pickup_code".to_owned(),
            _ => inner.to_owned(),
        };
        let replaced = map.into_iter().map(|(inner, value)| {
            let value = self.replace(&within(&inner), value);
            (inner, value)
        });
        Value::Object(replaced.filter(|(_, value)| !value.is_null()).collect())
    }

    fn scalar(&self, key: &str, value: Value) -> Value {
        let Value::String(text) = &value else { return value };
        let known = |names: &BTreeMap<String, String>| names.get(text).cloned();
        // the buyer once more is reached where the buyer is
        let as_buyer = key.strip_prefix("recipient_").filter(|_| self.buyers.contains(&contact(text)));
        let key = as_buyer.unwrap_or(key);
        match key {
            "tracking_number" => json!(known(&self.parcels).unwrap_or_else(|| "A9".to_owned())),
            "shipment_id" => json!(known(&self.shipments).unwrap_or_else(|| "S9".to_owned())),
            "sku" => json!(known(&self.items).unwrap_or_else(|| "ITEM-9".to_owned())),
            "name" | "recipient_name" => json!("Ada Example"),
            "item_name" => json!("Item"),
            "label" => json!("Tax"),
            "point_name" if text.is_empty() => value,
            "point_name" => json!("A pickup point"),
            "point_id" => json!("P1"),
            "customer_id" => json!("c-1"),
            // that it is none, or not valid, is what the decision hangs on
            "email" if text.contains('@') => json!("ada@client.example"),
            "recipient_email" if text.contains('@') => json!("louise@client.example"),
            "email" | "recipient_email" => json!("not an address"),
            "phone" if text.bytes().filter(u8::is_ascii_digit).count() >= 9 => json!("+33612345678"),
            "recipient_phone" if text.bytes().filter(u8::is_ascii_digit).count() >= 9 => json!("+33639980002"),
            "phone" | "recipient_phone" => json!("12"),
            "city" => json!("Lyon"),
            "postal_code" => json!("69001"),
            "usage" => json!("How to use it."),
            "guide_url" | "order_url" => json!("https://shop.example/1"),
            "pickup_code" => json!("0000"),
            "reason" => json!("for a reason"),
            "place" => json!("Lyon"),
            "delivered_to" if DELIVERED_TO.contains(&&**text) => value,
            _ if HARMLESS.contains(&key) => value,
            _ => Value::Null,
        }
    }
}

/// However it is spelt.
fn contact(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Null for every key of `own` that `order` does not have.
fn lack(own: &Value, order: &mut Value) {
    let (Value::Object(own), Value::Object(order)) = (own, order) else { return };
    for (key, value) in own {
        match order.get_mut(key) {
            Some(known) => lack(value, known),
            None => drop(order.insert(key.clone(), Value::Null)),
        }
    }
}
