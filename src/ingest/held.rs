//! Records that wait for a schema, and what is behind them in their partitions (order is kept).

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

use crate::ports::{Partition, Record};

/// With so many held back, nothing more is read: the bus pauses until the registry answers (I10).
const MOST_RECORDS: usize = 2_000;
const MOST_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Held {
    records: VecDeque<Record>,
    partitions: HashSet<Partition>,
    bytes: usize,
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Another batch may come.
    pub fn has_room(&self) -> bool {
        self.records.len() < MOST_RECORDS && self.bytes < MOST_BYTES
    }

    /// Whether a record of that partition has to queue here.
    pub fn holds(&self, partition: &Partition) -> bool {
        !self.partitions.is_empty() && self.partitions.contains(partition)
    }

    pub fn push(&mut self, record: Record) {
        self.bytes += size(&record);
        if !self.holds(&record.partition) {
            self.partitions.insert(record.partition.clone());
        }
        self.records.push_back(record);
    }

    /// All of them, in order; nothing is held any more.
    pub fn take(&mut self) -> VecDeque<Record> {
        std::mem::take(self).records
    }

    /// Forgets what is of these partitions: whoever has them now reads it again.
    pub fn forget<'a>(&mut self, partitions: impl IntoIterator<Item = &'a Partition>) {
        for partition in partitions.into_iter().filter(|partition| self.partitions.remove(*partition)) {
            self.records.retain(|record| record.partition != *partition);
        }
        self.bytes = self.records.iter().map(size).sum();
    }
}

fn size(record: &Record) -> usize {
    record.value.as_ref().map_or(0, Bytes::len)
}
