//! Slow work never costs the membership (promise 12).

use std::time::Duration;

use reassure::sandbox::Behaviour;
use serde_json::Value;

use super::events::placed;
use super::harness::{World, eventually};

/// Every provider is silent for far longer than the consumer may be: intake goes on beside it, the
/// group is not left, and once they speak again everything leaves.
#[tokio::test(flavor = "multi_thread")]
async fn providers_that_fall_silent_do_not_evict_the_consumer() {
    const POLL_INTERVAL: Duration = Duration::from_secs(6);
    let mut world = World::new().await;
    world.set("bus.properties.'max.poll.interval.ms'", &format!("'{}'", POLL_INTERVAL.as_millis()));
    // as small as it goes: a jam would reach the consumer at once
    world.set("bus.batch_records", "10");
    world.set("bus.channel_batches", "1");
    world.set("dispatch.retry.max_attempts", "1000");
    world.behave(|_| Behaviour::Hang);
    let mut service = world.run().await;
    let orders: Vec<Value> = (1..=400).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
    eventually("intake goes on", async || world.count("SELECT count(*) FROM journeys") == 400).await;
    // the stall itself is what is tried: three intervals of it
    tokio::time::sleep(3 * POLL_INTERVAL).await;
    assert_eq!(service.metric("reassure_rebalances_total{change=\"taken\"}").await, 0.0, "{}", service.log());
    assert!(!service.log().contains("max.poll"), "{}", service.log());
    world.behave(|_| Behaviour::Answer);
    let open = "SELECT count(*) FROM outbox WHERE state = 'pending'";
    eventually("everything leaves", async || world.count(open) == 0).await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE state = 'accepted'"), 800);
    assert_eq!(service.metric("reassure_rebalances_total{change=\"taken\"}").await, 0.0);
}
