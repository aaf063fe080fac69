//! The task that takes publications to the broker, against a broker that does as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reassure::clock::Clock;
use reassure::ports::{Batch, DeadRecord, Partition, Publication, Publisher, Record, Store, Stream, Unpublished};
use reassure::publish::{Outlet, Publish};
use reassure::telemetry::Metrics;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::store::fixture::{lease, none};
use crate::store::sqlite::opened;

/// Long enough for a busy machine; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(30);

const MOST_WAITING: u64 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Takes,
    /// Answers that it is away.
    Away,
    /// Never answers.
    Hangs,
}

/// Takes values of at most ten bytes without a time, and refuses all that comes with another.
struct Broker {
    mood: watch::Sender<Mood>,
    taken: Mutex<Vec<Publication>>,
    asked: watch::Sender<u32>,
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, publications: &[Publication]) -> Vec<Result<(), Unpublished>> {
        self.asked.send_modify(|asked| *asked += 1);
        let mood = *self.mood.borrow();
        let refused = |refused| Err(Unpublished { cause: "the topic: no".to_owned(), refused });
        match mood {
            Mood::Away => return publications.iter().map(|_| refused(false)).collect(),
            Mood::Hangs => std::future::pending().await,
            Mood::Takes => {}
        }
        let is_refused = |publication: &Publication| {
            publication.timestamp.is_some() || publication.value.as_ref().is_some_and(|value| value.len() > 10)
        };
        if publications.iter().any(is_refused) {
            return publications.iter().map(|_| refused(true)).collect();
        }
        self.taken.lock().unwrap().extend_from_slice(publications);
        publications.iter().map(|_| Ok(())).collect()
    }
}

struct Scene {
    store: Arc<dyn Store>,
    broker: Arc<Broker>,
    metrics: Metrics,
    outlet: Outlet,
    stop: watch::Sender<Option<Instant>>,
}

impl Scene {
    fn new(store: &Arc<dyn Store>) -> Self {
        let metrics = Metrics::new().unwrap();
        Self {
            store: Arc::clone(store),
            broker: Arc::new(Broker {
                mood: watch::Sender::new(Mood::Takes),
                taken: Mutex::default(),
                asked: watch::Sender::new(0),
            }),
            outlet: Outlet::new(None, true, metrics.clone()),
            metrics,
            stop: watch::Sender::new(None),
        }
    }

    fn start(&self, stream: Stream, owner: &str) -> JoinHandle<()> {
        let publish = Publish {
            stream,
            store: Arc::clone(&self.store),
            publisher: Arc::clone(&self.broker) as Arc<dyn Publisher>,
            outlet: self.outlet.clone(),
            clock: Clock::system(),
            metrics: self.metrics.clone(),
            owner: owner.to_owned(),
            most_waiting: MOST_WAITING,
        };
        tokio::spawn(publish.run(self.stop.subscribe()))
    }

    async fn write(&self, stream: Stream, values: &[&str]) {
        self.write_of(stream, values, None).await;
    }

    /// Of that time.
    async fn write_of(&self, stream: Stream, values: &[&str], timestamp: Option<i64>) {
        let publication = |value: &&str| Publication {
            stream,
            key: Some(Bytes::from_static(b"key")),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: vec![("__connect.errors.topic".to_owned(), Bytes::from_static(b"orders"))],
            timestamp,
        };
        let batch = Batch { publications: values.iter().map(publication).collect(), ..Batch::default() };
        self.store.commit(batch, &lease("a", 60), &none()).await.unwrap();
        self.outlet.note([stream]);
    }

    fn taken(&self) -> Vec<String> {
        let text = |publication: &Publication| {
            publication.value.as_ref().map_or("-".to_owned(), |value| String::from_utf8(value.to_vec()).unwrap())
        };
        self.broker.taken.lock().unwrap().iter().map(text).collect()
    }

    async fn taken_are(&self, expected: &[&str]) {
        let end = Instant::now() + LONG;
        while self.taken() != expected {
            assert!(Instant::now() < end, "{:?} never became {expected:?}", self.taken());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn waiting(&self) -> u64 {
        self.store.backlog(Clock::system().now()).await.unwrap().publications
    }

    async fn asked_again(&self) {
        let mut asked = self.broker.asked.subscribe();
        tokio::time::timeout(LONG, asked.changed()).await.expect("it is tried again").unwrap();
    }

    /// Stops all tasks within `limit`.
    async fn stop(&self, limit: Duration, tasks: impl IntoIterator<Item = JoinHandle<()>>) {
        self.stop.send_replace(Some(Instant::now() + limit));
        for task in tasks {
            tokio::time::timeout(LONG, task).await.expect("it stops").unwrap();
        }
    }

    fn counted(&self, stream: Stream, outcome: &str) -> u64 {
        self.metrics.published.with_label_values(&[stream.as_str(), outcome]).get()
    }

    /// Whether another process could publish at once.
    async fn turn_is_free(&self, stream: Stream) -> bool {
        let now = Clock::system().now();
        let lease = reassure::ports::Lease { owner: "another".to_owned(), until: now };
        self.store.publications(stream, now, &lease, 1).await.unwrap().is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_published_in_its_order_and_forgotten() {
    let opened = opened();
    let scene = Scene::new(&opened.store);
    scene.write(Stream::Outcomes, &["1", "2"]).await;
    let task = scene.start(Stream::Outcomes, "me");
    scene.taken_are(&["1", "2"]).await;
    scene.write(Stream::Outcomes, &["3"]).await;
    scene.taken_are(&["1", "2", "3"]).await;
    // written last, right before the stop
    scene.write(Stream::Outcomes, &["4"]).await;
    scene.stop(LONG, [task]).await;
    assert_eq!((scene.taken().len(), scene.waiting().await), (4, 0));
    assert_eq!(scene.counted(Stream::Outcomes, "arrived"), 4);
    assert!(scene.turn_is_free(Stream::Outcomes).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_it_waits_in_the_store() {
    let opened = opened();
    let scene = Scene::new(&opened.store);
    scene.broker.mood.send_replace(Mood::Away);
    scene.write(Stream::Outcomes, &["1"]).await;
    let task = scene.start(Stream::Outcomes, "me");
    scene.asked_again().await;
    scene.asked_again().await;
    scene.write(Stream::Outcomes, &["2"]).await;
    assert_eq!(scene.waiting().await, 2);
    scene.broker.mood.send_replace(Mood::Takes);
    scene.taken_are(&["1", "2"]).await;
    assert!(scene.counted(Stream::Outcomes, "failed") >= 2);
    scene.stop(LONG, [task]).await;
}

/// One record that the topic will never take holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_shortened_or_left_out_and_the_rest_goes_on() {
    let opened = opened();
    let scene = Scene::new(&opened.store);
    let long = "x".repeat(11);
    scene.write(Stream::DeadLetters, &["1", &long, "3"]).await;
    scene.write(Stream::Outcomes, &["4", &long, "6"]).await;
    let letters = scene.start(Stream::DeadLetters, "me");
    scene.taken_are(&["1", "-", "3"]).await;
    let short = scene.broker.taken.lock().unwrap()[1].clone();
    assert!(short.headers.contains(&("reassure.omitted_bytes".to_owned(), Bytes::from_static(b"11"))), "{short:?}");
    let outcomes = scene.start(Stream::Outcomes, "me");
    scene.taken_are(&["1", "-", "3", "4", "6"]).await;
    scene.stop(LONG, [letters, outcomes]).await;
    assert_eq!(scene.waiting().await, 0);
    let counted = |stream, outcome| scene.counted(stream, outcome);
    assert_eq!((counted(Stream::DeadLetters, "shortened"), counted(Stream::DeadLetters, "arrived")), (1, 2));
    assert_eq!((counted(Stream::Outcomes, "refused"), counted(Stream::Outcomes, "arrived")), (1, 2));
}

/// A topic may take no record whose time is far from its own (`message.timestamp.after.max.ms`).
#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_time_is_refused_arrives_without_it_and_the_rest_goes_on() {
    let opened = opened();
    let scene = Scene::new(&opened.store);
    scene.write_of(Stream::Outcomes, &["1"], Some(0)).await;
    scene.write(Stream::Outcomes, &["2"]).await;
    let outcomes = scene.start(Stream::Outcomes, "me");
    scene.taken_are(&["1", "2"]).await;
    scene.stop(LONG, [outcomes]).await;
    assert_eq!((scene.waiting().await, scene.counted(Stream::Outcomes, "arrived")), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_publishes_and_the_other_takes_over_when_it_stops() {
    let opened = opened();
    let (first, second) = (Scene::new(&opened.store), Scene::new(&opened.store));
    first.write(Stream::Outcomes, &["1"]).await;
    let one = first.start(Stream::Outcomes, "first");
    first.taken_are(&["1"]).await;
    let other = second.start(Stream::Outcomes, "second");
    // the second is told that there is something, and it is not its turn
    second.write(Stream::Outcomes, &["2"]).await;
    first.taken_are(&["1", "2"]).await;
    first.stop(LONG, [one]).await;
    second.write(Stream::Outcomes, &["3"]).await;
    second.taken_are(&["3"]).await;
    second.stop(LONG, [other]).await;
    assert_eq!(first.taken(), ["1", "2"]);
}

/// I10: what waits while the broker is away has a bound; then dead letters stay in the store.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_bound_no_more_is_written() {
    let opened = opened();
    let scene = Scene::new(&opened.store);
    let dead = DeadRecord {
        record: Record {
            partition: Partition { topic: "orders".into(), number: 0 },
            offset: 0,
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp: None,
        },
        stage: "decode",
        cause: "malformed_json",
        detail: String::new(),
        at: Clock::system().now(),
    };
    assert!(scene.outlet.of_dead(&dead).is_some());
    scene.broker.mood.send_replace(Mood::Away);
    scene.write(Stream::DeadLetters, &["1", "2", "3"]).await;
    let task = scene.start(Stream::DeadLetters, "me");
    scene.asked_again().await;
    assert!(scene.outlet.of_dead(&dead).is_none(), "it stays in the store");
    scene.stop(LONG, [task]).await;
}

/// Promise 13: a stop is bounded, whatever the broker does; what was under way is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_does_not_hold_up_a_stop() {
    let opened = opened();
    let scene = Scene::new(&opened.store);
    scene.broker.mood.send_replace(Mood::Hangs);
    let task = scene.start(Stream::Outcomes, "me");
    scene.write(Stream::Outcomes, &["1"]).await;
    scene.asked_again().await;
    scene.stop(Duration::from_secs(1), [task]).await;
    assert_eq!(scene.waiting().await, 1);
    assert!(scene.turn_is_free(Stream::Outcomes).await);
}
