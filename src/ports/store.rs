//! Where everything durable lives.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::bus::{Partition, Record};
use super::outbox::{AttemptRecord, Backlog, Connections, DeadLetter, Lease, Leased, Space, Timeline, Unconfirmed};
use super::publication::{Publication, Stream};
use super::retention::{Kept, Purged};
use super::storm::{Spoken, Storms};
use crate::domain::confirmation::{self, Cause};
use crate::domain::decision::{Entry, NotificationId, Reason};
use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::{Journey, JourneyKey, Link};
use crate::domain::notification::{Content, Notification};
use crate::domain::spending::{Addressee, Spending};
use crate::domain::time::Timestamp;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A journey, or what a customer has been told, was changed by someone else since it was loaded:
    /// load it again and decide anew.
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
    /// These journeys cannot be understood, or their keys are missing; the others that were asked for can.
    #[error("{} of the journeys cannot be read: {why}", .of.len())]
    Unreadable {
        of: Vec<JourneyKey>,
        /// What is wrong with the first.
        why: String,
    },
}

impl StoreError {
    /// As metrics and the log name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Fenced(_) => "fenced",
            Self::Unavailable(_) => "unavailable",
            Self::Corrupt(_) | Self::Unreadable { .. } => "corrupt",
        }
    }

    /// Takes the journeys that cannot be read out of `keys`, so that the others can be asked for again;
    /// returns them, and why.
    ///
    /// # Errors
    /// Every other failure, as it is.
    pub fn leave_out(self, keys: &mut Vec<JourneyKey>) -> Result<(Vec<JourneyKey>, String), Self> {
        let Self::Unreadable { of, why } = self else { return Err(self) };
        keys.retain(|key| !of.contains(key));
        Ok((of, why))
    }
}

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
    pub key: EventKey,
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
    pub wake: Wake,
    /// What becomes of the wait for the confirmation.
    pub confirmation: confirmation::Change,
    pub entries: Vec<Entry>,
    pub notifications: Vec<(Notification, Content)>,
}

/// When a journey is to be woken, as the store keeps it beside the journey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wake {
    /// As it stands.
    #[default]
    Kept,
    At(Timestamp),
    Never,
}

impl From<Option<Timestamp>> for Wake {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Never, Self::At)
    }
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

/// Everything that a batch of records or deadlines changes: one transaction, whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub advances: Vec<Advance>,
    pub journeys: Vec<JourneyWrite>,
    pub parked: Vec<Parked>,
    /// Parked events that have been released.
    pub released: Vec<EventKey>,
    pub dead: Vec<DeadRecord>,
    /// Dead records that have been worked off after a redrive.
    pub redriven: Vec<i64>,
    /// Notifications that are not to be sent after all.
    pub withdrawn: Vec<(NotificationId, Reason)>,
    pub publications: Vec<Publication>,
    /// How often rules speak in it; whoever speaks too often is held.
    pub spoken: Vec<Spoken>,
    /// What customers have been told with it; what is on record of each is written once.
    pub spent: Vec<Spent>,
    /// Customers of whom nothing is to stay on record.
    pub forgotten: Vec<Addressee>,
}

/// What a customer has been told, by all their orders, once the batch is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Spent {
    pub addressee: Addressee,
    /// What the batch was decided on: the write holds only if that is still on record.
    pub expected: Option<Spending>,
    pub spending: Spending,
}

/// Where journeys, notifications and offsets live. Every method is all or nothing.
#[async_trait]
pub trait Store: Storms {
    /// The next offsets of all partitions that were ever read by this consumer group, and which
    /// topics they are of ([`Partition::WHOLE_TOPIC`]).
    async fn offsets(&self) -> Result<BTreeMap<Partition, i64>, StoreError>;

    /// The journeys that each reference leads to, as of the moment beside it.
    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError>;

    /// The journeys of these keys, in their order.
    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError>;

    /// What is on record of these customers, in their order. Their contacts are not kept: they are known by a
    /// keyed hash of each.
    async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError>;

    /// The events parked for each of these references, at most `limit` of each.
    async fn parked(&self, references: &[(String, Reference)], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError>;

    /// What parked events wait for, in the order of their keys: those after `after`, at most `limit`.
    async fn awaited(&self, after: EventKey, limit: usize) -> Result<Vec<(EventKey, String, Reference)>, StoreError>;

    /// Writes a batch. What is stored of an erased journey's messages goes with every write of it:
    /// their contents, and those that wait, be it for a person, are suppressed. Of the batch's notifications, those that come first in their lane are leased to
    /// `lease.owner` while `capacity` of their provider lasts, and returned; the rest waits.
    /// So is what comes next in a lane that a withdrawn one frees, unless it waits for a retry.
    async fn commit(
        &self,
        batch: Batch,
        lease: &Lease,
        capacity: &BTreeMap<String, usize>,
    ) -> Result<Vec<Leased>, StoreError>;

    /// Journeys that are to be woken at `now`, earliest first.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JourneyKey>, StoreError>;

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
    /// as an attempt and changes nothing else. While a message only waits ([`Next::Wait`](super::Next::Wait)), an
    /// attempt that ended as its last two did takes the place of the last: an outage is told by since when and until
    /// when, however long it lasts.
    async fn record(
        &self,
        attempts: Vec<AttemptRecord>,
        now: Timestamp,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreError>;

    /// Gives leases back unused, so that others need not wait for their end; they fall due no sooner
    /// than `not_before`.
    async fn release(
        &self,
        notifications: &[NotificationId],
        not_before: Option<Timestamp>,
        owner: &str,
    ) -> Result<(), StoreError>;

    /// Brings retries `of` a provider forward to `now`, the soonest first and `limit` at most: those that only wait
    /// out their back-off, since a moment up to `before`. What a provider asked to be left in peace with until later,
    /// what was put off for another reason, and what is leased stays as it is. Returns how many; two that ask at
    /// the same time bring different ones forward.
    async fn hasten(&self, of: &str, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// The oldest publications of `stream`, in the order they were written, if it is this
    /// process's turn to publish it: only one does at a time, so that readers find them in order.
    /// The turn is renewed until `lease.until` and may be taken over afterwards. `None`: it is
    /// another's turn.
    async fn publications(
        &self,
        stream: Stream,
        now: Timestamp,
        lease: &Lease,
        limit: usize,
    ) -> Result<Option<Vec<(i64, Publication)>>, StoreError>;

    /// Forgets publications that have arrived.
    async fn published(&self, ids: &[i64]) -> Result<(), StoreError>;

    /// Gives the turn to publish `stream` back, if it is `owner`'s.
    async fn stop_publishing(&self, stream: Stream, owner: &str) -> Result<(), StoreError>;

    async fn timeline(&self, key: &JourneyKey) -> Result<Option<Timeline>, StoreError>;

    /// What waits for a person, oldest first.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;

    /// A dead record as it came, with what may be personal in it.
    async fn dead_record(&self, id: i64) -> Result<Option<Record>, StoreError>;

    /// Puts a dead record back to be read again. `false`: there is none of that id.
    async fn redrive_record(&self, id: i64) -> Result<bool, StoreError>;

    /// Puts a dead or held notification back, with its key and without its past attempts'
    /// count. `false`: there is none of that id.
    async fn redrive_notification(&self, id: &NotificationId, now: Timestamp) -> Result<bool, StoreError>;

    /// Puts a dead record away for good. `false`: none of that id waits.
    async fn drop_record(&self, id: i64) -> Result<bool, StoreError>;

    /// Puts a dead or held notification away for good: it is never sent. `false`: none of that id waits.
    async fn drop_notification(&self, id: &NotificationId) -> Result<bool, StoreError>;

    /// Dead records that were put back and wait to be read.
    async fn redriven(&self, limit: usize) -> Result<Vec<(i64, Record)>, StoreError>;

    /// How many orders wait for their confirmation since a moment from `from` on and before `to`, by
    /// shop and cause.
    async fn unconfirmed(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(String, Cause, u64)>, StoreError>;

    /// Those orders, the longest wait first.
    async fn unconfirmed_orders(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Unconfirmed>, StoreError>;

    /// Removes what is older than `before` of a kind, in one step of a walk: it looks at `limit` at most
    /// of those after `after` (at first 0), or drops whole partitions. What still waits is kept: a
    /// message that has not left with what it says, an order with a deadline to come.
    async fn purge(&self, kept: Kept, before: Timestamp, after: i64, limit: usize) -> Result<Purged, StoreError>;

    /// Forgets the keys of orders that were let go of, where that could not be done at once, and wraps
    /// by the first master key what others have wrapped. Returns how many keys it took up.
    async fn tend_keys(&self) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError>;

    /// The room that it has; `None` where that is another's affair, such as a database server's.
    async fn space(&self) -> Result<Option<Space>, StoreError> {
        Ok(None)
    }

    /// How its connections stand, by pool.
    fn connections(&self) -> Vec<Connections> {
        Vec::new()
    }

    /// When what caused a notification reached the bus; `None` if there is no such notification.
    async fn received_at(&self, key: &JourneyKey, id: &NotificationId) -> Result<Option<Timestamp>, StoreError>;

    /// Answers if reads and writes work.
    async fn ping(&self) -> Result<(), StoreError>;
}
