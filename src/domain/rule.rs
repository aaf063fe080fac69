//! What the care team decides: on what, when, which message, through which channels, valid
//! while, until when, how often.

mod deadline;
mod escalation;
pub mod keys;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::event::{EventType, ParcelStatus};
use super::order::Channel;
use super::party::Party;
use super::restraint::Restraints;
use super::shop::Shop;

pub use deadline::{Anchor, Deadline, Distance, Wait};
pub use escalation::{Escalation, KEYS as ESCALATION_KEYS};
pub use source::{Changes, parse, parse_changes};

/// The name of a rule; cheap to copy, since every decision carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleName(Arc<str>);

impl RuleName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RuleName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a rule sends at most once of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OncePer {
    Order,
    Shipment,
    /// One life of a tracking number.
    Parcel,
    Event,
}

/// What a message is for. Marketing needs the customer's consent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It belongs to the order.
    #[default]
    Service,
    /// It sells.
    Marketing,
}

/// An event that makes a rule be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub event: EventType,
    /// With `parcel.tracked`: only these statuses; empty means all.
    pub statuses: Vec<ParcelStatus>,
}

/// A time for which a rule keeps quiet after a message of the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoolDown {
    pub span: Duration,
    /// After one of these; after any, if empty.
    pub after: Vec<String>,
}

/// One rule, ready to be evaluated.
#[derive(Debug)]
pub struct Rule {
    pub name: RuleName,
    /// What it is for, in the care team's words.
    pub says: String,
    pub triggers: Vec<Trigger>,
    pub deadlines: Vec<Deadline>,
    pub when: Option<Condition>,
    pub message: String,
    /// Whom it is for. What is asked below of messages that were told is asked of those told to the same.
    pub to: Party,
    /// Each of these that reaches the customer is used.
    pub channels: Vec<Channel>,
    /// Used, in turn, if none of `channels` that a person reads could be.
    pub otherwise: Vec<Channel>,
    /// When it is said once more, on another channel.
    pub escalate: Option<Escalation>,
    pub once_per: OncePer,
    /// Messages after which the same may be told once more.
    pub again_after: Vec<String>,
    /// Sent only to those who were told one of these since the rule last spoke.
    pub only_if_told: Vec<String>,
    /// Held back for so long after other messages.
    pub not_within: Vec<CoolDown>,
    /// Messages that are pointless once this one speaks.
    pub supersedes: Vec<String>,
    /// How long its news is gathered, while more of it may come, to be said in one message.
    pub fold: Option<Duration>,
    pub purpose: Purpose,
    /// Left out where the carrier has told the buyer the same.
    pub unless_carrier_told: bool,
    /// Neither counted among what is enough nor held back by it.
    pub beyond_budget: bool,
    /// Looked at again right before every attempt (I4).
    pub valid_while: Option<Condition>,
    /// It cannot wait for the morning.
    pub ignores_quiet_hours: bool,
    /// How long after the event or the deadline it is still news.
    pub expires: Duration,
    /// Higher goes first.
    pub priority: u8,
}

impl Rule {
    /// A day can bring enough of it: a person reads it, and it can wait.
    pub fn keeps_to_budget(&self) -> bool {
        let is_read = |channel: &Channel| *channel != Channel::Webhook;
        !self.beyond_budget && self.to != Party::Shop && self.channels.iter().chain(&self.otherwise).any(is_read)
    }
}

/// The rules of one shop, in the order in which they are looked at, beside what the shop says of
/// itself.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub shop: Arc<Shop>,
    restraints: Arc<Restraints>,
    book: Arc<Book>,
}

#[derive(Debug)]
struct Book {
    /// Shared between the shops that have them.
    rules: Vec<Arc<Rule>>,
    by_event: HashMap<EventType, Vec<usize>>,
}

impl RuleSet {
    /// Orders the rules by priority, then by name.
    pub fn new<R: Into<Arc<Rule>>>(rules: Vec<R>, shop: Arc<Shop>) -> Self {
        let mut rules: Vec<Arc<Rule>> = rules.into_iter().map(Into::into).collect();
        rules.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name)));
        let mut by_event: HashMap<EventType, Vec<usize>> = HashMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for trigger in &rule.triggers {
                let indices = by_event.entry(trigger.event).or_default();
                if indices.last() != Some(&index) {
                    indices.push(index);
                }
            }
        }
        Self { shop, restraints: Arc::default(), book: Arc::new(Book { rules, by_event }) }
    }

    /// The same rules, kept from saying what `restraints` forbid.
    #[must_use]
    pub fn with_restraints(self, restraints: &Arc<Restraints>) -> Self {
        Self { restraints: Arc::clone(restraints), ..self }
    }

    /// What must not be said.
    pub fn restraints(&self) -> &Restraints {
        &self.restraints
    }

    /// The same rules for another shop.
    #[must_use]
    pub fn for_shop(&self, shop: Arc<Shop>) -> Self {
        Self { shop, ..self.clone() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.book.rules.iter().map(|rule| &**rule)
    }

    /// The rule of that name.
    pub fn get(&self, name: &RuleName) -> Option<&Rule> {
        self.iter().find(|rule| rule.name == *name)
    }

    /// Whom the rule of that name speaks to.
    pub fn whom(&self, name: &RuleName) -> Party {
        self.get(name).map(|rule| rule.to).unwrap_or_default()
    }

    /// The rules that an event of this type (and, for a scan, status) sets going.
    pub fn triggered_by(&self, event: EventType, status: Option<ParcelStatus>) -> impl Iterator<Item = &Rule> {
        self.book.by_event.get(&event).into_iter().flatten().map(|index| &*self.book.rules[*index]).filter(
            move |rule| {
                rule.triggers.iter().any(|trigger| {
                    trigger.event == event
                        && (trigger.statuses.is_empty()
                            || status.is_some_and(|status| trigger.statuses.contains(&status)))
                })
            },
        )
    }

    /// The rules that wait for deadlines.
    pub fn with_deadlines(&self) -> impl Iterator<Item = &Rule> {
        self.iter().filter(|rule| !rule.deadlines.is_empty())
    }
}
