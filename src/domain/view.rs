//! What rules see: the journey, the event and the clock, as plain facts under stable names.
//!
//! Every name is always there; a fact that is not known is `null`. The JSON Schema of these
//! types is what `check` holds the conditions against.

mod facts;

use chrono::{Duration, NaiveDate};

use super::event::{Body, Event, ParcelStatus};
use super::journey::{Journey, Parcel, Scan, Subject, Told};
use super::order::{Amount, Item};
use super::shop::Shop;
use super::time::Timestamp;

pub use facts::{
    EndOfDay, EventView, Everything, HoldView, ItemView, JourneyView, Moment, OrderView, ParcelView, ShipmentView,
    ShopView, WindowView,
};

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
        let shop = self.shop;
        let end_of = |day: NaiveDate| EndOfDay { day, order, shop };
        OrderView {
            id: &journey.key.order_id,
            placed_at: Moment(journey.placed_at),
            currency: &order.currency,
            total: order.totals.total.as_f64(),
            method: order.delivery.method.as_str(),
            service: order.delivery.service.as_deref(),
            express: order.delivery.express,
            country: order.delivery.country(),
            locale: order.customer.locale.as_deref(),
            is_gift: order.gift.is_some(),
            concerns: journey.concerns.iter().map(|concern| concern.as_str()).collect(),
            signature: order.delivery.signature,
            insured: order.delivery.insured.map(Amount::as_f64),
            appointment: order.delivery.appointment.map(WindowView::from),
            wanted_by: order.gift.as_ref().and_then(|gift| gift.wanted_on).map(end_of),
            best_before: order.items.iter().filter_map(|item| item.best_before).min().map(end_of),
            promise: order.promise.map(WindowView::from),
            first_promise: journey.first_promise().map(WindowView::from),
            promise_moved_hours: match journey.promises.as_slice() {
                [.., before, last] => hours(last.window.latest.since(before.window.latest)),
                _ => 0.0,
            },
            items: order.items.iter().map(|item| item_view(item, end_of)).collect(),
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
            extent: self.journey.extent_of(shipment).as_str(),
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

fn item_view<'a>(item: &'a Item, end_of: impl Fn(NaiveDate) -> EndOfDay<'a>) -> ItemView<'a> {
    ItemView {
        sku: &item.sku,
        name: &item.name,
        category: item.category.as_deref(),
        quantity: item.quantity,
        unit_price: item.unit_price.as_f64(),
        perishable: item.perishable,
        cold_chain: item.cold_chain,
        best_before: item.best_before.map(end_of),
        bulky: item.bulky,
        has_usage: item.usage.is_some() || item.guide_url.is_some(),
    }
}

fn told(journey: &Journey, about: impl Fn(&Subject) -> bool) -> Vec<&str> {
    let mut told: Vec<&str> =
        journey.told.iter().filter(|told| is_heard(told) && about(&told.subject)).map(|told| &*told.message).collect();
    told.dedup();
    told
}

fn last_told(journey: &Journey, about: impl Fn(&Subject) -> bool) -> Option<&Told> {
    journey.told.iter().rev().find(|told| is_heard(told) && about(&told.subject))
}

/// The buyer was told it.
fn is_heard(told: &Told) -> bool {
    !told.withdrawn && told.to.is_buyer()
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
