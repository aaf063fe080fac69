//! The decision: what follows, for one journey, from one thing that happened.
//!
//! `step` is pure. An event, a deadline or a second look goes in; the new journey, the decisions
//! and what is to be sent, set and dropped come out as data, for others to carry out.

mod desk;
mod escalation;
mod leave;
mod moment;
mod restraint;
mod turn;

use super::apply::{Applied, Full, News, apply};
use super::condition::Scope;
use super::decision::{Cause, Decision, Entry, NotificationId, Reason, Skipped, Verdict};
use super::event::{Body, Event};
use super::journey::{Deferred, Due, Journey, Link, Timer, Told};
use super::notification::Notification;
use super::party::Party;
use super::receipt::Received;
use super::rule::{Rule, RuleSet};
use super::schedule;
use super::time::Timestamp;
use super::view::Scene;

pub use desk::MOST_TOLD;
use desk::{Desk, Occasion, Outcome};
pub use escalation::fails_over;
pub use moment::Moment;

/// What sets a step going.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    Event(&'a Event),
    /// The earliest deadline that is due; nothing follows if none is.
    Due,
    /// A second look, right before an attempt, found that it must not leave.
    Withdrawn(&'a NotificationId, Reason),
    /// What was heard of a notification after its attempt.
    Receipt(&'a Received),
}

/// What follows from an input.
#[derive(Debug)]
pub struct Transition {
    pub journey: Journey,
    /// What the input was to the journey.
    pub news: News,
    /// The line for the timeline; none if a deadline turned out to lie later.
    pub entry: Option<Entry>,
    pub notifications: Vec<Notification>,
    pub links: Vec<Link>,
    /// It hangs on what other orders have told the customer, which was not known: once that is, the
    /// step has to be taken again.
    pub asks_elsewhere: bool,
}

impl Transition {
    /// Nothing follows.
    fn none(journey: Journey, news: News) -> Self {
        Self { journey, news, entry: None, notifications: Vec::new(), links: Vec::new(), asks_elsewhere: false }
    }
}

/// Takes one step.
///
/// # Errors
/// [`Full`] if the journey has no room for the event.
pub fn step<'m>(
    before: &Journey,
    input: Input<'_>,
    rules: &RuleSet,
    moment: impl Into<Moment<'m>>,
) -> Result<Transition, Full> {
    let moment = moment.into();
    let now = moment.now;
    if let Input::Event(event) = input
        && before.taken.contains(event.key())
    {
        return Ok(Transition::none(before.clone(), News::Repeated));
    }
    if let Input::Receipt(received) = input
        && !escalation::is_news(before, received)
    {
        return Ok(Transition::none(before.clone(), News::Repeated));
    }
    let mut journey = before.clone();
    let mut news = News::Fresh;
    let mut links = Vec::new();
    let (cause, note, mut outcome) = match input {
        Input::Event(event) => {
            let applied = apply(&mut journey, event)?;
            journey.taken.add(event.key());
            if matches!(event.body, Body::OrderPlaced(_) | Body::OrderUpdated(_) | Body::CustomerUpdated(_)) {
                journey.concerns = rules.shop.concerns.raised_by(&journey, &rules.shop);
                leave::keep_bounces(before, &mut journey, &rules.shop);
            }
            let cause = Cause::Event {
                event_type: event.body.event_type().as_str().to_owned(),
                source: event.source.clone(),
                id: event.id.clone(),
                time: event.time,
            };
            let outcome = on_event(&journey, event, &applied, rules, moment);
            (news, links) = (applied.news, applied.links);
            (Some(cause), Some(super::note::of(&event.body)), outcome)
        }
        Input::Due => {
            let (cause, outcome) = match journey.take_due(rules, now) {
                Some(Due::Deadline(timer)) => on_timer(&mut journey, timer, rules, moment),
                Some(Due::Deferred(waited)) => on_deferred(&journey, &waited, rules, moment),
                None => return Ok(Transition::none(journey, news)),
            };
            (cause, None, outcome)
        }
        Input::Withdrawn(notification, reason) => {
            let mut outcome = withdraw(&mut journey, notification, reason);
            escalation::withdrawn(&mut journey, notification, reason, rules, moment, &mut outcome);
            (Some(Cause::Attempt { notification: notification.clone() }), None, outcome)
        }
        Input::Receipt(received) => {
            let outcome = escalation::receive(&mut journey, received, rules, moment);
            let Received { notification, receipt, .. } = received.clone();
            let cause = (!outcome.decisions.is_empty()).then_some(Cause::Receipt { notification, receipt });
            (cause, None, outcome)
        }
    };
    outcome.remember(&mut journey);
    outcome.decisions.extend(schedule(&mut journey, rules));
    Ok(Transition {
        entry: cause.map(|cause| Entry {
            at: now,
            cause,
            phase: journey.phase(now),
            note,
            decisions: outcome.decisions,
        }),
        journey,
        news,
        notifications: outcome.notifications,
        links,
        asks_elsewhere: outcome.asks_elsewhere,
    })
}

/// Why a notification may not leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It must not leave any more.
    Withdrawn(Reason),
    /// It would ring at a quiet hour; it may leave then.
    QuietUntil(Timestamp),
}

/// Whether a notification may leave at `now` (I4).
///
/// # Errors
/// Why it may not.
pub fn still_holds(
    journey: &Journey,
    notification: &Notification,
    rules: &RuleSet,
    now: Timestamp,
) -> Result<(), Obstacle> {
    // a rule that the care team has taken out must not speak any more
    let rule = rules.get(&notification.rule).ok_or(Obstacle::Withdrawn(Reason::RuleGone))?;
    still_true(journey, notification, rules, rule, now).map_err(Obstacle::Withdrawn)?;
    match restraint::quiet_until(journey, rules, rule, notification.channel, now) {
        None => Ok(()),
        Some(end) if end < notification.expires_at => Err(Obstacle::QuietUntil(end)),
        Some(_) => Err(Obstacle::Withdrawn(Reason::QuietHours)),
    }
}

fn still_true(
    journey: &Journey,
    notification: &Notification,
    rules: &RuleSet,
    rule: &Rule,
    now: Timestamp,
) -> Result<(), Reason> {
    if journey.erased {
        return Err(Reason::CustomerErased);
    }
    if now >= notification.expires_at {
        return Err(Reason::Expired);
    }
    if let Err(reason) = leave::leave(journey, rules, rule, notification.channel, now)
        && leave::is_wish(reason)
    {
        return Err(reason);
    }
    if let Some(condition) = &rule.valid_while {
        let also = journey.told_by(&notification.id).map(|told| &told.subject);
        let also = also.filter(|subject| **subject != notification.subject);
        for subject in std::iter::once(&notification.subject).chain(also) {
            let scene = Scene { journey, shop: &rules.shop, subject, event: None, now };
            match Scope::new(scene).holds(condition) {
                Ok(true) => {}
                Ok(false) => return Err(Reason::NoLongerTrue),
                Err(_) => return Err(Reason::ConditionError),
            }
        }
    }
    if !schedule::has_passed(journey, &rules.shop, rule, &notification.subject, now) {
        return Err(Reason::DeadlineMoved);
    }
    if restraint::is_superseded(journey, notification, rules) {
        return Err(Reason::Superseded);
    }
    if restraint::answers_nothing(journey, notification, rule) {
        return Err(Reason::NotTold);
    }
    Ok(())
}

fn on_event(journey: &Journey, event: &Event, applied: &Applied, rules: &RuleSet, moment: Moment<'_>) -> Outcome {
    let status = match &event.body {
        Body::ParcelTracked(data) => Some(data.status),
        _ => None,
    };
    let refused = match applied.news {
        _ if journey.erased => Some(Reason::CustomerErased),
        News::Fresh | News::Repeated => None,
        News::Old => Some(Reason::OldNews),
        News::Known => Some(Reason::AlreadyTold),
        News::ReturnLeg => Some(Reason::ReturnLeg),
    };
    let occasion =
        Occasion { subject: &applied.subject, since: event.time, event: Some(event), deadline: None, waited: None };
    let mut desk = Desk::new(journey, rules, moment, &occasion);
    for rule in rules.triggered_by(event.body.event_type(), status) {
        match refused {
            Some(reason) => desk.refuse(rule, reason, None),
            None => desk.decide(rule),
        }
    }
    desk.outcome
}

/// Decides on a deadline, unless it has moved later; returns what to write in the timeline.
fn on_timer(journey: &mut Journey, timer: Timer, rules: &RuleSet, moment: Moment<'_>) -> (Option<Cause>, Outcome) {
    let Some(rule) = rules.get(&timer.rule) else {
        let decisions = vec![gone(&timer)];
        return (Some(Cause::Timer { rule: timer.rule, due: timer.due }), Outcome { decisions, ..Outcome::default() });
    };
    let due = schedule::due(journey, &rules.shop, rule, &timer.subject, timer.index).filter(|due| *due <= moment.now);
    let Some(due) = due else { return (None, Outcome::default()) };
    let timer = Timer { due, ..timer };
    journey.fired.retain(|fired| !fired.is_same_deadline(&timer));
    journey.fired.push(timer.clone());
    let deadline = Some(timer.index);
    let occasion = Occasion { subject: &timer.subject, since: due, event: None, deadline, waited: None };
    let mut desk = Desk::new(journey, rules, moment, &occasion);
    desk.decide(rule);
    (Some(Cause::Timer { rule: timer.rule.clone(), due }), desk.outcome)
}

/// Decides anew on what was held back until now.
fn on_deferred(journey: &Journey, waited: &Deferred, rules: &RuleSet, moment: Moment<'_>) -> (Option<Cause>, Outcome) {
    let occasion = Occasion::of_deferred(waited);
    let mut desk = Desk::new(journey, rules, moment, &occasion);
    match rules.get(&waited.rule) {
        Some(rule) => desk.decide_deferred(rule, waited),
        // a rule that the care team has taken out must not speak any more
        None => desk.outcome.decisions.push(Decision {
            rule: waited.rule.clone(),
            message: waited.message.clone(),
            to: Party::default(),
            subject: waited.subject.clone(),
            verdict: Verdict::Suppress { reason: Reason::RuleGone, detail: None, skipped: Vec::new() },
        }),
    }
    (Some(Cause::Deferral { rule: waited.rule.clone(), until: waited.until }), desk.outcome)
}

fn withdraw(journey: &mut Journey, notification: &NotificationId, reason: Reason) -> Outcome {
    let mut outcome = Outcome::default();
    let carries = |told: &&mut Told| told.notifications.contains(notification);
    for told in journey.told.iter_mut().filter(carries) {
        told.notifications.retain(|other| other != notification);
        told.withdrawn = told.notifications.is_empty();
        outcome.decisions.push(Decision {
            rule: told.rule.clone(),
            message: told.message.clone(),
            to: told.to,
            subject: told.subject.clone(),
            verdict: Verdict::Suppress { reason, detail: None, skipped: Vec::new() },
        });
    }
    outcome
}

/// What a deadline ends with whose rule has been taken out; nobody knows any more what it would have said.
fn gone(timer: &Timer) -> Decision {
    Decision {
        rule: timer.rule.clone(),
        message: String::new(),
        to: Party::default(),
        subject: timer.subject.clone(),
        verdict: Verdict::Suppress { reason: Reason::RuleGone, detail: None, skipped: Vec::new() },
    }
}

/// Sets the timers that the deadlines call for now, and drops those that they do not. Returns
/// the decisions to wait, and to wait no more for rules that have been taken out.
fn schedule(journey: &mut Journey, rules: &RuleSet) -> Vec<Decision> {
    let mut outcome = Outcome::default();
    let wanted = schedule::timers(journey, rules);
    for timer in wanted.iter().filter(|wanted| wanted.is_new) {
        let until = Verdict::Defer { until: timer.timer.due, reason: Reason::AwaitingDeadline };
        outcome.decided(timer.rule, &timer.timer.subject, until);
    }
    let wanted = wanted.into_iter().map(|wanted| wanted.timer).collect();
    let before = std::mem::replace(&mut journey.timers, wanted);
    outcome.decisions.extend(before.iter().filter(|timer| rules.get(&timer.rule).is_none()).map(gone));
    outcome.decisions
}

impl Transition {
    /// Takes back a notification that could not be written: it is not sent, and the decision
    /// says so.
    pub fn refuse(&mut self, notification: &NotificationId, detail: &str) {
        self.notifications.retain(|other| other.id != *notification);
        let mut channel_of = None;
        for decision in self.entry.iter_mut().flat_map(|entry| &mut entry.decisions) {
            let Verdict::Send { notifications, skipped } = &mut decision.verdict else { continue };
            let Some(at) = notifications.iter().position(|sent| sent.notification == *notification) else { continue };
            let channel = notifications.remove(at).channel;
            skipped.push(Skipped { channel, reason: Reason::Unrenderable });
            channel_of = Some(channel);
            if notifications.is_empty() {
                let skipped = std::mem::take(skipped);
                decision.verdict =
                    Verdict::Suppress { reason: Reason::Unrenderable, detail: Some(detail.to_owned()), skipped };
            }
        }
        if channel_of.is_some() {
            self.journey.told.retain_mut(|told| {
                let before = told.notifications.len();
                told.notifications.retain(|other| other != notification);
                before == told.notifications.len() || !told.notifications.is_empty()
            });
        }
    }
}
