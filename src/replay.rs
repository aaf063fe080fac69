//! The past of a journey, taken back out of what is kept of it.
//!
//! Events are not kept, but what they said is: the timeline knows when each came, and the journey
//! holds the facts. What a later event has replaced is gone; [`Replay::replaced`] names it.

use serde_json::{Map, Value, json};

use crate::domain::apply::{apply, begin};
use crate::domain::decision::{Cause, Entry, Sent, Verdict};
use crate::domain::event::{Body, Event, EventType, Line, OrderPlaced};
use crate::domain::journey::{Journey, Parcel};
use crate::domain::shop::Shop;
use crate::domain::time::Timestamp;

/// The past of a journey.
#[derive(Debug)]
pub struct Replay<'a> {
    journey: &'a Journey,
    entries: &'a [Entry],
}

impl<'a> Replay<'a> {
    pub fn new(journey: &'a Journey, entries: &'a [Entry]) -> Self {
        Self { journey, entries }
    }

    /// The event behind an entry, as far as it is known; none if a deadline or a second look is
    /// behind it.
    pub fn event(&self, entry: &Entry) -> Option<Event> {
        let Cause::Event { event_type, source, id, time } = &entry.cause else { return None };
        let event_type = EventType::parse(event_type)?;
        let mut data = Map::from_iter([
            ("shop".to_owned(), json!(self.journey.key.shop)),
            ("order_id".to_owned(), json!(self.journey.key.order_id)),
        ]);
        data.extend(self.said(event_type, *time, entry.note.as_deref().unwrap_or_default()));
        let body = match event_type {
            EventType::OrderPlaced => Body::OrderPlaced(self.placed()),
            _ => event_type.read(Value::Object(data)).ok()?,
        };
        Some(Event { id: id.clone(), source: source.clone(), time: *time, traceparent: None, body })
    }

    /// The journey after the entry of that index, before anything was told on it, its concerns as
    /// `shop` sees them; `None` if its beginning is not kept.
    pub fn as_of(&self, index: usize, shop: &Shop) -> Option<Journey> {
        let first = self.entries.first().and_then(|first| self.event(first))?;
        let Body::OrderPlaced(placed) = &first.body else { return None };
        let mut journey = begin(placed, first.time);
        for entry in self.entries.get(..=index)? {
            if let Some(event) = self.event(entry) {
                apply(&mut journey, &event).ok()?;
            }
        }
        journey.concerns = shop.concerns.raised_by(&journey, shop);
        // what is said on a further channel has been told before
        let is_told = |at: Timestamp, sent: &Sent| {
            self.journey.told.iter().any(|told| told.at < at && told.notifications.contains(&sent.notification))
        };
        let tells = |at: Timestamp, verdict: &Verdict| match verdict {
            Verdict::Send { notifications, .. } => !notifications.iter().any(|sent| is_told(at, sent)),
            _ => false,
        };
        let before = self.entries[..index].iter().flat_map(|entry| entry.decisions.iter().map(|it| (entry.at, it)));
        let told = before.filter(|(at, decision)| tells(*at, &decision.verdict)).count();
        journey.told = self.journey.told.iter().take(told).cloned().collect();
        for told in journey.told.iter_mut().filter(|told| told.withdrawn) {
            // it was taken back later than that
            let takes_back = |entry: &Entry| {
                let mut decisions = entry.decisions.iter();
                matches!(entry.cause, Cause::Attempt { .. })
                    && decisions.any(|decision| decision.rule == told.rule && decision.subject == told.subject)
            };
            told.withdrawn = !self.entries[index..].iter().any(takes_back);
        }
        Some(journey)
    }

    /// What the entries after `index` have replaced: as it was before, it is not kept.
    pub fn replaced(&self, index: usize) -> Vec<&'static str> {
        let since = self.entries.get(index).map(|entry| entry.at);
        let newer = |fact: &str| self.journey.as_of.get(fact).copied() > since;
        let facts = [
            ("items", "the items"),
            ("delivery", "the delivery"),
            ("gift", "the gift"),
            ("order_url", "the order's page"),
            ("customer.email", "the e-mail address"),
            ("customer.phone", "the phone number"),
            ("customer.channels", "the channels that are accepted"),
            ("customer.locale", "the locale"),
            ("customer.time_zone", "the customer's time zone"),
        ];
        facts.into_iter().filter(|(fact, _)| newer(fact)).map(|(_, words)| words).collect()
    }

    fn placed(&self) -> OrderPlaced {
        let journey = self.journey;
        let mut order = journey.order.clone();
        order.promise =
            journey.promises.first().filter(|first| first.at == journey.placed_at).map(|first| first.window);
        OrderPlaced { shop: journey.key.shop.clone(), order_id: journey.key.order_id.clone(), order }
    }

    /// The keys that an event of that moment brought, beside shop and order.
    fn said(&self, event_type: EventType, at: Timestamp, note: &str) -> Map<String, Value> {
        let journey = self.journey;
        let known = |fact: &str| journey.as_of.get(fact) == Some(&at);
        let mut data = Map::new();
        let mut put = |key: &str, value: Value| drop(data.insert(key.to_owned(), value));
        match event_type {
            EventType::OrderUpdated => {
                if let Some(promised) = journey.promises.iter().find(|promised| promised.at == at) {
                    put("promise", json!(promised.window));
                }
                for (fact, value) in [
                    ("items", json!(journey.order.items)),
                    ("delivery", json!(journey.order.delivery)),
                    ("order_url", json!(journey.order.order_url)),
                    ("gift", json!(journey.order.gift)),
                ] {
                    if known(fact) {
                        put(fact, value);
                    }
                }
            }
            EventType::OrderPacked if known("packaging") => put("packaging", json!(journey.packaging)),
            EventType::OrderReadyForCollection => {
                // once it is collected, only the note tells until when it was held
                let until = note.strip_prefix("until ").map(|until| json!({ "until": until }));
                let hold = journey.store_hold.as_ref().map(|hold| json!(hold.notice)).or(until);
                return hold.and_then(|hold| hold.as_object().cloned()).unwrap_or_default();
            }
            EventType::OrderCancelled => {
                put("reason", json!(journey.steps.cancelled.as_ref().and_then(|it| it.reason.clone())));
            }
            EventType::OrderRefunded => {
                let refunded = journey.steps.refunded.as_ref().filter(|refunded| refunded.at == at);
                put("amount", refunded.map_or_else(|| json!("0"), |refunded| json!(refunded.amount)));
            }
            EventType::ShipmentCreated => return self.shipment(at, note),
            EventType::ShipmentReplaced => {
                let fact = |parcel: &Parcel| {
                    format!("replaced.{}.{}", parcel.key.waybill.carrier, parcel.key.waybill.tracking_number)
                };
                let replaced =
                    journey.parcels.iter().find(|parcel| parcel.replaced_by.is_some() && known(&fact(parcel)));
                if let Some((parcel, by)) = replaced.and_then(|parcel| Some((parcel, parcel.replaced_by.as_ref()?))) {
                    let next = journey.parcels.iter().find(|parcel| parcel.key.waybill == *by);
                    put("shipment_id", json!(next.and_then(|next| next.shipment_id.clone()).unwrap_or_default()));
                    put("replaced", json!(parcel.key.waybill));
                    put("replacement", json!(by));
                }
            }
            EventType::ParcelTracked => return self.tracked(at, note),
            EventType::ParcelEtaChanged => {
                let parcel =
                    self.parcels(note).find_map(|parcel| Some((parcel, parcel.etas.iter().find(|it| it.at == at)?)));
                if let Some((parcel, eta)) = parcel {
                    put("carrier", json!(parcel.key.waybill.carrier));
                    put("tracking_number", json!(parcel.key.waybill.tracking_number));
                    put("eta", json!(eta.window));
                    put("reason", json!(eta.reason));
                }
            }
            EventType::CustomerUpdated => {
                let Value::Object(mut customer) = json!(journey.order.customer) else { return data };
                customer.retain(|key, _| key == "id" || known(&format!("customer.{key}")));
                put("customer", Value::Object(customer));
            }
            EventType::CustomerErased => {
                put("customer_id", json!(journey.order.customer.id.clone().unwrap_or_default()))
            }
            EventType::SupportContacted if !note.is_empty() => put("topic", json!(note)),
            _ => {}
        }
        data
    }

    /// The parcels that a note names: `held_at_pickup, colissimo 6A123`.
    fn parcels<'s>(&'s self, note: &'s str) -> impl Iterator<Item = &'a Parcel> + 's {
        self.journey.parcels.iter().filter(move |parcel| {
            let number = format!("{} {}", parcel.key.waybill.carrier, parcel.key.waybill.tracking_number);
            note.split(", ").any(|part| part == number)
        })
    }

    fn tracked(&self, at: Timestamp, note: &str) -> Map<String, Value> {
        let status = note.split(", ").next().unwrap_or_default();
        let scan = self.parcels(note).find_map(|parcel| {
            let mut scans = parcel.scans.iter();
            Some((parcel, scans.find(|scan| scan.at == at && scan.status.as_str() == status)?))
        });
        let Some((parcel, scan)) = scan else { return Map::new() };
        let Value::Object(mut data) = json!(scan) else { return Map::new() };
        data.remove("at");
        data.insert("carrier".to_owned(), json!(parcel.key.waybill.carrier));
        data.insert("tracking_number".to_owned(), json!(parcel.key.waybill.tracking_number));
        if let Some(eta) = parcel.etas.iter().find(|eta| eta.at == at && eta.reason.is_none()) {
            data.insert("eta".to_owned(), json!(eta.window));
        }
        data
    }

    fn shipment(&self, at: Timestamp, note: &str) -> Map<String, Value> {
        let journey = self.journey;
        let named = |id: &str| note.strip_prefix(id).is_some_and(|rest| rest.starts_with(", "));
        let Some(shipment) = journey.shipments.iter().find(|shipment| named(&shipment.id)) else { return Map::new() };
        let gives = |parcel: &&Parcel| {
            let given = parcel.given_before.iter().map(|given| &given.shipment_id);
            given.chain(&parcel.shipment_id).any(|id| *id == shipment.id)
        };
        let mut parcels: Vec<Value> = Vec::new();
        let mut data = Map::new();
        for parcel in journey.parcels.iter().filter(gives) {
            let mut waybill = json!(parcel.key.waybill);
            if !parcels.iter().any(|known| known["tracking_number"] == waybill["tracking_number"]) {
                if let Some(url) = &parcel.tracking_url {
                    waybill["tracking_url"] = json!(url);
                }
                parcels.push(waybill);
            }
            if let Some(eta) = parcel.etas.iter().find(|eta| eta.at == at && eta.reason.is_none()) {
                data.insert("eta".to_owned(), json!(eta.window));
            }
        }
        let items: &[Line] = &shipment.items;
        data.insert("shipment_id".to_owned(), json!(shipment.id));
        data.insert("extent".to_owned(), json!(shipment.extent));
        data.insert("items".to_owned(), json!(items));
        data.insert("parcels".to_owned(), json!(parcels));
        data
    }
}
