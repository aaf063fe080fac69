//! Offsets never pass what is not done, whatever the store refuses and whenever it answers
//! (promise 4, I5).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};
use reassure::app;
use reassure::clock::Clock;
use reassure::config::Loaded;
use reassure::domain::confirmation::Cause;
use reassure::domain::decision::NotificationId;
use reassure::domain::event::{EventKey, Reference};
use reassure::domain::journey::JourneyKey;
use reassure::domain::spending::{Addressee, Spending};
use reassure::domain::storm::Hour;
use reassure::domain::time::Timestamp;
use reassure::ports::{
    AttemptRecord, Backlog, Batch, CarriedOut, Counted, DeadLetter, Kept, Lease, Leased, Parked, Partition,
    Publication, Purged, Record, Ruling, Store, StoreError, Storm, Storms, Stream, Timeline, Unconfirmed, Versioned,
};
use reassure::telemetry::Metrics;
use serde_json::Value;

use super::events::{ORDERS, SHOP, placed};
use super::harness::{LONG, World, eventually};

const COUNT: usize = 400;

/// A store that answers late, refuses what it could do, and fails after it has done it.
struct Moody {
    store: Arc<dyn Store>,
    random: Mutex<StdRng>,
    /// Which order is at which place.
    orders: HashMap<(Partition, i64), String>,
    faults: Mutex<Vec<String>>,
    refusals: Mutex<BTreeMap<&'static str, usize>>,
}

enum Mood {
    Does,
    Refuses(StoreError, &'static str),
    DoesAndFails,
}

impl Moody {
    fn mood(&self, batch: &Batch) -> (Duration, Mood) {
        let mut random = self.random.lock().unwrap();
        let late = Duration::from_millis(random.random_range(0..25));
        let mood = match (random.random_range(0..100), batch.advances.first()) {
            (0..10, _) => Mood::Refuses(StoreError::Unavailable("refused".to_owned()), "not available"),
            (10..20, _) => Mood::DoesAndFails,
            (20..35, _) => Mood::Refuses(StoreError::Conflict, "changed meanwhile"),
            (35..45, Some(advance)) => Mood::Refuses(StoreError::Fenced(advance.partition.clone()), "fenced"),
            _ => Mood::Does,
        };
        (late, mood)
    }

    /// Everything below the offsets that the store has is in the store.
    async fn look(&self) {
        let offsets = self.store.offsets().await.unwrap();
        let passed: Vec<&String> = self
            .orders
            .iter()
            .filter(|((partition, offset), _)| offsets.get(partition).is_some_and(|next| offset < next))
            .map(|(_, order)| order)
            .collect();
        let keys: Vec<JourneyKey> =
            passed.iter().map(|order| JourneyKey { shop: SHOP.to_owned(), order_id: (*order).clone() }).collect();
        let found = self.store.load(&keys).await.unwrap();
        let lost = keys.iter().zip(found).filter(|(_, journey)| journey.is_none());
        self.faults.lock().unwrap().extend(lost.map(|(key, _)| format!("{} was passed", key.order_id)));
    }

    async fn commit(
        &self,
        batch: Batch,
        lease: &Lease,
        capacity: &BTreeMap<String, usize>,
    ) -> Result<Vec<Leased>, StoreError> {
        let (late, mood) = self.mood(&batch);
        tokio::time::sleep(late).await;
        let note = |what| *self.refusals.lock().unwrap().entry(what).or_default() += 1;
        let done = match mood {
            Mood::Does => self.store.commit(batch, lease, capacity).await,
            Mood::Refuses(error, what) => {
                note(what);
                Err(error)
            }
            Mood::DoesAndFails => {
                note("done and failed");
                let _ = self.store.commit(batch, lease, capacity).await;
                Err(StoreError::Unavailable("the answer was lost".to_owned()))
            }
        };
        self.look().await;
        done
    }
}

macro_rules! moody {
    ($($name:ident($($given:ident: $kind:ty),*) -> $told:ty;)*) => {
        #[async_trait]
        impl Store for Moody {
            async fn commit(
                &self,
                batch: Batch,
                lease: &Lease,
                capacity: &BTreeMap<String, usize>,
            ) -> Result<Vec<Leased>, StoreError> {
                Moody::commit(self, batch, lease, capacity).await
            }
            $(async fn $name(&self, $($given: $kind),*) -> Result<$told, StoreError> {
                self.store.$name($($given),*).await
            })*
        }
    };
}

#[async_trait]
impl Storms for Moody {
    async fn busiest(&self, of: &[Counted], from: Hour, to: Hour) -> Result<Vec<Vec<(Hour, u64)>>, StoreError> {
        self.store.busiest(of, from, to).await
    }

    async fn storms(&self, now: Timestamp) -> Result<Vec<Storm>, StoreError> {
        self.store.storms(now).await
    }

    async fn rule_on(&self, shop: &str, rule: &str, ruling: Ruling, now: Timestamp) -> Result<Option<u64>, StoreError> {
        self.store.rule_on(shop, rule, ruling, now).await
    }

    async fn carry_out(&self, now: Timestamp, lease: &Lease, limit: usize) -> Result<CarriedOut, StoreError> {
        self.store.carry_out(now, lease, limit).await
    }
}

moody! {
    offsets() -> BTreeMap<Partition, i64>;
    resolve(references: &[(String, Reference, Timestamp)]) -> Vec<Vec<JourneyKey>>;
    load(keys: &[JourneyKey]) -> Vec<Option<Versioned>>;
    spending(of: &[Addressee]) -> Vec<Option<Spending>>;
    parked(references: &[(String, Reference)], limit: usize) -> Vec<Vec<Parked>>;
    awaited(after: EventKey, limit: usize) -> Vec<(EventKey, String, Reference)>;
    due(now: Timestamp, limit: usize) -> Vec<JourneyKey>;
    claim(provider: &str, now: Timestamp, lease: &Lease, limit: usize) -> Vec<Leased>;
    record(attempts: Vec<AttemptRecord>, now: Timestamp, lease: &Lease) -> Vec<Leased>;
    release(notifications: &[NotificationId], not_before: Option<Timestamp>, owner: &str) -> ();
    hasten(of: &str, before: Timestamp, now: Timestamp, limit: usize) -> usize;
    publications(stream: Stream, now: Timestamp, lease: &Lease, limit: usize) -> Option<Vec<(i64, Publication)>>;
    published(ids: &[i64]) -> ();
    stop_publishing(stream: Stream, owner: &str) -> ();
    timeline(key: &JourneyKey) -> Option<Timeline>;
    received_at(key: &JourneyKey, id: &NotificationId) -> Option<Timestamp>;
    dead_letters(limit: usize) -> Vec<DeadLetter>;
    dead_record(id: i64) -> Option<Record>;
    redrive_record(id: i64) -> bool;
    redrive_notification(id: &NotificationId, now: Timestamp) -> bool;
    drop_record(id: i64) -> bool;
    drop_notification(id: &NotificationId) -> bool;
    redriven(limit: usize) -> Vec<(i64, Record)>;
    unconfirmed(from: Timestamp, to: Timestamp) -> Vec<(String, Cause, u64)>;
    unconfirmed_orders(from: Timestamp, to: Timestamp, limit: usize) -> Vec<Unconfirmed>;
    purge(kept: Kept, before: Timestamp, after: i64, limit: usize) -> Purged;
    backlog(now: Timestamp) -> Backlog;
    ping() -> ();
}

/// Where each order came to lie, as a reader finds it.
fn places(world: &World) -> HashMap<(Partition, i64), String> {
    let config = ClientConfig::new()
        .set("bootstrap.servers", &world.ground.brokers)
        .set("group.id", "places")
        .set("enable.auto.commit", "false")
        .clone();
    let reader: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    for number in 0..4 {
        list.add_partition_offset(ORDERS, number, Offset::Beginning).unwrap();
    }
    reader.assign(&list).unwrap();
    let mut places = HashMap::new();
    while places.len() < COUNT {
        let record = reader.poll(LONG).expect("a record").unwrap();
        let partition = Partition { topic: ORDERS.into(), number: record.partition() };
        let order = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
        places.insert((partition, record.offset()), order);
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_never_pass_what_is_not_done() {
    let seed = std::env::var("REASSURE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("REASSURE_SEED={seed}");
    let mut world = World::new().await;
    world.set("bus.batch_records", "10");
    let orders: Vec<Value> = (1..=COUNT).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
    let loaded = Loaded::load(Some(&world.config())).unwrap();
    let store = Arc::new(Moody {
        store: loaded.settings.store.open().await.unwrap(),
        random: Mutex::new(StdRng::seed_from_u64(seed)),
        orders: places(&world),
        faults: Mutex::default(),
        refusals: Mutex::default(),
    });
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let running = app::start(&loaded, shared, Clock::system(), Metrics::new().unwrap()).await.unwrap();
    eventually("all are taken in", async || {
        let offsets = store.store.offsets().await.unwrap();
        let of_partitions = offsets.iter().filter(|(partition, _)| partition.number >= 0);
        of_partitions.map(|(_, next)| next).sum::<i64>() == i64::try_from(COUNT).unwrap()
    })
    .await;
    let messages = world.messages_until("all are told", |all| all.len() >= 2 * COUNT).await;
    running.stop(Duration::from_secs(5)).await;
    store.look().await;
    assert_eq!(*store.faults.lock().unwrap(), Vec::<String>::new());
    let refusals = store.refusals.lock().unwrap();
    assert_eq!(refusals.len(), 4, "each mood was met: {refusals:?}");
    assert_eq!(messages.len(), 2 * COUNT, "nothing is sent twice for it");
}
