//! Writes the batches that the service would write, without the service: for the store's own
//! limit, and for the journeys that are in the store from the beginning.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use reassure::config::Loaded;
use reassure::domain::contact::reach;
use reassure::domain::event::Body;
use reassure::domain::journey::{Journey, JourneyKey};
use reassure::domain::notification::{Content, Notification, Outcome};
use reassure::domain::step::{Input, step};
use reassure::domain::time::Timestamp;
use reassure::domain::{apply, event};
use reassure::envelope::{self, Format, Limits, Reading};
use reassure::message::Letter;
use reassure::ports::{AttemptRecord, Batch, JourneyWrite, Lease, Leased, Next, Partition, Record, Store, Wake};

use super::events::{Event, journey};

/// As `dispatch` takes notifications: as many as its queue holds, written in groups.
const CAPACITY: usize = 128;
const GROUP: usize = 256;

pub fn load(config: &std::path::Path) -> Loaded {
    let listed = |faults: Vec<reassure::domain::fault::Fault>| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    Loaded::load(Some(config)).unwrap_or_else(listed)
}

pub struct Author {
    pub loaded: Loaded,
    begin: Timestamp,
    known: HashMap<JourneyKey, (Arc<Journey>, u64)>,
}

impl Author {
    pub fn new(loaded: Loaded, begin: Timestamp) -> Self {
        Self { loaded, begin, known: HashMap::new() }
    }

    /// Reads the journeys that these events are about and that are not known yet.
    pub async fn meet(&mut self, store: &dyn Store, events: &[Event]) {
        let mut keys: Vec<JourneyKey> = events.iter().map(|event| journey(event.order)).collect();
        keys.retain(|key| !self.known.contains_key(key));
        keys.sort();
        keys.dedup();
        let found = store.load(&keys).await.expect("the journeys");
        for (key, found) in keys.into_iter().zip(found) {
            self.known.extend(found.map(|found| (key, (found.journey, found.version))));
        }
    }

    /// The transaction that these events come to.
    pub fn batch(&mut self, events: &[Event]) -> Batch {
        let mut batch = Batch::default();
        let mut writes: BTreeMap<JourneyKey, JourneyWrite> = BTreeMap::new();
        for event in events {
            let event = decode(&self.loaded, *event, self.begin);
            self.take(&event, &mut writes);
        }
        for (key, write) in &writes {
            let version = write.expected_version.unwrap_or(0) + 1;
            self.known.insert(key.clone(), (Arc::clone(&write.journey), version));
        }
        batch.journeys = writes.into_values().collect();
        batch
    }

    fn take(&self, event: &event::Event, writes: &mut BTreeMap<JourneyKey, JourneyWrite>) {
        let key = match &event.body {
            Body::OrderPlaced(data) => JourneyKey { shop: data.shop.clone(), order_id: data.order_id.clone() },
            Body::ParcelTracked(data) => {
                JourneyKey { shop: data.shop.clone(), order_id: data.order_id.clone().expect("an order") }
            }
            _ => unreachable!("nothing else is published"),
        };
        let write = writes.entry(key.clone()).or_insert_with(|| {
            let (journey, expected_version) = match (self.known.get(&key), &event.body) {
                (Some((journey, version)), _) => (Arc::clone(journey), Some(*version)),
                (None, Body::OrderPlaced(placed)) => (Arc::new(apply::begin(placed, event.time)), None),
                (None, _) => panic!("a scan of {key:?}, which is not known"),
            };
            JourneyWrite {
                journey,
                expected_version,
                links: Vec::new(),
                wake: Wake::Kept,
                confirmation: reassure::domain::confirmation::Change::None,
                entries: Vec::new(),
                notifications: Vec::new(),
            }
        });
        let rules = self.loaded.shops.rules(&key.shop).expect("the rules of the shop");
        let transition = step(&write.journey, Input::Event(event), rules, self.begin).expect("room for the event");
        for notification in transition.notifications {
            let content = self.write(&key, &transition.journey, &notification);
            write.notifications.push((notification, content));
        }
        write.links.extend(transition.links);
        if write.expected_version.is_none() || transition.journey.wakes_at() != write.journey.wakes_at() {
            write.wake = transition.journey.wakes_at().into();
        }
        write.entries.extend(transition.entry);
        write.journey = Arc::new(transition.journey);
    }

    fn write(&self, key: &JourneyKey, journey: &Journey, notification: &Notification) -> Content {
        let served = self.loaded.shops.get(&key.shop).expect("the shop");
        let shop = &served.rules.shop;
        let recipient = reach(&journey.order.customer, shop, notification.channel).expect("an address");
        let letter = Letter {
            shop_id: &key.shop,
            shop,
            journey,
            subject: &notification.subject,
            message: &notification.message,
            channel: notification.channel,
            recipient: &recipient,
            notification: &notification.id,
            now: notification.decided_at,
        };
        served.templates.write(&letter).expect("a letter")
    }
}

fn decode(loaded: &Loaded, event: Event, begin: Timestamp) -> event::Event {
    let record = Record {
        partition: Partition { topic: event.topic().into(), number: 0 },
        offset: 0,
        key: None,
        value: Some(event.value(begin).into()),
        headers: vec![("content-type".to_owned(), "application/cloudevents+json".into())],
        timestamp: None,
    };
    let reading = Reading {
        format: &Format::Detect,
        schema: None,
        zone_of: &|shop| loaded.shops.zone(shop),
        limits: &Limits::default(),
        now: begin,
    };
    let mut decoded = envelope::decode(&record, &reading).expect("an event that can be read");
    decoded.remove(0).event
}

/// Writes a batch, and the attempts on what it leased.
pub async fn commit(store: &dyn Store, batch: Batch, now: Timestamp) {
    let lease = Lease { owner: "bench".to_owned(), until: now.plus(chrono::Duration::hours(1)) };
    let capacity = BTreeMap::from([("mail".to_owned(), CAPACITY)]);
    let mut leased = store.commit(batch, &lease, &capacity).await.expect("the batch is written");
    while !leased.is_empty() {
        let records: Vec<AttemptRecord> =
            leased.drain(..leased.len().min(GROUP)).map(|leased| accepted(leased, now)).collect();
        leased.extend(store.record(records, now, &lease).await.expect("the attempts are written"));
    }
}

fn accepted(leased: Leased, now: Timestamp) -> AttemptRecord {
    AttemptRecord {
        notification: leased.notification.id,
        key: leased.key,
        at: now,
        provider: leased.notification.provider,
        outcome: Outcome::Accepted,
        status: Some(200),
        provider_id: Some("5c1f2b9e-1d0a-4f6e-9a55-0c0ffee00001".to_owned()),
        detail: None,
        next: Next::Accepted,
        asked_until: None,
        publication: None,
    }
}
