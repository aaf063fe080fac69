//! One journey whose messages fail costs the others nothing (promise 9).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reassure::domain::time::Timestamp;
use reassure::sandbox::{Behaviour, Vendor};

use super::events::placed;
use super::harness::World;

const ORDERS: usize = 200;
const PACE: Duration = Duration::from_millis(15);
/// The machine has other work too: what is found in one of so many rounds is what the service can.
const ROUNDS: usize = 6;
const MOST: f64 = 1.10;

/// Publishes orders at a pace; returns the 99th percentile of the time from there to the sink.
async fn p99(world: &World, first: usize) -> f64 {
    let mut published = Vec::new();
    for number in first..first + ORDERS {
        let order = format!("Z{number}");
        published.push((order.clone(), Timestamp(chrono::Utc::now())));
        world.publish(&[placed(&order)]).await;
        tokio::time::sleep(PACE).await;
    }
    let is_of = |order: &str| order[1..].parse::<usize>().is_ok_and(|number| number >= first);
    let messages = world
        .messages_until("they arrive", |all| {
            all.iter().filter(|m| m.vendor == Vendor::Resend && m.received.taken && is_of(&m.order)).count() == ORDERS
        })
        .await;
    let mut waited: Vec<i64> = published
        .iter()
        .map(|(order, at)| {
            let message = messages.iter().find(|m| m.is(order, "confirmation", Vendor::Resend)).unwrap();
            Timestamp::parse(&message.received.received_at).unwrap().since(*at).num_microseconds().unwrap()
        })
        .collect();
    waited.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "microseconds of a test")]
    let waited = waited[ORDERS * 99 / 100 - 1] as f64;
    waited
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_journey_leaves_the_others_as_fast_as_they_were() {
    let mut world = World::new().await;
    world.set("dispatch.retry.max_attempts", "1000");
    let failing: Arc<Mutex<Option<String>>> = Arc::default();
    let armed = Arc::new(AtomicBool::new(false));
    let (key, is_armed) = (Arc::clone(&failing), Arc::clone(&armed));
    world.behave(move |call| {
        if call.vendor != Vendor::Resend {
            return Behaviour::Answer;
        }
        let mut key = key.lock().unwrap();
        if is_armed.swap(false, Ordering::Relaxed) {
            *key = Some(call.key.to_owned());
        }
        if key.as_deref() == Some(call.key) { Behaviour::Unavailable } else { Behaviour::Answer }
    });
    let _service = world.run().await;
    p99(&world, 10_000).await;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        *failing.lock().unwrap() = None;
        let calm = p99(&world, 10_000 + round * 1_000).await;
        armed.store(true, Ordering::Relaxed);
        world.publish(&[placed(&format!("Z{round}"))]).await;
        let order = format!("Z{round}");
        world.messages_until("it fails", |all| all.iter().any(|m| m.order == order && !m.received.taken)).await;
        let beside = p99(&world, 10_500 + round * 1_000).await;
        ratios.push(beside / calm);
        if beside <= calm * MOST {
            let tries = |order: &str| world.messages().iter().filter(|m| m.order == order && !m.received.taken).count();
            assert!(tries(&order) > 1, "it failed all the while");
            return;
        }
    }
    panic!("the others were slower beside a failing journey in every round, by {ratios:?}");
}
