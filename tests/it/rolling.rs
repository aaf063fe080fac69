//! Replicas on a real broker and a real database, disturbed again and again under a steady load;
//! then what was published is set against what the providers received.
//!
//! `REASSURE_DISTURBANCES` says how often (a long run goes through all three group protocols),
//! `REASSURE_SEED` repeats what was drawn, `REASSURE_BINARY` names the binary.

mod beginning;
mod database;
mod disturbance;
mod fleet;
pub mod ground;
mod ledger;
mod load;
mod skew;
mod upgrade;
mod zombie;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::service::harness::{World, eventually};
use disturbance::{Disturbance, draw};
use fleet::Fleet;
use ground::{Protocol, Stack};
use ledger::Balance;
use load::Load;

/// Disturbances of the short form: one of each kind, and a few more.
const SHORT: usize = 13;
/// From so many on, a run goes through all the protocols.
const LONG: usize = 60;
const REPLICAS: usize = 3;

fn variable<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// Promises 1, 2, 3, 8, 9, 11 and 13, on what the service runs on.
#[tokio::test(flavor = "multi_thread")]
async fn disturbed_replicas_lose_nothing_and_repeat_nothing_without_a_cause() {
    let Some(stack) = Stack::own() else { return };
    let seed = variable("REASSURE_SEED").unwrap_or_else(rand::random);
    let count = variable("REASSURE_DISTURBANCES").unwrap_or(SHORT);
    eprintln!("REASSURE_SEED={seed} REASSURE_DISTURBANCES={count}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut protocols = Protocol::ALL;
    protocols.shuffle(&mut random);
    let protocols = if count >= LONG { &protocols[..] } else { &protocols[..1] };
    for (nth, protocol) in protocols.iter().enumerate() {
        let share = count / protocols.len() + usize::from(nth < count % protocols.len());
        roll(&stack, *protocol, share, &mut random).await;
    }
}

async fn roll(stack: &Stack, protocol: Protocol, count: usize, random: &mut StdRng) {
    let begun = Instant::now();
    let mut world = stack.world().await;
    protocol.choose(&mut world);
    // it knows no keys: what is unknown waits for a person, who looks whether it has arrived
    world.set("providers.text.on_unknown", "'hold'");
    // a provider may be away for long; that is no reason to give a message up
    world.set("dispatch.retry.max_attempts", "60");
    let mut fleet = Fleet::new(&world);
    let load = Load::new(&world);
    let calm = AtomicBool::new(false);
    let mut told: BTreeMap<Disturbance, usize> = BTreeMap::new();
    let trouble = async {
        // all at once on an empty database
        for _ in 0..REPLICAS {
            fleet.start();
        }
        fleet.ready().await;
        for (nth, disturbance) in draw(count, random).into_iter().enumerate() {
            let what = fleet.disturb(disturbance, stack, random).await;
            *told.entry(disturbance).or_default() += 1;
            let (seconds, received) = (begun.elapsed().as_secs(), world.sandbox.count());
            eprintln!("[{:>3}/{count}] {seconds:>4} s {protocol} {what}; {received} requests received", nth + 1);
            fleet.wake_those_that_are_due();
            tokio::time::sleep(Duration::from_millis(random.random_range(500..3_500))).await;
            fleet.wake_those_that_are_due();
        }
        fleet.calm(&world).await;
        calm.store(true, Ordering::Relaxed);
    };
    tokio::join!(trouble, load.run(&calm));
    let disturbed = begun.elapsed();
    let balance = balanced(&world, fleet, load).await;
    eprintln!("\n{protocol}, {} s, disturbed for {} s", begun.elapsed().as_secs(), disturbed.as_secs());
    eprintln!("{balance}");
    for (disturbance, times) in told {
        eprintln!("  {times:>6} {disturbance}");
    }
}

/// All has come that should have, and nothing else; nothing is left over, and no log tells of a fault.
async fn balanced(world: &World, mut fleet: Fleet<'_>, load: Load<'_>) -> Balance {
    let complete = load.complete().await;
    let balance = complete.and_then(|wanted| load.into_ledger().balance(&wanted, fleet.fates()));
    let balance = balance.unwrap_or_else(|faults| {
        let logs = fleet.keep_logs();
        panic!("the ledger does not balance; the logs are in {}\n{}", logs.display(), faults.join("\n"))
    });
    at_rest(world).await;
    fleet.all_ready().await;
    fleet.stop().await;
    fleet.logs_are_clean();
    balance
}

/// Nothing is left over: every record has been taken in, and everything that was decided has ended,
/// or is held because no answer came although it had arrived.
async fn at_rest(world: &World) {
    eventually("every partition is read to its end", async || ground::unread(world).await.is_empty()).await;
    let books = ground::books(world).await;
    eventually("nothing is pending", async || {
        let now = reassure::clock::Clock::system().now();
        books.backlog(now).await.is_ok_and(|backlog| backlog.pending == 0)
    })
    .await;
    let backlog = books.backlog(reassure::clock::Clock::system().now()).await.unwrap();
    let waits = [backlog.dead_notifications, backlog.dead_records];
    assert_eq!(waits, [0; 2], "given up, unread: {:?}", books.dead_letters(5).await.unwrap());
    // what one replica parks while another writes what it waits for is found by the next round
    eventually("nothing is parked", async || {
        let now = reassure::clock::Clock::system().now();
        books.backlog(now).await.is_ok_and(|backlog| backlog.parked == 0)
    })
    .await;
}
