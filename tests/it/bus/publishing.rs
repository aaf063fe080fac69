//! The producer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reassure::bus::BusSettings;
use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::{Outbound, Producer};
use reassure::bus::publisher::KafkaPublisher;
use reassure::bus::topic::Topics;
use reassure::ports::{Publication, Publisher, Record, Stream};

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

fn publication(stream: Stream, value: &str) -> Publication {
    Publication {
        stream,
        key: Some("key".into()),
        value: Some(value.to_owned().into()),
        headers: vec![("twice".to_owned(), "1".into()), ("twice".to_owned(), "2".into())],
        timestamp: Some(1_772_438_400_000),
    }
}

fn read_whole(settings: &BusSettings, topic: &str) -> Vec<Record> {
    let topics = Topics::connect(settings, LONG).unwrap();
    let extents = topics.extent(topic).unwrap();
    let mut records = Vec::new();
    topics.read(topic, &extents, |record| records.push(record)).unwrap();
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn publications_arrive_as_they_are_and_each_that_does_not_is_told() {
    let broker = EmbeddedBroker::start(&[("told", 3), ("dead", 2)]).unwrap();
    let mut settings = settings(&broker, &["orders"]);
    settings.properties.insert("message.max.bytes".to_owned(), "2000".to_owned());
    let topics = BTreeMap::from([(Stream::Outcomes, "told".to_owned()), (Stream::DeadLetters, "dead".to_owned())]);
    let publisher = KafkaPublisher::connect(&settings, topics).unwrap();
    let large = "x".repeat(3000);
    let publications = [
        publication(Stream::Outcomes, "1"),
        publication(Stream::Outcomes, &large),
        publication(Stream::DeadLetters, "dead"),
        publication(Stream::Outcomes, "2"),
    ];
    let results = publisher.publish(&publications).await;
    let refused: Vec<Option<bool>> =
        results.iter().map(|result| result.as_ref().err().map(|refused| refused.refused)).collect();
    assert_eq!(refused, [None, Some(true), None, None]);
    settings.properties.remove("message.max.bytes");
    let told = read_whole(&settings, "told");
    let values: Vec<&[u8]> = told.iter().map(|record| record.value.as_deref().unwrap()).collect();
    assert_eq!(values, [b"1", b"2"], "of one key, in their order");
    let dead = read_whole(&settings, "dead").remove(0);
    let sent = &publications[2];
    assert_eq!((&dead.key, &dead.value, &dead.headers), (&sent.key, &sent.value, &sent.headers));
    assert_eq!(dead.timestamp, sent.timestamp);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_read_to_where_it_ends_and_at_one_place() {
    let broker = EmbeddedBroker::start(&[("orders", 3), ("empty", 2)]).unwrap();
    let settings = settings(&broker, &["orders"]);
    publish(&super::producer(&broker), "orders", 3, 0..300).await;
    let read = read_whole(&settings, "orders");
    complete(&read, 3, 0..300);
    assert!(read_whole(&settings, "empty").is_empty());
    let topics = Topics::connect(&settings, LONG).unwrap();
    let place = &read[150];
    let again = topics.record(&place.partition, place.offset).unwrap().unwrap();
    assert_eq!((again.offset, again.value), (place.offset, place.value.clone()));
    assert!(topics.record(&place.partition, 100).unwrap().is_none(), "beyond the end");
    broker.down().unwrap();
    let away = Topics::connect(&settings, Duration::from_secs(1)).unwrap().extent("orders").unwrap_err();
    assert!(away.contains("does not answer within 1 s") && away.contains("bus.brokers"), "{away}");
}
