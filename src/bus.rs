//! Kafka, on one thread of its own.
//!
//! The thread owns a `BaseConsumer` and hands records over in a bounded channel. (The stream
//! consumers of the library have open reports of stalls and lost wake-ups.) Where to read from is
//! asked of the store, not of Kafka (I5, I6); what is committed to Kafka is a hint for lag
//! dashboards and scalers and nothing reads it back. When the channel is full, the partitions are
//! paused and polling goes on, so slow work never costs the membership.

mod advice;
mod consumer;
pub mod embedded;
mod group;
mod identity;
pub mod oauth;
pub mod producer;
pub mod publisher;
pub mod settings;
pub mod topic;
mod wait;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch as signal};

use crate::ports::{Feed, Partition};

pub use identity::Identities;
pub use settings::BusSettings;
pub use watch::{Counters, Hints, PartitionLag};

use consumer::Consumer;
use watch::Shared;

/// Asks the store from where to read each of these partitions; `None` means from the start. Beside
/// them stands which topics they are of now: what the store knows of another topic of that name
/// counts for nothing. Runs on the bus thread and must come back within a deadline of its own. While
/// it fails, the partitions wait and it is asked again.
pub type OffsetsOf = Arc<dyn Fn(&[Partition], &Identities) -> Result<Vec<Option<i64>>, String> + Send + Sync>;

/// A running consumer, as the rest of the service sees it.
pub struct Bus {
    /// What happens, in order. When it ends, the thread has ended.
    pub feed: mpsc::Receiver<Feed>,
    pub hints: Hints,
    pub handle: BusHandle,
}

/// To watch the bus and to end it.
#[derive(Clone)]
pub struct BusHandle {
    shared: Arc<Shared>,
    ended: signal::Receiver<()>,
}

/// Joins the group and starts to read.
///
/// # Errors
/// What is wrong with the settings, in the words of the library.
pub fn start(settings: &BusSettings, offsets_of: OffsetsOf) -> Result<Bus, String> {
    let shared = Arc::new(Shared::default());
    let (sender, feed) = mpsc::channel(settings.channel_batches.max(1));
    let (end, ended) = signal::channel(());
    let consumer = Consumer::new(settings.clone(), offsets_of, sender, Arc::clone(&shared))?;
    let spawned = thread::Builder::new().name("bus".to_owned()).spawn(move || {
        // dropped when the thread is done and when it panics, which ends the wait of `ended`
        let _end = end;
        consumer.run();
    });
    spawned.map_err(|error| format!("the bus thread could not be started: {error}"))?;
    Ok(Bus { feed, hints: Hints::new(&shared), handle: BusHandle { shared, ended } })
}

impl BusHandle {
    /// Leaves the group and ends the thread. Partitions are handed over as in a rebalance, so the
    /// feed must be read until it ends. `false` if the deadline passed first: closing a consumer
    /// is known to hang now and then, and the thread is then left behind.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.shared.stop_by(Instant::now() + deadline);
        tokio::time::timeout(deadline, self.ended()).await.is_ok()
    }

    /// Comes back when the thread has ended, for whatever reason.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // nothing is ever sent: what ends the wait is that the thread drops its end
        while ended.changed().await.is_ok() {}
    }

    /// Reads a partition anew from where the store says, as long as it is ours: what was read of it
    /// was refused.
    pub fn reread(&self, partition: &Partition) {
        self.shared.refuse(partition);
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Why no broker has taken us since the start; `None` as soon as one has.
    pub fn unreached(&self) -> Option<String> {
        self.shared.unreached()
    }

    /// Whether reading is paused because the rest of the service is slower.
    pub fn is_paused(&self) -> bool {
        self.shared.counters.paused.load(Ordering::Relaxed)
    }

    /// How far each partition of ours is behind.
    pub fn lag(&self) -> Vec<PartitionLag> {
        self.shared.lag()
    }
}
