//! What is known of a customer, told to them or forgotten at their wish, with a receipt.

use serde_json::Value;

use super::events::{ago, event, placed, scan, shipped};
use super::harness::{Answer, Service, World, ask, eventually, json, text};

async fn post(service: &mut Service, path: &str) -> Answer {
    let address = service.api().await;
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    ask(&address, &head).await
}

/// Nothing tells of Ada any more.
fn forgotten(told: &str) {
    for trace in ["@client.example", "Ada Tester", "Sample Street"] {
        assert!(!told.contains(trace), "{trace} in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_told_all_and_forgotten_with_a_receipt() {
    let world = World::new().await;
    let mut service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1"), placed("Z2")]).await;
    world.messages_until("both are told", |all| all.len() >= 6).await;
    eventually("it is written", async || {
        service.metric("reassure_backlog{kind=\"pending_notifications\"}").await == 0.0
    })
    .await;
    let exported = world.command(&["privacy", "export", "lumen", "--customer", "c-Z1", "--by", "ada"]);
    let told = json(&exported);
    assert_eq!(told["receipt"]["done"], "exported");
    assert_eq!((&told["receipt"]["by"], &told["receipt"]["customer"]), (&"command:ada".into(), &"c-Z1".into()));
    assert_eq!(told["receipt"]["counts"], serde_json::json!({ "orders": 1, "contents": 4, "unsent": 0, "parked": 0 }));
    let all = text(&exported.stdout);
    assert!(all.contains("z1@client.example") && all.contains("Sample Street") && !all.contains("z2@client.example"));
    let asked = world.command(&["privacy", "erase", "lumen", "--customer", "c-Z1"]);
    assert_eq!(asked.status.code(), Some(2), "without --yes it is only told");
    assert!(text(&asked.stderr).contains("1 orders with 4 messages"), "{}", text(&asked.stderr));
    let erased = post(&mut service, "/api/customers/lumen/c-Z1/erase").await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let receipt: Value = serde_json::from_str(&erased.body).unwrap();
    assert_eq!((&receipt["done"], &receipt["by"]), (&"erased".into(), &"local".into()));
    assert_eq!((&receipt["orders"], &receipt["counts"]["contents"]), (&serde_json::json!(["Z1"]), &4.into()));
    assert!(receipt["beyond"][0].as_str().unwrap().contains("Kafka"), "{receipt}");
    let id = receipt["receipt"].as_str().unwrap().to_owned();
    eventually("it is told who did it", async || service.log().contains(&format!("\"object\":\"{id}\""))).await;
    let left = service.get("/api/journeys/lumen/Z1").await.body;
    forgotten(&left);
    assert!(
        left.contains("customer.erased") && left.contains("accepted"),
        "that something was sent stays told: {left}"
    );
    forgotten(&text(&world.command(&["privacy", "export", "lumen", "--customer", "c-Z1"]).stdout));
    assert_eq!(world.count("SELECT count(*) FROM contents"), 2, "the other customer's");
    assert!(service.get("/api/journeys/lumen/Z2").await.body.contains("z2@client.example"));
    // what comes later is told to nobody
    world.publish(&[scan("Z1", "delivered", 1), shipped("Z2")]).await;
    world.messages_until("the other goes on", |all| all.len() >= 8).await;
    assert_eq!(world.messages().iter().filter(|message| message.order == "Z1").count(), 4);
    assert_eq!(world.command(&["privacy", "export", "lumen", "--customer", "nobody"]).status.code(), Some(3));
    assert_eq!(post(&mut service, "/api/customers/lumen/nobody/erase").await.status, 404);
    let unserved = post(&mut service, "/api/customers/elsewhere/c-Z1/erase").await;
    assert!(unserved.status == 409 && unserved.body.contains("[shops.named]"), "{unserved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_guest_is_taken_back_with_their_order() {
    let world = World::new().await;
    world.behave(|_| reassure::sandbox::Behaviour::Unavailable);
    let mut service = world.run().await;
    let mut guest = placed("Z1");
    guest["data"]["customer"].as_object_mut().unwrap().remove("id");
    world.publish(&[guest]).await;
    let waiting = "reassure_backlog{kind=\"pending_notifications\"}";
    eventually("it waits", async || service.metric(waiting).await == 2.0).await;
    let erased = world.command(&["privacy", "erase", "lumen", "--order", "Z1", "--yes", "--by", "ada"]);
    let receipt = json(&erased);
    assert_eq!((&receipt["order"], &receipt["counts"]["unsent"]), (&"Z1".into(), &2.into()));
    assert_eq!(service.metric(waiting).await, 0.0);
    world.behave(|_| reassure::sandbox::Behaviour::Answer);
    world.publish(&[placed("Z2")]).await;
    let messages = world
        .messages_until("another is told", |all| {
            all.iter().filter(|one| one.order == "Z2" && one.received.taken).count() >= 2
        })
        .await;
    assert!(messages.iter().all(|message| message.order == "Z2" || !message.received.taken));
    forgotten(&service.get("/api/journeys/lumen/Z1").await.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_much_waits_for_an_order_of_theirs_is_forgotten() {
    let world = World::new().await;
    let _service = world.run().await;
    let updated = |number: u32| {
        let data = serde_json::json!({ "shop": "lumen", "customer": { "id": "c-Q", "email": "q@client.example" } });
        event(&format!("q-{number}"), "customer.updated", ago(0), data)
    };
    world.publish(&(0..1_100).map(updated).collect::<Vec<_>>()).await;
    let parked = "SELECT count(*) FROM parked";
    eventually("they wait for an order", async || world.count(parked) == 1_100).await;
    let receipt = json(&world.command(&["privacy", "erase", "lumen", "--customer", "c-Q", "--yes", "--by", "ada"]));
    assert_eq!(receipt["counts"], serde_json::json!({ "orders": 0, "contents": 0, "unsent": 0, "parked": 1_100 }));
    assert_eq!(world.count(parked), 0);
}

/// The copy, and the master key: without the key of the order that is not enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_an_encrypted_store_has_forgotten_whom_the_store_forgot() {
    let mut world = World::new().await;
    let file = |name: &str| world.folder.path().join(name);
    let (master, backup, keys) = (file("master"), file("backup.db"), file("reassure.db.keys"));
    let key = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
    std::fs::write(&master, key).unwrap();
    world.set("store.encryption.keys", &format!("[{{ id = '2026', key = {{ file = '{}' }} }}]", master.display()));
    let mut service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1"), placed("Z2")]).await;
    world.messages_until("both are told", |all| all.len() >= 6).await;
    assert!(service.get("/api/journeys/lumen/Z1").await.body.contains("z1@client.example"));
    service.signal("TERM");
    assert_eq!(service.ended_within(super::harness::LONG).await.code(), Some(0));
    assert!(!service.log().contains(key));
    std::fs::copy(world.store(), &backup).unwrap();
    forgotten(&String::from_utf8_lossy(&std::fs::read(&backup).unwrap()));
    let erased = json(&world.command(&["privacy", "erase", "lumen", "--customer", "c-Z1", "--yes"]));
    assert_eq!(erased["counts"]["contents"], 4);
    world.set("store.path", &format!("'{}'", backup.display()));
    let elsewhere = world.command(&["lookup", "lumen", "Z1"]);
    assert!(text(&elsewhere.stderr).contains("in another place"), "{elsewhere:?}");
    world.set("store.encryption.path", &format!("'{}'", keys.display()));
    let told = world.command(&["lookup", "lumen", "Z1", "-o", "json"]);
    forgotten(&text(&told.stdout));
    let told = json(&told);
    assert_eq!(told["journey"]["erased"], true);
    let contents = told["notifications"].as_array().unwrap().iter().map(|one| (&one["content"], &one["erased"]));
    assert_eq!(contents.collect::<Vec<_>>(), [(&Value::Null, &Value::Bool(true)); 4]);
    assert!(text(&world.command(&["lookup", "lumen", "Z1"]).stdout).contains("erased: who the customer is"));
    forgotten(&text(&world.command(&["privacy", "export", "lumen", "--customer", "c-Z1"]).stdout));
    assert!(text(&world.command(&["privacy", "export", "lumen", "--customer", "c-Z2"]).stdout).contains("z2@client"));
    for (setting, word) in [("store.encryption.keys", "'2027'"), ("store.encryption", "set store.encryption")] {
        if setting == "store.encryption" {
            world.unset("store.encryption.keys");
            world.unset("store.encryption.path");
        } else {
            world.set(setting, &format!("[{{ id = '2027', key = {{ file = '{}' }} }}]", keys.display()));
        }
        let refused = world.command(&["lookup", "lumen", "Z1"]);
        assert!(!refused.status.success() && text(&refused.stderr).contains(word), "{refused:?}");
    }
}
