//! Replicas that begin at the same moment, where nothing is yet.

use std::process::Command;

use super::{fleet, ground};
use crate::service::events::placed;
use crate::service::harness::{Service, eventually};

/// One makes the tables, the others wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn six_that_begin_at_once_on_an_empty_database_share_the_work() {
    let Some(world) = ground::shared().await else { return };
    let config = world.config();
    let mut replicas: Vec<Service> = (0..6).map(|_| Service::start(Command::new(fleet::binary()), &config)).collect();
    for replica in &mut replicas {
        replica.address().await;
    }
    world.publish(&(1..=30).map(|number| placed(&format!("Z{number}"))).collect::<Vec<_>>()).await;
    world.messages_until("all are told", |all| all.len() >= 60).await;
    super::at_rest(&world).await;
    assert_eq!(world.messages().len(), 60);
    for replica in &mut replicas {
        eventually("each is ready", async || replica.get("/readyz").await.status == 200).await;
    }
}
