//! When to try again: exponential back-off with full jitter, and what the provider asks for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::notification::Outcome;
use super::time::Timestamp;

/// How patient to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Attempts that count, before a message is given up.
    pub max_attempts: u32,
    /// The ceiling of the first wait; it doubles with every attempt.
    pub first_wait_seconds: u64,
    /// The ceiling that no wait passes.
    pub longest_wait_seconds: u64,
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum After {
    Accepted,
    RetryAt(Timestamp),
    GiveUp,
    Hold,
}

/// An attempt that was made.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// Attempts so far, this one included.
    pub attempts: u32,
    pub outcome: Outcome,
    /// What the provider asks for.
    pub retry_after: Option<Duration>,
    /// The fault is the account's, not the message's: the attempt does not count.
    pub rests: bool,
    /// What the provider's policy says of an unknown outcome: try again with the same key.
    pub retry_unknown: bool,
}

impl Policy {
    /// The longest wait before attempt number `attempts` + 1.
    pub fn ceiling(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(32);
        let seconds = self.first_wait_seconds.saturating_mul(1_u64 << doublings).min(self.longest_wait_seconds);
        Duration::from_secs(seconds.max(1))
    }

    /// What follows from an attempt that ended at `now`. `jitter` lies in 0..1, drawn by the
    /// caller. Where the provider names a wait, the retry comes after it, spread over a tenth of
    /// it and one back-off more, so that those who wait together do not return together.
    pub fn after(&self, tried: Tried, jitter: f64, now: Timestamp) -> After {
        match tried.outcome {
            Outcome::Accepted => return After::Accepted,
            Outcome::PermanentFailure => return After::GiveUp,
            Outcome::Unknown if !tried.retry_unknown => return After::Hold,
            Outcome::Unknown | Outcome::TemporaryFailure => {}
        }
        if tried.attempts >= self.max_attempts && !tried.rests {
            return After::GiveUp;
        }
        let spread = self.ceiling(tried.attempts).mul_f64(jitter.clamp(0.0, 1.0));
        let wait = match tried.retry_after {
            Some(asked) => asked + spread.min(asked / 10 + self.ceiling(1)),
            None => spread,
        };
        let wait = chrono::Duration::from_std(wait.max(Duration::from_millis(1))).unwrap_or(chrono::Duration::days(1));
        After::RetryAt(now.plus(wait))
    }
}
