//! When deadlines fall due.
//!
//! A timer is kept while its deadline moves later: it wakes the journey early, finds that, and is
//! set again. That spares two writes for every scan of a parcel that is under way.

use super::journey::{Journey, Subject, Timer};
use super::rule::{Anchor, Rule, RuleSet};
use super::time::Timestamp;

/// When the rule's deadline of that index falls due for `subject`, while there is reason to wait.
pub fn due(journey: &Journey, rule: &Rule, subject: &Subject, index: u8) -> Option<Timestamp> {
    let deadline = rule.deadlines.get(usize::from(index))?;
    Some(anchor(journey, deadline.anchor, subject)?.plus(deadline.offset))
}

fn anchor(journey: &Journey, anchor: Anchor, subject: &Subject) -> Option<Timestamp> {
    let over = journey.erased || journey.steps.cancelled.is_some();
    match (anchor, subject) {
        _ if over => None,
        (Anchor::Placed, Subject::Order) => Some(journey.placed_at).filter(|_| journey.arrived_at().is_none()),
        (Anchor::Promise, Subject::Order) => {
            journey.order.promise.map(|promise| promise.latest).filter(|_| journey.arrived_at().is_none())
        }
        (Anchor::Arrival, Subject::Order) => journey.arrived_at(),
        (Anchor::HoldUntil, Subject::Order) => journey.store_hold.as_ref()?.notice.until,
        (Anchor::HoldUntil, Subject::Parcel(key)) => {
            let parcel = journey.parcel(key)?;
            parcel.hold.as_ref().filter(|_| !parcel.is_over())?.notice.until
        }
        (Anchor::LastScan, Subject::Parcel(key)) => {
            let parcel = journey.parcel(key)?;
            (!parcel.is_over() && !parcel.status().is_return()).then(|| parcel.last_scan_at())
        }
        _ => None,
    }
}

/// The timers that the journey needs now: those that wait already stay as they are while their
/// deadline lies later, and what was decided is not asked again unless its deadline moved.
pub fn timers(journey: &Journey, rules: &RuleSet) -> Vec<Timer> {
    let mut wanted = Vec::new();
    for rule in rules.with_deadlines() {
        for (index, deadline) in (0_u8..).zip(&rule.deadlines) {
            let mut consider = |subject: Subject| {
                let Some(due) = due(journey, rule, &subject, index) else { return };
                let same = |timer: &&Timer| timer.rule == rule.name && timer.subject == subject && timer.index == index;
                if journey.fired.iter().find(same).is_some_and(|fired| fired.due >= due) {
                    return;
                }
                let due = match journey.timers.iter().find(same) {
                    Some(waiting) => waiting.due.min(due),
                    None => due,
                };
                wanted.push(Timer { rule: rule.name.clone(), subject, index, due });
            };
            if deadline.anchor.is_of_order() || deadline.anchor == Anchor::HoldUntil {
                consider(Subject::Order);
            }
            if !deadline.anchor.is_of_order() {
                for parcel in journey.outbound() {
                    consider(Subject::Parcel(parcel.key.clone()));
                }
            }
        }
    }
    wanted
}
