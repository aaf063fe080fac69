//! A database that is away while orders come in (promise 19).

use serde_json::Value;

use super::ground;
use crate::service::events::placed;
use crate::service::harness::eventually;
use crate::stack;

#[tokio::test(flavor = "multi_thread")]
async fn intake_waits_for_a_database_that_is_away_and_goes_on_by_itself() {
    let (Some(kafka), Some(postgres)) = (stack::kafka(), stack::Own::new("postgres")) else { return };
    let world = ground::world(&kafka, &postgres.place("REASSURE_TEST_POSTGRES")).await;
    let mut service = world.run().await;
    let orders: Vec<Value> = (1..=60).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders[..10]).await;
    world.sandbox.received_at_least(20).await;
    super::at_rest(&world).await;
    postgres.stop();
    world.publish(&orders[10..]).await;
    eventually("it is not ready any more", async || service.get("/readyz").await.status == 503).await;
    assert_eq!(service.get("/livez").await.status, 200);
    postgres.start();
    world.messages_until("all are told", |all| all.len() >= 120).await;
    super::at_rest(&world).await;
    eventually("it is ready again", async || service.get("/readyz").await.status == 200).await;
    assert_eq!(world.messages().len(), 120, "each once");
}
