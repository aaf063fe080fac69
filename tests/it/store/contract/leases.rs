//! Claims, leases, attempts.

use reassure::domain::order::Channel;
use reassure::ports::{AttemptRecord, Next, State, Store};

use crate::store::fixture::*;

pub async fn a_claim_takes_what_is_due_of_its_provider(store: &dyn Store) {
    let mut later = email("b1");
    later.0.decided_at = at(10);
    place(store, "A", vec![email("a1"), sms("a2")]).await;
    place(store, "B", vec![later]).await;
    let claimed = store.claim("brevo", at(9), &lease("me", 60), 10).await.unwrap();
    assert_eq!(names(&claimed), ["a1"]);
    let claimed = store.claim("twilio", at(10), &lease("me", 60), 10).await.unwrap();
    assert_eq!(names(&claimed), ["a2"]);
    let claimed = store.claim("brevo", at(10), &lease("me", 60), 10).await.unwrap();
    assert_eq!(names(&claimed), ["b1"]);
    assert!(store.claim("nobody", at(10), &lease("me", 60), 10).await.unwrap().is_empty());
}

pub async fn a_claim_brings_back_all_that_was_written(store: &dyn Store) {
    let written = [email("n1"), sms("n2"), on(Channel::Webhook, "hooks", "n3")];
    place(store, "A", written.to_vec()).await;
    for (provider, (notification, content)) in ["brevo", "twilio", "hooks"].into_iter().zip(written) {
        let claimed = store.claim(provider, at(0), &lease("me", 60), 10).await.unwrap();
        assert_eq!((&claimed[0].notification, &claimed[0].content), (&notification, &content));
        assert_eq!((&claimed[0].key, claimed[0].attempts), (&key("A"), 0));
    }
}

pub async fn a_claim_takes_the_earliest_and_no_more_than_asked(store: &dyn Store) {
    for (order, decided) in [("C", 3), ("A", 1), ("B", 2)] {
        let mut notification = email(order);
        notification.0.decided_at = at(decided);
        place(store, order, vec![notification]).await;
    }
    assert!(store.claim("brevo", at(9), &lease("me", 60), 0).await.unwrap().is_empty());
    assert_eq!(names(&store.claim("brevo", at(9), &lease("me", 60), 2).await.unwrap()), ["A", "B"]);
    assert_eq!(names(&store.claim("brevo", at(9), &lease("me", 60), 2).await.unwrap()), ["C"]);
}

pub async fn a_lease_that_ran_out_is_taken_over(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    assert_eq!(names(&store.claim("brevo", at(0), &lease("dead", 60), 10).await.unwrap()), ["n1"]);
    assert!(store.claim("brevo", at(59), &lease("me", 120), 10).await.unwrap().is_empty());
    assert_eq!(names(&store.claim("brevo", at(60), &lease("me", 120), 10).await.unwrap()), ["n1"]);
    assert!(store.claim("brevo", at(61), &lease("other", 120), 10).await.unwrap().is_empty());
}

pub async fn a_late_attempt_of_a_former_owner_changes_nothing(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    store.claim("brevo", at(0), &lease("slow", 60), 10).await.unwrap();
    store.claim("brevo", at(60), &lease("me", 120), 10).await.unwrap();
    for next in [Next::Accepted, Next::Retry(at(61)), Next::Dead] {
        let next = store.record(vec![attempt("n1", 61, next)], at(61), &lease("slow", 120)).await.unwrap();
        assert!(next.is_empty());
    }
    let story = store.timeline(&key("A")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((story.state, story.attempts.len()), (State::Pending, 3));
    assert!(store.claim("brevo", at(100), &lease("third", 160), 10).await.unwrap().is_empty(), "the lease stands");
    let next = store.record(vec![attempt("n1", 62, Next::Accepted)], at(62), &lease("me", 120)).await.unwrap();
    assert_eq!(names(&next), ["n2"]);
    assert_eq!(next[0].attempts, 0);
}

pub async fn an_attempt_on_a_finished_one_changes_nothing(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.record(vec![attempt("n1", 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    store.record(vec![attempt("n1", 2, Next::Dead)], at(2), &lease("me", 60)).await.unwrap();
    let story = store.timeline(&key("A")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((story.state, story.attempts.len()), (State::Accepted, 2));
    // nor does one on a notification that is not there
    store.record(vec![attempt("n9", 3, Next::Dead)], at(3), &lease("me", 60)).await.unwrap();
    assert_eq!(store.backlog(at(3)).await.unwrap().dead_notifications, 0);
}

pub async fn an_attempt_after_the_lease_but_before_a_takeover_counts(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.record(vec![attempt("n1", 70, Next::Accepted)], at(70), &lease("me", 130)).await.unwrap();
    assert!(store.claim("brevo", at(70), &lease("other", 130), 10).await.unwrap().is_empty());
}

pub async fn a_released_one_can_be_claimed_at_once(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.release(&[id("n1"), id("n2"), id("n9")], None, "me").await.unwrap();
    let claimed = store.claim("brevo", at(1), &lease("other", 60), 10).await.unwrap();
    assert_eq!((names(&claimed), claimed[0].attempts), (vec!["n1"], 0));
}

pub async fn a_released_one_can_be_put_off(store: &dyn Store) {
    place(store, "A", vec![email("n1"), email("n2")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.release(&[id("n1")], Some(at(30)), "me").await.unwrap();
    // what comes behind it in its lane waits with it
    assert!(store.claim("brevo", at(29), &lease("other", 60), 10).await.unwrap().is_empty());
    let claimed = store.claim("brevo", at(30), &lease("other", 60), 10).await.unwrap();
    assert_eq!((names(&claimed), claimed[0].attempts), (vec!["n1"], 0));
    // it is never due sooner than it was
    store.release(&[id("n1")], Some(at(10)), "other").await.unwrap();
    assert!(store.claim("brevo", at(29), &lease("other", 60), 10).await.unwrap().is_empty());
    assert_eq!(names(&store.claim("brevo", at(30), &lease("other", 60), 10).await.unwrap()), ["n1"]);
}

pub async fn only_the_owner_releases(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.release(&[id("n1")], None, "other").await.unwrap();
    assert!(store.claim("brevo", at(1), &lease("other", 60), 10).await.unwrap().is_empty());
    store.record(vec![attempt("n1", 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    store.release(&[id("n1")], None, "me").await.unwrap();
    assert!(store.claim("brevo", at(2), &lease("other", 60), 10).await.unwrap().is_empty(), "it is finished");
}

pub async fn attempts_are_counted(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    for round in 0..3_u8 {
        let second = i64::from(round) * 10;
        let claimed = store.claim("brevo", at(second), &lease("me", second + 60), 10).await.unwrap();
        assert_eq!(claimed[0].attempts, u32::from(round));
        let retry = attempt("n1", second, Next::Retry(at(second + 10)));
        store.record(vec![retry], at(second), &lease("me", second + 60)).await.unwrap();
    }
}

pub async fn when_what_caused_one_came_in_is_known_to_its_end(store: &dyn Store) {
    let (mut early, content) = email("early");
    early.received_at = at(-7);
    place(store, "A", vec![(early, content), sms("late")]).await;
    place(store, "B", vec![]).await;
    let ended = AttemptRecord { key: key("A"), ..attempt("early", 1, Next::Accepted) };
    store.record(vec![ended], at(1), &lease("me", 60)).await.unwrap();
    let received = async |order: &str, name: &str| store.received_at(&key(order), &id(name)).await.unwrap();
    assert_eq!(received("A", "early").await, Some(at(-7)));
    assert_eq!(received("A", "late").await, Some(sms("late").0.received_at));
    assert_eq!(received("B", "early").await, None, "of another order");
    assert_eq!(received("A", "never").await, None);
    assert_eq!(received("C", "early").await, None);
}
