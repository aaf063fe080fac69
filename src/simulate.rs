//! What would have happened: a rule set over recorded events, under a virtual clock, sending
//! nothing.
//!
//! Each event is taken in at the moment it was recorded, after everything that fell due before it.
//! What decides is what decides in the service: [`crate::ingest`] finds the journey, parks and
//! releases, [`crate::domain::step`] does the rest. Only the edges differ: a memory in place of the
//! store, nothing written out, and a message counts as sent when it is decided.
//!
//! - [`recording`]: events from a file, in the order in which they were recorded.
//! - [`world`], [`memory`], [`shelf`]: the virtual clock, and what is known in it.
//! - [`storms`]: when the storm guard would have held a rule.
//! - [`tally`], [`difference`]: what came of it, and where two rule sets differ.
//! - [`report`], [`page`]: as text and JSON, and as a page to look at.

pub mod difference;
mod memory;
pub mod page;
pub mod recording;
pub mod report;
mod shelf;
pub mod storms;
pub mod tally;
pub mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::shops::Shops;

use difference::Comparison;
use report::{Report, RuleSetReport};
use tally::Tally;
use world::World;

/// An event and when it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub at: Timestamp,
    pub event: Arc<Event>,
}

/// One rule set in a world of its own.
struct Side<'a> {
    world: World<'a>,
    tally: Tally<'a>,
}

impl<'a> Side<'a> {
    fn new(shops: &'a Shops, most: usize, is_compared: bool) -> Result<Self, prometheus::Error> {
        Ok(Self { world: World::new(shops)?, tally: Tally::new(shops, most, is_compared) })
    }

    fn play(&mut self, batch: &[Recorded]) {
        for recorded in batch {
            let fates = self.world.take(recorded, &mut self.tally);
            self.tally.count(&fates);
        }
    }

    fn report(mut self) -> RuleSetReport {
        self.tally.events.waiting = u64::try_from(self.world.waiting()).unwrap_or(u64::MAX);
        let mut rules: Vec<_> = self.tally.rules.into_values().collect();
        rules.sort_by(|a, b| b.sent.cmp(&a.sent).then_with(|| a.rule.cmp(&b.rule)));
        let storms = self.world.into_storms();
        RuleSetReport { rules, events: self.tally.events, storms, sendings: self.tally.sendings }
    }
}

/// A simulation under way: one rule set, or two beside each other.
pub struct Simulation<'a> {
    a: Side<'a>,
    b: Option<(Side<'a>, Comparison)>,
    from: Option<Timestamp>,
}

impl<'a> Simulation<'a> {
    /// Simulates the rules of `shops`, and beside them those of `against`. Of messages and of
    /// differing journeys the first `most` are kept one by one.
    ///
    /// # Errors
    /// If the metrics, which nobody reads here, cannot be made.
    pub fn new(shops: &'a Shops, against: Option<&'a Shops>, most: usize) -> Result<Self, prometheus::Error> {
        let a = Side::new(shops, most, against.is_some())?;
        let b = match against {
            Some(other) => Some((Side::new(other, most, true)?, Comparison::new(most))),
            None => None,
        };
        Ok(Self { a, b, from: None })
    }

    /// Lets the events happen, in the order in which they were recorded. Two worlds have a thread
    /// each.
    pub fn play(&mut self, batch: &[Recorded]) {
        self.from = self.from.or_else(|| batch.first().map(|recorded| recorded.at));
        self.both(&|side| side.play(batch));
    }

    /// Lets time pass after the last event.
    pub fn pass(&mut self, until: Timestamp) {
        self.both(&|side| side.world.pass(until, &mut side.tally));
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.a.world.now()
    }

    fn both(&mut self, act: &(dyn Fn(&mut Side<'a>) + Sync)) {
        let Some((b, comparison)) = &mut self.b else { return act(&mut self.a) };
        let a = &mut self.a;
        thread::scope(|scope| {
            scope.spawn(|| act(b));
            act(a);
        });
        comparison.take(a.tally.take_fresh(), b.tally.take_fresh(), a.world.now());
    }

    /// What it came to. `refused` counts the records that were no events, by their cause.
    pub fn finish(self, refused: BTreeMap<String, u64>) -> Report {
        let (to, orders) = (self.a.world.now(), self.a.world.orders());
        let with = |mut report: RuleSetReport| {
            report.events.refused.clone_from(&refused);
            report.events.read += refused.values().sum::<u64>();
            report
        };
        let (against, difference) = match self.b {
            Some((b, comparison)) => (Some(with(b.report())), Some(comparison.finish())),
            None => (None, None),
        };
        Report {
            from: self.from,
            to: self.from.map(|_| to),
            orders: u64::try_from(orders).unwrap_or(u64::MAX),
            rules: with(self.a.report()),
            against,
            difference,
        }
    }
}
