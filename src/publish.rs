//! Takes publications to the broker: a task for each stream, in one process at a time.
//!
//! What is published was written in one transaction with what it tells of. It is repeated if the
//! process stops between the broker's answer and the store's; readers know a repetition by its id,
//! and a dead letter by where it came from. While the broker is away everything else goes on, and
//! what is written waits in the store: at most about [`MOST_WAITING`] publications. Beyond them
//! outcomes are left out, and counted; dead letters stay in the store, where `dlq` finds them.

mod outlet;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::dead_letter;
use crate::ports::{Lease, Publication, Publisher, Store, StoreError, Stream};
use crate::telemetry::Metrics;

pub use outlet::{Manner, Outlet};

/// Publications that may wait in the store.
pub const MOST_WAITING: u64 = 1_000_000;
/// Outcomes published together.
const OUTCOMES_AT_ONCE: usize = 1_000;
/// Dead letters published together; each may be as long as the broker takes.
const DEAD_LETTERS_AT_ONCE: usize = 16;
/// How long to gather after the first has been written: a round costs the store two transactions.
const GATHER: Duration = Duration::from_millis(50);
/// How often to look for what other processes have written.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often to count what waits.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// How long the turn lasts unless it is renewed; longer than a round takes.
const TURN: Duration = Duration::from_secs(60);
/// What is left of a stop's time to give the turn back.
const TO_GIVE_BACK: Duration = Duration::from_millis(500);
/// Waits between tries while the broker or the store is away.
const WAITS: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Told when to have ended.
pub type StopBy = watch::Receiver<Option<Instant>>;

/// Publishes one stream.
pub struct Publish {
    pub stream: Stream,
    pub store: Arc<dyn Store>,
    pub publisher: Arc<dyn Publisher>,
    pub outlet: Outlet,
    pub clock: Clock,
    pub metrics: Metrics,
    pub owner: String,
    /// See [`MOST_WAITING`].
    pub most_waiting: u64,
}

/// What a round came to.
enum Round {
    /// There is more.
    Full,
    /// Nothing waits, or it is another process's turn.
    Done,
    Failed(String),
}

impl Publish {
    /// Works until it is told to stop, then publishes what is written and gives its turn back.
    pub async fn run(self, mut stop: StopBy) {
        let mut failures = 0;
        let mut since = None;
        let mut counted: Option<Instant> = None;
        loop {
            if counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
                counted = Some(Instant::now());
                self.count().await;
            }
            let round = tokio::select! {
                round = self.round() => round,
                () = ending(stop.clone()) => break,
            };
            let wait = match round {
                Round::Full => continue,
                Round::Done => {
                    (failures, since) = (0, None);
                    LOOK_EVERY
                }
                Round::Failed(cause) => {
                    let wait = WAITS[failures.min(WAITS.len() - 1)];
                    tracing::error!(
                        stream = self.stream.as_str(),
                        cause,
                        again_in_seconds = wait.as_secs_f64(),
                        "publishing failed; what is to be published waits in the store"
                    );
                    failures += 1;
                    since.get_or_insert_with(Instant::now);
                    wait
                }
            };
            let waited = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
            self.metrics.publication_waits.with_label_values(&[self.stream.as_str()]).set(waited);
            if stop.borrow().is_some() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.gathered(), if failures == 0 => {}
                // one more round, unless the last has failed
                _ = stop.wait_for(Option::is_some) => if failures > 0 { break },
            }
        }
        if let Err(error) = self.store.stop_publishing(self.stream, &self.owner).await {
            self.complain("stop_publishing", &error);
        }
    }

    async fn gathered(&self) {
        self.outlet.written(self.stream).await;
        tokio::time::sleep(GATHER).await;
    }

    async fn round(&self) -> Round {
        let limit = match self.stream {
            Stream::Outcomes => OUTCOMES_AT_ONCE,
            Stream::DeadLetters => DEAD_LETTERS_AT_ONCE,
        };
        let now = self.clock.now();
        let lease =
            Lease { owner: self.owner.clone(), until: now.plus(chrono::Duration::from_std(TURN).unwrap_or_default()) };
        let waiting = match self.store.publications(self.stream, now, &lease, limit).await {
            Ok(waiting) => waiting.unwrap_or_default(),
            Err(error) => return self.complain("publications", &error),
        };
        if waiting.is_empty() {
            return Round::Done;
        }
        let is_full = waiting.len() == limit;
        let (ids, publications): (Vec<i64>, Vec<Publication>) = waiting.into_iter().unzip();
        let (settled, failure) = self.publish(&ids, &publications).await;
        if let Err(error) = self.store.published(&settled).await {
            return self.complain("published", &error);
        }
        match failure {
            Some(cause) => Round::Failed(cause),
            None if is_full => Round::Full,
            None => Round::Done,
        }
    }

    /// Publishes all of them. Returns those that are done with, and why the first of the others is
    /// not.
    async fn publish(&self, ids: &[i64], publications: &[Publication]) -> (Vec<i64>, Option<String>) {
        let mut settled = Vec::with_capacity(ids.len());
        let mut failure = None;
        let results = self.publisher.publish(publications).await;
        for ((id, publication), result) in ids.iter().zip(publications).zip(results) {
            let outcome = match result {
                Ok(()) => Ok("arrived"),
                // a broker refuses all that came in one request
                Err(failed) if failed.refused => self.alone(publication).await,
                Err(failed) => Err(failed.cause),
            };
            self.tally(outcome.as_ref().map_or("failed", |outcome| outcome));
            match outcome {
                Ok(_) => settled.push(*id),
                Err(cause) => drop(failure.get_or_insert(cause)),
            }
        }
        (settled, failure)
    }

    /// Publishes one that may be refused by itself, with as little less as is taken: it must not hold up
    /// the others for ever.
    async fn alone(&self, publication: &Publication) -> Result<&'static str, String> {
        // a topic may refuse a time that is far from its own
        let undated = Publication { timestamp: None, ..publication.clone() };
        let shortened = (self.stream == Stream::DeadLetters).then(|| dead_letter::shortened(&undated));
        let ways = [(publication, "arrived"), (&undated, "arrived")];
        let mut cause = String::new();
        for (publication, outcome) in ways.into_iter().chain(shortened.iter().map(|short| (short, "shortened"))) {
            match self.one(publication).await {
                Ok(()) => return Ok(outcome),
                Err(failed) if failed.refused => cause = failed.cause,
                Err(failed) => return Err(failed.cause),
            }
        }
        tracing::error!(
            stream = self.stream.as_str(),
            cause,
            "its topic refuses a publication for good, which has been left out; does its configuration fit \
             (max.message.bytes, cleanup.policy, message.timestamp.*)?"
        );
        Ok("refused")
    }

    async fn one(&self, publication: &Publication) -> Result<(), crate::ports::Unpublished> {
        self.publisher.publish(std::slice::from_ref(publication)).await.pop().unwrap_or(Ok(()))
    }

    /// Looks whether too much waits for more to be written.
    async fn count(&self) {
        match self.store.backlog(self.clock.now()).await {
            Ok(backlog) => {
                let full = backlog.publications >= self.most_waiting;
                if self.outlet.set_full(full) != full {
                    tracing::warn!(
                        waiting = backlog.publications,
                        full,
                        "so much waits to be published that outcomes are left out and dead letters stay in the store"
                    );
                }
            }
            Err(error) => drop(self.complain("backlog", &error)),
        }
    }

    fn tally(&self, outcome: &str) {
        self.metrics.published.with_label_values(&[self.stream.as_str(), outcome]).inc();
    }

    fn complain(&self, operation: &str, error: &StoreError) -> Round {
        self.metrics.store_errors.with_label_values(&[operation, "unavailable"]).inc();
        Round::Failed(format!("the store, {operation}: {error}"))
    }
}

/// Returns when a stop leaves just enough time to give the turn back.
async fn ending(mut stop: StopBy) {
    let end = match stop.wait_for(Option::is_some).await {
        Ok(end) => *end,
        // nobody is left to tell
        Err(_) => return,
    };
    if let Some(end) = end {
        tokio::time::sleep_until(end - TO_GIVE_BACK).await;
    }
}
