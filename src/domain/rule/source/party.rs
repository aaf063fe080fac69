//! Whom a rule speaks to: `to: recipient`.

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::Reader;
use crate::domain::order::Channel;
use crate::domain::party::Party;
use crate::domain::rule::Rule;

impl Reader<'_> {
    pub(super) fn party(&mut self, value: &Spanned<Value>) -> Option<Party> {
        let found = Party::ALL.into_iter().find(|party| value.value.as_str() == Some(party.as_str()));
        if found.is_none() {
            let known = Party::ALL.map(Party::as_str).join(", ");
            self.fault(value.referenced, "to: nobody whom a rule can speak to", Some(format!("known: {known}")));
        }
        found
    }

    /// The shop is reached by its webhook alone, and a person never by it.
    pub(super) fn whole_party(&mut self, rule: &Rule, begin: Location) {
        let mut channels = rule.channels.iter().chain(&rule.otherwise);
        let (fits, right) = match rule.to {
            Party::Buyer => return,
            Party::Recipient => (channels.all(|channel| *channel != Channel::Webhook), "email and sms"),
            Party::Shop => (channels.all(|channel| *channel == Channel::Webhook), "webhook"),
        };
        if !fits {
            let what =
                format!("the rule '{}' speaks to the {} by another channel than {right}", rule.name, rule.to.as_str());
            self.fault(begin, what, None);
        }
    }
}
