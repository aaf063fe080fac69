//! Whatever is published ends in the right place, with its cause; nothing else waits for it.

use std::collections::BTreeMap;

use reassure::bus::producer::Outbound;
use reassure::sandbox::Vendor;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::events::{ORDERS, ago, event, placed, placed_by, reader};
use super::harness::{Service, World, eventually, json, text};

/// Must never turn up in a log: the values of these tests' customers.
const PERSONAL: [&str; 5] = ["Zebulon", "Secretname", "zebulon@", "639980199", "39 98 01 99"];

fn secretive(order: &str) -> Value {
    let mut customer = reader(order);
    customer["name"] = json!("Zebulon Secretname");
    customer["email"] = json!("zebulon@client.example");
    customer["phone"] = json!("+33 6 39 98 01 99");
    placed_by(order, customer)
}

async fn publish(world: &World, value: Option<&[u8]>) {
    let record = Outbound { topic: ORDERS, value, partition: Some(1), ..Outbound::default() };
    world.publish_raw(record).await;
}

async fn publish_json(world: &World, event: &Value) {
    publish(world, Some(&serde_json::to_vec(event).unwrap())).await;
}

/// The orders' partition 1 is durable up to `next`.
async fn taken_in(world: &World, next: i64) {
    let sql = "SELECT coalesce(max(next), 0) FROM offsets WHERE topic = 'reassure.orders' AND partition = 1";
    eventually("the partition moves on", async || world.store().exists() && world.count(sql) >= next).await;
}

async fn settled(world: &World) {
    let sql = "SELECT count(*) FROM outbox WHERE state = 'pending'";
    eventually("all messages leave", async || world.count(sql) == 0).await;
}

fn causes(world: &World) -> BTreeMap<i64, String> {
    let listed = world.command(&["dlq", "list", "-o", "json"]);
    assert!(listed.status.success());
    let letters = json(&listed);
    let letters = letters.as_array().unwrap().iter();
    letters.map(|letter| (letter["offset"].as_i64().unwrap(), letter["cause"].as_str().unwrap().to_owned())).collect()
}

fn discreet(service: &Service) {
    let log = service.log();
    for value in PERSONAL {
        assert!(!log.contains(value), "the log tells {value}:\n{log}");
    }
}

fn by_person(world: &World, order: &str) -> Vec<String> {
    let all = world.messages();
    let of = all.iter().filter(|message| message.order == order && message.vendor != Vendor::Webhook);
    of.map(|message| message.name.clone()).collect()
}

/// Publishes all that can be wrong, in offsets of one partition, between good orders.
async fn publish_everything(world: &World) -> BTreeMap<i64, &'static str> {
    publish_json(world, &secretive("Z1")).await;
    let cut = &serde_json::to_vec(&secretive("Z90")).unwrap();
    publish(world, Some(&cut[..cut.len() / 2])).await;
    publish(world, Some(b"\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08Zebulon Secretname")).await;
    let mut unknown = secretive("Z91");
    unknown["type"] = json!("order.teleported");
    publish_json(world, &unknown).await;
    let mut missing = secretive("Z92");
    missing["data"].as_object_mut().unwrap().remove("order_id");
    publish_json(world, &missing).await;
    let mut absurd = secretive("Z93");
    absurd["time"] = json!("2099-01-01T00:00:00Z");
    publish_json(world, &absurd).await;
    let mut zoneless = secretive("Z2");
    zoneless["time"] = json!(&ago(180)[..19]);
    publish_json(world, &zoneless).await;
    publish(world, None).await;
    let mut stranger = secretive("Z8");
    stranger["data"]["shop"] = json!("ghost");
    publish_json(world, &stranger).await;
    publish_json(world, &placed_by("Z3", json!({ "name": "Zebulon", "email": "zebulon@", "phone": "12" }))).await;
    publish_json(world, &placed_by("Z4", json!({ "name": "Zebulon" }))).await;
    let mut crafty = reader("Z5");
    crafty["name"] = json!("Zebulon<script>alert(1)</script>\r\nBcc: evil@client.example");
    publish_json(world, &placed_by("Z5", crafty)).await;
    // the same source and id as the first, and other content
    let again = event("Z1-placed", "order.cancelled", ago(1), json!({ "shop": "lumen", "order_id": "Z1" }));
    publish_json(world, &again).await;
    let mut endless = secretive("Z6");
    endless["data"]["promise"] = json!({ "earliest": "9998-01-01T00:00:00Z", "latest": "9999-12-31T23:59:59Z" });
    publish_json(world, &endless).await;
    publish_json(world, &secretive("Z7")).await;
    BTreeMap::from([
        (1, "malformed_json"),
        (2, "unknown_schema"),
        (3, "unknown_type"),
        (4, "missing_field"),
        (5, "absurd_time"),
        (8, "unknown_shop"),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_ends_in_its_place_and_the_partition_moves_on() {
    let mut world = World::new().await;
    let mut service = world.run().await;
    let dead = publish_everything(&world).await;
    let expected: BTreeMap<i64, String> = dead.iter().map(|(offset, cause)| (*offset, (*cause).to_owned())).collect();
    taken_in(&world, 15).await;
    settled(&world).await;
    assert_eq!(causes(&world), expected);
    for good in ["Z1", "Z2", "Z5", "Z6", "Z7"] {
        assert_eq!(by_person(&world, good), ["confirmation"], "{good}",);
    }
    for unreachable in ["Z3", "Z4"] {
        assert_eq!(by_person(&world, unreachable), [""; 0], "{unreachable}");
        assert!(world.messages().iter().any(|message| message.is(unreachable, "confirmation", Vendor::Webhook)));
    }
    let crafty = world.messages().into_iter().find(|message| message.is("Z5", "confirmation", Vendor::Resend)).unwrap();
    let body: Value = serde_json::from_str(&crafty.received.body).unwrap();
    let html = body["html"].as_str().unwrap();
    assert!(!html.contains("<script>"));
    for field in [&body["subject"], &body["to"][0]] {
        assert!(!field.as_str().unwrap().contains(['\r', '\n']), "{field}");
    }
    assert_eq!(body["to"].as_array().unwrap().len(), 1);

    assert_eq!(service.metric("reassure_zoneless_times_total").await, 1.0);
    for (name, count) in [("applied", 7.0), ("duplicate", 1.0)] {
        let all = service.get("/metrics").await.body;
        let of = all.lines().filter(|line| line.starts_with("reassure_events_total{") && line.contains(name));
        assert_eq!(of.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>(), count);
    }
    assert_eq!(service.metric("reassure_events_total{outcome=\"tombstone\",type=\"none\"}").await, 1.0);
    discreet(&service);
    service.kill();

    let (letters, messages) = (expected, world.messages().len());
    let service = read_all_again(&mut world).await;
    assert_eq!(causes(&world), letters);
    assert_eq!(world.messages().len(), messages, "a redelivery sends nothing");
    discreet(&service);
    redrive(&mut world, service).await;
}

/// Starts anew with the offsets forgotten, and waits until everything was read.
async fn read_all_again(world: &mut World) -> Service {
    Connection::open(world.store()).unwrap().execute("DELETE FROM offsets", []).unwrap();
    world.set("bus.properties.'group.id'", "'once-more'");
    let service = world.run().await;
    taken_in(world, 15).await;
    settled(world).await;
    service
}

/// The shop is configured after all: its record is read again. What is still bad stays.
async fn redrive(world: &mut World, mut service: Service) {
    service.kill();
    let listed = json(&world.command(&["dlq", "list", "-o", "json"]));
    let id_of = |cause: &str| {
        let found = listed.as_array().unwrap().iter().find(|letter| letter["cause"] == cause).unwrap();
        found["id"].as_i64().unwrap().to_string()
    };
    world.set("shops.named.ghost.name", "'Ghost'");
    world.set("bus.properties.'group.id'", "'with-ghost'");
    let mut service = world.run().await;
    let (stranger, malformed) = (id_of("unknown_shop"), id_of("malformed_json"));
    let told = world.command(&["dlq", "redrive", &stranger, "--dry-run"]);
    assert!(told.status.success() && text(&told.stdout).contains("unknown_shop"));
    assert_eq!(json(&world.command(&["dlq", "redrive", &stranger, "--dry-run", "-o", "json"]))["missing"], json!([]));
    assert_eq!(causes(world).len(), 6, "a dry run changes nothing");
    assert_eq!(world.command(&["dlq", "redrive", &stranger, &malformed, "--yes"]).status.code(), Some(0));
    world
        .messages_until("the ghost's order is confirmed", |all| {
            all.iter().any(|message| message.is("Z8", "confirmation", Vendor::Resend))
        })
        .await;
    eventually("the other is refused again", async || causes(world).len() == 5).await;
    assert_eq!(causes(world)[&1], "malformed_json");
    let gone = world.command(&["dlq", "redrive", "4711", "-o", "json"]);
    assert_eq!((gone.status.code(), json(&gone)), (Some(3), json!({ "put_back": [], "missing": ["4711"] })));
    discreet(&service);
    lookups(world);
    service.kill();
}

fn lookups(world: &World) {
    let told = world.command(&["lookup", "lumen", "Z1"]);
    assert_eq!(told.status.code(), Some(0));
    assert!(text(&told.stdout).contains("order.placed") && text(&told.stdout).contains("accepted by mail"));
    let told = json(&world.command(&["lookup", "lumen", "Z1", "-o", "json"]));
    assert_eq!((&told["order_id"], &told["notifications"][0]["state"]), (&json!("Z1"), &json!("accepted")));
    let told = world.command(&["lookup", "lumen", "Z99"]);
    assert_eq!((told.status.code(), text(&told.stdout)), (Some(3), String::new()));
}

/// More than any limit of the consumer's: it must come through to be refused, not stall the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_ten_megabytes_is_refused_and_kept() {
    let world = World::new().await;
    let mut service = world.run().await;
    let mut huge = secretive("Z94");
    huge["data"]["order_url"] = json!("x".repeat(10_000_000));
    publish_json(&world, &huge).await;
    taken_in(&world, 1).await;
    // the embedded broker, which keeps less than that, loses the next one
    publish(&world, None).await;
    publish_json(&world, &secretive("Z1")).await;
    taken_in(&world, 3).await;
    settled(&world).await;
    assert_eq!(causes(&world), BTreeMap::from([(0, "too_large".to_owned())]));
    assert_eq!(by_person(&world, "Z1"), ["confirmation"]);
    let listed = json(&world.command(&["dlq", "list", "-o", "json"]));
    assert!(listed[0]["bytes"].as_u64().unwrap() > 10_000_000);
    assert_eq!(world.command(&["dlq", "redrive", "--all", "--yes"]).status.code(), Some(0));
    let again = "SELECT count(*) FROM dead_records WHERE redriven = 0 AND id > 1";
    eventually("it is refused again", async || world.count(again) == 1).await;
    discreet(&service);
    assert_eq!(service.get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_not_made_by_a_look() {
    let world = World::new().await;
    for arguments in [&["lookup", "lumen", "Z1"][..], &["dlq", "list"]] {
        assert_eq!(world.command(arguments).status.code(), Some(3));
    }
    assert!(!world.store().exists());
}

/// The deadlines of a shop that is served no more keep nobody else's waiting, nor the service busy.
#[tokio::test(flavor = "multi_thread")]
async fn deadlines_of_a_shop_that_has_left_are_dropped() {
    let mut world = World::new().await;
    world.set("shops.named.other.name", "'Other'");
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    eventually("it waits for its promise", async || {
        world.count("SELECT count(*) FROM journeys WHERE wake_ms IS NOT NULL") > 0
    })
    .await;
    settled(&world).await;
    service.kill();
    Connection::open(world.store()).unwrap().execute("UPDATE journeys SET wake_ms = 0", []).unwrap();
    world.unset("shops.named.lumen.name");
    world.set("bus.properties.'group.id'", "'without'");
    let _service = world.run().await;
    eventually("the deadlines are gone", async || {
        world.count("SELECT count(*) FROM journeys WHERE wake_ms IS NOT NULL") == 0
    })
    .await;
}
