//! Providers that fail, each in its own way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reassure::domain::time::Timestamp;
use reassure::sandbox::{Behaviour, Vendor};
use serde_json::Value;

use super::events::{cancelled, placed, scan, shipped};
use super::harness::{Message, World, eventually, json};

/// Orders of a test are told apart by the behaviour that they meet; the rest is answered.
fn of<'a>(messages: &'a [Message], order: &str, name: &str, vendor: Vendor) -> Vec<&'a Message> {
    messages.iter().filter(|message| message.is(order, name, vendor)).collect()
}

/// Waits until so many messages are accepted.
async fn accepted(world: &World, count: i64) {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'accepted'";
    eventually("they are accepted", async || world.store().exists() && world.count(sql) >= count).await;
}

async fn at_rest(world: &World) {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'pending'";
    eventually("everything has ended", async || world.count(sql) == 0).await;
}

fn states(world: &World, order: &str) -> Vec<String> {
    let told = json(&world.command(&["lookup", "lumen", order, "-o", "json"]));
    let stories = told["notifications"].as_array().unwrap().iter();
    stories
        .map(|story| format!("{} {}", story["channel"].as_str().unwrap(), story["state"].as_str().unwrap()))
        .collect()
}

fn outcomes(world: &World, order: &str) -> Vec<String> {
    let told = json(&world.command(&["lookup", "lumen", order, "-o", "json"]));
    let stories = told["notifications"].as_array().unwrap();
    let mail = stories.iter().find(|story| story["channel"] == "email").unwrap();
    let attempts = mail["attempts"].as_array().unwrap().iter();
    attempts.map(|attempt| attempt["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_the_moment_is_ridden_out_with_the_same_key() {
    for (fault, outcome) in [
        (Behaviour::Hang, "unknown"),
        (Behaviour::ResetUnheard, "unknown"),
        (Behaviour::ResetTaken, "unknown"),
        (Behaviour::Garbage, "unknown"),
        (Behaviour::ErrorInBody, "unknown"),
        (Behaviour::Unavailable, "temporary_failure"),
        (Behaviour::InternalError, "temporary_failure"),
        (Behaviour::Unauthorized, "temporary_failure"),
        (Behaviour::TooManyRequests { retry_after: 2 }, "temporary_failure"),
    ] {
        let world = World::new().await;
        world.behave(move |call| match (call.vendor, call.nth) {
            (Vendor::Resend, 1) => fault,
            _ => Behaviour::Answer,
        });
        let _service = world.run().await;
        world.publish(&[placed("Z1")]).await;
        accepted(&world, 2).await;
        let messages = world.messages();
        assert_eq!(outcomes(&world, "Z1"), [outcome, "accepted"], "{fault:?}");
        let tries = of(&messages, "Z1", "confirmation", Vendor::Resend);
        assert!(tries.iter().all(|message| message.received.key == tries[0].received.key), "{fault:?}");
        assert!(tries.iter().all(|message| message.received.body == tries[0].received.body), "{fault:?}");
        let reached = tries.iter().filter(|message| message.received.taken).count();
        assert_eq!(reached, 1, "{fault:?}: the customer has it once");
        if let Behaviour::TooManyRequests { retry_after } = fault {
            let at = |message: &Message| Timestamp::parse(&message.received.received_at).unwrap();
            let waited = at(tries[1]).since(at(tries[0]));
            assert!(waited >= chrono::Duration::seconds(retry_after as i64), "it came back after {waited}");
        }
    }
}

/// From the request to what came of it: no wait before it counts, and silence counts up to the time-out.
#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_measured_by_what_came_of_it() {
    let world = World::new().await;
    world.behave(|call| match (call.vendor, call.nth) {
        (Vendor::Resend, 1) => Behaviour::Hang,
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    accepted(&world, 2).await;
    let mut of = async |what: &str, outcome: &str| {
        let name = format!("{what}{{channel=\"email\",outcome=\"{outcome}\",provider=\"mail\"}}");
        service.metric(&name).await
    };
    eventually("both are counted", async || {
        of("reassure_attempts_total", "unknown").await + of("reassure_attempts_total", "accepted").await == 2.0
    })
    .await;
    for outcome in ["unknown", "accepted"] {
        assert_eq!(of("reassure_attempt_seconds_count", outcome).await, 1.0, "{outcome}");
    }
    let (silent, answered) =
        (of("reassure_attempt_seconds_sum", "unknown").await, of("reassure_attempt_seconds_sum", "accepted").await);
    assert!(
        silent >= 2.0 && answered > 0.0 && answered < silent,
        "{silent} s without an answer, {answered} s with one"
    );
}

/// E-mail refuses everything for a while; text messages, webhooks and intake do not notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_provider_delays_no_other_channel_and_its_messages_can_be_redriven() {
    let mut world = World::new().await;
    world.set("dispatch.retry.max_attempts", "2");
    let dead = Arc::new(AtomicBool::new(true));
    let is_dead = Arc::clone(&dead);
    world.behave(move |call| match call.vendor {
        Vendor::Resend if is_dead.load(Ordering::Relaxed) => Behaviour::InternalError,
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    let orders: Vec<String> = (1..=5).map(|number| format!("Z{number}")).collect();
    let events: Vec<Value> = orders.iter().flat_map(|order| [placed(order), shipped(order)]).collect();
    world.publish(&events).await;
    world
        .messages_until("all webhooks arrive", |all| {
            all.iter().filter(|message| message.vendor == Vendor::Webhook && message.received.taken).count() == 10
        })
        .await;
    let given_up = "SELECT count(*) FROM outbox WHERE state = 'dead' AND channel = 'email'";
    eventually("e-mails are given up after their retries", async || world.count(given_up) == 10).await;
    assert_eq!(world.count("SELECT max(attempts) FROM outbox WHERE channel = 'email'"), 2);
    let letters = json(&world.command(&["dlq", "list", "-o", "json"]));
    assert_eq!(letters.as_array().unwrap().len(), 10);
    assert_eq!((&letters[0]["kind"], &letters[0]["attempts"]), (&"notification".into(), &2.into()));
    let before = world.messages();
    dead.store(false, Ordering::Relaxed);
    assert_eq!(world.command(&["dlq", "redrive", "--all", "--yes"]).status.code(), Some(0));
    at_rest(&world).await;
    let messages = world.messages();
    for order in &orders {
        for name in ["confirmation", "shipping"] {
            let tries = of(&messages, order, name, Vendor::Resend);
            let last = tries.last().unwrap();
            assert!(last.received.taken && last.received.key == tries[0].received.key, "{last}");
        }
        let taken: Vec<&str> = messages[before.len()..]
            .iter()
            .filter(|message| message.order == *order && message.vendor == Vendor::Resend)
            .map(|message| message.name.as_str())
            .collect();
        assert_eq!(taken, ["confirmation", "shipping"], "in their order");
    }
    assert_eq!(json(&world.command(&["dlq", "list", "-o", "json"])), Value::Array(Vec::new()));
    assert_eq!(service.get("/readyz").await.status, 200);
}

/// The messages of a journey leave in order, retries or not; other journeys do not wait.
#[tokio::test(flavor = "multi_thread")]
async fn one_failing_journey_holds_up_no_other_and_keeps_its_order() {
    let world = World::new().await;
    let _service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    accepted(&world, 2).await;
    // the shipping message of Z1 fails three times; nothing else does
    let before = world.messages().len();
    let failing = std::sync::Mutex::new(None::<String>);
    world.behave(move |call| {
        if call.vendor != Vendor::Resend {
            return Behaviour::Answer;
        }
        let mut failing = failing.lock().unwrap();
        let first = failing.get_or_insert_with(|| call.key.to_owned());
        if first == call.key && call.nth <= 3 { Behaviour::Unavailable } else { Behaviour::Answer }
    });
    world.publish(&[shipped("Z1")]).await;
    world.messages_until("the first attempt fails", |all| all.len() > before).await;
    world.publish(&[cancelled("Z1")]).await;
    accepted(&world, 3).await;
    let others: Vec<Value> = (2..=30).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&others).await;
    accepted(&world, 3 + 2 + 2 * 29).await;
    at_rest(&world).await;
    let messages = world.messages();
    // cancelled meanwhile: what was to be said of the shipment is not true any more
    assert_eq!(of(&messages, "Z1", "shipping", Vendor::Resend).iter().filter(|m| m.received.taken).count(), 0);
    assert_eq!(states(&world, "Z1").iter().filter(|state| *state == "email suppressed").count(), 1);
    let last = messages.iter().position(|m| m.is("Z1", "cancelled", Vendor::Resend)).expect("it is told of the end");
    let others = messages.iter().filter(|m| m.name == "confirmation" && m.vendor == Vendor::Resend && m.order != "Z1");
    assert_eq!(others.count(), 29);
    assert!(last > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_waits_for_a_person_where_that_is_the_policy() {
    let mut world = World::new().await;
    world.set("providers.mail.on_unknown", "'hold'");
    world.behave(|call| match (call.vendor, call.nth) {
        (Vendor::Resend, 1) => Behaviour::ResetTaken,
        _ => Behaviour::Answer,
    });
    let _service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1")]).await;
    let held = "SELECT count(*) FROM outbox WHERE state = 'held'";
    eventually("both wait for a person", async || world.count(held) == 2).await;
    let letters = json(&world.command(&["dlq", "list", "-o", "json"]));
    assert!(letters.as_array().unwrap().iter().all(|letter| letter["state"] == "held"));
    assert_eq!(world.command(&["dlq", "redrive", "--all", "--yes"]).status.code(), Some(0));
    at_rest(&world).await;
    let messages = world.messages();
    for name in ["confirmation", "shipping"] {
        let tries = of(&messages, "Z1", name, Vendor::Resend);
        assert_eq!((tries[0].received.taken, tries[1].received.duplicate, tries.len()), (true, true, 2));
    }
}

/// News of a delay waits for its retry while the parcel arrives: it is taken back, and so there is
/// nothing to recover from.
#[tokio::test(flavor = "multi_thread")]
async fn news_that_is_no_longer_true_is_taken_back_before_its_next_attempt() {
    let world = World::new().await;
    let _service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1"), scan("Z1", "in_transit", 90)]).await;
    accepted(&world, 4).await;
    world.behave(|call| match call.nth {
        1 => Behaviour::TooManyRequests { retry_after: 4 },
        _ => Behaviour::Answer,
    });
    world.publish(&[scan("Z1", "delayed", 60)]).await;
    world
        .messages_until("the delay is not taken, by neither", |all| {
            all.iter().filter(|message| message.name == "delay").count() == 2
        })
        .await;
    world.behave(|_| Behaviour::Answer);
    world.publish(&[scan("Z1", "in_transit", 30), scan("Z1", "delivered", 10)]).await;
    tokio::time::timeout(Duration::from_secs(30), at_rest(&world)).await.unwrap();
    let messages = world.messages();
    let names = |taken: bool| -> Vec<&str> {
        let all = messages.iter().filter(|m| m.vendor == Vendor::Resend && m.received.taken == taken);
        all.map(|message| message.name.as_str()).collect()
    };
    assert_eq!(names(true), ["confirmation", "shipping", "delivered"]);
    assert_eq!(names(false), ["delay"]);
    let suppressed = states(&world, "Z1").into_iter().filter(|state| state.ends_with("suppressed"));
    // the recovery is decided before the delay is known to be taken back, and taken back with it
    assert!(suppressed.count() >= 2);
}

/// Wrong credentials are no fault of the message: what they cost it does not count. The log tells once that
/// the provider is left in peace, and once that it answers again.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_a_resting_provider_do_not_count() {
    let mut world = World::new().await;
    world.set("dispatch.retry.max_attempts", "2");
    world.behave(|call| match (call.vendor, call.nth) {
        (Vendor::Resend, 1) => Behaviour::Unauthorized,
        (Vendor::Resend, 2) => Behaviour::InternalError,
        _ => Behaviour::Answer,
    });
    let service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    accepted(&world, 2).await;
    assert_eq!(outcomes(&world, "Z1"), ["temporary_failure", "temporary_failure", "accepted"]);
    for line in ["a provider is left in peace", "a provider answers again"] {
        eventually("the log tells", async || service.log().matches(line).count() == 1).await;
    }
}
