//! A dead letter, wherever it waits.

use serde_json::{Value, json};

use crate::dead_letter::Letter;
use crate::domain::time::Timestamp;
use crate::ports::DeadLetter;

/// A dead letter, wherever it waits.
pub enum Item {
    Stored(DeadLetter),
    OnTopic(Letter),
}

impl Item {
    /// A notification's own, a stored record's number, or `<partition>:<offset>` on the topic.
    pub fn id(&self) -> String {
        match self {
            Self::Stored(DeadLetter::Record { id, .. }) => id.to_string(),
            Self::Stored(DeadLetter::Notification { id, .. }) => id.to_string(),
            Self::OnTopic(letter) => format!("{}:{}", letter.partition, letter.offset),
        }
    }

    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Stored(DeadLetter::Record { at, .. } | DeadLetter::Notification { at, .. }) => Some(*at),
            Self::OnTopic(letter) => letter.at,
        }
    }

    /// A record's cause; of a message, whether it is `dead` or `held`.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Stored(DeadLetter::Record { cause, .. }) => Some(cause),
            Self::Stored(DeadLetter::Notification { state, .. }) => Some(state.as_str()),
            Self::OnTopic(letter) => letter.cause.as_deref(),
        }
    }

    /// Where a record came from.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::Stored(DeadLetter::Record { partition, .. }) => Some(&partition.topic),
            Self::Stored(DeadLetter::Notification { .. }) => None,
            Self::OnTopic(letter) => letter.topic.as_deref(),
        }
    }

    pub fn is_message(&self) -> bool {
        matches!(self, Self::Stored(DeadLetter::Notification { .. }))
    }

    pub fn json(&self) -> Value {
        match self {
            Self::Stored(letter) => json!(letter),
            Self::OnTopic(letter) => json!({
                "kind": "record",
                "id": self.id(),
                "at": letter.at,
                "partition": { "topic": letter.topic, "number": letter.from.map(|(number, _)| number) },
                "offset": letter.from.map(|(_, offset)| offset),
                "stage": letter.stage,
                "cause": letter.cause,
                "detail": letter.detail,
                "bytes": letter.bytes,
                "omitted": letter.omitted,
            }),
        }
    }

    pub fn line(&self) -> String {
        match self {
            Self::Stored(DeadLetter::Record { id, at, partition, offset, cause, detail, bytes, .. }) => {
                format!(
                    "{id}\t{at}\trecord {}/{} offset {offset}, {bytes} bytes\t{cause}: {detail}",
                    partition.topic, partition.number
                )
            }
            Self::Stored(DeadLetter::Notification {
                id,
                at,
                key,
                message,
                channel,
                provider,
                state,
                attempts,
                detail,
            }) => {
                let why = detail.as_deref().unwrap_or("no detail");
                format!(
                    "{id}\t{at}\t{message} by {channel} for {} / {}\t{} at {provider} after {attempts} attempts: {why}",
                    key.shop,
                    key.order_id,
                    state.as_str()
                )
            }
            Self::OnTopic(letter) => {
                let at = letter.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
                let cause = printable(letter.cause.as_deref().unwrap_or("unknown cause"));
                let detail = printable(letter.detail.as_deref().unwrap_or("no detail"));
                format!("{}\t{at}\trecord {}, {} bytes\t{cause}: {detail}", self.id(), from(letter), letter.bytes)
            }
        }
    }
}

/// Where a record came from, as far as it is told.
pub fn from(letter: &Letter) -> String {
    let topic = printable(letter.topic.as_deref().unwrap_or("of unknown origin"));
    match letter.from {
        Some((number, offset)) => format!("{topic}/{number} offset {offset}"),
        None => topic,
    }
}

/// What others have written, without what a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
