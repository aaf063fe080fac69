//! Whether it is a rule's turn to speak: how often it may, and of what.

use super::super::decision::Reason;
use super::super::journey::{Deferred, Reach, Subject, Told};
use super::super::rule::{OncePer, Rule};
use super::desk::{Desk, MOST_TOLD};

/// Leave for a rule to speak.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    /// What the rule counts as once.
    pub once_key: String,
    /// How often it was its turn under this key, this one included.
    pub number: u32,
}

impl Turn {
    /// The key that this turn alone has.
    pub fn key(&self) -> String {
        match self.number {
            1 => self.once_key.clone(),
            number => format!("{}#{number}", self.once_key),
        }
    }
}

/// Which turn under `once_key` it was that a message was told in; `None`: it is another key's.
pub(super) fn number_of(told: &Told, once_key: &str) -> Option<u32> {
    let rest = told.once_key.strip_prefix(once_key)?;
    if rest.is_empty() { Some(1) } else { rest.strip_prefix('#')?.parse().ok() }
}

impl Desk<'_> {
    /// What the rule sends at most once of.
    fn once(&self, rule: &Rule) -> String {
        if let Some(waited) = self.occasion.waited {
            return waited.once_key.clone();
        }
        let subject = self.occasion.subject;
        let mut key = match (rule.once_per, subject) {
            (OncePer::Event, _) => match self.occasion.event {
                Some(event) => format!("event/{}/{}", event.source, event.id),
                None => format!("{subject}/due/{}", self.occasion.since.millis()),
            },
            (OncePer::Order, _) | (_, Subject::Order) => Subject::Order.to_string(),
            (OncePer::Shipment, Subject::Parcel(parcel)) => {
                match self.journey.parcel(parcel).and_then(|parcel| parcel.shipment_id.as_ref()) {
                    Some(id) => Subject::Shipment(id.clone()).to_string(),
                    None => subject.to_string(),
                }
            }
            (OncePer::Shipment | OncePer::Parcel, subject) => subject.to_string(),
        };
        if let Some(index) = self.occasion.deadline.filter(|_| rule.deadlines.len() > 1) {
            key.push_str(&format!("/{index}"));
        }
        key
    }

    /// The turn in which the rule may speak now.
    pub(super) fn turn(&self, rule: &Rule) -> Result<Turn, Reason> {
        let once_key = self.once(rule);
        let told = || self.journey.told.iter().chain(&self.outcome.told).enumerate();
        let mine = || told().filter(|(_, told)| told.rule == rule.name);
        let taken = mine().filter_map(|(_, told)| number_of(told, &once_key)).max();
        let is_for_channels = self.occasion.waited.is_some_and(|waited| !waited.channels.is_empty());
        if let (Some(number), true) = (taken, is_for_channels) {
            // the other channels have taken the turn for these too
            return Ok(Turn { once_key, number });
        }
        // what was withdrawn never reached the customer: it used up a key, and no turn; what this
        // rule would take back never will
        let before = self.journey.told.len();
        let heard = |(at, told): &(usize, &Told)| !told.withdrawn && (*at < before || !self.supersedes(rule, told));
        let spoke =
            mine().filter(heard).filter(|(_, told)| number_of(told, &once_key).is_some()).last().map(|(at, _)| at);
        let spoke_at_all = mine().filter(heard).last().map(|(at, _)| at);
        // what somebody else was told is no news to them
        let counts = |told: &Told, messages: &[String]| told.to == rule.to && messages.contains(&told.message);
        let heard_since = |messages: &[String]| {
            told().filter(heard).filter(|(_, told)| counts(told, messages)).any(|(at, told)| {
                match self.journey.reach_of(&told.subject, self.occasion.subject) {
                    Reach::None => false,
                    Reach::Same => Some(at) > spoke,
                    // told of more than this parcel, and so answered by what was said of any other
                    Reach::Wider => Some(at) > spoke_at_all,
                }
            })
        };
        if !rule.only_if_told.is_empty() && !heard_since(&rule.only_if_told) {
            return Err(Reason::NotTold);
        }
        if spoke.is_some() && !heard_since(&rule.again_after) {
            return Err(Reason::AlreadyTold);
        }
        // further channels that wait for their own moment are no obstacle
        let is_same = |one: &Deferred| one.escalates.is_empty() && one.rule == rule.name && one.once_key == once_key;
        if !is_for_channels && self.waiting().any(|one| is_same(one) && Some(one) != self.occasion.waited) {
            return Err(Reason::AlreadyWaiting);
        }
        if self.journey.told.len() + self.outcome.told.len() >= MOST_TOLD {
            return Err(Reason::EnoughTold);
        }
        Ok(Turn { once_key, number: taken.map_or(1, |number| number.saturating_add(1)) })
    }
}
