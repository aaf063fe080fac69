//! What is read, from where, and what happens when nobody takes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::Outbound;
use reassure::bus::{self, OffsetsOf};
use reassure::domain::time::Timestamp;
use reassure::ports::Feed;

use super::{
    LONG, Offsets, complete, eventually, next, number, partition, producer, publish, records, settings, start,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_record_once_and_in_order() {
    let broker = EmbeddedBroker::start(&[("orders", 3), ("scans", 1)]).unwrap();
    let producer = producer(&broker);
    let mut bus = start(&settings(&broker, &["orders", "scans"]), &Offsets::default());
    publish(&producer, "orders", 3, 0..5_000).await;
    let first = records(&mut bus, 5_000).await;
    publish(&producer, "orders", 3, 5_000..6_000).await;
    let all = [first, records(&mut bus, 1_000).await].concat();
    complete(&all, 3, 0..6_000);
    assert_eq!(bus.handle.counters().records.load(Ordering::Relaxed), 6_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_comes_as_it_was_published() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let producer = producer(&broker);
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    let headers: [(&str, &[u8]); 2] = [("ce_id", b"1"), ("ce_type", b"order.placed")];
    let before = Timestamp(chrono::Utc::now());
    let full = Outbound {
        topic: "orders",
        key: Some(b"key"),
        value: Some(b"value"),
        headers: &headers,
        ..Outbound::default()
    };
    let tombstone = Outbound { value: None, headers: &[], ..full };
    producer.publish_all(&[full, tombstone]).await.unwrap();

    let records = records(&mut bus, 2).await;
    assert_eq!(records[0].partition, partition("orders", 0));
    assert_eq!(records[0].key.as_deref(), Some(b"key".as_slice()));
    assert_eq!(records[0].value.as_deref(), Some(b"value".as_slice()));
    let headers: Vec<(&str, &[u8])> =
        records[0].headers.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
    assert_eq!(headers, [("ce_id", b"1".as_slice()), ("ce_type", b"order.placed")]);
    assert!(records[0].timestamp.unwrap() >= before.millis());
    assert_eq!((records[1].offset, records[1].value.as_deref()), (1, None));
}

/// Publishes a record with a header whose name is not UTF-8, which the library's safe half cannot.
fn publish_unreadable_header(broker: &EmbeddedBroker) {
    use rdkafka::bindings::{
        rd_kafka_header_add, rd_kafka_headers_new, rd_kafka_producev, rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS, rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
    };
    use rdkafka::producer::{BaseProducer, Producer};
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.bootstrap_servers()).create().unwrap();
    // SAFETY: all pointers live through the calls; a record that is taken takes its headers along
    let taken = unsafe {
        let headers = rd_kafka_headers_new(1);
        rd_kafka_header_add(headers, c"\xff\xfe".as_ptr(), 2, c"1".as_ptr().cast(), 1);
        let client = producer.client().native_ptr();
        let (topic, end) = (c"orders".as_ptr(), RD_KAFKA_VTYPE_END);
        rd_kafka_producev(client, RD_KAFKA_VTYPE_TOPIC, topic, RD_KAFKA_VTYPE_HEADERS, headers, end)
    };
    assert_eq!(taken as i32, 0);
    producer.flush(LONG).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_cannot_be_read_ends_nothing() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    publish_unreadable_header(&broker);
    publish(&producer(&broker), "orders", 1, 0..1).await;
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    let records = records(&mut bus, 2).await;
    assert!(records[0].headers.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_not_larger_than_asked() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    publish(&producer(&broker), "orders", 1, 0..1_000).await;
    let mut settings = settings(&broker, &["orders"]);
    settings.batch_records = 7;
    let mut bus = start(&settings, &Offsets::default());
    let mut seen = 0;
    while seen < 1_000 {
        if let Feed::Records(records) = next(&mut bus).await {
            assert!((1..=7).contains(&records.len()));
            seen += records.len();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_where_the_store_says() {
    let broker = EmbeddedBroker::start(&[("orders", 2)]).unwrap();
    publish(&producer(&broker), "orders", 2, 0..100).await;
    let offsets = Offsets::default();
    offsets.set(&partition("orders", 1), 40);
    let mut bus = start(&settings(&broker, &["orders"]), &offsets);
    let Feed::Assigned(mut assigned) = next(&mut bus).await else { panic!("records before the assignment") };
    assigned.sort();
    assert_eq!(assigned, [(partition("orders", 0), None), (partition("orders", 1), Some(40))]);
    let records = records(&mut bus, 60).await;
    let first_of = |number| records.iter().find(|record| record.partition.number == number).unwrap().offset;
    assert_eq!((first_of(0), first_of(1)), (0, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_before_the_store_has_told() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    publish(&producer(&broker), "orders", 1, 0..10).await;
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let offsets_of: OffsetsOf = Arc::new(move |partitions, _| match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Err("the disk is full".to_owned()),
        1 => Ok(vec![]),
        _ => Ok(vec![Some(4); partitions.len()]),
    });
    let mut bus = bus::start(&settings(&broker, &["orders"]), offsets_of).unwrap();
    let Feed::Assigned(assigned) = next(&mut bus).await else { panic!("records before the assignment") };
    assert_eq!(assigned, [(partition("orders", 0), Some(4))]);
    assert_eq!(bus.handle.counters().offset_failures.load(Ordering::Relaxed), 2);
    let records = records(&mut bus, 6).await;
    assert_eq!(records.iter().map(number).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_channel_pauses_and_loses_nothing() {
    let broker = EmbeddedBroker::start(&[("orders", 3)]).unwrap();
    let producer = producer(&broker);
    publish(&producer, "orders", 3, 0..3_000).await;
    let mut settings = settings(&broker, &["orders"]);
    (settings.batch_records, settings.channel_batches) = (10, 2);
    let mut bus = start(&settings, &Offsets::default());
    let mut all = Vec::new();
    for round in 1..=3 {
        eventually("the bus pauses", || bus.handle.is_paused()).await;
        assert_eq!(bus.handle.counters().pauses.load(Ordering::Relaxed), round);
        let held = bus.handle.counters().records.load(Ordering::Relaxed) as usize - all.len();
        assert!(held <= 10 * (2 + 1), "{held} records are held");
        all.extend(records(&mut bus, 300).await);
    }
    publish(&producer, "orders", 3, 3_000..4_000).await;
    let rest = 4_000 - all.len();
    all.extend(records(&mut bus, rest).await);
    complete(&all, 3, 0..4_000);
    eventually("the bus goes on", || !bus.handle.is_paused()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_work_never_costs_the_membership() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    publish(&producer(&broker), "orders", 1, 0..100).await;
    let mut settings = settings(&broker, &["orders"]);
    (settings.batch_records, settings.channel_batches, settings.session_seconds) = (10, 1, 1);
    settings.properties.insert("max.poll.interval.ms".to_owned(), "1000".to_owned());
    let mut bus = start(&settings, &Offsets::default());
    eventually("the bus pauses", || bus.handle.is_paused()).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await; // more than two poll intervals
    let all = records(&mut bus, 100).await;
    complete(&all, 1, 0..100);
    let counters = bus.handle.counters();
    assert_eq!((counters.lost.load(Ordering::Relaxed), counters.assigned.load(Ordering::Relaxed)), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_does_not_exist_yet_is_waited_for() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let producer = producer(&broker);
    let mut settings = settings(&broker, &["orders", "later"]);
    settings.properties.insert("topic.metadata.refresh.interval.ms".to_owned(), "100".to_owned());
    let mut bus = start(&settings, &Offsets::default());
    publish(&producer, "orders", 1, 0..10).await;
    records(&mut bus, 10).await;
    assert!(bus.handle.counters().errors.load(Ordering::Relaxed) > 0, "a missing topic is reported");
    broker.create_topic("later", 1).unwrap();
    publish(&producer, "later", 1, 0..10).await;
    let late = records(&mut bus, 10).await;
    complete(&late, 1, 0..10);
    assert_eq!(&*late[0].partition.topic, "later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_and_comes_back_is_read_on() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let producer = producer(&broker);
    let mut settings = settings(&broker, &["orders"]);
    settings.properties.insert("reconnect.backoff.max.ms".to_owned(), "200".to_owned());
    let mut bus = start(&settings, &Offsets::default());
    publish(&producer, "orders", 1, 0..100).await;
    let first = records(&mut bus, 100).await;
    broker.down().unwrap();
    let errors = || bus.handle.counters().errors.load(Ordering::Relaxed) > 0;
    eventually("the broker is missed", errors).await;
    broker.up().unwrap();
    publish(&producer, "orders", 1, 100..200).await;
    complete(&[first, records(&mut bus, 100).await].concat(), 1, 0..200);
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_is_told_what_is_durable_and_lag_follows() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    publish(&producer(&broker), "orders", 1, 0..50).await;
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    let records = records(&mut bus, 50).await;
    let here = partition("orders", 0);
    bus.hints.put(&here, 30);
    bus.hints.put(&partition("orders", 9), 30); // not ours: forgotten

    let lag = || bus.handle.lag().into_iter().next().unwrap();
    eventually("the end is known", || lag().end == Some(50)).await;
    assert_eq!((lag().read, lag().done, lag().records()), (Some(50), Some(30), Some(20)));
    let published = records[49].timestamp.unwrap();
    assert_eq!(lag().age(Timestamp::from_millis(published + 1_500)), Some(Duration::from_millis(1_500)));
    bus.hints.put(&here, 50);
    assert_eq!(lag().age(Timestamp::from_millis(published + 1_500)), Some(Duration::ZERO));

    let other: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("group.id", "test")
        .create()
        .unwrap();
    let committed = || {
        let mut list = TopicPartitionList::new();
        list.add_partition("orders", 0);
        other.committed_offsets(list, LONG).unwrap().elements()[0].offset()
    };
    eventually("the offset is committed", || committed() == Offset::Offset(50)).await;
    assert_eq!(bus.handle.counters().commit_failures.load(Ordering::Relaxed), 0);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let broker = EmbeddedBroker::start(&[]).unwrap();
    let refused = |change: &dyn Fn(&mut bus::BusSettings)| {
        let mut settings = settings(&broker, &["orders"]);
        change(&mut settings);
        bus::start(&settings, Offsets::default().of()).err().expect("it was accepted")
    };
    let with = |name: &str, value: &str| refused(&|it| drop(it.properties.insert(name.to_owned(), value.to_owned())));
    assert!(with("no.such.property", "1").contains("no.such.property"));
    assert!(with("enable.auto.commit", "true").contains("must be false"));
    assert!(refused(&|it| it.topics.clear()).contains("no topics"));
    assert!(serde_json::from_str::<bus::BusSettings>(r#"{ "broker": "x" }"#).is_err());
}
