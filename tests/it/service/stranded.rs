//! An event that was parked while its shipment was being linked by another replica.

use reassure::sandbox::Vendor;
use rusqlite::Connection;

use super::events::{placed, scan, shipped};
use super::harness::{World, eventually};

/// A scan that waits although its shipment is linked, as a copy of its row.
async fn set_aside(world: &World) -> Connection {
    world.publish(&[placed("Z1"), scan("Z1", "delivered", 5)]).await;
    let parked = "SELECT count(*) FROM parked";
    eventually("the scan waits", async || world.store().exists() && world.count(parked) == 1).await;
    let store = Connection::open(world.store()).unwrap();
    store.busy_timeout(super::harness::LONG).unwrap();
    store.execute_batch("CREATE TABLE late AS SELECT * FROM parked; DELETE FROM parked").unwrap();
    world.publish(&[shipped("Z1")]).await;
    world.messages_until("the shipment is told", |all| all.iter().any(|m| m.name == "shipping")).await;
    store
}

/// The shipment's repetition asks for the scan and does not lead to it: it goes on waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_shipment_does_not_lose_what_waits_for_it() {
    let world = World::new().await;
    let _service = world.run().await;
    let store = set_aside(&world).await;
    store.execute_batch("INSERT INTO parked SELECT * FROM late").unwrap();
    world.publish(&[shipped("Z1")]).await;
    world
        .messages_until("the delivery is told", |all| all.iter().any(|m| m.is("Z1", "delivered", Vendor::Resend)))
        .await;
}

/// Neither replica sees what the other has not written yet; the event is found all the same (I8).
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_parked_too_late_is_found_and_applied_once() {
    let world = World::new().await;
    let _service = world.run().await;
    let store = set_aside(&world).await;
    // as a replica does that had looked before the shipment was there, and writes after it
    store.execute_batch("INSERT INTO parked SELECT * FROM late").unwrap();
    let all = world
        .messages_until("the delivery is told", |all| all.iter().any(|m| m.is("Z1", "delivered", Vendor::Resend)))
        .await;
    eventually("nothing waits", async || world.count("SELECT count(*) FROM parked") == 0).await;
    assert_eq!(all.iter().filter(|message| message.is("Z1", "delivered", Vendor::Resend)).count(), 1);
}
