//! An order whose confirmation no provider accepts in time is found, with its cause, and told no more
//! once it is confirmed: over restarts, and the same on every replica.

use reassure::domain::decision::NotificationId;
use reassure::domain::journey::JourneyKey;
use reassure::domain::order::Channel;
use reassure::sandbox::{Behaviour, Vendor};
use serde_json::{Value, json};

use super::events::{ago, caller, cancelled, placed, placed_by};
use super::harness::{Service, World, eventually, json as printed};
use crate::rolling::ground;
use crate::stack;

/// Misses after two seconds, and tries for ever.
fn impatient(mut world: World) -> World {
    world.set("confirmation.objective_seconds", "2");
    world.set("dispatch.retry.max_attempts", "1000");
    world
}

async fn missing(service: &mut Service, cause: &str) -> f64 {
    service.metric(&format!("reassure_confirmations_missing{{cause=\"{cause}\",shop=\"lumen\"}}")).await
}

/// An order of long ago that is read only now.
fn ancient(order: &str) -> Value {
    let mut event = placed(order);
    event["time"] = ago(20 * 24 * 60).into();
    event
}

fn listed(world: &World) -> Vec<(String, String)> {
    let told = printed(&world.command(&["unconfirmed", "-o", "json"]));
    let of = |order: &Value, field: &str| order[field].as_str().unwrap().to_owned();
    told["unconfirmed"].as_array().unwrap().iter().map(|order| (of(order, "order_id"), of(order, "cause"))).collect()
}

async fn an_outage_is_seen_and_its_end_too(world: World, replicas: bool) {
    let mail_is_down = |call: &reassure::sandbox::Call<'_>| match call.vendor {
        Vendor::Resend => Behaviour::Unavailable,
        _ => Behaviour::Answer,
    };
    world.behave(mail_is_down);
    let mut service = world.run().await;
    let nobody = json!({ "id": "c-Z3", "name": "Ada Tester", "locale": "en" });
    world
        .publish(&[
            placed("Z1"),
            placed_by("Z2", caller("Z2")),
            placed_by("Z3", nobody),
            placed("Z4"),
            cancelled("Z4"),
            ancient("Z5"),
        ])
        .await;
    eventually("they are missed", async || {
        missing(&mut service, "failing").await == 1.0 && missing(&mut service, "no_contact").await == 1.0
    })
    .await;
    let mut orders = listed(&world);
    orders.sort();
    let expected = [("Z1", "failing"), ("Z3", "no_contact")].map(|(order, cause)| (order.to_owned(), cause.to_owned()));
    assert_eq!(orders, expected);
    assert_eq!(service.metric("reassure_orders_without_contact_total{shop=\"lumen\"}").await, 1.0);
    let told: Value = serde_json::from_str(&service.get("/api/journeys/lumen/Z1").await.body).unwrap();
    assert_eq!(told["unconfirmed"]["cause"], "failing");
    let listed_there: Value = serde_json::from_str(&service.get("/api/unconfirmed").await.body).unwrap();
    assert_eq!(listed_there["unconfirmed"].as_array().unwrap().len(), 2);

    // another process knows it too
    if !replicas {
        service.kill();
    }
    let mut other = world.run().await;
    assert_eq!(missing(&mut other, "failing").await, 1.0);
    world.behave(|_| Behaviour::Answer);
    eventually("it is confirmed", async || missing(&mut other, "failing").await == 0.0).await;
    if !replicas {
        assert_eq!(other.metric("reassure_confirmation_seconds_count").await, 1.0);
    }
    // a contact that comes later: the shop's webhook has had the confirmation, the buyer has not
    let known = json!({ "shop": "lumen", "customer": { "id": "c-Z3", "email": "z3@client.example" } });
    world.publish(&[super::events::event("Z3-known", "customer.updated", ago(0), known)]).await;
    eventually("it is told apart", async || missing(&mut other, "not_sent").await == 1.0).await;
    assert_eq!(missing(&mut other, "no_contact").await, 0.0);
    assert_eq!(listed(&world), [("Z3".to_owned(), "not_sent".to_owned())]);
    if replicas {
        assert_eq!(missing(&mut service, "failing").await, 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_seen_on_one_machine() {
    an_outage_is_seen_and_its_end_too(impatient(World::new().await), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_seen_by_every_replica() {
    let Some(postgres) = stack::postgres() else { return };
    let mut world = impatient(World::new().await);
    ground::keep_in(&mut world, &postgres, &format!("unconfirmed_{:08x}", rand::random::<u32>()));
    an_outage_is_seen_and_its_end_too(world, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_unknown_or_not_sent_is_told_apart() {
    let mut world = impatient(World::new().await);
    world.set("providers.mail.on_unknown", "'hold'");
    let shops = world.folder.path().join("shops");
    std::fs::create_dir_all(shops.join("silent/rules")).unwrap();
    std::fs::write(shops.join("silent/rules/own.yaml"), "[{ rule: confirmation, off: true }]").unwrap();
    world.set("shops.folder", &format!("'{}'", shops.display()));
    world.set("shops.named.silent.name", "'Silent'");
    world.set("dispatch.retry.max_attempts", "2");
    let order = JourneyKey { shop: "lumen".to_owned(), order_id: "Z1".to_owned() };
    let refused = NotificationId::derive(&order, &"confirmation".into(), "order", Channel::Email);
    world.behave(move |call| match call.vendor {
        Vendor::Resend if call.key == refused.0 => Behaviour::Unavailable,
        Vendor::Resend => Behaviour::Hang,
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    let mut silent = placed("Z3");
    silent["data"]["shop"] = "silent".into();
    world.publish(&[placed("Z1"), placed("Z2"), silent]).await;
    let not_sent = "reassure_confirmations_missing{cause=\"not_sent\",shop=\"silent\"}";
    eventually("each is told", async || {
        missing(&mut service, "given_up").await == 1.0
            && missing(&mut service, "held").await == 1.0
            && service.metric(not_sent).await == 1.0
    })
    .await;
    let told = world.command(&["lookup", "lumen", "Z1"]);
    assert!(super::harness::text(&told.stdout).contains("not confirmed since"), "{told:?}");
}
