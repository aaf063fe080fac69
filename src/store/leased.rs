//! Leased notifications as they are stored, and back.

use super::columns;
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::{Notification, Outcome};
use crate::domain::rule::RuleName;
use crate::domain::time::Timestamp;
use crate::packing::{Kind, Unpacker};
use crate::ports::{AttemptRecord, Leased, Next, StoreError};

/// A leased row as it is on disk. It is decoded outside of the transaction.
pub(super) struct Stored {
    pub id: String,
    pub channel: String,
    pub provider: String,
    pub attempts: u32,
    pub received_ms: i64,
    pub decided_ms: i64,
    pub expires_ms: i64,
    pub rule: String,
    pub message: String,
    pub subject: String,
    pub traceparent: Option<String>,
    pub key: JourneyKey,
    pub packed: Option<Vec<u8>>,
}

impl Stored {
    pub fn decode(self, unpacker: &mut Unpacker) -> Result<Leased, StoreError> {
        let packed = self.packed.ok_or_else(|| StoreError::Corrupt("a content: missing".to_owned()))?;
        Ok(Leased {
            content: unpacker.unpack(Kind::Content, &packed)?,
            notification: Notification {
                id: NotificationId(self.id),
                rule: RuleName::from(&*self.rule),
                message: self.message,
                subject: columns::from_json("a subject", &self.subject)?,
                channel: columns::channel(&self.channel)?,
                provider: self.provider,
                received_at: Timestamp::from_millis(self.received_ms),
                decided_at: Timestamp::from_millis(self.decided_ms),
                expires_at: Timestamp::from_millis(self.expires_ms),
                traceparent: self.traceparent,
                follows: Vec::new(),
            },
            key: self.key,
            attempts: self.attempts,
        })
    }
}

/// A row that cannot be read, as far as it is needed to put it aside.
pub(super) struct Unreadable {
    notification: NotificationId,
    key: JourneyKey,
    provider: String,
}

/// What could be read, and what could not.
pub(super) type Decoded = (Vec<Leased>, Vec<Unreadable>);

pub(super) async fn decode(rows: Vec<Stored>) -> Result<Decoded, StoreError> {
    aside(move || {
        let mut unpacker = Unpacker::default();
        let mut decoded = Decoded::default();
        for row in rows {
            let unreadable = Unreadable {
                notification: NotificationId(row.id.clone()),
                key: row.key.clone(),
                provider: row.provider.clone(),
            };
            match row.decode(&mut unpacker) {
                Ok(leased) => decoded.0.push(leased),
                Err(error) => {
                    let id = &unreadable.notification;
                    tracing::error!(notification = %id, %error, "a stored notification cannot be read");
                    decoded.1.push(unreadable);
                }
            }
        }
        Ok(decoded)
    })
    .await
}

pub(super) fn set_aside(unreadable: Unreadable, now: Timestamp) -> AttemptRecord {
    AttemptRecord {
        notification: unreadable.notification,
        key: unreadable.key,
        at: now,
        provider: unreadable.provider,
        outcome: Outcome::PermanentFailure,
        status: None,
        provider_id: None,
        detail: Some("not sent: what the store holds of it cannot be read".to_owned()),
        next: Next::Held,
        publication: None,
    }
}

/// Runs what costs time, but no I/O, beside the tasks.
pub(super) async fn aside<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
}

/// One less for `provider`; `false` if there was none left.
pub(super) fn take(capacity: &mut std::collections::BTreeMap<String, usize>, provider: &str) -> bool {
    match capacity.get_mut(provider) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}
