//! Several replicas on one schema at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::seq::SliceRandom;
use reassure::domain::decision::Reason;
use reassure::ports::{Batch, JourneyWrite, Next, Ruling, Store, StoreError, Stream, Wake};
use tokio::task::JoinSet;

use crate::store::contract::storms::{speak, the_storm};
use crate::store::fixture::*;
use crate::store::place::{Place, Schema};

async fn replicas(place: &Place, count: usize) -> Vec<Arc<dyn Store>> {
    let mut replicas = Vec::new();
    for _ in 0..count {
        replicas.push(place.open().await);
    }
    replicas
}

/// Changes the journeys of these orders, each with one notification more, from whatever they are.
/// Returns how often it had to decide anew.
async fn change(store: &dyn Store, owner: &str, orders: &[String], round: usize) -> usize {
    let keys: Vec<_> = orders.iter().map(|order| key(order)).collect();
    let mut conflicts = 0;
    loop {
        let known = store.load(&keys).await.unwrap();
        let writes = orders.iter().zip(known).map(|(order, known)| JourneyWrite {
            notifications: vec![email(&format!("{order}-{owner}-{round}"))],
            wake: Wake::At(at(i64::try_from(round).unwrap())),
            entries: vec![entry(1, owner)],
            ..write(order, known.map(|known| known.version))
        });
        match store.commit(batch(writes), &lease(owner, 60), &plenty()).await {
            Ok(_) => return conflicts,
            Err(StoreError::Conflict) => conflicts += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends whatever is there, now and then fails, and withdraws.
async fn dispatch(store: &dyn Store, owner: &str, rounds: usize) {
    for round in 0..rounds {
        let now = i64::try_from(round).unwrap() * 100;
        let claimed = store.claim("brevo", at(now), &lease(owner, now + 60), 20).await.unwrap();
        let mut attempts = Vec::new();
        let mut withdrawn = Vec::new();
        for (number, leased) in claimed.iter().enumerate() {
            let name = &leased.notification.id.0;
            match number % 4 {
                0 => attempts.push(attempt(name, now, Next::Retry(at(now + 1)))),
                1 => withdrawn.push((id(name), Reason::NoLongerTrue)),
                _ => attempts.push(attempt(name, now, Next::Accepted)),
            }
        }
        store.record(attempts, at(now), &lease(owner, now + 60)).await.unwrap();
        let batch = Batch { withdrawn, ..Batch::default() };
        store.commit(batch, &lease(owner, now + 60), &plenty()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_batches_overlap_never_wait_in_a_circle() {
    const REPLICAS: usize = 4;
    const ROUNDS: usize = 15;
    let Some(Place::Schema(schema)) = Place::schema() else { return };
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let before: i64 = schema.stranger().await.query_one(deadlocks, &[]).await.unwrap().get(0);
    let place = Place::Schema(schema);
    let orders: Vec<String> = (0..12).map(|number| format!("order {number}")).collect();
    let mut tasks = JoinSet::new();
    for (number, store) in replicas(&place, REPLICAS).await.into_iter().enumerate() {
        let (store, orders, owner) = (Arc::clone(&store), orders.clone(), format!("replica {number}"));
        let sender = (Arc::clone(&store), owner.clone());
        tasks.spawn(async move {
            let mut conflicts = 0;
            for round in 0..ROUNDS {
                let mut mine = orders.clone();
                mine.shuffle(&mut rand::rng());
                conflicts += change(&*store, &owner, &mine[..8], round).await;
            }
            conflicts
        });
        tasks.spawn(async move {
            dispatch(&*sender.0, &sender.1, ROUNDS).await;
            0
        });
    }
    let conflicts: usize = tasks.join_all().await.into_iter().sum();
    assert!(conflicts > 0, "they did not meet");
    let store = place.open().await;
    let keys: Vec<_> = orders.iter().map(|order| key(order)).collect();
    let journeys = store.load(&keys).await.unwrap();
    let versions: u64 = journeys.iter().flatten().map(|journey| journey.version).sum();
    assert_eq!(versions, (REPLICAS * ROUNDS * 8) as u64, "each change is there once");
    drop(store);
    // a session tells its numbers when it ends
    let Place::Schema(schema) = &place else { unreachable!() };
    let stranger = schema.stranger().await;
    let after: i64 = stranger.query_one(deadlocks, &[]).await.unwrap().get(0);
    assert_eq!(after, before, "deadlocks");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_count_together_what_a_rule_says_and_hold_it_together() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 3).await;
    for (number, order) in ["A", "B", "C", "D"].into_iter().enumerate() {
        assert_eq!(names(&speak(&*stores[number % 3], order, 1, 0).await), [order]);
    }
    assert!(speak(&*stores[1], "E", 1, 1).await.is_empty(), "the fifth, of whom ever");
    let storm = the_storm(&*stores[0], 2).await;
    assert_eq!((storm.busiest, storm.held), (5, 1));
    // all at once: none waits for another, and none lets anything through
    let mut tasks = JoinSet::new();
    for (number, store) in stores.iter().cloned().enumerate() {
        tasks.spawn(async move {
            for round in 0..10 {
                assert!(speak(&*store, &format!("{number}-{round}"), 1, 2).await.is_empty());
            }
        });
    }
    tasks.join_all().await;
    assert!(speak(&*stores[0], "F", 1, 2).await.is_empty());
    let storm = the_storm(&*stores[2], 2).await;
    assert_eq!((storm.busiest, storm.held), (36, 32));
    // carried out by all of them at once, each message once
    stores[0].rule_on("atelier", "delay", Ruling::Drop, at(3)).await.unwrap();
    let mut tasks = JoinSet::new();
    for (number, store) in stores.iter().cloned().enumerate() {
        let lease = lease(&format!("replica {number}"), 60);
        tasks.spawn(async move { store.carry_out(at(4), &lease, 7).await.unwrap().dropped });
    }
    let dropped: Vec<_> = tasks.join_all().await.into_iter().flatten().map(|(_, id)| id).collect();
    assert_eq!(dropped.len(), dropped.iter().collect::<BTreeSet<_>>().len(), "{dropped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_of_a_partition_one_is_fenced() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 2).await;
    for round in 0..20_i64 {
        let expected = (round > 0).then_some(round);
        let mut tasks = JoinSet::new();
        for (number, store) in stores.iter().cloned().enumerate() {
            tasks.spawn(async move {
                let order = format!("{round}-{number}");
                let batch = Batch { advances: vec![advance(0, expected, round + 1)], ..batch([write(&order, None)]) };
                (order, store.commit(batch, &lease("me", 60), &none()).await)
            });
        }
        let mut written = 0;
        for (order, done) in tasks.join_all().await {
            let there = stores[0].load(&[key(&order)]).await.unwrap()[0].is_some();
            match &done {
                Ok(_) => written += 1,
                Err(StoreError::Fenced(fenced)) => assert_eq!(*fenced, partition(0)),
                Err(error) => panic!("{error}"),
            }
            assert_eq!(there, done.is_ok(), "a fenced owner writes nothing (I6)");
        }
        assert_eq!(written, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_see_the_end_of_an_outage_at_once_bring_each_retry_forward_once() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 4).await;
    let names: Vec<String> = (0..100).map(|number| format!("n{number}")).collect();
    let writes = names.iter().map(|name| JourneyWrite { notifications: vec![email(name)], ..write(name, None) });
    stores[0].commit(batch(writes), &lease("me", 60), &plenty()).await.unwrap();
    let failed = names.iter().map(|name| attempt(name, 1, Next::Retry(at(3600)))).collect();
    stores[0].record(failed, at(1), &lease("me", 60)).await.unwrap();
    let mut tasks = JoinSet::new();
    for (number, store) in stores.iter().cloned().enumerate() {
        tasks.spawn(async move {
            let (mut hastened, mut claimed) = (0, 0);
            // what another has locked is passed over, and found the next time
            while store.backlog(at(9)).await.unwrap().next_retry.is_some() {
                hastened += store.hasten("brevo", at(2), at(9), 7).await.unwrap();
                let lease = lease(&format!("replica {number}"), 60);
                claimed += store.claim("brevo", at(9), &lease, 7).await.unwrap().len();
            }
            (hastened, claimed)
        });
    }
    let (hastened, claimed): (Vec<usize>, Vec<usize>) = tasks.join_all().await.into_iter().unzip();
    let left = stores[0].claim("brevo", at(9), &lease("me", 60), 1000).await.unwrap().len();
    assert_eq!((hastened.iter().sum::<usize>(), claimed.iter().sum::<usize>() + left), (100, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_at_once_never_lease_one_twice() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 4).await;
    let names: BTreeSet<String> = (0..120).map(|number| format!("n{number}")).collect();
    let writes = names.iter().map(|name| JourneyWrite { notifications: vec![email(name)], ..write(name, None) });
    stores[0].commit(batch(writes), &lease("placing", 60), &none()).await.unwrap();
    let mut tasks = JoinSet::new();
    for (number, store) in stores.into_iter().enumerate() {
        tasks.spawn(async move {
            let mut mine = Vec::new();
            let mut idle = 0;
            // what another has locked at the moment is found the next time
            while idle < 5 {
                let lease = lease(&format!("replica {number}"), 60);
                let claimed = store.claim("brevo", at(0), &lease, 7).await.unwrap();
                idle = if claimed.is_empty() { idle + 1 } else { 0 };
                mine.extend(claimed.into_iter().map(|leased| leased.notification.id.0));
            }
            mine
        });
    }
    let all: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), names.len());
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), names);
}

#[tokio::test]
async fn journeys_to_be_woken_are_spread_over_the_replicas_and_come_back_from_one_that_dies() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 2).await;
    let writes = ["A", "B", "C"].map(|order| waking(order, None, 1));
    stores[0].commit(batch(writes), &lease("me", 60), &none()).await.unwrap();
    let orders = async |store: &Arc<dyn Store>, limit| -> Vec<String> {
        store.due(at(2), limit).await.unwrap().into_iter().map(|key| key.order_id).collect()
    };
    assert_eq!(orders(&stores[0], 2).await, ["A", "B"]);
    assert_eq!(orders(&stores[1], 9).await, ["C"], "the others are being worked off");
    assert_eq!(orders(&stores[0], 9).await, ["A", "B"], "they stay its own until it is done");
    let Place::Schema(schema) = &place else { unreachable!() };
    schema.shift_clock("11 seconds").await;
    assert_eq!(orders(&stores[1], 9).await, ["A", "B", "C"]);
}

#[tokio::test]
async fn a_dead_record_that_was_put_back_is_read_by_one_replica() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 2).await;
    let dead = Batch { dead: vec![crate::store::contract::people::dead_record(1, 1)], ..Batch::default() };
    stores[0].commit(dead, &lease("me", 60), &none()).await.unwrap();
    let reassure::ports::DeadLetter::Record { id, .. } = stores[0].dead_letters(1).await.unwrap().remove(0) else {
        panic!("a record")
    };
    assert!(stores[0].redrive_record(id).await.unwrap());
    assert_eq!(stores[1].redriven(10).await.unwrap().len(), 1);
    assert!(stores[0].redriven(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn clocks_may_differ_by_what_a_lease_outlasts_the_longest_attempt() {
    const LEASE: i64 = 60;
    const LONGEST_ATTEMPT: i64 = 55;
    let Some(schema) = Place::schema() else { return };
    let stores = replicas(&schema, 2).await;
    place(&*stores[0], "n1", vec![email("n1")]).await;
    let mine = stores[0].claim("brevo", at(0), &lease("me", LEASE), 1).await.unwrap();
    assert_eq!(names(&mine), ["n1"]);
    // the other's clock is ahead by a little less than five seconds: it waits for the end
    let ended = LONGEST_ATTEMPT + 4;
    assert!(stores[1].claim("brevo", at(ended), &lease("ahead", 200), 1).await.unwrap().is_empty());
    // ahead by more, it takes over while the attempt is under way; what that came to is kept and
    // changes nothing
    let ended = LONGEST_ATTEMPT + 5;
    let taken = stores[1].claim("brevo", at(ended), &lease("ahead", 200), 1).await.unwrap();
    assert_eq!(names(&taken), ["n1"]);
    stores[0].record(vec![attempt("n1", 55, Next::Accepted)], at(55), &lease("me", 115)).await.unwrap();
    let story = stores[0].timeline(&key("n1")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((story.state, story.attempts.len()), (reassure::ports::State::Pending, 1));
}

#[tokio::test]
async fn one_replica_publishes_at_a_time() {
    let Some(place) = Place::schema() else { return };
    let stores = replicas(&place, 2).await;
    let take = async |number: usize, owner: &str, now| {
        let taken = stores[number].publications(Stream::Outcomes, at(now), &lease(owner, now + 10), 10).await.unwrap();
        taken.is_some()
    };
    assert!(take(0, "one", 0).await);
    assert!(!take(1, "other", 9).await);
    assert!(take(0, "one", 9).await, "renewed");
    assert!(take(1, "other", 19).await, "it ran out");
    stores[1].stop_publishing(Stream::Outcomes, "other").await.unwrap();
    assert!(take(0, "one", 20).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_find_one_schema() {
    let Some(schema) = Schema::new() else { return };
    let schema = Arc::new(schema);
    let mut tasks = JoinSet::new();
    for _ in 0..5 {
        let schema = Arc::clone(&schema);
        tasks.spawn(async move { schema.open().await.ping().await });
    }
    for done in tasks.join_all().await {
        done.unwrap();
    }
}
