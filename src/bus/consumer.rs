//! The bus thread: polls, hands over, pauses when it must, and leaves in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers};
use tokio::sync::mpsc;

use super::OffsetsOf;
use super::advice::advice;
use super::group::{Flushed, Group, withdraw};
use super::oauth::Tokens;
use super::settings::BusSettings;
use super::watch::{Shared, count};
use crate::ports::{Feed, Partition, Record};

/// How long a poll waits for a record; also how late a stop is noticed at most.
const POLL: Duration = Duration::from_millis(100);
/// A batch that holds so much is handed over, however few its records: what waits is bounded in
/// bytes too (I10).
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How long the channel may be full before the partitions are paused: pausing throws away what
/// was fetched ahead, so a short jam is sat out. Far below any poll interval.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long news of the group is served between two looks at the channel. Not zero: a poll of
/// no length serves one event, and statistics alone would keep a rebalance waiting for ever.
const SERVE: Duration = Duration::from_millis(5);
const HINT_EVERY: Duration = Duration::from_secs(1);
/// After an error that the library cannot go on from.
const REST: Duration = Duration::from_secs(5);

pub(super) struct Consumer {
    settings: BusSettings,
    offsets_of: OffsetsOf,
    sender: mpsc::Sender<Feed>,
    shared: Arc<Shared>,
    /// Made before the thread starts, so that faults of the settings show at once.
    client: Option<BaseConsumer<Group>>,
}

/// Why reading ended.
enum End {
    Stop,
    Fatal,
}

impl Consumer {
    pub fn new(
        settings: BusSettings,
        offsets_of: OffsetsOf,
        sender: mpsc::Sender<Feed>,
        shared: Arc<Shared>,
    ) -> Result<Self, String> {
        let mut consumer = Self { settings, offsets_of, sender, shared, client: None };
        consumer.client = Some(consumer.connect()?);
        Ok(consumer)
    }

    fn connect(&self) -> Result<BaseConsumer<Group>, String> {
        let (shared, offsets_of) = (Arc::clone(&self.shared), Arc::clone(&self.offsets_of));
        let tokens = self.settings.oauth.as_ref().map(Tokens::new).transpose()?;
        let group = Group::new(shared, offsets_of, tokens, self.settings.drain(), self.sender.clone());
        let client: BaseConsumer<Group> =
            self.settings.consumer_config()?.create_with_context(group).map_err(|error| error.to_string())?;
        let topics: Vec<&str> = self.settings.topics.iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(|error| error.to_string())?;
        Ok(client)
    }

    /// Reads until it is stopped or nobody listens.
    pub fn run(mut self) {
        loop {
            let end = match self.client.take().map_or_else(|| self.connect(), Ok) {
                Ok(client) => {
                    let group = Arc::clone(client.context());
                    let end = Reader::new(&client, &self.shared, self.settings.batch_records).run();
                    // leaves the group: partitions are handed over on the way
                    drop(client);
                    group.flush_by(group.drain_until());
                    end
                }
                Err(error) => {
                    count(&self.shared.counters.errors);
                    tracing::error!(error, "no connection to Kafka can be set up");
                    End::Fatal
                }
            };
            let rested = Instant::now() + REST;
            while matches!(end, End::Fatal) && Instant::now() < rested && self.shared.stopping().is_none() {
                std::thread::sleep(POLL);
            }
            if matches!(end, End::Stop) || self.shared.stopping().is_some() || self.sender.is_closed() {
                return;
            }
        }
    }
}

/// One membership, from joining to leaving.
struct Reader<'a> {
    client: &'a BaseConsumer<Group>,
    group: Arc<Group>,
    shared: &'a Shared,
    batch_records: usize,
    places: Places,
    full_since: Option<Instant>,
}

impl<'a> Reader<'a> {
    fn new(client: &'a BaseConsumer<Group>, shared: &'a Shared, batch_records: usize) -> Self {
        Self {
            client,
            group: Arc::clone(client.context()),
            shared,
            batch_records: batch_records.max(1),
            places: Places::default(),
            full_since: None,
        }
    }

    fn run(mut self) -> End {
        let mut hinted = Instant::now();
        while self.shared.stopping().is_none() {
            if hinted.elapsed() >= HINT_EVERY {
                hinted = Instant::now();
                self.group.commit_hints(self.client);
            }
            self.group.assign_waiting(self.client);
            self.group.watch_topics(self.client);
            self.group.reread_refused(self.client);
            let polled = match self.group.flush() {
                Flushed::Closed => return End::Stop,
                Flushed::Full => self.hold(),
                Flushed::All => self.read(),
            };
            if let Err(end) = polled {
                return end;
            }
        }
        End::Stop
    }

    /// The channel has room: reads a batch.
    fn read(&mut self) -> Result<(), End> {
        self.full_since = None;
        if self.group.is_paused() {
            self.group.resume(self.client);
        }
        self.collect(POLL)
    }

    /// The channel is full: waits a little, then pauses and polls on, so that the group sees that
    /// we live.
    fn hold(&mut self) -> Result<(), End> {
        if self.group.is_paused() {
            self.group.wait_for_room(POLL);
            // nothing is fetched while paused; what might come all the same is kept in order
            return self.collect(SERVE);
        }
        let since = *self.full_since.get_or_insert_with(Instant::now);
        match PATIENCE.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
            Some(left) => self.group.wait_for_room(left),
            None => self.group.pause(self.client),
        }
        Ok(())
    }

    /// Takes what is there, at most a batch; waits `patience` for the first record only.
    fn collect(&mut self, patience: Duration) -> Result<(), End> {
        let mut records = Vec::new();
        let mut patience = patience;
        let mut end = Ok(());
        let mut bytes = 0;
        while records.len() < self.batch_records && bytes < MOST_BYTES {
            // a rebalance ends the batch: the library then comes back with nothing
            match self.client.poll(patience) {
                None => break,
                Some(Ok(message)) => {
                    if records.capacity() == 0 {
                        records.reserve_exact(self.batch_records.min(4096));
                    }
                    let record = self.places.record(&message);
                    bytes += record.value.as_ref().map_or(0, Bytes::len);
                    records.push(record);
                }
                Some(Err(error)) => {
                    end = self.note(&error);
                    break;
                }
            }
            patience = Duration::ZERO;
        }
        let revoked = self.group.revoked_meanwhile();
        let mut batch = Feed::Records(records);
        if !revoked.is_empty() {
            withdraw(&mut batch, &revoked);
            self.places = Places::default();
        }
        if let Feed::Records(records) = &batch
            && !records.is_empty()
        {
            self.shared.counters.records.fetch_add(records.len() as u64, Ordering::Relaxed);
            self.shared.advance(self.places.progress());
            self.group.push(batch);
        }
        end
    }

    /// Errors of brokers and topics pass by themselves, and the group has told of them; a few end the
    /// membership.
    fn note(&self, error: &KafkaError) -> Result<(), End> {
        if let KafkaError::MessageConsumptionFatal(_) = error {
            let advice = advice(error.rdkafka_error_code(), "");
            self.shared.troubled(error, advice);
            tracing::error!(%error, advice, "Kafka refuses this consumer; it starts anew");
            return Err(End::Fatal);
        }
        Ok(())
    }
}

/// The partitions seen, so that their topics are shared and not copied for each record.
#[derive(Default)]
struct Places {
    seen: Vec<Place>,
    /// Records come in runs of one partition.
    last: usize,
}

struct Place {
    partition: Partition,
    next: i64,
    published: Option<i64>,
    /// Read in the current batch.
    touched: bool,
}

impl Places {
    fn record(&mut self, message: &BorrowedMessage<'_>) -> Record {
        let place = self.find(message.topic(), message.partition());
        let timestamp = message.timestamp().to_millis();
        place.next = message.offset() + 1;
        place.published = timestamp;
        place.touched = true;
        Record {
            partition: place.partition.clone(),
            offset: message.offset(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: message.headers().map(headers).unwrap_or_default(),
            timestamp,
        }
    }

    fn find(&mut self, topic: &str, number: i32) -> &mut Place {
        let is = |place: &Place| place.partition.number == number && *place.partition.topic == *topic;
        if !self.seen.get(self.last).is_some_and(is) {
            self.last = self.seen.iter().position(is).unwrap_or_else(|| {
                let same = self.seen.iter().find(|place| *place.partition.topic == *topic);
                let topic = same.map_or_else(|| Arc::from(topic), |place| Arc::clone(&place.partition.topic));
                let partition = Partition { topic, number };
                self.seen.push(Place { partition, next: 0, published: None, touched: false });
                self.seen.len() - 1
            });
        }
        &mut self.seen[self.last]
    }

    /// How far each partition of the batch has been read.
    fn progress(&mut self) -> impl Iterator<Item = (Partition, i64, Option<i64>)> {
        let touched = self.seen.iter_mut().filter(|place| place.touched);
        touched.map(|place| {
            place.touched = false;
            (place.partition.clone(), place.next, place.published)
        })
    }
}

/// The headers, without those that cannot be read: the library panics on a name that is not
/// UTF-8, and one such record must not end the thread.
pub(super) fn headers(headers: &BorrowedHeaders) -> Vec<(String, Bytes)> {
    let header = |at: usize| {
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(at))).ok()??;
        Some((header.key.to_owned(), Bytes::copy_from_slice(header.value.unwrap_or_default())))
    };
    (0..headers.count()).filter_map(header).collect()
}
