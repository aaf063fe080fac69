//! Rules, words and shops change while the service runs: all of a change or nothing of it.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use reassure::sandbox::{Behaviour, Vendor};
use serde_json::Value;

use super::events::{cancelled, placed};
use super::harness::{Message, Service, World, eventually, json};

/// A world whose shops have a folder, looked at every second.
async fn world() -> World {
    let mut world = World::new().await;
    let shops = world.folder.path().join("shops");
    std::fs::create_dir_all(shops.join("lumen")).unwrap();
    world.set("shops.folder", &format!("'{}'", shops.display()));
    world.set("reload.poll_seconds", "1");
    world
}

/// Writes a file of the shop.
fn write(world: &World, file: &str, content: &str) -> PathBuf {
    let path = world.folder.path().join("shops/lumen").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

async fn status(service: &mut Service) -> Value {
    serde_json::from_str(&service.get("/api/config").await.body).unwrap()
}

/// Changes something, and waits until other files are in force than before.
async fn in_force_after(service: &mut Service, change: impl FnOnce()) {
    let before = status(service).await["hash"].clone();
    change();
    eventually("it is in force", async || status(service).await["hash"] != before).await;
}

fn subject(message: &Message) -> String {
    let body: Value = serde_json::from_str(&message.received.body).unwrap();
    body["subject"].as_str().unwrap().to_owned()
}

/// The order's confirmation, with its subject.
async fn confirmation_of(world: &World, order: &str) -> (String, Message) {
    world.publish(&[placed(order)]).await;
    let is = |message: &&Message| message.is(order, "confirmation", Vendor::Resend);
    let all = world.messages_until("it is confirmed", |all| all.iter().any(|message| is(&message))).await;
    let found = all.iter().find(is).unwrap().clone();
    (subject(&found), found)
}

async fn confirmation(world: &World, order: &str) -> String {
    confirmation_of(world, order).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_rules_are_changed_broken_and_mended_while_it_runs() {
    let world = world().await;
    let mut service = world.run().await;
    assert!(!confirmation(&world, "Z1").await.contains("Noted"));
    let words = "templates/confirmation/en/subject.hbs";
    in_force_after(&mut service, || drop(write(&world, words, "Noted: {{order.id}}"))).await;
    assert_eq!(confirmation(&world, "Z2").await, "Noted: Z2");

    // both together have a fault, and so nothing of either is in force
    let broken = "[{ rule: confirmation, of: true }]";
    write(&world, words, "Better: {{ordre.id}}");
    let rules = write(&world, "rules/own.yaml", broken);
    eventually("it is refused", async || service.metric("reassure_config_refused").await == 1.0).await;
    let told = status(&mut service).await["faults"].to_string();
    assert!(told.contains("a rule has no 'of'") && told.contains("\"line\":1"), "{told}");
    let place = rules.display().to_string();
    eventually("the fault is told where it is", async || service.log().contains(&place)).await;
    assert_eq!(confirmation(&world, "Z3").await, "Noted: Z3");

    write(&world, "rules/own.yaml", "[{ rule: confirmation, off: true }]");
    eventually("another fault is left", async || status(&mut service).await["faults"].to_string().contains("ordre"))
        .await;
    in_force_after(&mut service, || drop(write(&world, words, "Better: {{order.id}}"))).await;
    assert_eq!(service.metric("reassure_config_refused").await, 0.0);
    assert!(service.metric("reassure_reload_total{outcome=\"refused\"}").await >= 2.0);
    assert_eq!(service.metric("reassure_reload_total{outcome=\"applied\"}").await, 2.0);
    let hash = status(&mut service).await["hash"].as_str().unwrap().to_owned();
    assert_eq!(service.metric(&format!("reassure_config_info{{hash=\"{hash}\"}}")).await, 1.0);
    world.publish(&[placed("Z4")]).await;
    eventually("it is taken in", async || world.count("SELECT count(*) FROM journeys") == 4).await;
    assert!(world.messages().iter().all(|message| message.order != "Z4"), "its rule is off");

    in_force_after(&mut service, || std::fs::remove_file(&rules).unwrap()).await;
    assert_eq!(confirmation(&world, "Z5").await, "Better: Z5");
}

/// A set of rules and words that agree with each other and with nothing else.
fn set(folder: &Path, name: &str) {
    let rule = format!(
        "- rule: confirmation\n  says: '{name}'\n  on: order.placed\n  message: {name}\n  channels: [email]\n  once_per: \
         order\n  expires: 3d\n"
    );
    std::fs::create_dir_all(folder.join("rules")).unwrap();
    std::fs::write(folder.join("rules/own.yaml"), rule).unwrap();
    let words = folder.join("templates").join(name).join("en");
    std::fs::create_dir_all(&words).unwrap();
    for part in ["subject", "html", "text", "sms"] {
        let text = match part {
            "subject" | "sms" => format!("{name} {{{{order.id}}}}"),
            _ => format!("{name} {{{{order.id}}}}{{{{#if shop.email}}}} {{{{shop.email}}}}{{{{/if}}}}"),
        };
        std::fs::write(words.join(format!("{part}.hbs")), text).unwrap();
    }
}

/// As Kubernetes mounts it: what is seen are links into `..data`, a link that is swapped.
fn swap(mount: &Path, round: usize, name: &str) {
    let data = format!("..data_{round}");
    set(&mount.join(&data), name);
    symlink(&data, mount.join("..data_tmp")).unwrap();
    std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    if round > 0 {
        std::fs::remove_dir_all(mount.join(format!("..data_{}", round - 1))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_folder_is_swapped_under_load_and_every_order_is_told_once_by_one_set() {
    const ROUNDS: usize = 5;
    let mut world = World::new().await;
    let mount = world.folder.path().join("mount");
    std::fs::create_dir(&mount).unwrap();
    swap(&mount, 0, "first");
    for folder in ["rules", "templates"] {
        symlink(Path::new("..data").join(folder), mount.join(folder)).unwrap();
        world.set(&format!("{folder}.folder"), &format!("'{}'", mount.join(folder).display()));
    }
    world.set("reload.poll_seconds", "1");
    world.set("bus.batch_records", "10");
    let mut service = world.run().await;
    let swapping = AtomicBool::new(true);
    let load = async {
        let mut count = 0;
        while swapping.load(Ordering::Relaxed) {
            let orders: Vec<Value> = (0..20).map(|number| placed(&format!("Z{}", count + number))).collect();
            world.publish(&orders).await;
            count += orders.len();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        count
    };
    let swaps = async {
        for round in 1..=ROUNDS {
            let name = if round % 2 == 0 { "first" } else { "second" };
            in_force_after(&mut service, || swap(&mount, round, name)).await;
        }
        swapping.store(false, Ordering::Relaxed);
    };
    let (count, ()) = tokio::join!(load, swaps);
    let all = world.messages_until("every order is told", |all| all.len() >= count).await;
    let mut told: Vec<&str> = all.iter().map(|message| message.order.as_str()).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!((told.len(), all.len()), (count, count), "none is lost, none is doubled");
    for message in &all {
        assert_eq!(subject(message), format!("{} {}", message.name, message.order), "rule and words are of one set");
    }
    for name in ["first", "second"] {
        assert!(all.iter().any(|message| message.name == name), "{name} was in force");
    }
    assert_eq!(service.metric("reassure_config_refused").await, 0.0);
    assert_eq!(service.metric("reassure_reload_total{outcome=\"applied\"}").await, ROUNDS as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_asks_for_a_look_and_what_needs_a_restart_is_said() {
    let mut world = world().await;
    world.set("reload.poll_seconds", "0");
    let mut service = world.run().await;
    let names_it = async |order| confirmation_of(&world, order).await.1.received.body.contains("Lumière");
    assert!(!names_it("Z1").await);
    let changes = [("shops.named.lumen.name", "'Lumière'".to_owned()), ("dispatch.lease_seconds", "30".to_owned())];
    world.config_with("reassure", &changes);
    let before = status(&mut service).await["hash"].clone();
    service.signal("HUP");
    eventually("it is in force", async || status(&mut service).await["hash"] != before).await;
    assert!(names_it("Z2").await);
    assert_eq!(status(&mut service).await["restart"], serde_json::json!(["dispatch"]));
    assert_eq!(service.metric("reassure_config_restart_needed").await, 1.0);

    // a provider is started with the service
    let provider = [
        ("providers.post.kind", "'resend'".to_owned()),
        ("providers.post.api_key.env", "'PATH'".to_owned()),
        ("providers.post.timeout_seconds", "2".to_owned()),
        ("shops.named.lumen.providers.email", "'post'".to_owned()),
    ];
    let file = world.config_with("reassure", &provider);
    service.signal("HUP");
    eventually("it is refused", async || service.metric("reassure_config_refused").await == 1.0).await;
    let faults = status(&mut service).await["faults"].clone();
    assert!(faults[0]["what"].as_str().unwrap().contains("has no provider 'post'"), "{faults}");
    assert_eq!(faults[0]["file"], serde_json::json!(file.display().to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_rule_that_is_taken_out_ends_with_that_reason() {
    let mut world = world().await;
    world.set("dispatch.retry.max_attempts", "1000");
    world.behave(|call| if call.vendor == Vendor::Resend { Behaviour::Unavailable } else { Behaviour::Answer });
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    let tried = "SELECT count(*) FROM outbox WHERE channel = 'email' AND attempts > 0";
    eventually("it is tried in vain", async || world.store().exists() && world.count(tried) == 1).await;
    let rules = "[{ rule: confirmation, off: true }, { rule: promise_missed, off: true }]";
    in_force_after(&mut service, || drop(write(&world, "rules/own.yaml", rules))).await;
    let ended = "SELECT count(*) FROM outbox WHERE channel = 'email' AND state = 'suppressed' AND reason = 'rule_gone'";
    eventually("it ends", async || world.count(ended) == 1).await;
    world.publish(&[cancelled("Z1")]).await;
    eventually("it is cancelled", async || world.messages().iter().any(|m| m.name == "cancelled")).await;
    let told = json(&world.command(&["lookup", "lumen", "Z1", "-o", "json"]));
    let gone = |rule: &str| {
        let entries = told["timeline"].as_array().unwrap().iter();
        let mut decisions = entries.flat_map(|entry| entry["decisions"].as_array().into_iter().flatten());
        decisions.any(|decision| decision["rule"] == rule && decision["reason"] == "rule_gone")
    };
    assert!(gone("confirmation") && gone("promise_missed"), "{told:#}");
}
