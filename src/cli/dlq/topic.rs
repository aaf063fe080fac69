//! The dead letters on their topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Runtime;

use super::Done;
use super::item::Item;
use crate::bus::BusSettings;
use crate::bus::producer::{Outbound, Producer};
use crate::bus::topic::{Extent, Topics};
use crate::dead_letter::{Entry, Letter, marker, own_headers};
use crate::ports::{Partition, Record};

/// Without any sign of life for so long, Kafka counts as away.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records put back together, and their bytes: what is held in memory.
const AT_ONCE: usize = 500;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The dead letters' topic.
pub struct OnTopic {
    settings: BusSettings,
    topic: String,
}

type Place = (i32, i64);

impl OnTopic {
    pub fn new(settings: &BusSettings, topic: String) -> Self {
        Self { settings: settings.clone(), topic }
    }

    fn connect(&self) -> anyhow::Result<Topics> {
        Topics::connect(&self.settings, PATIENCE).map_err(|error| anyhow!(error))
    }

    /// The letters that wait and are wanted, as of now, at most `most` of them; and whether there
    /// are more. A letter that has been put back waits no more.
    pub fn letters(&self, wanted: &dyn Fn(&Item) -> bool, most: usize) -> anyhow::Result<(Vec<Item>, bool)> {
        let topics = self.connect()?;
        let extents = topics.extent(&self.topic).map_err(|error| anyhow!(error))?;
        let progress = Progress::new(&extents);
        let (mut letters, mut more) = (BTreeMap::<Place, Item>::new(), false);
        let read = topics.read(&self.topic, &extents, |record| {
            progress.step();
            match Entry::read(&record) {
                // it stands behind its letter, on the same partition
                Entry::Marker { partition, offset } => drop(letters.remove(&(partition, offset))),
                Entry::Letter(letter) => {
                    let place = (letter.partition, letter.offset);
                    let item = Item::OnTopic(letter);
                    if wanted(&item) {
                        if letters.len() < most {
                            letters.insert(place, item);
                        } else {
                            more = true;
                        }
                    }
                }
            }
        });
        progress.end();
        read.map_err(|error| anyhow!(error))?;
        Ok((letters.into_values().collect(), more))
    }

    /// The record at that place of the topic.
    pub fn record(&self, (number, offset): Place) -> anyhow::Result<Option<Record>> {
        let partition = Partition { topic: self.topic.as_str().into(), number };
        self.connect()?.record(&partition, offset).map_err(|error| anyhow!(error))
    }

    fn returning<'a>(&'a self, runtime: &'a Runtime, done: &'a mut Done) -> anyhow::Result<Returning<'a>> {
        let producer = Producer::of(&self.settings, PATIENCE).map_err(|error| anyhow!(error))?;
        Ok(Returning { topic: &self.topic, producer, runtime, waiting: Vec::new(), bytes: 0, done })
    }

    /// Marks the letters as if they had been put back: they wait no more, and go with their topic's
    /// retention.
    pub fn put_away(&self, runtime: &Runtime, letters: &[&Letter], done: &mut Done) -> anyhow::Result<()> {
        let returning = self.returning(runtime, done)?;
        let places: Vec<Place> = letters.iter().map(|letter| (letter.partition, letter.offset)).collect();
        returning.mark(&places)?;
        done.done.extend(places.iter().map(|(number, offset)| format!("{number}:{offset}")));
        Ok(())
    }

    /// Publishes the letters' records to where they came from, and marks the letters. Whoever
    /// redrives twice changes nothing: an event is taken in once (I1).
    pub fn redrive(&self, runtime: &Runtime, letters: &[&Letter], done: &mut Done) -> anyhow::Result<()> {
        let topics = self.connect()?;
        let mut returning = self.returning(runtime, done)?;
        let mut chosen: BTreeMap<Place, Target> = BTreeMap::new();
        for letter in letters {
            let place = (letter.partition, letter.offset);
            match (&letter.topic, letter.origin().filter(|_| letter.omitted)) {
                (None, _) => returning.failed(place, "it does not tell which topic it came from"),
                (Some(topic), None) if !letter.omitted => {
                    let target =
                        Target { topic: topic.as_str().into(), partition: letter.from.map(|(number, _)| number) };
                    chosen.insert(place, target);
                }
                (Some(_), origin) => {
                    let original = origin.map(|(partition, offset)| topics.record(&partition, offset)).transpose();
                    match original.map_err(|error| anyhow!(error))?.flatten() {
                        Some(record) => {
                            let Partition { topic, number } = record.partition.clone();
                            returning.add(place, Target { topic, partition: Some(number) }, record)?;
                        }
                        None => returning.failed(place, "it was too large to be kept, and is gone from its topic"),
                    }
                }
            }
        }
        let mut failure = None;
        let read = topics.read(&self.topic, &spans(chosen.keys()), |record| {
            let place = (record.partition.number, record.offset);
            if let Some(target) = chosen.remove(&place)
                && failure.is_none()
            {
                failure = returning.add(place, target, record).err();
            }
        });
        returning.flush()?;
        for (place, _) in chosen {
            returning.failed(place, "it is gone from the topic");
        }
        failure.map_or(read.map_err(|error| anyhow!(error)), Err)
    }
}

/// From the first to the last of the places, on each partition.
fn spans<'a>(places: impl Iterator<Item = &'a Place>) -> BTreeMap<i32, Extent> {
    let mut spans: BTreeMap<i32, Extent> = BTreeMap::new();
    for (number, offset) in places {
        let span = spans.entry(*number).or_insert(Extent { first: *offset, end: offset + 1 });
        span.end = offset + 1;
    }
    spans
}

/// Where a record goes back to: the partition that it was on, whoever chose it, so that it stays
/// beside those of its key.
struct Target {
    topic: Arc<str>,
    partition: Option<i32>,
}

/// Records on their way back.
struct Returning<'a> {
    topic: &'a str,
    producer: Producer,
    runtime: &'a Runtime,
    waiting: Vec<(Place, Target, Record)>,
    bytes: usize,
    done: &'a mut Done,
}

impl Returning<'_> {
    fn failed(&mut self, place: Place, why: &str) {
        self.done.failed.push((format!("{}:{}", place.0, place.1), why.to_owned()));
    }

    fn add(&mut self, place: Place, target: Target, record: Record) -> anyhow::Result<()> {
        self.bytes += record.value.as_ref().map_or(0, Bytes::len);
        self.waiting.push((place, target, record));
        if self.waiting.len() >= AT_ONCE || self.bytes >= MOST_BYTES { self.flush() } else { Ok(()) }
    }

    /// Publishes what waits; then marks what has arrived.
    fn flush(&mut self) -> anyhow::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let headers: Vec<Vec<(String, Bytes)>> = waiting.iter().map(|(_, _, record)| own_headers(record)).collect();
        let headers: Vec<Vec<(&str, &[u8])>> =
            headers.iter().map(|own| own.iter().map(|(name, value)| (name.as_str(), &**value)).collect()).collect();
        // of this moment: an old timestamp would be due to be deleted
        let records: Vec<Outbound<'_>> = waiting
            .iter()
            .zip(&headers)
            .map(|((_, target, record), headers)| Outbound {
                topic: &target.topic,
                partition: target.partition,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers,
                ..Outbound::default()
            })
            .collect();
        let mut failures: BTreeMap<usize, String> = BTreeMap::new();
        for (at, error) in self.runtime.block_on(self.producer.publish_each(&records)) {
            failures.insert(at, format!("{}: {error}", waiting[at].1.topic));
        }
        let mut arrived = Vec::new();
        for (at, (place, ..)) in waiting.iter().enumerate() {
            match failures.get(&at) {
                Some(why) => self.failed(*place, why),
                None => arrived.push(*place),
            }
        }
        self.mark(&arrived)?;
        self.done.done.extend(arrived.iter().map(|(number, offset)| format!("{number}:{offset}")));
        Ok(())
    }

    fn mark(&self, places: &[Place]) -> anyhow::Result<()> {
        let markers: Vec<(&str, String)> = places.iter().map(|(number, offset)| marker(*number, *offset)).collect();
        let headers: Vec<[(&str, &[u8]); 1]> =
            markers.iter().map(|(name, value)| [(*name, value.as_bytes())]).collect();
        let records: Vec<Outbound<'_>> = places
            .iter()
            .zip(&headers)
            .map(|((number, _), headers)| Outbound {
                topic: self.topic,
                headers,
                partition: Some(*number),
                ..Outbound::default()
            })
            .collect();
        self.runtime
            .block_on(self.producer.publish_all(&records))
            .map(drop)
            .map_err(|error| anyhow!("letters could not be marked as done with on {}: {error}", self.topic))
    }
}

/// How far reading has come, for a person who waits.
struct Progress(ProgressBar);

impl Progress {
    fn new(extents: &BTreeMap<i32, Extent>) -> Self {
        let records: i64 = extents.values().map(|extent| extent.end - extent.first).sum();
        // hidden by itself where standard error is no terminal
        let bar = ProgressBar::new(u64::try_from(records).unwrap_or(0));
        let style = ProgressStyle::with_template("reading {bar:30} {pos}/{len}, {eta} left");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn step(&self) {
        self.0.inc(1);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
