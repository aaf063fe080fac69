//! When deadlines fall due.
//!
//! `2 working days after` ends on a working day, at the time of day of its anchor; an anchor on a
//! day off counts as the first moment of the next working day. `2 open days before hold_until`
//! leaves two whole days on which the place opens; a hold that ends while it is closed counts as
//! ending when it last closed, so that a reminder comes while one can still act on it.
//!
//! A timer is kept while its deadline moves later: it wakes the journey early, finds that, and is
//! set again. That spares two writes for every scan of a parcel that is under way.

use std::collections::BTreeMap;

use chrono::Duration;
use chrono_tz::Tz;

use super::calendar::{Calendar, Hours};
use super::journey::{HoldKind, Journey, Parcel, Subject, Timer};
use super::order::Point;
use super::rule::{Anchor, Deadline, Distance, Rule, RuleName, RuleSet, Wait};
use super::shop::Shop;
use super::time::Timestamp;
use super::zone;

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

impl<'a> About<'a> {
    fn of(journey: &'a Journey, subject: &Subject) -> Option<Self> {
        match subject {
            Subject::Order => Some(Self::Order),
            Subject::Parcel(key) => journey.parcel(key).map(Self::Parcel),
            Subject::Shipment(_) => None,
        }
    }

    fn parcel(self) -> Option<&'a Parcel> {
        match self {
            Self::Order => None,
            Self::Parcel(parcel) => Some(parcel),
        }
    }
}

/// When the rule's deadline of that index falls due for `subject`, while there is reason to wait.
pub fn due(journey: &Journey, shop: &Shop, rule: &Rule, subject: &Subject, index: u8) -> Option<Timestamp> {
    due_of(journey, shop, rule.deadlines.get(usize::from(index))?, About::of(journey, subject)?)
}

/// When `deadline` falls due for `subject`, while there is reason to wait.
pub fn moment(journey: &Journey, shop: &Shop, deadline: &Deadline, subject: &Subject) -> Option<Timestamp> {
    let about = if deadline.anchor.is_of_order() { About::Order } else { About::of(journey, subject)? };
    due_of(journey, shop, deadline, about)
}

/// Whether a deadline of the rule has passed for `subject` and has not moved later since. Of a rule
/// that events set going too nobody can say which it was; there, none needs to have passed.
pub fn has_passed(journey: &Journey, shop: &Shop, rule: &Rule, subject: &Subject, now: Timestamp) -> bool {
    let passed = |about| {
        let mut due = rule.deadlines.iter().filter_map(move |deadline| due_of(journey, shop, deadline, about));
        due.any(|due| due <= now)
    };
    rule.deadlines.is_empty() || !rule.triggers.is_empty() || About::of(journey, subject).is_some_and(passed)
}

fn due_of(journey: &Journey, shop: &Shop, deadline: &Deadline, about: About<'_>) -> Option<Timestamp> {
    let anchor = anchor(journey, deadline.anchor, about)?;
    let wait = match &deadline.distance {
        Distance::Wait(wait) => wait,
        Distance::Threshold(name) => shop.thresholds.wait(name, journey, about.parcel(), shop)?,
    };
    Some(if deadline.is_before { before(journey, shop, anchor, wait, about) } else { after(shop, anchor, wait, about) })
}

fn after(shop: &Shop, anchor: Timestamp, wait: &Wait, about: About<'_>) -> Timestamp {
    match wait {
        Wait::Span(span) | Wait::OpenHours(span) => anchor.plus(*span),
        Wait::WorkingDays(days) => shop.calendar.days_after(anchor, *days, shop.time_zone),
        Wait::CarrierDays(days) => calendar(shop, about).days_after(anchor, *days, shop.time_zone),
        Wait::OpenDays(days) => anchor.plus(Duration::days(i64::from(*days))),
    }
}

fn before(journey: &Journey, shop: &Shop, anchor: Timestamp, wait: &Wait, about: About<'_>) -> Timestamp {
    let hours = || place(journey, about).and_then(|point| Hours::of(point, zone_at(journey, shop, point)));
    match wait {
        Wait::Span(span) => anchor.plus(-*span),
        Wait::WorkingDays(days) => shop.calendar.days_before(anchor, *days, shop.time_zone),
        Wait::CarrierDays(days) => calendar(shop, about).days_before(anchor, *days, shop.time_zone),
        Wait::OpenDays(days) => hours()
            .and_then(|hours| hours.days_before(anchor, *days))
            .unwrap_or_else(|| anchor.plus(-Duration::days(i64::from(*days)))),
        Wait::OpenHours(span) => {
            hours().and_then(|hours| hours.hours_before(anchor, *span)).unwrap_or_else(|| anchor.plus(-*span))
        }
    }
}

/// The days on which the parcel's carrier works.
fn calendar<'a>(shop: &'a Shop, about: About<'_>) -> &'a Calendar {
    about.parcel().map_or(&shop.calendar, |parcel| shop.calendar_of(&parcel.key.waybill.carrier))
}

/// Where it waits to be collected.
fn place<'a>(journey: &'a Journey, about: About<'a>) -> Option<&'a Point> {
    let hold = match about {
        About::Order => journey.store_hold.as_ref(),
        About::Parcel(parcel) => parcel.hold.as_ref(),
    }?;
    let chosen = || journey.order.delivery.point.as_ref().filter(|_| hold.kind == HoldKind::Chosen);
    hold.notice.point.as_ref().or_else(chosen)
}

/// The clock on the wall of that place.
fn zone_at(journey: &Journey, shop: &Shop, point: &Point) -> Tz {
    let delivery = &journey.order.delivery;
    zone::of_address(&point.address).unwrap_or_else(|| zone::of_recipient(&journey.order.customer, delivery, shop))
}

fn anchor(journey: &Journey, anchor: Anchor, about: About<'_>) -> Option<Timestamp> {
    let under_way = |at: Timestamp| journey.arrived_at().is_none().then_some(at);
    match (anchor, about) {
        _ if journey.is_silenced() => None,
        (Anchor::Placed, About::Order) => under_way(journey.placed_at),
        (Anchor::Promise, About::Order) => under_way(journey.order.promise?.latest),
        (Anchor::Appointment, About::Order) => under_way(journey.order.delivery.appointment?.earliest),
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
                let Some(due) = due_of(journey, &rules.shop, deadline, about) else { return };
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
