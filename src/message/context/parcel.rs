//! What is on its way, what became of it, and what there is to know once it is there.

use std::borrow::Cow;

use chrono::{Months, NaiveDate};
use schemars::JsonSchema;
use serde::Serialize;

use super::order::{Item, item};
use super::{Day, Line, Link, Moment, Money, Source, Span};
use crate::domain::event::{Extent, ParcelStatus};
use crate::domain::journey::{Parcel, Scan, Shipment, Subject};
use crate::domain::order as domain;
use crate::domain::time::{Timestamp, Window};

#[derive(Debug, Serialize, JsonSchema)]
pub struct ShipmentFacts<'a> {
    pub is_all: bool,
    pub is_some: bool,
    pub is_last: bool,
    pub left_at: Moment,
    pub items: Vec<Item<'a>>,
    /// How many pieces.
    pub count: u32,
    /// What is still to come.
    pub remaining: Vec<Item<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ParcelFacts<'a> {
    /// As people know it.
    pub carrier: Cow<'a, str>,
    pub tracking_number: Line<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scan: Option<ScanFacts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Delivered<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ScanFacts<'a> {
    pub at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Line<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Delay<'a> {
    /// What the customer had been told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
    /// What is expected now; missing while nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Why, in words meant for the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line<'a>>,
    /// The carrier's own words, where there is no better reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier_says: Option<Line<'a>>,
    /// The promised time has passed.
    pub is_overdue: bool,
    /// The carrier says that it was damaged on the way.
    pub is_damaged: bool,
    /// The new date is before the one that was given last.
    pub is_sooner: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivered<'a> {
    pub at: Moment,
    /// Nothing of the order is still to come.
    pub is_all: bool,
    /// Something of it is on its way or has yet to leave.
    pub more_to_come: bool,
    pub to_recipient: bool,
    pub to_neighbour: bool,
    pub to_letterbox: bool,
    pub to_locker: bool,
    pub to_reception: bool,
    pub to_caretaker: bool,
    pub to_safe_place: bool,
    /// Any other place or person, in the carrier's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Line<'a>>,
}

/// A product with something to know about it once it is there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Product<'a> {
    pub name: Line<'a>,
    /// Care, set-up, storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_url: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warranty_until: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_before: Option<Day>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Cancelled<'a> {
    pub at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Refund<'a> {
    pub at: Moment,
    pub amount: Money<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Returned {
    pub at: Moment,
    pub was_refused: bool,
    /// It is back at the shop; otherwise on its way there.
    pub is_back: bool,
}

/// What the letter is about, by line of the order: the shipment's items, else all.
pub(super) fn lines<'s, 'a>(source: &'s Source<'a>) -> impl Iterator<Item = (&'a domain::Item, u32)> + use<'s, 'a> {
    let items = &source.letter.journey.order.items;
    let told = || source.shipment.into_iter().chain(source.also.iter().copied());
    let whole = source.shipment.is_none() || told().any(|shipment| shipment.items.is_empty());
    items.iter().filter_map(move |item| {
        let gone = || told().fold(0, |sum: u32, shipment| sum.saturating_add(shipped(shipment, &item.sku)));
        let quantity = if whole { item.quantity } else { gone() };
        (quantity > 0).then_some((item, quantity))
    })
}

fn shipped(shipment: &Shipment, sku: &str) -> u32 {
    shipment.items.iter().filter(|line| line.sku == sku).fold(0, |sum, line| sum.saturating_add(line.quantity))
}

pub(super) fn shipment<'a>(source: &Source<'a>) -> Option<ShipmentFacts<'a>> {
    let shipment = source.shipment?;
    let items: Vec<_> = lines(source).map(|(line, quantity)| item(source, line, quantity)).collect();
    let extent = extent(source, shipment);
    Some(ShipmentFacts {
        is_all: extent == Extent::All,
        is_some: extent == Extent::Some,
        is_last: extent == Extent::Last,
        left_at: Moment(shipment.created_at),
        count: items.iter().fold(0, |sum, item| sum.saturating_add(item.quantity)),
        items,
        remaining: if extent == Extent::Some { remaining(source) } else { Vec::new() },
    })
}

/// How much of the order has left with what the letter tells of.
fn extent(source: &Source<'_>, shipment: &Shipment) -> Extent {
    let journey = source.letter.journey;
    let told = || source.also.iter().copied().chain([shipment]);
    let ends = told().find(|one| journey.extent_of(one) != Extent::Some);
    match ends {
        Some(_) if told().count() > 1 && told().count() == journey.shipments.len() => Extent::All,
        Some(last) => journey.extent_of(last),
        None => Extent::Some,
    }
}

/// What no shipment has carried yet.
fn remaining<'a>(source: &Source<'a>) -> Vec<Item<'a>> {
    let journey = source.letter.journey;
    if journey.all_shipped() {
        return Vec::new();
    }
    let left = |line: &domain::Item| {
        let gone = journey.shipments.iter().fold(0, |sum: u32, one| sum.saturating_add(shipped(one, &line.sku)));
        line.quantity.saturating_sub(gone)
    };
    let items = journey.order.items.iter().map(|line| (line, left(line)));
    items.filter(|(_, left)| *left > 0).map(|(line, left)| item(source, line, left)).collect()
}

pub(super) fn facts<'a>(source: &Source<'a>, parcel: &'a Parcel) -> ParcelFacts<'a> {
    ParcelFacts {
        carrier: carrier_name(&parcel.key.waybill.carrier),
        tracking_number: Line::or_dash(&parcel.key.waybill.tracking_number, None),
        tracking_url: source.link(parcel.tracking_url.as_ref()),
        last_scan: parcel
            .scans
            .last()
            .map(|scan| ScanFacts { at: Moment(scan.at), place: source.maybe(scan.place.as_ref()) }),
        delivered: parcel.arrived_at().and_then(|at| handed_over(source, Some(parcel), at)),
    }
}

/// The parcels that leave together with the letter's, or all of the order.
pub(super) fn all<'a>(source: &Source<'a>) -> Vec<ParcelFacts<'a>> {
    let together = |parcel: &&Parcel| {
        let told = || source.shipment.into_iter().chain(source.also.iter().copied());
        source.shipment.is_none()
            || parcel.shipment_id.as_ref().is_none_or(|id| told().any(|shipment| *id == shipment.id))
    };
    source.letter.journey.outbound().filter(together).map(|parcel| facts(source, parcel)).collect()
}

/// The parcels that the letter tells of, if they are several.
pub(super) fn together<'a>(source: &Source<'a>) -> Vec<ParcelFacts<'a>> {
    let letter = source.letter;
    let is_told = |parcel: &&Parcel| {
        letter.journey.told_by(letter.notification).any(|told| match &told.subject {
            Subject::Parcel(key) => parcel.key == *key,
            Subject::Shipment(id) => parcel.shipment_id.as_ref() == Some(id),
            Subject::Order => false,
        })
    };
    let told: Vec<_> = letter.journey.outbound().filter(is_told).collect();
    if told.len() < 2 { Vec::new() } else { told.into_iter().map(|parcel| facts(source, parcel)).collect() }
}

pub(super) fn best_before(source: &Source<'_>) -> Option<NaiveDate> {
    lines(source).filter_map(|(item, _)| item.best_before).min()
}

pub(super) fn arrives_fresh(source: &Source<'_>) -> bool {
    let known = best_before(source).zip(source.arrival);
    known.is_some_and(|(best_before, arrival)| arrival.latest.day_in(source.zone) <= best_before)
}

pub(super) fn delay<'a>(source: &Source<'a>) -> Option<Delay<'a>> {
    let (journey, now) = (source.letter.journey, source.letter.now);
    let eta = source.parcel.and_then(|parcel| parcel.eta.as_ref());
    let trouble = source.parcel.and_then(Parcel::latest).filter(|scan| scan.status.is_trouble());
    let promised = journey.order.promise;
    let is_overdue = promised.is_some_and(|promise| promise.latest < now);
    let put_off = journey.promises.len().checked_sub(2).map(|previous| journey.promises[previous].window);
    // of what the carrier and the shop expect, the newest word counts
    let promised_at = journey.promises.last().map(|promised| promised.at);
    let by_shop = put_off.filter(|_| eta.is_none_or(|eta| promised_at > Some(eta.at)));
    let before = by_shop.or(eta.and_then(|eta| eta.before)).or(put_off).or(promised);
    let moved = eta.is_some_and(|eta| eta.before.is_some() || is_later(eta.window, promised)) || put_off.is_some();
    if trouble.is_none() && !moved && !is_overdue {
        return None;
    }
    // a date that is over, or the very one that was not kept, is no answer to "when then?"
    let expected = if by_shop.is_some() { promised } else { eta.map(|eta| eta.window) };
    let ahead = expected.filter(|window| window.latest >= now);
    let later = |window: &Window| before.is_none_or(|old| window.latest > old.latest);
    // a date from before the trouble holds no longer; one given since can be better news
    let is_news = by_shop.is_some() || eta.is_some_and(|eta| trouble.is_none_or(|scan| eta.at > scan.at));
    let sooner = |window: &Window| is_news && before.is_some_and(|old| window.latest < old.latest);
    let is_sooner = ahead.is_some_and(|window| sooner(&window));
    let after = ahead.filter(|window| later(window) || is_sooner);
    let reason = eta.and_then(|eta| source.maybe(eta.reason.as_ref()));
    Some(Delay {
        before: before.map(Span::from),
        after: after.map(Span::from),
        carrier_says: if reason.is_none() { trouble.and_then(|scan| source.maybe(scan.text.as_ref())) } else { None },
        reason,
        is_overdue,
        is_damaged: trouble.is_some_and(|scan| scan.status == ParcelStatus::Damaged),
        is_sooner,
    })
}

fn is_later(window: Window, promised: Option<Window>) -> bool {
    promised.is_some_and(|promise| window.latest > promise.latest)
}

fn arrived_at(source: &Source<'_>) -> Option<Timestamp> {
    source.parcel.and_then(Parcel::arrived_at).or_else(|| source.letter.journey.arrived_at())
}

pub(super) fn delivered<'a>(source: &Source<'a>) -> Option<Delivered<'a>> {
    handed_over(source, source.parcel, arrived_at(source)?)
}

fn handed_over<'a>(source: &Source<'a>, parcel: Option<&'a Parcel>, at: Timestamp) -> Option<Delivered<'a>> {
    let journey = source.letter.journey;
    let to = parcel.and_then(|parcel| parcel.delivered_to.as_ref());
    let place = to.and_then(|to| Place::of(to));
    let to_leave = !journey.shipments.is_empty() && !journey.all_shipped();
    let more = to_leave || journey.outbound().any(|parcel| !parcel.is_over() && !parcel.status().is_return());
    Some(Delivered {
        at: Moment(at),
        is_all: journey.arrived_at().is_some(),
        more_to_come: more && journey.steps.cancelled.is_none() && journey.arrived_at().is_none(),
        to_recipient: place == Some(Place::Recipient),
        to_neighbour: place == Some(Place::Neighbour),
        to_letterbox: place == Some(Place::Letterbox),
        to_locker: place == Some(Place::Locker),
        to_reception: place == Some(Place::Reception),
        to_caretaker: place == Some(Place::Caretaker),
        to_safe_place: place == Some(Place::Safe),
        to: if place.is_some() { None } else { source.maybe(to) },
    })
}

/// To whom or where parcels are left, as far as there are words for it in every language.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Recipient,
    Neighbour,
    Letterbox,
    Locker,
    Reception,
    Caretaker,
    Safe,
}

impl Place {
    fn of(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Some(match &*name {
            "recipient" => Self::Recipient,
            "neighbour" | "neighbor" => Self::Neighbour,
            "letterbox" | "mailbox" => Self::Letterbox,
            "locker" | "parcel_locker" => Self::Locker,
            "reception" => Self::Reception,
            "caretaker" | "concierge" => Self::Caretaker,
            "safe_place" => Self::Safe,
            _ => return None,
        })
    }
}

pub(super) fn products<'a>(source: &Source<'a>) -> Vec<Product<'a>> {
    let arrived = arrived_at(source).map(|at| at.day_in(source.zone));
    lines(source)
        .map(|(item, _)| Product {
            name: source.text(&item.name),
            usage: source.maybe(item.usage.as_ref()),
            guide_url: source.link(item.guide_url.as_ref()),
            warranty_until: item
                .warranty_months
                .zip(arrived)
                .and_then(|(months, day)| day.checked_add_months(Months::new(months)))
                .map(Day),
            best_before: item.best_before.map(Day),
        })
        .filter(|product| {
            product.usage.is_some()
                || product.guide_url.is_some()
                || product.warranty_until.is_some()
                || product.best_before.is_some()
        })
        .collect()
}

pub(super) fn returned(source: &Source<'_>) -> Option<Returned> {
    let parcel = source.parcel?;
    let latest = parcel.latest().filter(|scan| scan.status.is_return())?;
    let refused = |scan: &Scan| scan.status == ParcelStatus::Refused;
    Some(Returned {
        at: Moment(latest.at),
        was_refused: parcel.scans.iter().any(refused),
        is_back: latest.status == ParcelStatus::Returned,
    })
}

/// The carrier's name as people know it; one that is not listed is spelled from its short name.
fn carrier_name(short: &str) -> Cow<'_, str> {
    const KNOWN: &[(&str, &str)] = &[
        ("bpost", "bpost"),
        ("canada_post", "Postes Canada / Canada Post"),
        ("chronopost", "Chronopost"),
        ("colis_prive", "Colis Privé"),
        ("colissimo", "Colissimo"),
        ("dhl", "DHL"),
        ("dpd", "DPD"),
        ("fedex", "FedEx"),
        ("geodis", "GEODIS"),
        ("gls", "GLS"),
        ("laposte", "La Poste"),
        ("la_poste", "La Poste"),
        ("mondial_relay", "Mondial Relay"),
        ("postnl", "PostNL"),
        ("tnt", "TNT"),
        ("ups", "UPS"),
        ("usps", "USPS"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(key, _)| *key == short) {
        return Cow::Borrowed(name);
    }
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    let clean = super::one_line(short);
    Cow::Owned(clean.split(['_', '-', ' ']).map(word).collect::<Vec<_>>().join(" "))
}
