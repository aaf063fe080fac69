//! The services that take messages.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::{Content, Outcome};
use crate::domain::order::Channel;
use crate::domain::receipt::Received;
use crate::domain::time::Timestamp;

/// What a provider is given.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// Also the idempotency key and the `webhook-id`: the same for the notification's life.
    pub id: &'a NotificationId,
    /// The message's name, as a tag for the provider's own reports.
    pub message: &'a str,
    pub shop: &'a str,
    pub order_id: &'a str,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Reads its receipts, if it is set up to tell any.
    fn receipts(&self) -> Option<&dyn Receipts> {
        None
    }
}

/// What a provider tells of its messages afterwards, as it came over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// What follows the `?`, as it came.
    pub query: &'a str,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

impl<'a> Callback<'a> {
    /// The first header of that name; empty if there is none.
    pub fn header(&self, name: &str) -> &'a str {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value).unwrap_or_default()
    }
}

/// A receipt, and the journey that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub key: JourneyKey,
    pub received: Received,
}

/// What a callback tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub notices: Vec<Notice>,
    /// How much of it is no receipt, or not of a message of ours.
    pub others: usize,
}

/// Why a callback is not listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The provider did not sign it.
    Unsigned,
    /// It is signed and cannot be read.
    Unreadable,
}

/// Reads what a provider tells of its messages afterwards.
pub trait Receipts: Send + Sync {
    /// # Errors
    /// Why it is not listened to.
    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<Heard, Unheard>;
}
