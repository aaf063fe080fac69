//! Notifications on their way: leases, attempts, and what is told of them.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bus::Partition;
use super::publication::Publication;
use crate::domain::confirmation::Cause;
use crate::domain::decision::{Entry, NotificationId, Reason, Verdict};
use crate::domain::journey::{Journey, JourneyKey};
use crate::domain::notification::{Content, Notification, Outcome};
use crate::domain::order::Channel;
use crate::domain::party::Party;
use crate::domain::receipt::Received;
use crate::domain::time::Timestamp;

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
    /// Never tried: its rule spoke far more often than ever. It waits for a person.
    Stormbound,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Suppressed => "suppressed",
            Self::Dead => "dead",
            Self::Held => "held",
            Self::Stormbound => "stormbound",
        }
    }
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Accepted,
    /// Try again at that moment.
    Retry(Timestamp),
    /// Try again at that moment; the fault was the account's, or the provider is away, and this attempt does not count.
    Wait(Timestamp),
    /// Given up.
    Dead,
    Held,
}

/// An attempt that was made, and what follows; written together.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    pub notification: NotificationId,
    /// The journey that it is of.
    pub key: JourneyKey,
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
    /// Until when the provider asked to be left in peace with it.
    pub asked_until: Option<Timestamp>,
    /// What others are told of it.
    pub publication: Option<Publication>,
}

impl AttemptRecord {
    /// From when on nothing but its own back-off keeps the retry.
    pub fn only_waits_from(&self) -> Timestamp {
        self.asked_until.map_or(self.at, |asked| asked.max(self.at))
    }
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
    #[serde(default, skip_serializing_if = "Party::is_buyer")]
    pub to: Party,
    pub channel: Channel,
    pub provider: String,
    pub decided_at: Timestamp,
    pub state: State,
    /// Why it was suppressed.
    pub reason: Option<Reason>,
    /// When it is tried next, while it is pending.
    pub due_at: Option<Timestamp>,
    /// What was sent; `None` once its time is over or its customer has been erased.
    pub content: Option<Content>,
    /// What was sent can be read no more: its customer has been erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    pub attempts: Vec<Attempt>,
    /// What was heard of it afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Received>,
}

/// An order whose confirmation no provider has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unconfirmed {
    #[serde(flatten)]
    pub key: JourneyKey,
    /// When it reached the bus.
    pub since: Timestamp,
    pub cause: Cause,
}

/// All that the store knows of a journey.
#[derive(Clone, Debug)]
pub struct Timeline {
    pub journey: Arc<Journey>,
    pub version: u64,
    /// While no provider has accepted its confirmation.
    pub unconfirmed: Option<Unconfirmed>,
    pub entries: Vec<Entry>,
    pub notifications: Vec<Story>,
}

impl Timeline {
    /// With what the journey keeps of its notifications: whom they are for, receipts, and whether it was erased.
    #[must_use]
    pub fn complete(mut self) -> Self {
        for story in &mut self.notifications {
            story.to = whom(&story.id, &self.journey, &self.entries);
            story.erased = self.journey.erased && story.content.is_none();
            let own = self.journey.receipts.iter().filter(|it| it.notification == story.id);
            story.receipts = own.cloned().collect();
        }
        self
    }
}

/// A journey knows whom it has told; what was taken back stands with its decision alone.
fn whom(id: &NotificationId, journey: &Journey, entries: &[Entry]) -> Party {
    let told = journey.told_by(id).next().map(|told| told.to);
    let decided = || {
        entries.iter().flat_map(|entry| &entry.decisions).find_map(|decision| match &decision.verdict {
            Verdict::Send { notifications, .. } => {
                notifications.iter().any(|sent| sent.notification == *id).then_some(decision.to)
            }
            _ => None,
        })
    };
    told.or_else(decided).unwrap_or_default()
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
    /// Since when the oldest of them has waited for a person.
    pub oldest_held: Option<Timestamp>,
    pub dead_notifications: u64,
    pub oldest_dead_notification: Option<Timestamp>,
    pub dead_records: u64,
    pub oldest_dead_record: Option<Timestamp>,
    /// Publications that have not arrived yet.
    pub publications: u64,
    pub parked: u64,
    /// Journeys that wait for a deadline.
    pub timers: u64,
    /// When the first of them is to be woken.
    pub next_wake: Option<Timestamp>,
}

/// How the connections of one of a store's pools stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// One of [`Connections::POOLS`].
    pub pool: &'static str,
    pub open: usize,
    pub in_use: usize,
    /// Calls that wait for one.
    pub waiting: usize,
    /// How often one has been given to a call, and how long the calls had waited, all together.
    pub given: u64,
    pub waited: Duration,
}

impl Connections {
    /// SQLite has one connection that writes and some that read; PostgreSQL's do both.
    pub const POOLS: [&str; 3] = ["write", "read", "both"];
}

/// What a store takes of the disk that it is on, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its own files.
    pub used: u64,
    pub free: u64,
    /// The whole disk.
    pub disk: u64,
}
