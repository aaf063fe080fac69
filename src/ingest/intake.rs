//! From records to events: the part of ingest that touches neither store nor rules, and so runs
//! beside the commit of the batch before.
//!
//! A record whose schema must first be asked for at a registry is held back with all that follows
//! in its partition; the other partitions go on. An outage of the registry makes no dead letters.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::held::Held;
use super::schemas::{Lookup, Schemas};
use super::{Progress, told};
use crate::clock::Clock;
use crate::domain::event::{Body, Event, EventKey, ParcelStatus};
use crate::domain::time::Timestamp;
use crate::envelope::{self, Decoded, Formats, Limits, Reading, Refusal};
use crate::ports::{DeadRecord, Feed, Partition, Record};
use crate::shops::{InForce, Shops};
use crate::telemetry::{Metrics, Span, Tracer};

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
    pub key: EventKey,
    /// `None` for what does not come from the bus: a redriven or a released event.
    pub partition: Option<Partition>,
    /// When it reached the bus.
    pub at: Timestamp,
    /// From when its record was read until its effects are durable.
    pub span: Span,
}

impl Arrival {
    /// An event that waited, and waits no more.
    pub(super) fn released(key: EventKey, event: Event, parked_at: Timestamp) -> Self {
        Self { event: Arc::new(event), key, partition: None, at: parked_at, span: Span::default() }
    }
}

/// Reads records; shared by the feed and by redrives.
#[derive(Clone)]
pub struct Reader {
    pub shops: InForce,
    pub limits: Limits,
    pub formats: Arc<Formats>,
    /// `None`: no registry is configured, and what needs one is refused.
    pub schemas: Option<Schemas>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tracer: Tracer,
    pub progress: Progress,
}

impl Reader {
    /// Reads a batch; what has to wait for a schema is put with what is held.
    fn read(&self, records: impl IntoIterator<Item = Record>, held: &mut Held) -> Read {
        let mut read = Read::default();
        let shops = self.shops.get();
        for record in records {
            let (partition, offset) = (record.partition.clone(), record.offset);
            let waiting = if held.holds(&partition) { Some(record) } else { self.read_one(record, &shops, &mut read) };
            if let Some(record) = waiting {
                held.push(record);
                continue;
            }
            read.records += 1;
            match read.last.iter_mut().find(|(known, _)| *known == partition) {
                Some((_, last)) => *last = offset,
                None => read.last.push((partition, offset)),
            }
        }
        read
    }

    /// Reads records that were dead and have been put back, each with its number. Those that have
    /// to wait for a schema are left out: they will be asked about again.
    pub fn read_again(&self, records: Vec<(i64, Record)>) -> (Vec<i64>, Read) {
        let mut read = Read::default();
        let shops = self.shops.get();
        let mut numbers = Vec::new();
        for (number, record) in records {
            if self.read_one(record, &shops, &mut read).is_none() {
                numbers.push(number);
            }
        }
        (numbers, read)
    }

    /// Reads a record, or gives it back if its schema is not known yet.
    fn read_one(&self, record: Record, shops: &Shops, read: &mut Read) -> Option<Record> {
        let now = self.clock.now();
        let format = self.formats.of(&record.partition.topic);
        let lookup = self.schemas.as_ref().and_then(|schemas| {
            let id = envelope::schema_id(&record, format, &self.limits)?;
            Some(schemas.get(id))
        });
        let schema = match lookup {
            None => None,
            Some(Lookup::Known(schema)) => Some(schema),
            Some(Lookup::Asked) => return Some(record),
            Some(Lookup::Refused(refusal)) => {
                self.refuse(record, refusal, read);
                return None;
            }
        };
        let reading =
            Reading { format, schema: schema.as_deref(), zone_of: &|shop| shops.zone(shop), limits: &self.limits, now };
        match envelope::decode(&record, &reading) {
            Ok(events) if events.is_empty() => read.ignored += 1,
            Ok(events) => {
                let at = record.timestamp.map_or(now, Timestamp::from_millis);
                read.arrivals.extend(events.into_iter().map(|decoded| self.arrival(decoded, &record, at)));
            }
            Err(refusal) if refusal.is_tombstone() => read.tombstones += 1,
            Err(refusal) => self.refuse(record, refusal, read),
        }
        None
    }

    fn refuse(&self, record: Record, refusal: Refusal, read: &mut Read) {
        let Refusal { stage, cause, detail } = refusal;
        self.tracer.consumed(&record, envelope::traceparent(&record)).refused(cause);
        read.dead.push(DeadRecord { record, stage, cause, detail, at: self.clock.now() });
    }

    fn arrival(&self, mut decoded: Decoded, record: &Record, at: Timestamp) -> Arrival {
        self.metrics.zoneless.inc_by(decoded.zoneless.into());
        if let Body::ParcelTracked(data) = &decoded.event.body
            && data.status == ParcelStatus::Unknown
        {
            self.metrics.unknown_statuses.inc();
        }
        let span = self.tracer.consumed(record, decoded.event.traceparent.as_deref());
        // what follows from it belongs to what is done with it here
        if let Some(own) = span.traceparent() {
            span.is_of(decoded.event.body.event_type().as_str());
            decoded.event.traceparent = Some(own);
        }
        let partition = Some(record.partition.clone());
        Arrival { key: decoded.event.key(), event: Arc::new(decoded.event), at, partition, span }
    }

    /// Reads the feed until it ends, or until `stop` is told while no more can be held back.
    pub async fn run(
        self,
        mut feed: mpsc::Receiver<Feed>,
        intake: mpsc::Sender<Intake>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut held = Held::default();
        let mut changes = self.schemas.as_ref().map(Schemas::changes);
        loop {
            let message = tokio::select! {
                biased;
                // nothing more is read, not even that partitions are taken: whoever has them next
                // reads again what is held
                () = told(&mut stop), if !held.has_room() => return,
                () = changed(&mut changes), if !held.is_empty() => {
                    let waiting = held.take();
                    self.batch(waiting, &mut held)
                }
                message = feed.recv(), if held.has_room() => match message {
                    None => return,
                    Some(Feed::Assigned(partitions)) => {
                        held.forget(partitions.iter().map(|(partition, _)| partition));
                        Some(Intake::Assigned(partitions))
                    }
                    Some(Feed::Records(records)) => self.batch(records, &mut held),
                    Some(Feed::Revoked(partitions, done)) => {
                        held.forget(&partitions);
                        Some(Intake::Revoked(partitions, done))
                    }
                },
            };
            self.show(&held);
            if let Some(message) = message
                && intake.send(message).await.is_err()
            {
                return;
            }
        }
    }

    /// What a batch becomes; nothing, if all of it has to wait.
    fn batch(&self, records: impl IntoIterator<Item = Record>, held: &mut Held) -> Option<Intake> {
        let read = tokio::task::block_in_place(|| self.read(records, held));
        (read.records > 0).then_some(Intake::Records(read))
    }

    fn show(&self, held: &Held) {
        let Some(schemas) = &self.schemas else { return };
        self.metrics.held_records.set(i64::try_from(held.len()).unwrap_or(i64::MAX));
        self.progress.set_registry_works(held.is_empty() || !schemas.is_failing());
    }
}

/// Comes back when more is known of the schemas; never without a registry.
async fn changed(changes: &mut Option<watch::Receiver<u64>>) {
    let more = match changes {
        Some(changes) => changes.changed().await.is_ok(),
        None => false,
    };
    if !more {
        std::future::pending::<()>().await;
    }
}
