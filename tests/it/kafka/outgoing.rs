//! Topics of our own on a real broker, out of a database that replicas share.

use std::collections::BTreeSet;

use reassure::bus::BusSettings;
use reassure::bus::producer::Outbound;
use reassure::bus::topic::Topics;
use reassure::sandbox::Vendor;
use serde_json::{Value, json};

use super::{Admin, unique};
use crate::rolling::ground;
use crate::service::events::{ORDERS, placed};
use crate::service::harness::{LONG, World, eventually, json as printed, text};

/// What a topic holds, as JSON.
fn read(world: &World, topic: &str) -> Vec<Value> {
    let settings = BusSettings { brokers: world.ground.brokers.clone(), ..BusSettings::default() };
    let topics = Topics::connect(&settings, LONG).unwrap();
    let mut values = Vec::new();
    let extent = topics.extent(topic).unwrap();
    topics
        .read(topic, &extent, |record| {
            values.push(record.value.as_ref().and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default());
        })
        .unwrap();
    values
}

fn letters(world: &World) -> Vec<Value> {
    let output = world.command(&["dlq", "list", "-o", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    printed(&output).as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_replicas_tell_and_bury_is_there_once_and_can_be_put_back() {
    let Some(mut world) = ground::shared().await else { return };
    let (outcomes, dead) = (unique("outcomes"), unique("dlq"));
    let admin = Admin::new(&world.ground.brokers);
    admin.create(&outcomes, 2).await;
    admin.create(&dead, 2).await;
    world.set("outgoing.outcomes", &format!("'{outcomes}'"));
    world.set("outgoing.dead_letters", &format!("'{dead}'"));
    let mut replicas = [world.run().await, world.run().await];
    let orders: Vec<Value> = (0..20).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
    let mut stranger = placed("Z99");
    stranger["data"]["shop"] = json!("ghost");
    let (topic, value) = (world.topic(ORDERS), serde_json::to_vec(&stranger).unwrap());
    world.publish_raw(Outbound { topic: &topic, key: Some(b"Z99"), value: Some(&value), ..Outbound::default() }).await;
    eventually("each order is told of as accepted, on both channels", async || {
        let told = read(&world, &outcomes);
        let accepted = told.iter().filter(|it| it["data"]["outcome"] == "accepted");
        accepted.map(|it| (it["subject"].to_string(), it["data"]["channel"].to_string())).collect::<BTreeSet<_>>().len()
            == 40
    })
    .await;
    eventually("the stranger is listed", async || letters(&world).len() == 1).await;
    for replica in &mut replicas {
        replica.signal("TERM");
        assert!(replica.ended_within(LONG).await.success());
    }
    let told = read(&world, &outcomes);
    let ids: BTreeSet<&str> = told.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids.len(), told.len(), "nothing is told twice");

    world.set("shops.named.ghost.name", "'Ghost'");
    let _service = world.run().await;
    let done = world.command(&["dlq", "redrive", "--all", "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let is_confirmed = |all: &[crate::service::harness::Message]| {
        all.iter().any(|message| message.is("Z99", "confirmation", Vendor::Resend))
    };
    world.messages_until("the ghost's order is confirmed", is_confirmed).await;
    assert_eq!(letters(&world), Vec::<Value>::new(), "it is marked as put back");
}
