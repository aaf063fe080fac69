//! The order as a template sees it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Day, Line, Link, Moment, Money, Source, Span};
use crate::domain::order::{self as domain, Amount, DeliveryMethod};

#[derive(Debug, Serialize, JsonSchema)]
pub struct Order<'a> {
    pub id: Line<'a>,
    pub placed_at: Moment,
    /// Its page in the customer's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Link<'a>>,
    pub items: Vec<Item<'a>>,
    /// How many pieces in all.
    pub count: u32,
    pub totals: Totals<'a>,
    pub delivery: Delivery<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gift: Option<Gift<'a>>,
    /// It leaves in more than one shipment.
    pub is_split: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Item<'a> {
    pub name: Line<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Line<'a>>,
    pub quantity: u32,
    /// More than one piece.
    pub is_several: bool,
    pub unit_price: Money<'a>,
    /// Of the whole line.
    pub price: Money<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<Link<'a>>,
    /// What the image shows: the product's name where the shop says nothing else.
    pub image_alt: Line<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_before: Option<Day>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Totals<'a> {
    pub items: Money<'a>,
    pub shipping: Money<'a>,
    pub free_shipping: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money<'a>>,
    pub taxes: Vec<Tax<'a>>,
    pub total: Money<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Tax<'a> {
    pub label: Line<'a>,
    pub amount: Money<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivery<'a> {
    pub is_home: bool,
    pub is_pickup_point: bool,
    pub is_store: bool,
    /// What the buyer chose, in the shop's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Point<'a>>,
    /// While it lies ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appointment: Option<Span>,
    /// It is handed over against a signature.
    pub needs_signature: bool,
    /// The amount for which it is insured on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insured: Option<Money<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Address<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Line<'a>>,
    pub lines: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<Line<'a>>,
    pub country: Line<'a>,
    /// Not in the shop's own country, so that the country has to be written.
    pub is_abroad: bool,
}

/// A pickup point, a post office, a store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Point<'a> {
    pub name: Line<'a>,
    pub address: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_url: Option<Link<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Gift<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_name: Option<Line<'a>>,
    /// While that day lies ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_on: Option<Day>,
    /// It is expected on that day at the latest.
    pub in_time: bool,
}

pub(super) fn of<'a>(source: &Source<'a>) -> Order<'a> {
    let journey = source.letter.journey;
    let order = &journey.order;
    let totals = &order.totals;
    let money = |amount| Money { amount, currency: &order.currency };
    Order {
        id: Line::or_dash(&journey.key.order_id, None),
        placed_at: Moment(journey.placed_at),
        url: source.link(order.order_url.as_ref()),
        items: order.items.iter().map(|line| item(source, line, line.quantity)).collect(),
        count: order.items.iter().fold(0, |sum: u32, item| sum.saturating_add(item.quantity)),
        totals: Totals {
            items: money(totals.items),
            shipping: money(totals.shipping),
            free_shipping: totals.shipping == Amount::default(),
            // some platforms write a discount as a negative sum
            discount: Some(Amount::from_ten_thousandths(-totals.discount.ten_thousandths().saturating_abs()))
                .filter(|discount| *discount != Amount::default())
                .map(money),
            taxes: totals
                .taxes
                .iter()
                .map(|tax| Tax { label: source.text(&tax.label), amount: money(tax.amount) })
                .collect(),
            total: money(totals.total),
        },
        delivery: delivery(source),
        promise: order.promise.map(Span::from),
        gift: order.gift.as_ref().map(|gift| Gift {
            recipient_name: source.maybe(gift.recipient_name.as_deref()),
            wanted_on: gift.wanted_on.filter(|day| *day >= source.letter.now.day_in(source.zone)).map(Day),
            in_time: gift
                .wanted_on
                .zip(source.arrival)
                .is_some_and(|(wanted, arrival)| arrival.latest.day_in(source.zone) <= wanted),
        }),
        is_split: journey
            .shipments
            .iter()
            .any(|shipment| journey.extent_of(shipment) != crate::domain::event::Extent::All),
    }
}

/// `quantity` pieces of a line of the order.
pub(super) fn item<'a>(source: &Source<'a>, item: &'a domain::Item, quantity: u32) -> Item<'a> {
    let money = |amount| Money { amount, currency: &source.letter.journey.order.currency };
    let line_price = item.unit_price.ten_thousandths().saturating_mul(i64::from(quantity));
    Item {
        name: source.text(&item.name),
        variant: source.maybe(item.variant.as_ref()),
        quantity,
        is_several: quantity > 1,
        unit_price: money(item.unit_price),
        price: money(Amount::from_ten_thousandths(line_price)),
        image_url: source.link(item.image_url.as_ref()),
        image_alt: source.maybe(item.image_alt.as_ref()).unwrap_or_else(|| source.text(&item.name)),
        best_before: item.best_before.map(Day),
    }
}

fn delivery<'a>(source: &Source<'a>) -> Delivery<'a> {
    let delivery = &source.letter.journey.order.delivery;
    Delivery {
        is_home: delivery.method == DeliveryMethod::Home,
        is_pickup_point: delivery.method == DeliveryMethod::PickupPoint,
        is_store: delivery.method == DeliveryMethod::Store,
        service: source.maybe(delivery.service.as_ref()),
        address: delivery.address.as_ref().map(|place| address(source, place)),
        point: delivery.point.as_ref().map(|place| point(source, place)),
        // one that is over is nothing to prepare for
        appointment: delivery.appointment.filter(|window| window.latest >= source.letter.now).map(Span::from),
        needs_signature: delivery.signature,
        insured: delivery.insured.map(|amount| Money { amount, currency: &source.letter.journey.order.currency }),
    }
}

pub(super) fn address<'a>(source: &Source<'a>, address: &'a domain::Address) -> Address<'a> {
    Address {
        name: source.maybe(address.name.as_deref()),
        lines: address.lines.iter().filter_map(|line| source.line(line)).collect(),
        postal_code: source.line(&address.postal_code),
        city: source.line(&address.city),
        country: source.text(&address.country),
        is_abroad: !address.country.is_empty() && !address.country.eq_ignore_ascii_case(&source.letter.shop.country),
    }
}

pub(super) fn point<'a>(source: &Source<'a>, point: &'a domain::Point) -> Point<'a> {
    Point {
        name: source.text(&point.name),
        address: address(source, &point.address),
        map_url: source.link(point.map_url.as_ref()),
    }
}
