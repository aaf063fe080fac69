//! A realistic mix of events through the step, with the whole default rule set: the mean over all of
//! them and over each type, and how fast a simulation goes.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::time::Instant;

use reassure::domain::apply::begin;
use reassure::domain::event::{Body, Event};
use reassure::domain::journey::{Journey, JourneyKey};
use reassure::domain::rule::RuleSet;
use reassure::domain::step::{Input, step};
use reassure::domain::time::Timestamp;
use reassure::message::Templates;
use reassure::shops::{Served, Shops};
use reassure::simulate::{Recorded, Simulation};

use super::generated::Stream;
use super::story::rules;

const SEED: u64 = 7;
const JOURNEYS: u64 = 2_000;
/// What a step may cost on one core, beside the decode, in microseconds.
const MARK: f64 = 15.0;

/// One step to be taken: the journey before, the event (none: a deadline), and the moment.
type Stage = (Journey, Option<Event>, Timestamp);

/// The processor's time that this thread has had, in nanoseconds: what else the machine does must not
/// count.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or(0)
}

/// Takes every step of a list; the mean in microseconds.
fn mean(stages: &[Stage], rules: &RuleSet) -> f64 {
    let begin = processor_time();
    for (journey, event, now) in stages {
        let input = event.as_ref().map_or(Input::Due, Input::Event);
        black_box(step(black_box(journey), input, rules, *now).is_ok());
    }
    #[allow(clippy::cast_precision_loss, reason = "a mean")]
    let mean = (processor_time() - begin) as f64 / 1e3 / stages.len() as f64;
    mean
}

/// Every step of every journey, each journey by itself.
pub fn steps() {
    let rules = rules();
    let mut stages: BTreeMap<&'static str, Vec<Stage>> = BTreeMap::new();
    let mut journeys: HashMap<JourneyKey, Journey> = HashMap::new();
    let mut keys: HashMap<(String, String), JourneyKey> = HashMap::new();
    for recorded in Stream::new(SEED, JOURNEYS, JOURNEYS) {
        let body = &recorded.event.body;
        let order = |id: &str| JourneyKey { shop: body.shop().to_owned(), order_id: id.to_owned() };
        let key = match body.reference() {
            Some(reassure::domain::event::Reference::Order(id)) => order(&id),
            Some(reassure::domain::event::Reference::Parcel(waybill)) => {
                let Some(key) = keys.get(&(body.shop().to_owned(), waybill.tracking_number)) else { continue };
                key.clone()
            }
            _ => continue,
        };
        if let Body::ShipmentCreated(data) = body {
            for parcel in &data.parcels {
                keys.insert((data.shop.clone(), parcel.waybill.tracking_number.clone()), key.clone());
            }
        }
        let journey = match (journeys.get_mut(&key), body) {
            (Some(journey), _) => journey,
            (None, Body::OrderPlaced(data)) => journeys.entry(key).or_insert(begin(data, recorded.event.time)),
            (None, _) => continue,
        };
        while let Some(due) = journey.wakes_at().filter(|due| *due <= recorded.at) {
            stages.entry("a deadline").or_default().push((journey.clone(), None, due));
            *journey = step(journey, Input::Due, &rules, due).expect("room").journey;
        }
        let stage = (journey.clone(), Some(recorded.event.clone()), recorded.at);
        stages.entry(body.event_type().as_str()).or_default().push(stage);
        *journey = step(journey, Input::Event(&recorded.event), &rules, recorded.at).expect("room").journey;
    }
    println!("\na realistic mix of {JOURNEYS} orders, with the whole default rule set");
    let (mut all, mut count) = (0.0, 0.0);
    for (kind, stages) in &stages {
        let mean = mean(stages, &rules);
        println!("  {kind:<28} {:>8} steps  {mean:>6.2} µs", stages.len());
        #[allow(clippy::cast_precision_loss, reason = "a weight")]
        let weight = stages.len() as f64;
        (all, count) = (all + mean * weight, count + weight);
    }
    let mean = all / count;
    let verdict = if mean <= MARK { "met" } else { "MISSED" };
    println!("  all: {mean:.2} µs, {:.0} steps a second on one core; the mark of {MARK} µs is {verdict}\n", 1e6 / mean);
}

/// Whole simulations, from events that are decoded already: one rule set, and two beside each other.
pub fn simulations() {
    let templates = std::sync::Arc::new(Templates::load(None).expect("the default templates"));
    let shops = Shops::new(BTreeMap::new(), Some(Served { rules: rules(), templates }));
    let events: Vec<Recorded> = Stream::new(SEED, JOURNEYS, JOURNEYS / 20)
        .map(|one| Recorded { at: one.at, event: std::sync::Arc::new(one.event) })
        .collect();
    println!("simulations of {} events", events.len());
    for (what, against) in [("one rule set", None), ("two rule sets", Some(&shops))] {
        let mut simulation = Simulation::new(&shops, against, 1_000).expect("metrics");
        let begin = Instant::now();
        events.chunks(2_000).for_each(|batch| simulation.play(batch));
        let report = simulation.finish(BTreeMap::new());
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let rate = events.len() as f64 / begin.elapsed().as_secs_f64();
        println!("  {what:<28} {rate:>8.0} events a second, {} messages", report.rules.sent());
    }
    println!();
}
