//! Takes receipts in: what they change is one transaction, written before the provider is told that it
//! was heard, so that a provider whose receipt could not be written tells it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::journey::JourneyKey;
use crate::domain::receipt::Receipt;
use crate::ports::{Lease, Notice, Store, StoreError, Stream};
use crate::publish::Outlet;
use crate::shops::InForce;
use crate::telemetry::Metrics;

use super::draft::Draft;
use super::known::{self, Known};
use super::tally::Tally;

/// A journey that changes meanwhile is decided on again so often; then the provider has to.
const MOST_TRIES: usize = 10;

/// Where receipts come in.
#[derive(Clone)]
pub struct Receipts {
    pub store: Arc<dyn Store>,
    pub shops: InForce,
    pub outlet: Outlet,
    pub clock: Clock,
    pub metrics: Metrics,
}

impl Receipts {
    /// Writes down what `provider` tells and what follows from it.
    ///
    /// # Errors
    /// Those of the store; nothing was written, and all of it can be told again.
    pub async fn take(&self, provider: &str, notices: &[Notice]) -> Result<(), StoreError> {
        for _ in 1..MOST_TRIES {
            match self.attempt(provider, notices).await {
                Err(StoreError::Conflict) => self.metrics.conflicts.inc(),
                ended => return ended,
            }
        }
        self.attempt(provider, notices).await
    }

    async fn attempt(&self, provider: &str, notices: &[Notice]) -> Result<(), StoreError> {
        let keys: Vec<JourneyKey> = notices.iter().map(|notice| notice.key.clone()).collect();
        let known = Known::fetch(&self.store, &[], &keys, &[]).await?;
        let unreadable = known.unreadable.len();
        let (now, shops) = (self.clock.now(), self.shops.get());
        let (draft, heard) = tokio::task::block_in_place(|| {
            let mut draft = Draft::new(&shops, &*shops, &self.outlet, now, known);
            let heard: Vec<_> =
                notices.iter().map(|notice| draft.receive(&notice.key, &notice.received, None)).collect();
            (draft, heard)
        });
        let on_record = known::on_record(&self.store, draft.addressees()).await?;
        let (batch, _) = tokio::task::block_in_place(|| draft.finish(&on_record));
        if !batch.journeys.is_empty() {
            let tally = Tally::of(&batch, &shops);
            let streams: BTreeSet<Stream> = batch.publications.iter().map(|publication| publication.stream).collect();
            // nothing is leased: what follows is left to whoever sends
            let nobody = Lease { owner: String::new(), until: now };
            self.store.commit(batch, &nobody, &BTreeMap::new()).await?;
            self.outlet.note(streams);
            tally.count(&self.metrics);
        }
        for (notice, told_at) in notices.iter().zip(heard) {
            let received = &notice.received;
            let what = if told_at.is_some() { received.receipt.as_str() } else { "unknown" };
            self.metrics.receipts.with_label_values(&[provider, what]).inc();
            if let Some(span) = told_at.and_then(|told_at| received.at.since(told_at).to_std().ok()) {
                let channel = received.channel.as_str();
                self.metrics.received_after.with_label_values(&[channel]).observe(span.as_secs_f64());
                if received.receipt == Receipt::Delivered {
                    self.delivered(notice).await;
                }
            }
        }
        if unreadable > 0 {
            // the others have theirs; the provider tells it again
            return Err(StoreError::Unavailable(format!("{unreadable} of the journeys cannot be read yet")));
        }
        Ok(())
    }

    /// Counts how long the buyer has waited. What is written is written: a store that does not answer
    /// now costs the count alone.
    async fn delivered(&self, notice: &Notice) {
        let Notice { key, received } = notice;
        if let Ok(Some(since)) = self.store.received_at(key, &received.notification).await
            && let Ok(span) = received.at.since(since).to_std()
        {
            self.metrics.delivered_after.with_label_values(&[received.channel.as_str()]).observe(span.as_secs_f64());
        }
    }
}
