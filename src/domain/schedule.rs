//! When deadlines fall due.
//!
//! A timer is kept while its deadline moves later: it wakes the journey early, finds that, and is
//! set again. That spares two writes for every scan of a parcel that is under way.

use std::collections::BTreeMap;

use super::journey::{Journey, Parcel, Subject, Timer};
use super::rule::{Anchor, Deadline, Rule, RuleName, RuleSet};
use super::time::Timestamp;

/// A timer that a deadline calls for.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub rule: &'a Rule,
    pub timer: Timer,
    /// Nothing waits for this deadline yet, and it was never decided.
    pub is_new: bool,
}

/// What a deadline can be about.
#[derive(Clone, Copy)]
enum About<'a> {
    Order,
    Parcel(&'a Parcel),
}

/// When the rule's deadline of that index falls due for `subject`, while there is reason to wait.
pub fn due(journey: &Journey, rule: &Rule, subject: &Subject, index: u8) -> Option<Timestamp> {
    let about = match subject {
        Subject::Order => About::Order,
        Subject::Parcel(key) => About::Parcel(journey.parcel(key)?),
        Subject::Shipment(_) => return None,
    };
    due_of(journey, rule.deadlines.get(usize::from(index))?, about)
}

fn due_of(journey: &Journey, deadline: &Deadline, about: About<'_>) -> Option<Timestamp> {
    Some(anchor(journey, deadline.anchor, about)?.plus(deadline.offset))
}

fn anchor(journey: &Journey, anchor: Anchor, about: About<'_>) -> Option<Timestamp> {
    let under_way = |at: Timestamp| journey.arrived_at().is_none().then_some(at);
    match (anchor, about) {
        _ if journey.is_silenced() => None,
        (Anchor::Placed, About::Order) => under_way(journey.placed_at),
        (Anchor::Promise, About::Order) => under_way(journey.order.promise?.latest),
        (Anchor::Arrival, About::Order) => journey.arrived_at(),
        (Anchor::HoldUntil, _) if journey.steps.collected.is_some() => None,
        (Anchor::HoldUntil, About::Order) => journey.store_hold.as_ref()?.notice.until,
        (Anchor::HoldUntil, About::Parcel(parcel)) => parcel.hold.as_ref().filter(|_| !parcel.is_over())?.notice.until,
        (Anchor::LastScan, About::Parcel(parcel)) => {
            (!parcel.is_over() && !parcel.status().is_return()).then(|| parcel.last_scan_at())
        }
        _ => None,
    }
}

/// The timers that the journey needs now: those that wait already stay as they are while their
/// deadline lies later, and what was decided is not asked again unless its deadline moved later.
pub fn timers<'a>(journey: &Journey, rules: &'a RuleSet) -> Vec<Wanted<'a>> {
    if journey.is_silenced() {
        return Vec::new();
    }
    let (waiting, fired) = (by_deadline(&journey.timers), by_deadline(&journey.fired));
    let mut wanted = Vec::new();
    for rule in rules.with_deadlines() {
        for (index, deadline) in (0_u8..).zip(&rule.deadlines) {
            let mut consider = |about: About<'_>| {
                let Some(due) = due_of(journey, deadline, about) else { return };
                let subject = match about {
                    About::Order => Subject::Order,
                    About::Parcel(parcel) => Subject::Parcel(parcel.key.clone()),
                };
                let key = (&rule.name, index, &subject);
                let (waiting, fired) = (waiting.get(&key).copied(), fired.get(&key).copied());
                if fired >= Some(due) {
                    return;
                }
                let due = waiting.map_or(due, |waiting| waiting.min(due));
                let is_new = waiting.is_none() && fired.is_none();
                wanted.push(Wanted { rule, timer: Timer { rule: rule.name.clone(), index, subject, due }, is_new });
            };
            if deadline.anchor != Anchor::LastScan {
                consider(About::Order);
            }
            if !deadline.anchor.is_of_order() {
                journey.outbound().for_each(|parcel| consider(About::Parcel(parcel)));
            }
        }
    }
    wanted
}

fn by_deadline(timers: &[Timer]) -> BTreeMap<(&RuleName, u8, &Subject), Timestamp> {
    timers.iter().map(|timer| ((&timer.rule, timer.index, &timer.subject), timer.due)).collect()
}
