//! Records of our own, for others to read: written with what they tell of, published afterwards.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Which of our own topics; its name is the configuration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Each decision and each outcome of an attempt.
    Outcomes,
    /// Records that could not become events.
    DeadLetters,
}

impl Stream {
    pub const ALL: [Self; 2] = [Self::Outcomes, Self::DeadLetters];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outcomes => "outcomes",
            Self::DeadLetters => "dead_letters",
        }
    }
}

/// A record that is to be published. It is repeated if its publisher stops between publishing and
/// telling the store so.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    pub stream: Stream,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
    /// Milliseconds since 1970; without it, the broker's or the producer's time.
    pub timestamp: Option<i64>,
}

/// Takes records to the broker.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes all of them, those of one key in their order; ends within its own deadline.
    ///
    /// # Errors
    /// For each that did not arrive for certain.
    async fn publish(&self, publications: &[Publication]) -> Vec<Result<(), Unpublished>>;
}

/// Why a record did not arrive for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// In words without personal data (I9).
    pub cause: String,
    /// The broker refuses the record, or one beside it, for what it is: to send it again is in vain.
    pub refused: bool,
}
