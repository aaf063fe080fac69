//! A stop is bounded, whatever the others do, and loses nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reassure::sandbox::{Behaviour, Vendor};
use serde_json::Value;

use super::events::placed;
use super::harness::{Service, World, eventually};

/// `drain_seconds`, a second for the runtime's threads, and a busy machine.
const BOUND: Duration = Duration::from_secs(5 + 1 + 3);

async fn stopped(service: &mut Service) -> Duration {
    let begun = Instant::now();
    service.signal("TERM");
    assert_eq!(service.ended_within(BOUND).await.code(), Some(0));
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_finishes_what_is_under_way_and_nothing_is_sent_twice() {
    let mut world = World::new().await;
    world.behave(|_| {
        // slow enough that some are under way at any moment
        std::thread::sleep(Duration::from_millis(5));
        Behaviour::Answer
    });
    let mut service = world.run().await;
    let orders: Vec<Value> = (1..=300).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
    for round in 0..4 {
        let sent = world.sandbox.count();
        world.sandbox.received_at_least(sent + 40).await;
        stopped(&mut service).await;
        world.set("bus.properties.'group.id'", &format!("'round-{round}'"));
        service = world.run().await;
    }
    let open = "SELECT count(*) FROM outbox WHERE state = 'pending'";
    eventually("all are taken in", async || world.count("SELECT count(*) FROM journeys") == 300).await;
    eventually("all have left", async || world.count(open) == 0).await;
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for message in world.messages() {
        *copies.entry(message.received.key).or_default() += 1;
    }
    assert_eq!(copies.len(), 600);
    assert_eq!(copies.values().filter(|copies| **copies > 1).count(), 0, "sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_a_hanging_provider_no_longer_than_it_may() {
    let mut world = World::new().await;
    world.set("providers.mail.timeout_seconds", "30");
    world.set("dispatch.lease_seconds", "35");
    world.behave(|call| if call.vendor == Vendor::Resend { Behaviour::Hang } else { Behaviour::Answer });
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    world.sandbox.received_at_least(2).await;
    let address = service.address().await;
    let begun = Instant::now();
    service.signal("TERM");
    eventually("it is not ready while it stops", async || super::harness::get(&address, "/readyz").await.status == 503)
        .await;
    assert_eq!(super::harness::get(&address, "/livez").await.status, 200);
    assert_eq!(service.ended_within(BOUND).await.code(), Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(4), "what is under way is given its time");
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE state = 'pending'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_kafka_is_away_is_bounded_too() {
    let world = World::new().await;
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    world.sandbox.received_at_least(2).await;
    world.broker().down().unwrap();
    stopped(&mut service).await;
    // and one that never saw it
    let mut service = world.run().await;
    stopped(&mut service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_may_come_late_and_go_for_a_while() {
    let world = World::new().await;
    world.broker().down().unwrap();
    let mut service = world.run().await;
    assert_eq!(service.get("/livez").await.status, 200);
    assert_eq!(service.get("/readyz").await.status, 503, "it has not reached Kafka yet");
    world.broker().up().unwrap();
    eventually("it is ready", async || service.get("/readyz").await.status == 200).await;
    world.publish(&[placed("Z1")]).await;
    world.sandbox.received_at_least(2).await;
    world.broker().down().unwrap();
    world.broker().up().unwrap();
    world.publish(&[placed("Z2")]).await;
    world.sandbox.received_at_least(4).await;
}
