//! What happens in a test: a short form of each event, filled up to a canonical one.

use std::collections::BTreeSet;

use chrono::Duration;
use serde_json::{Map, Value, json};

use super::keys;
use super::moment::Frame;
use crate::domain::event::{Event, EventType};
use crate::domain::fault::nearest;
use crate::domain::receipt::Receipt;
use crate::domain::rule::RuleName;
use crate::domain::time::Timestamp;
use crate::schema::DataSchema;

const SHOP: &str = "shop";
const ORDER: &str = "ORDER-1";
const CARRIER: &str = "colissimo";

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Happening {
    /// When it is learnt.
    pub at: Timestamp,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Event(Box<Event>),
    /// Nothing can be sent from now on.
    Away,
    /// What waits can be sent.
    Back,
    /// Something is heard of the last message of a rule.
    Receipt {
        receipt: Receipt,
        of: RuleName,
    },
}

/// Lays `over` on what lies `under` it, mapping by mapping; null takes away.
pub fn lay(over: Value, under: &mut Value) {
    match (over, under) {
        (Value::Object(over), Value::Object(under)) => {
            for (key, value) in over {
                lay(value, under.entry(key).or_insert(Value::Null));
            }
        }
        (over, under) => *under = over,
    }
}

/// The canonical data of the order that a test begins with.
///
/// # Errors
/// The key that is wrong, and what is wrong with it.
pub fn order(given: Value, frame: &Frame) -> Result<Value, (String, String)> {
    let of_none = |what: String| (String::new(), what);
    let mut order: Value =
        serde_json::from_str(include_str!("order.json")).map_err(|error| of_none(error.to_string()))?;
    let mut given = match given {
        Value::Null => Map::new(),
        Value::Object(given) => given,
        _ => return Err(of_none("a mapping is needed".to_owned())),
    };
    check_keys(EventType::OrderPlaced, keys::GIVEN, &given)?;
    let mut put = |path: &[&str], value: Option<Value>| {
        if let Some(value) = value {
            let nested = path.iter().rev().fold(value, |value, key| json!({ *key: value }));
            lay(nested, &mut order);
        }
    };
    for key in ["method", "express", "service"] {
        put(&["delivery", key], given.remove(key));
    }
    put(&["delivery", "address", "country"], given.remove("country"));
    let total = given.remove("total").map(|total| json!(text_of(&total)));
    put(&["totals", "total"], total.clone());
    put(&["totals", "items"], total);
    lay(Value::Object(given), &mut order);
    for (index, item) in order["items"].as_array_mut().into_iter().flatten().enumerate() {
        let mut whole =
            json!({ "sku": format!("ITEM-{}", index + 1), "name": "Item", "quantity": 1, "unit_price": "10.00" });
        lay(item.take(), &mut whole);
        *item = whole;
    }
    moments(&mut order, frame).map_err(of_none)?;
    order["shop"] = json!(SHOP);
    order["order_id"] = json!(ORDER);
    Ok(without_null(order))
}

/// The order as it is placed at the start.
pub fn placed(order: &Value, frame: &Frame) -> Option<Happening> {
    let event = event(EventType::OrderPlaced, "placed".to_owned(), frame.start, order.clone()).ok()?;
    Some(Happening { at: frame.start, what: What::Event(Box::new(event)) })
}

/// Reads what happens; `index` is its place among the others.
///
/// # Errors
/// The key that is wrong, and what is wrong with it.
pub fn read(index: usize, source: Value, order: &Value, frame: &Frame) -> Result<Happening, (String, String)> {
    let at_key = |key: &'static str| move |what: String| (key.to_owned(), what);
    let Value::Object(mut fields) = source else { return Err((String::new(), "a mapping is needed".to_owned())) };
    let mut moment = |key: &'static str| {
        let text = fields.remove(key).map(|value| text_of(&value));
        text.map(|text| frame.read(&text).map_err(at_key(key))).transpose()
    };
    let (at, happened) = (moment("at")?, moment("happened")?);
    let Some(at) = at else { return Err((String::new(), "it has no 'at'".to_owned())) };
    if let Some(providers) = fields.remove("providers") {
        let what = match providers.as_str() {
            Some("away") => What::Away,
            Some("back") => What::Back,
            _ => return Err(("providers".to_owned(), "providers: they are 'away' or 'back'".to_owned())),
        };
        return Ok(Happening { at, what });
    }
    if let Some(receipt) = fields.remove("receipt") {
        let known = Receipt::ALL.into_iter().filter(|known| *known != Receipt::Accepted);
        let Some(receipt) = known.into_iter().find(|known| receipt.as_str() == Some(known.as_str())) else {
            return Err(at_key("receipt")("receipt: delivered, bounced, failed or complained is needed".to_owned()));
        };
        let Some(of) = fields.remove("of") else {
            return Err(at_key("receipt")("receipt: 'of' says of which rule's message".to_owned()));
        };
        return Ok(Happening { at, what: What::Receipt { receipt, of: RuleName::from(&*text_of(&of)) } });
    }
    let Some(name) = fields.remove("event").map(|name| text_of(&name)) else {
        return Err((String::new(), "it has neither 'event' nor 'receipt' nor 'providers'".to_owned()));
    };
    let Some(event_type) = EventType::parse(&name) else {
        let known = nearest(&name, EventType::ALL.iter().map(|event| event.as_str()));
        let hint = known.map(|known| format!("; did you mean '{known}'?")).unwrap_or_default();
        return Err(("event".to_owned(), format!("there is no event '{name}'{hint}")));
    };
    check_keys(event_type, keys::EVENT, &fields)?;
    let id = fields.remove("id").map_or_else(|| format!("event-{}", index + 1), |id| text_of(&id));
    let mut data = data_of(event_type, fields, order);
    moments(&mut data, frame).map_err(at_key("event"))?;
    let event = event(event_type, id, happened.unwrap_or(at), without_null(data)).map_err(at_key("event"))?;
    Ok(Happening { at, what: What::Event(Box::new(event)) })
}

fn event(event_type: EventType, id: String, time: Timestamp, data: Value) -> Result<Event, String> {
    let body = event_type.read(data).map_err(|error| format!("{}: {error}", event_type.as_str()))?;
    Ok(Event { id, source: "/test".to_owned(), time, traceparent: None, body })
}

/// The canonical data, as far as the short form goes.
fn data_of(event_type: EventType, mut fields: Map<String, Value>, order: &Value) -> Value {
    let mut data = if event_type == EventType::OrderPlaced { order.clone() } else { json!({}) };
    let mut take = |key: &str| fields.remove(key);
    let (laid, parcel, by, parcels) = (take("data"), take("parcel"), take("by"), take("parcels"));
    let (shipment, until) = (take("shipment"), take("until"));
    let number = |given: Option<Value>| given.map_or_else(|| "A1".to_owned(), |given| text_of(&given));
    let waybill = |number: String| json!({ "carrier": CARRIER, "tracking_number": number });
    if has(event_type, "order_id") {
        data["order_id"] = json!(ORDER);
    }
    data["shop"] = json!(SHOP);
    if has(event_type, "shipment_id") {
        data["shipment_id"] = json!(shipment.map_or_else(|| "S1".to_owned(), |id| text_of(&id)));
    }
    match event_type {
        EventType::ParcelTracked | EventType::ParcelEtaChanged => lay(waybill(number(parcel)), &mut data),
        EventType::ShipmentCreated => {
            let given = parcels.or(parcel).unwrap_or_else(|| json!(["A1"]));
            let given = if given.is_array() { given } else { json!([given]) };
            let parcels = given.as_array().into_iter().flatten();
            let parcels = parcels.map(|one| if one.is_object() { one.clone() } else { waybill(text_of(one)) });
            data["parcels"] = parcels.collect();
        }
        EventType::ShipmentReplaced => {
            data["replaced"] = waybill(number(parcel));
            data["replacement"] = waybill(by.map_or_else(|| "A2".to_owned(), |by| text_of(&by)));
        }
        EventType::OrderRefunded => data["amount"] = order["totals"]["total"].clone(),
        EventType::CustomerErased => data["customer_id"] = order["customer"]["id"].clone(),
        EventType::CustomerUpdated => data["customer"] = json!({ "id": order["customer"]["id"] }),
        _ => {}
    }
    if let Some(until) = until {
        let held = json!({ "until": until });
        lay(if has(event_type, "until") { held } else { json!({ "hold": held }) }, &mut data);
    }
    lay(Value::Object(fields), &mut data);
    if let Some(laid) = laid {
        lay(laid, &mut data);
    }
    data
}

/// The data of that type has such a key.
fn has(event_type: EventType, key: &str) -> bool {
    DataSchema::of(event_type).data["properties"].get(key).is_some()
}

fn check_keys(event_type: EventType, short: &[keys::Key], fields: &Map<String, Value>) -> Result<(), (String, String)> {
    let schema = DataSchema::of(event_type);
    let canonical = schema.data["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    let known: BTreeSet<&str> = canonical.chain(short.iter().map(|(key, _)| *key)).collect();
    let Some(key) = fields.keys().find(|key| !known.contains(key.as_str())) else { return Ok(()) };
    let hint = match (above(schema, key), nearest(key, known.iter().copied())) {
        (Some(above), _) => format!("did you mean '{above}: {{ {key}: … }}'?"),
        (None, Some(near)) => format!("did you mean '{near}'?"),
        (None, None) => format!("known: {}", Vec::from_iter(known).join(", ")),
    };
    Err((key.clone(), format!("{} has no '{key}'; {hint}", event_type.as_str())))
}

/// The key of the data whose value may have this one.
fn above<'s>(schema: &'s DataSchema, key: &str) -> Option<&'s str> {
    let definition = |it: &Value| it["$ref"].as_str().and_then(|name| schema.definitions.get(name.rsplit('/').next()?));
    let has = |it: &Value| definition(it).is_some_and(|found| found["properties"].get(key).is_some());
    let choices = |it: &'s Value| it["anyOf"].as_array().into_iter().flatten();
    let mut parts = schema.data["properties"].as_object()?.iter();
    parts.find(|(_, part)| has(part) || choices(part).any(has)).map(|(above, _)| above.as_str())
}

/// Reads the moments in canonical data: a window may be given by its last moment.
fn moments(data: &mut Value, frame: &Frame) -> Result<(), String> {
    let entries = match data {
        Value::Object(entries) => entries,
        Value::Array(list) => return list.iter_mut().try_for_each(|one| moments(one, frame)),
        _ => return Ok(()),
    };
    for (key, value) in entries {
        let is_moment = value.is_string() || value.is_number();
        match key.as_str() {
            "earliest" | "latest" | "until" if is_moment => *value = json!(frame.read(&text_of(value))?),
            "eta" | "promise" | "appointment" if is_moment => {
                let latest = frame.read(&text_of(value))?;
                *value = json!({ "earliest": latest.plus(-Duration::hours(2)), "latest": latest });
            }
            _ => moments(value, frame)?,
        }
    }
    Ok(())
}

/// Null says that there is none.
fn without_null(data: Value) -> Value {
    match data {
        Value::Object(entries) => Value::Object(
            entries.into_iter().filter(|(_, it)| !it.is_null()).map(|(key, it)| (key, without_null(it))).collect(),
        ),
        Value::Array(list) => list.into_iter().map(without_null).collect(),
        other => other,
    }
}

/// Numbers are read as they are written.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
