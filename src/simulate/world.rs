//! The service's middle under a virtual clock: the same intake and the same step, with a memory in
//! place of the store, and nobody to send.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use chrono::Duration;

use crate::domain::decision::{Entry, NotificationId, Reason, Verdict};
use crate::domain::event::Event;
use crate::domain::journey::{Journey, JourneyKey};
use crate::domain::notification::{Content, Notification, Webhook};
use crate::domain::receipt::{Receipt, Received};
use crate::domain::step::{Obstacle, still_holds};
use crate::domain::time::Timestamp;
use crate::ingest::Arrival;
use crate::ingest::disposition::Disposition;
use crate::ingest::draft::{Draft, Writer};
use crate::ingest::known::{self, Known};
use crate::message::Letter;
use crate::ports::{Batch, Wake};
use crate::publish::Outlet;
use crate::shops::Shops;
use crate::telemetry::{Metrics, Span};

use super::Recorded;
use super::memory::Memory;
use super::storms::{Storm, Storms};

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
    /// `journey` is as it stands after all of what happened at that moment.
    fn decided(&mut self, journey: &Journey, entry: Entry);
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
    storms: Storms,
    /// When which journey must be looked at. Some of it is out of date: the journey knows.
    wakes: BinaryHeap<Reverse<(Timestamp, JourneyKey)>>,
    now: Timestamp,
    tidied: Timestamp,
}

impl<'a> World<'a> {
    /// # Errors
    /// If the metrics, which nobody reads here, cannot be made.
    pub fn new(shops: &'a Shops) -> Result<Self, prometheus::Error> {
        let (begin, outlet) = (Timestamp::from_millis(0), Outlet::new(None, false, Metrics::new()?));
        let (memory, storms) = (Memory::new(), Storms::default());
        Ok(Self { shops, outlet, memory, storms, wakes: BinaryHeap::new(), now: begin, tidied: begin })
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Orders seen.
    pub fn orders(&self) -> usize {
        self.memory.orders()
    }

    /// Orders held in memory; the others have been let go.
    pub fn held(&self) -> usize {
        self.memory.held()
    }

    /// Events that wait for an order or a shipment.
    pub fn waiting(&self) -> usize {
        self.memory.waiting()
    }

    /// Rules that the storm guard would have held.
    pub fn into_storms(self) -> Vec<Storm> {
        self.storms.into_all()
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
                draft.wake(&key, None);
                let (batch, _) = self.finish(draft);
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
        let key = event.key();
        if self.memory.is_parked(&key) {
            return vec![Fate::Duplicate];
        }
        let arrival =
            Arrival { event: Arc::clone(event), key, partition: None, at: recorded.at, span: Span::default() };
        let known = self.known(std::slice::from_ref(&arrival), &[]);
        let mut draft = Draft::new(self.shops, &Unwritten, &self.outlet, self.now, known);
        draft.take(arrival);
        let (batch, dispositions) = self.finish(draft);
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

    fn finish(&self, draft: Draft<'_>) -> (Batch, Vec<(&'static str, Disposition)>) {
        let on_record = at_once(known::on_record(&self.memory, draft.addressees()));
        draft.finish(&on_record.and_then(Result::ok).unwrap_or_default())
    }

    /// Does what the commit of a batch does in the store, and the second look of the dispatcher: of
    /// several steps at once, a later one may have made an earlier message untrue.
    fn keep(&mut self, batch: Batch, woken: bool, witness: &mut dyn Witness) {
        let mut withheld: Vec<(JourneyKey, NotificationId, Reason)> = Vec::new();
        let mut arrived: Vec<(JourneyKey, Received)> = Vec::new();
        self.storms.hear(&batch, self.shops, self.now);
        for write in batch.journeys {
            let key = &write.journey.key;
            if let Wake::At(at) = write.wake {
                // what stays due whatever is decided must not hold up the rest of the world
                let at = if woken && at <= self.now { self.now.plus(STUBBORN) } else { at };
                self.wakes.push(Reverse((at, key.clone())));
            }
            if let Some(rules) = self.shops.rules(&key.shop).filter(|_| write.entries.len() > 1) {
                let looked = write
                    .notifications
                    .iter()
                    .map(|(sent, _)| (sent, still_holds(&write.journey, sent, rules, self.now)));
                withheld.extend(looked.filter_map(|(sent, holds)| match holds {
                    Err(Obstacle::Withdrawn(reason)) => Some((key.clone(), sent.id.clone(), reason)),
                    // what is quiet now was held back when it was decided
                    Ok(()) | Err(Obstacle::QuietUntil(_)) => None,
                }));
            }
            arrived.extend(arriving(&write.journey, &write.notifications, self.now));
            self.memory.put(Arc::clone(&write.journey), write.links, self.now);
            for mut entry in write.entries {
                leave_out(&mut entry, &withheld);
                witness.decided(&write.journey, entry);
            }
        }
        batch.parked.into_iter().for_each(|parked| self.memory.park(parked));
        batch.released.iter().for_each(|key| self.memory.release(key));
        batch.spent.into_iter().for_each(|spent| self.memory.note(spent));
        batch.forgotten.iter().for_each(|addressee| self.memory.forget(addressee));
        arrived.retain(|(_, received)| withheld.iter().all(|(_, id, _)| *id != received.notification));
        if !withheld.is_empty() || !arrived.is_empty() {
            let keys = withheld.iter().map(|(key, ..)| key).chain(arrived.iter().map(|(key, _)| key));
            let keys: Vec<JourneyKey> = keys.cloned().collect();
            let mut draft = Draft::new(self.shops, &Unwritten, &self.outlet, self.now, self.known(&[], &keys));
            for (key, notification, reason) in &withheld {
                draft.withdraw(key, notification, *reason, None);
            }
            for (key, received) in &arrived {
                draft.receive(key, received, None);
            }
            let (batch, _) = self.finish(draft);
            self.keep(Batch { withdrawn: Vec::new(), ..batch }, woken, witness);
        }
    }
}

/// What is waited to be heard of arrives: nobody knows better.
fn arriving(
    journey: &Journey,
    notifications: &[(Notification, Content)],
    now: Timestamp,
) -> impl Iterator<Item = (JourneyKey, Received)> {
    let is_awaited = |id: &NotificationId| journey.deferred.iter().any(|waited| waited.escalates.contains(id));
    notifications.iter().filter(move |(sent, _)| is_awaited(&sent.id)).map(move |(sent, _)| {
        let (notification, channel) = (sent.id.clone(), sent.channel);
        (journey.key.clone(), Received { notification, channel, receipt: Receipt::Delivered, at: now })
    })
}

/// Takes what is withheld out of the decisions to send; that it was, is a decision of its own.
fn leave_out(entry: &mut Entry, withheld: &[(JourneyKey, NotificationId, Reason)]) {
    if withheld.is_empty() {
        return;
    }
    entry.decisions.retain_mut(|decision| {
        let Verdict::Send { notifications, .. } = &mut decision.verdict else { return true };
        notifications.retain(|sent| withheld.iter().all(|(_, id, _)| *id != sent.notification));
        !notifications.is_empty()
    });
}

/// The result of what has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
