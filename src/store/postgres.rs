//! The store in PostgreSQL, for any number of replicas.
//!
//! Every call is a fixed number of statements, whatever the number of rows: they take and give
//! arrays. A commit costs three round trips, a claim three, a record three or four, a read one.
//!
//! Which clock decides: leases, due times and turns are compared as the callers give them, so the
//! replicas' clocks must agree to within what a lease outlasts the longest attempt; that is looked
//! after (see `upkeep`). What the database decides for itself, it decides by its own clock: the
//! week of a row, and for how long a replica has taken up a journey that is to be woken.
//!
//! A call that ends as [`StoreError::Unavailable`] because its deadline passed or its connection
//! was lost may have been carried out. To repeat it is safe: a batch is refused as `Conflict` or
//! `Fenced`, an attempt is written as one more attempt.

mod call;
mod commit;
mod failure;
mod inner;
mod inspect;
mod keys;
mod lane;
mod migrate;
mod outbox;
mod publication;
mod purge;
mod read;
mod row;
mod session;
mod settings;
mod spending;
mod storm;
mod unconfirmed;
mod upkeep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::leased::{Stored, aside, decode_or_set_aside, decode_readable};
use super::prepare::{self, Prepared};
use super::vault::{self, Forgotten, Keyring, Noted, Vault};
use crate::domain::confirmation::Cause;
use crate::domain::decision::NotificationId;
use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::spending::{Addressee, Spending};
use crate::domain::time::Timestamp;
use crate::ports::{
    AttemptRecord, Backlog, Batch, Connections, DeadLetter, Kept, Lease, Leased, Parked, Partition, Publication,
    Purged, Record, Store, StoreError, Stream, Timeline, Unconfirmed, Versioned,
};
use call::call;
use inner::Inner;
pub use keys::Encryption;
pub use settings::Settings;

/// How often partitions and clocks are looked after.
const UPKEEP_EVERY: Duration = Duration::from_secs(600);

/// Between two tries to reach a database that is away at the start.
const KNOCK_EVERY: Duration = Duration::from_secs(1);

/// The store in one schema of one database.
pub struct Postgres {
    inner: Arc<Inner>,
    /// If its content is encrypted.
    vault: Option<Vault>,
    upkeep: tokio::task::JoinHandle<()>,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl Postgres {
    /// Reaches the database, brings its schema up to date and keeps its partitions from then on.
    /// One that is away is waited for (`start_ms`).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be reached; [`StoreError::Corrupt`] if a newer
    /// version or another program made the schema, or the settings do not fit.
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        if let Some((name, fault)) = settings.faults().into_iter().next() {
            return Err(StoreError::Corrupt(format!("store.{name} {fault}")));
        }
        let inner = Arc::new(Inner::of_store(settings)?);
        let until = tokio::time::Instant::now() + Duration::from_millis(inner.settings.start_ms.into());
        let vault = loop {
            match begin(&inner).await {
                Ok(vault) => break vault,
                Err(StoreError::Unavailable(why)) if tokio::time::Instant::now() + KNOCK_EVERY < until => {
                    tracing::warn!(why, "the database is not there yet; it is waited for");
                    tokio::time::sleep(KNOCK_EVERY).await;
                }
                Err(error) => return Err(error),
            }
        };
        let kept = Arc::clone(&inner);
        let upkeep = tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP_EVERY).await;
                if let Err(error) = kept.keep_up().await {
                    tracing::error!(%error, "the partitions could not be looked after");
                }
            }
        });
        Ok(Self { inner, vault, upkeep })
    }

    /// Drops the weeks of a kind that lie wholly before a moment, as a purge does. Returns what was
    /// dropped.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn drop_weeks(&self, kept: Kept, before: Timestamp) -> Result<Vec<String>, StoreError> {
        let dropped = self.inner.drop_weeks(kept, before).await?;
        Ok(dropped.into_iter().map(|(partition, _)| partition).collect())
    }

    /// Forgets the keys of orders that have been let go of. What fails is made good by
    /// [`Store::tend_keys`].
    async fn forget_keys(&self, of: &[JourneyKey], why: Forgotten) -> Result<(), StoreError> {
        let Some(vault) = self.vault.as_ref().filter(|_| !of.is_empty()) else { return Ok(()) };
        vault.forget(of, why).await?;
        call!(self, |session| keys::done(session, of)).map(|_| ())
    }

    async fn decode(&self, stored: Vec<Stored>, now: Timestamp, lease: &Lease) -> Result<Vec<Leased>, StoreError> {
        let record = |attempts: Vec<AttemptRecord>| async move {
            call!(self, |session| outbox::record(session, &attempts, now, lease))
        };
        decode_or_set_aside(self.vault.as_ref(), stored, now, record).await
    }
}

/// The first contact, with the store and with its keys.
async fn begin(inner: &Inner) -> Result<Option<Vault>, StoreError> {
    inner.begin().await?;
    let (vault, identity) = match &inner.settings.encryption {
        Some(encryption) => Some(keys::vault(&inner.settings, encryption).await?).unzip(),
        None => (None, None),
    };
    keys::bind(&inner.apart().await?, identity).await?;
    Ok(vault)
}

#[async_trait]
impl Store for Postgres {
    async fn offsets(&self) -> Result<BTreeMap<Partition, i64>, StoreError> {
        call!(self, |session| read::offsets(session, &self.inner.settings.group))
    }

    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
        call!(self, |session| read::resolve(session, references))
    }

    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let stored = call!(self, |session| read::load(session, keys))?;
        // after the rows: what has sealed them is there
        let vault = self.vault.as_ref();
        let keyring = vault::find(vault, keys).await?;
        vault::opened(vault, keyring.versioned(keys, stored))
    }

    async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError> {
        let pseudonyms = self.inner.pseudonyms()?;
        let ids: Vec<i64> = of.iter().map(|addressee| pseudonyms.row(addressee)).collect();
        call!(self, |session| spending::find(session, &ids))
    }

    async fn parked(&self, references: &[(String, Reference)], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError> {
        call!(self, |session| read::parked(session, references, limit))
    }

    async fn awaited(&self, after: EventKey, limit: usize) -> Result<Vec<(EventKey, String, Reference)>, StoreError> {
        call!(self, |session| read::awaited(session, after, limit))
    }

    async fn commit(
        &self,
        batch: Batch,
        lease: &Lease,
        capacity: &BTreeMap<String, usize>,
    ) -> Result<Vec<Leased>, StoreError> {
        let keyring = vault::provide(self.vault.as_ref(), &batch.journeys).await?;
        let forgotten = keyring.let_go_by(&batch.journeys);
        let pseudonyms = self.inner.pseudonyms()?.clone();
        let prepared = aside(move || Prepared::new(batch, &keyring, &pseudonyms)).await?;
        let writer = commit::Writer { group: &self.inner.settings.group, replica: self.inner.replica };
        let taken = call!(self, |session| commit::commit(session, &prepared, lease, capacity.clone(), writer))?;
        let mut leased = prepare::pick(prepared.journeys, &taken.fresh);
        if !taken.stored.is_empty() {
            // The batch is written, so this cannot fail any more: what cannot be read stays leased
            // until a claim, which knows the time, puts it aside.
            leased.extend(decode_readable(self.vault.as_ref(), taken.stored).await.unwrap_or_default());
        }
        if let Err(error) = self.forget_keys(&forgotten, Forgotten::Erased).await {
            tracing::error!(%error, "the keys of erased orders could not be forgotten yet; it is tried again");
        }
        Ok(leased)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JourneyKey>, StoreError> {
        call!(self, |session| read::due(session, self.inner.replica, now, limit))
    }

    async fn claim(
        &self,
        provider: &str,
        now: Timestamp,
        lease: &Lease,
        limit: usize,
    ) -> Result<Vec<Leased>, StoreError> {
        let stored = call!(self, |session| outbox::claim(session, provider, now, lease, limit))?;
        self.decode(stored, now, lease).await
    }

    async fn record(
        &self,
        attempts: Vec<AttemptRecord>,
        now: Timestamp,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreError> {
        let stored = call!(self, |session| outbox::record(session, &attempts, now, lease))?;
        self.decode(stored, now, lease).await
    }

    async fn release(
        &self,
        notifications: &[NotificationId],
        not_before: Option<Timestamp>,
        owner: &str,
    ) -> Result<(), StoreError> {
        call!(self, |session| outbox::release(session, notifications, not_before, owner))
    }

    async fn hasten(&self, of: &str, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        call!(self, |session| outbox::hasten(session, of, before, now, limit))
    }

    async fn publications(
        &self,
        stream: Stream,
        now: Timestamp,
        lease: &Lease,
        limit: usize,
    ) -> Result<Option<Vec<(i64, Publication)>>, StoreError> {
        call!(self, |session| publication::waiting(session, stream, now, lease, limit))
    }

    async fn published(&self, ids: &[i64]) -> Result<(), StoreError> {
        call!(self, |session| publication::published(session, ids))
    }

    async fn stop_publishing(&self, stream: Stream, owner: &str) -> Result<(), StoreError> {
        call!(self, |session| publication::stop(session, stream, owner))
    }

    fn connections(&self) -> Vec<Connections> {
        vec![self.inner.connections()]
    }

    async fn received_at(&self, key: &JourneyKey, id: &NotificationId) -> Result<Option<Timestamp>, StoreError> {
        call!(self, |session| inspect::received_at(session, key, id))
    }

    async fn timeline(&self, key: &JourneyKey) -> Result<Option<Timeline>, StoreError> {
        let told = |keyring: Keyring| async move { call!(self, |session| inspect::timeline(session, key, &keyring)) };
        vault::read(self.vault.as_ref(), key, told).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        call!(self, |session| inspect::dead_letters(session, limit))
    }

    async fn redrive_record(&self, id: i64) -> Result<bool, StoreError> {
        call!(self, |session| outbox::redrive_record(session, id))
    }

    async fn redrive_notification(&self, id: &NotificationId, now: Timestamp) -> Result<bool, StoreError> {
        call!(self, |session| outbox::redrive(session, id, now))
    }

    async fn drop_record(&self, id: i64) -> Result<bool, StoreError> {
        call!(self, |session| outbox::drop_record(session, id))
    }

    async fn drop_notification(&self, id: &NotificationId) -> Result<bool, StoreError> {
        call!(self, |session| outbox::drop(session, id))
    }

    async fn dead_record(&self, id: i64) -> Result<Option<Record>, StoreError> {
        call!(self, |session| inspect::dead_record(session, id))
    }

    async fn redriven(&self, limit: usize) -> Result<Vec<(i64, Record)>, StoreError> {
        call!(self, |session| inspect::redriven(session, self.inner.replica, limit))
    }

    async fn unconfirmed(&self, from: Timestamp, to: Timestamp) -> Result<Vec<(String, Cause, u64)>, StoreError> {
        call!(self, |session| unconfirmed::counts(session, from, to))
    }

    async fn unconfirmed_orders(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Unconfirmed>, StoreError> {
        call!(self, |session| unconfirmed::orders(session, from, to, limit))
    }

    async fn purge(&self, kept: Kept, before: Timestamp, after: i64, limit: usize) -> Result<Purged, StoreError> {
        if upkeep::table(kept).is_some() {
            let removed = self.inner.drop_weeks(kept, before).await?.into_iter().map(|(_, rows)| rows).sum();
            return Ok(Purged { removed, next: None });
        }
        call!(self, |session| purge::purge(session, self.inner.replica, kept, before, after, limit))
    }

    async fn tend_keys(&self) -> Result<usize, StoreError> {
        let Some(vault) = &self.vault else { return Ok(0) };
        let noted = call!(self, |session| keys::forgotten(session, vault::MOST_FORGOTTEN))?;
        let Noted { erased, gone, back } = Noted::of(noted, self).await?;
        self.forget_keys(&erased, Forgotten::Erased).await?;
        self.forget_keys(&gone, Forgotten::Gone).await?;
        call!(self, |session| keys::done(session, &back))?;
        Ok(erased.len() + gone.len() + vault.rewrap().await?)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        call!(self, |session| inspect::backlog(session, now))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        call!(self, |session| read::ping(session))
    }
}
