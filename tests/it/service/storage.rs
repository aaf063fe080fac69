//! A store that fails: intake waits, readiness falls, nothing that was acknowledged is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reassure::sandbox::{Behaviour, Vendor};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;

use super::events::{placed, shipped};
use super::harness::{Message, Service, World, eventually};

fn orders(numbers: std::ops::RangeInclusive<usize>) -> Vec<Value> {
    numbers.map(|number| placed(&format!("Z{number}"))).collect()
}

/// Every order was confirmed once, by e-mail and to the shop.
fn all_once(world: &World, count: usize) {
    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for message in world.messages() {
        *copies.entry((message.order, message.received.key)).or_default() += 1;
    }
    assert_eq!(copies.len(), 2 * count);
    assert!(copies.values().all(|copies| *copies == 1), "{copies:?}");
}

async fn settled(world: &World, count: i64) {
    eventually("all are taken in", async || world.count("SELECT count(*) FROM journeys") == count).await;
    let open = "SELECT count(*) FROM outbox WHERE state = 'pending'";
    eventually("all have left", async || world.count(open) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_intake_and_more_room_lets_it_go_on() {
    let mut world = World::new().await;
    world.set("store.max_pages", "200");
    let mut service = world.run().await;
    world.publish(&orders(1..=300)).await;
    eventually("the disk is full", async || {
        service.get("/metrics").await.body.contains("reassure_store_errors_total{")
    })
    .await;
    eventually("it is not ready any more", async || service.get("/readyz").await.status == 503).await;
    assert_eq!(service.get("/livez").await.status, 200);
    let begun = Instant::now();
    service.signal("TERM");
    assert_eq!(service.ended_within(Duration::from_secs(9)).await.code(), Some(0), "{:?}", begun.elapsed());
    assert!(world.count("SELECT count(*) FROM journeys") < 300);
    world.set("store.max_pages", "1000000");
    let mut service = world.run().await;
    settled(&world, 300).await;
    eventually("it is ready", async || service.get("/readyz").await.status == 200).await;
    let mut keys: Vec<String> = world.messages().into_iter().map(|message| message.received.key).collect();
    let sent = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 600);
    // what left right before the disk was full could not be written down
    assert!(sent - keys.len() <= 2 * 8, "{sent} messages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_locked_by_another_is_waited_for() {
    let mut world = World::new().await;
    world.set("store.busy_timeout_ms", "200");
    let mut service = world.run().await;
    world.publish(&orders(1..=5)).await;
    settled(&world, 5).await;
    let mut other = Connection::open(world.store()).unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    world.publish(&orders(6..=50)).await;
    eventually("it is not ready any more", async || service.get("/readyz").await.status == 503).await;
    drop(lock);
    settled(&world, 50).await;
    eventually("it is ready again", async || service.get("/readyz").await.status == 200).await;
    all_once(&world, 50);
}

/// A row that is damaged, by a disk or by hand, is one order's trouble.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_order_stops_no_other_and_goes_on_once_it_is_whole_again() {
    let world = World::new().await;
    let mut service = world.run().await;
    world.publish(&orders(1..=3)).await;
    settled(&world, 3).await;
    let other = Connection::open(world.store()).unwrap();
    let body: Vec<u8> =
        other.query_row("SELECT body FROM journeys WHERE order_id = 'Z1'", [], |row| row.get(0)).unwrap();
    // due as well: what waits for its deadline must not wait for this one
    other.execute("UPDATE journeys SET body = x'00', wake_ms = 1 WHERE order_id = 'Z1'", []).unwrap();
    let shipping = |all: &[Message], order: &str| {
        all.iter().filter(|one| one.is(order, "shipping", Vendor::Resend) && one.received.taken).count()
    };
    world.publish(&[shipped("Z1"), placed("Z1"), shipped("Z2")]).await;
    world.messages_until("the other is told", |all| shipping(all, "Z2") == 1).await;
    world.publish(&[shipped("Z3")]).await;
    world.messages_until("the next is told", |all| shipping(all, "Z3") == 1).await;
    eventually("it is ready", async || service.get("/readyz").await.status == 200).await;
    assert!(service.log().contains("stored journeys cannot be read"));
    assert!(service.metric("reassure_store_errors_total{kind=\"corrupt\",operation=\"load\"}").await > 0.0);
    let parked = "SELECT count(*) FROM parked";
    eventually("what is heard of it waits", async || world.count(parked) == 2).await;
    other.execute("UPDATE journeys SET body = ?1 WHERE order_id = 'Z1'", [body]).unwrap();
    world.messages_until("it goes on", |all| shipping(all, "Z1") == 1).await;
    eventually("nothing waits any more", async || world.count(parked) == 0).await;
    assert_eq!(world.messages().iter().filter(|one| one.is("Z1", "confirmation", Vendor::Resend)).count(), 1);
}

/// Stops the process at a moment at which it writes nothing: the store is one file, and who stops
/// within a transaction keeps everybody from writing.
async fn put_to_sleep(world: &World, service: &Service) {
    eventually("it is stopped between two transactions", async || {
        service.signal("STOP");
        let mut store = Connection::open(world.store()).unwrap();
        store.busy_timeout(Duration::from_millis(50)).unwrap();
        let is_free = store.transaction_with_behavior(TransactionBehavior::Immediate).is_ok();
        if !is_free {
            service.signal("CONT");
        }
        is_free
    })
    .await;
}

/// A process that is stopped past its leases finds, once it goes on, that another has done its work.
#[tokio::test(flavor = "multi_thread")]
async fn a_sleeper_is_replaced_and_changes_nothing_when_it_wakes() {
    let mut world = World::new().await;
    world.behave(|call| match (call.vendor, call.nth) {
        // the first attempt never ends; what it was about is taken over
        (Vendor::Resend, 1) => Behaviour::Hang,
        _ => Behaviour::Answer,
    });
    let sleeper = world.run().await;
    world.publish(&orders(1..=1)).await;
    world.sandbox.received_at_least(2).await;
    put_to_sleep(&world, &sleeper).await;
    let asleep = Instant::now();
    world.set("bus.properties.'group.id'", "'the-other'");
    let _other = world.run().await;
    settled(&world, 1).await;
    let taken_over = asleep.elapsed();
    assert!(taken_over > Duration::from_secs(4), "the lease was not waited for: {taken_over:?}");
    let attempts = "SELECT count(*) FROM attempts WHERE provider = 'mail'";
    assert_eq!(world.count(attempts), 1);
    sleeper.signal("CONT");
    eventually("the sleeper's attempt is written", async || world.count(attempts) == 2).await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE state <> 'accepted'"), 0);
    // both go on: each order is somebody's, and only once
    world.publish(&orders(2..=40)).await;
    world.behave(|_| Behaviour::Answer);
    settled(&world, 40).await;
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    world
        .messages()
        .into_iter()
        .filter(|m| m.order != "Z1")
        .for_each(|m| *copies.entry(m.received.key).or_default() += 1);
    assert_eq!((copies.len(), copies.values().filter(|copies| **copies > 1).count()), (78, 0));
}
