//! An owner that was stopped past its session writes nothing when it goes on (promise 5).

use std::collections::BTreeMap;

use serde_json::Value;

use super::ground;
use crate::service::events::{placed, scan, shipped};
use crate::service::harness::eventually;

/// It sleeps between reading records and writing what follows from them. Its group has given its
/// partitions away when it wakes, and the offsets in the store have moved on: its batch is refused
/// whole, and nobody is written to twice (I6).
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sleeper_had_begun_is_refused_when_it_wakes() {
    let Some(world) = ground::shared().await else { return };
    let mut sleeper = world.run().await;
    let orders: Vec<String> = (1..=40).map(|number| format!("Z{number}")).collect();
    let left: Vec<Value> = orders.iter().flat_map(|order| [placed(order), shipped(order)]).collect();
    world.publish(&left).await;
    world.messages_until("all are told of the shipping", |all| all.len() == 160).await;
    let mut database = ground::database().await;
    let schema = world.ground.schema();
    // the first thing that is asked about a batch of scans is where their numbers lead
    let lock = database.transaction().await.unwrap();
    lock.batch_execute(&format!("LOCK TABLE {schema}.links IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    let scans: Vec<Value> = orders.iter().map(|order| scan(order, "delivered", 5)).collect();
    world.publish(&scans).await;
    let waits = format!("SELECT FROM pg_locks WHERE NOT granted AND relation = '{schema}.links'::regclass");
    eventually("it has a batch and asks", async || !lock.query(&waits, &[]).await.unwrap().is_empty()).await;
    sleeper.signal("STOP");
    lock.rollback().await.unwrap();
    let mut other = world.run().await;
    world.messages_until("another has taken over", |all| all.len() == 240).await;
    sleeper.signal("CONT");
    eventually("it is refused", async || sleeper.log().contains("somebody else has advanced the partition")).await;
    super::at_rest(&world).await;
    for service in [&mut sleeper, &mut other] {
        eventually("both are ready", async || service.get("/readyz").await.status == 200).await;
    }
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    world.messages().into_iter().for_each(|message| *copies.entry(message.received.key).or_default() += 1);
    assert_eq!((copies.len(), copies.values().max()), (240, Some(&1)), "each once");
}
