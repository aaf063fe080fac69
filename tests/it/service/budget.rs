//! What is enough for one day is so for all orders of a customer and for all replicas together.

use serde_json::{Value, json};

use super::events::{ASKED, SHOP, asked, placed_by};
use super::harness::{Service, World, early_in_the_hour, eventually};
use crate::rolling::ground;
use crate::stack;

const MOST: usize = 3;

/// Of one customer, spread over the partitions.
const ORDERS: [&str; 12] = ["K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9", "K10", "K11", "K12"];

fn of_ada(order: &str) -> Value {
    placed_by(order, json!({ "id": "c-ada", "name": "Ada Tester", "email": "ada@client.example", "locale": "en" }))
}

fn told(world: &World, message: &str) -> usize {
    world
        .messages()
        .iter()
        .filter(|one| one.name == message && one.received.body.contains("ada@client.example"))
        .count()
}

async fn waiting(replicas: &mut [Service]) -> f64 {
    let mut sum = 0.0;
    for replica in replicas {
        let waits = "reassure_decisions_total{reason=\"customer_budget_spent\",rule=\"asked\",verdict=\"defer\"}";
        sum += replica.metric(waits).await;
    }
    sum
}

/// However many replicas decide at once, and however often one has to begin anew.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_speak_to_one_customer_at_once_keep_within_one_budget() {
    let Some(postgres) = stack::postgres() else { return };
    let mut world = World::new().await;
    ground::keep_in(&mut world, &postgres, &format!("budget_{:08x}", rand::random::<u32>()));
    world.own_rules(ASKED);
    world.set("shop.budget.per_customer_day", &MOST.to_string());
    early_in_the_hour().await;
    let mut replicas = [world.run().await, world.run().await];
    world.publish(&ORDERS.map(of_ada)).await;
    eventually("every order is confirmed, beyond the budget", async || told(&world, "confirmation") == ORDERS.len())
        .await;
    world.publish(&ORDERS.map(|order| asked(order, 1))).await;
    let rest = f64::from(u8::try_from(ORDERS.len() - MOST).unwrap());
    eventually("the rest waits for the morning", async || waiting(&mut replicas).await == rest).await;
    eventually("what is enough is told", async || told(&world, "collected") == MOST).await;
    assert_eq!(decided(&mut replicas[0]).await, MOST, "and no more");
}

/// How many messages there are, as the timelines say.
async fn decided(service: &mut Service) -> usize {
    let mut count = 0;
    for order in ORDERS {
        let told = service.get(&format!("/api/journeys/{SHOP}/{order}")).await.body;
        let told: Value = serde_json::from_str(&told).unwrap();
        let sent = told["notifications"].as_array().into_iter().flatten().filter(|story| story["rule"] == "asked");
        count += sent.count();
    }
    count
}
