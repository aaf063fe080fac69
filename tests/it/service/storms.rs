//! A rule that speaks far more often than ever is held by every replica and over restarts, until a person
//! has said what becomes of it.

use reassure::sandbox::Vendor;
use serde_json::{Value, json};

use super::events::{ASKED, SHOP, asked, cancelled, placed, shipped};
use super::harness::{Service, World, ask, early_in_the_hour, eventually, json as printed, text};
use crate::rolling::ground;
use crate::stack;

const HELD: &str = "reassure_storm_held_notifications{rule=\"asked\",shop=\"lumen\"}";
const RAGES: &str = "reassure_storm_raging{rule=\"asked\",shop=\"lumen\"}";

/// Five messages of a rule within an hour are too much.
fn stormy(mut world: World) -> World {
    world.own_rules(&[ASKED, "  valid_while: '!journey.cancelled'\n  beyond_budget: true\n"].concat());
    world.set("shop.storm.factor", "1");
    world.set("shop.storm.least", "4");
    world
}

fn answers(world: &World) -> Vec<String> {
    let mails = world.messages().into_iter().filter(|message| message.vendor == Vendor::Resend);
    let mut orders: Vec<_> = mails.filter(|message| message.name == "collected").map(|message| message.order).collect();
    orders.sort();
    orders
}

async fn holds(service: &mut Service, count: f64) {
    eventually("it holds so many", async || service.metric(HELD).await == count).await;
}

fn ruled(world: &World, arguments: &[&str]) -> Value {
    printed(&world.command(&[&["storms", "-o", "json"], arguments].concat()))
}

async fn drop_by_api(service: &mut Service, rule: &str) -> Value {
    let api = service.api().await;
    let path = format!("/api/storms/{SHOP}/{rule}/drop");
    let request = format!("POST {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    serde_json::from_str(&ask(&api, &request).await.body).unwrap()
}

/// The states of the rule's notifications, with the reasons.
fn states(world: &World, order: &str) -> Vec<(String, String)> {
    let told = printed(&world.command(&["lookup", SHOP, order, "-o", "json"]));
    let all = told["notifications"].as_array().unwrap().clone();
    let of = |story: &Value, field: &str| story[field].as_str().unwrap_or_default().to_owned();
    all.iter().filter(|story| story["rule"] == "asked").map(|story| (of(story, "state"), of(story, "reason"))).collect()
}

async fn a_storm_waits_for_a_person(world: World, replicas: bool) {
    early_in_the_hour().await;
    let mut service = world.run().await;
    let mut other = if replicas { Some(world.run().await) } else { None };
    world.publish(&[placed("Z1"), placed("Z2"), asked("Z1", 1), asked("Z1", 2), asked("Z2", 3), asked("Z2", 4)]).await;
    eventually("four are answered", async || answers(&world).len() == 4).await;
    world.publish(&[asked("Z1", 5), asked("Z2", 6), asked("Z1", 7)]).await;
    holds(&mut service, 3.0).await;
    assert_eq!(service.metric(RAGES).await, 1.0);
    // what else there is to say of the order leaves
    world.publish(&[shipped("Z1")]).await;
    world
        .messages_until("the parcel is told", |all| all.iter().any(|one| one.is("Z1", "shipping", Vendor::Resend)))
        .await;
    let listed: Value = serde_json::from_str(&service.get("/api/storms").await.body).unwrap();
    let [storm] = &listed["storms"].as_array().unwrap()[..] else { panic!("one storm: {listed}") };
    assert_eq!(
        (&storm["rule"], &storm["held"], &storm["rages"], &storm["mark"]),
        (&json!("asked"), &json!(3), &json!(true), &json!(4))
    );
    let lookup = text(&world.command(&["lookup", SHOP, "Z1"]).stdout);
    assert!(lookup.contains("far more often than ever"), "{lookup}");
    let logs = [Some(&service), other.as_ref()].into_iter().flatten().map(Service::log).collect::<String>();
    assert_eq!(logs.matches("a rule speaks far more often than ever").count(), 1, "one line: {logs}");

    // over a restart
    service.kill();
    let mut service = world.run().await;
    world.publish(&[asked("Z1", 8)]).await;
    holds(&mut service, 4.0).await;
    if let Some(other) = &mut other {
        assert_eq!(other.metric(HELD).await, 4.0, "every replica knows");
    }
    assert_eq!(answers(&world).len(), 4);

    // what is released is looked at again
    world.publish(&[cancelled("Z2")]).await;
    world
        .messages_until("it is cancelled", |all| all.iter().any(|one| one.is("Z2", "cancelled", Vendor::Resend)))
        .await;
    assert_eq!(ruled(&world, &["release", SHOP, "asked", "--dry-run"])["would_be_ruled"], 4);
    assert_eq!(service.metric(HELD).await, 4.0, "nothing was done");
    assert_eq!(world.command(&["storms", "release", SHOP, "asked"]).status.code(), Some(2), "there is nobody to ask");
    assert_eq!(ruled(&world, &["release", SHOP, "asked", "--yes"])["ruled"], 4);
    let mut expected: Vec<_> = ["Z1", "Z1", "Z2", "Z2"].map(str::to_owned).into();
    expected.extend(["Z1", "Z1", "Z1"].map(str::to_owned));
    expected.sort();
    eventually("they leave", async || answers(&world) == expected).await;
    let withdrawn = ("suppressed".to_owned(), "no_longer_true".to_owned());
    eventually("what is not true does not", async || states(&world, "Z2").contains(&withdrawn)).await;
    eventually("nothing is held", async || service.metric(HELD).await == 0.0).await;
    assert_eq!(service.metric(RAGES).await, 0.0);

    // eight an hour are usual from now on; the ninth is not, and is dropped
    world.publish(&[asked("Z1", 9)]).await;
    holds(&mut service, 1.0).await;
    assert_eq!(drop_by_api(&mut service, "asked").await["ruled"], 1);
    assert_eq!(drop_by_api(&mut service, "delay").await["status"], 404, "nothing was ever held of it");
    let dropped = ("suppressed".to_owned(), "storm".to_owned());
    eventually("it is dropped", async || states(&world, "Z1").last() == Some(&dropped)).await;
    let told = printed(&world.command(&["lookup", SHOP, "Z1", "-o", "json"]));
    let decision = told["timeline"].as_array().unwrap().last().unwrap()["decisions"][0].clone();
    assert_eq!((&decision["verdict"], &decision["reason"]), (&json!("suppress"), &json!("storm")));
    assert_eq!(
        service.metric("reassure_decisions_total{reason=\"storm\",rule=\"asked\",verdict=\"suppress\"}").await
            + match &mut other {
                Some(other) =>
                    other.metric("reassure_decisions_total{reason=\"storm\",rule=\"asked\",verdict=\"suppress\"}").await,
                None => 0.0,
            },
        1.0
    );
    let raging = ruled(&world, &["list"]);
    assert_eq!((&raging["storms"][0]["held"], &raging["storms"][0]["rages"]), (&json!(0), &json!(true)));
    assert_eq!(world.command(&["storms", "drop", SHOP, "delay", "--yes"]).status.code(), Some(3), "there is none");
    assert_eq!(answers(&world), expected, "nothing else was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_waits_for_a_person_on_one_machine() {
    a_storm_waits_for_a_person(stormy(World::new().await), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_waits_for_a_person_with_several_replicas() {
    let Some(postgres) = stack::postgres() else { return };
    let mut world = stormy(World::new().await);
    ground::keep_in(&mut world, &postgres, &format!("storms_{:08x}", rand::random::<u32>()));
    a_storm_waits_for_a_person(world, true).await;
}
