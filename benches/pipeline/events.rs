//! What the shop and the carriers publish: one order to seven scans, each about a journey that
//! was chosen at random.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reassure::domain::decision::NotificationId;
use reassure::domain::journey::JourneyKey;
use reassure::domain::order::Channel;
use reassure::domain::rule::RuleName;
use reassure::domain::time::Timestamp;

pub const SHOP: &str = "bench";
pub const ORDERS: &str = "bench.orders";
pub const SCANS: &str = "bench.scans";
/// Records under way at most. The embedded broker drops what it has no room for: this is far
/// from it, and still many batches.
pub const WINDOW: usize = 16_384;
/// Order numbers begin here, so that all have as many digits.
pub const FIRST: u32 = 10_000_000;
/// Scans of a parcel, in their order.
const STATUSES: [&str; 7] =
    ["announced", "picked_up", "in_transit", "in_transit", "in_transit", "out_for_delivery", "delivered"];
pub const SCANS_OF_ONE: u8 = STATUSES.len() as u8;

/// One event to come. `stage` 0 is the order, then come its scans.
#[derive(Clone, Copy)]
pub struct Event {
    pub order: u32,
    pub stage: u8,
    /// Its place among all: what is published later happened later.
    pub place: u32,
}

/// How many scans a journey has that is in the store from the beginning.
pub fn stage_of_old(order: u32) -> u8 {
    u8::try_from(order % u32::from(SCANS_OF_ONE)).expect("less than seven")
}

/// The stores hold whole rounds: one journey of each stage.
pub fn whole(journeys: u32) -> u32 {
    journeys.next_multiple_of(SCANS_OF_ONE.into())
}

/// `count` events over `journeys` that are in the store already. Scans follow an order that is
/// placed on the way only once it is sure to be stored: nothing has to be parked.
pub fn plan(journeys: u32, count: usize) -> Vec<Event> {
    let journeys = whole(journeys);
    let mut random = StdRng::seed_from_u64(7);
    let mut open: Vec<Event> =
        (0..journeys).map(|order| Event { order, stage: stage_of_old(order), place: 0 }).collect();
    let mut events: Vec<Event> = Vec::with_capacity(count);
    let mut next = journeys;
    for index in 0..count {
        // the order that was placed two windows ago may be scanned now
        if let Some(before) = index.checked_sub(2 * WINDOW).map(|before| events[before])
            && before.stage == 0
        {
            open.push(before);
        }
        if index % 8 == 0 || open.is_empty() {
            events.push(Event { order: next, stage: 0, place: number(index) });
            next += 1;
            continue;
        }
        let chosen = random.random_range(0..open.len());
        open[chosen].stage += 1;
        open[chosen].place = number(index);
        events.push(open[chosen]);
        if open[chosen].stage == SCANS_OF_ONE {
            open.swap_remove(chosen);
        }
    }
    events
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("not that many events")
}

impl Event {
    pub fn topic(self) -> &'static str {
        if self.stage == 0 { ORDERS } else { SCANS }
    }

    pub fn key(self) -> String {
        if self.stage == 0 { order_id(self.order) } else { tracking_number(self.order) }
    }

    /// When it happened: within the last hours, so that no deadline falls due meanwhile.
    fn time(self, begin: Timestamp) -> Timestamp {
        let before = begin.plus(chrono::Duration::minutes(20 * i64::from(self.stage) - 240));
        before.plus(chrono::Duration::milliseconds(self.place.into()))
    }

    /// The message that it brings about.
    pub fn message(self) -> Option<NotificationId> {
        let key = journey(self.order);
        let derive = |rule: &str, once: &str| NotificationId::derive(&key, &RuleName::from(rule), once, Channel::Email);
        match self.stage {
            0 => Some(derive("confirmation", "order")),
            SCANS_OF_ONE => Some(derive("delivered", &format!("parcel/colissimo/{}/0", tracking_number(self.order)))),
            _ => None,
        }
    }

    pub fn value(self, begin: Timestamp) -> Vec<u8> {
        let (number, time) = (FIRST + self.order, self.time(begin));
        if self.stage == 0 { placed(number, time, begin) } else { scan(number, self.stage, time) }.into_bytes()
    }
}

pub fn order_id(order: u32) -> String {
    format!("B-{}", FIRST + order)
}

fn tracking_number(order: u32) -> String {
    format!("6A{}", FIRST + order)
}

pub fn journey(order: u32) -> JourneyKey {
    JourneyKey { shop: SHOP.to_owned(), order_id: order_id(order) }
}

fn placed(number: u32, time: Timestamp, begin: Timestamp) -> String {
    let (earliest, latest) = (begin.plus(chrono::Duration::days(2)), begin.plus(chrono::Duration::days(4)));
    format!(
        r#"{{"specversion":"1.0","id":"o-{number}-0","source":"/shops/bench/orders","type":"order.placed","time":"{time}","datacontenttype":"application/json","data":{{"shop":"{SHOP}","order_id":"B-{number}","customer":{{"id":"c-{number}","name":"Camille Exemple","email":"b{number}@buyers.example","phone":"+33 6 39 98 00 00","locale":"en-GB","time_zone":"Europe/Paris","channels":["email"]}},"currency":"EUR","items":[{{"sku":"LAMP-{number}","name":"Desk lamp, brass","variant":"40 cm","quantity":1,"unit_price":"89.00","image_url":"https://cdn.bench.example/lamp.jpg","category":"lighting"}},{{"sku":"BULB-E14","name":"Bulb E14, 4 W","quantity":3,"unit_price":"6.50","category":"lighting"}}],"totals":{{"items":"108.50","shipping":"4.90","taxes":[{{"label":"VAT 20 %","amount":"18.90"}}],"total":"113.40"}},"delivery":{{"method":"home","service":"Colissimo","address":{{"name":"Camille Exemple","lines":["4 rue des Essais"],"postal_code":"69007","city":"Lyon","country":"FR"}}}},"promise":{{"earliest":"{earliest}","latest":"{latest}"}},"order_url":"https://bench.example/orders/B-{number}"}}}}"#
    )
}

fn scan(number: u32, stage: u8, time: Timestamp) -> String {
    let status = STATUSES[usize::from(stage) - 1];
    format!(
        r#"{{"specversion":"1.0","id":"s-{number}-{stage}","source":"/carriers/colissimo/scans","type":"parcel.tracked","time":"{time}","datacontenttype":"application/json","data":{{"shop":"{SHOP}","order_id":"B-{number}","carrier":"colissimo","tracking_number":"6A{number}","status":"{status}","code":"AARCFM{stage}","text":"Your parcel has been handled at the carrier's site","place":"Hub {stage}, Lyon"}}}}"#
    )
}
