//! One journey: what happens, when, and when it is recorded.

use chrono::Duration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reassure::domain::event::{
    Body, CustomerErased, CustomerUpdated, Event, Extent, HoldNotice, Line, NewParcel, OrderCancelled, OrderPacked,
    OrderPlaced, OrderReady, OrderRefunded, OrderStep, OrderUpdated, ParcelEtaChanged, ParcelStatus, ParcelTracked,
    ShipmentCreated, ShipmentReplaced, SupportContacted, Waybill,
};
use reassure::domain::order::{Amount, Channel, DeliveryMethod};
use reassure::domain::time::Timestamp;

use super::Recorded;
use super::goods::{Contact, Shape, sku};
use super::trouble;

/// What happens in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    Placed,
    Confirmed,
    Preparing,
    Packed,
    /// It can be collected for so many days.
    Ready(u8),
    Collected,
    Cancelled,
    Refunded,
    /// The promise is put off to so many days after the order.
    PutOff(u8),
    /// The shipment of that number leaves, with this much of the order.
    Shipped(u8, Extent),
    /// The parcel of the first number goes on under the second.
    Replaced(u8, u8),
    Scan(u8, ParcelStatus),
    /// A parcel is expected so many hours after this was said.
    Expected(u8, u16),
    Contact,
    Erased,
    Support,
}

/// One step of a journey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// When it is recorded, in milliseconds since 1970.
    pub recorded: i64,
    /// When it happened, as its publisher says.
    pub happened: i64,
    /// Which event it is: a repetition has the number of the first.
    pub id: u16,
    pub what: What,
}

/// A journey to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub shape: Shape,
    /// In the order in which they are recorded.
    pub steps: Vec<Step>,
    /// The numbers of its parcels are those of this journey: its own, or one of long ago.
    pub numbers_of: u64,
    /// The carrier's feed names the order.
    pub names_order: bool,
}

impl Plan {
    /// The journey of that number, placed at that moment. The numbers of its parcels may be those of
    /// the journey that came `recycled_after` earlier.
    pub fn new(seed: u64, number: u64, placed_at: Timestamp, recycled_after: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let shape = Shape::new(number, &mut random);
        let numbers_of = match number.checked_sub(recycled_after) {
            Some(before) if random.random_ratio(1, 60) => before,
            _ => number,
        };
        let names_order = random.random_ratio(1, 5);
        let mut course = Course { random, steps: Vec::new(), begin: placed_at.millis() };
        course.order(&shape);
        let Course { mut random, mut steps, .. } = course;
        trouble::befall(&mut steps, &mut random);
        steps.sort_by_key(|step| (step.recorded, step.id));
        Self { shape, steps, numbers_of, names_order }
    }

    /// All of its events, as they are recorded.
    pub fn events(&self) -> Vec<Recorded> {
        self.steps.iter().map(|step| self.event(step)).collect()
    }

    pub fn event(&self, step: &Step) -> Recorded {
        let time = Timestamp::from_millis(step.happened);
        let body = self.body(step.what, time);
        let publisher = if matches!(step.what, What::Scan(..) | What::Expected(..)) {
            format!("/carriers/{}", self.shape.carrier())
        } else {
            format!("/shops/{}", self.shape.shop())
        };
        let id = format!("{}-{}", self.shape.order_id(), step.id);
        let event = Event { id, source: publisher, time, traceparent: None, body };
        Recorded { at: Timestamp::from_millis(step.recorded), event }
    }

    fn waybill(&self, parcel: u8) -> Waybill {
        Waybill {
            carrier: self.shape.carrier().to_owned(),
            tracking_number: format!("6A{:08}{parcel}", self.numbers_of),
        }
    }

    fn body(&self, what: What, at: Timestamp) -> Body {
        let (shop, order_id) = (self.shape.shop().to_owned(), self.shape.order_id());
        let step = || OrderStep { shop: self.shape.shop().to_owned(), order_id: self.shape.order_id() };
        let days = |days: u8| Duration::days(i64::from(days));
        match what {
            What::Placed => Body::OrderPlaced(OrderPlaced { shop, order_id, order: self.shape.order(at) }),
            What::Confirmed => Body::OrderConfirmed(step()),
            What::Preparing => Body::OrderPreparing(step()),
            What::Packed => Body::OrderPacked(OrderPacked { shop, order_id, packaging: None }),
            What::Ready(kept) => {
                let hold = self.hold(at.plus(days(kept)));
                Body::OrderReadyForCollection(OrderReady { shop, order_id, hold })
            }
            What::Collected => Body::OrderCollected(step()),
            What::Cancelled => Body::OrderCancelled(OrderCancelled { shop, order_id, reason: None }),
            What::Refunded => {
                Body::OrderRefunded(OrderRefunded { shop, order_id, amount: Amount::from_ten_thousandths(100_000) })
            }
            What::PutOff(to) => Body::OrderUpdated(OrderUpdated {
                shop,
                order_id,
                items: None,
                delivery: None,
                promise: Some(self.shape.promise(Timestamp::from_millis(self.placed()), to)),
                order_url: None,
                gift: None,
            }),
            What::Shipped(number, extent) => Body::ShipmentCreated(ShipmentCreated {
                shop,
                order_id,
                shipment_id: format!("S{number}"),
                extent,
                items: match extent {
                    Extent::ByItems => (0..self.shape.items)
                        .filter(|index| u8::from(*index > 0) == number)
                        .map(|index| Line { sku: sku(index), quantity: 1 })
                        .collect(),
                    _ => Vec::new(),
                },
                parcels: vec![NewParcel { waybill: self.waybill(number), tracking_url: None }],
                eta: None,
            }),
            What::Replaced(old, new) => Body::ShipmentReplaced(ShipmentReplaced {
                shop,
                order_id,
                shipment_id: format!("S{old}"),
                replaced: self.waybill(old),
                replacement: NewParcel { waybill: self.waybill(new), tracking_url: None },
            }),
            What::Scan(parcel, status) => Body::ParcelTracked(ParcelTracked {
                shop,
                order_id: self.names_order.then_some(order_id),
                waybill: self.waybill(parcel),
                status,
                code: Some("AARCFM".to_owned()),
                text: Some("Handled at the carrier's site".to_owned()),
                place: Some("Lyon".to_owned()),
                eta: None,
                hold: (status == ParcelStatus::HeldAtPickup).then(|| self.hold(at.plus(days(9)))),
                delivered_to: (status == ParcelStatus::Delivered).then(|| "letterbox".to_owned()),
                notified_by_carrier: None,
            }),
            What::Expected(parcel, hours) => {
                let latest = at.plus(Duration::hours(i64::from(hours)));
                Body::ParcelEtaChanged(ParcelEtaChanged {
                    shop,
                    order_id: None,
                    waybill: self.waybill(parcel),
                    eta: reassure::domain::time::Window { earliest: latest.plus(-Duration::hours(2)), latest },
                    reason: None,
                })
            }
            What::Contact => {
                let customer = self.shape.customer_with(Contact::Both);
                Body::CustomerUpdated(CustomerUpdated { shop, customer })
            }
            What::Erased => Body::CustomerErased(CustomerErased { shop, customer_id: self.shape.customer_id() }),
            What::Support => Body::SupportContacted(SupportContacted {
                shop,
                order_id,
                channel: Some(Channel::Email),
                topic: Some("where_is_my_order".to_owned()),
            }),
        }
    }

    fn hold(&self, until: Timestamp) -> HoldNotice {
        HoldNotice {
            point: Some(self.shape.point()),
            until: Some(until),
            code: Some("4827".to_owned()),
            id_required: None,
        }
    }

    fn placed(&self) -> i64 {
        let placed = self.steps.iter().find(|step| step.what == What::Placed);
        placed.map_or(super::BEGIN, |step| step.happened)
    }
}

/// The course of a journey while it is thought out; in hours after the order.
struct Course {
    random: StdRng,
    steps: Vec<Step>,
    begin: i64,
}

impl Course {
    fn add(&mut self, after: f64, what: What) {
        #[allow(clippy::cast_possible_truncation, reason = "weeks")]
        let happened = self.begin + (after * 3_600_000.0) as i64;
        let id = u16::try_from(self.steps.len()).expect("few steps");
        // what is published takes seconds to be recorded
        let recorded = happened + self.random.random_range(200..20_000);
        self.steps.push(Step { recorded, happened, id, what });
    }

    fn one_in(&mut self, odds: u32) -> bool {
        self.random.random_ratio(1, odds)
    }

    fn hours(&mut self, range: std::ops::Range<f64>) -> f64 {
        self.random.random_range(range)
    }

    fn order(&mut self, shape: &Shape) {
        self.add(0.0, What::Placed);
        if !self.one_in(4) {
            self.add(0.02, What::Confirmed);
        }
        if self.one_in(30) {
            let at = self.hours(1.0..60.0);
            self.add(at, What::Contact);
        }
        if self.one_in(150) {
            let at = self.hours(1.0..200.0);
            self.add(at, What::Erased);
        }
        if self.one_in(25) {
            let at = self.hours(20.0..200.0);
            self.add(at, What::Support);
        }
        if shape.promised_days > 0 && self.one_in(25) {
            let (at, by) = (self.hours(5.0..60.0), self.random.random_range(1..4));
            self.add(at, What::PutOff(shape.promised_days + by));
        }
        let cancelled = self.one_in(25).then(|| self.hours(0.5..50.0));
        if let Some(at) = cancelled {
            self.add(at, What::Cancelled);
            self.add(at + 20.0, What::Refunded);
        }
        let ready = if shape.express { self.hours(1.0..6.0) } else { self.hours(4.0..40.0) };
        // some are stopped in time; a parcel that has left goes on moving
        if cancelled.is_some_and(|at| at < ready) {
            return;
        }
        self.add(ready * 0.4, What::Preparing);
        self.add(ready * 0.8, What::Packed);
        if shape.method == DeliveryMethod::Store {
            return self.store(ready);
        }
        let split = shape.items > 1 && self.one_in(9);
        let by_items = self.one_in(3);
        let extent = |split: Extent| if by_items { Extent::ByItems } else { split };
        if split {
            let later = ready + self.hours(1.0..50.0);
            self.add(ready, What::Shipped(0, extent(Extent::Some)));
            self.add(later, What::Shipped(1, extent(Extent::Last)));
            self.parcel(0, ready, shape);
            self.parcel(1, later, shape);
        } else {
            self.add(ready, What::Shipped(0, Extent::All));
            self.parcel(0, ready, shape);
        }
    }

    fn store(&mut self, ready: f64) {
        self.add(ready, What::Ready(8));
        let waits = if self.one_in(4) { self.hours(100.0..190.0) } else { self.hours(2.0..60.0) };
        if !self.one_in(15) {
            self.add(ready + waits, What::Collected);
        }
    }

    fn parcel(&mut self, number: u8, left: f64, shape: &Shape) {
        use ParcelStatus as S;
        let mut number = number;
        let mut at = left + self.hours(0.2..3.0);
        let mut scan = |course: &mut Self, number: u8, status: S, gap: std::ops::Range<f64>| {
            course.add(at, What::Scan(number, status));
            at += course.hours(gap);
        };
        scan(self, number, S::Announced, 1.0..6.0);
        scan(self, number, S::PickedUp, 3.0..12.0);
        let legs = if shape.express { 1 } else { self.random.random_range(1..=3) };
        for _ in 0..legs {
            let gap = if self.one_in(25) { 80.0..200.0 } else { 5.0..20.0 };
            scan(self, number, S::InTransit, gap);
        }
        match self.random.random_range(0..40) {
            0 => scan(self, number, S::InCustoms, 20.0..120.0),
            1 => scan(self, number, S::Delayed, 20.0..70.0),
            2 => {
                let status = if self.one_in(2) { S::Damaged } else { S::Exception };
                scan(self, number, status, 10.0..50.0);
            }
            3 => scan(self, number, S::Unknown, 1.0..5.0),
            4 => {
                scan(self, number, S::Lost, 50.0..90.0);
                if !self.one_in(3) {
                    return;
                }
            }
            // and nothing is heard of it any more
            5 => return,
            6 => {
                self.add(at, What::Replaced(number, number + 2));
                number += 2;
                at += 4.0;
            }
            _ => {}
        }
        let mut scan = |course: &mut Self, status: S, gap: std::ops::Range<f64>| {
            course.add(at, What::Scan(number, status));
            at += course.hours(gap);
        };
        if self.one_in(12) {
            scan(self, S::InTransit, 5.0..20.0);
        }
        let expected = self.one_in(10).then(|| self.random.random_range(10..90));
        scan(self, S::OutForDelivery, 1.0..7.0);
        let point = shape.method == DeliveryMethod::PickupPoint;
        let absent = !point && self.one_in(10);
        if absent {
            scan(self, S::AttemptFailed, 3.0..24.0);
        }
        if point || (absent && !self.one_in(3)) {
            let waits = if self.one_in(6) { 140.0..230.0 } else { 2.0..70.0 };
            scan(self, S::HeldAtPickup, waits);
            if self.one_in(14) {
                scan(self, S::Returning, 40.0..90.0);
                scan(self, S::Returned, 1.0..2.0);
            } else {
                scan(self, S::Collected, 1.0..2.0);
            }
        } else if self.one_in(60) {
            scan(self, S::Refused, 20.0..50.0);
            scan(self, S::Returned, 1.0..2.0);
        } else {
            scan(self, S::Delivered, 100.0..300.0);
            // the goods come back under the same number
            if self.one_in(25) {
                scan(self, S::PickedUp, 10.0..30.0);
                scan(self, S::InTransit, 20.0..60.0);
                scan(self, S::Returned, 1.0..2.0);
            }
        }
        if let Some(hours) = expected {
            let said = left + self.hours(8.0..30.0);
            self.add(said, What::Expected(number, hours));
        }
    }
}
