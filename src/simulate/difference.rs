//! Where two rule sets differ over the same events.
//!
//! What both send at the same moment, in the same words and through the same channels, is counted
//! and forgotten. The rest waits for its counterpart: what the other set sends by the same rule about
//! the same subject, at another time or otherwise. What has found none for a month has none.

use std::collections::{BTreeMap, HashMap};

use chrono::Duration;
use serde::Serialize;

use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;

use super::tally::Sending;

/// How long a message waits for its counterpart.
const PATIENCE: Duration = Duration::days(30);

/// How one message differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only the first set sends it.
    OnlyA,
    /// Only the second does.
    OnlyB,
    OtherTime,
    OtherChannels,
    OtherMessage,
}

/// A message that one set sends and the other does not, or not so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differing {
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Sending>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Sending>,
}

impl Differing {
    fn either(&self) -> Option<&Sending> {
        self.a.as_ref().or(self.b.as_ref())
    }
}

/// What differs in one rule's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleDifference {
    pub same: u64,
    pub only_a: u64,
    pub only_b: u64,
    pub other_time: u64,
    pub other_channels: u64,
    pub other_message: u64,
}

impl RuleDifference {
    pub fn is_none(&self) -> bool {
        *self == Self { same: self.same, ..Self::default() }
    }
}

/// The journeys of which the two sets tell differently.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Difference {
    pub rules: BTreeMap<String, RuleDifference>,
    /// How many journeys differ.
    pub journeys: u64,
    /// The first of them, each with its differing messages in the order of time.
    pub examples: Vec<JourneyDifference>,
}

#[derive(Clone, Debug, Serialize)]
pub struct JourneyDifference {
    pub shop: String,
    pub order: String,
    pub messages: Vec<Differing>,
}

/// Compares as the two simulations go on.
pub struct Comparison {
    rules: BTreeMap<String, RuleDifference>,
    waiting: HashMap<JourneyKey, Vec<(Side, Sending)>>,
    /// Of each journey that differs, its number among the examples, if it is one.
    seen: HashMap<u64, Option<usize>>,
    examples: Vec<JourneyDifference>,
    most: usize,
    settled: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
}

impl Comparison {
    /// Keeps the first `most` journeys that differ.
    pub fn new(most: usize) -> Self {
        Self {
            rules: BTreeMap::new(),
            waiting: HashMap::new(),
            seen: HashMap::new(),
            examples: Vec::new(),
            most,
            settled: Timestamp::from_millis(0),
        }
    }

    /// Takes in what each set has sent up to `now`.
    pub fn take(&mut self, a: Vec<Sending>, b: Vec<Sending>, now: Timestamp) {
        let mut unequal: HashMap<JourneyKey, Vec<Sending>> = HashMap::new();
        for sending in b {
            unequal.entry(key(&sending)).or_default().push(sending);
        }
        for sending in a {
            let others = unequal.get_mut(&key(&sending));
            let same = others.and_then(|others| {
                let at = others.iter().position(|other| is_same(&sending, other))?;
                Some(others.swap_remove(at))
            });
            match same {
                Some(_) => self.of_rule(&sending).same += 1,
                None => self.meet(Side::A, sending),
            }
        }
        let mut left: Vec<Sending> = unequal.into_values().flatten().collect();
        left.sort_by(|one, other| (one.at, &one.order).cmp(&(other.at, &other.order)));
        for sending in left {
            self.meet(Side::B, sending);
        }
        if now >= self.settled.plus(Duration::days(1)) {
            self.settled = now;
            self.settle(now.plus(-PATIENCE));
        }
    }

    /// The difference, once nothing more comes.
    pub fn finish(mut self) -> Difference {
        self.settle(Timestamp::from_millis(i64::MAX));
        for example in &mut self.examples {
            example.messages.sort_by_key(|message| message.either().map(|sending| sending.at));
        }
        let journeys = u64::try_from(self.seen.len()).unwrap_or(u64::MAX);
        Difference { rules: self.rules, journeys, examples: self.examples }
    }

    fn of_rule(&mut self, sending: &Sending) -> &mut RuleDifference {
        self.rules.entry(sending.rule.to_string()).or_default()
    }

    /// Finds the counterpart of a message, or lets it wait for one.
    fn meet(&mut self, side: Side, sending: Sending) {
        let waiting = self.waiting.entry(key(&sending)).or_default();
        let counterpart = waiting.iter().position(|(other_side, other)| {
            *other_side != side && (&other.rule, &other.about) == (&sending.rule, &sending.about)
        });
        let Some(at) = counterpart else { return waiting.push((side, sending)) };
        let (_, other) = waiting.remove(at);
        let (a, b) = if side == Side::A { (sending, other) } else { (other, sending) };
        let kind = match () {
            () if a.at != b.at => Kind::OtherTime,
            () if a.message != b.message => Kind::OtherMessage,
            () => Kind::OtherChannels,
        };
        self.note(Differing { kind, a: Some(a), b: Some(b) });
    }

    /// What was sent before `until` and has no counterpart has none.
    fn settle(&mut self, until: Timestamp) {
        let mut alone = Vec::new();
        self.waiting.retain(|_, waiting| {
            alone.extend(waiting.extract_if(.., |(_, sending)| sending.at < until));
            !waiting.is_empty()
        });
        alone.sort_by(|(_, one), (_, other)| (one.at, &one.order).cmp(&(other.at, &other.order)));
        for (side, sending) in alone {
            self.note(match side {
                Side::A => Differing { kind: Kind::OnlyA, a: Some(sending), b: None },
                Side::B => Differing { kind: Kind::OnlyB, a: None, b: Some(sending) },
            });
        }
    }

    fn note(&mut self, differing: Differing) {
        let Some(sending) = differing.either().cloned() else { return };
        let rule = self.of_rule(&sending);
        *match differing.kind {
            Kind::OnlyA => &mut rule.only_a,
            Kind::OnlyB => &mut rule.only_b,
            Kind::OtherTime => &mut rule.other_time,
            Kind::OtherChannels => &mut rule.other_channels,
            Kind::OtherMessage => &mut rule.other_message,
        } += 1;
        let (examples, most) = (&mut self.examples, self.most);
        let place = *self.seen.entry(super::shelf::short(&key(&sending))).or_insert_with(|| {
            (examples.len() < most).then(|| {
                let (shop, order) = (sending.shop.clone(), sending.order.clone());
                examples.push(JourneyDifference { shop, order, messages: Vec::new() });
                examples.len() - 1
            })
        });
        if let Some(example) = place.and_then(|place| self.examples.get_mut(place)) {
            example.messages.push(differing);
        }
    }
}

fn key(sending: &Sending) -> JourneyKey {
    JourneyKey { shop: sending.shop.clone(), order_id: sending.order.clone() }
}

fn is_same(a: &Sending, b: &Sending) -> bool {
    (a.at, &a.rule, &a.message, &a.about, &a.channels) == (b.at, &b.rule, &b.message, &b.about, &b.channels)
}
