//! Puts changes of the configuration, the rules and the words in force while the service runs: all
//! of what changed or nothing. What has a fault is told, and what was in force stays.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::{Files, Loaded, Settings};
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;
use crate::ingest::told;
use crate::shops::InForce;
use crate::telemetry::Metrics;

/// Between two looks that must agree before files are read: they may be half written.
const SETTLING: Duration = Duration::from_millis(500);
/// Looks for files that agree, before the next round.
const LOOKS: usize = 10;

/// What is in force, for people and probes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Tells the files that are in force from any others.
    pub hash: String,
    pub since: Timestamp,
    /// Why the files as they are now are not in force.
    pub faults: Vec<Fault>,
    /// Sections that have changed and are in force after a restart.
    pub restart: Vec<String>,
}

/// Looks for changes and puts them in force.
pub struct Reload {
    /// The operator's configuration.
    file: Option<PathBuf>,
    /// As it was when the service started, and in part still is.
    started: Settings,
    in_force: InForce,
    status: watch::Sender<Status>,
    /// What was read last, in force or not.
    files: Files,
    clock: Clock,
    metrics: Metrics,
}

impl Reload {
    /// With what `loaded` has put in force.
    pub fn new(loaded: &Loaded, in_force: InForce, clock: Clock, metrics: Metrics) -> Self {
        let status = Status { hash: loaded.files.hash(), since: clock.now(), faults: Vec::new(), restart: Vec::new() };
        let reload = Self {
            file: loaded.file.clone(),
            started: loaded.settings.clone(),
            in_force,
            status: watch::Sender::new(status),
            files: loaded.files.clone(),
            clock,
            metrics,
        };
        reload.show(&reload.status.borrow());
        reload
    }

    /// What is in force.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Looks as often as the configuration says, and whenever `asked`, until `stop` is told.
    pub async fn run(mut self, asked: Arc<Notify>, mut stop: watch::Receiver<bool>) {
        let every = self.started.reload.poll_seconds;
        let mut poll = tokio::time::interval(Duration::from_secs(every.max(1)));
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let by_hand = tokio::select! {
                biased;
                () = told(&mut stop) => return,
                () = asked.notified() => true,
                _ = poll.tick(), if every > 0 => false,
            };
            tokio::select! {
                biased;
                () = told(&mut stop) => return,
                () = self.look(by_hand) => {}
            }
        }
    }

    /// Reads the files anew if they have changed, or if a person wants it.
    async fn look(&mut self, by_hand: bool) {
        let known = self.files.clone();
        let Some(mut found) = aside(move || known.look()).await else { return };
        if !by_hand && (found.looks_like(&self.files) || found.hash() == self.files.hash()) {
            self.files = found;
            return;
        }
        for _ in 0..LOOKS {
            tokio::time::sleep(SETTLING).await;
            let (before, file) = (found.clone(), self.file.clone());
            // read between two looks: what both see is what was read
            let read = aside(move || {
                let loaded = before.is_still_so().then(|| Loaded::load(file.as_deref()));
                let after = Files::of(file.as_deref());
                (loaded.filter(|_| after.hash() == before.hash()), after)
            });
            let Some((loaded, after)) = read.await else { return };
            found = after;
            if let Some(loaded) = loaded {
                self.take(loaded, found);
                return;
            }
        }
        tracing::warn!("the configuration changes all the time; it is looked at again");
    }

    /// Puts what was read in force, or says why not.
    fn take(&mut self, loaded: Result<Loaded, Vec<Fault>>, files: Files) {
        self.files = files;
        let (status, outcome) = match loaded.and_then(|loaded| self.without_a_restart(loaded)) {
            Ok(loaded) => {
                self.metrics.expect(&loaded.shops, std::iter::empty());
                self.in_force.replace(loaded.shops);
                let restart = self.started.needs_restart(&loaded.settings);
                let status = Status { hash: self.files.hash(), since: self.clock.now(), faults: Vec::new(), restart };
                tracing::info!(hash = status.hash, "the configuration has changed and is in force");
                if !status.restart.is_empty() {
                    tracing::warn!(sections = status.restart.join(","), "these sections are in force after a restart");
                }
                (status, "applied")
            }
            Err(faults) => {
                for fault in &faults {
                    tracing::error!(
                        file = fault.file,
                        line = fault.line,
                        column = fault.column,
                        suggestion = fault.suggestion,
                        "{}",
                        fault.what
                    );
                }
                tracing::error!(
                    faults = faults.len(),
                    hash = self.status.borrow().hash,
                    "the configuration has changed and is refused; what was in force stays"
                );
                (Status { faults, ..self.status.borrow().clone() }, "refused")
            }
        };
        self.metrics.reloads.with_label_values(&[outcome]).inc();
        self.show(&status);
        // last: whoever sees it finds the same in the metrics
        self.status.send_replace(status);
    }

    /// Shops may use the providers that the service has started with.
    fn without_a_restart(&self, loaded: Loaded) -> Result<Loaded, Vec<Fault>> {
        let faults = loaded.settings.unknown_providers(&self.started);
        if faults.is_empty() { Ok(loaded) } else { Err(faults) }
    }

    fn show(&self, status: &Status) {
        self.metrics.config_in_force.reset();
        self.metrics.config_in_force.with_label_values(&[&status.hash]).set(1);
        self.metrics.config_since.set(status.since.millis() / 1_000);
        self.metrics.config_refused.set(i64::from(!status.faults.is_empty()));
        self.metrics.config_awaits_restart.set(i64::from(!status.restart.is_empty()));
    }
}

/// Does what waits for the disk where it holds nobody up; nothing, if it panicked.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|_| tracing::error!("the configuration could not be read anew")).ok()
}
