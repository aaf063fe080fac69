//! Publishes records of our own to their topics.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::producer::{Outbound, Producer};
use super::settings::BusSettings;
use crate::ports::{Publication, Publisher, Stream, Unpublished};

/// How long a record may take to arrive before it counts as failed.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// Publishes to Kafka.
pub struct KafkaPublisher {
    producer: Producer,
    topics: BTreeMap<Stream, String>,
}

impl KafkaPublisher {
    /// `topics` names those of the streams that will be published.
    ///
    /// # Errors
    /// What is wrong with the settings, in the words of the library.
    pub fn connect(settings: &BusSettings, topics: BTreeMap<Stream, String>) -> Result<Self, String> {
        let producer = Producer::of(settings, ARRIVES_WITHIN)?;
        Ok(Self { producer, topics })
    }

    fn topic(&self, stream: Stream) -> &str {
        self.topics.get(&stream).map_or("", String::as_str)
    }
}

#[async_trait]
impl Publisher for KafkaPublisher {
    async fn publish(&self, publications: &[Publication]) -> Vec<Result<(), Unpublished>> {
        let headers: Vec<Vec<(&str, &[u8])>> = publications
            .iter()
            .map(|publication| publication.headers.iter().map(|(name, value)| (name.as_str(), &**value)).collect())
            .collect();
        let outbound: Vec<Outbound<'_>> = publications
            .iter()
            .zip(&headers)
            .map(|(publication, headers)| Outbound {
                topic: self.topic(publication.stream),
                key: publication.key.as_deref(),
                value: publication.value.as_deref(),
                headers,
                timestamp: publication.timestamp,
                partition: None,
            })
            .collect();
        let mut results = vec![Ok(()); publications.len()];
        for (at, error) in self.producer.publish_each(&outbound).await {
            results[at] = Err(unpublished(outbound[at].topic, &error));
        }
        results
    }
}

fn unpublished(topic: &str, error: &KafkaError) -> Unpublished {
    let code = error.rdkafka_error_code();
    let hint = match code {
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => "; allow it to be written to",
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => "; create it",
        Some(RDKafkaErrorCode::MessageTimedOut) => "; does the topic exist, and does the broker answer?",
        _ => "",
    };
    Unpublished {
        cause: format!("{topic}: {error}{hint}"),
        refused: matches!(
            code,
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::InvalidMessageSize
                    | RDKafkaErrorCode::MessageBatchTooLarge
                    | RDKafkaErrorCode::InvalidTimestamp
                    | RDKafkaErrorCode::InvalidRecord
                    | RDKafkaErrorCode::InvalidDifferentRecord
            )
        ),
    }
}
