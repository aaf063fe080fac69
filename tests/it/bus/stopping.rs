//! A stop is bounded, whatever the others do.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reassure::bus::embedded::EmbeddedBroker;
use reassure::ports::Feed;

use super::{LONG, Offsets, next, partition, producer, publish, records, settings, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_hands_over_and_ends_the_feed() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    publish(&producer(&broker), "orders", 1, 0..10).await;
    records(&mut bus, 10).await;
    let handle = bus.handle.clone();
    let stop = tokio::spawn(async move { handle.stop(LONG).await });
    let Feed::Revoked(partitions, answer) = next(&mut bus).await else { panic!("no handover") };
    assert_eq!(partitions, [partition("orders", 0)]);
    assert!(!stop.is_finished(), "the answer is waited for");
    answer.send(()).unwrap();
    assert!(stop.await.unwrap());
    assert!(bus.feed.recv().await.is_none());
    assert_eq!(bus.handle.counters().drains_cut.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_those_who_never_answer() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let mut settings = settings(&broker, &["orders"]);
    settings.drain_seconds = 600;
    let mut bus = start(&settings, &Offsets::default());
    publish(&producer(&broker), "orders", 1, 0..10).await;
    records(&mut bus, 10).await;
    let began = Instant::now();
    let handle = bus.handle.clone();
    let stop = tokio::spawn(async move { handle.stop(Duration::from_secs(2)).await });
    let Feed::Revoked(_, answer) = next(&mut bus).await else { panic!("no handover") };
    assert!(stop.await.unwrap(), "a quarter of the deadline is left for leaving");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(bus.handle.counters().drains_cut.load(Ordering::Relaxed), 1);
    drop(answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_with_a_full_channel_is_bounded() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    publish(&producer(&broker), "orders", 1, 0..1_000).await;
    let mut settings = settings(&broker, &["orders"]);
    (settings.batch_records, settings.channel_batches) = (10, 1);
    let bus = start(&settings, &Offsets::default());
    super::eventually("the bus pauses", || bus.handle.is_paused()).await;
    let began = Instant::now();
    assert!(bus.handle.stop(Duration::from_secs(2)).await);
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_without_a_broker_is_bounded() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let mut bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    publish(&producer(&broker), "orders", 1, 0..10).await;
    records(&mut bus, 10).await;
    bus.hints.put(&partition("orders", 0), 10);
    drop(broker);
    let began = Instant::now();
    let handle = bus.handle.clone();
    let stop = tokio::spawn(async move { handle.stop(Duration::from_secs(3)).await });
    if let Some(Feed::Revoked(_, answer)) = bus.feed.recv().await {
        let _ = answer.send(());
    }
    stop.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_ends_when_nobody_listens() {
    let broker = EmbeddedBroker::start(&[("orders", 1)]).unwrap();
    let bus = start(&settings(&broker, &["orders"]), &Offsets::default());
    drop(bus.feed);
    tokio::time::timeout(LONG, bus.handle.ended()).await.unwrap();
}
