//! An outage of a provider: when there is one, and how what has waited leaves after it.
//!
//! A provider that has failed for half a minute and has accepted nothing since is away. What it refuses for the
//! moment then is not the message's fault, so it does not count and is tried again within a minute ([`Policy`]); a
//! message that fails alone comes to the end of its attempts, because what is accepted of the others ends the outage.
//!
//! The waits of the other retries grow with an outage and would outlast it by as much. So each message that the
//! provider then accepts lets two more be tried at once, and those two four: a provider that is well is soon worked
//! as hard as its pace allows, whatever waits. One that takes a message in ten is fed a fifth of one for each that it
//! is given, so no message comes to the end of its attempts by being hastened.
//!
//! Each replica goes by what it has met itself. One that has just been started does not know what was before:
//! its first acceptance counts as the end of an outage, its first failures as the beginning of one.
//!
//! [`Policy`]: crate::domain::retry::Policy

use chrono::Duration;

use crate::domain::notification::Outcome;
use crate::domain::time::Timestamp;

/// Shorter than this it was no outage: what its failures wait for is no longer than that.
const OUTAGE: Duration = Duration::seconds(30);
/// Retries brought forward for each message that is accepted.
const FOR_EACH: usize = 2;
/// Retries brought forward together.
const TOGETHER: usize = 500;

/// What is to be brought forward of one provider.
#[derive(Debug)]
pub struct Haste {
    /// Attempts that began in the outage may end so long after it.
    grace: Duration,
    /// It has accepted nothing yet.
    is_new: bool,
    /// Since when it has failed and accepted nothing.
    failing_since: Option<Timestamp>,
    /// What has failed until then waits in vain.
    before: Option<Timestamp>,
    owed: usize,
    /// There were no more. It is looked once again when all that began in the outage has ended.
    is_dry: bool,
    hastened: usize,
}

/// What the store is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    pub before: Timestamp,
    pub most: usize,
}

impl Haste {
    /// Of a provider of which nothing is known yet.
    pub fn new(grace: Duration) -> Self {
        Self { grace, is_new: true, failing_since: None, before: None, owed: 0, is_dry: false, hastened: 0 }
    }

    /// Whether it is away at `now`.
    pub fn is_outage(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| now.since(since) >= OUTAGE)
    }

    /// Learns how an attempt ended at `now`. A permanent failure tells nothing: a page in the provider's place
    /// refuses everything, and must not be fed what waits.
    pub fn learn(&mut self, outcome: Outcome, now: Timestamp) {
        match outcome {
            Outcome::Accepted => {
                let was_away = self.is_outage(now) || self.is_new;
                (self.failing_since, self.is_new) = (None, false);
                if was_away {
                    (self.before, self.is_dry) = (Some(now.plus(self.grace)), false);
                }
                if self.before.is_some() {
                    self.owed = (self.owed + FOR_EACH).min(TOGETHER);
                }
            }
            Outcome::TemporaryFailure | Outcome::Unknown => {
                // not the moment of a clock that was ahead, which would hide the outage for as long
                self.failing_since = Some(self.failing_since.map_or(now, |since| since.min(now)));
            }
            Outcome::PermanentFailure => {}
        }
    }

    /// What to ask the store for at `now`, if anything. What a provider asked to be left in peace with until later
    /// is not brought forward yet.
    pub fn call(&self, now: Timestamp) -> Option<Call> {
        let before = self.before.filter(|before| self.owed > 0 && (!self.is_dry || now > *before))?;
        Some(Call { before: before.min(now), most: self.owed })
    }

    /// Learns that the store has brought `count` forward at `now`. Returns how many it were, once there are no more.
    pub fn answered(&mut self, call: Call, count: usize, now: Timestamp) -> Option<usize> {
        self.hastened += count;
        if count == call.most {
            (self.owed, self.is_dry) = (0, false);
            return None;
        }
        if self.before.is_some_and(|before| now > before) {
            (self.before, self.owed) = (None, 0);
        } else {
            (self.owed, self.is_dry) = (FOR_EACH, true);
        }
        Some(std::mem::take(&mut self.hastened)).filter(|hastened| *hastened > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 1000)
    }

    /// One that has accepted something, and has nothing to bring forward.
    fn calm() -> Haste {
        let mut haste = Haste::new(Duration::seconds(10));
        haste.learn(Outcome::Accepted, second(100));
        assert_eq!(answered(&mut haste, 111, 0), (2, None));
        haste.learn(Outcome::Accepted, second(112));
        assert_eq!(haste.call(second(112)), None, "there is nothing more");
        haste
    }

    /// The store finds so many; returns for how many it was asked, and how many it were when there are no more.
    fn answered(haste: &mut Haste, now: i64, count: usize) -> (usize, Option<usize>) {
        let call = haste.call(second(now)).expect("something is owed");
        (call.most, haste.answered(call, count, second(now)))
    }

    #[test]
    fn an_outage_is_over_with_the_first_acceptance_and_each_brings_two_more() {
        let mut haste = calm();
        haste.learn(Outcome::TemporaryFailure, second(200));
        haste.learn(Outcome::Unknown, second(215));
        haste.learn(Outcome::PermanentFailure, second(229));
        assert_eq!(haste.call(second(229)), None);
        haste.learn(Outcome::Accepted, second(230));
        assert_eq!(haste.call(second(230)), Some(Call { before: second(230), most: 2 }));
        assert_eq!(answered(&mut haste, 230, 2), (2, None));
        assert_eq!(haste.call(second(230)), None, "nothing more is owed");
        haste.learn(Outcome::Accepted, second(231));
        haste.learn(Outcome::Accepted, second(231));
        assert_eq!(answered(&mut haste, 231, 1), (4, Some(3)), "that were all");
    }

    /// The store is asked twice in vain at most, however much is accepted.
    #[test]
    fn what_began_in_the_outage_and_ends_after_it_is_brought_forward_too() {
        let mut haste = calm();
        haste.learn(Outcome::Unknown, second(200));
        haste.learn(Outcome::Accepted, second(300));
        assert_eq!(answered(&mut haste, 301, 0), (2, None));
        haste.learn(Outcome::Accepted, second(310));
        assert_eq!(haste.call(second(310)), None, "what began in it may still be under way");
        let call = haste.call(second(311)).expect("a last look");
        assert_eq!(call, Call { before: second(310), most: 4 }, "and nothing of another outage");
        assert_eq!(answered(&mut haste, 311, 4), (4, None));
        haste.learn(Outcome::Accepted, second(312));
        assert_eq!(answered(&mut haste, 312, 1), (2, Some(5)));
        haste.learn(Outcome::Accepted, second(313));
        assert_eq!(haste.call(second(313)), None);
    }

    #[test]
    fn an_outage_is_half_a_minute_of_failures_and_no_acceptance() {
        let mut haste = Haste::new(Duration::zero());
        assert!(!haste.is_outage(second(100)), "nothing is known of it yet");
        haste.learn(Outcome::TemporaryFailure, second(100));
        haste.learn(Outcome::Unknown, second(120));
        haste.learn(Outcome::PermanentFailure, second(125));
        assert!(!haste.is_outage(second(129)) && haste.is_outage(second(130)));
        haste.learn(Outcome::TemporaryFailure, second(9_000));
        assert!(haste.is_outage(second(9_000)));
        haste.learn(Outcome::Accepted, second(9_001));
        haste.learn(Outcome::TemporaryFailure, second(9_002));
        assert!(!haste.is_outage(second(9_002)), "what fails among acceptances is at fault itself");
    }

    #[test]
    fn a_clock_that_is_put_back_hides_no_outage() {
        let mut haste = Haste::new(Duration::zero());
        haste.learn(Outcome::TemporaryFailure, second(10_000));
        haste.learn(Outcome::TemporaryFailure, second(100));
        assert!(!haste.is_outage(second(129)) && haste.is_outage(second(130)));
    }

    #[test]
    fn a_failure_among_acceptances_is_no_outage() {
        let mut haste = calm();
        for number in 0..100 {
            haste.learn(Outcome::TemporaryFailure, second(200 + 10 * number));
            haste.learn(Outcome::Accepted, second(205 + 10 * number));
        }
        assert_eq!(haste.call(second(2000)), None);
    }

    #[test]
    fn what_is_brought_forward_together_is_bounded() {
        let mut haste = Haste::new(Duration::zero());
        for _ in 0..10_000 {
            haste.learn(Outcome::Accepted, second(100));
        }
        assert_eq!(haste.call(second(100)).map(|call| call.most), Some(TOGETHER));
    }
}
