//! A topic as it is now, from its beginning to its end: for people who look at one.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::consumer::headers;
use super::oauth::Bearer;
use super::settings::BusSettings;
use crate::domain::time::Timestamp;
use crate::ports::{Partition, Record};

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(100);

/// A look at topics, outside of any group.
pub struct Topics {
    client: BaseConsumer<Bearer>,
    /// Without any progress for so long, Kafka counts as away.
    patience: Duration,
    brokers: String,
}

/// An end of a range of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The same on every partition.
    Offset(i64),
    /// The first record of that moment or later.
    Time(Timestamp),
}

impl FromStr for Edge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(offset) = text.parse() {
            return Ok(Self::Offset(offset));
        }
        let right = "write it as an offset, or as a time such as 2026-03-02T00:00:00Z";
        Timestamp::parse(text).map(Self::Time).map_err(|_| right.to_owned())
    }
}

/// From where to where a partition holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub first: i64,
    /// The one after the last.
    pub end: i64,
}

impl Topics {
    /// # Errors
    /// What is wrong with the settings, in the words of the library.
    pub fn connect(settings: &BusSettings, patience: Duration) -> Result<Self, String> {
        let bearer = Bearer::of(settings.oauth.as_ref())?;
        let client: BaseConsumer<Bearer> =
            settings.reader_config()?.create_with_context(bearer).map_err(|error| error.to_string())?;
        if settings.oauth.is_some() {
            // the library asks for its token in a poll, and waits for it in everything else
            drop(client.poll(POLL));
        }
        Ok(Self { client, patience, brokers: settings.brokers.clone() })
    }

    fn away(&self, error: &impl std::fmt::Display) -> String {
        format!(
            "Kafka at {} does not answer within {} s ({error}); see bus.brokers and bus.properties",
            self.brokers,
            self.patience.as_secs()
        )
    }

    /// The partitions of `topic` that hold records, as of now.
    ///
    /// # Errors
    /// If Kafka does not answer, or has no such topic.
    pub fn extent(&self, topic: &str) -> Result<BTreeMap<i32, Extent>, String> {
        let metadata = self.client.fetch_metadata(Some(topic), self.patience).map_err(|error| self.away(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.map(|found| found.partitions()).unwrap_or_default();
        if partitions.is_empty() {
            return Err(format!("Kafka at {} has no topic {topic}", self.brokers));
        }
        let mut extents = BTreeMap::new();
        for partition in partitions {
            let (first, end) = self
                .client
                .fetch_watermarks(topic, partition.id(), self.patience)
                .map_err(|error| self.away(&error))?;
            if first < end {
                extents.insert(partition.id(), Extent { first, end });
            }
        }
        Ok(extents)
    }

    /// The same, from one edge to the other; what lies beyond what is there counts for nothing.
    ///
    /// # Errors
    /// Those of [`Topics::extent`].
    pub fn between(&self, topic: &str, from: Option<Edge>, to: Option<Edge>) -> Result<BTreeMap<i32, Extent>, String> {
        let mut extents = self.extent(topic)?;
        let (begin, end) = (self.places(topic, &extents, from)?, self.places(topic, &extents, to)?);
        for (number, extent) in &mut extents {
            extent.first = begin.get(number).map_or(extent.first, |offset| (*offset).max(extent.first));
            extent.end = end.get(number).map_or(extent.end, |offset| (*offset).min(extent.end));
        }
        extents.retain(|_, extent| extent.first < extent.end);
        Ok(extents)
    }

    /// Where the edge lies on each partition; its end, on a partition that holds nothing as late.
    fn places(
        &self,
        topic: &str,
        extents: &BTreeMap<i32, Extent>,
        edge: Option<Edge>,
    ) -> Result<BTreeMap<i32, i64>, String> {
        let at = match edge {
            None => return Ok(BTreeMap::new()),
            Some(Edge::Offset(offset)) => return Ok(extents.keys().map(|number| (*number, offset)).collect()),
            Some(Edge::Time(at)) => at,
        };
        let mut list = TopicPartitionList::new();
        for number in extents.keys() {
            let added = list.add_partition_offset(topic, *number, Offset::Offset(at.millis()));
            added.map_err(|error| error.to_string())?;
        }
        let found = self.client.offsets_for_times(list, self.patience).map_err(|error| self.away(&error))?;
        let place = |number: i32, extent: &Extent| match found.find_partition(topic, number).map(|at| at.offset()) {
            Some(Offset::Offset(offset)) if offset >= 0 => offset,
            // nothing is as late as that
            _ => extent.end,
        };
        Ok(extents.iter().map(|(number, extent)| (*number, place(*number, extent))).collect())
    }

    /// Reads these parts of `topic`, each partition in its order.
    ///
    /// # Errors
    /// If Kafka does not answer any more; what was visited stays visited.
    pub fn read(
        &self,
        topic: &str,
        extents: &BTreeMap<i32, Extent>,
        mut visit: impl FnMut(Record),
    ) -> Result<(), String> {
        let mut list = TopicPartitionList::new();
        for (number, extent) in extents {
            let added = list.add_partition_offset(topic, *number, Offset::Offset(extent.first));
            added.map_err(|error| error.to_string())?;
        }
        self.client.assign(&list).map_err(|error| error.to_string())?;
        let name: Arc<str> = Arc::from(topic);
        let mut left: BTreeMap<i32, i64> = extents.iter().map(|(number, extent)| (*number, extent.end)).collect();
        let (mut heard, mut trouble) = (Instant::now(), String::from("nothing came"));
        while !left.is_empty() {
            match self.client.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let end = left.get(&message.partition()).copied();
                    if end.is_some_and(|end| message.offset() + 1 >= end) {
                        left.remove(&message.partition());
                    }
                    if end.is_some_and(|end| message.offset() < end) {
                        visit(record(&name, &message));
                    }
                }
                // the last offsets may hold nothing: records were compacted away or are markers
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    left.remove(&number);
                }
                Some(Err(error)) => trouble = error.to_string(),
            }
            if heard.elapsed() > self.patience {
                return Err(self.away(&trouble));
            }
        }
        Ok(())
    }

    /// The record at that place, if it is still there.
    ///
    /// # Errors
    /// If Kafka does not answer, or has no such topic.
    pub fn record(&self, partition: &Partition, offset: i64) -> Result<Option<Record>, String> {
        let whole = self.extent(&partition.topic)?.get(&partition.number).copied();
        let held = |extent: &Extent| (extent.first..extent.end).contains(&offset);
        let Some(_) = whole.filter(held) else { return Ok(None) };
        let only = BTreeMap::from([(partition.number, Extent { first: offset, end: offset + 1 })]);
        let mut found = None;
        self.read(&partition.topic, &only, |record| found = Some(record))?;
        Ok(found)
    }
}

fn record(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> Record {
    Record {
        partition: Partition { topic: Arc::clone(topic), number: message.partition() },
        offset: message.offset(),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers: message.headers().map(headers).unwrap_or_default(),
        timestamp: message.timestamp().to_millis(),
    }
}
