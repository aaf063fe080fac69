//! The producer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::{Outbound, Producer};

use super::{LONG, Offsets, complete, publish, records, settings, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_waited_for() {
    let broker = EmbeddedBroker::start(&[("orders", 2)]).unwrap();
    let properties = BTreeMap::from([("queue.buffering.max.messages".to_owned(), "10".to_owned())]);
    let producer = Producer::connect(&broker.bootstrap_servers(), LONG, &properties).unwrap();
    publish(&producer, "orders", 2, 0..500).await;
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    complete(&records(&mut bus, 500).await, 2, 0..500);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_key_go_to_one_partition() {
    let broker = EmbeddedBroker::start(&[("orders", 8)]).unwrap();
    let producer = super::producer(&broker);
    let record = Outbound { topic: "orders", key: Some(b"21"), ..Outbound::default() };
    producer.publish_all(&[record; 100]).await.unwrap();
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    // Java's murmur2 of "21" is -973932308
    let expected = (-973_932_308_i32 & 0x7fff_ffff) % 8;
    assert!(records(&mut bus, 100).await.iter().all(|record| record.partition.number == expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_in_time_is_told() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    // long enough for a busy machine to connect in, short enough to be waited for
    let deadline = Duration::from_secs(6);
    let producer = Producer::connect(&broker.bootstrap_servers(), deadline, &BTreeMap::new()).unwrap();
    publish(&producer, "orders", 1, 0..1).await;
    broker.down().unwrap();
    let began = Instant::now();
    let records = [Outbound { topic: "orders", ..Outbound::default() }; 3];
    let error = producer.publish_all(&records).await.unwrap_err();
    assert_eq!(error.failed, 3);
    assert!(error.cause.contains("timed out"), "{}", error.cause);
    assert!(began.elapsed() < 4 * deadline);
}
