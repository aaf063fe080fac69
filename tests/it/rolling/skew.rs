//! Replicas whose clocks differ: by what is allowed, and by more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::Duration;
use reassure::domain::time::Timestamp;
use reassure::sandbox::Behaviour;
use serde_json::Value;

use super::{fleet, ground};
use crate::service::events::placed;
use crate::service::harness::{LONG, Service, World};

/// Each may be off by so much.
const ALLOWED_MS: i64 = 1_000;
/// `timeout_seconds` of the providers here.
const ATTEMPT: Duration = Duration::seconds(2);
/// The sink notes a request a little after it was sent.
const SLACK: Duration = Duration::milliseconds(300);
const PULSE: std::time::Duration = std::time::Duration::from_millis(100);

/// A library that shifts the clock of whoever loads it.
fn shift(world: &World) -> PathBuf {
    let library = world.folder.path().join("skew.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/rolling/skew.c");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status().unwrap();
    assert!(made.success());
    library
}

fn start(world: &World, skew_ms: i64) -> Service {
    let mut command = Command::new(fleet::binary());
    command.env("LD_PRELOAD", shift(world)).env("REASSURE_SKEW_MS", skew_ms.to_string());
    Service::start(command, &world.config_with(&format!("skew{skew_ms}"), &[]))
}

/// Notes when this process, and the sink in it, was not given its turn for a while.
async fn watch(lateness: Arc<Mutex<Vec<Timestamp>>>) {
    loop {
        let due = Instant::now() + PULSE;
        tokio::time::sleep_until(due.into()).await;
        if due.elapsed() > PULSE {
            lateness.lock().unwrap().push(fleet::now());
        }
    }
}

/// Leases are compared by the replicas' own clocks. Attempts that take as long as they may are
/// over before another replica, whose clock is ahead, begins them again (promise 6).
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_by_what_is_allowed_never_send_at_the_same_time() {
    let Some(world) = ground::shared().await else { return };
    let lateness = Arc::new(Mutex::new(Vec::new()));
    let watch = tokio::spawn(watch(Arc::clone(&lateness)));
    world.behave(|call| if call.nth == 1 { Behaviour::Hang } else { Behaviour::Answer });
    let mut replicas = [start(&world, -ALLOWED_MS), start(&world, ALLOWED_MS)];
    for replica in &mut replicas {
        replica.address().await;
    }
    let orders: Vec<Value> = (1..=40).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
    world
        .messages_until("all are accepted", |all| {
            let answered: BTreeSet<&str> =
                all.iter().filter(|message| message.received.answered).map(|m| m.received.key.as_str()).collect();
            answered.len() == 80
        })
        .await;
    super::at_rest(&world).await;
    watch.abort();
    let lateness = lateness.lock().unwrap();
    let mut attempts: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for message in world.messages() {
        let at = Timestamp::parse(&message.received.received_at).unwrap();
        attempts.entry(message.received.key).or_default().push(at);
    }
    for (key, moments) in attempts {
        assert!(moments.len() >= 2, "{key}");
        for pair in moments.windows(2) {
            // while the sink was late itself, its notes tell nothing of when a request was sent
            let is_late = lateness.iter().any(|at| pair[0] <= at.plus(ATTEMPT) && *at <= pair[1].plus(ATTEMPT));
            let apart = pair[1].since(pair[0]);
            assert!(is_late || apart > ATTEMPT - SLACK, "{key}: again after {apart}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_by_more_is_told_of_at_the_start() {
    let Some(mut world) = ground::shared().await else { return };
    world.set("store.start_ms", "0");
    let mut wrong = start(&world, 5 * ALLOWED_MS);
    assert_eq!(wrong.ended_within(LONG).await.code(), Some(1));
    assert!(wrong.log().contains("clock"), "{}", wrong.log());
}
