//! What rules see: the journey, the event and the clock, as plain facts under stable names.
//!
//! Every name is always there; a fact that is not known is `null`. The JSON Schema of these
//! types is what `check` holds the conditions against.

use chrono::{Duration, FixedOffset};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::event::{Body, Event, ParcelStatus};
use super::journey::{Journey, Parcel, Scan, Subject, Told};
use super::order::Item;
use super::shop::Shop;
use super::time::{Timestamp, Window};

/// A moment as CEL knows it.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        cel::Timestamp(
            self.0.0.with_timezone(&FixedOffset::east_opt(0).unwrap_or_else(|| unreachable!("zero is an offset"))),
        )
        .serialize(serializer)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// The event that set the rule going; not there when a deadline or a second look did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventView<'a> {
    /// The event's type, such as `parcel.tracked`.
    #[serde(rename = "type")]
    pub event_type: &'a str,
    pub time: Moment,
    /// The scan's status.
    pub status: Option<&'a str>,
    /// The carrier's own code.
    pub code: Option<&'a str>,
    pub place: Option<&'a str>,
    /// Why, where an event says so.
    pub reason: Option<&'a str>,
    /// With `support.contacted`.
    pub topic: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct WindowView {
    pub earliest: Moment,
    pub latest: Moment,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ItemView<'a> {
    pub sku: &'a str,
    pub name: &'a str,
    pub category: Option<&'a str>,
    pub quantity: u32,
    pub unit_price: f64,
    pub perishable: bool,
    pub cold_chain: bool,
    pub bulky: bool,
    /// There is something to tell about its use.
    pub has_usage: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderView<'a> {
    pub id: &'a str,
    pub placed_at: Moment,
    pub currency: &'a str,
    pub total: f64,
    /// `home`, `pickup_point` or `store`.
    pub method: &'a str,
    pub service: Option<&'a str>,
    pub express: bool,
    pub country: Option<&'a str>,
    pub locale: Option<&'a str>,
    pub is_gift: bool,
    /// What there is to worry about: `value`, `perishable`, `bulky`, `urgent`, `cherished`.
    pub concerns: Vec<&'a str>,
    pub promise: Option<WindowView>,
    pub first_promise: Option<WindowView>,
    /// Hours by which the shop's last word on the promise differs from the one before; 0 without.
    pub promise_moved_hours: f64,
    pub items: Vec<ItemView<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct JourneyView<'a> {
    /// Where the buyer stands.
    pub phase: &'a str,
    pub cancelled: bool,
    pub collected: bool,
    /// All of the order has reached the buyer.
    pub arrived: bool,
    pub arrived_at: Option<Moment>,
    /// A carrier has announced an arrival that still lies ahead.
    pub expected_later: bool,
    /// A shipment with all or the last of the order has left.
    pub all_shipped: bool,
    pub parcels: usize,
    pub support_contacts: u32,
    /// The messages that the buyer was told.
    pub told: Vec<&'a str>,
    /// The last of them, and when it was decided.
    pub last_told: Option<&'a str>,
    pub last_told_at: Option<Moment>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ShipmentView<'a> {
    pub id: &'a str,
    /// `all`, `some` or `last`.
    pub extent: &'a str,
    pub parcels: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ParcelView<'a> {
    pub carrier: &'a str,
    pub tracking_number: &'a str,
    pub epoch: u32,
    /// What is known last.
    pub status: &'a str,
    pub last_scan_at: Moment,
    pub scans: usize,
    /// Nothing more is to come under this number.
    pub over: bool,
    pub arrived: bool,
    pub is_return: bool,
    pub eta: Option<WindowView>,
    /// Hours by which the carrier's last word on the arrival differs from what was expected before.
    pub eta_moved_hours: f64,
    /// It had stopped before its last scan: trouble was reported, or nothing for 20 hours.
    pub was_stopped: bool,
    /// Hours by which the expected arrival is later than what the buyer expects; 0 if it is not.
    pub late_by_hours: f64,
    /// The messages that the buyer was told about this parcel.
    pub told: Vec<&'a str>,
    /// The last message about this parcel or about the order as a whole.
    pub last_told: Option<&'a str>,
}

/// It waits to be collected, at a pickup point or in the store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HoldView<'a> {
    /// `chosen` or `imposed`.
    pub kind: &'a str,
    pub since: Moment,
    pub until: Option<Moment>,
    /// The point is known by name.
    pub has_point: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ShopView<'a> {
    pub name: &'a str,
    pub country: &'a str,
    pub locale: &'a str,
}

/// All roots together; only for their schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its JSON Schema is used")]
pub struct Everything<'a> {
    event: EventView<'a>,
    order: OrderView<'a>,
    journey: JourneyView<'a>,
    shipment: ShipmentView<'a>,
    parcel: ParcelView<'a>,
    hold: HoldView<'a>,
    shop: ShopView<'a>,
    now: Moment,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self { earliest: Moment(window.earliest), latest: Moment(window.latest) }
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// What a rule is looked at with.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub journey: &'a Journey,
    pub shop: &'a Shop,
    pub subject: &'a Subject,
    pub event: Option<&'a Event>,
    pub now: Timestamp,
}

impl<'a> Scene<'a> {
    /// The parcel that it is about.
    pub fn parcel(&self) -> Option<&'a Parcel> {
        match self.subject {
            Subject::Parcel(key) => self.journey.parcel(key),
            Subject::Order | Subject::Shipment(_) => None,
        }
    }

    pub fn event_view(&self) -> Option<EventView<'a>> {
        let event = self.event?;
        let mut view = EventView {
            event_type: event.body.event_type().as_str(),
            time: Moment(event.time),
            status: None,
            code: None,
            place: None,
            reason: None,
            topic: None,
        };
        match &event.body {
            Body::ParcelTracked(data) => {
                view.status = Some(data.status.as_str());
                view.code = data.code.as_deref();
                view.place = data.place.as_deref();
            }
            Body::ParcelEtaChanged(data) => view.reason = data.reason.as_deref(),
            Body::OrderCancelled(data) => view.reason = data.reason.as_deref(),
            Body::SupportContacted(data) => view.topic = data.topic.as_deref(),
            _ => {}
        }
        Some(view)
    }

    pub fn order_view(&self) -> OrderView<'a> {
        let (journey, order) = (self.journey, &self.journey.order);
        let address = order.delivery.address.as_ref().or(order.delivery.point.as_ref().map(|point| &point.address));
        OrderView {
            id: &journey.key.order_id,
            placed_at: Moment(journey.placed_at),
            currency: &order.currency,
            total: order.totals.total.as_f64(),
            method: order.delivery.method.as_str(),
            service: order.delivery.service.as_deref(),
            express: order.delivery.express,
            country: address.map(|address| &*address.country),
            locale: order.customer.locale.as_deref(),
            is_gift: order.gift.is_some(),
            concerns: order
                .concerns(journey.placed_at, self.shop.high_value)
                .iter()
                .map(|concern| concern.as_str())
                .collect(),
            promise: order.promise.map(WindowView::from),
            first_promise: journey.first_promise().map(WindowView::from),
            promise_moved_hours: match journey.promises.as_slice() {
                [.., before, last] => hours(last.window.latest.since(before.window.latest)),
                _ => 0.0,
            },
            items: order.items.iter().map(item_view).collect(),
        }
    }

    pub fn journey_view(&self) -> JourneyView<'a> {
        let journey = self.journey;
        JourneyView {
            phase: journey.phase(self.now).as_str(),
            cancelled: journey.steps.cancelled.is_some(),
            collected: journey.steps.collected.is_some(),
            arrived: journey.arrived_at().is_some(),
            arrived_at: journey.arrived_at().map(Moment),
            expected_later: journey
                .outbound()
                .any(|parcel| !parcel.is_over() && parcel.eta.as_ref().is_some_and(|eta| eta.window.latest > self.now)),
            all_shipped: journey.all_shipped(),
            parcels: journey.outbound().count(),
            support_contacts: journey.support_contacts,
            told: told(journey, |_| true),
            last_told: last_told(journey, |_| true).map(|told| &*told.message),
            last_told_at: last_told(journey, |_| true).map(|told| Moment(told.at)),
        }
    }

    pub fn shipment_view(&self) -> Option<ShipmentView<'a>> {
        let id = match self.subject {
            Subject::Order => return None,
            Subject::Shipment(id) => id,
            Subject::Parcel(_) => self.parcel()?.shipment_id.as_ref()?,
        };
        let shipment = self.journey.shipment(id)?;
        Some(ShipmentView {
            id: &shipment.id,
            extent: shipment.extent.as_str(),
            parcels: self.journey.outbound().filter(|parcel| parcel.shipment_id.as_ref() == Some(id)).count(),
        })
    }

    pub fn parcel_view(&self) -> Option<ParcelView<'a>> {
        let parcel = self.parcel()?;
        Some(ParcelView {
            carrier: &parcel.key.waybill.carrier,
            tracking_number: &parcel.key.waybill.tracking_number,
            epoch: parcel.key.epoch,
            status: parcel.status().as_str(),
            last_scan_at: Moment(parcel.last_scan_at()),
            scans: parcel.scans.len(),
            over: parcel.is_over(),
            arrived: parcel.arrived_at().is_some(),
            is_return: parcel.is_return,
            eta: parcel.eta.as_ref().map(|eta| eta.window.into()),
            eta_moved_hours: parcel
                .eta
                .as_ref()
                .map_or(0.0, |eta| eta.before.map_or(0.0, |before| hours(eta.window.latest.since(before.latest)))),
            was_stopped: was_stopped(self.journey, parcel),
            late_by_hours: self.late_by_hours(parcel),
            told: told(self.journey, |subject| subject == self.subject),
            last_told: last_told(self.journey, |subject| subject == self.subject || *subject == Subject::Order)
                .map(|told| &*told.message),
        })
    }

    /// Against the promise, else against the arrival that was announced before.
    fn late_by_hours(&self, parcel: &Parcel) -> f64 {
        let Some(eta) = &parcel.eta else { return 0.0 };
        let expected = self.journey.order.promise.or(eta.before);
        expected.map_or(0.0, |expected| hours(eta.window.latest.since(expected.latest))).max(0.0)
    }

    pub fn hold_view(&self) -> Option<HoldView<'a>> {
        let hold = match self.subject {
            Subject::Parcel(_) => self.parcel()?.hold.as_ref(),
            Subject::Order | Subject::Shipment(_) => self.journey.store_hold.as_ref(),
        }?;
        Some(HoldView {
            kind: hold.kind.as_str(),
            since: Moment(hold.since),
            until: hold.notice.until.map(Moment),
            has_point: hold
                .notice
                .point
                .as_ref()
                .or(self.journey.order.delivery.point.as_ref())
                .is_some_and(|p| !p.name.is_empty()),
        })
    }

    pub fn shop_view(&self) -> ShopView<'a> {
        ShopView { name: &self.shop.name, country: &self.shop.country, locale: &self.shop.locale }
    }
}

fn item_view(item: &Item) -> ItemView<'_> {
    ItemView {
        sku: &item.sku,
        name: &item.name,
        category: item.category.as_deref(),
        quantity: item.quantity,
        unit_price: item.unit_price.as_f64(),
        perishable: item.perishable,
        cold_chain: item.cold_chain,
        bulky: item.bulky,
        has_usage: item.usage.is_some() || item.guide_url.is_some(),
    }
}

fn told(journey: &Journey, about: impl Fn(&Subject) -> bool) -> Vec<&str> {
    let mut told: Vec<&str> =
        journey.told.iter().filter(|told| !told.withdrawn && about(&told.subject)).map(|told| &*told.message).collect();
    told.dedup();
    told
}

fn last_told(journey: &Journey, about: impl Fn(&Subject) -> bool) -> Option<&Told> {
    journey.told.iter().rev().find(|told| !told.withdrawn && about(&told.subject))
}

/// Whether the parcel had stopped before its last scan, under this number or the one before.
fn was_stopped(journey: &Journey, parcel: &Parcel) -> bool {
    let Some((last, before)) = parcel.scans.split_last() else { return false };
    let since = before.last().map_or(parcel.linked_at, |scan| scan.at);
    let trouble = |scan: &Scan| scan.status.is_trouble() || scan.status == ParcelStatus::Lost;
    let goes_on =
        |other: &Parcel| other.replaced_by.as_ref() == Some(&parcel.key.waybill) && other.status().is_trouble();
    last.at.since(since) >= Duration::hours(20)
        || (before.is_empty() && journey.parcels.iter().any(goes_on))
        || before.iter().rev().take_while(|scan| !scan.status.is_moving()).any(trouble)
}

fn hours(span: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "hours, not ages")]
    let minutes = span.num_minutes() as f64;
    minutes / 60.0
}
