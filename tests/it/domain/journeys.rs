//! What holds of every journey, tried on thousands that are generated with all the trouble of real
//! streams (`tests/it/generated`). The invariants are those of `lib.rs`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use reassure::domain::apply::{News, begin};
use reassure::domain::event::{Body, ParcelStatus};
use reassure::domain::journey::{Journey, Phase, Subject};
use reassure::domain::notification::Notification;
use reassure::domain::rule::{OncePer, RuleName, RuleSet};
use reassure::domain::step::{Input, Transition, step, still_holds};
use reassure::domain::time::Timestamp;

use super::story::rules;
use crate::generated::{Recorded, always, always_contradicted};

/// Days after the last event, by which every deadline has fallen due.
const AFTERWARDS: i64 = 60;

/// One journey while it is lived. What is recorded before the order waits for it, as in ingest.
pub(super) struct Life {
    pub(super) rules: RuleSet,
    journey: Option<Journey>,
    waiting: Vec<Recorded>,
    pub(super) now: Timestamp,
    sent: Vec<Notification>,
}

impl Life {
    fn new() -> Self {
        Self::with(rules())
    }

    pub(super) fn with(rules: RuleSet) -> Self {
        Self { rules, journey: None, waiting: Vec::new(), now: Timestamp::from_millis(0), sent: Vec::new() }
    }

    /// The life of these events, until nothing waits any more.
    fn of(events: &[Recorded]) -> Result<Self> {
        let mut life = Self::new();
        for recorded in events {
            life.record(recorded, &mut |_, _| Ok(()))?;
        }
        life.pass(life.now.plus(chrono::Duration::days(AFTERWARDS)), &mut |_, _| Ok(()))?;
        Ok(life)
    }

    /// Lets deadlines fall due and then takes the event in; `look` sees every step.
    pub(super) fn record(
        &mut self,
        recorded: &Recorded,
        look: &mut dyn FnMut(&Self, &Transition) -> Result<()>,
    ) -> Result<()> {
        self.pass(recorded.at, look)?;
        match (&self.journey, &recorded.event.body) {
            (None, Body::OrderPlaced(placed)) => {
                self.journey = Some(begin(placed, recorded.event.time));
                self.take(Input::Event(&recorded.event), look)?;
                let mut waiting = std::mem::take(&mut self.waiting);
                waiting.sort_by_key(|waits| waits.event.time);
                for waited in waiting {
                    self.take(Input::Event(&waited.event), look)?;
                }
                Ok(())
            }
            (None, _) => {
                self.waiting.push(recorded.clone());
                Ok(())
            }
            (Some(_), _) => self.take(Input::Event(&recorded.event), look),
        }
    }

    /// Lets everything fall due that is due by `until`, in its order.
    pub(super) fn pass(
        &mut self,
        until: Timestamp,
        look: &mut dyn FnMut(&Self, &Transition) -> Result<()>,
    ) -> Result<()> {
        let mut woken = 0;
        while let Some(due) = self.journey.as_ref().and_then(Journey::wakes_at).filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.take(Input::Due, look)?;
            woken += 1;
            ensure!(woken < 1_000, "what is due at {due} falls due for ever");
        }
        self.now = self.now.max(until);
        Ok(())
    }

    fn take(&mut self, input: Input<'_>, look: &mut dyn FnMut(&Self, &Transition) -> Result<()>) -> Result<()> {
        let Some(before) = &self.journey else { return Ok(()) };
        let transition = step(before, input, &self.rules, self.now).map_err(|full| anyhow::anyhow!("{full:?}"))?;
        look(self, &transition)?;
        self.sent.extend(transition.notifications.iter().cloned());
        self.journey = Some(transition.journey);
        Ok(())
    }

    /// What is known, without what was said of it and what waits.
    fn facts(&self) -> Option<Journey> {
        let mut facts = self.journey.clone()?;
        (facts.told, facts.timers, facts.fired, facts.taken) = Default::default();
        Some(facts)
    }
}

fn is_end(phase: Phase) -> bool {
    matches!(phase, Phase::Delivery | Phase::Usage | Phase::Cancelled | Phase::Returned | Phase::Lost)
}

/// I1: replaying any prefix once more is a no-op.
#[test]
fn replaying_any_prefix_changes_nothing() {
    always_contradicted(2_000, |case| {
        let mut life = Life::new();
        for (index, recorded) in case.events.iter().enumerate() {
            life.record(recorded, &mut |_, _| Ok(()))?;
            let Some(journey) = &life.journey else { continue };
            // every prefix is a prefix of this one; the one before was looked at already
            let again = &case.events[index.saturating_sub(3)..=index];
            for recorded in case.events.first().into_iter().chain(again) {
                let known = step(journey, Input::Event(&recorded.event), &life.rules, life.now);
                let known = known.map_err(|full| anyhow::anyhow!("{full:?}"))?;
                ensure!(known.news == News::Repeated, "{} is {:?}", recorded.event.id, known.news);
                ensure!(known.notifications.is_empty() && known.entry.is_none(), "{} is told of", recorded.event.id);
                ensure!(known.journey == *journey, "{} changes the journey", recorded.event.id);
            }
        }
        Ok(())
    });
}

/// I1: events that come twice at once, and once more at the end, change nothing.
#[test]
fn duplicates_change_nothing() {
    always_contradicted(2_000, |case| {
        let once = Life::of(&case.events)?;
        let doubled: Vec<Recorded> = case.events.iter().flat_map(|one| [one.clone(), one.clone()]).collect();
        let twice = Life::of(&doubled)?;
        ensure!(once.sent == twice.sent, "sent {:?}, then {:?}", ids(&once.sent), ids(&twice.sent));
        ensure!(once.journey == twice.journey, "the journey differs");
        Ok(())
    });
}

/// I3: in whatever order the same events arrive, the facts are the same, and so is the phase at any
/// later moment. (What was told differs, and must: a message that was news on time is none when it
/// comes late. The phase is compared without it, so that `usage` counts as `delivery`.)
#[test]
fn any_order_of_arrival_ends_in_the_same_journey() {
    always_contradicted(3_000, |case| {
        let (straight, shuffled) = (Life::of(&case.events)?, Life::of(&at_once(&case.shuffled()))?);
        let (Some(one), Some(other)) = (straight.facts(), shuffled.facts()) else { return Ok(()) };
        ensure!(one == other, "the facts differ:\n{}", difference(&one, &other)?);
        for days in [-AFTERWARDS, 1 - AFTERWARDS, 5 - AFTERWARDS, 0] {
            let at = straight.now.plus(chrono::Duration::days(days));
            ensure!(one.phase(at) == other.phase(at), "{:?} and {:?}", one.phase(at), other.phase(at));
        }
        Ok(())
    });
}

/// All recorded at the end, in their order.
fn at_once(events: &[Recorded]) -> Vec<Recorded> {
    let end = events.iter().map(|recorded| recorded.at).max().unwrap_or(Timestamp::from_millis(0));
    events.iter().map(|recorded| Recorded { at: end, ..recorded.clone() }).collect()
}

/// I2, I4 and `once_per`, for every message of a whole life.
#[test]
fn every_message_holds_when_it_is_sent_and_is_sent_once() {
    always_contradicted(3_000, |case| {
        let mut keys = BTreeSet::new();
        let mut check = |life: &Life, taken: &Transition| {
            for sent in &taken.notifications {
                ensure!(keys.insert(sent.id.clone()), "I2: {} has the key of another", sent.rule);
                let holds = still_holds(&taken.journey, sent, &life.rules, life.now);
                ensure!(holds == Ok(()), "I4: {} is sent and is {holds:?}", sent.rule);
            }
            Ok(())
        };
        let mut life = Life::new();
        for recorded in &case.events {
            life.record(recorded, &mut check)?;
        }
        life.pass(life.now.plus(chrono::Duration::days(AFTERWARDS)), &mut check)?;
        for (rule, subject, count) in turns(&life) {
            let once = life.rules.get(&rule).is_some_and(|rule| is_once(rule, &subject));
            ensure!(!once || count == 1, "once_per: {rule} speaks {count} times of {subject}");
        }
        let told = life.journey.as_ref().map_or(0, |journey| journey.told.len());
        ensure!(told <= MOST_EXPECTED, "{told} messages of one order: more than any buyer wants");
        Ok(())
    });
}

/// Two parcels with every trouble there is come to some twenty; beyond, a rule has run wild.
const MOST_EXPECTED: usize = 40;

/// How often each rule spoke of each subject.
fn turns(life: &Life) -> Vec<(RuleName, Subject, usize)> {
    let mut turns: BTreeMap<(RuleName, Subject), usize> = BTreeMap::new();
    for told in life.journey.iter().flat_map(|journey| &journey.told) {
        *turns.entry((told.rule.clone(), told.subject.clone())).or_default() += 1;
    }
    turns.into_iter().map(|((rule, subject), count)| (rule, subject, count)).collect()
}

fn is_once(rule: &reassure::domain::rule::Rule, subject: &Subject) -> bool {
    rule.again_after.is_empty()
        && match (rule.once_per, subject) {
            (OncePer::Event, _) => false,
            (OncePer::Order, subject) => *subject == Subject::Order,
            // an order that is collected has one deadline, a parcel several
            (OncePer::Shipment | OncePer::Parcel, _) => rule.deadlines.len() <= 1,
        }
}

/// An end stays: no deadline and no time takes it back, no repetition, nothing that is old or of the
/// goods' way back. (News may: one more shipment, a parcel that was lost and is found.)
#[test]
fn ends_stay() {
    always(3_000, |case| {
        let mut life = Life::new();
        let mut check = |life: &Life, taken: &Transition| {
            let Some(before) = &life.journey else { return Ok(()) };
            let (was, is) = (before.phase(life.now), taken.journey.phase(life.now));
            let no_news = taken.entry.is_none() || taken.news != News::Fresh;
            let by_time = taken.entry.as_ref().is_some_and(|entry| entry.note.is_none());
            let lives = |journey: &Journey| (journey.parcels.len(), journey.shipments.len());
            // an old scan may show that the number has had another life, an old shipment that more was to come
            let same_goods = lives(before) == lives(&taken.journey);
            if is_end(was) && (by_time || no_news) && same_goods && was != is {
                let delivered = [Phase::Delivery, Phase::Usage];
                let told_of_use = delivered.contains(&was) && delivered.contains(&is);
                ensure!(told_of_use, "{was:?} → {is:?} by {:?}, {:?}", taken.news, taken.entry);
            }
            let later = life.now.plus(chrono::Duration::days(90));
            ensure!(!is_end(is) || taken.journey.phase(later) == is, "{is:?} is none later");
            Ok(())
        };
        for recorded in &case.events {
            life.record(recorded, &mut check)?;
        }
        life.pass(life.now.plus(chrono::Duration::days(AFTERWARDS)), &mut check)
    });
}

fn ids(sent: &[Notification]) -> Vec<String> {
    sent.iter().map(|sent| format!("{} {} {}", sent.rule, sent.subject, sent.channel)).collect()
}

/// The lines in which two journeys differ.
fn difference(one: &Journey, other: &Journey) -> Result<String> {
    let (one, other) = (serde_json::to_string_pretty(one)?, serde_json::to_string_pretty(other)?);
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let only = |these: &[&str], those: &[&str], sign: char| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    Ok([only(&one, &other, '-'), only(&other, &one, '+')].concat().join("\n"))
}

/// The generator itself: the same seed gives the same journeys, and all there is to try comes up.
#[test]
fn the_generator_is_repeatable_and_leaves_nothing_out() {
    let events = |seed| crate::generated::Stream::new(seed, 3_000, 1_000).collect::<Vec<Recorded>>();
    let (one, other) = (events(7), events(7));
    assert!(one == other, "the same seed, other journeys");
    assert!(one.is_sorted_by_key(|recorded| recorded.at), "not in the order in which it is recorded");
    let types: BTreeSet<&str> = one.iter().map(|recorded| recorded.event.body.event_type().as_str()).collect();
    assert_eq!(types.len(), reassure::domain::event::EventType::ALL.len(), "{types:?}");
    let scans = one.iter().filter_map(|recorded| match &recorded.event.body {
        Body::ParcelTracked(data) => Some(data.status),
        _ => None,
    });
    let statuses: BTreeSet<_> = scans.collect();
    assert_eq!(statuses.len(), ParcelStatus::ALL.len(), "{statuses:?}");
    let line = one[0].line();
    let read: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
    assert_eq!(read["recordedtime"], one[0].at.to_string());
}
