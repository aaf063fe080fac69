//! Records whose schema is in a registry, through the whole service: while the registry is away
//! they wait and the rest goes on; what it does not have is a dead letter.

use std::time::Duration;

use reassure::bus::producer::Outbound;
use reassure::domain::time::Timestamp;
use reassure::envelope::{Format, Limits, Reading, decode, encode_avro};
use reassure::ports::{Partition, Record};
use serde_json::Value;

use super::events::{CARRIERS, ORDERS, cancelled, placed, scan, shipped};
use super::harness::{Service, World, eventually};
use crate::registry::fake::{Fake, Mood};

/// The event as Confluent's serializer would write it with our own schema.
fn framed(event: &Value, id: u32) -> Vec<u8> {
    let record = Record {
        partition: Partition { topic: ORDERS.into(), number: 0 },
        offset: 0,
        key: None,
        value: Some(event.to_string().into()),
        headers: Vec::new(),
        timestamp: None,
    };
    let reading = Reading {
        format: &Format::Detect,
        schema: None,
        zone_of: &|_| Some(chrono_tz::Tz::UTC),
        limits: &Limits::default(),
        now: Timestamp(chrono::Utc::now()),
    };
    let event = &decode(&record, &reading).unwrap()[0].event;
    [&[0], id.to_be_bytes().as_slice(), &encode_avro(event)[10..]].concat()
}

fn schema(name: &str) -> Value {
    let path = format!("{}/schemas/avro/{name}.avsc", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn publish(world: &World, topic: &str, key: &str, value: &[u8]) {
    let outbound = Outbound { topic, key: Some(key.as_bytes()), value: Some(value), ..Outbound::default() };
    world.publish_raw(outbound).await;
}

async fn start(fake: &Fake, changes: impl FnOnce(&mut World)) -> (World, Service) {
    let mut world = World::new().await;
    world.set("registry.url", &format!("'{}'", fake.url));
    world.set("registry.timeout_seconds", "1");
    changes(&mut world);
    let service = world.run().await;
    (world, service)
}

const JOURNEYS: &str = "SELECT count(*) FROM journeys";
const DEAD: &str = "SELECT count(*) FROM dead_records";

#[tokio::test(flavor = "multi_thread")]
async fn while_the_registry_is_away_its_records_wait_and_the_rest_goes_on() {
    let fake = Fake::start().await;
    fake.register(1, &schema("order.placed"));
    fake.set(Mood::Say(503, String::new()));
    let (world, mut service) = start(&fake, |_| {}).await;
    publish(&world, ORDERS, "Z1", &framed(&placed("Z1"), 1)).await;
    // what follows it in its partition must not overtake it
    world.publish(&[cancelled("Z1")]).await;
    eventually("it is not ready any more", async || {
        let answer = service.get("/readyz").await;
        answer.status == 503 && answer.body.contains("schema registry")
    })
    .await;
    eventually("both are held", async || service.metric("reassure_held_records").await == 2.0).await;
    eventually("it is told", async || service.log().contains("the schema registry is away")).await;
    // another topic, whose records need no registry
    world.publish(&[scan("Z2", "in_transit", 5)]).await;
    eventually("the scan is taken in", async || {
        service.metric("reassure_events_total{outcome=\"parked\",type=\"parcel.tracked\"}").await == 1.0
    })
    .await;
    assert_eq!((world.count(JOURNEYS), world.count(DEAD)), (0, 0));

    fake.set(Mood::Answer);
    eventually("the order is taken in", async || world.count(JOURNEYS) == 1).await;
    eventually("it is ready again", async || service.get("/readyz").await.status == 200).await;
    eventually("what followed is applied", async || {
        service.metric("reassure_events_total{outcome=\"applied\",type=\"order.cancelled\"}").await == 1.0
    })
    .await;
    assert_eq!((world.count(DEAD), service.metric("reassure_held_records").await), (0, 0.0));
    assert_eq!(service.metric("reassure_registry_answers_total{answer=\"found\"}").await, 1.0);
}

/// Promise 13: a stop is bounded, and what was held is read by whoever comes next.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_the_registry() {
    let fake = Fake::start().await;
    fake.register(1, &schema("order.placed"));
    fake.set(Mood::Slow(Duration::from_secs(3_600)));
    let (world, mut service) = start(&fake, |_| {}).await;
    publish(&world, ORDERS, "Z1", &framed(&placed("Z1"), 1)).await;
    eventually("it is held", async || service.metric("reassure_held_records").await == 1.0).await;
    service.signal("TERM");
    assert_eq!(service.ended_within(Duration::from_secs(9)).await.code(), Some(0));
    assert!(service.log().contains("\"whole\":true"), "{}", service.log());
    fake.set(Mood::Answer);
    let _service = world.run().await;
    eventually("the order is taken in", async || world.count(JOURNEYS) == 1).await;
}

/// I10, promise 13: what is held is bounded, and a stop is as quick when no more can be.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_held_than_there_is_room_for() {
    let fake = Fake::start().await;
    fake.set(Mood::Say(503, String::new()));
    let (world, mut service) = start(&fake, |world| {
        world.set("bus.batch_records", "100");
        world.set("service.drain_seconds", "20");
    })
    .await;
    for number in 0..3_000_u32 {
        publish(&world, ORDERS, &number.to_string(), &[0, 0, 0, 0, 1, 1]).await;
    }
    eventually("no more is held", async || service.metric("reassure_held_records").await >= 2_000.0).await;
    assert!(service.metric("reassure_held_records").await < 2_100.0);
    service.signal("TERM");
    assert_eq!(service.ended_within(Duration::from_secs(9)).await.code(), Some(0));
    assert!(service.log().contains("\"whole\":true"), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_there_makes_a_dead_letter_that_can_be_put_back() {
    let fake = Fake::start().await;
    let (world, mut service) = start(&fake, |_| {}).await;
    publish(&world, ORDERS, "Z1", &framed(&placed("Z1"), 1)).await;
    world.publish(&[placed("Z2")]).await;
    eventually("the other order is taken in", async || world.count(JOURNEYS) == 1).await;
    eventually("the record is dead", async || world.count(DEAD) == 1).await;
    assert_eq!(service.metric("reassure_refused_records_total{cause=\"unknown_schema\"}").await, 1.0);
    assert_eq!(service.get("/readyz").await.status, 200);
    // two numbers for one schema: the refusal of the first is still remembered
    fake.register(1, &schema("order.placed"));
    eventually("it is applied", async || {
        if world.count("SELECT count(*) FROM dead_records WHERE redriven = 0") == 1 {
            assert!(world.command(&["dlq", "redrive", "--all", "--yes"]).status.success());
        }
        world.count(JOURNEYS) == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_topic_is_read_by_its_format() {
    let fake = Fake::start().await;
    let carriers = format!("events.topics.'{CARRIERS}'");
    let (world, mut service) = start(&fake, |world| {
        world.set(&format!("{carriers}.format"), "'json'");
        world.set(&format!("{carriers}.type"), "{ field = '/kind' }");
        world.set(&format!("{carriers}.types.Scanned"), "'parcel.tracked'");
        world.set(&format!("{carriers}.data"), "'/scan'");
    })
    .await;
    world.publish(&[placed("Z1"), shipped("Z1")]).await;
    let payload = serde_json::json!({ "kind": "Scanned", "scan": scan("Z1", "delivered", 1)["data"] }).to_string();
    for _ in 0..2 {
        publish(&world, CARRIERS, "Z1T", payload.as_bytes()).await;
    }
    // two records without an id are two scans
    eventually("both scans are taken in", async || {
        let applied = service.metric("reassure_events_total{outcome=\"applied\",type=\"parcel.tracked\"}").await;
        let parked = service.metric("reassure_events_total{outcome=\"parked\",type=\"parcel.tracked\"}").await;
        applied + parked >= 2.0
    })
    .await;
    assert_eq!(world.count(DEAD), 0);
}
