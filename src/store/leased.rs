//! Leased notifications as they are stored, and back.

use super::columns::{self, Packed, Unpacker};
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::{Notification, Outcome};
use crate::domain::rule::RuleName;
use crate::domain::time::Timestamp;
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
    pub packed: Option<Packed>,
}

impl Stored {
    pub fn id(&self) -> NotificationId {
        NotificationId(self.id.clone())
    }

    pub fn provider(&self) -> &str {
        &self.provider
    }

    pub fn decode(self, unpacker: &mut Unpacker) -> Result<Leased, StoreError> {
        let packed = self.packed.ok_or_else(|| StoreError::Corrupt("a content: missing".to_owned()))?;
        Ok(Leased {
            content: unpacker.unpack(&packed)?,
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
            },
            key: self.key,
            attempts: self.attempts,
        })
    }
}

/// What could be read, and the id and provider of what could not.
pub(super) type Decoded = (Vec<Leased>, Vec<(NotificationId, String)>);

pub(super) async fn decode(rows: Vec<Stored>) -> Result<Decoded, StoreError> {
    aside(move || {
        let mut unpacker = Unpacker::new()?;
        let mut decoded = Decoded::default();
        for row in rows {
            let (id, provider) = (row.id(), row.provider().to_owned());
            match row.decode(&mut unpacker) {
                Ok(leased) => decoded.0.push(leased),
                Err(error) => {
                    tracing::error!(notification = %id, %error, "a stored notification cannot be read");
                    decoded.1.push((id, provider));
                }
            }
        }
        Ok(decoded)
    })
    .await
}

pub(super) fn set_aside(notification: NotificationId, provider: String, now: Timestamp) -> AttemptRecord {
    AttemptRecord {
        notification,
        at: now,
        provider,
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
