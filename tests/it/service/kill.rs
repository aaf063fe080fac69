//! Killed at any moment, the service loses nothing; what is sent twice was under way just then
//! and carries the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reassure::sandbox::Vendor;

use super::events::{caller, placed_by, reader, scan, shipped};
use super::harness::{Message, World, eventually};

const KILLS: usize = 32;
const ORDERS: usize = 480;
/// Published together; the next wave follows soon after.
const WAVE: usize = 10;
/// What may be under way at a kill: `max_in_flight` of each of the three providers.
const UNDER_WAY: usize = 3 * 8;

fn order(number: usize) -> String {
    format!("Z{number:05}")
}

/// One in eight has no e-mail address.
fn calls(number: usize) -> bool {
    number % 8 == 3
}

/// What the rules call for, from the events alone.
fn called_for() -> BTreeSet<(String, &'static str, &'static str)> {
    let of = |number| {
        let person = if calls(number) { "BrevoSms" } else { "Resend" };
        ["confirmation", "shipping", "delivered"]
            .into_iter()
            .flat_map(move |message| [person, "Webhook"].map(|vendor| (order(number), message, vendor)))
    };
    (0..ORDERS).flat_map(of).collect()
}

fn vendor(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Resend => "Resend",
        Vendor::BrevoSms => "BrevoSms",
        Vendor::Webhook => "Webhook",
        _ => "unexpected",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_loses_nothing() {
    let seed = std::env::var("REASSURE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("REASSURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::new().await;
    // on a slow machine many an attempt is cut short; none may be given up for that
    world.set("dispatch.retry.max_attempts", "20");
    let begun = Instant::now();
    let mut published = 0;
    let mut delivered = BTreeSet::new();
    for kill in 0..KILLS {
        // a killed member stays in its group until its session ends; the store's group is the same
        world.set("bus.properties.'group.id'", &format!("'incarnation-{kill}'"));
        let mut service = world.start();
        let dies = Instant::now() + Duration::from_millis(random.random_range(50..1_800));
        while Instant::now() < dies {
            publish(&world, &mut published, &mut delivered).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(10..120))).await;
        }
        service.kill();
    }
    eprintln!("{published} orders published while killed {KILLS} times, {:?}", begun.elapsed());
    world.set("bus.properties.'group.id'", "'the-last'");
    let mut service = world.run().await;
    let wanted = called_for();
    eventually("everything called for arrives", async || {
        publish(&world, &mut published, &mut delivered).await;
        let got: BTreeSet<_> =
            world.messages().iter().map(|m| (m.order.clone(), m.name.clone(), vendor(m.vendor))).collect();
        got.len() >= wanted.len()
    })
    .await;
    eventually("everything comes to rest", async || {
        world.count("SELECT count(*) FROM outbox WHERE state = 'pending'") == 0
    })
    .await;
    eventually("the last one is ready", async || service.get("/readyz").await.status == 200).await;
    ledger(&world.messages(), &wanted);
    for (what, sql) in [
        ("dead records", "SELECT count(*) FROM dead_records"),
        ("parked events", "SELECT count(*) FROM parked"),
        ("given up or held", "SELECT count(*) FROM outbox WHERE state IN ('dead', 'held')"),
        // a shipping message that left right before a kill is old news after the delivery
        ("taken back", "SELECT count(*) FROM outbox WHERE state = 'suppressed' AND message <> 'shipping'"),
    ] {
        assert_eq!(world.count(sql), 0, "{what}");
    }
    eprintln!("settled after {:?}", begun.elapsed());
}

/// A wave of orders, and the delivery of those whose shipping message has left: it would be no
/// news any more had the parcel arrived before.
async fn publish(world: &World, published: &mut usize, delivered: &mut BTreeSet<String>) {
    let mut events = Vec::new();
    for number in *published..ORDERS.min(*published + WAVE) {
        let name = order(number);
        let customer = if calls(number) { caller(&name) } else { reader(&name) };
        events.extend([placed_by(&name, customer), shipped(&name), scan(&name, "in_transit", 60)]);
        events.extend([scan(&name, "out_for_delivery", 20), scan(&name, "out_for_delivery", 20)]);
        *published += 1;
    }
    let mut left: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for message in world.messages().into_iter().filter(|message| message.name == "shipping") {
        left.entry(message.order).or_default().insert(vendor(message.vendor));
    }
    for (name, _) in left.into_iter().filter(|(_, vendors)| vendors.len() == 2) {
        if delivered.insert(name.clone()) {
            events.push(scan(&name, "delivered", 5));
        }
    }
    world.publish(&events).await;
}

fn ledger(messages: &[Message], wanted: &BTreeSet<(String, &str, &str)>) {
    let mut received: BTreeMap<(String, &str, &str), Vec<&Message>> = BTreeMap::new();
    for message in messages {
        assert!(message.received.taken || message.received.duplicate, "refused: {message}");
        received.entry((message.order.clone(), &message.name, vendor(message.vendor))).or_default().push(message);
    }
    let got: BTreeSet<_> = received.keys().cloned().collect();
    let missing: Vec<_> = wanted.difference(&got).collect();
    let unexpected: Vec<_> = got.difference(wanted).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing {missing:?}, unexpected {unexpected:?}");
    let repeated = messages.len() - received.len();
    eprintln!("{} messages, {repeated} of them twice", received.len());
    assert!(repeated <= KILLS * UNDER_WAY);
    for copies in received.values() {
        let first = &copies[0].received;
        for copy in &copies[1..] {
            assert_eq!((&copy.received.key, &copy.received.body), (&first.key, &first.body), "{}", copies[0]);
        }
    }
    in_order(messages);
}

/// Messages of one journey and channel left in the order in which they were decided.
fn in_order(messages: &[Message]) {
    let mut last: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for message in messages {
        let turn = ["confirmation", "shipping", "delivered"].iter().position(|name| *name == message.name);
        let before = last.entry((&message.order, vendor(message.vendor))).or_default();
        assert!(turn.unwrap() >= *before, "out of order: {message}");
        *before = turn.unwrap();
    }
}
