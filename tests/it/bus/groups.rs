//! Two members of a group, and what passes from one to the other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::{Bus, BusSettings};
use reassure::ports::{Feed, Partition};
use tokio::task::JoinHandle;

use super::{LONG, Offsets, eventually, producer, producer_at, publish, records, settings, start};

/// What both members have seen.
#[derive(Clone, Default)]
pub struct Ledger {
    seen: Arc<Mutex<BTreeSet<(Partition, i64)>>>,
    faults: Arc<Mutex<Vec<String>>>,
    owned: Arc<Mutex<BTreeSet<Partition>>>,
}

impl Ledger {
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn fault(&self, what: String) {
        self.faults.lock().unwrap().push(what);
    }
}

/// Ingest in small: effects and offsets become durable together, a handover is answered late.
pub fn ingest(mut bus: Bus, offsets: Offsets, ledger: Ledger, busy: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut mine = BTreeSet::new();
        while let Some(feed) = bus.feed.recv().await {
            match feed {
                Feed::Assigned(partitions) => {
                    for (partition, _) in partitions {
                        if !ledger.owned.lock().unwrap().insert(partition.clone()) {
                            ledger.fault(format!("{partition:?} has two owners"));
                        }
                        mine.insert(partition);
                    }
                }
                Feed::Records(records) => {
                    for record in records {
                        if !mine.contains(&record.partition) {
                            ledger.fault(format!("{:?} is not ours", record.partition));
                        }
                        offsets.set(&record.partition, record.offset + 1);
                        bus.hints.put(&record.partition, record.offset + 1);
                        if !ledger.seen.lock().unwrap().insert((record.partition.clone(), record.offset)) {
                            ledger.fault(format!("{:?} {} came twice", record.partition, record.offset));
                        }
                    }
                }
                Feed::Revoked(partitions, answer) => {
                    // what is in flight takes a while; nobody else may own it before it is done
                    tokio::time::sleep(busy).await;
                    for partition in partitions {
                        ledger.owned.lock().unwrap().remove(&partition);
                        mine.remove(&partition);
                    }
                    let _ = answer.send(());
                }
            }
        }
    })
}

async fn handover(change: impl Fn(&mut BusSettings)) {
    let broker = EmbeddedBroker::start(&[("orders", 4)]).unwrap();
    let mut settings = settings(&broker, &["orders"]);
    change(&mut settings);
    exact_handover(settings).await;
}

/// A second member joins while records flow, and leaves again. The topic has four partitions.
pub async fn exact_handover(mut settings: BusSettings) {
    settings.batch_records = 20;
    let topic = settings.topics[0].clone();
    let (offsets, ledger) = (Offsets::default(), Ledger::default());
    let busy = Duration::from_millis(300);

    let first = start(&settings, &offsets);
    let first_handle = first.handle.clone();
    let first_task = ingest(first, offsets.clone(), ledger.clone(), busy);

    let done = Arc::new(AtomicBool::new(false));
    let (stopped, source) = (Arc::clone(&done), producer_at(&settings.brokers));
    let publishing = tokio::spawn(async move {
        let mut number = 0;
        while !stopped.load(Ordering::Relaxed) {
            publish(&source, &topic, 4, number..number + 100).await;
            number += 100;
        }
        number as usize
    });
    eventually("the first reads", || ledger.count() > 500).await;

    let second = start(&settings, &offsets);
    let second_handle = second.handle.clone();
    let second_task = ingest(second, offsets.clone(), ledger.clone(), busy);
    let count = |handle: &reassure::bus::BusHandle| handle.counters().records.load(Ordering::Relaxed);
    eventually("the second reads", || count(&second_handle) > 500).await;
    assert!(second_handle.stop(LONG).await);
    second_task.await.unwrap();

    let before = count(&first_handle);
    eventually("the first has it all again", || ledger.owned.lock().unwrap().len() == 4).await;
    eventually("the first goes on", || count(&first_handle) > before + 500).await;
    done.store(true, Ordering::Relaxed);
    let published = publishing.await.unwrap();
    eventually("all is read", || ledger.count() == published).await;
    assert!(first_handle.stop(LONG).await);
    first_task.await.unwrap();

    assert_eq!(*ledger.faults.lock().unwrap(), Vec::<String>::new());
    assert_eq!(first_handle.counters().drains_cut.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cooperative_handover_is_exact() {
    handover(|_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eager_handover_is_exact() {
    handover(|settings| {
        settings.properties.insert("partition.assignment.strategy".to_owned(), "range".to_owned());
    })
    .await;
}

/// The newer protocol of groups, in which the broker assigns (KIP-848).
#[tokio::test(flavor = "multi_thread")]
async fn a_handover_by_the_broker_is_exact() {
    handover(|settings| {
        settings.properties.insert("group.protocol".to_owned(), "consumer".to_owned());
        settings.properties.remove("heartbeat.interval.ms");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paused_when_it_went_is_not_when_it_comes_back() {
    let broker = EmbeddedBroker::start(&[("orders", 2)]).unwrap();
    publish(&producer(&broker), "orders", 2, 0..400).await;
    let mut settings = settings(&broker, &["orders"]);
    (settings.batch_records, settings.channel_batches, settings.drain_seconds) = (10, 1, 1);
    let offsets = Offsets::default(); // stays empty: each assignment reads from the start
    let mut first = start(&settings, &offsets);
    eventually("the first pauses", || first.handle.is_paused()).await;
    let mut second = start(&settings, &offsets);
    let cut = || first.handle.counters().drains_cut.load(Ordering::Relaxed) == 1;
    eventually("the first does not answer in time", cut).await;
    records(&mut second, 200).await;

    let mut seen: BTreeSet<(Partition, i64)> = BTreeSet::new();
    while first.handle.is_paused() || seen.len() < 200 {
        seen.extend(records(&mut first, 1).await.into_iter().map(|it| (it.partition, it.offset)));
    }
    second.handle.stop(Duration::from_secs(2)).await;
    while seen.len() < 400 {
        seen.extend(records(&mut first, 1).await.into_iter().map(|it| (it.partition, it.offset)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_while_paused_is_exact() {
    let broker = EmbeddedBroker::start(&[("orders", 2)]).unwrap();
    publish(&producer(&broker), "orders", 2, 0..400).await;
    let mut settings = settings(&broker, &["orders"]);
    (settings.batch_records, settings.channel_batches) = (10, 1);
    let (offsets, ledger) = (Offsets::default(), Ledger::default());
    let first = start(&settings, &offsets);
    let first_handle = first.handle.clone();
    eventually("the first pauses", || first_handle.is_paused()).await;

    // the second joins while the first is stuck; the news of it must come through
    let second = start(&settings, &offsets);
    let second_handle = second.handle.clone();
    let tasks = [first, second].map(|bus| ingest(bus, offsets.clone(), ledger.clone(), Duration::ZERO));
    eventually("all is read", || ledger.count() == 400).await;
    eventually("both own a part", || [&first_handle, &second_handle].iter().all(|it| !it.lag().is_empty())).await;
    // what was paused when it went must not come back paused
    assert!(second_handle.stop(LONG).await);
    publish(&producer(&broker), "orders", 2, 400..600).await;
    eventually("all is read by the first", || ledger.count() == 600).await;
    assert!(first_handle.stop(LONG).await);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*ledger.faults.lock().unwrap(), Vec::<String>::new());
}
