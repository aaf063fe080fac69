//! Drills: something is really wrong with the running service, and a real Prometheus rings for it and for
//! nothing else; it is mended, and the ringing ends. Every duration in the rules is a sixtieth of what operators
//! have ([`FASTER`](super::prometheus::FASTER)); thresholds are as they are.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reassure::bus::producer::Outbound;
use reassure::sandbox::{Behaviour, Call, Vendor};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;

use super::prometheus::Prometheus;
use crate::service::events::{ORDERS, cancelled, placed};
use crate::service::harness::{Service, World, eventually};

fn orders(numbers: std::ops::RangeInclusive<usize>) -> Vec<Value> {
    numbers.map(|number| placed(&format!("Z{number}"))).collect()
}

/// What does not leave is late, and stays so for as long as the longest windows of the objective.
const LATE: [&str; 2] = ["ReassureMessagesLate critical", "ReassureMessagesLate warning"];

/// The service at work, watched, and silent.
async fn quiet(world: &World, shares_disk: bool) -> Option<(Service, Prometheus)> {
    let mut service = world.run().await;
    world.publish(&orders(1..=3)).await;
    let mut prometheus = Prometheus::watch(&service.address().await, shares_disk).await?;
    world.messages_until("they arrive", |all| all.len() >= 6).await;
    prometheus.is_silent(8).await;
    Some((service, prometheus))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down() {
    let mut world = World::new().await;
    world.set("dispatch.retry.max_attempts", "1000");
    let Some((_service, mut prometheus)) = quiet(&world, true).await else { return };
    world.behave(|call: &Call<'_>| match call.vendor {
        Vendor::Resend => Behaviour::Unavailable,
        _ => Behaviour::Answer,
    });
    world.publish(&orders(11..=20)).await;
    prometheus.rings(&["ReassureProviderDown critical"], &LATE).await;
    let told = prometheus.ask("ALERTS{alertname=\"ReassureProviderDown\",alertstate=\"firing\"}").await;
    assert_eq!((told.len(), told[0]["metric"]["provider"].as_str()), (1, Some("mail")));
    world.behave(|_| Behaviour::Answer);
    world.messages_until("they leave after all", |all| all.iter().filter(|m| m.received.taken).count() >= 26).await;
    prometheus.falls_silent(&LATE).await;
}

/// Another program holds the store, and events wait that were published a while ago.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_wait() {
    let mut world = World::new().await;
    world.set("store.busy_timeout_ms", "200");
    let Some((_service, mut prometheus)) = quiet(&world, true).await else { return };
    let mut other = Connection::open(world.store()).unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let published = (chrono::Utc::now() - chrono::Duration::minutes(20)).timestamp_millis();
    for order in orders(11..=60) {
        let value = serde_json::to_vec(&order).unwrap();
        let record = Outbound { topic: ORDERS, value: Some(&value), timestamp: Some(published), ..Outbound::default() };
        world.publish_raw(record).await;
    }
    prometheus
        .rings(
            &["ReassureLag warning", "ReassureLag critical", "ReassureStoreFailing critical"],
            &["ReassureNotReady critical", "ReassureNotReady warning", LATE[0], LATE[1]],
        )
        .await;
    drop(lock);
    eventually("all are taken in", async || world.count("SELECT count(*) FROM journeys") == 53).await;
    prometheus.falls_silent(&LATE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_cannot_be_read() {
    let world = World::new().await;
    let Some((_service, mut prometheus)) = quiet(&world, true).await else { return };
    let poison = Outbound { topic: ORDERS, value: Some(b"{"), ..Outbound::default() };
    // one now and then, until it is seen
    let trickle = async {
        loop {
            world.publish_raw(poison).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::select! {
        () = prometheus.rings(&["ReassureDeadLetters warning"], &["ReassureDeadLetters critical"]) => {}
        () = trickle => {}
    }
    prometheus.falls_silent(&[]).await;
    for _ in 0..40 {
        world.publish_raw(poison).await;
    }
    prometheus.rings(&["ReassureDeadLetters critical"], &["ReassureDeadLetters warning"]).await;
    prometheus.falls_silent(&[]).await;
    // a day passes for one of them
    let aged = "UPDATE dead_records SET at_ms = at_ms - 90000000 WHERE id = 1";
    let store = Connection::open(world.store()).unwrap();
    store.busy_timeout(Duration::from_secs(60)).unwrap();
    store.execute(aged, []).unwrap();
    prometheus.rings(&["ReassureDeadLettersOld warning"], &[]).await;
    store.execute("DELETE FROM dead_records", []).unwrap();
    prometheus.falls_silent(&[]).await;
}

/// Somebody has turned the rule off that confirms.
#[tokio::test(flavor = "multi_thread")]
async fn confirmations_that_are_missing() {
    let mut world = World::new().await;
    world.set("confirmation.objective_seconds", "2");
    let shops = world.folder.path().join("shops");
    std::fs::create_dir_all(shops.join("silent/rules")).unwrap();
    std::fs::write(shops.join("silent/rules/own.yaml"), "[{ rule: confirmation, off: true }]").unwrap();
    world.set("shops.folder", &format!("'{}'", shops.display()));
    world.set("shops.named.silent.name", "'Silent'");
    let Some((_service, mut prometheus)) = quiet(&world, true).await else { return };
    let of_the_shop = |mut event: Value| {
        event["data"]["shop"] = "silent".into();
        event
    };
    let unheard: Vec<Value> = orders(11..=35).into_iter().map(of_the_shop).collect();
    world.publish(&unheard[..1]).await;
    prometheus.rings(&["ReassureConfirmationsMissing warning"], &[]).await;
    world.publish(&unheard[1..]).await;
    prometheus.rings(&["ReassureConfirmationsMissing critical", "ReassureConfirmationsMissing warning"], &[]).await;
    let told = prometheus.ask("ALERTS{alertname=\"ReassureConfirmationsMissing\",severity=\"warning\"}").await;
    assert_eq!(
        (told[0]["metric"]["shop"].as_str(), told[0]["metric"]["cause"].as_str()),
        (Some("silent"), Some("not_sent"))
    );
    let over: Vec<Value> = (11..=35).map(|number| of_the_shop(cancelled(&format!("Z{number}")))).collect();
    world.publish(&over).await;
    prometheus.falls_silent(&[]).await;
}

/// A disk of the service's own, of 64 MiB. Only root may mount one.
struct Disk(PathBuf);

impl Disk {
    /// None where nothing may be mounted.
    fn mount(world: &World) -> Option<Self> {
        let place = world.folder.path().join("disk");
        std::fs::create_dir(&place).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "reassure-drill"]).arg(&place).output();
        let is_mounted = mounted.is_ok_and(|it| it.status.success());
        if !is_mounted {
            crate::stack::skip("mounting a disk, which only root may");
        }
        is_mounted.then_some(Self(place))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full() {
    let mut world = World::new().await;
    let Some(disk) = Disk::mount(&world) else { return };
    world.set("store.path", &format!("'{}/reassure.db'", disk.0.display()));
    world.set("store.checkpoint_mib", "1");
    let Some((service, mut prometheus)) = quiet(&world, false).await else { return };
    let filling = disk.0.join("something-else");
    let leave = |mebibytes: u64| {
        let place = rustix::fs::statvfs(&disk.0).unwrap();
        let more = (place.f_bavail * place.f_frsize).saturating_sub(mebibytes << 20);
        let mut file = OpenOptions::new().append(true).create(true).open(&filling).unwrap();
        file.write_all(&vec![1; usize::try_from(more).unwrap()]).unwrap();
    };
    leave(8);
    prometheus.rings(&["ReassureDiskNearlyFull warning"], &[]).await;
    leave(2);
    prometheus.rings(&["ReassureDiskNearlyFull warning", "ReassureDiskNearlyFull critical"], &[]).await;
    std::fs::remove_file(&filling).unwrap();
    prometheus.falls_silent(&[]).await;
    drop((prometheus, service));
}
