//! Rules that are held because they speak far more often than ever, and what a person says of it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::outbox::Lease;
use super::store::StoreError;
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::rule::RuleName;
use crate::domain::storm::{Guard, Hour, Past};
use crate::domain::time::Timestamp;

/// What a batch says in the name of a shop. It is counted and judged in the transaction that writes the
/// batch: what a rule says in a batch with which it passes its mark is held, all of it, and all that it
/// says in the batches that follow until the storm is over. What was written before leaves as it
/// would have.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    pub shop: String,
    pub at: Timestamp,
    pub guard: Guard,
    /// Orders that are new.
    pub orders: u64,
    pub rules: Vec<SpokenBy>,
}

/// What a batch says by one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenBy {
    pub rule: RuleName,
    /// Decisions to send, whatever the channels.
    pub messages: u64,
    pub past: Past,
}

/// What is counted: the messages of a rule, or the orders of the shop.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counted {
    pub shop: String,
    /// `None`: orders.
    pub rule: Option<RuleName>,
}

/// A storm, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storm {
    pub shop: String,
    pub rule: String,
    /// When the first message was held.
    pub since: Timestamp,
    /// Until then all that the rule says is held, at least.
    pub holds_until: Timestamp,
    /// So many messages an hour would have been usual enough.
    pub mark: u64,
    /// In its busiest hour it had so many.
    pub busiest: u64,
    /// Notifications that wait for a person's word.
    pub held: u64,
    /// Notifications of which it has been said what becomes of them, and that have not been reached.
    pub ruled: u64,
    /// What was said.
    pub ruling: Option<Ruling>,
}

impl Storm {
    /// What the rule says now is held.
    pub fn rages(&self, now: Timestamp) -> bool {
        now < self.holds_until
    }

    /// As people and programs are told of it.
    pub fn shown(&self, now: Timestamp) -> serde_json::Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        shown["rages"] = self.rages(now).into();
        shown
    }
}

/// What a person says of all that a storm holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It may leave, if it is still true; and so much is usual from now on.
    Release,
    /// It is not to be sent.
    Drop,
}

impl Ruling {
    pub const ALL: [Self; 2] = [Self::Release, Self::Drop];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Drop => "drop",
        }
    }
}

/// What has been carried out of rulings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CarriedOut {
    /// So many have been put back on their way.
    pub released: usize,
    /// These are to be withdrawn, by whoever asked.
    pub dropped: Vec<(JourneyKey, NotificationId)>,
}

/// The storms' part of the store.
#[async_trait]
pub trait Storms: Send + Sync {
    /// Of each, the busiest hour of every day from `from` on and before `to`, without what was held.
    /// What is older is forgotten.
    async fn busiest(&self, of: &[Counted], from: Hour, to: Hour) -> Result<Vec<Vec<(Hour, u64)>>, StoreError>;

    /// Every storm that holds something, or rages at `now`; the longest first.
    async fn storms(&self, now: Timestamp) -> Result<Vec<Storm>, StoreError>;

    /// Says what becomes of all that is held of that rule; it is carried out bit by bit. Returns how
    /// many notifications those are; `None`, if that rule was never held. To release ends the storm as well.
    async fn rule_on(&self, shop: &str, rule: &str, ruling: Ruling, now: Timestamp) -> Result<Option<u64>, StoreError>;

    /// Carries rulings out, at most `limit` of each kind. What is dropped is lent to whoever asks
    /// for the time of the lease.
    async fn carry_out(&self, now: Timestamp, lease: &Lease, limit: usize) -> Result<CarriedOut, StoreError>;
}
