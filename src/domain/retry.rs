//! When to try again: exponential back-off with full jitter, and what the provider asks for.
//!
//! Attempts are counted against a message, so that one which nobody will ever take comes to its end. What the
//! account's fault or an outage of the provider costs it is not: then its own expiry is what ends it, and the
//! provider's rests bound what it is asked. An outcome that is unknown counts always: the message may have arrived,
//! and where a key is not honoured, or not for so long, each attempt may be one more that the customer reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::notification::Outcome;
use super::time::Timestamp;

/// The longest wait in an outage. It does not grow: the end of the outage is met by one of them.
const IN_OUTAGE: Duration = Duration::from_secs(60);

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
    /// The same, and the attempt does not count.
    WaitUntil(Timestamp),
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
    /// The provider takes nothing from anybody: that it fails does not count.
    pub in_outage: bool,
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
        let in_outage = tried.in_outage && tried.outcome == Outcome::TemporaryFailure;
        let counts = !(tried.rests || in_outage);
        if counts && tried.attempts >= self.max_attempts {
            return After::GiveUp;
        }
        let jitter = jitter.clamp(0.0, 1.0);
        let spread = if in_outage {
            IN_OUTAGE.min(self.ceiling(u32::MAX)).mul_f64(f64::midpoint(1.0, jitter))
        } else {
            self.ceiling(tried.attempts).mul_f64(jitter)
        };
        let wait = match tried.retry_after {
            Some(asked) => asked + spread.min(asked / 10 + self.ceiling(1)),
            None => spread,
        };
        let wait = chrono::Duration::from_std(wait.max(Duration::from_millis(1))).unwrap_or(chrono::Duration::days(1));
        if counts { After::RetryAt(now.plus(wait)) } else { After::WaitUntil(now.plus(wait)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { max_attempts: 12, first_wait_seconds: 5, longest_wait_seconds: 3_600 };
    const TRIED: Tried = Tried {
        attempts: 12,
        outcome: Outcome::TemporaryFailure,
        retry_after: None,
        rests: false,
        in_outage: true,
        retry_unknown: true,
    };

    fn second(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 1000)
    }

    fn after(tried: Tried, jitter: f64) -> After {
        POLICY.after(tried, jitter, second(0))
    }

    #[test]
    fn an_outage_costs_no_attempt_and_the_wait_in_it_does_not_grow() {
        assert_eq!(after(Tried { in_outage: false, ..TRIED }, 0.5), After::GiveUp);
        for attempts in [1, 12, 1_000] {
            let waits = [0.0, 0.5, 1.0].map(|jitter| after(Tried { attempts, ..TRIED }, jitter));
            assert_eq!(waits, [30, 45, 60].map(|wait| After::WaitUntil(second(wait))));
        }
        let impatient = Policy { longest_wait_seconds: 10, ..POLICY };
        assert_eq!(impatient.after(TRIED, 1.0, second(0)), After::WaitUntil(second(10)));
        let asked = Tried { retry_after: Some(Duration::from_secs(300)), ..TRIED };
        assert_eq!(after(asked, 0.0), After::WaitUntil(second(330)), "the provider knows better");
    }

    /// It may have arrived: each attempt may be one more that the customer reads.
    #[test]
    fn an_unknown_outcome_counts_in_an_outage_too() {
        let unknown = Tried { outcome: Outcome::Unknown, ..TRIED };
        assert_eq!(after(unknown, 1.0), After::GiveUp);
        assert_eq!(after(Tried { attempts: 11, ..unknown }, 1.0), After::RetryAt(second(3_600)));
        assert_eq!(after(Tried { retry_unknown: false, ..unknown }, 1.0), After::Hold);
    }

    #[test]
    fn a_refusal_for_good_is_one_in_an_outage_too() {
        assert_eq!(after(Tried { outcome: Outcome::PermanentFailure, attempts: 1, ..TRIED }, 1.0), After::GiveUp);
    }
}
