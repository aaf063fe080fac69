//! What the bus thread and the rest of the service share: counters, lag, hints, the wish to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use serde::Deserialize;

use crate::domain::time::Timestamp;
use crate::ports::Partition;

/// Counted since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    pub records: AtomicU64,
    /// Times that partitions came to us.
    pub assigned: AtomicU64,
    /// Times that partitions were taken away in order.
    pub revoked: AtomicU64,
    /// Times that they were gone before we knew.
    pub lost: AtomicU64,
    /// Handovers that ran into `drain_seconds`.
    pub drains_cut: AtomicU64,
    /// Times that reading was paused because the channel was full.
    pub pauses: AtomicU64,
    /// Whether it is now.
    pub paused: AtomicBool,
    /// What Kafka reported: brokers down, topics unknown, requests refused.
    pub errors: AtomicU64,
    pub commit_failures: AtomicU64,
    /// Times that it was not known from where to read: the store did not say, or Kafka did not.
    pub offset_failures: AtomicU64,
    /// Times that Kafka no longer had what was to be read next, and the oldest was read instead.
    pub resets: AtomicU64,
}

/// How far a partition is behind.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionLag {
    pub partition: Partition,
    /// The next record that will be handed over.
    pub read: Option<i64>,
    /// The next record whose effects are not durable yet.
    pub done: Option<i64>,
    /// The end of the partition, when it was last told; Kafka tells it with every fetch.
    pub end: Option<i64>,
    /// When the last record handed over was published, in milliseconds since 1970.
    pub last_published: Option<i64>,
}

impl PartitionLag {
    /// Records that are not durable yet (not handed over yet, while nothing was).
    pub fn records(&self) -> Option<u64> {
        let behind = self.end? - self.done.or(self.read)?;
        Some(u64::try_from(behind).unwrap_or(0))
    }

    /// How long ago the last record handed over was published, as long as more are waiting.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        if self.records()? == 0 {
            return Some(Duration::ZERO);
        }
        let millis = now.millis() - self.last_published?;
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub counters: Counters,
    lag: Mutex<BTreeMap<Partition, PartitionLag>>,
    /// Durable offsets that Kafka has not been told.
    hints: Mutex<BTreeMap<Partition, i64>>,
    /// Partitions that are to be read anew.
    refused: Mutex<BTreeSet<Partition>>,
    stop_by: Mutex<Option<Instant>>,
    contact: Mutex<Contact>,
}

/// Whether Kafka has ever answered, and what it says as long as it has not.
#[derive(Debug, Default)]
struct Contact {
    reached: bool,
    trouble: Option<String>,
}

/// These locks guard plain data, which is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Shared {
    pub fn stop_by(&self, moment: Instant) {
        lock(&self.stop_by).get_or_insert(moment);
    }

    /// When to be gone, once that has been asked for.
    pub fn stopping(&self) -> Option<Instant> {
        *lock(&self.stop_by)
    }

    /// A broker takes us.
    pub fn reached(&self) {
        *lock(&self.contact) = Contact { reached: true, trouble: None };
    }

    /// Kafka refuses us, or cannot be reached.
    pub fn troubled(&self, error: &KafkaError, advice: Option<&'static str>) {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure};
        let code = error.rdkafka_error_code();
        let mut contact = lock(&self.contact);
        // a refusal cuts the connection, and must not be covered by the news of that
        if contact.trouble.is_some() && matches!(code, Some(AllBrokersDown | BrokerTransportFailure)) {
            return;
        }
        let what = code.map_or_else(|| error.to_string(), |code| code.to_string());
        contact.trouble = Some(advice.map_or_else(|| what.clone(), |advice| format!("{what}; {advice}")));
    }

    /// Why no broker has ever taken us; `None` as soon as one has.
    pub fn unreached(&self) -> Option<String> {
        let contact = lock(&self.contact);
        let trouble = || contact.trouble.clone().unwrap_or_else(|| "no broker has answered yet".to_owned());
        (!contact.reached).then(trouble)
    }

    pub fn refuse(&self, partition: &Partition) {
        lock(&self.refused).insert(partition.clone());
    }

    pub fn take_refused(&self) -> BTreeSet<Partition> {
        std::mem::take(&mut lock(&self.refused))
    }

    pub fn take_hints(&self) -> BTreeMap<Partition, i64> {
        std::mem::take(&mut lock(&self.hints))
    }

    pub fn lag(&self) -> Vec<PartitionLag> {
        lock(&self.lag).values().cloned().collect()
    }

    /// These partitions are read from these offsets.
    pub fn begin(&self, offsets: &[(Partition, Option<i64>)]) {
        let mut lag = lock(&self.lag);
        for (partition, offset) in offsets {
            let fresh = PartitionLag {
                partition: partition.clone(),
                read: *offset,
                done: *offset,
                end: None,
                last_published: None,
            };
            lag.insert(partition.clone(), fresh);
        }
    }

    /// These partitions are not ours any more.
    pub fn forget(&self, partitions: &[Partition]) {
        let (mut lag, mut hints) = (lock(&self.lag), lock(&self.hints));
        for partition in partitions {
            lag.remove(partition);
            hints.remove(partition);
        }
    }

    /// Records up to `next` have been handed over.
    pub fn advance(&self, progress: impl Iterator<Item = (Partition, i64, Option<i64>)>) {
        let mut lag = lock(&self.lag);
        for (partition, next, published) in progress {
            if let Some(entry) = lag.get_mut(&partition) {
                entry.read = Some(next);
                entry.last_published = published.or(entry.last_published);
            }
        }
    }

    /// Takes the ends of the partitions out of the library's statistics, and whether a broker is up.
    pub fn statistics(&self, json: &[u8]) {
        #[derive(Deserialize)]
        struct Statistics {
            #[serde(default)]
            brokers: BTreeMap<String, Broker>,
            #[serde(default)]
            topics: BTreeMap<String, Topic>,
        }
        #[derive(Deserialize)]
        struct Broker {
            #[serde(default)]
            state: String,
        }
        #[derive(Deserialize)]
        struct Topic {
            #[serde(default)]
            partitions: BTreeMap<String, Numbers>,
        }
        #[derive(Deserialize)]
        struct Numbers {
            #[serde(default = "unknown")]
            hi_offset: i64,
        }
        fn unknown() -> i64 {
            -1
        }
        let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else { return };
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            self.reached();
        }
        for (partition, entry) in lock(&self.lag).iter_mut() {
            let topic = statistics.topics.get(&*partition.topic);
            let numbers = topic.and_then(|topic| topic.partitions.get(&partition.number.to_string()));
            if let Some(numbers) = numbers.filter(|numbers| numbers.hi_offset >= 0) {
                entry.end = Some(numbers.hi_offset);
            }
        }
    }
}

/// Where ingest tells which offsets are durable. Kafka is told about once a second, for those who
/// watch the group's lag; nothing depends on it.
#[derive(Clone, Debug)]
pub struct Hints(Arc<Shared>);

impl Hints {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Everything before `next` is durable.
    pub fn put(&self, partition: &Partition, next: i64) {
        // of a partition that is not ours any more there is nothing to tell
        if let Some(entry) = lock(&self.0.lag).get_mut(partition) {
            entry.done = Some(next);
            lock(&self.0.hints).insert(partition.clone(), next);
        }
    }
}
