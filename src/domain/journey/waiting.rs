//! What a journey waits for: deadlines, and messages whose moment has not come yet.

use serde::{Deserialize, Serialize};

use super::{Journey, Subject};
use crate::domain::decision::{NotificationId, Reason};
use crate::domain::order::Channel;
use crate::domain::rule::{RuleName, RuleSet};
use crate::domain::time::Timestamp;

/// A deadline that waits to fall due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timer {
    pub rule: RuleName,
    pub subject: Subject,
    /// Which of the rule's deadlines.
    pub index: u8,
    /// When it wakes the journey; the deadline itself may have moved later since.
    pub due: Timestamp,
}

impl Timer {
    /// The same deadline of the same rule for the same subject, whenever it falls due.
    pub fn is_same_deadline(&self, other: &Self) -> bool {
        (self.index, &self.rule, &self.subject) == (other.index, &other.rule, &other.subject)
    }
}

/// A message that is due and held back until a better moment. Then it is decided anew, with the
/// journey as it is by that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    pub rule: RuleName,
    pub message: String,
    pub subject: Subject,
    /// What the rule counts as once, without the number of its turn.
    pub once_key: String,
    /// When it became news; it expires from there.
    pub since: Timestamp,
    pub until: Timestamp,
    pub reason: Reason,
    /// Only these channels wait, the others have spoken; empty: the whole message waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// It is said only if none of these notifications has done what it was sent for (`escalate`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalates: Vec<NotificationId>,
}

/// What has fallen due.
#[derive(Debug)]
pub(in crate::domain) enum Due {
    Deadline(Timer),
    Deferred(Deferred),
}

impl Journey {
    /// When it must be looked at next, whatever happens: the earliest of what it waits for.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        let timers = self.timers.iter().map(|timer| timer.due);
        timers.chain(self.deferred.iter().map(|deferred| deferred.until)).min()
    }

    /// Takes out the earliest of what is due. Of what was held back until one moment, that of the
    /// highest priority comes first.
    pub(in crate::domain) fn take_due(&mut self, rules: &RuleSet, now: Timestamp) -> Option<Due> {
        let timers = self.timers.iter().enumerate().filter(|(_, timer)| timer.due <= now);
        let timer = timers.min_by_key(|(_, timer)| timer.due).map(|(at, timer)| (timer.due, at));
        let deferred = self.deferred.iter().enumerate().filter(|(_, deferred)| deferred.until <= now);
        let priority = |deferred: &Deferred| rules.get(&deferred.rule).map_or(0, |rule| rule.priority);
        let deferred = deferred
            .min_by_key(|(_, deferred)| (deferred.until, std::cmp::Reverse(priority(deferred))))
            .map(|(at, deferred)| (deferred.until, at));
        match (timer, deferred) {
            (Some((due, at)), deferred) if deferred.is_none_or(|(until, _)| due <= until) => {
                Some(Due::Deadline(self.timers.remove(at)))
            }
            (_, Some((_, at))) => Some(Due::Deferred(self.deferred.remove(at))),
            _ => None,
        }
    }

    /// Waits for nothing any more.
    pub fn stop_waiting(&mut self) {
        self.timers.clear();
        self.deferred.clear();
    }
}
