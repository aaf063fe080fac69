//! Messages of one journey on one channel leave in the order they were decided (I7), each once
//! (I2).

use reassure::domain::decision::Reason;
use reassure::ports::{Batch, JourneyWrite, Next, State, Store};

use crate::store::fixture::*;

/// Claims all that is due of `brevo`.
async fn claimed(store: &dyn Store, owner: &str, second: i64) -> Vec<String> {
    let claimed = store.claim("brevo", at(second), &lease(owner, second + 60), 100).await.unwrap();
    names(&claimed).into_iter().map(str::to_owned).collect()
}

async fn recorded(store: &dyn Store, owner: &str, name: &str, second: i64, next: Next) -> Vec<String> {
    let attempts = vec![attempt(name, second, next)];
    let next = store.record(attempts, at(second), &lease(owner, second + 60)).await.unwrap();
    names(&next).into_iter().map(str::to_owned).collect()
}

pub async fn the_first_of_each_lane_is_leased_at_once(store: &dyn Store) {
    let a = JourneyWrite { notifications: vec![email("a1"), email("a2"), sms("a3")], ..write("A", None) };
    let b = JourneyWrite { notifications: vec![email("b1")], ..write("B", None) };
    let leased = store.commit(batch([a, b]), &lease("me", 60), &plenty()).await.unwrap();
    assert_eq!(names(&leased), ["a1", "a3", "b1"]);
    assert_eq!((&leased[0].notification, &leased[0].content), (&email("a1").0, &email("a1").1));
    assert_eq!((leased[1].key.clone(), leased[1].attempts), (key("A"), 0));
    assert!(claimed(store, "other", 1).await.is_empty(), "they are leased");
    // while the first of the lane is unfinished, another one waits behind it
    let more = JourneyWrite { notifications: vec![email("a4"), sms("a5")], ..write("A", Some(1)) };
    assert!(store.commit(batch([more]), &lease("me", 60), &plenty()).await.unwrap().is_empty());
}

pub async fn capacity_bounds_what_a_commit_leases(store: &dyn Store) {
    let writes = ["A", "B", "C"].map(|order| JourneyWrite {
        notifications: vec![email(&format!("{order}1")), sms(&format!("{order}2"))],
        ..write(order, None)
    });
    let capacity = capacity(&[("brevo", 2), ("twilio", 0)]);
    let leased = store.commit(batch(writes), &lease("me", 60), &capacity).await.unwrap();
    assert_eq!(names(&leased), ["A1", "B1"]);
    assert_eq!(claimed(store, "other", 0).await, ["C1"], "the rest waits for a claim");
}

pub async fn a_notification_is_there_once(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    assert_eq!(claimed(store, "me", 0).await, ["n1"]);
    let mut other = email("n1");
    other.0.message = "usage".to_owned();
    let again = JourneyWrite { notifications: vec![other, email("n2"), email("n2")], ..write("A", Some(1)) };
    assert!(store.commit(batch([again]), &lease("you", 60), &plenty()).await.unwrap().is_empty());
    recorded(store, "me", "n1", 1, Next::Accepted).await;
    let again = JourneyWrite { notifications: vec![email("n1")], ..write("A", Some(2)) };
    assert!(store.commit(batch([again]), &lease("you", 60), &plenty()).await.unwrap().is_empty());
    let timeline = store.timeline(&key("A")).await.unwrap().unwrap();
    let stories: Vec<_> =
        timeline.notifications.iter().map(|story| (story.id.0.as_str(), story.message.as_str(), story.state)).collect();
    assert_eq!(stories, [("n1", "delay", State::Accepted), ("n2", "delay", State::Pending)]);
}

pub async fn a_lane_goes_on_when_its_first_is_finished(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2"), email("n3"), email("n4")]).await;
    assert_eq!(claimed(store, "me", 0).await, ["n1"], "only the oldest");
    assert_eq!(recorded(store, "me", "n1", 1, Next::Accepted).await, ["n2"]);
    assert_eq!(recorded(store, "me", "n2", 2, Next::Dead).await, ["n3"]);
    assert_eq!(recorded(store, "me", "n3", 3, Next::Held).await, ["n4"]);
    assert!(claimed(store, "other", 4).await.is_empty(), "what comes next is leased");
    assert!(recorded(store, "me", "n4", 4, Next::Accepted).await.is_empty());
    assert!(claimed(store, "other", 999).await.is_empty());
}

pub async fn a_retry_holds_its_lane_until_it_is_due(store: &dyn Store) {
    place(store, "A", vec![email("a1"), email("a2")]).await;
    place(store, "B", vec![email("b1")]).await;
    assert_eq!(claimed(store, "me", 0).await, ["a1", "b1"]);
    assert!(recorded(store, "me", "a1", 1, Next::Retry(at(50))).await.is_empty());
    assert!(recorded(store, "me", "b1", 1, Next::Accepted).await.is_empty());
    assert!(claimed(store, "me", 49).await.is_empty(), "neither early, nor out of order");
    assert_eq!(claimed(store, "other", 50).await, ["a1"]);
}

pub async fn what_comes_next_is_leased_only_when_due(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2"), email("n3")]).await;
    assert_eq!(claimed(store, "me", 0).await, ["n1"]);
    assert_eq!(recorded(store, "me", "n1", 0, Next::Dead).await, ["n2"]);
    recorded(store, "me", "n2", 1, Next::Retry(at(500))).await;
    // the older one comes back and passes first; the younger is not due yet
    assert!(store.redrive_notification(&id("n1"), at(2)).await.unwrap());
    assert_eq!(claimed(store, "me", 2).await, ["n1"]);
    assert!(recorded(store, "me", "n1", 3, Next::Accepted).await.is_empty());
    assert!(claimed(store, "me", 499).await.is_empty());
    assert_eq!(claimed(store, "me", 500).await, ["n2"]);
}

pub async fn a_withdrawn_one_frees_its_lane(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2"), email("n3"), email("n4")]).await;
    assert_eq!(claimed(store, "me", 0).await, ["n1"]);
    let withdrawn = vec![(id("n1"), Reason::NoLongerTrue), (id("n2"), Reason::Expired)];
    let batch = Batch { withdrawn, ..Batch::default() };
    let leased = store.commit(batch, &lease("me", 60), &plenty()).await.unwrap();
    assert_eq!(names(&leased), ["n3"]);
    assert_eq!(leased[0].content, email("n3").1);
    // one behind the first leaves without a trace on the order
    let batch = Batch { withdrawn: vec![(id("n4"), Reason::Expired)], ..Batch::default() };
    assert!(store.commit(batch, &lease("me", 60), &plenty()).await.unwrap().is_empty());
    assert!(recorded(store, "me", "n3", 1, Next::Accepted).await.is_empty());
    let timeline = store.timeline(&key("A")).await.unwrap().unwrap();
    let stories: Vec<_> = timeline.notifications.iter().map(|story| (story.state, story.reason)).collect();
    assert_eq!(
        stories,
        [
            (State::Suppressed, Some(Reason::NoLongerTrue)),
            (State::Suppressed, Some(Reason::Expired)),
            (State::Accepted, None),
            (State::Suppressed, Some(Reason::Expired)),
        ]
    );
}

pub async fn withdrawing_respects_capacity_and_what_is_finished(store: &dyn Store) {
    place(store, "A", vec![email("a1"), email("a2")]).await;
    place(store, "B", vec![email("b1"), email("b2")]).await;
    place(store, "C", vec![email("c1")]).await;
    assert_eq!(claimed(store, "me", 0).await, ["a1", "b1", "c1"]);
    recorded(store, "me", "c1", 1, Next::Accepted).await;
    let withdrawn = ["a1", "b1", "c1", "unknown"].map(|name| (id(name), Reason::NoLongerTrue)).to_vec();
    let new = JourneyWrite { notifications: vec![email("d1")], ..write("D", None) };
    let batch = Batch { withdrawn, ..batch([new]) };
    let leased = store.commit(batch, &lease("me", 60), &capacity(&[("brevo", 1)])).await.unwrap();
    assert_eq!(leased.len(), 1);
    let mut rest = claimed(store, "me", 2).await;
    rest.extend(names(&leased).into_iter().map(str::to_owned));
    rest.sort();
    assert_eq!(rest, ["a2", "b2", "d1"]);
    let accepted = store.timeline(&key("C")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((accepted.state, accepted.reason), (State::Accepted, None));
}

pub async fn one_decided_and_withdrawn_in_the_same_batch_never_leaves(store: &dyn Store) {
    let new = JourneyWrite { notifications: vec![email("n1"), email("n2")], ..write("A", None) };
    let batch = Batch { withdrawn: vec![(id("n1"), Reason::NoLongerTrue)], ..batch([new]) };
    let leased = store.commit(batch, &lease("me", 60), &plenty()).await.unwrap();
    assert_eq!(names(&leased), ["n2"]);
    let first = store.timeline(&key("A")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((first.state, first.reason), (State::Suppressed, Some(Reason::NoLongerTrue)));
}

pub async fn a_redriven_one_takes_its_old_place(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2"), email("n3")]).await;
    claimed(store, "me", 0).await;
    assert_eq!(recorded(store, "me", "n1", 1, Next::Dead).await, ["n2"]);
    store.release(&[id("n2")], None, "me").await.unwrap();
    assert!(store.redrive_notification(&id("n1"), at(2)).await.unwrap());
    assert_eq!(claimed(store, "me", 2).await, ["n1"], "before the younger ones");
    assert_eq!(recorded(store, "me", "n1", 3, Next::Accepted).await, ["n2"]);
    // and one that others passed long ago waits for the older
    assert_eq!(recorded(store, "me", "n2", 4, Next::Dead).await, ["n3"]);
    recorded(store, "me", "n3", 5, Next::Held).await;
    for name in ["n3", "n2"] {
        assert!(store.redrive_notification(&id(name), at(6)).await.unwrap());
    }
    assert_eq!(claimed(store, "me", 6).await, ["n2"]);
    assert_eq!(recorded(store, "me", "n2", 7, Next::Accepted).await, ["n3"]);
}

pub async fn a_redriven_one_waits_for_the_one_that_is_being_sent(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    claimed(store, "me", 0).await;
    assert_eq!(recorded(store, "me", "n1", 1, Next::Dead).await, ["n2"]);
    assert!(store.redrive_notification(&id("n1"), at(2)).await.unwrap());
    assert!(claimed(store, "other", 2).await.is_empty(), "never two of a lane at once");
    // it fails for now: the older one has its turn
    assert!(recorded(store, "me", "n2", 3, Next::Retry(at(4))).await.is_empty());
    assert_eq!(claimed(store, "other", 4).await, ["n1"]);
    assert_eq!(recorded(store, "other", "n1", 5, Next::Dead).await, ["n2"]);
    // its sender dies: the older one has its turn again
    assert!(store.redrive_notification(&id("n1"), at(6)).await.unwrap());
    let mut claims = claimed(store, "third", 500).await;
    claims.extend(claimed(store, "third", 500).await);
    assert_eq!(claims, ["n1"]);
}

pub async fn one_that_waits_for_its_retry_is_not_leased_when_another_is_withdrawn(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    claimed(store, "me", 0).await;
    assert_eq!(recorded(store, "me", "n1", 1, Next::Dead).await, ["n2"]);
    recorded(store, "me", "n2", 2, Next::Retry(at(500))).await;
    assert!(store.redrive_notification(&id("n1"), at(3)).await.unwrap());
    assert_eq!(claimed(store, "me", 3).await, ["n1"]);
    let batch = Batch { withdrawn: vec![(id("n1"), Reason::Expired)], ..Batch::default() };
    assert!(store.commit(batch, &lease("me", 60), &plenty()).await.unwrap().is_empty());
    assert!(claimed(store, "me", 499).await.is_empty());
    assert_eq!(claimed(store, "me", 500).await, ["n2"]);
}

pub async fn an_attempt_of_one_that_lost_its_turn_leaves_the_turn_alone(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    claimed(store, "slow", 0).await;
    assert_eq!(recorded(store, "slow", "n1", 1, Next::Dead).await, ["n2"]);
    // its lease runs out, and an older one comes back and is being sent by another
    assert!(store.redrive_notification(&id("n1"), at(100)).await.unwrap());
    assert_eq!(claimed(store, "me", 100).await, ["n1"]);
    assert!(recorded(store, "slow", "n2", 101, Next::Retry(at(102))).await.is_empty());
    assert!(claimed(store, "other", 102).await.is_empty(), "never two of a lane at once");
    // nobody took the younger one over, so its attempt counts
    let next = store.record(vec![attempt("n1", 103, Next::Accepted)], at(103), &lease("me", 163)).await.unwrap();
    assert_eq!((names(&next), next[0].attempts), (vec!["n2"], 1));
}
