//! The bus against the embedded broker, by the path that a real one takes.

pub mod groups;
mod publishing;
mod reading;
mod stopping;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::{Outbound, Producer};
use reassure::bus::{self, Bus, BusSettings, OffsetsOf};
use reassure::ports::{Feed, Partition, Record};

/// Long enough for a busy machine; a test that waits this long has failed.
pub const LONG: Duration = Duration::from_secs(30);

fn settings(broker: &EmbeddedBroker, topics: &[&str]) -> BusSettings {
    settings_at(&broker.bootstrap_servers(), topics)
}

pub fn settings_at(brokers: &str, topics: &[&str]) -> BusSettings {
    let mut settings = BusSettings {
        brokers: brokers.to_owned(),
        group: "test".to_owned(),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        // a rebalance of the embedded broker takes a second less than a session
        session_seconds: 3,
        ..BusSettings::default()
    };
    for (name, value) in
        [("heartbeat.interval.ms", "100"), ("statistics.interval.ms", "100"), ("fetch.wait.max.ms", "50")]
    {
        settings.properties.insert(name.to_owned(), value.to_owned());
    }
    settings
}

/// A store that holds offsets and nothing else.
#[derive(Clone, Default)]
pub struct Offsets(Arc<Mutex<BTreeMap<Partition, i64>>>);

impl Offsets {
    pub fn of(&self) -> OffsetsOf {
        let offsets = Arc::clone(&self.0);
        Arc::new(move |partitions, _| {
            let offsets = offsets.lock().unwrap();
            Ok(partitions.iter().map(|partition| offsets.get(partition).copied()).collect())
        })
    }

    pub fn set(&self, partition: &Partition, next: i64) {
        self.0.lock().unwrap().insert(partition.clone(), next);
    }
}

pub fn partition(topic: &str, number: i32) -> Partition {
    Partition { topic: Arc::from(topic), number }
}

fn producer(broker: &EmbeddedBroker) -> Producer {
    producer_at(&broker.bootstrap_servers())
}

pub fn producer_at(brokers: &str) -> Producer {
    Producer::connect(brokers, LONG, &BTreeMap::new()).unwrap()
}

/// Publishes the numbers of this range, spread over the partitions in turn.
pub async fn publish(producer: &Producer, topic: &str, partitions: i32, numbers: std::ops::Range<i32>) {
    let values: Vec<(i32, String)> = numbers.map(|number| (number % partitions, number.to_string())).collect();
    let records: Vec<Outbound<'_>> = values
        .iter()
        .map(|(partition, value)| Outbound {
            topic,
            value: Some(value.as_bytes()),
            partition: Some(*partition),
            ..Outbound::default()
        })
        .collect();
    producer.publish_all(&records).await.unwrap();
}

pub async fn next(bus: &mut Bus) -> Feed {
    tokio::time::timeout(LONG, bus.feed.recv()).await.expect("nothing came").expect("the bus has ended")
}

/// Reads until there are that many records; answers every handover at once.
pub async fn records(bus: &mut Bus, count: usize) -> Vec<Record> {
    let mut all = Vec::new();
    while all.len() < count {
        match next(bus).await {
            Feed::Records(records) => all.extend(records),
            Feed::Revoked(_, answer) => drop(answer.send(())),
            Feed::Assigned(_) => {}
        }
    }
    all
}

pub fn number(record: &Record) -> i32 {
    std::str::from_utf8(record.value.as_ref().unwrap()).unwrap().parse().unwrap()
}

/// Every number of the range once, in order within each partition, at offsets without a gap.
#[track_caller]
pub fn complete(records: &[Record], partitions: i32, numbers: std::ops::Range<i32>) {
    let mut seen: BTreeMap<Partition, Vec<i32>> = BTreeMap::new();
    for record in records {
        let of_partition = seen.entry(record.partition.clone()).or_default();
        assert_eq!(record.offset, of_partition.len() as i64, "{:?}", record.partition);
        of_partition.push(number(record));
    }
    for (partition, found) in &seen {
        let expected: Vec<i32> = numbers.clone().filter(|number| number % partitions == partition.number).collect();
        assert_eq!(*found, expected, "{partition:?}");
    }
    assert_eq!(records.len(), numbers.len());
}

/// For what the library does at its own time and tells nobody.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let check = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, check).await.unwrap_or_else(|_| panic!("it never happened: {what}"));
}

pub fn start(settings: &BusSettings, offsets: &Offsets) -> Bus {
    bus::start(settings, offsets.of()).unwrap()
}
