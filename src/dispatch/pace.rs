//! How hard a provider is worked: fewer at once after a fault of its own, none while it rests,
//! and back to full step by step, so that its recovery is not met by a burst.

use std::time::Duration;

use crate::domain::notification::Outcome;
use crate::domain::time::Timestamp;
use crate::ports::Answer;

/// Temporary failures in a row after which a provider is left in peace for a while.
const PATIENCE: u32 = 10;
const SHORTEST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The pace at one provider.
#[derive(Debug)]
pub struct Pace {
    most: usize,
    allowed: usize,
    failures: u32,
    rests: u32,
    resting_until: Option<Timestamp>,
}

impl Pace {
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), allowed: most.max(1), failures: 0, rests: 0, resting_until: None }
    }

    /// How many attempts may be under way at `now`.
    pub fn allowed(&self, now: Timestamp) -> usize {
        if self.resting_until(now).is_some() { 0 } else { self.allowed }
    }

    /// Until when it rests, if it does.
    pub fn resting_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.resting_until.filter(|until| *until > now)
    }

    /// Whether it has been left in peace and has taken nothing since.
    pub fn is_in_trouble(&self) -> bool {
        self.rests > 0
    }

    /// Learns from an answer that came at `now`.
    pub fn learn(&mut self, answer: &Answer, now: Timestamp) {
        match answer.outcome {
            Outcome::Accepted | Outcome::PermanentFailure => {
                self.failures = 0;
                self.rests = 0;
                self.allowed = (self.allowed * 2).min(self.most);
            }
            Outcome::TemporaryFailure | Outcome::Unknown => self.failures = self.failures.saturating_add(1),
        }
        if answer.rest || self.failures >= PATIENCE {
            // answers to attempts of the same burst lengthen the rest, they do not multiply it
            if self.resting_until(now).is_none() {
                self.rests = self.rests.saturating_add(1);
            }
            // what a provider asks for holds; asked for in vain, "at once" and "in a second" double like our own
            let asked = answer.retry_after.unwrap_or(SHORTEST_REST);
            let doublings = self.rests.saturating_sub(1).min(8);
            let own = asked.max(Duration::from_secs(1)).saturating_mul(1 << doublings).min(LONGEST_REST);
            let until = now.plus(chrono::Duration::from_std(asked.max(own)).unwrap_or(chrono::Duration::minutes(1)));
            self.resting_until = self.resting_until.max(Some(until));
            self.allowed = 1;
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: Outcome, rest: bool, retry_after: Option<u64>) -> Answer {
        Answer {
            outcome,
            status: None,
            provider_id: None,
            detail: None,
            retry_after: retry_after.map(Duration::from_secs),
            rest,
        }
    }

    fn second(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 1000)
    }

    #[test]
    fn a_throttle_is_waited_out_and_followed_by_one_then_two_then_four() {
        let mut pace = Pace::new(8);
        assert_eq!(pace.allowed(second(0)), 8);
        pace.learn(&answer(Outcome::TemporaryFailure, true, Some(30)), second(0));
        assert_eq!((pace.allowed(second(29)), pace.allowed(second(30))), (0, 1));
        assert!(pace.is_in_trouble(), "until it takes one");
        let mut allowed = Vec::new();
        for _ in 0..4 {
            pace.learn(&answer(Outcome::Accepted, false, None), second(31));
            allowed.push(pace.allowed(second(31)));
        }
        assert_eq!(allowed, [2, 4, 8, 8]);
        assert!(!pace.is_in_trouble());
    }

    #[test]
    fn a_row_of_failures_rests_the_provider_ever_longer_up_to_a_minute() {
        let mut pace = Pace::new(8);
        let mut now = second(0);
        let mut rests = Vec::new();
        for _ in 0..6 {
            while pace.resting_until(now).is_none() {
                pace.learn(&answer(Outcome::TemporaryFailure, false, None), now);
            }
            let until = pace.resting_until(now).unwrap();
            rests.push(until.since(now).num_seconds());
            now = until;
        }
        assert_eq!(rests, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn what_a_provider_asks_for_in_vain_doubles_up_to_a_minute() {
        let mut pace = Pace::new(8);
        let (mut now, mut rests) = (second(0), Vec::new());
        for asked in [1, 1, 1, 0, 90, 1, 1, 1] {
            // a burst is one
            (0..8).for_each(|_| pace.learn(&answer(Outcome::TemporaryFailure, true, Some(asked)), now));
            let until = pace.resting_until(now).unwrap();
            rests.push(until.since(now).num_seconds());
            now = until;
        }
        assert_eq!(rests, [1, 2, 4, 8, 90, 32, 60, 60]);
        pace.learn(&answer(Outcome::Accepted, false, None), now);
        pace.learn(&answer(Outcome::TemporaryFailure, true, Some(1)), now);
        assert_eq!(pace.resting_until(now), Some(now.plus(chrono::Duration::seconds(1))), "not in vain");
    }

    /// What does not count has no other bound before it expires: neither the provider nor the table of attempts
    /// sees more of an outage because more waits, or because the provider says that it is back at once.
    #[test]
    fn a_provider_that_is_away_is_asked_ten_times_a_minute_whatever_waits_and_whatever_it_says() {
        for asked in [None, Some(0), Some(1), Some(30), Some(600)] {
            let mut pace = Pace::new(64);
            let (mut now, mut attempts) = (second(0), 0);
            while now < second(12 * 60 * 60) && attempts < 100_000 {
                match pace.allowed(now) {
                    0 => now = pace.resting_until(now).unwrap(),
                    places => {
                        attempts += places;
                        (0..places).for_each(|_| pace.learn(&answer(Outcome::TemporaryFailure, false, asked), now));
                    }
                }
            }
            assert!(attempts <= 12 * 60 * 10 + 150, "{attempts}, with {asked:?}");
        }
    }
}
