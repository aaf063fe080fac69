//! From records to events: the part of ingest that touches neither store nor rules, and so runs
//! beside the commit of the batch before.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::domain::event::{Body, Event, ParcelStatus};
use crate::domain::time::Timestamp;
use crate::envelope::{self, Decoded, Formats, Limits, Reading};
use crate::ports::{DeadRecord, Feed, InboxKey, Partition, Record};
use crate::shops::Shops;
use crate::telemetry::Metrics;

/// What the feed becomes once it is decoded; in the same order.
#[derive(Debug)]
pub enum Intake {
    Assigned(Vec<(Partition, Option<i64>)>),
    Records(Read),
    Revoked(Vec<Partition>, oneshot::Sender<()>),
}

/// A batch of records, read.
#[derive(Debug, Default)]
pub struct Read {
    pub arrivals: Vec<Arrival>,
    pub dead: Vec<DeadRecord>,
    /// The last offset of each partition in the batch.
    pub last: Vec<(Partition, i64)>,
    pub records: usize,
    pub tombstones: usize,
    /// Records of which an adapter says that they tell nothing we want to know.
    pub ignored: usize,
}

/// An event that has come in.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub event: Arc<Event>,
    pub key: InboxKey,
    /// `None` for what does not come from the bus: a redriven or a released event.
    pub partition: Option<Partition>,
    /// When it reached the bus.
    pub at: Timestamp,
}

/// Reads records; shared by the feed and by redrives.
#[derive(Clone)]
pub struct Reader {
    pub shops: Arc<Shops>,
    pub limits: Limits,
    pub formats: Arc<Formats>,
    pub clock: Clock,
    pub metrics: Metrics,
}

impl Reader {
    /// Reads a batch.
    pub fn read(&self, records: Vec<Record>) -> Read {
        let mut read = Read { records: records.len(), ..Read::default() };
        for record in records {
            match read.last.iter_mut().find(|(partition, _)| *partition == record.partition) {
                Some((_, last)) => *last = record.offset,
                None => read.last.push((record.partition.clone(), record.offset)),
            }
            self.read_one(record, &mut read);
        }
        read
    }

    fn read_one(&self, record: Record, read: &mut Read) {
        let now = self.clock.now();
        let reading = Reading {
            format: self.formats.of(&record.partition.topic),
            schema: None,
            zone_of: &|shop| self.shops.zone(shop),
            limits: &self.limits,
            now,
        };
        match envelope::decode(&record, &reading) {
            Ok(events) if events.is_empty() => read.ignored += 1,
            Ok(events) => {
                let at = record.timestamp.map_or(now, Timestamp::from_millis);
                read.arrivals.extend(events.into_iter().map(|decoded| self.arrival(decoded, &record.partition, at)));
            }
            Err(refusal) if refusal.is_tombstone() => read.tombstones += 1,
            Err(refusal) => read.dead.push(DeadRecord {
                record,
                stage: refusal.stage,
                cause: refusal.cause,
                detail: refusal.detail,
                at: now,
            }),
        }
    }

    fn arrival(&self, decoded: Decoded, partition: &Partition, at: Timestamp) -> Arrival {
        self.metrics.zoneless.inc_by(decoded.zoneless.into());
        if let Body::ParcelTracked(data) = &decoded.event.body
            && data.status == ParcelStatus::Unknown
        {
            self.metrics.unknown_statuses.inc();
        }
        Arrival {
            key: envelope::inbox_key(&decoded.event),
            event: Arc::new(decoded.event),
            at,
            partition: Some(partition.clone()),
        }
    }

    /// Reads the feed until it ends.
    pub async fn run(self, mut feed: mpsc::Receiver<Feed>, intake: mpsc::Sender<Intake>) {
        while let Some(message) = feed.recv().await {
            let message = match message {
                Feed::Assigned(partitions) => Intake::Assigned(partitions),
                Feed::Records(records) => Intake::Records(tokio::task::block_in_place(|| self.read(records))),
                Feed::Revoked(partitions, done) => Intake::Revoked(partitions, done),
            };
            if intake.send(message).await.is_err() {
                return;
            }
        }
    }
}
