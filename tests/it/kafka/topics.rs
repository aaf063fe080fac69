//! Topics that are not there yet, that grow, that are made anew, that have forgotten.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reassure::ports::Partition;

use super::super::bus::{Offsets, complete, eventually, producer_at, publish, records, start};
use super::super::service::events::{ORDERS, placed};
use super::super::service::harness::{Ground, World, eventually as holds};
use super::super::stack;
use super::{Admin, resets, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_does_not_exist_yet_is_read_once_it_does() {
    let Some(brokers) = stack::kafka() else { return };
    let admin = Admin::new(&brokers);
    let topic = unique("later");
    let mut bus = start(&admin.settings(&topic), &Offsets::default());
    let errors = || bus.handle.counters().errors.load(Ordering::Relaxed);
    eventually("its absence is told", || errors() > 0).await;
    admin.create(&topic, 2).await;
    publish(&producer_at(&brokers), &topic, 2, 0..100).await;
    complete(&records(&mut bus, 100).await, 2, 0..100);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read_from_their_beginning() {
    let Some(brokers) = stack::kafka() else { return };
    let admin = Admin::new(&brokers);
    let topic = unique("grows");
    admin.create(&topic, 1).await;
    let source = producer_at(&brokers);
    publish(&source, &topic, 1, 0..50).await;
    let mut bus = start(&admin.settings(&topic), &Offsets::default());
    complete(&records(&mut bus, 50).await, 1, 0..50);
    admin.grow(&topic, 3).await;
    // a client of its own, which learns of the partitions by itself
    publish(&producer_at(&brokers), &topic, 3, 0..90).await;
    let read = records(&mut bus, 90).await;
    let added: Vec<_> = read.into_iter().filter(|record| record.partition.number > 0).collect();
    assert_eq!(added.len(), 60);
    eventually("all three are ours", || bus.handle.lag().len() == 3).await;
}

/// Retention was quicker than we: what is left is read, and the gap is counted.
#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_retention_took_leads_to_the_oldest_record_and_is_counted() {
    let Some(brokers) = stack::kafka() else { return };
    let admin = Admin::new(&brokers);
    let topic = unique("retention");
    admin.create(&topic, 1).await;
    publish(&producer_at(&brokers), &topic, 1, 0..100).await;
    admin.forget_before(&topic, 0, 60).await;
    let offsets = Offsets::default();
    offsets.set(&Partition { topic: Arc::from(topic.as_str()), number: 0 }, 20);
    let mut bus = start(&admin.settings(&topic), &offsets);
    let read = records(&mut bus, 40).await;
    assert_eq!(read.first().map(|record| record.offset), Some(60));
    assert_eq!(resets(&bus), 1);
}

/// A service of its own, on topics that only it reads.
async fn world(admin: &Admin) -> World {
    let prefix = format!("{}.", unique("anew"));
    admin.create(&format!("{prefix}{ORDERS}"), 1).await;
    admin.create(&format!("{prefix}reassure.carriers"), 1).await;
    let ground = Ground { brokers: admin.brokers.clone(), prefix };
    let mut world = World::on(ground).await;
    world.set("bus.properties.'topic.metadata.refresh.interval.ms'", "'500'");
    world
}

async fn place(world: &World, orders: std::ops::Range<u32>) {
    let events: Vec<_> = orders.map(|order| placed(&format!("Z{order}"))).collect();
    world.publish(&events).await;
}

async fn taken_in(world: &World, count: i64) {
    let sql = "SELECT count(*) FROM journeys";
    holds("all orders are taken in", async || world.store().exists() && world.count(sql) == count).await;
}

/// The new log is shorter than the old: the place to read on from is beyond its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_shorter_is_read_from_its_beginning() {
    let Some(brokers) = stack::kafka() else { return };
    made_anew(&brokers, 3, true).await;
}

/// The new log is longer than the old: the place to read on from is there, and holds something
/// else. Only the identity of the topic tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_and_longer_is_read_from_its_beginning() {
    let Some(brokers) = stack::kafka() else { return };
    made_anew(&brokers, 30, true).await;
}

/// The same while the service runs and has not looked between the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_under_a_running_service_is_read_from_its_beginning() {
    let Some(brokers) = stack::kafka() else { return };
    made_anew(&brokers, 30, false).await;
}

async fn made_anew(brokers: &str, orders: u32, stopped: bool) {
    let admin = Admin::new(brokers);
    let mut world = world(&admin).await;
    if !stopped {
        // it must not notice that the topic was gone
        world.set("bus.properties.'topic.metadata.refresh.interval.ms'", "'300000'");
    }
    let mut service = world.run().await;
    place(&world, 100..110).await;
    taken_in(&world, 10).await;
    if stopped {
        service.kill();
    }
    let topic = format!("{}{ORDERS}", world.ground.prefix);
    admin.make_anew(&topic, 1).await;
    place(&world, 200..200 + orders).await;
    assert_eq!(admin.end(&topic), i64::from(orders));
    if stopped {
        service = world.run().await;
    }
    taken_in(&world, 10 + i64::from(orders)).await;
    assert!(service.log().contains("made anew"), "it is not told:\n{}", service.log());
    assert_eq!(service.metric("reassure_bus_incidents_total{what=\"topic_made_anew\"}").await, 1.0);
}
