//! Many journeys beside each other, as one stream in the order in which it is recorded.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use reassure::domain::time::Timestamp;

use super::plan::Plan;
use super::{BEGIN, Recorded};

const DAY: u64 = 86_400_000;
/// Days after which a carrier gives a number again; a multiple of the count of shops, whose carriers
/// do not share numbers.
const RECYCLED_AFTER: u64 = 39;

/// The events of so many journeys. Only those under way are held, as plans.
pub struct Stream {
    seed: u64,
    journeys: u64,
    /// Orders placed in a day.
    per_day: u64,
    next: u64,
    under_way: HashMap<u64, Plan>,
    /// When the next event of each is recorded, whose it is, and which.
    due: BinaryHeap<Reverse<(i64, u64, u16)>>,
}

impl Stream {
    pub fn new(seed: u64, journeys: u64, per_day: u64) -> Self {
        Self { seed, journeys, per_day, next: 0, under_way: HashMap::new(), due: BinaryHeap::new() }
    }

    fn placed_at(&self, number: u64) -> i64 {
        BEGIN + i64::try_from(number * DAY / self.per_day).expect("some months")
    }
}

impl Iterator for Stream {
    type Item = Recorded;

    fn next(&mut self) -> Option<Recorded> {
        // nothing of a journey is recorded before its order is placed
        while self.next < self.journeys
            && self.due.peek().is_none_or(|Reverse((at, ..))| self.placed_at(self.next) <= *at)
        {
            let placed_at = Timestamp::from_millis(self.placed_at(self.next));
            let plan = Plan::new(self.seed, self.next, placed_at, RECYCLED_AFTER * self.per_day);
            self.due.push(Reverse((plan.steps[0].recorded, self.next, 0)));
            self.under_way.insert(self.next, plan);
            self.next += 1;
        }
        let Reverse((_, number, index)) = self.due.pop()?;
        let plan = &self.under_way[&number];
        let recorded = plan.event(&plan.steps[usize::from(index)]);
        match plan.steps.get(usize::from(index) + 1) {
            Some(step) => self.due.push(Reverse((step.recorded, number, index + 1))),
            None => drop(self.under_way.remove(&number)),
        }
        Some(recorded)
    }
}
