//! An outage of a provider costs no message its attempts, however long it lasts and however little there is to send:
//! what is still news leaves within a minute of its end, what is not was taken back, and nothing waits for a person.
//! The clock of the service stands and is moved.

use std::time::Duration;

use chrono::Utc;
use reassure::app::Running;
use reassure::clock::Clock;
use reassure::domain::decision::NotificationId;
use reassure::domain::journey::JourneyKey;
use reassure::domain::order::Channel;
use reassure::domain::time::Timestamp;
use reassure::sandbox::{Behaviour, Call, Vendor};
use reassure::telemetry::Metrics;
use serde_json::{Value, json};

use super::events::{SHOP, ago, event, placed, placed_by, reader};
use super::harness::{World, eventually};
use super::hastened::{emails, later, run};

/// News for six hours; its other channel speaks only if the first fails, since the deadline lies behind them.
const RULE: &str = "
- rule: asked
  says: We have heard you.
  on: support.contacted
  message: collected
  channels: [email]
  escalate: { to: sms, at: 5d after placed }
  once_per: event
  expires: 6h
";

/// A world with the waits of the default configuration.
async fn world(max_attempts: u32) -> World {
    let mut world = World::new().await;
    world.set("dispatch.retry.max_attempts", &max_attempts.to_string());
    world.set("dispatch.retry.first_wait_seconds", "5");
    world.set("dispatch.retry.longest_wait_seconds", "3600");
    let shops = world.folder.path().join("shops");
    std::fs::create_dir_all(shops.join("lumen/rules")).unwrap();
    std::fs::write(shops.join("lumen/rules/own.yaml"), RULE).unwrap();
    world.set("shops.folder", &format!("'{}'", shops.display()));
    world
}

fn no_mail(call: &Call<'_>) -> Behaviour {
    if call.vendor == Vendor::Resend { Behaviour::Unavailable } else { Behaviour::Answer }
}

fn asked(order: &str) -> Value {
    event(&format!("{order}-asked"), "support.contacted", ago(0), json!({ "shop": SHOP, "order_id": order }))
}

/// Lets time pass, and what falls due in it be tried, rests of the provider included.
async fn pass(world: &World, running: &Running, clock: &Clock, minutes: i64) {
    later(clock, 60 * minutes);
    eventually("what is due has been tried", async || {
        if let Some(rested) = running.dispatcher.resting_until() {
            clock.advance(rested);
        }
        running.dispatcher.wake();
        emails(world, &format!("state = 'pending' AND due_ms <= {}", clock.now().millis())) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_half_a_day_in_a_quiet_shop_leaves_within_a_minute_and_nothing_is_given_up() {
    let (world, clock) = (world(12).await, Clock::standing(Timestamp(Utc::now())));
    let metrics = Metrics::new().unwrap();
    let running = run(&world, &clock, &metrics).await;
    world.publish(&[placed("Z1")]).await;
    eventually("all is well", async || emails(&world, "state = 'accepted'") == 1).await;
    world.behave(no_mail);
    world.publish(&[asked("Z1"), placed("Z2"), placed("Z3")]).await;
    eventually("each has failed", async || emails(&world, "state = 'pending' AND attempts = 1") == 3).await;
    for _ in 0..42 {
        pass(&world, &running, &clock, 20).await;
    }
    assert_eq!(emails(&world, "message = 'collected' AND state = 'suppressed' AND reason = 'expired'"), 1);
    assert_eq!(emails(&world, "message = 'confirmation' AND state = 'pending' AND attempts = 1"), 2, "none counts");
    let failed = metrics.attempts.with_label_values(&["email", "mail", "temporary_failure"]).get();
    assert!(failed >= 2 * 42, "each was tried all the time: {failed}");
    let kept = "SELECT max(kept) FROM (SELECT count(*) AS kept FROM attempts GROUP BY notification)";
    assert!((2..=3).contains(&world.count(kept)), "the timeline says since when and until when");
    world.behave(|_| Behaviour::Answer);
    later(&clock, 60);
    eventually("all are told", async || emails(&world, "state = 'accepted'") == 3).await;
    assert_eq!(emails(&world, "state IN ('dead', 'held')"), 0);
    running.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_alone_is_given_up_once_others_are_taken() {
    let (world, clock) = (world(4).await, Clock::standing(Timestamp(Utc::now())));
    let order = JourneyKey { shop: SHOP.to_owned(), order_id: "Z1".to_owned() };
    let poisoned = NotificationId::derive(&order, &"confirmation".into(), "order", Channel::Email);
    world.behave(move |call| if call.key == poisoned.0 { Behaviour::Unavailable } else { Behaviour::Answer });
    let running = run(&world, &clock, &Metrics::new().unwrap()).await;
    world.publish(&[placed("Z1")]).await;
    eventually("it has failed", async || emails(&world, "state = 'pending' AND attempts = 1") == 1).await;
    for _ in 0..12 {
        pass(&world, &running, &clock, 60).await;
    }
    assert_eq!(emails(&world, "state = 'pending' AND attempts = 1"), 1, "there is nothing to tell it apart by");
    for number in 2..=4 {
        world.publish(&[placed(&format!("Z{number}"))]).await;
        eventually("another is taken", async || emails(&world, "state = 'accepted'") == number - 1).await;
        pass(&world, &running, &clock, 60).await;
    }
    assert_eq!(emails(&world, "state = 'dead' AND attempts = 4"), 1);
    running.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_channel_says_if_it_fails_may_fail_in_an_outage() {
    let (world, clock) = (world(3).await, Clock::standing(Timestamp(Utc::now())));
    let running = run(&world, &clock, &Metrics::new().unwrap()).await;
    let mut customer = reader("Z1");
    customer["phone"] = json!("+33 6 39 98 00 01");
    world.publish(&[placed_by("Z1", customer), placed("Z2")]).await;
    eventually("both are told", async || emails(&world, "state = 'accepted'") == 2).await;
    world.behave(no_mail);
    world.publish(&[asked("Z1"), asked("Z2")]).await;
    eventually("both have failed", async || emails(&world, "state = 'pending' AND attempts = 1") == 2).await;
    for _ in 0..3 {
        pass(&world, &running, &clock, 60).await;
    }
    let texts = "SELECT count(*) FROM outbox WHERE channel = 'sms' AND message = 'collected' AND state = 'accepted'";
    eventually("a text message says it", async || world.count(texts) == 1).await;
    assert_eq!(emails(&world, "state = 'dead' AND attempts = 3"), 1);
    assert_eq!(emails(&world, "state = 'pending' AND attempts = 1"), 1, "the other has no telephone");
    running.stop(Duration::from_secs(5)).await;
}
