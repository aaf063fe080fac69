//! A record that could not become an event, as a record of the dead letters' topic, and back.
//!
//! Key, value, timestamp and headers are as they came; beside them stand the headers that Kafka
//! Connect uses (`errors.deadletterqueue.context.headers.enable`), as UTF-8 text. Spring Kafka's
//! (`kafka_dlt-…`, numbers in big-endian binary) are read too.

use bytes::Bytes;

use crate::domain::time::Timestamp;
use crate::ports::{DeadRecord, Partition, Publication, Record, Stream};

const TOPIC: &str = "__connect.errors.topic";
const PARTITION: &str = "__connect.errors.partition";
const OFFSET: &str = "__connect.errors.offset";
const STAGE: &str = "__connect.errors.stage";
const CAUSE: &str = "__connect.errors.exception.class.name";
const DETAIL: &str = "__connect.errors.exception.message";
/// How long the value was that had to be left out.
const OMITTED: &str = "reassure.omitted_bytes";
/// On a record without a value: the dead letter at `<partition>:<offset>` has been put back.
const REDRIVEN: &str = "reassure.redriven";

/// Headers that tell of the death, and did not come with the record.
const OURS: [&str; 3] = ["__connect.errors.", "kafka_dlt-", "reassure.omitted_bytes"];

/// The dead letter as it is published.
pub fn publication(dead: &DeadRecord) -> Publication {
    let record = &dead.record;
    let mut headers = own_headers(record);
    let text = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
    headers.extend([
        text(TOPIC, record.partition.topic.to_string()),
        text(PARTITION, record.partition.number.to_string()),
        text(OFFSET, record.offset.to_string()),
        text(STAGE, dead.stage.to_owned()),
        text(CAUSE, dead.cause.to_owned()),
        text(DETAIL, dead.detail.clone()),
    ]);
    Publication {
        stream: Stream::DeadLetters,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
        timestamp: record.timestamp,
    }
}

/// What is left of a dead letter that is more than its topic takes: where it came from and why.
/// The record itself is still where it came from.
pub fn shortened(publication: &Publication) -> Publication {
    let mut headers: Vec<_> = publication.headers.iter().filter(|(name, _)| is_ours(name)).cloned().collect();
    let bytes = publication.value.as_ref().map_or(0, Bytes::len);
    headers.push((OMITTED.to_owned(), Bytes::from(bytes.to_string())));
    Publication { key: None, value: None, headers, ..*publication }
}

/// The headers of the record that marks the dead letter at that place as put back.
pub fn marker(partition: i32, offset: i64) -> (&'static str, String) {
    (REDRIVEN, format!("{partition}:{offset}"))
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| name.starts_with(ours))
}

/// The headers that a record came with, before it became a dead letter.
pub fn own_headers(record: &Record) -> Vec<(String, Bytes)> {
    record.headers.iter().filter(|(name, _)| !is_ours(name)).cloned().collect()
}

/// A record of the dead letters' topic.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Letter(Letter),
    /// The letter at that place has been put back.
    Marker {
        partition: i32,
        offset: i64,
    },
}

/// What is told of a dead letter without its contents.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Its place on the dead letters' topic.
    pub partition: i32,
    pub offset: i64,
    /// When the record was published first.
    pub at: Option<Timestamp>,
    /// Where the record came from, as far as it is told.
    pub topic: Option<String>,
    pub from: Option<(i32, i64)>,
    pub stage: Option<String>,
    pub cause: Option<String>,
    pub detail: Option<String>,
    /// How long the value is, or was before it had to be left out.
    pub bytes: usize,
    /// The value was more than the topic takes; it is still where the record came from.
    pub omitted: bool,
}

impl Letter {
    /// The place that the record came from, if it is told whole.
    pub fn origin(&self) -> Option<(Partition, i64)> {
        let (number, offset) = self.from?;
        Some((Partition { topic: self.topic.as_deref()?.into(), number }, offset))
    }
}

impl Entry {
    /// Reads a record of the dead letters' topic, whoever wrote it.
    pub fn read(record: &Record) -> Self {
        let header = |name: &str| record.headers.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| header(name))?;
            Some(String::from_utf8_lossy(found).into_owned())
        };
        if let Some((partition, offset)) = text(&[REDRIVEN]).as_deref().and_then(parse_place) {
            return Self::Marker { partition, offset };
        }
        let number = |ours: &str, springs: &str| match header(ours) {
            Some(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
            None => big_endian(header(springs)?),
        };
        let partition = number(PARTITION, "kafka_dlt-original-partition").and_then(|it| i32::try_from(it).ok());
        let offset = number(OFFSET, "kafka_dlt-original-offset");
        let omitted = text(&[OMITTED]).and_then(|digits| digits.parse().ok());
        Self::Letter(Letter {
            partition: record.partition.number,
            offset: record.offset,
            at: record.timestamp.map(Timestamp::from_millis),
            topic: text(&[TOPIC, "kafka_dlt-original-topic"]),
            from: partition.zip(offset),
            stage: text(&[STAGE]),
            // what Spring throws is a wrapper; the cause beside it says what went wrong
            cause: text(&[CAUSE, "kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-fqcn"]),
            detail: text(&[DETAIL, "kafka_dlt-exception-message"]),
            bytes: omitted.unwrap_or_else(|| record.value.as_ref().map_or(0, Bytes::len)),
            omitted: omitted.is_some(),
        })
    }
}

/// Reads `<partition>:<offset>`.
pub fn parse_place(text: &str) -> Option<(i32, i64)> {
    let (partition, offset) = text.split_once(':')?;
    Some((partition.parse().ok()?, offset.parse().ok()?))
}

fn big_endian(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}
