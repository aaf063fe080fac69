//! The work shared out among processes: each does its own part, and what one leaves another takes.

use serde_json::Value;

use super::events::{cancelled, placed, shipped};
use super::harness::{Service, World, eventually};
use crate::rolling::ground::keep_in;
use crate::stack;
use crate::store::place::Schema;

#[tokio::test(flavor = "multi_thread")]
async fn one_process_takes_in_another_sends_and_a_third_answers() {
    let Some(postgres) = stack::postgres() else { return };
    let schema = Schema::of(&postgres);
    let mut world = World::new().await;
    keep_in(&mut world, &postgres, &schema.settings.schema);
    let start = |role: &str| {
        let own = [("service.roles", format!("['{role}']"))];
        Service::of(&world.config_with(role, &own))
    };
    let (mut ingest, mut http) = (start("ingest"), start("http"));
    let ready = async |service: &mut Service| service.get("/readyz").await.status == 200;
    eventually("they are ready", async || ready(&mut ingest).await && ready(&mut http).await).await;
    world.publish(&[placed("Z1"), shipped("Z1"), placed("Z2")]).await;
    let known = async |http: &mut Service, order: &str| {
        let answer = http.get(&format!("/api/journeys/lumen/{order}")).await;
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let waits = async |http: &mut Service, order: &str, count: usize| {
        known(http, order).await["notifications"].as_array().is_some_and(|all| all.len() == count)
    };
    eventually("all is decided", async || waits(&mut http, "Z1", 4).await && waits(&mut http, "Z2", 2).await).await;
    assert!(world.messages().is_empty(), "nobody is there who sends");
    assert_eq!(http.metric("reassure_backlog{kind=\"pending_notifications\"}").await, 6.0);
    // what is no longer true when somebody comes is taken back by who comes
    world.publish(&[cancelled("Z2")]).await;
    eventually("it is cancelled", async || known(&mut http, "Z2").await.to_string().contains("order.cancelled")).await;
    let mut dispatch = start("dispatch");
    assert!(ready(&mut dispatch).await);
    world.messages_until("the first order's are sent", |all| all.len() >= 4).await;
    let settled = async |http: &mut Service, order: &str| {
        let all = known(http, order).await["notifications"].as_array().unwrap().clone();
        all.iter().all(|one| one["state"] != "pending")
    };
    eventually("nothing waits", async || settled(&mut http, "Z1").await && settled(&mut http, "Z2").await).await;
    let taken_back = known(&mut http, "Z2").await.to_string();
    assert!(taken_back.contains("\"state\":\"suppressed\""), "{taken_back}");
    assert_eq!(dispatch.metric("reassure_lag_seconds").await, 0.0);
    assert_eq!(dispatch.metric("reassure_rebalances_total{change=\"given\"}").await, 0.0, "it has joined no group");
    assert_eq!(
        ingest.metric("reassure_attempts_total{channel=\"email\",outcome=\"accepted\",provider=\"mail\"}").await,
        0.0
    );
    // without the API there are probes and metrics still
    assert_eq!(dispatch.get("/livez").await.status, 200);
    assert!(!dispatch.log().contains("\"api\":"), "and nothing else");
}
