//! The bus on Apache Kafka. What the embedded broker cannot do is tried here: the groups of a real
//! coordinator, topics that come, grow and go, TLS and passwords, brokers that are away.

mod foreign;
mod groups;
mod outages;
mod outgoing;
mod security;
mod topics;

use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::TopicPartitionList;
use reassure::bus::{Bus, BusSettings};

use super::bus::{LONG, settings_at};

/// A name that no other test, and no other run, uses.
fn unique(what: &str) -> String {
    format!("{what}-{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff)
}

/// Topics by the broker's own means.
struct Admin {
    brokers: String,
    client: AdminClient<DefaultClientContext>,
}

impl Admin {
    fn new(brokers: &str) -> Self {
        let client = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        Self { brokers: brokers.to_owned(), client }
    }

    async fn create(&self, topic: &str, partitions: i32) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let created = self.client.create_topics([&new], &patient()).await.unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }

    async fn delete(&self, topic: &str) {
        let deleted = self.client.delete_topics(&[topic], &patient()).await.unwrap();
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }

    /// Deletes a topic and makes one of the same name, as soon as the broker lets.
    async fn make_anew(&self, topic: &str, partitions: i32) {
        self.delete(topic).await;
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let again = async {
            while self.client.create_topics([&new], &patient()).await.unwrap()[0].is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // the broker learns of it a little later, and till then takes records to be thrown away
            while self.end(topic) != 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, again).await.expect("the old topic goes");
    }

    /// Where the first partition of a topic ends; not zero while it cannot be told.
    fn end(&self, topic: &str) -> i64 {
        let marks = tokio::task::block_in_place(|| self.client.inner().fetch_watermarks(topic, 0, LONG));
        marks.map_or(-1, |(_, end)| end)
    }

    async fn grow(&self, topic: &str, partitions: usize) {
        let new = NewPartitions::new(topic, partitions);
        let grown = self.client.create_partitions([&new], &patient()).await.unwrap();
        assert!(grown.iter().all(Result::is_ok), "{grown:?}");
    }

    /// What retention does, without its wait.
    async fn forget_before(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset)).unwrap();
        self.client.delete_records(&list, &patient()).await.unwrap();
    }

    /// For a group of its own that reads this topic, and looks for news of it often.
    fn settings(&self, topic: &str) -> BusSettings {
        let mut settings = settings_at(&self.brokers, &[topic]);
        settings.group = format!("group-of-{topic}");
        settings.properties.insert("topic.metadata.refresh.interval.ms".to_owned(), "500".to_owned());
        settings
    }
}

fn patient() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LONG)).request_timeout(Some(LONG))
}

fn resets(bus: &Bus) -> u64 {
    bus.handle.counters().resets.load(Ordering::Relaxed)
}
