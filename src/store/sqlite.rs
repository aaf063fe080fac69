//! The store in one file on a local disk.
//!
//! One thread owns the connection that writes, a few own one each that reads; write-ahead
//! logging lets them work side by side. What a batch is decided on is read on the one that writes:
//! it has the pages at hand when they come back changed, while the others lose theirs with every
//! commit. Most of a long list is read beside it all the same: a million orders do not lie in memory,
//! and their pages are then waited for three at a time. Turning journeys and contents into bytes and
//! back is done by the caller's side.
//!
//! A call that ends as [`StoreError::Unavailable`] because its deadline passed may have been
//! carried out. To repeat it is safe: a batch is refused as `Conflict` or `Fenced`, an attempt is
//! written as one more attempt.

mod checkpoint;
mod commit;
mod erase;
mod failure;
mod inspect;
mod keys;
mod lane;
mod open;
mod outbox;
mod publication;
mod purge;
mod read;
mod rows;
mod settings;
mod space;
mod spending;
mod storm;
mod unconfirmed;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;

use super::columns;
use super::guard;
use super::leased::{self, Stored, aside, decode_or_set_aside, decode_readable};
use super::prepare::{self, Prepared};
use super::spending::Pseudonyms;
use super::vault::{self, Forgotten, Keyring, Noted, Vault};
use crate::domain::confirmation::Cause;
use crate::domain::decision::NotificationId;
use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::spending::{Addressee, Spending};
use crate::domain::time::Timestamp;
use crate::ports::{
    AttemptRecord, Backlog, Batch, Connections, DeadLetter, Kept, Lease, Leased, Parked, Partition, Publication,
    Purged, Record, Space, Store, StoreError, Stream, Timeline, Unconfirmed, Versioned,
};
use checkpoint::Checkpoints;
pub use keys::Encryption;
use rows::Rows;
pub use settings::Settings;
use worker::Workers;

/// The store in one SQLite file. Dropping it finishes the calls that were handed over.
pub struct Sqlite {
    // before the writer: the last connection to close writes the log back, and must be able to
    readers: Workers,
    checkpoints: Arc<Checkpoints>,
    writer: Workers,
    /// If its content is encrypted.
    vault: Option<Vault>,
    rows: Arc<Rows>,
    pseudonyms: Pseudonyms,
    group: Arc<str>,
    path: PathBuf,
}

impl Sqlite {
    /// Opens or creates the store at `path` (which wins over the one of the settings) and brings
    /// its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened; [`StoreError::Corrupt`] if a
    /// newer version or another program wrote it.
    pub fn open(path: impl AsRef<Path>, settings: Settings) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let deadline = Duration::from_millis(settings.deadline_ms);
        let writer = open::writer(path, &settings, open::MIGRATIONS)?;
        let opened = settings.encryption.as_ref().map(|encryption| keys::vault(path, &settings, encryption));
        let (vault, identity) = opened.transpose()?.unzip();
        keys::bind(&writer, identity)?;
        // a transaction of 500 events writes a few MiB: the log is written back every few of them
        let checkpoints = Checkpoints::start(
            &writer,
            open::checkpointer(path, &settings)?,
            settings.checkpoint_mib.saturating_mul(256),
            Duration::from_millis(settings.busy_timeout_ms),
        )?;
        let readers =
            (0..settings.readers.max(1)).map(|_| open::reader(path, &settings)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            pseudonyms: spending::pseudonyms(&writer)?,
            readers: Workers::start("store-read", readers, settings.waiting_calls, deadline)?,
            checkpoints: Arc::new(checkpoints),
            writer: Workers::start("store-write", vec![writer], settings.waiting_calls, deadline)?,
            vault,
            rows: Arc::default(),
            group: settings.group.into(),
            path: path.to_owned(),
        })
    }

    /// Runs `write` on the connection that writes.
    async fn write<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let checkpoints = Arc::clone(&self.checkpoints);
        self.writer
            .call(move |connection| {
                let written = write(connection);
                checkpoints.look(connection);
                written
            })
            .await
    }

    /// Forgets the keys of orders that have been let go of. What fails is made good by
    /// [`Store::tend_keys`].
    async fn forget_keys(&self, of: Vec<JourneyKey>, why: Forgotten) -> Result<(), StoreError> {
        let Some(vault) = self.vault.as_ref().filter(|_| !of.is_empty()) else { return Ok(()) };
        vault.forget(&of, why).await?;
        self.write(move |c| keys::done(c, &of)).await
    }

    async fn decode(&self, stored: Vec<Stored>, now: Timestamp, lease: &Lease) -> Result<Vec<Leased>, StoreError> {
        let record = |attempts: Vec<AttemptRecord>| {
            let lease = lease.clone();
            self.write(move |c| outbox::record(c, &attempts, now, &lease))
        };
        decode_or_set_aside(self.vault.as_ref(), stored, now, record).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn offsets(&self) -> Result<BTreeMap<Partition, i64>, StoreError> {
        let group = Arc::clone(&self.group);
        self.readers.read(move |c| read::offsets(c, &group)).await
    }

    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
        let rows = Arc::clone(&self.rows);
        worker::read_thirds(&self.writer, &self.readers, references, move |c, references| {
            read::resolve(c, &rows, references)
        })
        .await
    }

    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let rows = Arc::clone(&self.rows);
        let stored =
            worker::read_thirds(&self.writer, &self.readers, keys, move |c, keys| read::load(c, &rows, keys)).await?;
        // after the rows: what has sealed them is there
        let vault = self.vault.as_ref();
        let (keyring, keys) = (vault::find(vault, keys).await?, keys.to_vec());
        vault::opened(vault, aside(move || keyring.versioned(&keys, stored)).await)
    }

    async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError> {
        let ids: Vec<i64> = of.iter().map(|addressee| self.pseudonyms.row(addressee)).collect();
        worker::read_thirds(&self.writer, &self.readers, &ids, spending::find).await
    }

    async fn parked(&self, references: &[(String, Reference)], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError> {
        let references = references.to_vec();
        self.readers.read(move |c| read::parked(c, &references, limit)).await
    }

    async fn awaited(&self, after: EventKey, limit: usize) -> Result<Vec<(EventKey, String, Reference)>, StoreError> {
        self.readers.read(move |c| read::awaited(c, after, limit)).await
    }

    async fn commit(
        &self,
        batch: Batch,
        lease: &Lease,
        capacity: &BTreeMap<String, usize>,
    ) -> Result<Vec<Leased>, StoreError> {
        let keyring = vault::provide(self.vault.as_ref(), &batch.journeys).await?;
        let forgotten = keyring.let_go_by(&batch.journeys);
        let (owned, capacity, pseudonyms) = (lease.clone(), capacity.clone(), self.pseudonyms.clone());
        let prepared = aside(move || Prepared::new(batch, &keyring, &pseudonyms)).await?;
        let (group, rows) = (Arc::clone(&self.group), Arc::clone(&self.rows));
        let mut taken = self.write(move |c| commit::commit(c, prepared, &owned, capacity, &group, &rows)).await?;
        let mut leased = taken.fresh();
        if !taken.stored.is_empty() {
            // The batch is written, so this cannot fail any more: what cannot be read stays leased
            // until a claim, which knows the time, puts it aside.
            leased.extend(decode_readable(self.vault.as_ref(), taken.stored).await.unwrap_or_default());
        }
        if let Err(error) = self.forget_keys(forgotten, Forgotten::Erased).await {
            tracing::error!(%error, "the keys of erased orders could not be forgotten yet; it is tried again");
        }
        Ok(leased)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JourneyKey>, StoreError> {
        self.readers.read(move |c| read::due(c, now, limit)).await
    }

    async fn claim(
        &self,
        provider: &str,
        now: Timestamp,
        lease: &Lease,
        limit: usize,
    ) -> Result<Vec<Leased>, StoreError> {
        let (provider, owned) = (provider.to_owned(), lease.clone());
        let stored = self.write(move |c| outbox::claim(c, &provider, now, &owned, limit)).await?;
        self.decode(stored, now, lease).await
    }

    async fn record(
        &self,
        attempts: Vec<AttemptRecord>,
        now: Timestamp,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreError> {
        let owned = lease.clone();
        let stored = self.write(move |c| outbox::record(c, &attempts, now, &owned)).await?;
        self.decode(stored, now, lease).await
    }

    async fn release(
        &self,
        notifications: &[NotificationId],
        not_before: Option<Timestamp>,
        owner: &str,
    ) -> Result<(), StoreError> {
        let (notifications, owner) = (notifications.to_vec(), owner.to_owned());
        self.write(move |c| outbox::release(c, &notifications, not_before, &owner)).await
    }

    async fn hasten(&self, of: &str, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let of = of.to_owned();
        self.write(move |c| outbox::hasten(c, &of, before, now, limit)).await
    }

    async fn publications(
        &self,
        stream: Stream,
        now: Timestamp,
        lease: &Lease,
        limit: usize,
    ) -> Result<Option<Vec<(i64, Publication)>>, StoreError> {
        let lease = lease.clone();
        self.write(move |c| publication::waiting(c, stream, now, &lease, limit)).await
    }

    async fn published(&self, ids: &[i64]) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.write(move |c| publication::published(c, &ids)).await
    }

    async fn stop_publishing(&self, stream: Stream, owner: &str) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.write(move |c| publication::stop(c, stream, &owner)).await
    }

    async fn timeline(&self, key: &JourneyKey) -> Result<Option<Timeline>, StoreError> {
        let told = |keyring: Keyring| {
            let key = key.clone();
            self.readers.read(move |c| inspect::timeline(c, &key, &keyring))
        };
        vault::read(self.vault.as_ref(), key, told).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.readers.read(move |c| inspect::dead_letters(c, limit)).await
    }

    async fn dead_record(&self, id: i64) -> Result<Option<Record>, StoreError> {
        self.readers.read(move |c| inspect::dead_record(c, id)).await
    }

    async fn redrive_record(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |c| outbox::redrive_record(c, id)).await
    }

    async fn redrive_notification(&self, id: &NotificationId, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |c| outbox::redrive(c, &id, now)).await
    }

    async fn drop_record(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |c| outbox::drop_record(c, id)).await
    }

    async fn drop_notification(&self, id: &NotificationId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |c| outbox::drop(c, &id)).await
    }

    async fn redriven(&self, limit: usize) -> Result<Vec<(i64, Record)>, StoreError> {
        self.readers.read(move |c| inspect::redriven(c, limit)).await
    }

    async fn unconfirmed(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(String, Cause, u64)>, StoreError> {
        self.readers.read(move |c| unconfirmed::counts(c, from, to)).await
    }

    async fn unconfirmed_orders(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Unconfirmed>, StoreError> {
        self.readers.read(move |c| unconfirmed::orders(c, from, to, limit)).await
    }

    async fn purge(&self, kept: Kept, before: Timestamp, after: i64, limit: usize) -> Result<Purged, StoreError> {
        self.write(move |c| purge::purge(c, kept, before, after, limit)).await
    }

    async fn tend_keys(&self) -> Result<usize, StoreError> {
        let Some(vault) = &self.vault else { return Ok(0) };
        let noted = self.readers.read(|c| keys::forgotten(c, vault::MOST_FORGOTTEN)).await?;
        let Noted { erased, gone, back } = Noted::of(noted, self).await?;
        let forgotten = erased.len() + gone.len();
        self.forget_keys(erased, Forgotten::Erased).await?;
        self.forget_keys(gone, Forgotten::Gone).await?;
        self.write(move |c| keys::done(c, &back)).await?;
        Ok(forgotten + vault.rewrap().await?)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        self.readers.read(move |c| inspect::backlog(c, now)).await
    }

    async fn space(&self) -> Result<Option<Space>, StoreError> {
        space::of(&self.path).map(Some).map_err(|error| StoreError::Unavailable(format!("the disk's room: {error}")))
    }

    fn connections(&self) -> Vec<Connections> {
        vec![self.writer.connections("write"), self.readers.connections("read")]
    }

    async fn received_at(&self, key: &JourneyKey, id: &NotificationId) -> Result<Option<Timestamp>, StoreError> {
        let (key, id) = (key.clone(), id.clone());
        self.readers.read(move |c| inspect::received_at(c, &key, &id)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write(|c| Ok(c.execute("UPDATE pulse SET beats = beats + 1", [])?)).await?;
        self.readers.read(read::ping).await
    }
}
