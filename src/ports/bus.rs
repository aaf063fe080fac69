//! What comes from Kafka.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    pub topic: Arc<str>,
    pub number: i32,
}

impl Partition {
    /// In the place of a number: the topic as a whole. What the store holds for it is no offset, but
    /// tells which topic it is that bears the name.
    pub const WHOLE_TOPIC: i32 = -1;
}

/// A Kafka message, as it came.
#[derive(Clone, Debug)]
pub struct Record {
    pub partition: Partition,
    pub offset: i64,
    pub key: Option<Bytes>,
    /// `None` for a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
    /// Milliseconds since 1970, where the broker knows it.
    pub timestamp: Option<i64>,
}

/// What the bus tells ingest, in one ordered stream.
#[derive(Debug)]
pub enum Feed {
    /// Partitions are ours from the offset that the store held (`None`: it held none).
    Assigned(Vec<(Partition, Option<i64>)>),
    /// At most `batch_records` records, in order within each partition.
    Records(Vec<Record>),
    /// Partitions are about to be taken away: finish what came before, then answer.
    Revoked(Vec<Partition>, oneshot::Sender<()>),
}
