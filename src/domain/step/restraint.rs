//! What keeps a message back although it is due and true: it waits, or something newer makes it
//! pointless.

use super::super::calendar::Holidays;
use super::super::decision::{Decision, Reason, Verdict};
use super::super::journey::{Deferred, Journey, Told};
use super::super::notification::Notification;
use super::super::order::Channel;
use super::super::rule::{Rule, RuleSet};
use super::super::time::Timestamp;
use super::super::zone;
use super::desk::Desk;
use super::turn::Turn;

/// Why a message must wait, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Restraint {
    pub until: Timestamp,
    pub reason: Reason,
}

impl Desk<'_> {
    /// What keeps the rule's message back the longest.
    pub(super) fn restraint(&self, rule: &Rule) -> Option<Restraint> {
        self.cool_down(rule)
    }

    fn cool_down(&self, rule: &Rule) -> Option<Restraint> {
        let told = || self.journey.told.iter().chain(&self.outcome.told).filter(|told| !told.withdrawn);
        let ends = rule.not_within.iter().flat_map(|cool_down| {
            let counts = |told: &&Told| cool_down.after.is_empty() || cool_down.after.contains(&told.message);
            told().filter(counts).map(|told| told.at.plus(cool_down.span))
        });
        let until = ends.max().filter(|until| *until > self.now)?;
        Some(Restraint { until, reason: Reason::CoolingDown })
    }

    /// Holds the message back on `channels` (on all, if empty), to be decided anew by then.
    pub(super) fn defer(&mut self, rule: &Rule, turn: Turn, channels: Vec<Channel>, restraint: Restraint) {
        let Restraint { until, reason } = restraint;
        self.outcome.deferred.push(Deferred {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: self.occasion.subject.clone(),
            once_key: turn.once_key,
            since: self.occasion.since,
            until,
            reason,
            channels,
        });
        self.outcome.decided(rule, self.occasion.subject, Verdict::Defer { until, reason });
    }

    /// What is held back.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Deferred> {
        let dropped = &self.outcome.dropped;
        self.journey.deferred.iter().filter(|one| !dropped.contains(one)).chain(&self.outcome.deferred)
    }

    /// What is held back and pointless once the rule speaks.
    pub(super) fn superseded(&self, rule: &Rule) -> Vec<Deferred> {
        let pointless = |one: &&Deferred| {
            (one.message == rule.message || rule.supersedes.contains(&one.message))
                && self.journey.includes(self.occasion.subject, &one.subject)
        };
        // the same message on further channels waits for its own moment
        let is_part = |one: &&Deferred| {
            self.occasion.waited.is_some_and(|waited| waited.rule == one.rule && waited.once_key == one.once_key)
        };
        self.waiting().filter(|one| pointless(one) && !is_part(one)).cloned().collect()
    }

    pub(super) fn drop(&mut self, superseded: Vec<Deferred>) {
        for one in superseded {
            self.outcome.decisions.push(Decision {
                rule: one.rule.clone(),
                message: one.message.clone(),
                subject: one.subject.clone(),
                verdict: Verdict::Suppress { reason: Reason::Superseded, detail: None, skipped: Vec::new() },
            });
            self.outcome.deferred.retain(|other| *other != one);
            self.outcome.dropped.push(one);
        }
    }
}

/// Whether something that was told later makes the notification pointless.
pub(super) fn is_superseded(journey: &Journey, notification: &Notification, rules: &RuleSet) -> bool {
    let carries = |told: &Told| told.notifications.contains(&notification.id);
    let Some(at) = journey.told.iter().position(carries) else { return false };
    let supersedes = |told: &Told| {
        rules.get(&told.rule).is_some_and(|rule| rule.supersedes.contains(&notification.message))
            && journey.includes(&told.subject, &notification.subject)
    };
    journey.told[at + 1..].iter().any(|told| !told.withdrawn && supersedes(told))
}

/// When the channel may be heard again where the customer is, if not now.
pub(super) fn quiet_until(
    journey: &Journey,
    rules: &RuleSet,
    rule: &Rule,
    channel: Channel,
    now: Timestamp,
) -> Option<Timestamp> {
    let quiet = rules.shop.quiet_hours.of(channel).filter(|_| !rule.ignores_quiet_hours)?;
    let delivery = &journey.order.delivery;
    let zone = zone::of_recipient(&journey.order.customer, delivery, &rules.shop);
    quiet.end(now, zone, Holidays::of(delivery))
}
