//! Retries that are brought forward after an outage.

use reassure::ports::{AttemptRecord, Next, Store};

use crate::store::fixture::*;

/// Each an order with one message that failed at that second, and is tried again at the other.
async fn failed(store: &dyn Store, of: &[(&str, i64, i64)]) {
    for (name, failed, due) in of {
        place(store, name, vec![email(name)]).await;
        claimed(store, 0).await;
        let retry = attempt(name, *failed, Next::Retry(at(*due)));
        store.record(vec![retry], at(*failed), &lease("me", 60)).await.unwrap();
    }
}

async fn claimed(store: &dyn Store, second: i64) -> Vec<String> {
    let leased = store.claim("brevo", at(second), &lease("me", second + 60), 10).await.unwrap();
    names(&leased).into_iter().map(str::to_owned).collect()
}

pub async fn retries_are_brought_forward_the_soonest_first_and_no_more_than_asked(store: &dyn Store) {
    assert_eq!(store.hasten("brevo", at(100), at(100), 10).await.unwrap(), 0);
    failed(store, &[("A", 1, 3000), ("B", 2, 1000), ("C", 3, 2000), ("D", 4, 90)]).await;
    assert_eq!(store.hasten("brevo", at(100), at(100), 2).await.unwrap(), 2, "the fourth is due already");
    let story = store.timeline(&key("B")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!(story.due_at, Some(at(100)));
    assert_eq!(store.backlog(at(99)).await.unwrap().next_retry, Some(at(100)));
    assert_eq!(claimed(store, 100).await, ["D", "B", "C"]);
    assert_eq!(store.hasten("brevo", at(100), at(100), 2).await.unwrap(), 1);
    assert_eq!(store.hasten("brevo", at(100), at(100), 2).await.unwrap(), 0);
    assert_eq!(claimed(store, 100).await, ["A"]);
    let again = attempt("A", 101, Next::Retry(at(4000)));
    store.record(vec![again], at(101), &lease("me", 160)).await.unwrap();
    assert_eq!(store.hasten("brevo", at(100), at(102), 2).await.unwrap(), 0, "it has failed since");
    assert_eq!(store.hasten("brevo", at(101), at(102), 2).await.unwrap(), 1);
}

pub async fn what_waits_for_more_than_its_back_off_stays(store: &dyn Store) {
    // that of another provider
    place(store, "other", vec![sms("other")]).await;
    store.claim("twilio", at(0), &lease("me", 60), 10).await.unwrap();
    store.record(vec![attempt("other", 1, Next::Retry(at(500)))], at(1), &lease("me", 60)).await.unwrap();
    // the provider named the moment from which it may come back
    place(store, "asked", vec![email("asked")]).await;
    claimed(store, 0).await;
    let asked = AttemptRecord { asked_until: Some(at(400)), ..attempt("asked", 1, Next::Wait(at(500))) };
    store.record(vec![asked], at(1), &lease("me", 60)).await.unwrap();
    // the customer sleeps
    failed(store, &[("quiet", 1, 2)]).await;
    assert_eq!(claimed(store, 2).await, ["quiet"]);
    store.release(&[id("quiet")], Some(at(500)), "me").await.unwrap();
    // never tried: it is not the provider that it waits for
    let mut later = email("later");
    later.0.decided_at = at(500);
    place(store, "later", vec![later]).await;
    // a person has it, or had it
    failed(store, &[("dead", 1, 2), ("redriven", 1, 2)]).await;
    assert_eq!(claimed(store, 2).await, ["dead", "redriven"]);
    let ends = vec![attempt("dead", 3, Next::Dead), attempt("redriven", 3, Next::Held)];
    store.record(ends, at(3), &lease("me", 60)).await.unwrap();
    assert!(store.redrive_notification(&id("redriven"), at(500)).await.unwrap());
    // under way
    failed(store, &[("leased", 1, 2)]).await;
    assert_eq!(claimed(store, 90).await, ["leased"]);
    assert_eq!(store.hasten("brevo", at(100), at(100), 10).await.unwrap(), 0);
    assert_eq!(store.hasten("brevo", at(400), at(401), 10).await.unwrap(), 1, "what it asked for is over");
    assert_eq!(claimed(store, 401).await, ["leased", "asked"]);
}

/// I7
pub async fn a_lane_keeps_its_order(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2"), sms("n3")]).await;
    assert_eq!(claimed(store, 0).await, ["n1"]);
    store.record(vec![attempt("n1", 1, Next::Retry(at(900)))], at(1), &lease("me", 60)).await.unwrap();
    assert_eq!(store.hasten("brevo", at(1), at(2), 10).await.unwrap(), 1);
    assert_eq!(claimed(store, 2).await, ["n1"]);
    let next = store.record(vec![attempt("n1", 3, Next::Accepted)], at(3), &lease("me", 60)).await.unwrap();
    assert_eq!(names(&next), ["n2"]);
}
