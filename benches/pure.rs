//! What the pure middle costs: one step with the default rules, the conditions alone, and what is
//! told of it.

#[allow(dead_code, unused_imports, reason = "the stories of the tests, of which this tells a few")]
#[path = "../tests/it/domain/story.rs"]
mod story;

#[allow(dead_code, reason = "the shop of the tests")]
#[path = "../tests/it/domain/shop.rs"]
mod shop;

#[allow(unused_imports, reason = "the generated journeys of the tests")]
#[path = "../tests/it/generated/mod.rs"]
mod generated;

#[path = "pure/mix.rs"]
mod mix;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use reassure::domain::apply::begin;
use reassure::domain::condition::{Condition, Scope};
use reassure::domain::event::Body;
use reassure::domain::journey::Subject;
use reassure::domain::step::{Input, step};
use reassure::domain::view::Scene;
use reassure::envelope::{Encoding, encode_report};
use reassure::outcome::of_entry;
use serde_json::json;

use story::{Story, at, event, order_with, placed, rules, shop};

/// That of the service.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn order() -> reassure::domain::order::Order {
    let item =
        |sku: &str| json!({ "sku": sku, "name": "Cup", "quantity": 1, "unit_price": "25.00", "usage": "By hand." });
    order_with(json!({ "items": [item("CUP"), item("SAUCER"), item("POT")] }))
}

fn steps(criterion: &mut Criterion) {
    let rules = rules();
    let mut under_way = Story::with(order(), rules.clone());
    under_way.tell("+1h confirmed\n+1d ship S1 all A1\n+1d2h scan A1 picked_up\n+1d8h scan A1 in_transit");
    let scan = event("scan A1 in_transit code=ET1", "scan", at("+1d20h"));
    let delivered = event("scan A1 delivered to=neighbour", "delivered", at("+2d"));

    criterion.bench_function("step/in_transit", |bencher| {
        bencher.iter(|| step(black_box(&under_way.journey), Input::Event(&scan), &rules, at("+1d20h")));
    });
    criterion.bench_function("step/delivered", |bencher| {
        bencher.iter(|| step(black_box(&under_way.journey), Input::Event(&delivered), &rules, at("+2d")));
    });
    let placed = placed(order(), at("+0"));
    let Body::OrderPlaced(data) = &placed.body else { unreachable!("an order") };
    criterion.bench_function("step/placed", |bencher| {
        bencher.iter(|| step(&begin(black_box(data), placed.time), Input::Event(&placed), &rules, at("+0")));
    });

    let mut split = Story::with(order(), rules.clone());
    for number in 0..200 {
        split.tell(&format!("+1d ship S{number} some B{number}\n+1d1h scan B{number} in_transit"));
    }
    let scan = event("scan B100 in_transit code=ET1", "scan", at("+1d20h"));
    criterion.bench_function("step/200 parcels", |bencher| {
        bencher.iter(|| step(black_box(&split.journey), Input::Event(&scan), &rules, at("+1d20h")));
    });
}

fn conditions(criterion: &mut Criterion) {
    let mut story = Story::of(order());
    story.tell("+1d ship S1 all A1\n+1d2h scan A1 in_transit");
    let scan = event("scan A1 in_transit", "scan", at("+1d2h"));
    let subject = Subject::Parcel(story.journey.parcels[0].key.clone());
    let shop = shop();
    let scene =
        || Scene { journey: &story.journey, shop: &shop, subject: &subject, event: Some(&scan), now: at("+1d3h") };
    for (name, source) in [
        ("now", "now > timestamp('2026-01-01T00:00:00Z')"),
        ("parcel", "!parcel.over && parcel.status in ['picked_up', 'in_transit']"),
        ("journey", "!journey.arrived && !journey.cancelled"),
        ("order", "'urgent' in order.concerns || order.items.exists(item, item.perishable)"),
    ] {
        let condition = Condition::parse(source).expect(name);
        criterion.bench_function(&format!("condition/{name}, facts converted"), |bencher| {
            let mut scope = Scope::new(scene());
            bencher.iter(|| scope.holds(black_box(&condition)));
        });
        criterion.bench_function(&format!("condition/{name}"), |bencher| {
            bencher.iter(|| Scope::new(scene()).holds(black_box(&condition)));
        });
    }
}

/// What is told of one scan: every decision on it, as the bytes of its record.
fn reports(criterion: &mut Criterion) {
    let rules = rules();
    let mut story = Story::with(order(), rules.clone());
    story.tell("+1h confirmed\n+1d ship S1 all A1\n+1d2h scan A1 picked_up");
    let scan = event("scan A1 delayed", "scan", at("+1d8h"));
    let transition = step(&story.journey, Input::Event(&scan), &rules, at("+1d8h")).expect("there is room");
    let entry = transition.entry.expect("an event has an entry");
    for (name, format) in [("json", Encoding::Json), ("avro", Encoding::Avro)] {
        let tell = || -> Vec<Vec<u8>> {
            let reports = of_entry(&story.journey.key, black_box(&entry), None);
            reports.iter().map(|report| encode_report(report, "/reassure", format)).collect()
        };
        let (count, bytes) = (entry.decisions.len(), tell().iter().map(Vec::len).sum::<usize>());
        criterion.bench_function(&format!("reports/{name}, {count} in {bytes} bytes"), |bencher| bencher.iter(tell));
    }
}

/// Not a benchmark of one thing, so it is measured once and told as a table.
fn mixes(_: &mut Criterion) {
    mix::steps();
    mix::simulations();
}

criterion_group!(benches, mixes, steps, conditions, reports);
criterion_main!(benches);
