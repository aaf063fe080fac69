//! A carrier's own answers on a topic, made into events by an adapter: what its tables list is
//! told, what they do not list waits, is counted, and goes on once they do.

use std::path::Path;

use reassure::bus::producer::Outbound;
use reassure::sandbox::Vendor;
use serde_json::{Value, json};

use super::events::{CARRIERS, SHOP, ago, placed, shipped};
use super::harness::{LONG, World, eventually, json, read};

/// La Poste's answer about an order's parcel, with these steps.
fn answer(order: &str, steps: &[&Value]) -> Value {
    json!({ "returnCode": 200, "shipment": { "idShip": format!("{order}T"), "holder": 4, "event": steps } })
}

fn step(code: &str, minutes_ago: i64) -> Value {
    json!({ "code": code, "date": ago(minutes_ago) })
}

async fn publish(world: &World, answer: &Value) {
    let headers = [("Shop", SHOP.as_bytes())];
    let value = answer.to_string();
    let record = Outbound { topic: CARRIERS, value: Some(value.as_bytes()), headers: &headers, ..Outbound::default() };
    world.publish_raw(Outbound { partition: Some(0), ..record }).await;
}

/// The operator's own folder of adapters, to begin with as shipped.
fn own_adapters(world: &mut World) -> std::path::PathBuf {
    let folder = world.folder.path().join("adapters");
    std::fs::create_dir(&folder).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/adapters");
    for file in std::fs::read_dir(shipped).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    world.set("adapters.folder", &format!("'{}'", folder.display()));
    folder.join("laposte.yaml")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_no_table_lists_waits_is_counted_and_goes_on_once_one_does() {
    let mut world = World::new().await;
    let table = own_adapters(&mut world);
    world.set(&format!("events.topics.'{CARRIERS}'.format"), "'adapter:laposte'");
    let mut service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1")]).await;
    world
        .messages_until("the shipping message", |all| all.iter().any(|it| it.is("Z1", "shipping", Vendor::Resend)))
        .await;

    let (taken, unheard_of, delivered) = (step("PC1", 100), step("XX9", 60), step("DI1", 5));
    publish(&world, &answer("Z1", &[&taken])).await;
    // the history is sent again, with a step that nobody knows and the end
    publish(&world, &answer("Z1", &[&delivered, &unheard_of, &taken])).await;
    let waits = format!("reassure_unmapped_codes_total{{topic=\"{CARRIERS}\"}}");
    eventually("the unknown code is counted", async || service.metric(&waits).await == 1.0).await;
    let letters = json(&world.command(&["dlq", "list", "-o", "json"]));
    assert_eq!(letters[0]["cause"], "unmapped_code", "{letters}");
    assert!(letters[0]["detail"].as_str().unwrap().contains("the table 'status' does not list 'XX9'"), "{letters}");
    let tracked = "reassure_events_total{outcome=\"applied\",type=\"parcel.tracked\"}";
    assert_eq!(service.metric(tracked).await, 1.0);

    service.signal("TERM");
    service.ended_within(LONG).await;
    let mended = read(&table).replace("      DI1: delivered", "      XX9: in_transit\n      DI1: delivered");
    std::fs::write(&table, mended).unwrap();
    let mut service = world.run().await;
    assert_eq!(world.command(&["dlq", "redrive", "--all", "--yes"]).status.code(), Some(0));
    world.messages_until("it is told", |all| all.iter().any(|it| it.is("Z1", "delivered", Vendor::Resend))).await;
    // two steps are new, the first had been taken in before
    assert_eq!(service.metric(tracked).await, 2.0);
    assert_eq!(service.metric("reassure_events_total{outcome=\"duplicate\",type=\"parcel.tracked\"}").await, 1.0);
    assert_eq!(json(&world.command(&["dlq", "list", "-o", "json"])), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_the_faults_of_adapters_and_of_topics_that_name_none() {
    let mut world = World::new().await;
    let table = own_adapters(&mut world);
    world.set(&format!("events.topics.'{CARRIERS}'.format"), "'adapter:lapost'");
    std::fs::write(&table, read(&table).replace("MD2: out_for_delivery", "MD2: out_for_delivry")).unwrap();
    world.set("adapters.shop", "'lumn'");
    let checked = world.command(&["check", "-o", "json"]);
    assert_eq!(checked.status.code(), Some(2));
    let faults = json(&checked)["faults"].to_string();
    assert!(
        faults.contains("adapters.shop is 'lumn'")
            && faults.contains("there is no parcel status 'out_for_delivry'")
            && faults.contains("\"line\":33"),
        "{faults}"
    );
}
