//! What a template sees: the facts of one letter, ready to be shown.
//!
//! The types are the contract with whoever writes templates. A field that is an `Option` may be
//! missing and must be guarded in a template; [`super::Templates::check`] reads that from the
//! JSON Schema of [`Scene`]. Moments, days and sums stay typed here and are put into words by
//! the helpers of [`super::format`], so that only what a template uses is formatted.

mod hold;
mod leaf;
mod order;
mod parcel;

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::Letter;
use crate::domain::journey::{Parcel, Shipment, Subject};
use crate::domain::order::{Concern, Item};
use crate::domain::shop::Shop;
use crate::domain::time::Window;
use crate::domain::zone;

pub use hold::Hold;
pub use leaf::{Clock, Day, Line, Link, Moment, Money, Span, clip, one_line};
pub use order::{Order, Point};
pub use parcel::{Cancelled, Delay, Delivered, ParcelFacts, Product, Refund, Returned, ShipmentFacts};

/// All that a template can use.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Scene<'a> {
    /// BCP 47: how dates, times and sums are written.
    pub locale: &'a str,
    /// IANA: the clock that every date and time is read on. The customer's, or where something
    /// is to be collected that place's.
    pub zone: &'static str,
    /// The subject line; empty while the subject itself is written.
    pub title: &'static str,
    pub message: &'a str,
    pub shop: ShopFacts<'a>,
    pub customer: CustomerFacts<'a>,
    pub order: Order<'a>,
    pub concerns: Concerns,
    /// How it is packed, in the shop's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packaging: Option<Line<'a>>,
    /// When it is expected: what the carrier says last, else what was promised. Only while that
    /// still lies ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Span>,
    /// The earliest best-before day of what the letter is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_before: Option<Day>,
    /// It is expected on that day or before.
    pub arrives_fresh: bool,
    /// Some of it has to be kept cold.
    pub keep_cold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipment: Option<ShipmentFacts<'a>>,
    /// The parcel that the letter is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ParcelFacts<'a>>,
    /// All parcels of the shipment (of the order, if there is only the order).
    pub parcels: Vec<ParcelFacts<'a>>,
    pub several_parcels: bool,
    /// The parcels that this one letter tells of, if it tells of several.
    pub together: Vec<ParcelFacts<'a>>,
    pub together_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Delivered<'a>>,
    /// What there is to know of the products once they have arrived.
    pub products: Vec<Product<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ShopFacts<'a> {
    pub id: &'a str,
    pub name: Line<'a>,
    pub home_url: &'a str,
    /// `#rrggbb`
    pub color: &'a str,
    /// Black or white, whichever can be read on `color`.
    pub on_color: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Line<'a>>,
    /// When someone answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_url: Option<Link<'a>>,
    /// The seller as the law wants it named.
    pub seller: Line<'a>,
    /// Missing where the law or the shop gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal_days: Option<u32>,
    /// The European guarantee of conformity of two years applies.
    pub legal_guarantee: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_url: Option<Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns_url: Option<Link<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct CustomerFacts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Line<'a>>,
}

/// The reasons to worry that this order gives.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Concerns {
    /// There is at least one.
    pub any: bool,
    pub value: bool,
    pub perishable: bool,
    pub bulky: bool,
    pub urgent: bool,
    pub cherished: bool,
}

/// What every part of the scene is built from.
struct Source<'a> {
    letter: &'a Letter<'a>,
    /// The longest a free text may be; set when an SMS has to be made shorter.
    width: Option<usize>,
    zone: Tz,
    shipment: Option<&'a Shipment>,
    /// Shipments of which the same letter tells too.
    also: Vec<&'a Shipment>,
    parcel: Option<&'a Parcel>,
    arrival: Option<Window>,
}

impl<'a> Source<'a> {
    fn line(&self, text: &'a str) -> Option<Line<'a>> {
        Line::new(text, self.width)
    }

    fn text(&self, text: &'a str) -> Line<'a> {
        Line::or_dash(text, self.width)
    }

    fn maybe(&self, text: Option<&'a (impl AsRef<str> + ?Sized)>) -> Option<Line<'a>> {
        text.and_then(|text| self.line(text.as_ref()))
    }

    /// In an SMS a link longer than half a message is worth less than the words it displaces.
    fn link(&self, url: Option<&'a String>) -> Option<Link<'a>> {
        let link = Link::new(url?)?;
        (self.width.is_none() || link.len() <= 100).then_some(link)
    }
}

impl<'a> Scene<'a> {
    /// The facts of `letter`, to be written for `locale`. With `width`, no free text is longer
    /// than that many characters; codes, dates and links are never cut.
    pub fn new(letter: &'a Letter<'a>, locale: &'a str, width: Option<usize>) -> Self {
        let Letter { journey, shop, .. } = letter;
        let parcel = subject_parcel(letter);
        let shipment = subject_shipment(letter, parcel);
        let arrival = parcel
            .and_then(|parcel| parcel.eta.as_ref())
            .map(|eta| eta.window)
            .or(journey.order.promise)
            .filter(|window| window.latest >= letter.now);
        let also = also_shipped(letter, shipment);
        let mut source = Source { letter, width, zone: zone_of(letter), shipment, also, parcel, arrival };
        let hold = hold::of(&source);
        if let Some(place) = &hold {
            source.zone = place.zone(&source);
        }
        let parcels = parcel::all(&source);
        let together = parcel::together(&source);
        Self {
            locale,
            zone: source.zone.name(),
            title: "",
            message: letter.message,
            shop: ShopFacts::of(&source, shop),
            customer: CustomerFacts { name: source.maybe(letter.reader().and_then(|reader| reader.name.as_deref())) },
            order: order::of(&source),
            concerns: concerns(&source),
            packaging: source.maybe(journey.packaging.as_ref().or(shop.packaging.as_ref())),
            arrival: arrival.map(Span::from),
            arrives_fresh: parcel::arrives_fresh(&source),
            best_before: parcel::best_before(&source).map(Day),
            keep_cold: parcel::lines(&source).any(|(item, _)| item.cold_chain),
            shipment: parcel::shipment(&source),
            parcel: parcel.map(|parcel| parcel::facts(&source, parcel)),
            several_parcels: parcels.len() > 1,
            parcels,
            together_count: together.len(),
            together,
            delay: parcel::delay(&source),
            hold,
            delivered: parcel::delivered(&source),
            products: parcel::products(&source),
            cancelled: journey.steps.cancelled.as_ref().map(|cancelled| Cancelled {
                at: Moment(cancelled.at),
                reason: source.maybe(cancelled.reason.as_ref()),
            }),
            refund: journey.steps.refunded.as_ref().map(|refunded| Refund {
                at: Moment(refunded.at),
                amount: Money { amount: refunded.amount, currency: &journey.order.currency },
            }),
            returned: parcel::returned(&source),
        }
    }
}

impl<'a> ShopFacts<'a> {
    fn of(source: &Source<'a>, shop: &'a Shop) -> Self {
        // what is set in the configuration is not to be cut: it is the shop's own name and number
        let own = |text: &'a Option<String>| text.as_ref().and_then(|text| Line::new(text, None));
        Self {
            id: source.letter.shop_id,
            name: Line::or_dash(&shop.name, None),
            home_url: &shop.brand.home_url,
            color: &shop.brand.color,
            on_color: readable_on(&shop.brand.color),
            logo_url: source.link(shop.brand.logo_url.as_ref()),
            email: own(&shop.contact.email),
            phone: own(&shop.contact.phone),
            hours: own(&shop.contact.hours),
            help_url: source.link(shop.contact.help_url.as_ref()),
            seller: Line::or_dash(&shop.legal.seller, None),
            withdrawal_days: Some(shop.legal.withdrawal_days).filter(|days| *days > 0),
            legal_guarantee: EUROPEAN_UNION.contains(&&*shop.country.to_ascii_uppercase()),
            terms_url: source.link(shop.legal.terms_url.as_ref()),
            returns_url: source.link(shop.legal.returns_url.as_ref()),
        }
    }
}

/// Where the law guarantees what is sold for two years at least.
const EUROPEAN_UNION: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Black or white: which of them stands out more against `#rrggbb`.
fn readable_on(color: &str) -> &'static str {
    let channel = |from: usize| color.get(from..from + 2).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match (channel(1), channel(3), channel(5)) {
        // the eye takes green for brighter than red, and red than blue
        (Some(red), Some(green), Some(blue)) if red * 299 + green * 587 + blue * 114 > 150_000 => "#000000",
        _ => "#ffffff",
    }
}

fn zone_of(letter: &Letter<'_>) -> Tz {
    zone::of_party(letter.to(), &letter.journey.order, letter.shop)
}

/// The parcel a letter is about: the one it names, else the newest that is on its way, else the
/// newest. Many orders are a single parcel, and a letter about the order can tell of it.
fn subject_parcel<'a>(letter: &'a Letter<'a>) -> Option<&'a Parcel> {
    let journey = letter.journey;
    match letter.subject {
        Subject::Parcel(key) => journey.parcel(key),
        Subject::Shipment(id) => {
            let of_it = |parcel: &&Parcel| parcel.shipment_id.as_ref() == Some(id);
            newest(journey.outbound().filter(of_it).collect())
        }
        Subject::Order => newest(journey.outbound().collect()),
    }
}

fn newest(parcels: Vec<&Parcel>) -> Option<&Parcel> {
    parcels.iter().rev().find(|parcel| !parcel.is_over()).or(parcels.last()).copied()
}

fn subject_shipment<'a>(letter: &'a Letter<'a>, parcel: Option<&'a Parcel>) -> Option<&'a Shipment> {
    let journey = letter.journey;
    match letter.subject {
        Subject::Shipment(id) => journey.shipment(id),
        Subject::Parcel(_) => journey.shipment(parcel?.shipment_id.as_ref()?),
        // of several, none speaks for the whole order
        Subject::Order => journey.shipments.first().filter(|_| journey.shipments.len() == 1),
    }
}

fn also_shipped<'a>(letter: &'a Letter<'a>, shipment: Option<&Shipment>) -> Vec<&'a Shipment> {
    let told = letter.journey.told_by(letter.notification).filter_map(|told| match &told.subject {
        Subject::Shipment(id) => letter.journey.shipment(id),
        Subject::Order | Subject::Parcel(_) => None,
    });
    told.filter(|told| shipment.is_some_and(|own| own.id != told.id)).collect()
}

/// The order's concerns, as far as they touch what the letter is about: a shipment of cheese
/// asks nobody to clear the way for the table that follows. What no item in particular gives
/// reason for holds for all.
fn concerns(source: &Source<'_>) -> Concerns {
    let letter = source.letter;
    let order = &letter.journey.order;
    let touches = |concern, of: fn(&Item) -> bool| {
        order.concerns.contains(&concern)
            || !order.items.iter().any(of)
            || parcel::lines(source).any(|(item, _)| of(item))
    };
    let mut concerns = Concerns::default();
    for concern in letter.journey.concerns.iter().copied() {
        let (holds, here) = match concern {
            Concern::Value => (&mut concerns.value, true),
            Concern::Perishable => (
                &mut concerns.perishable,
                touches(concern, |item| item.perishable || item.cold_chain || item.best_before.is_some()),
            ),
            Concern::Bulky => (&mut concerns.bulky, touches(concern, |item| item.bulky)),
            Concern::Urgent => (&mut concerns.urgent, true),
            Concern::Cherished => (&mut concerns.cherished, true),
        };
        *holds = here;
        concerns.any |= here;
    }
    concerns
}
