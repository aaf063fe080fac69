//! What is decided and written together.

use std::sync::Arc;

use super::ahead::Glance;
use super::draft::Draft;
use super::intake::Arrival;
use super::known::Known;
use super::sequel::Sequel;
use crate::domain::event::Reference;
use crate::domain::journey::JourneyKey;
use crate::ports::{Advance, DeadRecord, Partition, Store, StoreError};
use crate::telemetry::Span;

/// Events, deadlines and what follows from attempts.
#[derive(Default)]
pub(super) struct Load {
    pub arrivals: Vec<Arrival>,
    pub dead: Vec<DeadRecord>,
    /// Journeys in which a deadline is due.
    pub due: Vec<(JourneyKey, Span)>,
    pub sequels: Vec<Sequel>,
    /// What parked events wait for and is there.
    pub stranded: Vec<(String, Reference)>,
    pub advances: Vec<Advance>,
    pub redriven: Vec<i64>,
    pub records: usize,
    pub unreadable: Vec<JourneyKey>,
    /// What was looked at of it before its turn.
    pub glance: Option<Glance>,
}

impl Load {
    /// Of what was consumed and what was woken.
    pub fn spans(&self) -> impl Iterator<Item = &Span> + Clone {
        self.arrivals.iter().map(|arrival| &arrival.span).chain(self.due.iter().map(|(_, span)| span))
    }

    /// Leaves out what comes of `partition`.
    pub fn leave(&mut self, partition: &Partition) {
        let left = self.arrivals.iter().filter(|arrival| arrival.partition.as_ref() == Some(partition));
        left.for_each(|arrival| arrival.span.applied("left"));
        self.advances.retain(|advance| advance.partition != *partition);
        self.arrivals.retain(|arrival| arrival.partition.as_ref() != Some(partition));
        self.dead.retain(|dead| dead.record.partition != *partition);
    }

    /// What has to be known to decide on it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn known(&mut self, store: &Arc<dyn Store>) -> Result<Known, StoreError> {
        if let Some(glance) = self.glance.take() {
            return glance.renewed(store, &self.arrivals).await;
        }
        let woken = self.due.iter().map(|(key, _)| key);
        let also: Vec<JourneyKey> = woken.chain(self.sequels.iter().map(|sequel| &sequel.key)).cloned().collect();
        Known::fetch(store, &self.arrivals, &also, &self.stranded).await
    }

    /// Puts all of it to the draft.
    pub fn put_to(&self, draft: &mut Draft<'_>) {
        self.sequels.iter().for_each(|sequel| draft.follow(sequel));
        draft.take_up_stranded();
        for arrival in &self.arrivals {
            draft.take(arrival.clone());
        }
        for (key, span) in &self.due {
            draft.wake(key, span.traceparent());
        }
        for dead in &self.dead {
            draft.bury(dead);
        }
    }
}
