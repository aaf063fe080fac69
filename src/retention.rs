//! Lets go of what has been kept for long enough, kind by kind, in bounded steps beside the work.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::spending;
use crate::ingest::told;
use crate::ports::{Kept, Store, StoreError};
use crate::telemetry::Metrics;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(3_600);
/// Rows that a step looks at, and the pause after it: others wait for the store too.
const STEP: usize = 500;
const PAUSE: Duration = Duration::from_millis(100);

/// For how many days each kind is kept; 0: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub contents_days: u32,
    pub timelines_days: u32,
    pub attempts_days: u32,
    pub journeys_days: u32,
    pub parked_days: u32,
    pub dead_letters_days: u32,
}

impl Settings {
    /// The days of a kind, unless it is kept for ever.
    pub fn days(self, kept: Kept) -> Option<u32> {
        let days = match kept {
            Kept::Contents => self.contents_days,
            Kept::Timelines => self.timelines_days,
            Kept::Attempts => self.attempts_days,
            Kept::Journeys => self.journeys_days,
            Kept::Parked => self.parked_days,
            Kept::DeadLetters => self.dead_letters_days,
            // after that nothing hangs on it
            Kept::Spending => u32::try_from(spending::KEPT.num_days()).unwrap_or(1),
        };
        (days > 0).then_some(days)
    }
}

/// Lets go.
pub struct Retention {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub settings: Settings,
}

impl Retention {
    /// Goes round every hour, until `stop` is told.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut round = tokio::time::interval(EVERY);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = told(&mut stop) => return,
                _ = round.tick() => {}
            }
            tokio::select! {
                biased;
                () = told(&mut stop) => return,
                () = self.round() => {}
            }
        }
    }

    async fn round(&self) {
        for kept in Kept::ALL {
            if let Err(error) = self.purge(kept).await {
                self.metrics.store_errors.with_label_values(&["purge", "unavailable"]).inc();
                tracing::error!(kind = kept.as_str(), %error, "what is old could not be removed; it is tried again");
            }
        }
        if let Err(error) = self.store.tend_keys().await {
            self.metrics.store_errors.with_label_values(&["tend_keys", "unavailable"]).inc();
            tracing::error!(%error, "keys that are to be forgotten or wrapped anew are still there; it is tried again");
        }
    }

    /// Removes all of a kind whose time is over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge(&self, kept: Kept) -> Result<u64, StoreError> {
        let Some(days) = self.settings.days(kept) else { return Ok(0) };
        let before = self.clock.now().plus(-chrono::Duration::days(days.into()));
        let (mut removed, mut after) = (0, 0);
        loop {
            let step = self.store.purge(kept, before, after, STEP).await?;
            removed += step.removed;
            self.metrics.purged.with_label_values(&[kept.as_str()]).inc_by(step.removed);
            match step.next {
                Some(next) => after = next,
                None => break,
            }
            tokio::time::sleep(PAUSE).await;
        }
        if removed > 0 {
            tracing::info!(kind = kept.as_str(), removed, days, "what was old has been removed");
        }
        Ok(removed)
    }
}
