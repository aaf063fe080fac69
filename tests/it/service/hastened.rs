//! What waits for its retry leaves as soon as its provider is back, however long it would have waited
//! ("never late"). The clock of the service stands, so nothing leaves because its own moment has come.

use std::time::Duration;

use chrono::Utc;
use reassure::app::{self, Running};
use reassure::clock::Clock;
use reassure::config::Loaded;
use reassure::domain::time::Timestamp;
use reassure::sandbox::{Behaviour, Vendor};
use reassure::telemetry::Metrics;
use serde_json::Value;

use super::events::placed;
use super::harness::{World, eventually};

/// A world in which a retry waits for up to an hour, and e-mail is down.
async fn down() -> World {
    let mut world = World::new().await;
    world.set("dispatch.retry.first_wait_seconds", "3600");
    world.set("dispatch.retry.longest_wait_seconds", "3600");
    world.behave(|call| if call.vendor == Vendor::Resend { Behaviour::Unavailable } else { Behaviour::Answer });
    world
}

/// The service, in this process.
pub async fn run(world: &World, clock: &Clock, metrics: &Metrics) -> Running {
    let loaded = Loaded::load(Some(&world.config())).unwrap();
    let store = loaded.settings.store.open().await.unwrap();
    app::start(&loaded, store, clock.clone(), metrics.clone()).await.unwrap()
}

async fn order(world: &World, numbers: std::ops::RangeInclusive<usize>) {
    let orders: Vec<Value> = numbers.map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
}

pub fn emails(world: &World, which: &str) -> i64 {
    world.count(&format!("SELECT count(*) FROM outbox WHERE channel = 'email' AND {which}"))
}

pub fn later(clock: &Clock, seconds: i64) {
    clock.advance(clock.now().plus(chrono::Duration::seconds(seconds)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_leaves_once_its_provider_accepts_again() {
    let (world, clock, metrics) = (down().await, Clock::standing(Timestamp(Utc::now())), Metrics::new().unwrap());
    let running = run(&world, &clock, &metrics).await;
    order(&world, 1..=30).await;
    eventually("the provider is left in peace", async || {
        let resting = metrics.provider_resting.with_label_values(&["mail"]).get() == 1;
        resting && emails(&world, "state = 'pending' AND lease_owner IS NULL") == 30
    })
    .await;
    let failed = emails(&world, "attempts = 1");
    assert!((10..30).contains(&failed), "{failed} have failed");
    let by_themselves = emails(&world, &format!("attempts = 1 AND due_ms <= {}", clock.now().millis() + 40_000));
    world.behave(|_| Behaviour::Answer);
    later(&clock, 40);
    eventually("all are told", async || emails(&world, "state = 'accepted'") == 30).await;
    assert_eq!(emails(&world, "attempts = 2"), failed, "each was tried once more");
    let hastened = metrics.hastened.with_label_values(&["mail"]).get();
    assert_eq!(i64::try_from(hastened).unwrap(), failed - by_themselves);
    running.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_started_after_the_outage_lets_it_leave_too() {
    let (world, clock) = (down().await, Clock::standing(Timestamp(Utc::now())));
    let running = run(&world, &clock, &Metrics::new().unwrap()).await;
    // too few for the provider to be left in peace
    order(&world, 1..=9).await;
    eventually("all have failed", async || emails(&world, "attempts = 1") == 9).await;
    running.stop(Duration::from_secs(5)).await;
    world.behave(|_| Behaviour::Answer);
    let metrics = Metrics::new().unwrap();
    let running = run(&world, &clock, &metrics).await;
    later(&clock, 1);
    order(&world, 10..=10).await;
    eventually("all are told", async || emails(&world, "state = 'accepted'") == 10).await;
    assert!(metrics.hastened.with_label_values(&["mail"]).get() > 0);
    running.stop(Duration::from_secs(5)).await;
}
