//! What an operator sets about Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Serialize};

use super::oauth::OAuth;
use crate::secret::SecretSource;

/// How to reach Kafka and how much to hold of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusSettings {
    /// `host:port`, separated by commas.
    pub brokers: String,
    pub group: String,
    pub topics: Vec<String>,
    /// The most records handed over at once. What is there is handed over; nothing waits to fill.
    pub batch_records: usize,
    /// Batches that may wait for the rest of the service before reading is paused.
    pub channel_batches: usize,
    /// The most that is fetched ahead, over all partitions.
    pub queued_kbytes: u32,
    /// Records fetched ahead of each partition; small ones weigh more in memory than in bytes.
    pub queued_records: u32,
    /// After this long without a sign of life the group gives our partitions to others.
    pub session_seconds: u32,
    /// How long a partition that is taken away may take to be finished. Must be well below the
    /// grace period of the process.
    pub drain_seconds: u32,
    /// Handed to librdkafka as they are: `security.protocol`, `sasl.username`, `group.protocol`, …
    pub properties: BTreeMap<String, String>,
    /// The same for those that are secret, such as `sasl.password`.
    pub secret_properties: BTreeMap<String, SecretSource>,
    /// A name that this process has and keeps over restarts, such as the pod's in a StatefulSet:
    /// one that is back within a session goes on without a rebalance. Empty without such a name.
    pub instance: String,
    /// Where tokens come from, for SASL with OAUTHBEARER.
    pub oauth: Option<OAuth>,
}

impl Default for BusSettings {
    fn default() -> Self {
        Self {
            brokers: "localhost:9092".to_owned(),
            group: "reassure".to_owned(),
            topics: Vec::new(),
            batch_records: 500,
            channel_batches: 4,
            queued_kbytes: 16 * 1024,
            queued_records: 10_000,
            session_seconds: 45,
            drain_seconds: 10,
            properties: BTreeMap::new(),
            secret_properties: BTreeMap::new(),
            instance: String::new(),
            oauth: None,
        }
    }
}

/// What the service depends on: where to read from is the store's to say.
const OURS: [(&str, &str); 4] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "earliest"),
    ("enable.partition.eof", "false"),
];

impl BusSettings {
    pub(super) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.into())
    }

    /// The client's configuration: our defaults, the operator's properties, what is ours to set.
    pub(super) fn consumer_config(&self) -> Result<ClientConfig, String> {
        if self.topics.is_empty() {
            return Err("no topics are named".to_owned());
        }
        let mut config = ClientConfig::new();
        config
            // by default the level is that of a logger that is not ours, and nothing is logged
            .set_log_level(RDKafkaLogLevel::Info)
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", &self.group)
            .set("client.id", "reassure")
            .set("queued.max.messages.kbytes", self.queued_kbytes.to_string())
            .set("queued.min.messages", self.queued_records.to_string())
            // a fetch is held in memory whole, beside what is queued; at least one full message
            .set("fetch.max.bytes", (u64::from(self.queued_kbytes) * 1024).max(2 * 1024 * 1024).to_string())
            .set("statistics.interval.ms", "2000")
            // topics that do not exist yet are looked for this often
            .set("topic.metadata.refresh.interval.ms", "30000");
        // with the newer protocol (KIP-848) the broker sets both, and refuses them from us
        if self.properties.get("group.protocol").is_none_or(|protocol| protocol != "consumer") {
            config
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", (u64::from(self.session_seconds) * 1000).to_string());
        }
        if !self.instance.is_empty() {
            config.set("group.instance.id", &self.instance);
        }
        for (name, value) in self.shared_properties()? {
            if let Some((_, ours)) = OURS.iter().find(|(ours, ours_is)| *ours == name && *ours_is != value) {
                return Err(format!(
                    "the property {name} is not free: offsets are kept in the store, it must be {ours}"
                ));
            }
            config.set(name, value);
        }
        for (name, value) in OURS {
            config.set(name, value);
        }
        Ok(config)
    }

    /// The operator's properties, with the secret ones and those that follow from other settings.
    pub(super) fn shared_properties(&self) -> Result<BTreeMap<String, String>, String> {
        let mut properties = BTreeMap::new();
        if self.oauth.is_some() {
            properties.insert("security.protocol".to_owned(), "SASL_SSL".to_owned());
            properties.insert("sasl.mechanism".to_owned(), "OAUTHBEARER".to_owned());
        }
        properties.extend(self.properties.clone());
        for (name, source) in &self.secret_properties {
            properties.insert(name.clone(), source.read()?.expose().to_owned());
        }
        Ok(properties)
    }

    /// The configuration of a client that looks at a topic and belongs to no group.
    pub(super) fn reader_config(&self) -> Result<ClientConfig, String> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "reassure");
        for (name, value) in &self.shared_properties()? {
            config.set(name, value);
        }
        config
            // the library wants one; nothing is committed for it and it is never joined
            .set("group.id", &self.group)
            .set("queued.max.messages.kbytes", self.queued_kbytes.to_string())
            .set("enable.partition.eof", "true");
        config.remove("group.instance.id");
        for (name, value) in OURS.iter().filter(|(name, _)| *name != "enable.partition.eof") {
            config.set(*name, *value);
        }
        Ok(config)
    }
}
