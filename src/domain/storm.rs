//! The storm guard: a rule that speaks far more often than ever is held, until a person has looked.
//!
//! What is compared is how many messages a rule of a shop sends within an hour of the clock. The
//! measure is its own busiest hour, of between four weeks and one week ago, times a factor. Two
//! things make that fair:
//!
//! - **Orders.** When a shop sells more, every rule has more to say: confirmations within the same
//!   hour, parcels and their delays over the next days. So the measure grows with the busiest hour of
//!   orders in the last week, set against the same four weeks. Events would be the wrong yardstick: the
//!   flood of false scans that the guard is there for would raise its own mark. Orders come from
//!   buyers, and no fault of a carrier, of a rule or of a shop's export makes more of them.
//! - **The last week counts only by its orders**, so that a storm does not become its own history
//!   while it grows, nor from one day to the next.
//!
//! A rule without a history is measured by the orders alone, one message for each; a shop without
//! one too, with the factor. Below [`Guard::least`] nothing is a storm.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

const HOUR_MS: i64 = 60 * 60 * 1000;
/// What a week ago and longer was usual is the history.
const LATELY_HOURS: i64 = 7 * 24;
/// How far back the history goes.
pub const HISTORY_HOURS: i64 = 28 * 24;

/// What a shop calls a storm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// So many times its busiest hour is too much of a rule; 0: nothing is ever held.
    pub factor: u32,
    /// So many messages of a rule within an hour are no storm, whatever came before.
    pub least: u32,
}

/// An hour of the clock, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(pub i64);

impl Hour {
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.millis().div_euclid(HOUR_MS))
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(1).saturating_mul(HOUR_MS))
    }
}

/// How much there was in the busiest hours: of messages of a rule, or of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Busiest {
    /// Of the history.
    pub before: u64,
    /// Of the last week.
    pub lately: u64,
}

impl Busiest {
    /// Of the hours before `now`, in any order; any hours may be left out, save the busiest of each day.
    pub fn of(hours: impl IntoIterator<Item = (Hour, u64)>, now: Hour) -> Self {
        let mut busiest = Self::default();
        for (Hour(hour), count) in hours {
            let of = match now.0.saturating_sub(hour) {
                1..=LATELY_HOURS => &mut busiest.lately,
                ago if ago > LATELY_HOURS && ago <= HISTORY_HOURS => &mut busiest.before,
                _ => continue,
            };
            *of = count.max(*of);
        }
        busiest
    }
}

/// What was usual before this hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Messages of the rule.
    pub messages: Busiest,
    /// Orders of the shop.
    pub orders: Busiest,
}

/// What this hour has brought so far, with what is to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThisHour {
    pub messages: u64,
    pub orders: u64,
}

/// How a rule stands that has been held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Until then all that it says is held.
    pub holds_until: Timestamp,
    /// The messages of its busiest hour when a person let them go, and when that was: from then on
    /// they are history.
    pub granted: Option<(Timestamp, u64)>,
}

/// Whether a rule may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may.
    Calm,
    /// It is held.
    Storm {
        /// So many messages an hour would have been usual enough.
        mark: u64,
        /// It has passed the mark, now: it is held until the end of the next hour at least. So an
        /// hour below the mark is the end of the storm. `None`: it is held as it was.
        until: Option<Timestamp>,
    },
}

impl Guard {
    /// Nothing is ever held.
    pub fn is_off(self) -> bool {
        self.factor == 0
    }

    /// How many messages of the rule may leave within this hour, which has brought so many orders.
    pub fn mark(self, past: &Past, orders: u64, standing: Option<&Standing>, now: Timestamp) -> u64 {
        let factor = u64::from(self.factor);
        let Past { messages, orders: Busiest { before, lately } } = past;
        let lately = (*lately).max(orders);
        let usual = match (messages.before, *before) {
            (0, 0) => lately.saturating_mul(factor),
            (0, before) => lately.max(before),
            (messages, before) => grown(messages, before, lately).saturating_mul(factor),
        };
        let is_history = |granted: &Timestamp| Hour::of(now).0.saturating_sub(Hour::of(*granted).0) <= HISTORY_HOURS;
        let granted = standing.and_then(|standing| standing.granted).filter(|(at, _)| is_history(at));
        let granted = granted.map_or(0, |(_, messages)| messages.saturating_mul(factor));
        usual.max(granted).max(u64::from(self.least))
    }

    /// Judges what a rule is about to say, all of it alike.
    pub fn judge(self, past: &Past, hour: ThisHour, standing: Option<&Standing>, now: Timestamp) -> Judgement {
        if self.is_off() {
            return Judgement::Calm;
        }
        let mark = self.mark(past, hour.orders, standing, now);
        if hour.messages > mark {
            return Judgement::Storm { mark, until: Some(Hour(Hour::of(now).0.saturating_add(1)).end()) };
        }
        match standing {
            Some(standing) if now < standing.holds_until => Judgement::Storm { mark, until: None },
            _ => Judgement::Calm,
        }
    }
}

/// `messages` as many times over as there are more orders `lately` than `before`.
fn grown(messages: u64, before: u64, lately: u64) -> u64 {
    if before == 0 || lately <= before {
        return messages;
    }
    let grown = u128::from(messages) * u128::from(lately) / u128::from(before);
    u64::try_from(grown).unwrap_or(u64::MAX)
}
