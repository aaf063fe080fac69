//! When a message is said once more, on another channel: `escalate: { to: sms, after: 6h, unless: delivered }`.

use chrono::Duration;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::source::Reader;
use super::{Deadline, Distance, Rule};
use crate::domain::fault::nearest;
use crate::domain::order::{Channel, Concern};
use crate::domain::time::parse_span;

/// How a rule goes on to another channel. What provably never arrives goes on at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation {
    pub to: Channel,
    /// Not once a receipt says that it has arrived.
    pub unless_delivered: bool,
    /// So long after it was sent …
    pub after: Option<Duration>,
    /// … or at that moment, whichever comes first.
    pub at: Option<Deadline>,
    /// Only for orders that raise one of these; for all, if empty.
    pub concerns: Vec<Concern>,
}

/// The keys of `escalate`, each with what it means.
pub const KEYS: &[(&str, &str)] = &[
    ("to", "The channel on which it is said once more: `email` or `sms`."),
    ("after", "How long after it was sent, such as `6h`."),
    ("at", "A deadline, such as `1 open day before hold_until`; with `after`, whichever comes first."),
    ("unless", "`delivered`: not once a receipt says that it has arrived."),
    ("concerns", "Only for orders that raise one of these, such as `[urgent]`."),
];

impl Reader<'_> {
    pub(super) fn escalation(&mut self, value: &Spanned<Value>) -> Option<Escalation> {
        let at = value.referenced;
        let Some(map) = value.value.as_object() else {
            let right = "write it as { to: sms, after: 6h, unless: delivered }".to_owned();
            self.fault(at, "escalate: a mapping is needed", Some(right));
            return None;
        };
        let before = self.faults.len();
        let mut escalation =
            Escalation { to: Channel::Webhook, unless_delivered: false, after: None, at: None, concerns: Vec::new() };
        for (key, value) in map {
            let text = value.as_str().unwrap_or_default();
            match key.as_str() {
                "to" if text == Channel::Email.as_str() => escalation.to = Channel::Email,
                "to" if text == Channel::Sms.as_str() => escalation.to = Channel::Sms,
                "to" => self.fault(at, "escalate: 'to' is email or sms: a channel that a person reads", None),
                "unless" if text == "delivered" => escalation.unless_delivered = true,
                "unless" => self.fault(at, "escalate: 'unless' can only be delivered", None),
                "after" => match parse_span(text) {
                    Ok(span) => escalation.after = Some(span),
                    Err(what) => self.fault(at, format!("escalate: after: {what}"), None),
                },
                "at" => match Deadline::parse(text) {
                    Ok(Deadline { distance: Distance::Threshold(_), .. }) => {
                        self.fault(at, "escalate: at: say how long, not which threshold", None);
                    }
                    Ok(deadline) => escalation.at = Some(deadline),
                    Err((what, right)) => self.fault(at, format!("escalate: at: {what}"), right),
                },
                "concerns" => match serde_json::from_value(value.clone()) {
                    Ok(concerns) => escalation.concerns = concerns,
                    Err(_) => {
                        let known = Concern::ALL.map(Concern::as_str).join(", ");
                        self.fault(
                            at,
                            "escalate: concerns: a list of concerns is needed",
                            Some(format!("known: {known}")),
                        );
                    }
                },
                other => {
                    let near = nearest(other, KEYS.iter().map(|(key, _)| *key));
                    self.fault(
                        at,
                        format!("escalate has no '{other}'"),
                        near.map(|known| format!("did you mean '{known}'?")),
                    );
                }
            }
        }
        if self.faults.len() == before {
            if escalation.to == Channel::Webhook {
                self.fault(at, "escalate: 'to' says on which channel", None);
            }
            if escalation.after.is_none() && escalation.at.is_none() {
                self.fault(at, "escalate: 'after' or 'at' says when", None);
            }
        }
        (self.faults.len() == before).then_some(escalation)
    }

    /// What only shows beside the rest of the rule.
    pub(super) fn whole_escalation(&mut self, rule: &Rule, begin: serde_saphyr::Location) {
        let Some(escalation) = &rule.escalate else { return };
        let (name, to) = (&rule.name, escalation.to);
        if rule.channels.contains(&to) {
            self.fault(begin, format!("the rule '{name}' escalates to {to}, which it uses at once"), None);
        }
        let is_read = |channel: &Channel| *channel != Channel::Webhook && *channel != to;
        if !rule.channels.iter().chain(&rule.otherwise).any(is_read) {
            self.fault(
                begin,
                format!("the rule '{name}' has no other channel that a person reads to escalate from"),
                None,
            );
        }
        if escalation.at.is_none() && escalation.after.is_some_and(|after| after >= rule.expires) {
            self.fault(begin, format!("the rule '{name}' escalates when its message is no news any more"), None);
        }
    }
}
