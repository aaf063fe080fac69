//! Membership in the group: which partitions come and go, and the handover in between.
//!
//! The library calls back from within `poll`, on the bus thread. A callback can wait for the
//! channel and for ingest, which never wait for the bus thread, and for nothing else.

mod list;
mod position;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use list::{list_of, partitions_of};

use super::OffsetsOf;
use super::advice::advice;
use super::identity::{Identities, Question};
use super::oauth::{Tokens, token_of};
use super::wait::wait;
use super::watch::{Shared, count};
use crate::ports::{Feed, Partition};

/// An error that goes on is logged again after so long.
const REPEAT: Duration = Duration::from_secs(60);

/// The bus thread's side of the group; the library holds it as its context.
pub(super) struct Group {
    pub shared: Arc<Shared>,
    offsets_of: OffsetsOf,
    tokens: Option<Tokens>,
    drain: Duration,
    sender: mpsc::Sender<Feed>,
    /// Touched by the bus thread alone; a lock because the library asks for `Sync`.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the channel had no room for yet, oldest first: one batch at most, and news.
    outbox: VecDeque<Feed>,
    /// Ours and being read.
    assigned: BTreeSet<Partition>,
    /// Ours, but the store has not said from where to read.
    waiting: BTreeSet<Partition>,
    asked: Option<Instant>,
    /// Which topics they are that are read.
    identities: Identities,
    /// Who told so, as long as it answers.
    told_by: Option<i32>,
    /// When that was last looked at, and the question if the answer is still to come.
    looked: Option<Instant>,
    question: Option<Question>,
    /// When each kind of error was logged last; there are as many as the library knows.
    said: BTreeMap<String, Instant>,
    paused: bool,
    /// Taken away since [`Group::revoked_meanwhile`] was last asked.
    revoked: Vec<Partition>,
}

/// How a flush of the outbox ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    All,
    Full,
    /// Nobody reads the channel any more.
    Closed,
}

impl Group {
    pub fn new(
        shared: Arc<Shared>,
        offsets_of: OffsetsOf,
        tokens: Option<Tokens>,
        drain: Duration,
        sender: mpsc::Sender<Feed>,
    ) -> Self {
        Self { shared, offsets_of, tokens, drain, sender, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something behind what already waits for the channel.
    pub fn push(&self, feed: Feed) {
        self.state().outbox.push_back(feed);
    }

    /// Sends what fits into the channel now.
    pub fn flush(&self) -> Flushed {
        let mut state = self.state();
        while let Some(feed) = state.outbox.pop_front() {
            match self.sender.try_send(feed) {
                Ok(()) => {}
                Err(TrySendError::Full(feed)) => {
                    state.outbox.push_front(feed);
                    return Flushed::Full;
                }
                Err(TrySendError::Closed(_)) => return Flushed::Closed,
            }
        }
        if self.sender.is_closed() { Flushed::Closed } else { Flushed::All }
    }

    /// Waits for room in the channel, at most `limit`.
    pub fn wait_for_room(&self, limit: Duration) {
        // the permit is given back at once: only this thread sends, so the room stays
        let _ = wait(self.sender.reserve(), limit);
    }

    /// Partitions taken away since the last call. Records that were polled just before and are
    /// not sent yet must not follow the handover.
    pub fn revoked_meanwhile(&self) -> Vec<Partition> {
        std::mem::take(&mut self.state().revoked)
    }

    /// Stops fetching. What was fetched ahead is thrown away and fetched again later, so this is
    /// for when the channel stays full.
    pub fn pause(&self, consumer: &BaseConsumer<Self>) {
        let list = {
            let mut state = self.state();
            state.paused = true;
            list_of(state.assigned.iter())
        };
        count(&self.shared.counters.pauses);
        self.shared.counters.paused.store(true, Ordering::Relaxed);
        self.note("pause", consumer.pause(&list));
    }

    /// Fetches on from the first record that was not handed over.
    pub fn resume(&self, consumer: &BaseConsumer<Self>) {
        let list = {
            let mut state = self.state();
            state.paused = false;
            list_of(state.assigned.iter())
        };
        self.shared.counters.paused.store(false, Ordering::Relaxed);
        self.note("resume", consumer.resume(&list));
    }

    pub fn is_paused(&self) -> bool {
        self.state().paused
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let partitions = partitions_of(list);
        self.shared.reached();
        tracing::info!(partitions = partitions.len(), "partitions assigned");
        count(&self.shared.counters.assigned);
        self.state().waiting.extend(partitions);
        if self.begin(consumer) {
            return;
        }
        // the group goes on only after an answer; nothing is read until the store has told
        let none = TopicPartitionList::new();
        let answered = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&none),
            _ => consumer.assign(&none),
        };
        self.note("assign", answered);
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let lost = consumer.assignment_lost();
        let partitions = partitions_of(list);
        tracing::info!(partitions = partitions.len(), lost, "partitions revoked");
        count(if lost { &self.shared.counters.lost } else { &self.shared.counters.revoked });
        let read: Vec<Partition> = {
            let mut state = self.state();
            state.waiting.retain(|partition| !partitions.contains(partition));
            state.outbox.iter_mut().for_each(|feed| withdraw(feed, &partitions));
            state.revoked.extend(partitions.iter().cloned());
            partitions.into_iter().filter(|partition| state.assigned.remove(partition)).collect()
        };
        if !read.is_empty() {
            self.hand_over(&read, lost);
            if !lost {
                // of those that ingest has just finished; the library sends them before it leaves
                self.commit_hints(consumer);
            }
            self.shared.forget(&read);
        }
        let list = list_of(read.iter());
        if self.is_paused() {
            // or they would come back paused
            self.note("resume", consumer.resume(&list));
        }
        let unassigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(&list),
            _ => consumer.unassign(),
        };
        self.note("unassign", unassigned);
    }

    /// Lets ingest finish what came before, within bounds. Lost partitions belong to another
    /// already: there is nothing to wait for.
    fn hand_over(&self, partitions: &[Partition], lost: bool) {
        let (answer, answered) = oneshot::channel();
        self.push(Feed::Revoked(partitions.to_vec(), answer));
        if lost {
            // the news may wait in the outbox, and leaves with the next flush
            self.flush();
            return;
        }
        let end = self.drain_until();
        let flushed = self.flush_by(end);
        // an error means that ingest is gone, and nothing is to be waited for
        let left = end.saturating_duration_since(Instant::now());
        let finished = flushed && (self.sender.is_closed() || wait(answered, left).is_some());
        if !finished {
            tracing::warn!(partitions = partitions.len(), "partitions were not finished in time and go as they are");
            count(&self.shared.counters.drains_cut);
        }
    }

    /// Sends all that waits, as the channel has room. Returns whether it was done by then.
    pub fn flush_by(&self, end: Instant) -> bool {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.flush() {
                Flushed::All | Flushed::Closed => return true,
                Flushed::Full if left.is_zero() => return false,
                Flushed::Full => self.wait_for_room(left),
            }
        }
    }

    /// A stop leaves a quarter of its time for leaving the group.
    pub fn drain_until(&self) -> Instant {
        let now = Instant::now();
        let stop = self.shared.stopping().map(|end| now + end.saturating_duration_since(now) * 3 / 4);
        (now + self.drain).min(stop.unwrap_or(now + self.drain))
    }

    /// Tells Kafka what is durable, without waiting for its answer.
    pub fn commit_hints(&self, consumer: &BaseConsumer<Self>) {
        let hints: BTreeMap<Partition, i64> = self.shared.take_hints();
        if hints.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::with_capacity(hints.len());
        for (partition, next) in &hints {
            if let Err(error) = list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*next)) {
                tracing::warn!(%error, "an offset that Kafka cannot have is not committed");
            }
        }
        if let Err(error) = consumer.commit(&list, CommitMode::Async) {
            self.commit_failed(&error);
        }
    }

    fn commit_failed(&self, error: &KafkaError) {
        count(&self.shared.counters.commit_failures);
        tracing::warn!(%error, "offsets were not committed; the store has them");
    }

    fn note(&self, action: &'static str, result: KafkaResult<()>) {
        if let Err(error) = result {
            count(&self.shared.counters.errors);
            tracing::warn!(%error, action, "the consumer refused");
        }
    }
}

impl ClientContext for Group {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token_of(self.tokens.as_ref())
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        if facility == "OFFSET" && level as i32 <= Level::Warning as i32 {
            // the place to read from is gone, and the library begins at what is left
            count(&self.shared.counters.resets);
        }
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
                tracing::warn!(target: "librdkafka", facility, "{message}");
            }
            Level::Notice | Level::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
            Level::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        count(&self.shared.counters.errors);
        let advice = advice(error.rdkafka_error_code(), reason);
        self.shared.troubled(&error, advice);
        let mut state = self.state();
        if state.said.get(&error.to_string()).is_none_or(|said| said.elapsed() >= REPEAT) {
            state.said.insert(error.to_string(), Instant::now());
            tracing::warn!(%error, reason, advice, "Kafka");
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.shared.statistics(statistics);
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        match result {
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => self.commit_failed(&error),
        }
    }
}

/// Takes records of these partitions out of what is not sent yet.
pub(super) fn withdraw(feed: &mut Feed, partitions: &[Partition]) {
    if let Feed::Records(records) = feed {
        records.retain(|record| !partitions.contains(&record.partition));
    }
}
