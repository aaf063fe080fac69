//! What always holds is tried on thousands of journeys; of one where it does not, the smallest part
//! is shown.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reassure::domain::event::Body;
use reassure::domain::time::{Timestamp, spell_span};

use super::contradictions::contradict;
use super::goods::{Contact, SHOPS};
use super::{BEGIN, Plan, Recorded, seed};

/// The events of one journey, as they are recorded.
pub struct Case {
    pub events: Vec<Recorded>,
    /// For whatever the test leaves to chance: the same for every part of the case.
    pub chance: u64,
}

impl Case {
    /// The events in another order of arrival, the same whatever is left out.
    pub fn shuffled(&self) -> Vec<Recorded> {
        let mut events: Vec<(u64, &Recorded)> = self.events.iter().map(|one| (self.place(one), one)).collect();
        events.sort_by_key(|(place, _)| *place);
        events.into_iter().map(|(_, one)| one.clone()).collect()
    }

    fn place(&self, recorded: &Recorded) -> u64 {
        let number = recorded.event.key().0.iter().fold(0_u64, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
        StdRng::seed_from_u64(self.chance ^ number ^ recorded.at.millis().cast_unsigned()).random()
    }

    fn of(&self, kept: &[usize]) -> Self {
        Self { events: kept.iter().map(|index| self.events[*index].clone()).collect(), chance: self.chance }
    }
}

/// Tries `holds` on so many journeys (or `REASSURE_JOURNEYS`).
///
/// # Panics
/// At the first journey of which it does not hold, with the seed and the fewest events that show it.
pub fn always(journeys: u64, holds: impl Fn(&Case) -> anyhow::Result<()>) {
    always_in(journeys, "journey", journey, holds);
}

/// Tries `holds` on so many journeys of which much is said once more, and not alike.
///
/// # Panics
/// Like [`always`].
pub fn always_contradicted(journeys: u64, holds: impl Fn(&Case) -> anyhow::Result<()>) {
    let events = |seed: u64, number| {
        let mut events = journey(seed, number);
        contradict(&mut events, seed.wrapping_add(number));
        events
    };
    always_in(journeys, "journey", events, holds);
}

fn journey(seed: u64, number: u64) -> Vec<Recorded> {
    Plan::new(seed, number, placed(0), u64::MAX).events()
}

/// Tries `holds` on so many customers, each with so many orders at one shop, placed hours apart.
///
/// # Panics
/// Like [`always`].
pub fn always_together(customers: u64, orders: u64, holds: impl Fn(&Case) -> anyhow::Result<()>) {
    let shops = u64::try_from(SHOPS.len()).expect("few");
    let events = |seed, customer| {
        let plans = (0..orders).map(|order| {
            let number = (customer * orders + order) * shops + customer % shops;
            let mut plan = Plan::new(seed, number, placed(order * 5), u64::MAX);
            plan.shape.customer = customer;
            plan.shape.contact = Contact::Both;
            plan.events()
        });
        let mut events: Vec<Recorded> = plans.flatten().collect();
        events.sort_by_key(|recorded| recorded.at);
        events
    };
    always_in(customers, "customer", events, holds);
}

fn placed(hours: u64) -> Timestamp {
    Timestamp::from_millis(BEGIN).plus(chrono::Duration::hours(i64::try_from(hours).expect("few")))
}

fn always_in(
    cases: u64,
    what: &str,
    events: impl Fn(u64, u64) -> Vec<Recorded>,
    holds: impl Fn(&Case) -> anyhow::Result<()>,
) {
    let seed = seed();
    let cases = std::env::var("REASSURE_JOURNEYS").map_or(cases, |text| text.parse().expect("REASSURE_JOURNEYS"));
    println!("REASSURE_SEED={seed}, {cases} {what}s");
    for number in 0..cases {
        let case = Case { events: events(seed, number), chance: seed.wrapping_add(number) };
        if let Err(error) = holds(&case) {
            let kept = smallest(&case, |part| holds(part).is_err());
            let small = case.of(&kept);
            let why = holds(&small).err().unwrap_or(error);
            let told: Vec<String> = small.events.iter().map(tell).collect();
            panic!(
                "{what} {number} of REASSURE_SEED={seed}: {why:#}\n{} of its {} events show it:\n{}",
                kept.len(),
                case.events.len(),
                told.join("\n")
            );
        }
    }
}

/// The shortest beginning that fails, less every event that it fails without. The order stays.
fn smallest(case: &Case, fails: impl Fn(&Case) -> bool) -> Vec<usize> {
    let whole: Vec<usize> = (0..case.events.len()).collect();
    let is_order = |index: usize| matches!(case.events[index].event.body, Body::OrderPlaced(_));
    let first = whole.iter().copied().find(|index| is_order(*index)).unwrap_or(0);
    let shortest = (first + 1..=whole.len()).find(|length| fails(&case.of(&whole[..*length])));
    let mut kept = whole[..shortest.unwrap_or(whole.len())].to_vec();
    for index in whole.into_iter().rev() {
        let without: Vec<usize> = kept.iter().copied().filter(|one| *one != index).collect();
        if index != first && without.len() < kept.len() && fails(&case.of(&without)) {
            kept = without;
        }
    }
    kept
}

fn tell(recorded: &Recorded) -> String {
    let after = |at: Timestamp| {
        let span = at.since(Timestamp::from_millis(BEGIN));
        format!("{}{}", if span < chrono::Duration::zero() { "-" } else { "+" }, spell_span(span).replace(' ', ""))
    };
    let event = &recorded.event;
    let what = reassure::domain::note::of(&event.body);
    format!(
        "{} happened {}  {}  {} {what}",
        after(recorded.at),
        after(event.time),
        event.id,
        event.body.event_type().as_str()
    )
}
