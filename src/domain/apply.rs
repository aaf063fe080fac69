//! What an event adds to a journey. Facts only; what is to be said of them is [`super::step`]'s.

mod order;
mod parcel;

use super::event::{Body, Event, OrderPlaced, Reference};
use super::journey::{Announced, Cancelled, Journey, JourneyKey, Link, Promised, Refunded, Scan, Subject};
use super::time::Timestamp;

use order::{drop_blanks, forget, hold_in_store, update_customer, update_order};
use parcel::{give, latest_life, replace, room_for, ship, track};

/// No order has more; a stream that says otherwise is broken or hostile (I10).
pub const MOST_PARCELS: usize = 200;
/// Scans kept of one waybill; beyond, those in the middle go.
pub const MOST_SCANS: usize = 200;
/// Promises kept; beyond, those in the middle go.
pub const MOST_PROMISES: usize = 50;

/// What an event is to the journey it reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something that was not known and is the latest of its kind.
    Fresh,
    /// It completes the history and is older than what is known (I3).
    Old,
    /// It says nothing new.
    Known,
    /// It is about goods that travel back.
    ReturnLeg,
    /// The journey has taken this very event in before (I1).
    Repeated,
}

/// What applying an event came to.
#[derive(Debug)]
pub struct Applied {
    pub news: News,
    /// What it is about.
    pub subject: Subject,
    /// By what else the journey can be found from now on.
    pub links: Vec<Link>,
}

/// The journey has no room for what the event brings (see [`MOST_PARCELS`]).
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Applied {
    fn of_order(news: News) -> Self {
        Self { news, subject: Subject::Order, links: Vec::new() }
    }
}

/// The journey that an order begins.
pub fn begin(placed: &OrderPlaced, at: Timestamp) -> Journey {
    let mut order = placed.order.clone();
    drop_blanks(&mut order.customer);
    Journey {
        key: JourneyKey { shop: placed.shop.clone(), order_id: placed.order_id.clone() },
        placed_at: at,
        promises: order.promise.map(|window| Promised { window, at }).into_iter().collect(),
        order,
        concerns: Vec::new(),
        as_of: Default::default(),
        steps: Default::default(),
        store_hold: None,
        packaging: None,
        shipments: Vec::new(),
        parcels: Vec::new(),
        support_contacts: 0,
        told: Vec::new(),
        receipts: Vec::new(),
        timers: Vec::new(),
        fired: Vec::new(),
        deferred: Vec::new(),
        erased: false,
        taken: Default::default(),
    }
}

/// Adds what `event` says to `journey`.
///
/// # Errors
/// [`Full`], the journey unchanged.
pub fn apply(journey: &mut Journey, event: &Event) -> Result<Applied, Full> {
    let applied = add(journey, event)?;
    if journey.erased {
        // what comes after the customer was erased must not bring them back
        forget(journey);
    }
    Ok(applied)
}

fn add(journey: &mut Journey, event: &Event) -> Result<Applied, Full> {
    let at = event.time;
    Ok(match &event.body {
        Body::OrderPlaced(_) => {
            let news = if at == journey.placed_at { News::Fresh } else { News::Known };
            Applied { links: customer_link(journey), ..Applied::of_order(news) }
        }
        Body::OrderConfirmed(_) => Applied::of_order(earliest(&mut journey.steps.confirmed, at)),
        Body::OrderPreparing(_) => Applied::of_order(earliest(&mut journey.steps.preparing, at)),
        Body::OrderPacked(data) => {
            let news = earliest(&mut journey.steps.packed, at);
            if data.packaging.is_some() && is_newest(journey, "packaging", at) {
                journey.packaging.clone_from(&data.packaging);
            }
            Applied::of_order(news)
        }
        Body::OrderCollected(_) => {
            let news = earliest(&mut journey.steps.collected, at);
            journey.store_hold = None;
            Applied::of_order(news)
        }
        Body::OrderCancelled(data) => {
            let known = journey.steps.cancelled.as_ref();
            let news = if known.is_none() { News::Fresh } else { News::Known };
            // of two words of one moment always the same counts
            if known.is_none_or(|known| (at, &data.reason) < (known.at, &known.reason)) {
                journey.steps.cancelled = Some(Cancelled { at, reason: data.reason.clone() });
            }
            Applied::of_order(news)
        }
        Body::OrderRefunded(data) => {
            let news = match &journey.steps.refunded {
                None => News::Fresh,
                Some(known) if (known.at, known.amount) < (at, data.amount) => News::Fresh,
                Some(_) => News::Old,
            };
            if news == News::Fresh {
                journey.steps.refunded = Some(Refunded { at, amount: data.amount });
            }
            Applied::of_order(news)
        }
        Body::OrderUpdated(data) => Applied::of_order(update_order(journey, data, at)),
        Body::OrderReadyForCollection(data) => Applied::of_order(hold_in_store(journey, &data.hold, at)),
        Body::ShipmentCreated(data) => ship(journey, data, at)?,
        Body::ShipmentReplaced(data) => {
            room_for(journey, [&data.replaced, &data.replacement.waybill])?;
            let news = replace(journey, &data.replaced, &data.replacement.waybill, at);
            let links = give(journey, &data.shipment_id, &data.replacement, at);
            Applied { news, subject: latest_life(journey, &data.replacement.waybill), links }
        }
        Body::ParcelTracked(data) => {
            let scan = Scan {
                status: data.status,
                at,
                code: data.code.clone(),
                text: data.text.clone(),
                place: data.place.clone(),
                hold: data.hold.clone(),
                delivered_to: data.delivered_to.clone(),
            };
            let eta = data.eta.map(|window| Announced { at, window, reason: None });
            track(journey, &data.waybill, Some(scan), eta)?
        }
        Body::ParcelEtaChanged(data) => {
            let eta = Announced { at, window: data.eta, reason: data.reason.clone() };
            track(journey, &data.waybill, None, Some(eta))?
        }
        Body::CustomerUpdated(data) => Applied::of_order(update_customer(journey, &data.customer, at)),
        // an order that was placed since is a new wish to hear of it
        Body::CustomerErased(_) if at < journey.placed_at => Applied::of_order(News::Old),
        Body::CustomerErased(_) => {
            let news = if journey.erased { News::Known } else { News::Fresh };
            journey.erased = true;
            Applied::of_order(news)
        }
        Body::SupportContacted(_) => {
            journey.support_contacts = journey.support_contacts.saturating_add(1);
            Applied::of_order(News::Fresh)
        }
    })
}

/// Keeps the earliest moment of a step.
fn earliest(step: &mut Option<Timestamp>, at: Timestamp) -> News {
    let news = if step.is_none() { News::Fresh } else { News::Known };
    *step = Some(step.map_or(at, |known| known.min(at)));
    news
}
/// Whether `at` is the newest word on `fact`; if so it is noted as that. Of two words of one
/// moment the one that arrived later counts.
fn is_newest(journey: &mut Journey, fact: &str, at: Timestamp) -> bool {
    match journey.as_of.get_mut(fact) {
        Some(known) if *known > at => false,
        Some(known) => {
            *known = at;
            true
        }
        None => {
            journey.as_of.insert(fact.to_owned(), at);
            true
        }
    }
}

fn customer_link(journey: &Journey) -> Vec<Link> {
    let customer = journey.order.customer.id.clone();
    customer.map(|id| Link { reference: Reference::Customer(id), since: journey.placed_at }).into_iter().collect()
}
