//! Carries messages out: from the outbox to the providers, each provider on its own.
//!
//! What ingest commits is handed over in memory, leased to this process already. What waits for
//! a retry, or was left by a process that died, is claimed from the store. Nothing is ever sent
//! inside a transaction; an attempt and what follows from it are written together, in groups.

mod haste;
mod pace;
mod pool;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::domain::retry::Policy;
use crate::domain::time::Timestamp;
use crate::ingest::{Progress, Sequel};
use crate::ports::{Leased, Provider, Store};
use crate::publish::Outlet;
use crate::shops::InForce;
use crate::telemetry::{Metrics, Tracer};

use pool::Pool;

/// How dispatch behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub retry: Policy,
    /// How long a notification is this process's; longer than any provider's time-out.
    pub lease: Duration,
}

/// What every pool works with.
#[derive(Clone)]
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub shops: InForce,
    pub outlet: Outlet,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tracer: Tracer,
    pub progress: Progress,
    /// What follows for a journey.
    pub sequels: mpsc::Sender<Sequel>,
    pub owner: String,
    pub manner: Manner,
}

/// Where leased notifications are handed in.
#[derive(Clone)]
pub struct Dispatcher(Arc<BTreeMap<String, Gate>>);

/// What a pool tells of itself.
#[derive(Default)]
struct Room {
    free: Arc<AtomicUsize>,
    busy: Arc<AtomicUsize>,
}

/// The way into one provider's pool.
struct Gate {
    queue: mpsc::UnboundedSender<(Leased, Timestamp)>,
    /// How many more it will take; what is leased is bounded by this, and so is the queue.
    free: Arc<AtomicUsize>,
    /// What is leased for it and not written yet.
    busy: Arc<AtomicUsize>,
    rest: watch::Receiver<Option<Timestamp>>,
    wake: Arc<Notify>,
}

impl Dispatcher {
    /// One pool for each provider, started on `tasks`. The pools end after `stop` is told, once
    /// what is in flight has been written.
    pub fn start(
        providers: &[(Arc<dyn Provider>, usize)],
        shared: &Shared,
        stop: &watch::Receiver<bool>,
        tasks: &mut JoinSet<&'static str>,
    ) -> Self {
        let mut gates = BTreeMap::new();
        let mut pools = Vec::new();
        for (provider, max_in_flight) in providers {
            let (queue, waiting) = mpsc::unbounded_channel();
            let (rest, resting) = watch::channel(None);
            let room = Room::default();
            let wake = Arc::new(Notify::new());
            let gate = Gate {
                queue,
                free: Arc::clone(&room.free),
                busy: Arc::clone(&room.busy),
                rest: resting,
                wake: Arc::clone(&wake),
            };
            gates.insert(provider.name().to_owned(), gate);
            pools.push(Pool::new(Arc::clone(provider), *max_in_flight, shared.clone(), waiting, room, rest, wake));
        }
        let dispatcher = Self(Arc::new(gates));
        for pool in pools {
            let (dispatcher, stop) = (dispatcher.clone(), stop.clone());
            tasks.spawn(async move {
                pool.run(dispatcher, stop).await;
                "dispatch"
            });
        }
        dispatcher
    }

    /// How many notifications each provider's pool will take now.
    pub fn capacity(&self) -> BTreeMap<String, usize> {
        self.0.iter().map(|(name, gate)| (name.clone(), gate.free.load(Ordering::Acquire))).collect()
    }

    /// Hands over what has been leased until `until`.
    pub fn hand(&self, leased: Vec<Leased>, until: Timestamp) {
        for one in leased {
            if let Some(gate) = self.0.get(&one.notification.provider) {
                let free = gate.free.load(Ordering::Acquire);
                gate.free.store(free.saturating_sub(1), Ordering::Release);
                gate.busy.fetch_add(1, Ordering::AcqRel);
                // a pool that has stopped leaves the lease to run out
                let _ = gate.queue.send((one, until));
            }
        }
    }

    /// Notifications that are leased to this process and not written yet.
    pub fn busy(&self) -> usize {
        self.0.values().map(|gate| gate.busy.load(Ordering::Acquire)).sum()
    }

    /// Lets every pool look for work at once.
    pub fn wake(&self) {
        self.0.values().for_each(|gate| gate.wake.notify_one());
    }

    /// The moment until which some provider rests, the earliest; for who must wait for it.
    pub fn resting_until(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|gate| *gate.rest.borrow()).min()
    }
}
