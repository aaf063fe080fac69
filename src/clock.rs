//! The time that the service goes by: the machine's, or a story's.

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use tokio::sync::watch;

use crate::domain::time::Timestamp;

/// A clock that is shared by all parts of the service.
#[derive(Clone)]
pub struct Clock(Option<Arc<watch::Sender<Told>>>);

/// What a told clock shows.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// It stands until it is told to go on.
    Standing(Timestamp),
    /// It has run since, second by second.
    Running { from: Timestamp, since: Instant },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `at` until it is moved.
    pub fn standing(at: Timestamp) -> Self {
        Self(Some(Arc::new(watch::Sender::new(Told::Standing(at)))))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp(Utc::now()),
            Some(told) => told.borrow().now(),
        }
    }

    /// Moves a standing clock forward; never back.
    pub fn advance(&self, to: Timestamp) {
        if let Some(told) = &self.0 {
            told.send_modify(|told| {
                if let Told::Standing(at) = told {
                    *at = to.max(*at);
                }
            });
        }
    }

    /// Lets a standing clock run on from `from`, or from where it stands if that is later.
    pub fn run_from(&self, from: Timestamp) {
        if let Some(told) = &self.0 {
            told.send_modify(|told| *told = Told::Running { from: told.now().max(from), since: Instant::now() });
        }
    }

    /// Wakes whenever a told clock is moved; `None` for the machine's.
    pub fn changes(&self) -> Option<watch::Receiver<Told>> {
        self.0.as_ref().map(|told| told.subscribe())
    }
}

impl Told {
    fn now(self) -> Timestamp {
        match self {
            Self::Standing(at) => at,
            Self::Running { from, since } => {
                from.plus(chrono::Duration::from_std(since.elapsed()).unwrap_or(chrono::Duration::MAX))
            }
        }
    }
}
