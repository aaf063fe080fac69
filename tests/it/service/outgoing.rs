//! The outgoing topics of a running service, and the dead letters put back from theirs.

use std::collections::BTreeSet;
use std::time::Duration;

use reassure::bus::BusSettings;
use reassure::bus::producer::Outbound;
use reassure::bus::topic::Topics;
use reassure::ports::Record;
use reassure::sandbox::Vendor;
use serde_json::{Value, json};

use super::events::{ORDERS, placed};
use super::harness::{LONG, World, eventually, json, text};

const OUTCOMES: &str = "reassure.outcomes";
const DEAD: &str = "reassure.dlq";
/// A partition that our own producer would not choose for the key of these tests.
const ODD: i32 = 3;

async fn world() -> World {
    let mut world = World::new().await;
    world.broker().create_topic(OUTCOMES, 2).unwrap();
    world.broker().create_topic(DEAD, 2).unwrap();
    world.set("outgoing.outcomes", &format!("'{OUTCOMES}'"));
    world.set("outgoing.dead_letters", &format!("'{DEAD}'"));
    world.set("outgoing.source", "'/reassure/test'");
    world
}

fn read(world: &World, topic: &str) -> Vec<Record> {
    let settings = BusSettings { brokers: world.broker().bootstrap_servers(), ..BusSettings::default() };
    let topics = Topics::connect(&settings, LONG).unwrap();
    let mut records = Vec::new();
    topics.read(topic, &topics.extent(topic).unwrap(), |record| records.push(record)).unwrap();
    records
}

fn told(world: &World) -> Vec<Value> {
    read(world, OUTCOMES).iter().map(|record| serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_attempts_are_told_in_their_order() {
    let world = world().await;
    let mut service = world.run().await;
    let mut event = placed("Z1");
    event["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    world.publish(&[event, placed("Z2")]).await;
    let accepted = |told: &[Value], order: &str| {
        told.iter()
            .any(|it| it["subject"] == order && it["data"]["channel"] == "email" && it["data"]["outcome"] == "accepted")
    };
    eventually("both are told of", async || {
        let told = told(&world);
        accepted(&told, "Z1") && accepted(&told, "Z2")
    })
    .await;
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    let told = told(&world);
    let ids: BTreeSet<&str> = told.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len(), "a stop repeats nothing");
    let first = told.iter().filter(|it| it["subject"] == "Z1").collect::<Vec<_>>();
    let decided = |it: &&&Value| it["data"]["rule"] == "confirmation" && it["type"] == "reassure.decision.made";
    let decision = first.iter().find(decided).unwrap();
    assert_eq!((&decision["data"]["verdict"], &decision["source"]), (&json!("send"), &json!("/reassure/test")));
    assert_eq!(decision["data"]["cause"]["id"], "Z1-placed");
    for notification in decision["data"]["notifications"].as_array().unwrap() {
        let place = |wanted: &dyn Fn(&Value) -> bool| first.iter().position(|it| wanted(it)).unwrap();
        let sent = place(&|it| it["data"]["notification"] == notification["id"]);
        assert!(sent > place(&|it| it["id"] == decision["id"]), "what was decided comes first");
        assert_eq!((&first[sent]["data"]["next"], &first[sent]["data"]["attempt"]), (&json!("done"), &json!(1)));
        assert!(first[sent]["traceparent"].as_str().unwrap().starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    }
    for record in read(&world, OUTCOMES) {
        let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
        assert!(key == "lumen/Z1" || key == "lumen/Z2", "{key}");
        let told = String::from_utf8_lossy(record.value.as_ref().unwrap()).into_owned();
        assert!(!told.contains("Ada") && !told.contains("client.example"), "{told}");
    }
}

fn listed(world: &World, filters: &[&str]) -> Vec<Value> {
    let output = world.command(&[&["dlq", "list", "-o", "json"], filters].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    json(&output).as_array().unwrap().clone()
}

async fn bury(world: &World) {
    let mut stranger = placed("Z8");
    stranger["data"]["shop"] = json!("ghost");
    let stranger = serde_json::to_vec(&stranger).unwrap();
    for value in [&b"{\"name\": \"Zebulon"[..], &stranger] {
        let headers: &[(&str, &[u8])] = &[("origin", b"the shop")];
        let record = Outbound {
            topic: ORDERS,
            key: Some(b"Z8"),
            value: Some(value),
            headers,
            // not the one that the key would go to
            partition: Some(ODD),
            ..Outbound::default()
        };
        world.publish_raw(record).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_on_their_topic_and_put_back_from_it() {
    let mut world = world().await;
    let mut service = world.run().await;
    bury(&world).await;
    eventually("both are on the topic", async || read(&world, DEAD).len() == 2).await;
    assert_eq!(world.count("SELECT count(*) FROM dead_records"), 0, "in one place only");
    let letters = listed(&world, &[]);
    let causes: Vec<&Value> = letters.iter().map(|letter| &letter["cause"]).collect();
    assert_eq!(causes, ["malformed_json", "unknown_shop"]);
    assert_eq!((&letters[0]["partition"]["topic"], &letters[1]["offset"]), (&json!(ORDERS), &json!(1)));
    assert_eq!(listed(&world, &["--cause", "unknown_shop"]).len(), 1);
    assert_eq!(listed(&world, &["--topic", "elsewhere"]).len(), 0);
    assert_eq!(
        (listed(&world, &["--since", "1h"]).len(), listed(&world, &["--since", "2099-01-01T00:00:00Z"]).len()),
        (2, 0)
    );
    let stranger = letters[1]["id"].as_str().unwrap().to_owned();
    looked_at(&world, letters[0]["id"].as_str().unwrap());

    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    world.set("shops.named.ghost.name", "'Ghost'");
    let service = world.run().await;
    let asked = world.command(&["dlq", "redrive", &stranger]);
    assert_eq!(asked.status.code(), Some(2), "nobody to ask");
    assert!(text(&asked.stderr).contains("reads 1 records again"), "{}", text(&asked.stderr));
    let dry = json(&world.command(&["dlq", "redrive", "--all", "--dry-run", "-o", "json"]));
    assert_eq!(dry["would_put_back"].as_array().unwrap().len(), 2);
    assert_eq!(listed(&world, &[]).len(), 2, "neither changed anything");
    let done = world.command(&["dlq", "redrive", &stranger, "9:9", "--yes", "-o", "json"]);
    assert_eq!(done.status.code(), Some(3));
    assert_eq!(json(&done), json!({ "put_back": [stranger], "missing": ["9:9"] }));
    world
        .messages_until("the ghost's order is confirmed", |all| {
            all.iter().any(|message| message.is("Z8", "confirmation", Vendor::Resend))
        })
        .await;
    let left = listed(&world, &[]);
    assert_eq!((left.len(), &left[0]["cause"]), (1, &json!("malformed_json")), "it is marked as put back");
    let again = read(&world, ORDERS).into_iter().find(|record| record.offset == 2).unwrap();
    assert_eq!(again.partition.number, ODD, "beside those of its key, whoever chose where");
    assert_eq!(again.key.as_deref(), Some(&b"Z8"[..]));
    assert_eq!(again.headers, [("origin".to_owned(), "the shop".into())], "as it came");
    assert!(!service.log().contains("Zebulon"));
    // the other is put away
    let last = left[0]["id"].as_str().unwrap();
    let asked = world.command(&["dlq", "drop", last]);
    assert!(text(&asked.stderr).contains("puts 0 messages and 1 records away for good"), "{}", text(&asked.stderr));
    let dry = json(&world.command(&["dlq", "drop", last, "--dry-run", "-o", "json"]));
    assert_eq!((dry["would_drop"].as_array().unwrap().len(), listed(&world, &[]).len()), (1, 1));
    assert_eq!(json(&world.command(&["dlq", "drop", last, "--yes", "-o", "json"]))["dropped"], json!([last]));
    assert!(listed(&world, &[]).is_empty());
}

/// What a record holds may be personal: it is shown to who asks for it.
fn looked_at(world: &World, id: &str) {
    let shown = text(&world.command(&["dlq", "show", id]).stdout);
    assert!(shown.contains("cause      malformed_json") && shown.contains("header     origin, 8 bytes"), "{shown}");
    assert!(!shown.contains("Zebulon") && !shown.contains("the shop"), "{shown}");
    let shown = json(&world.command(&["dlq", "show", id, "--value", "-o", "json"]));
    assert_eq!(shown["came_with"]["value"]["text"], "{\"name\": \"Zebulon");
    assert_eq!(shown["came_with"]["headers"][0]["value"]["text"], "the shop");
    assert_eq!(world.command(&["dlq", "show", "0:4711"]).status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_too_large_is_fetched_from_where_it_came() {
    let mut world = world().await;
    // less than the dead letter: the producer refuses it as a broker would
    world.set("bus.properties.'message.max.bytes'", "'1500'");
    world.set("bus.properties.'fetch.max.bytes'", "'2097152'");
    let mut service = world.run().await;
    let large = format!("{{{}", "x".repeat(4000));
    let record = Outbound { topic: ORDERS, value: Some(large.as_bytes()), ..Outbound::default() };
    world.publish_raw(record).await;
    bury(&world).await;
    eventually("all three are on the topic", async || read(&world, DEAD).len() == 3).await;
    let letters = listed(&world, &[]);
    let omitted: Vec<&Value> = letters.iter().filter(|letter| letter["omitted"] == true).collect();
    assert_eq!((letters.len(), omitted.len()), (3, 1));
    assert_eq!(omitted[0]["bytes"], 4001);
    assert_eq!(service.metric("reassure_published_total{outcome=\"shortened\",stream=\"dead_letters\"}").await, 1.0);
    // its record is fetched from where it came
    world.unset("bus.properties.'message.max.bytes'");
    let id = omitted[0]["id"].as_str().unwrap();
    let done = world.command(&["dlq", "redrive", id, "--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    eventually("it is there again", async || {
        read(&world, ORDERS).iter().filter(|record| record.value.as_deref() == Some(large.as_bytes())).count() == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_the_command_says_so_in_time() {
    let world = world().await;
    let service = world.run().await;
    world.broker().down().unwrap();
    let began = std::time::Instant::now();
    let output = world.command(&["dlq", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("does not answer within"), "{}", text(&output.stderr));
    assert!(began.elapsed() < Duration::from_secs(60));
    drop(service);
}
