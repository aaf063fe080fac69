//! An event that was parked while its shipment was being linked by another replica.

use reassure::sandbox::Vendor;
use rusqlite::Connection;

use super::events::{placed, scan, shipped};
use super::harness::{World, eventually};

/// Neither replica sees what the other has not written yet; the event is found all the same (I8).
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_parked_too_late_is_found_and_applied_once() {
    let world = World::new().await;
    let _service = world.run().await;
    world.publish(&[placed("Z1"), scan("Z1", "delivered", 5)]).await;
    let parked = "SELECT count(*) FROM parked";
    eventually("the scan waits", async || world.store().exists() && world.count(parked) == 1).await;
    let store = Connection::open(world.store()).unwrap();
    store.busy_timeout(super::harness::LONG).unwrap();
    store.execute_batch("CREATE TABLE late AS SELECT * FROM parked; DELETE FROM parked").unwrap();
    world.publish(&[shipped("Z1")]).await;
    world.messages_until("the shipment is told", |all| all.iter().any(|m| m.name == "shipping")).await;
    // as a replica does that had looked before the shipment was there, and writes after it
    store.execute_batch("INSERT INTO parked SELECT * FROM late").unwrap();
    let all = world
        .messages_until("the delivery is told", |all| all.iter().any(|m| m.is("Z1", "delivered", Vendor::Resend)))
        .await;
    eventually("nothing waits", async || world.count(parked) == 0).await;
    assert_eq!(all.iter().filter(|message| message.is("Z1", "delivered", Vendor::Resend)).count(), 1);
}
