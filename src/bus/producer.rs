//! Publishing records: for the demonstration, the benches and whatever else writes to topics.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, ProducerContext, ThreadedProducer};
use tokio::sync::Notify;

use super::advice::advice;
use super::oauth::{Tokens, token_of};
use super::settings::BusSettings;

/// A record to be published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outbound<'a> {
    pub topic: &'a str,
    /// Records of one key go to one partition, the one that Java's client would choose.
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The partition, where the key is not to decide.
    pub partition: Option<i32>,
    /// Milliseconds since 1970; without it, now.
    pub timestamp: Option<i64>,
}

/// Some records are not known to have arrived.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of the records were not published: {cause}")]
pub struct NotPublished {
    pub failed: u64,
    /// The first reason.
    pub cause: String,
}

/// A connection to publish by; cheap to clone.
#[derive(Clone)]
pub struct Producer {
    client: Arc<ThreadedProducer<Deliveries>>,
    deadline: Duration,
}

impl Producer {
    /// `deadline` is how long a record may take to arrive before it counts as failed.
    ///
    /// # Errors
    /// What is wrong with the properties, in the words of the library.
    pub fn connect(brokers: &str, deadline: Duration, properties: &BTreeMap<String, String>) -> Result<Self, String> {
        Self::with(brokers, deadline, properties, None)
    }

    /// A connection like that of the consumer with these settings.
    ///
    /// # Errors
    /// What is wrong with the settings, in the words of the library.
    pub fn of(settings: &BusSettings, deadline: Duration) -> Result<Self, String> {
        let tokens = settings.oauth.as_ref().map(Tokens::new).transpose()?;
        Self::with(&settings.brokers, deadline, &settings.shared_properties()?, tokens)
    }

    fn with(
        brokers: &str,
        deadline: Duration,
        properties: &BTreeMap<String, String>,
        tokens: Option<Tokens>,
    ) -> Result<Self, String> {
        let mut config = ClientConfig::new();
        config
            .set_log_level(RDKafkaLogLevel::Info)
            .set("bootstrap.servers", brokers)
            .set("client.id", "reassure")
            .set("message.timeout.ms", deadline.as_millis().to_string())
            // no duplicates and no reordering when a request is sent again
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "5")
            // how large a record may be is for the broker to say
            .set("message.max.bytes", "60000000")
            .set("queue.buffering.max.kbytes", "65536");
        for (name, value) in properties {
            config.set(name, value);
        }
        let client = config.create_with_context(Deliveries { tokens }).map_err(|error| error.to_string())?;
        Ok(Self { client: Arc::new(client), deadline })
    }

    /// Publishes a record and waits until the broker has it.
    ///
    /// # Errors
    /// Why it is not known to have arrived.
    pub async fn publish(&self, record: Outbound<'_>) -> Result<(), NotPublished> {
        self.publish_all(&[record]).await.map(drop)
    }

    /// Publishes records as fast as the broker takes them, waits until it has them all and tells
    /// how many there were. Records of one partition arrive in their order.
    ///
    /// # Errors
    /// How many are not known to have arrived, and why the first.
    pub async fn publish_all(&self, records: &[Outbound<'_>]) -> Result<u64, NotPublished> {
        match self.publish_each(records).await.as_slice() {
            [] => Ok(records.len() as u64),
            failures @ [(_, first), ..] => {
                Err(NotPublished { failed: failures.len() as u64, cause: first.to_string() })
            }
        }
    }

    /// The same, and tells of each record that is not known to have arrived, by its place in
    /// `records`, in the order in which they failed.
    pub async fn publish_each(&self, records: &[Outbound<'_>]) -> Vec<(usize, KafkaError)> {
        let tally = Arc::new(Tally::default());
        let sent = records.len() as u64;
        for (at, record) in records.iter().enumerate() {
            if let Err(error) = self.send(at, *record, &tally).await {
                tally.failed(at, &error);
                tally.settled.fetch_add(1, Ordering::Release);
            }
        }
        // the library gives every record an end, at the latest when its deadline passes
        while tally.settled.load(Ordering::Acquire) < sent {
            tally.progress.notified().await;
        }
        std::mem::take(&mut tally.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a record into the library's queue, waiting while it is full.
    async fn send(&self, at: usize, record: Outbound<'_>, tally: &Arc<Tally>) -> Result<(), KafkaError> {
        let mut message: BaseRecord<'_, [u8], [u8], Box<Underway>> =
            BaseRecord::with_opaque_to(record.topic, Box::new(Underway { at, tally: Arc::clone(tally) }));
        message.key = record.key;
        message.payload = record.value;
        message.partition = record.partition;
        message.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            let none = OwnedHeaders::new_with_capacity(record.headers.len());
            let add = |headers: OwnedHeaders, (key, value): &(&str, &[u8])| {
                headers.insert(Header { key, value: Some(*value) })
            };
            message.headers = Some(record.headers.iter().fold(none, add));
        }
        let end = tokio::time::Instant::now() + self.deadline;
        loop {
            match self.client.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if tokio::time::Instant::now() < end =>
                {
                    message = back;
                    // another's records may fill the queue, so this must not wait for ours alone
                    let _ = tokio::time::timeout(Duration::from_millis(20), tally.progress.notified()).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

/// How far one call has come.
#[derive(Default)]
struct Tally {
    settled: AtomicU64,
    failures: Mutex<Vec<(usize, KafkaError)>>,
    progress: Notify,
}

impl Tally {
    fn failed(&self, at: usize, error: &KafkaError) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push((at, error.clone()));
    }
}

/// A record on its way: its place in the call that it belongs to.
struct Underway {
    at: usize,
    tally: Arc<Tally>,
}

/// Told of every record's end.
struct Deliveries {
    tokens: Option<Tokens>,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token_of(self.tokens.as_ref())
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let advice = advice(error.rdkafka_error_code(), reason);
        tracing::warn!(%error, reason, advice, "Kafka");
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<Underway>;

    fn delivery(&self, result: &DeliveryResult<'_>, underway: Box<Underway>) {
        let Underway { at, tally } = *underway;
        if let Err((error, _)) = result {
            tally.failed(at, error);
        }
        tally.settled.fetch_add(1, Ordering::Release);
        tally.progress.notify_one();
    }
}
