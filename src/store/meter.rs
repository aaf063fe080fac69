//! Counts how connections are given out, so that a call that is slow can be told from one that had to
//! wait for its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::ports::Connections;

/// The counts of one pool.
#[derive(Debug, Default)]
pub(super) struct Meter {
    waiting: AtomicUsize,
    in_use: AtomicUsize,
    given: AtomicU64,
    waited_micros: AtomicU64,
}

/// A call that waits for a connection, until it has one or has given up.
pub(super) struct Waiting {
    meter: Arc<Meter>,
    since: Instant,
}

/// A connection in use, until this is dropped.
pub(super) struct InUse(Arc<Meter>);

impl Meter {
    pub fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting { meter: Arc::clone(self), since: Instant::now() }
    }

    /// As it stands, of a pool with so many connections open.
    pub fn read(&self, pool: &'static str, open: usize) -> Connections {
        Connections {
            pool,
            open,
            in_use: self.in_use.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            given: self.given.load(Ordering::Relaxed),
            waited: Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)),
        }
    }
}

impl Waiting {
    /// It has one.
    pub fn over(self) -> InUse {
        let meter = &self.meter;
        let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        meter.waited_micros.fetch_add(micros, Ordering::Relaxed);
        meter.given.fetch_add(1, Ordering::Relaxed);
        meter.in_use.fetch_add(1, Ordering::Relaxed);
        InUse(Arc::clone(meter))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.meter.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}
