//! A realistic mix of events through the step, with the whole default rule set: the mean over all of
//! them and over each type, and how fast a simulation goes.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use reassure::domain::apply::begin;
use reassure::domain::event::Body;
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
const JOURNEYS: u64 = 8_000;
/// What a step may cost on one core, beside the decode.
const MARK: Duration = Duration::from_micros(15);

#[derive(Default)]
struct Spent {
    times: u32,
    time: Duration,
}

impl Spent {
    fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let done = work();
        self.time += begin.elapsed();
        self.times += 1;
        done
    }

    fn tell(&self, what: &str) {
        let mean = self.time / self.times.max(1);
        println!("  {what:<28} {:>8} steps  {:>6.2} µs", self.times, mean.as_secs_f64() * 1e6);
    }
}

/// Every step of every journey, each journey by itself.
pub fn steps() {
    let rules = rules();
    let mut spent: BTreeMap<&'static str, Spent> = BTreeMap::new();
    let mut journeys: HashMap<JourneyKey, Life> = HashMap::new();
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
        let life = match (journeys.get_mut(&key), body) {
            (Some(life), _) => life,
            (None, Body::OrderPlaced(data)) => {
                journeys.entry(key).or_insert(Life { journey: begin(data, recorded.event.time) })
            }
            (None, _) => continue,
        };
        life.pass(recorded.at, &rules, &mut spent);
        let kind = body.event_type().as_str();
        let taken = spent
            .entry(kind)
            .or_default()
            .of(|| step(&life.journey, Input::Event(&recorded.event), &rules, recorded.at));
        life.journey = taken.expect("room").journey;
    }
    let all =
        Spent { times: spent.values().map(|one| one.times).sum(), time: spent.values().map(|one| one.time).sum() };
    println!("\na realistic mix of {JOURNEYS} orders, with the whole default rule set");
    spent.iter().for_each(|(kind, one)| one.tell(kind));
    all.tell("all");
    let mean = all.time / all.times.max(1);
    println!(
        "  {:.0} steps a second on one core; the mark of {} µs is {}\n",
        1.0 / mean.as_secs_f64(),
        MARK.as_micros(),
        if mean <= MARK { "met" } else { "MISSED" }
    );
}

struct Life {
    journey: Journey,
}

impl Life {
    fn pass(&mut self, until: Timestamp, rules: &RuleSet, spent: &mut BTreeMap<&'static str, Spent>) {
        while let Some(due) = self.journey.wakes_at().filter(|due| *due <= until) {
            let taken = spent.entry("a deadline").or_default().of(|| step(&self.journey, Input::Due, rules, due));
            self.journey = taken.expect("room").journey;
        }
    }
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
