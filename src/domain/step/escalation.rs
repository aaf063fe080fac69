//! What is said once more on another channel: where nothing tells that it arrived on the first, or
//! where a deadline nears.
//!
//! It waits like anything that is held back, and is decided anew when its moment comes: with the
//! condition, the quiet hours, the budget and the customer's wishes as they are then. It takes no turn
//! of its own, so that it is said at most once.

use super::super::decision::{Decision, NotificationId, Reason, Sent, Skipped, Verdict};
use super::super::journey::{Deferred, Journey, Told};
use super::super::notification::Notification;
use super::super::order::Channel;
use super::super::receipt::{Receipt, Received};
use super::super::rule::{Escalation, Rule, RuleSet};
use super::super::schedule;
use super::super::time::Timestamp;
use super::desk::{Desk, Occasion, Outcome};
use super::leave::{is_wish, leave};
use super::moment::Moment;
use super::restraint::Restraint;
use super::turn::Turn;

/// Receipts kept; of more, the oldest go (I10).
const MOST_RECEIPTS: usize = 1_000;

/// When a message that has just been sent goes on to another channel, and what it waits to hear of.
pub(super) struct Plan {
    until: Timestamp,
    to: Channel,
    reason: Reason,
    watched: Vec<NotificationId>,
}

impl Desk<'_> {
    /// What is being escalated now.
    pub(super) fn escalated(&self) -> Option<&Deferred> {
        self.occasion.waited.filter(|waited| !waited.escalates.is_empty())
    }

    /// The other channel, if the deadline is near already: then both are used at once.
    pub(super) fn presses(&self, rule: &Rule) -> Option<Channel> {
        let escalation = rule.escalate.as_ref()?;
        let near = schedule::moment(self.journey, &self.rules.shop, escalation.at.as_ref()?, self.occasion.subject)?;
        (near <= self.now && self.concerns(escalation)).then_some(escalation.to)
    }

    /// How the rule will escalate what it sends now; a channel that cannot be used is skipped.
    pub(super) fn plan(
        &self,
        rule: &Rule,
        sent: &[Sent],
        skipped: &mut Vec<Skipped>,
        expires_at: Timestamp,
    ) -> Option<Plan> {
        let escalation = rule.escalate.as_ref().filter(|_| self.escalated().is_none())?;
        let to = escalation.to;
        let watched: Vec<_> = sent.iter().filter(|one| one.channel != Channel::Webhook).collect();
        let is_tried = watched.iter().any(|one| one.channel == to) || skipped.iter().any(|one| one.channel == to);
        if watched.is_empty() || is_tried || !self.concerns(escalation) {
            return None;
        }
        if let Err(reason) = leave(self.journey, self.rules, rule, to, self.now) {
            skipped.push(Skipped { channel: to, reason });
            return None;
        }
        let subject = self.occasion.subject;
        let nears = |at| schedule::moment(self.journey, &self.rules.shop, at, subject);
        let after = escalation.after.map(|after| self.now.plus(after));
        // what fails is escalated all the same, up to the end of its being news
        let until = after.into_iter().chain(escalation.at.as_ref().and_then(nears)).min().unwrap_or(expires_at);
        let waits_to_hear = escalation.unless_delivered || until >= expires_at;
        let reason = if waits_to_hear { Reason::AwaitingReceipt } else { Reason::AwaitingDeadline };
        let watched = watched.into_iter().map(|one| one.notification.clone()).collect();
        Some(Plan { until: until.clamp(self.now, expires_at), to, reason, watched })
    }

    fn concerns(&self, escalation: &Escalation) -> bool {
        escalation.concerns.is_empty() || self.journey.concerns.iter().any(|one| escalation.concerns.contains(one))
    }

    pub(super) fn wait_for_receipt(&mut self, rule: &Rule, turn: &Turn, plan: Plan) {
        let Plan { until, to, reason, watched } = plan;
        self.outcome.deferred.push(Deferred {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: self.occasion.subject.clone(),
            once_key: turn.once_key.clone(),
            since: self.occasion.since,
            until,
            reason,
            channels: vec![to],
            escalates: watched,
        });
        self.outcome.decided(rule, self.occasion.subject, Verdict::Defer { until, reason });
    }

    /// Decides on what was held back until now; an escalation goes on waiting if its deadline has moved.
    pub(super) fn decide_deferred(&mut self, rule: &Rule, waited: &Deferred) {
        let Some(at) = self.escalated().and(rule.escalate.as_ref()).filter(|it| it.after.is_none()) else {
            return match (self.escalated(), &rule.escalate) {
                (Some(_), None) => self.refuse(rule, Reason::RuleGone, None),
                _ => self.decide(rule),
            };
        };
        let due = at.at.as_ref().and_then(|at| schedule::moment(self.journey, &self.rules.shop, at, &waited.subject));
        match due {
            Some(due) if due >= waited.since.plus(rule.expires) => self.refuse(rule, Reason::Expired, None),
            Some(due) if due > self.now => {
                let turn = Turn { once_key: waited.once_key.clone(), number: 0 };
                self.defer(rule, turn, waited.channels.clone(), Restraint { until: due, reason: waited.reason });
            }
            // it is waited for no more; what it was about tells why, as a rule
            None if self.fit(rule).is_ok() => self.refuse(rule, Reason::DeadlineMoved, None),
            _ => self.decide(rule),
        }
    }

    /// What the first channel has told of several subjects is told of them all, as far as it is true.
    pub(super) fn also_tell(&mut self, rule: &Rule, told: &Told) {
        let Some(waited) = self.escalated().cloned() else { return };
        let shares = |other: &&Told| {
            other.once_key != told.once_key && other.notifications.iter().any(|id| waited.escalates.contains(id))
        };
        for other in self.journey.told.iter().filter(shares) {
            let also = Deferred { subject: other.subject.clone(), ..waited.clone() };
            let occasion = Occasion::of_deferred(&also);
            if Desk::new(self.journey, self.rules, self.moment(), &occasion).fit(rule).is_ok() {
                self.outcome.told.push(Told { notifications: told.notifications.clone(), ..other.clone() });
            }
        }
    }
}

/// Which of what is held back waits to hear of the notification.
fn waiting_for(journey: &Journey, notification: &NotificationId) -> Option<usize> {
    journey.deferred.iter().position(|waited| waited.escalates.contains(notification))
}

/// Whether nothing but the notification's failing lets another channel speak: its deadline lies behind the time in
/// which it is news.
pub fn fails_over(journey: &Journey, notification: &Notification) -> bool {
    waiting_for(journey, &notification.id).is_some_and(|at| journey.deferred[at].until >= notification.expires_at)
}

/// Whether the receipt says something of this journey's that is not known.
pub(super) fn is_news(journey: &Journey, received: &Received) -> bool {
    let Received { notification, receipt, .. } = received;
    match receipt {
        Receipt::Accepted => waiting_for(journey, notification).is_some(),
        _ => {
            let is_same = |it: &Received| it.notification == *notification && it.receipt == *receipt;
            journey.told_by(notification).next().is_some() && !journey.receipts.iter().any(is_same)
        }
    }
}

/// Keeps what was heard of a notification, and decides on what waited to hear it.
pub(super) fn receive(journey: &mut Journey, received: &Received, rules: &RuleSet, moment: Moment<'_>) -> Outcome {
    if received.receipt != Receipt::Accepted {
        if journey.receipts.len() == MOST_RECEIPTS {
            journey.receipts.remove(0);
        }
        journey.receipts.push(received.clone());
    }
    let Some(at) = waiting_for(journey, &received.notification) else { return Outcome::default() };
    let waited = &journey.deferred[at];
    let escalation = rules.get(&waited.rule).and_then(|rule| rule.escalate.as_ref());
    let ends = match received.receipt {
        Receipt::Accepted | Receipt::Delivered => {
            escalation.is_none_or(|it| it.unless_delivered).then_some(Reason::Delivered)
        }
        Receipt::Complained => Some(Reason::Complained),
        Receipt::Bounced | Receipt::Failed => None,
    };
    let failed = |id: &NotificationId| journey.receipt_of(id).is_some_and(|it| it.receipt.is_failure());
    match ends {
        Some(reason) => suppressed(journey.deferred.remove(at), reason, rules),
        None if waited.escalates.iter().all(failed) => escalate_now(journey, at, rules, moment),
        None => Outcome::default(),
    }
}

/// A second look has taken a notification back. What its recipient refused on that channel may go on to
/// another; what is no longer true may not.
pub(super) fn withdrawn(
    journey: &mut Journey,
    notification: &NotificationId,
    reason: Reason,
    rules: &RuleSet,
    moment: Moment<'_>,
    outcome: &mut Outcome,
) {
    let Some(at) = waiting_for(journey, notification) else { return };
    if !is_wish(reason) {
        // what is decided of the notification speaks for this too
        journey.deferred.remove(at);
        return;
    }
    let more = escalate_now(journey, at, rules, moment);
    outcome.decisions.extend(more.decisions);
    outcome.told.extend(more.told);
    outcome.notifications.extend(more.notifications);
    outcome.deferred.extend(more.deferred);
    outcome.dropped.extend(more.dropped);
    outcome.asks_elsewhere |= more.asks_elsewhere;
}

fn escalate_now(journey: &mut Journey, at: usize, rules: &RuleSet, moment: Moment<'_>) -> Outcome {
    let waited = journey.deferred.remove(at);
    let Some(rule) = rules.get(&waited.rule).filter(|rule| rule.escalate.is_some()) else {
        return suppressed(waited, Reason::RuleGone, rules);
    };
    let occasion = Occasion::of_deferred(&waited);
    let mut desk = Desk::new(journey, rules, moment, &occasion);
    desk.decide(rule);
    desk.outcome
}

fn suppressed(waited: Deferred, reason: Reason, rules: &RuleSet) -> Outcome {
    let verdict = Verdict::Suppress { reason, detail: None, skipped: Vec::new() };
    let Deferred { rule, message, subject, .. } = waited;
    let to = rules.whom(&rule);
    Outcome { decisions: vec![Decision { rule, message, to, subject, verdict }], ..Outcome::default() }
}
