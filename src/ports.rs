//! What the service needs from outside, as traits and plain data: the bus, the store, the
//! providers. Adapters implement them; the middle knows only these.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub use crate::domain::decision::Entry;
use crate::domain::decision::{NotificationId, Reason};
use crate::domain::event::Reference;
pub use crate::domain::journey::Link;
use crate::domain::journey::{Journey, JourneyKey, Timer};
use crate::domain::notification::{Content, Notification, Outcome};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;

// ---------------------------------------------------------------- bus

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    pub topic: Arc<str>,
    pub number: i32,
}

/// A Kafka message, as it came.
#[derive(Clone, Debug)]
pub struct Record {
    pub partition: Partition,
    pub offset: i64,
    pub key: Option<Bytes>,
    /// `None` for a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
    /// Milliseconds since 1970, where the broker knows it.
    pub timestamp: Option<i64>,
}

/// What the bus tells ingest, in one ordered stream.
#[derive(Debug)]
pub enum Feed {
    /// Partitions are ours from the offset that the store held (`None`: it held none).
    Assigned(Vec<(Partition, Option<i64>)>),
    /// At most `batch_records` records, in order within each partition.
    Records(Vec<Record>),
    /// Partitions are about to be taken away: finish what came before, then answer.
    Revoked(Vec<Partition>, oneshot::Sender<()>),
}

// ---------------------------------------------------------------- store

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A journey was changed by someone else since it was loaded: load it again and decide anew.
    #[error("a journey was changed meanwhile")]
    Conflict,
    /// The partition belongs to another owner by now: nothing was written (I6).
    #[error("partition {} of {} is owned by another", .0.number, .0.topic)]
    Fenced(Partition),
    /// It cannot be reached, is full or refuses; the same call may succeed later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What it holds cannot be understood.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// A hash of an event's `source` and `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InboxKey(pub [u8; 16]);

/// A journey with the version that a change of it must name.
#[derive(Clone, Debug)]
pub struct Versioned {
    pub journey: Arc<Journey>,
    pub version: u64,
}

/// An event that waits for the order or the shipment it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Parked {
    pub shop: String,
    pub reference: Reference,
    pub key: InboxKey,
    /// The event as structured CloudEvents JSON.
    pub event: Vec<u8>,
    pub parked_at: Timestamp,
}

/// A journey's changes.
#[derive(Clone, Debug)]
pub struct JourneyWrite {
    pub journey: Arc<Journey>,
    /// `None`: it must not exist yet.
    pub expected_version: Option<u64>,
    /// Parcels and customers by which it can be found from now on.
    pub links: Vec<Link>,
    pub timers_set: Vec<Timer>,
    pub timers_dropped: Vec<Timer>,
    pub entries: Vec<Entry>,
    pub notifications: Vec<(Notification, Content)>,
}

/// A record that could not become an event.
#[derive(Clone, Debug)]
pub struct DeadRecord {
    pub record: Record,
    /// Which step refused it: `decode`, `validate`, `park`.
    pub stage: &'static str,
    /// A stable code: `malformed_json`, `unknown_type`, …
    pub cause: &'static str,
    /// What is wrong, where, and what would be right; no personal data (I9).
    pub detail: String,
    pub at: Timestamp,
}

/// The offsets of a partition: the write holds only if `expected` is what the store has (I6).
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    pub partition: Partition,
    pub expected: Option<i64>,
    /// The next record to read.
    pub next: i64,
}

/// Everything that a batch of records or timers changes: one transaction, whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub advances: Vec<Advance>,
    pub inbox: Vec<InboxKey>,
    pub journeys: Vec<JourneyWrite>,
    pub parked: Vec<Parked>,
    /// Parked events that have been released.
    pub released: Vec<InboxKey>,
    pub dead: Vec<DeadRecord>,
    /// Dead records that have been worked off after a redrive.
    pub redriven: Vec<i64>,
    /// Notifications that are not to be sent after all.
    pub withdrawn: Vec<(NotificationId, Reason)>,
}

/// Who holds a lease on a notification, and until when.
#[derive(Clone, Debug)]
pub struct Lease {
    /// One per running process.
    pub owner: String,
    pub until: Timestamp,
}

/// A notification leased to this process, ready to be attempted. It is the oldest unfinished
/// one of its lane: journey and channel (I7).
#[derive(Clone, Debug)]
pub struct Leased {
    pub notification: Notification,
    pub key: JourneyKey,
    pub content: Content,
    /// Attempts so far.
    pub attempts: u32,
}

/// How a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its turn, its retry or its lease.
    Pending,
    Accepted,
    /// Not sent after all, with a reason.
    Suppressed,
    /// Given up: permanent failure, or no attempts left.
    Dead,
    /// The outcome is unknown and the provider's policy is to wait for a person.
    Held,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Suppressed => "suppressed",
            Self::Dead => "dead",
            Self::Held => "held",
        }
    }
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Accepted,
    /// Try again at that moment.
    Retry(Timestamp),
    /// Given up.
    Dead,
    Held,
}

/// An attempt that was made, and what follows; written together.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    pub notification: NotificationId,
    pub at: Timestamp,
    pub provider: String,
    pub outcome: Outcome,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The provider's own id of the message.
    pub provider_id: Option<String>,
    /// What went wrong, without personal data.
    pub detail: Option<String>,
    pub next: Next,
}

/// One try, as a timeline shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub provider: String,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A notification with all that became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    pub id: NotificationId,
    pub rule: String,
    pub message: String,
    pub channel: Channel,
    pub provider: String,
    pub decided_at: Timestamp,
    pub state: State,
    /// Why it was suppressed.
    pub reason: Option<Reason>,
    /// When it is tried next, while it is pending.
    pub due_at: Option<Timestamp>,
    pub content: Content,
    pub attempts: Vec<Attempt>,
}

/// All that the store knows of a journey.
#[derive(Clone, Debug)]
pub struct Timeline {
    pub journey: Arc<Journey>,
    pub version: u64,
    pub entries: Vec<Entry>,
    pub notifications: Vec<Story>,
}

/// Something that waits for a person: a record that could not be read, or a notification that
/// was given up or held.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeadLetter {
    Record {
        id: i64,
        at: Timestamp,
        partition: Partition,
        offset: i64,
        stage: String,
        cause: String,
        detail: String,
        bytes: usize,
    },
    Notification {
        id: NotificationId,
        at: Timestamp,
        key: JourneyKey,
        message: String,
        channel: Channel,
        provider: String,
        state: State,
        attempts: u32,
        detail: Option<String>,
    },
}

/// What is waiting, for metrics, readiness and the demo's end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Backlog {
    pub pending: u64,
    /// The earliest moment at which a pending notification may be tried.
    pub oldest_due: Option<Timestamp>,
    /// The moment at which the next retry is due, of those that are not due yet.
    pub next_retry: Option<Timestamp>,
    pub held: u64,
    pub dead_notifications: u64,
    pub dead_records: u64,
    pub parked: u64,
    pub timers: u64,
    pub next_timer: Option<Timestamp>,
}

/// Where journeys, timers, notifications and offsets live. Every method is all or nothing.
#[async_trait]
pub trait Store: Send + Sync {
    /// The next offsets of all partitions that were ever read by this consumer group.
    async fn offsets(&self) -> Result<BTreeMap<Partition, i64>, StoreError>;

    /// Which of these events have been taken in already (I1).
    async fn seen(&self, keys: &[InboxKey]) -> Result<Vec<bool>, StoreError>;

    /// The journeys that each reference leads to, as of the moment beside it.
    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError>;

    /// The journeys of these keys, in their order.
    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError>;

    /// The events parked for each of these references, at most `limit` of each.
    async fn parked(&self, references: &[(String, Reference)], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError>;

    /// Writes a batch. Of its notifications, those that come first in their lane are leased to
    /// `lease.owner` while `capacity` of their provider lasts, and returned; the rest waits.
    /// So is what comes next in a lane that a withdrawn one frees, unless it waits for a retry.
    async fn commit(
        &self,
        batch: Batch,
        lease: &Lease,
        capacity: &BTreeMap<String, usize>,
    ) -> Result<Vec<Leased>, StoreError>;

    /// Timers that are due at `now`, earliest first.
    async fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<(JourneyKey, Timer)>, StoreError>;

    /// Leases notifications of `provider` that are due, first in their lane and free (or whose
    /// lease has run out).
    async fn claim(
        &self,
        provider: &str,
        now: Timestamp,
        lease: &Lease,
        limit: usize,
    ) -> Result<Vec<Leased>, StoreError>;

    /// Writes attempts and what follows from each. Returns, leased, what comes next in the lanes
    /// that became free. An attempt on a notification whose lease is another's by now is written
    /// as an attempt and changes nothing else.
    async fn record(
        &self,
        attempts: Vec<AttemptRecord>,
        now: Timestamp,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreError>;

    /// Gives leases back unused, so that others need not wait for their end.
    async fn release(&self, notifications: &[NotificationId], owner: &str) -> Result<(), StoreError>;

    async fn timeline(&self, key: &JourneyKey) -> Result<Option<Timeline>, StoreError>;

    /// What waits for a person, oldest first.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;

    /// Puts a dead record back to be read again. `false`: there is none of that id.
    async fn redrive_record(&self, id: i64) -> Result<bool, StoreError>;

    /// Puts a dead or held notification back, with its key and without its past attempts'
    /// count. `false`: there is none of that id.
    async fn redrive_notification(&self, id: &NotificationId, now: Timestamp) -> Result<bool, StoreError>;

    /// Dead records that were put back and wait to be read.
    async fn redriven(&self, limit: usize) -> Result<Vec<(i64, Record)>, StoreError>;

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError>;

    /// Answers if reads and writes work.
    async fn ping(&self) -> Result<(), StoreError>;
}

// ---------------------------------------------------------------- providers

/// What a provider is given.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// Also the idempotency key and the `webhook-id`: the same for the notification's life.
    pub id: &'a NotificationId,
    /// The message's name, as a tag for the provider's own reports.
    pub message: &'a str,
    pub shop: &'a str,
    pub content: &'a Content,
    pub traceparent: Option<&'a str>,
    /// The moment of this attempt.
    pub now: Timestamp,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub outcome: Outcome,
    pub status: Option<u16>,
    pub provider_id: Option<String>,
    /// What went wrong, in words without personal data.
    pub detail: Option<String>,
    /// The provider asks not to be called with this message before.
    pub retry_after: Option<Duration>,
    /// The fault is not the message's but the account's (credentials, quota, throttle): the
    /// provider rests, and this attempt does not count against the message.
    pub rest: bool,
}

/// What to do when the outcome is `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Try again with the same key; right where the provider or the receiver honours it.
    Retry,
    /// Wait for a person: the message is listed with the dead letters and can be redriven.
    Hold,
}

/// A service that takes messages, spoken to over HTTP.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;
    fn channel(&self) -> Channel;
    fn on_unknown(&self) -> OnUnknown;
    /// The longest that one attempt takes.
    fn timeout(&self) -> Duration;
    /// One attempt, bounded by the provider's time-out. Never fails: every end is an [`Answer`].
    async fn send(&self, outgoing: Outgoing<'_>) -> Answer;
}
