//! The service's middle under a virtual clock: the same intake and the same step, with a memory in
//! place of the store, and nobody to send.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use chrono::Duration;

use crate::domain::decision::Entry;
use crate::domain::event::Event;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::{Content, Webhook};
use crate::domain::time::Timestamp;
use crate::ingest::Arrival;
use crate::ingest::draft::{Disposition, Draft, Writer};
use crate::ingest::known::Known;
use crate::message::Letter;
use crate::ports::{Batch, Wake};
use crate::publish::Outlet;
use crate::shops::Shops;

use super::Recorded;
use super::memory::Memory;

/// How often what is over is let go.
const TIDY_EVERY: Duration = Duration::hours(1);
/// A journey that stays due, whatever is decided, is not asked again before so long.
const STUBBORN: Duration = Duration::hours(1);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Applied,
    Duplicate,
    /// It waits for its order or its shipment.
    Parked,
    /// Its journey has no room for it.
    Full,
    /// Its journey was over long ago, and has been let go.
    Gone,
}

/// Told of everything that is decided.
pub trait Witness {
    fn decided(&mut self, journey: &JourneyKey, entry: Entry);
}

/// What is decided is not written out.
struct Unwritten;

impl Writer for Unwritten {
    fn write(&self, _: &Letter<'_>) -> Result<Content, String> {
        Ok(Content::Webhook(Webhook { body: String::new() }))
    }
}

/// A world of its own, with its own clock.
pub struct World<'a> {
    shops: &'a Shops,
    outlet: Outlet,
    memory: Memory,
    /// When which journey must be looked at. Some of it is out of date: the journey knows.
    wakes: BinaryHeap<Reverse<(Timestamp, JourneyKey)>>,
    now: Timestamp,
    tidied: Timestamp,
}

impl<'a> World<'a> {
    pub fn new(shops: &'a Shops, outlet: Outlet) -> Self {
        let begin = Timestamp::from_millis(0);
        Self { shops, outlet, memory: Memory::new(), wakes: BinaryHeap::new(), now: begin, tidied: begin }
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Orders seen.
    pub fn orders(&self) -> usize {
        self.memory.orders()
    }

    /// Events that wait for an order or a shipment.
    pub fn waiting(&self) -> usize {
        self.memory.waiting()
    }

    /// Everything that is due by `until` falls due, in the order of time.
    pub fn pass(&mut self, until: Timestamp, witness: &mut dyn Witness) {
        while self.wakes.peek().is_some_and(|Reverse((at, _))| *at <= until) {
            let Some(Reverse((at, key))) = self.wakes.pop() else { break };
            self.now = self.now.max(at);
            let due = self.memory.journey(&key).and_then(|journey| journey.wakes_at());
            if due.is_some_and(|due| due <= self.now) {
                let known = self.known(&[], std::slice::from_ref(&key));
                let mut draft = Draft::new(self.shops, &Unwritten, &self.outlet, self.now, known);
                draft.wake(&key);
                let (batch, _) = draft.finish();
                self.keep(batch, true, witness);
            }
        }
        self.now = self.now.max(until);
        if self.now >= self.tidied.plus(TIDY_EVERY) {
            self.tidied = self.now;
            self.memory.tidy(self.now);
        }
    }

    /// Takes a recorded event in, after everything that was due before it. Says what became of it
    /// and of what it released.
    pub fn take(&mut self, recorded: &Recorded, witness: &mut dyn Witness) -> Vec<Fate> {
        self.pass(recorded.at, witness);
        let event = &recorded.event;
        let gone = |event: &Event| {
            event.body.reference().is_some_and(|reference| self.memory.is_gone(event.body.shop(), &reference))
        };
        if gone(event) {
            return vec![Fate::Gone];
        }
        let arrival = Arrival { event: Arc::clone(event), key: event.key(), partition: None, at: recorded.at };
        let known = self.known(std::slice::from_ref(&arrival), &[]);
        let mut draft = Draft::new(self.shops, &Unwritten, &self.outlet, self.now, known);
        draft.take(arrival);
        let (batch, dispositions) = draft.finish();
        self.keep(batch, false, witness);
        dispositions
            .into_iter()
            .map(|(_, disposition)| match disposition {
                Disposition::Applied => Fate::Applied,
                Disposition::Duplicate => Fate::Duplicate,
                Disposition::Parked => Fate::Parked,
                Disposition::DeadLettered => Fate::Full,
            })
            .collect()
    }

    fn known(&self, arrivals: &[Arrival], also: &[JourneyKey]) -> Known {
        // memory neither waits nor fails
        at_once(Known::fetch(&self.memory, arrivals, also, &[])).and_then(Result::ok).unwrap_or_default()
    }

    /// Does what the commit of a batch does in the store.
    fn keep(&mut self, batch: Batch, woken: bool, witness: &mut dyn Witness) {
        for write in batch.journeys {
            let key = write.journey.key.clone();
            if let Wake::At(at) = write.wake {
                // what stays due whatever is decided must not hold up the rest of the world
                let at = if woken && at <= self.now { self.now.plus(STUBBORN) } else { at };
                self.wakes.push(Reverse((at, key.clone())));
            }
            self.memory.put(write.journey, write.links, self.now);
            for entry in write.entries {
                witness.decided(&key, entry);
            }
        }
        batch.parked.into_iter().for_each(|parked| self.memory.park(parked));
        batch.released.iter().for_each(|key| self.memory.release(key));
    }
}

/// The result of what has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
