//! A shop at work: orders come in steadily, and parcels arrive once their shipping was told.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use reassure::ports::{DeadLetter, State, Store};

use super::fleet::now;
use super::ground;
use super::ledger::{Called, Ledger, MESSAGES};
use crate::service::events::{caller, placed_by, reader, scan, shipped};
use crate::service::harness::World;

/// Two orders each time: ten a second, as long as the broker takes them.
const WAVE: usize = 2;
const EVERY: Duration = Duration::from_millis(200);
/// Everything must have arrived by then once nothing disturbs any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);
/// More than one run can come to.
const MOST_HELD: usize = 10_000;

pub struct Load<'a> {
    world: &'a World,
    ledger: Mutex<Ledger>,
    orders: AtomicUsize,
    events: AtomicUsize,
}

fn order(number: usize) -> String {
    format!("Z{number:06}")
}

/// One in eight has no e-mail address.
fn calls(number: usize) -> bool {
    number % 8 == 3
}

impl<'a> Load<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, ledger: Mutex::default(), orders: AtomicUsize::new(0), events: AtomicUsize::new(0) }
    }

    /// Publishes until all is calm.
    pub async fn run(&self, calm: &AtomicBool) {
        while !calm.load(Ordering::Relaxed) {
            let number = self.orders.fetch_add(WAVE, Ordering::Relaxed);
            let mut events: Vec<Value> = (number..number + WAVE).flat_map(placed_and_shipped).collect();
            events.extend(self.arrivals());
            self.publish(&events).await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Waits until everything that the rules call for has arrived, and tells what that is.
    pub async fn complete(&self) -> Result<BTreeSet<Called>, Vec<String>> {
        let wanted = called_for(self.orders.load(Ordering::Relaxed));
        let end = Instant::now() + SETTLED_WITHIN;
        let books = ground::books(self.world).await;
        loop {
            let arrivals = self.arrivals();
            self.publish(&arrivals).await;
            self.put_back_what_never_arrived(&*books).await;
            let missing = self.ledger.lock().unwrap().missing(&wanted);
            if missing.is_empty() {
                return Ok(wanted);
            }
            if Instant::now() >= end {
                let few = missing.iter().take(20).map(|called| format!("missing: {called:?}"));
                return Err(few.chain([format!("missing in all: {}", missing.len())]).collect());
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// What a person does whose provider knows no keys: looks at the provider's own list for what is
    /// held because no answer came, and puts back what is not on it.
    async fn put_back_what_never_arrived(&self, books: &dyn Store) {
        let held = books.dead_letters(MOST_HELD).await.unwrap_or_default();
        // after the question, so that nothing that is held can arrive unseen
        self.publish(&self.arrivals()).await;
        for letter in held {
            let DeadLetter::Notification { id, state: State::Held, .. } = letter else { continue };
            if !self.ledger.lock().unwrap().has(&id.0)
                && books.redrive_notification(&id, now()).await.is_ok_and(|is_back| is_back)
            {
                self.ledger.lock().unwrap().put_back(&id.0);
            }
        }
    }

    /// Reads what the sink received, and delivers the parcels whose shipping was told to everybody:
    /// it would be no news any more had they arrived before.
    fn arrivals(&self) -> Vec<Value> {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.enter(self.world.sandbox.take());
        ledger.shipped().into_iter().map(|order| scan(&order, "delivered", 5)).collect()
    }

    async fn publish(&self, events: &[Value]) {
        self.events.fetch_add(events.len(), Ordering::Relaxed);
        if !events.is_empty() {
            self.world.publish(events).await;
        }
    }

    pub fn into_ledger(self) -> Ledger {
        let mut ledger = self.ledger.into_inner().unwrap();
        ledger.enter(self.world.sandbox.take());
        ledger.events = self.events.into_inner();
        ledger
    }
}

/// The same scan twice: a repetition at the source reaches nobody.
fn placed_and_shipped(number: usize) -> Vec<Value> {
    let name = order(number);
    let customer = if calls(number) { caller(&name) } else { reader(&name) };
    let mut events = vec![placed_by(&name, customer), shipped(&name), scan(&name, "in_transit", 60)];
    events.extend([scan(&name, "out_for_delivery", 20), scan(&name, "out_for_delivery", 20)]);
    events
}

/// What the rules call for, from the events alone.
fn called_for(orders: usize) -> BTreeSet<Called> {
    let of = |number| {
        let person = if calls(number) { "BrevoSms" } else { "Resend" };
        let told =
            move |message: &str| [person, "Webhook"].map(|vendor| (order(number), message.into(), vendor.into()));
        MESSAGES.into_iter().flat_map(told)
    };
    (0..orders).flat_map(of).collect()
}
