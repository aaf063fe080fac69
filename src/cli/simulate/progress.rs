//! How far it has come, for a person who waits: a bar on a terminal, else a line now and then.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where no bar can be.
const EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    what: &'static str,
    total: usize,
    done: Cell<usize>,
    begin: Instant,
    told: Cell<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `what` is done to each of `total` events.
    pub fn new(what: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:30} {human_pos}/{human_len}, {per_sec}, {eta} left");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)).with_style(style).with_message(what)
        });
        let now = Instant::now();
        Self { what, total, done: Cell::new(0), begin: now, told: Cell::new(now), bar }
    }

    pub fn step(&self, events: usize) {
        self.done.set(self.done.get() + events);
        if let Some(bar) = &self.bar {
            return bar.inc(u64::try_from(events).unwrap_or(u64::MAX));
        }
        if self.told.get().elapsed() >= EVERY {
            self.told.set(Instant::now());
            let done = self.done.get();
            #[allow(clippy::cast_precision_loss, reason = "a rate that people read")]
            let rate = done as f64 / self.begin.elapsed().as_secs_f64();
            eprintln!("{} {done} of {} events, {rate:.0} a second", self.what, self.total);
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
