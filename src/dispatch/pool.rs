//! One provider's pool: what is leased for it, what is under way, and what is to be written.

mod ending;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::step::{Obstacle, fails_over, still_holds};
use crate::domain::time::Timestamp;
use crate::ingest::{Fate, Sequel, told};
use crate::ports::{Answer, AttemptRecord, Lease, Leased, Outgoing, Provider, StoreError};

use super::haste::Haste;
use super::pace::Pace;
use super::{Dispatcher, Room, Shared};

/// Leased notifications that wait in memory, for each that may be under way.
const WAITING_PER_PLACE: usize = 4;
/// Attempts written together.
const GROUP: usize = 256;
/// How often the store is asked for retries and for what others left, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is left of a lease when an attempt may still begin: the attempt must end within it.
fn margin(provider_timeout: Duration) -> chrono::Duration {
    chrono::Duration::from_std(provider_timeout + Duration::from_secs(2)).unwrap_or_default()
}

/// An attempt that has ended.
struct Finished {
    one: Leased,
    answer: Answer,
    took: Duration,
    /// Another channel waits to hear that it has failed.
    is_to_fail: bool,
}

/// The pool of one provider.
pub struct Pool {
    provider: Arc<dyn Provider>,
    most: usize,
    shared: Shared,
    handed: mpsc::UnboundedReceiver<(Leased, Timestamp)>,
    space: Room,
    rest: watch::Sender<Option<Timestamp>>,
    wake: Arc<Notify>,
    pace: Pace,
    haste: Haste,
    waiting: VecDeque<(Leased, Timestamp)>,
    flying: JoinSet<Finished>,
    finished: Vec<Finished>,
    /// More is due in the store than there was room for: it goes before what ingest has new.
    behind: bool,
}

impl Pool {
    pub fn new(
        provider: Arc<dyn Provider>,
        max_in_flight: usize,
        shared: Shared,
        handed: mpsc::UnboundedReceiver<(Leased, Timestamp)>,
        space: Room,
        rest: watch::Sender<Option<Timestamp>>,
        wake: Arc<Notify>,
    ) -> Self {
        let most = max_in_flight.max(1);
        space.free.store(most * WAITING_PER_PLACE, Ordering::Release);
        let grace = chrono::Duration::from_std(provider.timeout()).unwrap_or_default();
        Self {
            provider,
            most,
            shared,
            handed,
            space,
            rest,
            wake,
            pace: Pace::new(most),
            haste: Haste::new(grace),
            waiting: VecDeque::new(),
            flying: JoinSet::new(),
            finished: Vec::new(),
            behind: false,
        }
    }

    /// Works until `stop` is told; then begins nothing more, and writes what is under way.
    pub async fn run(mut self, dispatcher: Dispatcher, mut stop: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let wake = Arc::clone(&self.wake);
        loop {
            let (mut may_look, mut due) = (false, false);
            tokio::select! {
                biased;
                () = told(&mut stop) => break,
                Some(done) = self.flying.join_next(), if !self.flying.is_empty() => self.landed(done),
                Some(one) = self.handed.recv() => self.waiting.push_back(one),
                () = wake.notified() => due = true,
                _ = look.tick() => due = true,
            }
            while let Some(done) = self.flying.try_join_next() {
                self.landed(done);
            }
            while let Ok(one) = self.handed.try_recv() {
                self.waiting.push_back(one);
            }
            while !self.finished.is_empty() {
                may_look |= self.write(&dispatcher).await;
            }
            let now = self.shared.clock.now();
            if self.pace.resting_until(now).is_some() {
                self.give_back_all().await;
            } else if due || (may_look && self.waiting.is_empty()) {
                self.hasten(now).await;
                self.claim(now).await;
            }
            self.begin(now).await;
            self.report(now);
        }
        self.space.free.store(0, Ordering::Release);
        self.give_back_all().await;
        while let Some(done) = self.flying.join_next().await {
            self.landed(done);
        }
        while !self.finished.is_empty() {
            self.write(&dispatcher).await;
        }
        while let Ok(one) = self.handed.try_recv() {
            self.waiting.push_back(one);
        }
        self.give_back_all().await;
    }

    fn landed(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        match done {
            Ok(finished) => {
                self.learn(&finished.answer);
                self.finished.push(finished);
            }
            // the lease runs out and it is attempted again with the same key
            Err(error) => {
                tracing::error!(provider = self.provider.name(), panicked = error.is_panic(), "an attempt broke off")
            }
        }
    }

    /// Tells the pace of an answer, and the log where an outage begins and ends: once each.
    fn learn(&mut self, answer: &Answer) {
        let was_in_trouble = self.pace.is_in_trouble();
        let now = self.shared.clock.now();
        self.pace.learn(answer, now);
        self.haste.learn(answer.outcome, now);
        let (provider, outcome, status) = (self.provider.name(), answer.outcome.as_str(), answer.status);
        match (was_in_trouble, self.pace.is_in_trouble()) {
            (false, true) => tracing::warn!(
                provider,
                outcome,
                status,
                detail = answer.detail.as_deref(),
                "a provider is left in peace for a while, its messages wait: it asked for that, or failed many times in a row"
            ),
            (true, false) => tracing::info!(provider, outcome, status, "a provider answers again, its messages go on"),
            _ => {}
        }
    }

    /// Brings forward what waits for retries though the provider accepts again.
    async fn hasten(&mut self, now: Timestamp) {
        let Some(call) = self.haste.call(now) else { return };
        let (name, store) = (self.provider.name(), &self.shared.store);
        match store.hasten(name, call.before, now, call.most).await {
            Ok(count) => {
                self.shared.metrics.hastened.with_label_values(&[name]).inc_by(count as u64);
                if let Some(hastened) = self.haste.answered(call, count, now) {
                    tracing::info!(provider = name, hastened, "an outage is over: what waited for retries goes on now");
                }
            }
            Err(error) => self.complain("hasten", &error),
        }
    }

    /// Asks the store for what is due, as far as there is room.
    async fn claim(&mut self, now: Timestamp) {
        let room = self.room();
        if room == 0 {
            return;
        }
        let lease = self.lease(now);
        let claiming = self.shared.store.claim(self.provider.name(), now, &lease, room.min(GROUP));
        match self.shared.metrics.timed("claim", claiming).await {
            Ok(claimed) => {
                self.behind = claimed.len() == room.min(GROUP);
                if self.behind {
                    // there may be more
                    self.wake.notify_one();
                }
                self.waiting.extend(claimed.into_iter().map(|one| (one, lease.until)));
            }
            Err(error) => self.complain("claim", &error),
        }
    }

    /// Begins as many attempts as the pace allows, after a second look at each (I4).
    async fn begin(&mut self, now: Timestamp) {
        let places = self.pace.allowed(now).saturating_sub(self.flying.len());
        let mut next: Vec<_> = self.waiting.drain(..places.min(self.waiting.len())).collect();
        if next.is_empty() {
            return;
        }
        let mut keys: Vec<_> = next.iter().map(|(one, _)| one.key.clone()).collect();
        let journeys = loop {
            match self.shared.store.load(&keys).await {
                Ok(journeys) => break journeys,
                Err(error) => {
                    self.complain("load", &error);
                    match error.leave_out(&mut keys) {
                        // what cannot be looked at again is not sent; it is claimed again when its lease has run out
                        Ok((unreadable, _)) => next.retain(|(one, _)| !unreadable.contains(&one.key)),
                        Err(_) => {
                            self.waiting.extend(next);
                            return;
                        }
                    }
                }
            }
        };
        // however long the store took, or this process was stopped: what counts is now
        let now = self.shared.clock.now();
        let margin = margin(self.provider.timeout());
        let shops = self.shared.shops.get();
        let mut stale = Vec::new();
        for ((one, until), journey) in next.into_iter().zip(journeys) {
            if until.since(now) <= margin {
                // a lease that has run out may have been taken anew, by this pool too, and that one stands
                if until > now {
                    stale.push(one.notification.id);
                }
                continue;
            }
            let rules = shops.rules(&one.key.shop);
            let holds = match (&journey, rules) {
                (Some(versioned), Some(rules)) => still_holds(&versioned.journey, &one.notification, rules, now),
                _ => Err(Obstacle::Withdrawn(crate::domain::decision::Reason::NoLongerTrue)),
            };
            match holds {
                Ok(()) => {
                    let journey = journey.as_ref().map(|versioned| &versioned.journey);
                    let is_to_fail = journey.is_some_and(|journey| fails_over(journey, &one.notification));
                    self.fly(one, is_to_fail, now);
                }
                Err(Obstacle::QuietUntil(end)) => self.give_back(&[one.notification.id], Some(end)).await,
                Err(Obstacle::Withdrawn(reason)) => {
                    // should ingest not take it, the lease runs out and it is looked at again
                    let (key, notification) = (one.key, one.notification);
                    self.tell(Sequel::new(key, notification.id, Fate::Withdrawn(reason), notification.traceparent))
                        .await;
                }
            }
        }
        if !stale.is_empty() {
            self.give_back(&stale, None).await;
        }
    }

    fn fly(&mut self, mut one: Leased, is_to_fail: bool, now: Timestamp) {
        let provider = Arc::clone(&self.provider);
        let span = self.shared.tracer.attempt(&one, provider.name());
        // the provider is told of the attempt, and so is who reads of its outcome
        if let Some(own) = span.traceparent() {
            one.notification.traceparent = Some(own);
        }
        self.flying.spawn(async move {
            let begin = Instant::now();
            let answer = provider
                .send(Outgoing {
                    id: &one.notification.id,
                    message: &one.notification.message,
                    shop: &one.key.shop,
                    order_id: &one.key.order_id,
                    content: &one.content,
                    traceparent: one.notification.traceparent.as_deref(),
                    now,
                })
                .await;
            let took = begin.elapsed();
            span.answered(&answer);
            Finished { one, answer, took, is_to_fail }
        });
    }

    /// Writes what has ended. `true`: places became free.
    async fn write(&mut self, dispatcher: &Dispatcher) -> bool {
        let now = self.shared.clock.now();
        let finished: Vec<Finished> = self.finished.drain(..self.finished.len().min(GROUP)).collect();
        let records: Vec<AttemptRecord> = finished.iter().map(|each| self.judge(each, now)).collect();
        let lease = self.lease(now);
        let mut tries = 0_u32;
        let next = loop {
            let recording = self.shared.store.record(records.clone(), now, &lease);
            match self.shared.metrics.timed("record", recording).await {
                Ok(next) => break next,
                Err(error) => {
                    // what was sent must be known to have been sent, before the lease ends and it is sent
                    // again: nothing new begins, and the store is not waited for longer than it is away
                    self.complain("record", &error);
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100 << tries.min(3))).await;
                }
            }
        };
        for (finished, record) in finished.iter().zip(&records) {
            self.count(finished, record, now);
            self.tell_of(&finished.one, record).await;
        }
        dispatcher.hand(next, lease.until);
        self.shared.outlet.note(records.iter().filter_map(|record| Some(record.publication.as_ref()?.stream)));
        self.shared.progress.note();
        true
    }

    fn lease(&self, now: Timestamp) -> Lease {
        let span = chrono::Duration::from_std(self.shared.manner.lease).unwrap_or_default();
        Lease { owner: self.shared.owner.clone(), until: now.plus(span) }
    }

    async fn give_back_all(&mut self) {
        let ids: Vec<_> = self.waiting.drain(..).map(|(one, _)| one.notification.id).collect();
        if !ids.is_empty() {
            self.give_back(&ids, None).await;
        }
    }

    /// Leaves them to whoever comes next, not before a moment if one is given.
    async fn give_back(&self, ids: &[crate::domain::decision::NotificationId], not_before: Option<Timestamp>) {
        if let Err(error) = self.shared.store.release(ids, not_before, &self.shared.owner).await {
            self.complain("release", &error);
        }
    }

    fn complain(&self, operation: &str, error: &StoreError) {
        self.shared.metrics.store_errors.with_label_values(&[operation, error.kind()]).inc();
        tracing::error!(operation, provider = self.provider.name(), %error, "the store failed; dispatch waits");
    }

    /// How many more notifications may be leased for this pool.
    fn room(&self) -> usize {
        (self.most * WAITING_PER_PLACE).saturating_sub(self.leased())
    }

    /// Notifications that are leased for this pool and not written yet.
    fn leased(&self) -> usize {
        self.handed.len() + self.waiting.len() + self.flying.len() + self.finished.len()
    }

    fn report(&self, now: Timestamp) {
        let resting = self.pace.resting_until(now);
        let free = if resting.is_some() || self.behind { 0 } else { self.room() };
        self.space.free.store(free, Ordering::Release);
        self.space.busy.store(self.leased(), Ordering::Release);
        self.rest.send_if_modified(|known| std::mem::replace(known, resting) != resting);
        let name = [self.provider.name()];
        let metrics = &self.shared.metrics;
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        metrics.in_flight.with_label_values(&name).set(whole(self.flying.len()));
        metrics.allowed.with_label_values(&name).set(whole(self.pace.allowed(now)));
        metrics.provider_resting.with_label_values(&name).set(resting.is_some().into());
    }
}
