//! How far ingest has come, for probes, for the demonstration and for whoever waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

/// What ingest shares with the rest of the service.
#[derive(Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Records whose effects are durable.
    records: AtomicU64,
    store_away: AtomicBool,
    registry_away: AtomicBool,
    /// What dispatch has found and journeys do not know yet.
    sequels: AtomicU64,
    changed: watch::Sender<u64>,
}

impl Progress {
    /// Records whose effects are durable, since the start.
    pub fn records(&self) -> u64 {
        self.0.records.load(Ordering::Acquire)
    }

    /// The store takes writes.
    pub fn store_works(&self) -> bool {
        !self.0.store_away.load(Ordering::Acquire)
    }

    /// The store takes writes, or not; returns what it did before.
    pub(super) fn set_store_works(&self, works: bool) -> bool {
        !self.0.store_away.swap(!works, Ordering::AcqRel)
    }

    /// No record waits for a schema registry that does not answer.
    pub fn registry_works(&self) -> bool {
        !self.0.registry_away.load(Ordering::Acquire)
    }

    pub(super) fn set_registry_works(&self, works: bool) {
        self.0.registry_away.store(!works, Ordering::Release);
    }

    /// A batch is durable.
    pub(super) fn wrote(&self, records: usize, sequels: usize) {
        self.0.records.fetch_add(records as u64, Ordering::Release);
        self.0.sequels.fetch_sub(sequels as u64, Ordering::AcqRel);
        self.note();
    }

    /// What dispatch has found and journeys do not know yet.
    pub fn sequels(&self) -> u64 {
        self.0.sequels.load(Ordering::Acquire)
    }

    /// Dispatch has found something.
    pub fn sequel_begins(&self) {
        self.0.sequels.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes whenever something has been written.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Something has been written.
    pub fn note(&self) {
        self.0.changed.send_modify(|count| *count += 1);
    }
}
