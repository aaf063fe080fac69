//! Somebody else has advanced a partition: what was read of it is refused, nothing else is lost.

use rusqlite::Connection;

use super::events::placed;
use super::harness::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_partition_takes_no_others_with_it_and_is_read_on() {
    let world = World::new().await;
    let mut service = world.run().await;
    let orders: Vec<_> = (1..=240).map(|number| placed(&format!("Z{number}"))).collect();
    let taken_in = async |count: i64| world.count("SELECT count(*) FROM journeys") == count;
    world.publish(&orders[..40]).await;
    eventually("the first are taken in", async || taken_in(40).await).await;
    // as a former owner does that wrote after the offsets had been asked for: it took one record in
    let advanced = Connection::open(world.store()).unwrap();
    let sql = "UPDATE offsets SET next = next + 1 WHERE topic = 'reassure.orders' AND partition = 2";
    assert_eq!(advanced.execute(sql, []).unwrap(), 1);
    drop(advanced);
    world.publish(&orders[40..]).await;
    eventually("all but that one are taken in", async || taken_in(239).await).await;
    eventually("nothing is left unread", async || {
        let text = service.get("/metrics").await.body;
        let behind: Vec<&str> =
            text.lines().filter(|line| line.starts_with("reassure_lag_records{") && line.contains("orders")).collect();
        behind.len() == 4 && behind.iter().all(|line| line.ends_with(" 0"))
    })
    .await;
    assert_eq!(world.count("SELECT sum(next) FROM offsets WHERE topic = 'reassure.orders' AND partition >= 0"), 240);
    assert!(taken_in(239).await);
}
