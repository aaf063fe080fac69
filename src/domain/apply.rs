//! What an event adds to a journey. Facts only; what is to be said of them is [`super::step`]'s.

use super::event::{Body, Event, Extent, NewParcel, OrderPlaced, ParcelStatus, Reference, ShipmentCreated, Waybill};
use super::journey::{
    Announced, Cancelled, Hold, HoldKind, Journey, JourneyKey, Link, Parcel, ParcelKey, Promised, Refunded, Scan,
    Shipment, Subject,
};
use super::order::{Address, Customer};
use super::parcel::{Facts, Given};
use super::personal::Personal;
use super::time::Timestamp;

/// No order has more; a stream that says otherwise is broken or hostile (I10).
pub const MOST_PARCELS: usize = 200;
/// Scans kept of one waybill; beyond, those in the middle go.
pub const MOST_SCANS: usize = 200;

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
            if data.packaging.is_some() && is_newer(journey, "packaging", at) {
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
        Body::OrderReadyForCollection(data) => {
            if journey.steps.collected.is_some_and(|collected| collected >= at) || !is_newer(journey, "store_hold", at)
            {
                return Ok(Applied::of_order(News::Old));
            }
            let since = journey.store_hold.as_ref().map_or(at, |hold| hold.since.min(at));
            journey.store_hold = Some(Hold { kind: HoldKind::Chosen, since, notice: data.hold.clone() });
            Applied::of_order(News::Fresh)
        }
        Body::ShipmentCreated(data) => ship(journey, data, at)?,
        Body::ShipmentReplaced(data) => {
            room_for(journey, [&data.replaced, &data.replacement.waybill])?;
            let mut facts = facts_of(journey, &data.replaced);
            let news = if facts.replaced_by.is_some() { News::Known } else { News::Fresh };
            facts.replaced_by = Some(data.replacement.waybill.clone());
            settle(journey, &data.replaced, facts);
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
            erase(journey);
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

/// Whether `at` is the newest word on `fact`; if so it is noted as that.
fn is_newer(journey: &mut Journey, fact: &str, at: Timestamp) -> bool {
    match journey.as_of.get_mut(fact) {
        Some(known) if *known >= at => false,
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

fn update_order(journey: &mut Journey, data: &super::event::OrderUpdated, at: Timestamp) -> News {
    let mut news = News::Known;
    macro_rules! replace {
        ($fact:literal, $given:expr, $known:expr) => {
            if let Some(given) = &$given {
                if at < journey.placed_at || !is_newer(journey, $fact, at) {
                    if news == News::Known {
                        news = News::Old;
                    }
                } else {
                    $known = given.clone().into();
                    news = News::Fresh;
                }
            }
        };
    }
    replace!("items", data.items, journey.order.items);
    replace!("delivery", data.delivery, journey.order.delivery);
    replace!("order_url", data.order_url, journey.order.order_url);
    replace!("gift", data.gift, journey.order.gift);
    if let Some(window) = data.promise {
        let latest = journey.promises.last().is_none_or(|last| last.at < at);
        if !journey.promises.iter().any(|known| known.at == at) {
            journey.promises.push(Promised { window, at });
            journey.promises.sort_by_key(|promised| promised.at);
        }
        journey.order.promise = journey.promises.last().map(|promised| promised.window);
        if latest {
            news = News::Fresh;
        } else if news == News::Known {
            news = News::Old;
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
    macro_rules! replace {
        ($($fact:ident)*) => {$(
            if given.$fact.is_some() && given.$fact != journey.order.customer.$fact {
                if at < journey.placed_at || !is_newer(journey, concat!("customer.", stringify!($fact)), at) {
                    if news == News::Known {
                        news = News::Old;
                    }
                } else {
                    journey.order.customer.$fact = given.$fact.clone();
                    news = News::Fresh;
                }
            }
        )*};
    }
    replace!(name email phone locale time_zone channels);
    news
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
fn erase(journey: &mut Journey) {
    journey.erased = true;
    let customer = &mut journey.order.customer;
    (customer.name, customer.email, customer.phone) = (None, None, None);
    let forget = |address: &mut Address| {
        address.name = None;
        address.lines = Vec::<Personal>::new();
    };
    if let Some(address) = &mut journey.order.delivery.address {
        forget(address);
    }
    if let Some(gift) = &mut journey.order.gift {
        gift.recipient_name = None;
    }
    for scan in journey.parcels.iter_mut().flat_map(|parcel| &mut parcel.scans) {
        scan.delivered_to = None;
    }
    for parcel in &mut journey.parcels {
        parcel.delivered_to = None;
    }
}

fn customer_link(journey: &Journey) -> Vec<Link> {
    let customer = journey.order.customer.id.clone();
    customer.map(|id| Link { reference: Reference::Customer(id), since: journey.placed_at }).into_iter().collect()
}

fn ship(journey: &mut Journey, data: &ShipmentCreated, at: Timestamp) -> Result<Applied, Full> {
    let subject = Subject::Shipment(data.shipment_id.clone());
    room_for(journey, data.parcels.iter().map(|parcel| &parcel.waybill))?;
    let known = journey.shipment(&data.shipment_id).is_some();
    if !known {
        if journey.shipments.len() >= MOST_PARCELS {
            return Err(Full);
        }
        journey.shipments.push(Shipment {
            id: data.shipment_id.clone(),
            created_at: at,
            extent: data.extent,
            items: data.items.clone(),
        });
        journey.shipments.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    }
    let mut links = Vec::new();
    for parcel in &data.parcels {
        links.extend(give(journey, &data.shipment_id, parcel, at));
        if let Some(window) = data.eta {
            let mut facts = facts_of(journey, &parcel.waybill);
            facts.etas.push(Announced { at, window, reason: None });
            settle(journey, &parcel.waybill, facts);
        }
    }
    Ok(Applied { news: if known { News::Known } else { News::Fresh }, subject, links })
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
            let rank = |scan: &Scan| (scan.at, scan.status, scan.code.clone());
            let latest = facts.scans.iter().map(rank).max().is_none_or(|latest| latest < rank(scan));
            news = if latest { News::Fresh } else { News::Old };
            facts.scans.push(scan.clone());
        }
    }
    if let Some(eta) = eta
        && !facts.etas.contains(&eta)
    {
        let latest = facts.etas.iter().map(|known| known.at).max().is_none_or(|latest| latest <= eta.at);
        let said = facts.etas.iter().max_by_key(|known| known.at).is_some_and(|known| known.window == eta.window);
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
        facts.scans.sort_by_key(|scan| scan.at);
        facts.scans.remove(MOST_SCANS / 2);
    }
    if facts.etas.len() > MOST_SCANS {
        facts.etas.remove(0);
    }
    let replaced = facts.replaced_by.is_some();
    settle(journey, waybill, facts);
    let life = journey.parcels.iter().rev().find(|parcel| parcel.key.waybill == *waybill);
    let said_of_return =
        scan.is_none_or(|scan| scan.status != ParcelStatus::Unknown) && life.is_some_and(|life| life.is_return);
    news = match news {
        News::Fresh if replaced => News::Old,
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
