//! A customer who is to be forgotten: what was written to them goes too, wherever it stands.

use reassure::domain::decision::Reason;
use reassure::ports::{AttemptRecord, JourneyWrite, Next, State, Store};

use crate::store::fixture::*;

/// The journey of that order, erased.
fn erased(order: &str, expected_version: Option<u64>) -> JourneyWrite {
    let mut forgotten = journey(order);
    forgotten.erased = true;
    JourneyWrite { journey: forgotten.into(), ..write(order, expected_version) }
}

pub async fn with_the_customer_goes_what_was_written_to_them(store: &dyn Store) {
    for (order, end) in
        [("A", Some(Next::Accepted)), ("B", Some(Next::Held)), ("C", Some(Next::Retry(at(50)))), ("D", None)]
    {
        place(store, order, vec![email(order)]).await;
        store.claim("brevo", at(0), &lease("me", 60), 1).await.unwrap();
        if let Some(end) = end {
            store.record(vec![attempt(order, 1, end)], at(1), &lease("me", 60)).await.unwrap();
        }
    }
    place(store, "E", vec![email("E")]).await;
    let writes = ["A", "B", "C", "D"].map(|order| erased(order, Some(1)));
    store.commit(batch(writes), &lease("me", 60), &plenty()).await.unwrap();
    let story = async |order: &str| store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
    for (order, state) in
        [("A", State::Accepted), ("B", State::Suppressed), ("C", State::Suppressed), ("D", State::Suppressed)]
    {
        let told = story(order).await;
        assert_eq!((told.state, told.content.is_none()), (state, true), "{order}");
        assert_eq!(told.reason, (state == State::Suppressed).then_some(Reason::CustomerErased), "{order}");
    }
    assert_eq!(story("A").await.attempts.len(), 1, "that it was sent stays told");
    assert!(story("E").await.content.is_some(), "another customer's stays");
    assert!(store.dead_letters(10).await.unwrap().is_empty());
    // one that was on its way comes back
    let late = AttemptRecord { key: key("D"), ..attempt("D", 2, Next::Accepted) };
    store.record(vec![late], at(2), &lease("me", 60)).await.unwrap();
    let told = story("D").await;
    assert_eq!((told.state, told.attempts.len()), (State::Suppressed, 1));
    let claimed = store.claim("brevo", at(500), &lease("me", 600), 10).await.unwrap();
    assert_eq!(names(&claimed), ["E"]);
}

pub async fn what_is_written_with_the_erasure_is_not_kept_either(store: &dyn Store) {
    let write = JourneyWrite { notifications: vec![email("n1"), sms("n2")], ..erased("A", None) };
    store.commit(batch([write]), &lease("me", 60), &plenty()).await.unwrap();
    let told = store.timeline(&key("A")).await.unwrap().unwrap().notifications;
    assert!(told.iter().all(|story| story.state == State::Suppressed && story.content.is_none()), "{told:?}");
    for provider in ["brevo", "twilio"] {
        assert!(store.claim(provider, at(500), &lease("me", 600), 10).await.unwrap().is_empty());
    }
}
