//! What the parts could do on their own, with the same data, batches and settings. Each runs in
//! a process of its own, as the service does.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use reassure::bus;
use reassure::domain::notification::Content;
use reassure::domain::time::Timestamp;
use reassure::ports::{Advance, Feed, Leased, Outgoing, Partition};
use tokio::task::JoinSet;

use super::author::{self, Author};
use super::events::Event;

pub const CONSUME: &str = "consume";
pub const STORE: &str = "store";
pub const HTTP: &str = "http";
/// Records decided together, as the bus hands them over.
const BATCH: usize = 500;
/// Batches that are made before they are written: making them is not measured.
const AHEAD: usize = 16;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// Reads `count` records and drops them; tells after each batch how many it was.
pub fn consume(config: &Path, count: usize) {
    let settings = author::load(config).settings.bus;
    let offsets_of: bus::OffsetsOf =
        Arc::new(|partitions: &[Partition], _: &bus::Identities| Ok(vec![None; partitions.len()]));
    runtime().block_on(async {
        let mut bus = bus::start(&settings, offsets_of).expect("the bus starts");
        let mut read = 0;
        while read < count {
            match bus.feed.recv().await.expect("the bus goes on") {
                Feed::Records(records) => read += records.len(),
                Feed::Assigned(_) => {}
                Feed::Revoked(_, done) => drop(done.send(())),
            }
            println!("{read}");
        }
    });
    std::process::exit(0);
}

/// Writes the batches of `events`; tells the seconds that writing took.
pub fn store(config: &Path, events: &[Event], begin: Timestamp) {
    runtime().block_on(async {
        let mut author = Author::new(author::load(config), begin);
        let store = author.loaded.settings.store.open().await.expect("the store");
        let partition = Partition { topic: "limit".into(), number: 0 };
        let (mut seconds, mut next) = (0.0, 0);
        for events in events.chunks(BATCH * AHEAD) {
            author.meet(&*store, events).await;
            let mut batches = Vec::new();
            for events in events.chunks(BATCH) {
                let mut batch = author.batch(events);
                let expected = (next > 0).then_some(next);
                next += i64::try_from(events.len()).expect("a few records");
                batch.advances.push(Advance { partition: partition.clone(), expected, next });
                batches.push(batch);
            }
            let start = Instant::now();
            for batch in batches {
                author::commit(&*store, batch, begin).await;
            }
            seconds += start.elapsed().as_secs_f64();
        }
        println!("{seconds}");
    });
}

/// Sends `count` messages; tells the seconds that it took.
pub fn http(config: &Path, events: &[Event], count: usize, begin: Timestamp) {
    let mut author = Author::new(author::load(config), begin);
    let orders: Vec<Event> = events.iter().filter(|event| event.stage == 0).take(64).copied().collect();
    let written: Vec<(reassure::domain::notification::Notification, Content)> =
        author.batch(&orders).journeys.into_iter().flat_map(|write| write.notifications).collect();
    let (provider, at_once) = author.loaded.providers.first().cloned().expect("a provider");
    runtime().block_on(async {
        let mut flying: JoinSet<()> = JoinSet::new();
        let start = Instant::now();
        for index in 0..count {
            if flying.len() >= at_once {
                flying.join_next().await.expect("one under way").expect("an answer");
            }
            let (notification, content) = written[index % written.len()].clone();
            let provider = Arc::clone(&provider);
            let key = super::events::journey(0);
            flying.spawn(async move {
                let leased = Leased { notification, key, content, attempts: 0 };
                let answer = provider
                    .send(Outgoing {
                        order_id: "",
                        id: &leased.notification.id,
                        message: &leased.notification.message,
                        shop: &leased.key.shop,
                        content: &leased.content,
                        traceparent: None,
                        now: begin,
                    })
                    .await;
                assert_eq!(answer.status, Some(200), "{answer:?}");
            });
        }
        while flying.join_next().await.is_some() {}
        println!("{}", start.elapsed().as_secs_f64());
        let _ = std::io::stdout().flush();
    });
}
