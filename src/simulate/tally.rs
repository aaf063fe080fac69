//! What a rule set came to: counted, with the first messages one by one.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::Serialize;

use crate::domain::decision::{Cause, Decision, Entry, Reason, Verdict};
use crate::domain::journey::{Journey, JourneyKey, Subject};
use crate::domain::order::Channel;
use crate::domain::rule::RuleName;
use crate::domain::time::Timestamp;
use crate::shops::Shops;

use super::world::{Fate, Witness};

/// A message that would have been sent. The recipient is the order; no address is kept (I9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sending {
    pub at: Timestamp,
    pub shop: String,
    pub order: String,
    pub rule: RuleName,
    pub message: String,
    #[serde(serialize_with = "as_text")]
    pub about: Subject,
    pub channels: Vec<Channel>,
    /// The event's type, or `deadline`.
    pub because: String,
}

fn as_text<S: serde::Serializer>(subject: &Subject, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(subject)
}

/// What one rule came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleTally {
    pub rule: String,
    pub message: String,
    pub sent: u64,
    pub by_channel: BTreeMap<Channel, u64>,
    /// By the day in the shop's zone.
    pub by_day: BTreeMap<NaiveDate, u64>,
    /// Decisions to wait, by their reason.
    pub deferred: BTreeMap<Reason, u64>,
    /// Decisions not to send, by their reason.
    pub not_sent: BTreeMap<Reason, u64>,
    /// Channels of a sent message that could not be used, by their reason.
    pub skipped: BTreeMap<Reason, u64>,
}

/// What became of the events.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Events {
    pub read: u64,
    pub applied: u64,
    pub duplicate: u64,
    /// Still waiting for their order or shipment in the end.
    pub waiting: u64,
    /// About orders that were over for a month or more, and no longer held.
    pub after_the_end: u64,
    /// For which their journey had no room.
    pub no_room: u64,
    /// Records that are no event, by their cause.
    pub refused: BTreeMap<String, u64>,
}

/// Everything that a rule set came to.
pub struct Tally<'a> {
    shops: &'a Shops,
    pub rules: HashMap<RuleName, RuleTally>,
    pub events: Events,
    /// The first of all.
    pub sendings: Vec<Sending>,
    most: usize,
    /// What was sent since it was last taken away, for a comparison.
    fresh: Option<Vec<Sending>>,
}

impl<'a> Tally<'a> {
    /// Keeps the first `most` messages; all of them until they are taken away, if they are to be
    /// compared.
    pub fn new(shops: &'a Shops, most: usize, is_compared: bool) -> Self {
        let mut rules = HashMap::new();
        for rule in shops.all().flat_map(|served| served.rules.iter()) {
            let name = rule.name.clone();
            rules.entry(name).or_insert_with(|| named(&rule.name, &rule.message));
        }
        let fresh = is_compared.then(Vec::new);
        Self { shops, rules, events: Events::default(), sendings: Vec::new(), most, fresh }
    }

    pub fn count(&mut self, fates: &[Fate]) {
        self.events.read += 1;
        for fate in fates {
            match fate {
                Fate::Applied => self.events.applied += 1,
                Fate::Duplicate => self.events.duplicate += 1,
                // counted in the end, if it waits then
                Fate::Parked => {}
                Fate::Full => self.events.no_room += 1,
                Fate::Gone => self.events.after_the_end += 1,
            }
        }
    }

    /// What was sent since the last time.
    pub fn take_fresh(&mut self) -> Vec<Sending> {
        self.fresh.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn decision(&mut self, key: &JourneyKey, at: Timestamp, because: &Cause, decision: Decision) {
        let zone = self.shops.zone(&key.shop).unwrap_or(chrono_tz::Tz::UTC);
        let new = || named(&decision.rule, &decision.message);
        let tally = self.rules.entry(decision.rule.clone()).or_insert_with(new);
        let (notifications, skipped) = match decision.verdict {
            Verdict::Send { notifications, skipped } => (notifications, skipped),
            Verdict::Defer { reason, .. } => return *tally.deferred.entry(reason).or_default() += 1,
            Verdict::Suppress { reason, .. } => return *tally.not_sent.entry(reason).or_default() += 1,
        };
        tally.sent += 1;
        *tally.by_day.entry(at.day_in(zone)).or_default() += 1;
        for skipped in skipped {
            *tally.skipped.entry(skipped.reason).or_default() += 1;
        }
        let mut channels: Vec<Channel> = notifications.iter().map(|sent| sent.channel).collect();
        channels.sort_unstable();
        for channel in &channels {
            *tally.by_channel.entry(*channel).or_default() += 1;
        }
        if self.sendings.len() >= self.most && self.fresh.is_none() {
            return;
        }
        let sending = Sending {
            at,
            shop: key.shop.clone(),
            order: key.order_id.clone(),
            rule: decision.rule,
            message: decision.message,
            about: decision.subject,
            channels,
            because: match because {
                Cause::Event { event_type, .. } => event_type.clone(),
                _ => "deadline".to_owned(),
            },
        };
        if self.sendings.len() < self.most {
            self.sendings.push(sending.clone());
        }
        if let Some(fresh) = &mut self.fresh {
            fresh.push(sending);
        }
    }
}

fn named(rule: &RuleName, message: &str) -> RuleTally {
    RuleTally { rule: rule.to_string(), message: message.to_owned(), ..RuleTally::default() }
}

impl Witness for Tally<'_> {
    fn decided(&mut self, journey: &Journey, entry: Entry) {
        for decision in entry.decisions {
            self.decision(&journey.key, entry.at, &entry.cause, decision);
        }
    }
}
