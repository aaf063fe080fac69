//! What sets a step of a test going.

use crate::domain::decision::{Cause, Decision, Reason, Verdict};
use crate::domain::event::Event;
use crate::domain::journey::Journey;
use crate::domain::notification::Notification;
use crate::domain::receipt::Received;
use crate::domain::rule::Rule;
use crate::domain::schedule;
use crate::domain::shop::Shop;
use crate::domain::step::Input;

/// What sets a step going.
pub enum Woken<'a> {
    Event(&'a Event),
    /// Something that the journey waits for.
    Due,
    Withdrawn(&'a Notification, Reason),
    Receipt(&'a Received),
}

impl Woken<'_> {
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Event(event) => Input::Event(event),
            Self::Due => Input::Due,
            Self::Withdrawn(notification, reason) => Input::Withdrawn(&notification.id, *reason),
            Self::Receipt(received) => Input::Receipt(received),
        }
    }
}

/// Which of the rule's deadlines has set it going.
pub fn deadline(rule: &Rule, shop: &Shop, journey: &Journey, decision: &Decision, cause: &Cause) -> Option<usize> {
    let Cause::Timer { rule: name, due } = cause else { return None };
    let fell_due = |index: &usize| {
        let index = u8::try_from(*index).unwrap_or(u8::MAX);
        schedule::due(journey, shop, rule, &decision.subject, index) == Some(*due)
    };
    (*name == rule.name).then(|| (0..rule.deadlines.len()).find(fell_due)).flatten()
}

/// The rule's conditions were looked at; some refusals come before that.
pub fn was_asked(decision: &Decision) -> bool {
    match &decision.verdict {
        Verdict::Send { .. } => true,
        Verdict::Defer { reason, .. } => !matches!(reason, Reason::AwaitingDeadline | Reason::AwaitingReceipt),
        Verdict::Suppress { reason, .. } => matches!(
            reason,
            Reason::ConditionFalse
                | Reason::ConditionError
                | Reason::NoLongerTrue
                | Reason::Expired
                | Reason::EnoughTold
                | Reason::NoChannel
                | Reason::Unrenderable
        ),
    }
}
