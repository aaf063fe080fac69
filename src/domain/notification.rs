//! One message to one recipient on one channel: the outbox row and what became of it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::decision::NotificationId;
use super::journey::{JourneyKey, Subject};
use super::order::Channel;
use super::personal::Personal;
use super::rule::RuleName;
use super::time::Timestamp;

/// A notification that was decided, not yet written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub id: NotificationId,
    pub rule: RuleName,
    pub message: String,
    pub subject: Subject,
    pub channel: Channel,
    /// The provider's name in the configuration.
    pub provider: String,
    /// When what caused it reached the bus, or its deadline fell due.
    pub received_at: Timestamp,
    pub decided_at: Timestamp,
    /// From then on it is no news any more.
    pub expires_at: Timestamp,
    /// W3C trace context of what caused it, filled in where that came in.
    pub traceparent: Option<String>,
    /// What it answers or says once more: as long as all of that is held in a storm, so is this. Known
    /// only while it is new.
    pub follows: Vec<NotificationId>,
}

impl NotificationId {
    /// The key that (decision, channel) has on every replica and after every restart (I2).
    pub fn derive(key: &JourneyKey, rule: &RuleName, once_key: &str, channel: Channel) -> Self {
        Self(derived_id("ntf_", &[&key.shop, &key.order_id, rule.as_str(), once_key, channel.as_str()]))
    }
}

/// An id that follows from `parts` alone, the same wherever it is computed. Their lengths go in
/// too, so that no two lists run together.
pub fn derived_id(prefix: &str, parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let mut id = String::with_capacity(36);
    id.push_str(prefix);
    for byte in &digest[..16] {
        id.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        id.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    id
}

/// The message as it leaves, kept as the exact content that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "channel")]
pub enum Content {
    Email(Email),
    Sms(Sms),
    Webhook(Webhook),
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Email {
    pub from: String,
    pub from_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    pub to: Personal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_name: Option<Personal>,
    pub subject: String,
    pub html: String,
    pub text: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Sms {
    pub from: String,
    /// E.164
    pub to: Personal,
    pub text: String,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// The JSON document, as it is signed and sent.
    pub body: String,
}

/// Whom it greets, and where they live, stands in the text: of what is written, `Debug` tells the
/// length alone (I9).
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email {{ from: {:?}, html: {} bytes, text: {} bytes }}", self.from, self.html.len(), self.text.len())
    }
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sms {{ from: {:?}, text: {} bytes }}", self.from, self.text.len())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook {{ body: {} bytes }}", self.body.len())
    }
}

impl Content {
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
            Self::Webhook(_) => Channel::Webhook,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider has taken it (or says it already had).
    Accepted,
    TemporaryFailure,
    PermanentFailure,
    /// The request left and no answer tells what became of it.
    Unknown,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Accepted, Self::TemporaryFailure, Self::PermanentFailure, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::TemporaryFailure => "temporary_failure",
            Self::PermanentFailure => "permanent_failure",
            Self::Unknown => "unknown",
        }
    }
}
