//! Brokers that are away.

use super::super::bus::{Offsets, complete, eventually, producer_at, publish, records, start};
use super::super::stack::Own;
use super::{Admin, unique};

/// A broker that is down at the start is waited for, and one that restarts is met again.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_waited_for() {
    let Some(broker) = Own::new("kafka") else { return };
    let brokers = broker.place("REASSURE_TEST_KAFKA");
    let admin = Admin::new(&brokers);
    let topic = unique("away");
    admin.create(&topic, 2).await;
    publish(&producer_at(&brokers), &topic, 2, 0..100).await;
    broker.stop();

    let mut settings = admin.settings(&topic);
    settings.properties.insert("reconnect.backoff.max.ms".to_owned(), "500".to_owned());
    let mut bus = start(&settings, &Offsets::default());
    let told = || bus.handle.unreached().is_some_and(|why| why.contains("bus.brokers"));
    eventually("it says that no broker can be reached", told).await;
    broker.start();
    let mut read = records(&mut bus, 100).await;
    eventually("it knows that it is connected", || bus.handle.unreached().is_none()).await;

    broker.stop();
    broker.start();
    publish(&producer_at(&brokers), &topic, 2, 100..200).await;
    // offsets are not kept here, so a rebalance would begin anew: only what is new counts
    while read.len() < 200 {
        let news = records(&mut bus, 1).await;
        read.extend(news.into_iter().filter(|record| record.offset >= 50));
    }
    read.dedup_by_key(|record| (record.partition.clone(), record.offset));
    complete(&read, 2, 0..200);
}
