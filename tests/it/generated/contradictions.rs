//! What is said twice, and not alike: the shop corrects itself, and the carrier has second thoughts.

use chrono::Duration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reassure::domain::event::{
    Body, CustomerUpdated, Event, Extent, OrderPlaced, OrderUpdated, ParcelStatus, ParcelTracked, Waybill,
};
use reassure::domain::order::{Amount, Channel, Customer, DeliveryMethod, Gift};
use reassure::domain::time::{Timestamp, Window};

use super::Recorded;

/// Adds to the events of a journey others that say otherwise, recorded and said before or after those, or at the very
/// moment. What the shop alone tells is never said at the same moment twice: of two such words the one that arrived
/// later counts, so their order matters and is to.
pub fn contradict(events: &mut Vec<Recorded>, seed: u64) {
    let mut contrary = Contrary { random: StdRng::seed_from_u64(seed), said: Vec::new() };
    for one in events.iter() {
        if let Body::OrderPlaced(placed) = &one.event.body {
            for _ in 0..contrary.random.random_range(0..4) {
                let word = contrary.word(placed, one.event.time);
                contrary.say(one, false, word);
            }
        } else if contrary.one_in(6)
            && let Some((may_be_at_once, body)) = contrary.other(&one.event)
        {
            contrary.say(one, may_be_at_once, body);
        }
    }
    events.append(&mut contrary.said);
    events.sort_by_key(|recorded| recorded.at);
}

struct Contrary {
    random: StdRng,
    said: Vec<Recorded>,
}

impl Contrary {
    fn one_in(&mut self, odds: u32) -> bool {
        self.random.random_ratio(1, odds)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.random_range(0..all.len())]
    }

    /// Says `body` as well as `one`, hours apart or at the same moment.
    fn say(&mut self, one: &Recorded, may_be_at_once: bool, body: Body) {
        const HOUR: i64 = 3_600_000;
        let apart = if may_be_at_once && self.one_in(3) { 0 } else { self.random.random_range(-8 * HOUR..8 * HOUR) };
        let later = self.random.random_range(1..48 * HOUR);
        let event = Event {
            id: format!("{}-otherwise-{}", one.event.id, self.said.len()),
            time: one.event.time.plus(Duration::milliseconds(apart)),
            body,
            ..one.event.clone()
        };
        self.said.push(Recorded { at: one.at.plus(Duration::milliseconds(later)), event });
    }

    /// The shop changes its mind about an order or its customer.
    fn word(&mut self, placed: &OrderPlaced, at: Timestamp) -> Body {
        let (shop, order_id, order) = (placed.shop.clone(), placed.order_id.clone(), &placed.order);
        let number = self.random.random_range(0..3);
        if self.one_in(3) {
            let email = Some(format!("other{number}@example.org").as_str().into());
            let phone = self.one_in(2).then(|| format!("+3363998001{number}").as_str().into());
            let channels = self.one_in(2).then(|| vec![self.one_of(&Channel::ALL)]);
            let customer = Customer { id: order.customer.id.clone(), email, phone, channels, ..Customer::default() };
            return Body::CustomerUpdated(CustomerUpdated { shop, customer });
        }
        let mut delivery = order.delivery.clone();
        delivery.method = self.one_of(&[DeliveryMethod::Home, DeliveryMethod::PickupPoint]);
        delivery.service = Some(format!("Service {number}"));
        let promise = Window { earliest: at.plus(Duration::days(number)), latest: at.plus(Duration::days(number + 2)) };
        let gift = Gift { recipient_name: Some(format!("Person {number}").as_str().into()), ..Gift::default() };
        Body::OrderUpdated(OrderUpdated {
            shop,
            order_id,
            items: self.one_in(3).then(|| order.items[..1].to_vec()),
            delivery: self.one_in(2).then_some(delivery),
            promise: self.one_in(2).then_some(promise),
            order_url: self.one_in(3).then(|| format!("https://other.example/{number}")),
            gift: self.one_in(3).then_some(gift),
        })
    }

    /// The same thing said otherwise, and whether that may be at the same moment.
    fn other(&mut self, event: &Event) -> Option<(bool, Body)> {
        let mut body = event.body.clone();
        let number = self.random.random_range(0..3_u8);
        let hours = |hours: i64| Duration::hours(hours);
        let may_be_at_once = match &mut body {
            Body::OrderPacked(data) => {
                data.packaging = Some(format!("Box {number}"));
                false
            }
            Body::OrderReadyForCollection(data) => {
                data.hold.until = data.hold.until.map(|until| until.plus(hours(i64::from(number) * 24)));
                data.hold.code = Some(number.to_string());
                false
            }
            Body::OrderCancelled(data) => {
                data.reason = Some(format!("Reason {number}"));
                true
            }
            Body::OrderRefunded(data) => {
                data.amount = Amount::from_ten_thousandths(i64::from(number) * 10_000);
                true
            }
            Body::ShipmentCreated(data) => {
                // now and then another shipment claims the number
                if self.one_in(3) {
                    data.shipment_id = format!("S{}", 7 + number);
                }
                data.extent = self.one_of(&[Extent::All, Extent::Some, Extent::Last]);
                data.eta = self.one_in(2).then(|| Window { earliest: event.time, latest: event.time.plus(hours(40)) });
                false
            }
            Body::ShipmentReplaced(data) => {
                data.replacement.waybill =
                    Waybill { tracking_number: format!("7A{number}"), ..data.replacement.waybill.clone() };
                false
            }
            Body::ParcelTracked(data) => {
                self.scan_otherwise(data);
                true
            }
            Body::ParcelEtaChanged(data) => {
                let by = hours(1 + i64::from(number));
                data.eta = Window { earliest: data.eta.earliest.plus(by), latest: data.eta.latest.plus(by) };
                data.reason = self.one_in(2).then(|| format!("Reason {number}"));
                true
            }
            _ => return None,
        };
        Some((may_be_at_once, body))
    }

    fn scan_otherwise(&mut self, data: &mut ParcelTracked) {
        if self.one_in(3) {
            // the same scan, in other words
            data.text = Some("Handled elsewhere".to_owned());
            data.place = Some("Dijon".to_owned());
            return;
        }
        data.status = self.one_of(&ParcelStatus::ALL);
        data.code = self.one_in(2).then(|| "OTHER".to_owned());
        data.hold = None;
        data.delivered_to = (data.status == ParcelStatus::Delivered).then(|| "neighbour".to_owned());
    }
}
