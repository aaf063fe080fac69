//! The groups of a real coordinator: each kind of handover, static members, slow work.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reassure::bus::BusSettings;
use reassure::ports::Feed;

use super::super::bus::groups::{Ledger, exact_handover, ingest};
use super::super::bus::{LONG, Offsets, complete, eventually, next, number, producer_at, publish, records, start};
use super::super::stack;
use super::{Admin, unique};

async fn handover(brokers: &str, change: impl Fn(&mut BusSettings)) {
    let admin = Admin::new(brokers);
    let topic = unique("handover");
    admin.create(&topic, 4).await;
    let mut settings = admin.settings(&topic);
    change(&mut settings);
    exact_handover(settings).await;
}

fn by_the_broker(settings: &mut BusSettings) {
    settings.properties.insert("group.protocol".to_owned(), "consumer".to_owned());
    settings.properties.remove("heartbeat.interval.ms");
}

/// Promise 11, cooperative.
#[tokio::test(flavor = "multi_thread")]
async fn a_cooperative_handover_is_exact() {
    let Some(brokers) = stack::kafka() else { return };
    handover(&brokers, |_| {}).await;
}

/// Promise 11, eager.
#[tokio::test(flavor = "multi_thread")]
async fn an_eager_handover_is_exact() {
    let Some(brokers) = stack::kafka() else { return };
    handover(&brokers, |settings| {
        settings.properties.insert("partition.assignment.strategy".to_owned(), "range".to_owned());
    })
    .await;
}

/// Promise 11, in the newer protocol, in which the broker assigns (KIP-848).
#[tokio::test(flavor = "multi_thread")]
async fn a_handover_by_the_broker_is_exact() {
    let Some(brokers) = stack::kafka() else { return };
    handover(&brokers, by_the_broker).await;
}

/// A static member that is back within its session finds what it had, and nobody else is troubled.
#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_comes_back_without_a_rebalance() {
    let Some(brokers) = stack::kafka() else { return };
    let admin = Admin::new(&brokers);
    let topic = unique("static");
    admin.create(&topic, 4).await;
    let (offsets, ledger) = (Offsets::default(), Ledger::default());
    let member = |name: &str| {
        let mut settings = admin.settings(&topic);
        settings.instance = name.to_owned();
        settings.session_seconds = 60;
        let bus = start(&settings, &offsets);
        let handle = bus.handle.clone();
        (handle, ingest(bus, offsets.clone(), ledger.clone(), Duration::ZERO))
    };
    let ((stays, staying), (goes, going)) = (member("one"), member("two"));
    eventually("both have their part", || stays.lag().len() == 2 && goes.lag().len() == 2).await;
    let had: Vec<_> = goes.lag().into_iter().map(|lag| lag.partition).collect();
    let rebalances = || {
        let counters = stays.counters();
        counters.assigned.load(Ordering::Relaxed) + counters.revoked.load(Ordering::Relaxed)
    };
    let before = rebalances();

    assert!(goes.stop(LONG).await);
    going.await.unwrap();
    publish(&producer_at(&brokers), &topic, 4, 0..400).await;
    let (back, returned) = member("two");
    eventually("all is read", || ledger.count() == 400).await;
    assert_eq!(back.lag().into_iter().map(|lag| lag.partition).collect::<Vec<_>>(), had);
    assert_eq!(rebalances(), before, "the other member was troubled");
    for (handle, task) in [(stays, staying), (back, returned)] {
        assert!(handle.stop(LONG).await);
        task.await.unwrap();
    }
}

/// Promise 12: however slow the rest is, polling goes on and nobody is put out of the group.
#[tokio::test(flavor = "multi_thread")]
async fn slow_work_never_costs_the_membership() {
    let Some(brokers) = stack::kafka() else { return };
    let admin = Admin::new(&brokers);
    for newer in [false, true] {
        let topic = unique("slow");
        admin.create(&topic, 1).await;
        publish(&producer_at(&brokers), &topic, 1, 0..200).await;
        let mut settings = admin.settings(&topic);
        (settings.batch_records, settings.channel_batches) = (10, 1);
        if newer {
            by_the_broker(&mut settings);
        }
        // the interval that must not be exceeded may not be shorter than the session
        settings.properties.insert("session.timeout.ms".to_owned(), "3000".to_owned());
        settings.properties.insert("max.poll.interval.ms".to_owned(), "3000".to_owned());
        if newer {
            settings.properties.remove("session.timeout.ms");
        }
        let mut bus = start(&settings, &Offsets::default());
        let mut seen = records(&mut bus, 10).await;
        // thrice the interval, with the channel full
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(bus.handle.is_paused());
        while seen.len() < 200 {
            match next(&mut bus).await {
                Feed::Records(records) => seen.extend(records),
                other => panic!("the membership changed: {other:?}"),
            }
        }
        complete(&seen, 1, 0..200);
        assert_eq!(number(&seen[199]), 199);
        assert_eq!(bus.handle.counters().lost.load(Ordering::Relaxed), 0);
        bus.handle.stop(Duration::from_secs(5)).await;
    }
}
