//! Leased notifications as they are stored, and back.

use super::columns;
use super::vault::{self, Keyring, Vault};
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::{Notification, Outcome};
use crate::domain::rule::RuleName;
use crate::domain::time::Timestamp;
use crate::packing::Unpacker;
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
    /// `None`: its key has been erased with its customer.
    pub fn decode(self, unpacker: &mut Unpacker, keyring: &Keyring) -> Result<Option<Leased>, StoreError> {
        let packed = self.packed.ok_or_else(|| StoreError::Corrupt("a content: missing".to_owned()))?;
        let id = NotificationId(self.id);
        let Some(content) = keyring.open_content(unpacker, &self.key, &id, &packed)? else { return Ok(None) };
        Ok(Some(Leased {
            content,
            notification: Notification {
                id,
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
        }))
    }
}

/// A row that cannot be read, as far as it is needed to put it aside.
struct Unreadable {
    notification: NotificationId,
    key: JourneyKey,
    provider: String,
    /// Its key has been erased with its customer.
    erased: bool,
}

/// What could be read, and what could not.
type Decoded = (Vec<Leased>, Vec<Unreadable>);

/// Decodes leased rows as far as they can be read.
pub(super) async fn decode_readable(vault: Option<&Vault>, rows: Vec<Stored>) -> Result<Vec<Leased>, StoreError> {
    Ok(decode(vault, rows).await?.0)
}

/// Decodes leased rows. One that cannot be read is put aside for a person by `record`, which returns what is
/// leased in its place: it would come back with every claim and keep the others from being sent.
pub(super) async fn decode_or_set_aside<F>(
    vault: Option<&Vault>,
    mut rows: Vec<Stored>,
    now: Timestamp,
    mut record: impl FnMut(Vec<AttemptRecord>) -> F,
) -> Result<Vec<Leased>, StoreError>
where
    F: Future<Output = Result<Vec<Stored>, StoreError>>,
{
    let mut decoded = Vec::with_capacity(rows.len());
    while !rows.is_empty() {
        let (leased, unreadable) = decode(vault, rows).await?;
        decoded.extend(leased);
        rows = Vec::new();
        if !unreadable.is_empty() {
            rows = record(unreadable.into_iter().map(|row| set_aside(row, now)).collect()).await?;
        }
    }
    Ok(decoded)
}

/// What is sealed by a key that this process has no master key for is left to those that have: its
/// lease runs out.
async fn decode(vault: Option<&Vault>, rows: Vec<Stored>) -> Result<Decoded, StoreError> {
    let orders: Vec<JourneyKey> = rows.iter().map(|row| row.key.clone()).collect();
    let keyring = vault::find(vault, &orders).await?;
    aside(move || {
        let mut unpacker = Unpacker::default();
        let mut decoded = Decoded::default();
        for row in rows {
            let unreadable = Unreadable {
                notification: NotificationId(row.id.clone()),
                key: row.key.clone(),
                provider: row.provider.clone(),
                erased: false,
            };
            let id = &unreadable.notification;
            match row.decode(&mut unpacker, &keyring) {
                Ok(Some(leased)) => decoded.0.push(leased),
                Ok(None) => decoded.1.push(Unreadable { erased: true, ..unreadable }),
                Err(error @ StoreError::Unavailable(_)) => {
                    tracing::error!(notification = %id, %error, "a stored notification is left to others");
                }
                Err(error) => {
                    tracing::error!(notification = %id, %error, "a stored notification cannot be read");
                    decoded.1.push(unreadable);
                }
            }
        }
        Ok(decoded)
    })
    .await
}

fn set_aside(unreadable: Unreadable, now: Timestamp) -> AttemptRecord {
    let (why, next) = if unreadable.erased {
        ("not sent: the key of its order has been erased with its customer", Next::Dead)
    } else {
        ("not sent: what the store holds of it cannot be read", Next::Held)
    };
    AttemptRecord {
        notification: unreadable.notification,
        key: unreadable.key,
        at: now,
        provider: unreadable.provider,
        outcome: Outcome::PermanentFailure,
        status: None,
        provider_id: None,
        detail: Some(why.to_owned()),
        next,
        asked_until: None,
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
