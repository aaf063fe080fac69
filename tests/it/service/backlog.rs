//! A backlog: while a batch is decided and written, what the next one needs is read already.

use reassure::bus::producer::Outbound;

use super::events::{ORDERS, placed, scan, shipped};
use super::harness::{World, eventually};

/// So many orders after its order comes a shipment, and after that its scan: within a batch of 500 records or the next.
const APART: usize = 150;
const ORDERS_PLACED: usize = 900;

/// What a batch changes is seen by the one after it, although that was looked at before: no scan misses its shipment, and
/// nothing has to be decided again.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_looked_at_early_knows_what_the_one_before_it_wrote() {
    let mut world = World::new().await;
    world.set("shop.storm.factor", "0");
    let order = |number: usize| format!("Z{number}");
    for number in 0..ORDERS_PLACED {
        let before = |count: usize| number.checked_sub(count).map(order);
        let events = [
            Some(placed(&order(number))),
            before(APART).map(|order| shipped(&order)),
            before(2 * APART).map(|order| scan(&order, "in_transit", 5)),
        ];
        for event in events.into_iter().flatten() {
            let value = serde_json::to_vec(&event).unwrap();
            // one key, one partition: in this order
            let (topic, value) = (&world.topic(ORDERS), Some(value.as_slice()));
            world.publish_raw(Outbound { topic, key: Some(b"one"), value, ..Outbound::default() }).await;
        }
    }
    let mut service = world.run().await;
    let applied = |of: &str| format!("reassure_events_total{{outcome=\"applied\",type=\"{of}\"}}");
    for (of, count) in [
        ("order.placed", ORDERS_PLACED),
        ("shipment.created", ORDERS_PLACED - APART),
        ("parcel.tracked", ORDERS_PLACED - 2 * APART),
    ] {
        let count = f64::from(u32::try_from(count).unwrap());
        eventually(of, async || service.metric(&applied(of)).await >= count).await;
    }
    assert_ne!(service.metric("reassure_store_seconds_count{operation=\"look\"}").await, 0.0);
    assert_eq!(service.metric("reassure_events_total{outcome=\"parked\",type=\"parcel.tracked\"}").await, 0.0);
    assert_eq!(service.metric("reassure_journey_conflicts_total").await, 0.0);
}
