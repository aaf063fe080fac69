//! Publishing, as fast as it is taken or at a pace.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::{Outbound, Producer};
use reassure::domain::time::Timestamp;
use tokio::time::Instant;

use super::events::{Event, ORDERS, SCANS, WINDOW};
use super::sink::micros;

const PARTITIONS: i32 = 8;
const AT_ONCE: usize = 2_000;
/// If nothing moves for so long, something is broken.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Where orders and scans are published.
pub struct Topics {
    pub orders: String,
    pub scans: String,
}

impl Topics {
    fn of(&self, event: &Event) -> &str {
        if event.topic() == ORDERS { &self.orders } else { &self.scans }
    }
}

/// The broker: one of this process, or one that was given, with topics that nobody has used yet.
pub struct Broker {
    servers: String,
    pub topics: Topics,
    _embedded: Option<EmbeddedBroker>,
}

impl Broker {
    pub async fn start(given: Option<&str>) -> Self {
        let Some(servers) = given else {
            let topics = [(ORDERS, PARTITIONS), (SCANS, PARTITIONS)];
            let embedded = EmbeddedBroker::start(&topics).expect("the embedded broker starts");
            let topics = Topics { orders: ORDERS.to_owned(), scans: SCANS.to_owned() };
            return Self { servers: embedded.bootstrap_servers(), topics, _embedded: Some(embedded) };
        };
        let own = format!("{}-{:08x}", std::process::id(), rand::random::<u32>());
        let topics = Topics { orders: format!("{ORDERS}.{own}"), scans: format!("{SCANS}.{own}") };
        let admin: AdminClient<_> =
            ClientConfig::new().set("bootstrap.servers", servers).create().expect("a client of the broker");
        let new =
            [&topics.orders, &topics.scans].map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)));
        let made = admin.create_topics(&new, &AdminOptions::new()).await.expect("the broker answers");
        made.into_iter().for_each(|topic| drop(topic.expect("a topic")));
        Self { servers: servers.to_owned(), topics, _embedded: None }
    }

    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// `linger` is how long a record may wait for others, in milliseconds.
    fn producer(&self, linger: u32) -> Producer {
        let properties = BTreeMap::from([("linger.ms".to_owned(), linger.to_string())]);
        Producer::connect(&self.servers, Duration::from_secs(60), &properties).expect("a producer")
    }
}

/// Publishes everything, never more than a window ahead of `done`; returns when each event went
/// out, in microseconds.
pub async fn flood(broker: &Broker, events: &[Event], begin: Timestamp, done: impl Fn() -> usize) -> Vec<u64> {
    let producer = broker.producer(5);
    let mut published = Vec::with_capacity(events.len());
    let mut moved = (0, Instant::now());
    for chunk in events.chunks(AT_ONCE) {
        loop {
            let now = done();
            if now > moved.0 {
                moved = (now, Instant::now());
            }
            if published.len() + chunk.len() <= now + WINDOW {
                break;
            }
            assert!(moved.1.elapsed() < STANDSTILL, "standstill after {now} records");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        send(&producer, &broker.topics, chunk, begin, |_| published.push(micros())).await;
    }
    published
}

/// Publishes `rate` events a second; returns when each was to go out, in microseconds: a
/// publisher that is late makes the wait longer, not shorter.
pub async fn stroll(broker: &Broker, events: &[Event], begin: Timestamp, rate: f64) -> Vec<u64> {
    let producer = broker.producer(0);
    let (start, from) = (Instant::now(), micros());
    let due = |index: usize| Duration::from_secs_f64(index as f64 / rate);
    let mut published = Vec::with_capacity(events.len());
    while published.len() < events.len() {
        tokio::time::sleep_until(start + due(published.len())).await;
        let late = events[published.len()..].iter().enumerate();
        let now = start.elapsed();
        let ready = late.take_while(|(ahead, _)| due(published.len() + ahead) <= now).count().max(1);
        let chunk = &events[published.len()..published.len() + ready];
        send(&producer, &broker.topics, chunk, begin, |_| {
            let after = u64::try_from(due(published.len()).as_micros()).expect("a run of hours");
            published.push(from + after);
        })
        .await;
    }
    published
}

async fn send(producer: &Producer, topics: &Topics, chunk: &[Event], begin: Timestamp, mut note: impl FnMut(&Event)) {
    let values: Vec<(String, Vec<u8>)> = chunk.iter().map(|event| (event.key(), event.value(begin))).collect();
    chunk.iter().for_each(&mut note);
    let outbound: Vec<Outbound<'_>> = chunk
        .iter()
        .zip(&values)
        .map(|(event, (key, value))| Outbound {
            topic: topics.of(event),
            key: Some(key.as_bytes()),
            value: Some(value),
            headers: &[("content-type", b"application/cloudevents+json")],
            ..Outbound::default()
        })
        .collect();
    producer.publish_all(&outbound).await.expect("the records are published");
}
