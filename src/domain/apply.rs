//! What an event adds to a journey. Facts only; what is to be said of them is [`super::step`]'s.

use std::collections::BTreeSet;

use super::event::{
    Body, Event, Extent, HoldNotice, NewParcel, OrderPlaced, OrderUpdated, ParcelStatus, Reference, ShipmentCreated,
    Waybill,
};
use super::journey::{
    Announced, Cancelled, Hold, HoldKind, Journey, JourneyKey, Link, Parcel, ParcelKey, Promised, Refunded, Scan,
    Shipment, Subject,
};
use super::order::{Customer, Delivery, Gift};
use super::parcel::{Facts, Given, rank, rank_of_eta};
use super::time::Timestamp;

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
        as_of: Default::default(),
        steps: Default::default(),
        store_hold: None,
        packaging: None,
        shipments: Vec::new(),
        parcels: Vec::new(),
        support_contacts: 0,
        told: Vec::new(),
        timers: Vec::new(),
        fired: Vec::new(),
        erased: false,
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
            if known.is_none_or(|known| at < known.at) {
                journey.steps.cancelled = Some(Cancelled { at, reason: data.reason.clone() });
            }
            Applied::of_order(news)
        }
        Body::OrderRefunded(data) => {
            let news = match &journey.steps.refunded {
                None => News::Fresh,
                Some(known) if known.at < at => News::Fresh,
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

/// Puts `given` in the place of `known`, if `at` is the newest word on it.
macro_rules! replace_fact {
    ($journey:ident, $news:ident, $fact:expr, $given:expr, $at:ident => $($known:tt)+) => {
        if let Some(given) = $given {
            if $at < $journey.placed_at || !is_newest($journey, $fact, $at) {
                $news = if $news == News::Known { News::Old } else { $news };
            } else if $journey.$($known)+ != *given {
                $journey.$($known)+ = given.clone();
                $news = News::Fresh;
            }
        }
    };
}

fn update_order(journey: &mut Journey, data: &OrderUpdated, at: Timestamp) -> News {
    let expected = |journey: &Journey| (journey.hold_kind(), journey.first_promise());
    let before = expected(journey);
    let mut news = News::Known;
    let (mut delivery, mut gift) = (data.delivery.clone(), data.gift.clone());
    if journey.erased {
        forget_address(delivery.as_mut());
        forget_recipient(gift.as_mut());
    }
    replace_fact!(journey, news, "items", &data.items, at => order.items);
    replace_fact!(journey, news, "delivery", &delivery, at => order.delivery);
    replace_fact!(journey, news, "order_url", &data.order_url.clone().map(Some), at => order.order_url);
    replace_fact!(journey, news, "gift", &gift.map(Some), at => order.gift);
    if let Some(window) = data.promise {
        let promised = Promised { window, at };
        let latest = journey.promises.last().is_none_or(|last| last.at <= at);
        if at >= journey.placed_at && !journey.promises.contains(&promised) {
            let position = journey.promises.partition_point(|known| known.at <= at);
            journey.promises.insert(position, promised);
            if journey.promises.len() > MOST_PROMISES {
                journey.promises.remove(MOST_PROMISES / 2);
            }
            journey.order.promise = journey.promises.last().map(|promised| promised.window);
            news = if latest { News::Fresh } else { news };
        }
        news = if news == News::Known && !latest { News::Old } else { news };
    }
    if expected(journey) != before {
        // whether a hold was chosen and whether it comes later than expected follow from the order
        let waybills: BTreeSet<Waybill> = journey.parcels.iter().map(|parcel| parcel.key.waybill.clone()).collect();
        for waybill in &waybills {
            let facts = facts_of(journey, waybill);
            settle(journey, waybill, facts);
        }
    }
    news
}

fn update_customer(journey: &mut Journey, given: &Customer, at: Timestamp) -> News {
    if journey.erased {
        return News::Known;
    }
    let mut given = given.clone();
    drop_blanks(&mut given);
    let mut news = News::Known;
    replace_fact!(journey, news, "customer.name", &given.name.map(Some), at => order.customer.name);
    replace_fact!(journey, news, "customer.email", &given.email.map(Some), at => order.customer.email);
    replace_fact!(journey, news, "customer.phone", &given.phone.map(Some), at => order.customer.phone);
    replace_fact!(journey, news, "customer.locale", &given.locale.map(Some), at => order.customer.locale);
    replace_fact!(journey, news, "customer.time_zone", &given.time_zone.map(Some), at => order.customer.time_zone);
    replace_fact!(journey, news, "customer.channels", &given.channels.map(Some), at => order.customer.channels);
    news
}

/// It waits in the store, unless it has been collected.
fn hold_in_store(journey: &mut Journey, notice: &HoldNotice, at: Timestamp) -> News {
    let newest = is_newest(journey, "store_hold", at);
    if journey.steps.collected.is_some() {
        return News::Old;
    }
    match &mut journey.store_hold {
        Some(hold) => {
            hold.since = hold.since.min(at);
            if !newest {
                return News::Old;
            }
            if hold.notice == *notice {
                return News::Known;
            }
            hold.notice = notice.clone();
        }
        None => journey.store_hold = Some(Hold { kind: HoldKind::Chosen, since: at, notice: notice.clone() }),
    }
    News::Fresh
}

/// The parcel goes on under another number.
fn replace(journey: &mut Journey, replaced: &Waybill, by: &Waybill, at: Timestamp) -> News {
    if replaced == by {
        return News::Known;
    }
    let newest = is_newest(journey, &format!("replaced.{}.{}", replaced.carrier, replaced.tracking_number), at);
    let mut facts = facts_of(journey, replaced);
    if facts.replaced_by.as_ref() == Some(by) {
        return News::Known;
    }
    if !newest {
        return News::Old;
    }
    facts.replaced_by = Some(by.clone());
    settle(journey, replaced, facts);
    News::Fresh
}

/// An address of white space is none.
fn drop_blanks(customer: &mut Customer) {
    for text in [&mut customer.name, &mut customer.email, &mut customer.phone] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            *text = None;
        }
    }
}

/// Forgets who the customer is; what was bought and when stays.
fn forget(journey: &mut Journey) {
    let customer = &mut journey.order.customer;
    *customer = Customer { id: customer.id.take(), ..Customer::default() };
    journey.as_of.retain(|fact, _| !fact.starts_with("customer."));
    forget_address(Some(&mut journey.order.delivery));
    forget_recipient(journey.order.gift.as_mut());
    for scan in journey.parcels.iter_mut().flat_map(|parcel| &mut parcel.scans) {
        scan.delivered_to = None;
    }
    for parcel in &mut journey.parcels {
        parcel.delivered_to = None;
    }
}

fn forget_address(delivery: Option<&mut Delivery>) {
    if let Some(address) = delivery.and_then(|delivery| delivery.address.as_mut()) {
        (address.name, address.lines) = (None, Vec::new());
    }
}

fn forget_recipient(gift: Option<&mut Gift>) {
    if let Some(gift) = gift {
        gift.recipient_name = None;
    }
}

fn customer_link(journey: &Journey) -> Vec<Link> {
    let customer = journey.order.customer.id.clone();
    customer.map(|id| Link { reference: Reference::Customer(id), since: journey.placed_at }).into_iter().collect()
}

fn ship(journey: &mut Journey, data: &ShipmentCreated, at: Timestamp) -> Result<Applied, Full> {
    let subject = Subject::Shipment(data.shipment_id.clone());
    room_for(journey, data.parcels.iter().map(|parcel| &parcel.waybill))?;
    let known = journey.shipments.iter().position(|shipment| shipment.id == data.shipment_id);
    match known {
        Some(position) => amend(journey, position, data, at),
        None if journey.shipments.len() >= MOST_PARCELS => return Err(Full),
        None => journey.shipments.push(Shipment {
            id: data.shipment_id.clone(),
            created_at: at,
            extent: data.extent,
            items: data.items.clone(),
        }),
    }
    journey.shipments.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut links = Vec::new();
    for parcel in &data.parcels {
        links.extend(give(journey, &data.shipment_id, parcel, at));
        if let Some(window) = data.eta {
            let mut facts = facts_of(journey, &parcel.waybill);
            facts.etas.push(Announced { at, window, reason: None });
            settle(journey, &parcel.waybill, facts);
        }
    }
    Ok(Applied { news: if known.is_some() { News::Known } else { News::Fresh }, subject, links })
}

/// A shipment is spoken of again: the newest word says what it carries, the oldest when it left.
fn amend(journey: &mut Journey, position: usize, data: &ShipmentCreated, at: Timestamp) {
    let fact = format!("shipment.{}", data.shipment_id);
    let Journey { shipments, as_of, .. } = journey;
    let shipment = &mut shipments[position];
    let newest = as_of.get(&fact).copied().unwrap_or(shipment.created_at);
    if at >= newest {
        shipment.extent = data.extent;
        shipment.items.clone_from(&data.items);
    }
    if at != newest {
        as_of.insert(fact, newest.max(at));
    }
    shipment.created_at = shipment.created_at.min(at);
}

/// Gives the buyer a number.
fn give(journey: &mut Journey, shipment_id: &str, parcel: &NewParcel, at: Timestamp) -> Vec<Link> {
    let mut facts = facts_of(journey, &parcel.waybill);
    facts.given.push(Given { at, shipment_id: shipment_id.to_owned(), tracking_url: parcel.tracking_url.clone() });
    settle(journey, &parcel.waybill, facts);
    vec![Link { reference: Reference::Parcel(parcel.waybill.clone()), since: at }]
}

fn track(
    journey: &mut Journey,
    waybill: &Waybill,
    scan: Option<Scan>,
    eta: Option<Announced>,
) -> Result<Applied, Full> {
    room_for(journey, [waybill])?;
    let mut facts = facts_of(journey, waybill);
    // an event that names order and number makes the number known for those that do not
    let unknown = !journey.parcels.iter().any(|parcel| parcel.key.waybill == *waybill);
    let since = scan.as_ref().map(|scan| scan.at).or(eta.as_ref().map(|eta| eta.at));
    let links = since.filter(|_| unknown).map(|since| Link { reference: Reference::Parcel(waybill.clone()), since });
    let mut news = News::Known;
    if let Some(scan) = &scan {
        let same = |known: &Scan| (known.status, known.at, &known.code) == (scan.status, scan.at, &scan.code);
        if !facts.scans.iter().any(same) {
            // what says nothing does not outdate what does
            let telling = facts.scans.iter().filter(|known| known.status != ParcelStatus::Unknown);
            let latest = telling.map(rank).max().is_none_or(|latest| latest < rank(scan));
            news = if latest { News::Fresh } else { News::Old };
            facts.scans.push(scan.clone());
        }
    }
    if let Some(eta) = eta
        && !facts.etas.contains(&eta)
    {
        let last = facts.etas.iter().max_by(|a, b| rank_of_eta(a).cmp(&rank_of_eta(b)));
        let latest = last.is_none_or(|last| rank_of_eta(last) < rank_of_eta(&eta));
        let said = last.is_some_and(|last| last.window == eta.window);
        if scan.is_none() {
            news = match (latest, said) {
                (true, true) => News::Known,
                (true, false) => News::Fresh,
                (false, _) => News::Old,
            };
        }
        facts.etas.push(eta);
    }
    if facts.scans.len() > MOST_SCANS {
        facts.scans.sort_by(|a, b| rank(a).cmp(&rank(b)));
        facts.scans.remove(MOST_SCANS / 2);
    }
    if facts.etas.len() > MOST_SCANS {
        facts.etas.remove(0);
    }
    let replaced = facts.replaced_by.is_some();
    settle(journey, waybill, facts);
    let life = journey.parcels.iter().rev().find(|parcel| parcel.key.waybill == *waybill);
    // said of an earlier life of the number
    let outlived = scan.as_ref().is_some_and(|scan| life.is_some_and(|life| !life.scans.contains(scan)));
    let said_of_return =
        scan.is_none_or(|scan| scan.status != ParcelStatus::Unknown) && life.is_some_and(|life| life.is_return);
    news = match news {
        News::Fresh if replaced || outlived => News::Old,
        News::Fresh if said_of_return => News::ReturnLeg,
        other => other,
    };
    Ok(Applied { news, subject: latest_life(journey, waybill), links: links.into_iter().collect() })
}

fn facts_of(journey: &Journey, waybill: &Waybill) -> Facts {
    Facts::gather(journey.parcels.iter().filter(|parcel| parcel.key.waybill == *waybill))
}

/// Puts the lives that follow from `facts` in place of those that were there.
fn settle(journey: &mut Journey, waybill: &Waybill, facts: Facts) {
    let lives = facts.lives(waybill, journey.hold_kind(), journey.first_promise());
    journey.parcels.retain(|parcel| parcel.key.waybill != *waybill);
    let at = journey.parcels.partition_point(|parcel: &Parcel| parcel.key.waybill < *waybill);
    journey.parcels.splice(at..at, lives);
}

fn latest_life(journey: &Journey, waybill: &Waybill) -> Subject {
    let life = journey.parcels.iter().rev().find(|parcel| parcel.key.waybill == *waybill);
    Subject::Parcel(life.map_or_else(|| ParcelKey { waybill: waybill.clone(), epoch: 0 }, |life| life.key.clone()))
}

fn room_for<'a>(journey: &Journey, waybills: impl IntoIterator<Item = &'a Waybill>) -> Result<(), Full> {
    let is_new = |waybill: &&Waybill| !journey.parcels.iter().any(|parcel| parcel.key.waybill == **waybill);
    let new = waybills.into_iter().filter(is_new).count();
    if journey.parcels.len() + new > MOST_PARCELS { Err(Full) } else { Ok(()) }
}

impl Journey {
    /// What the shipment carries of the order.
    pub fn extent_of(&self, subject: &Subject) -> Option<Extent> {
        match subject {
            Subject::Order => None,
            Subject::Shipment(id) => self.shipment(id).map(|shipment| shipment.extent),
            Subject::Parcel(key) => {
                let shipment = self.parcel(key)?.shipment_id.as_ref()?;
                self.shipment(shipment).map(|shipment| shipment.extent)
            }
        }
    }
}
