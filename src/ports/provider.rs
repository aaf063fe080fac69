//! The services that take messages.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::decision::NotificationId;
use crate::domain::notification::{Content, Outcome};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;

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
