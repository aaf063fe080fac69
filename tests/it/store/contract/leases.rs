//! Claims, leases, attempts.

use reassure::domain::order::Channel;
use reassure::ports::{AttemptRecord, Next, State, Store};
use reassure::timeline::{self, Style};

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

/// What is kept of the attempts on a message: when each ended, its status and what went wrong.
async fn kept(store: &dyn Store, order: &str) -> Vec<(i64, Option<u16>, String)> {
    let story = store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
    let kept = story.attempts.into_iter();
    kept.map(|it| (it.at.since(at(0)).num_seconds(), it.status, it.detail.unwrap_or_default())).collect()
}

pub async fn an_outage_leaves_its_first_and_its_last_attempt(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    place(store, "B", vec![email("n2")]).await;
    let fails = |name: &str, second: i64, status: Option<u16>, next: Next| AttemptRecord {
        status,
        provider_id: None,
        ..attempt(name, second, next)
    };
    let waits = |name: &str, second: i64, status| fails(name, second, status, Next::Wait(at(second + 1)));
    let record = async |second: i64, ended: Vec<AttemptRecord>| {
        let claimed = store.claim("brevo", at(second), &lease("me", second + 60), 10).await.unwrap();
        assert_eq!(names(&claimed), ["n1", "n2"]);
        store.record(ended, at(second), &lease("me", second + 60)).await.unwrap();
        claimed[0].attempts
    };
    record(0, vec![fails("n1", 0, Some(503), Next::Retry(at(1))), waits("n2", 0, Some(503))]).await;
    for second in 1..100 {
        let status = if second % 2 == 0 { Some(503) } else { None };
        let counted = record(second, vec![waits("n1", second, Some(503)), waits("n2", second, status)]).await;
        assert_eq!(counted, 1, "only the first counts");
    }
    let row = |second: i64, status: Option<u16>| (second, status, format!("attempt at {second}"));
    assert_eq!(kept(store, "A").await, [row(0, Some(503)), row(99, Some(503))]);
    assert_eq!(kept(store, "B").await.len(), 100, "each differs from the one before");
    let story = store.timeline(&key("A")).await.unwrap().unwrap().notifications.remove(0);
    let text = timeline::late(&story, Style { colour: false, everything: false, zone: chrono_tz::UTC });
    let since = at(0).in_zone(chrono_tz::UTC).format("waits, tried since %a %d %b %H:%M:%S: 503 attempt at 99");
    assert!(text.contains(&since.to_string()), "{text}");
    // what differs is told, and so is what counts
    for second in 100..104 {
        record(second, vec![waits("n1", second, None), waits("n2", second, None)]).await;
    }
    for second in 104..107 {
        let again = Next::Retry(at(second + 1));
        record(second, vec![fails("n1", second, None, again), waits("n2", second, None)]).await;
    }
    let counted = [103, 104, 105, 106].map(|second| row(second, None));
    let told = [&[row(0, Some(503)), row(99, Some(503)), row(100, None)], &counted[..]].concat();
    assert_eq!(kept(store, "A").await, told);
    // what the provider has an id of stays, and so does what another provider did
    let at_another = AttemptRecord { provider: "smtp".to_owned(), ..waits("n1", 107, None) };
    let known = AttemptRecord { provider_id: Some("p-109".to_owned()), ..waits("n1", 109, None) };
    for (second, ended) in
        [(107, at_another), (108, waits("n1", 108, None)), (109, known), (110, waits("n1", 110, None))]
    {
        record(second, vec![ended, waits("n2", second, None)]).await;
    }
    let later = [107, 108, 109, 110].map(|second| row(second, None));
    assert_eq!(kept(store, "A").await, [&told[..], &later[..]].concat());
    let ended = [("n1", "A"), ("n2", "B")]
        .map(|(name, order)| AttemptRecord { key: key(order), ..attempt(name, 111, Next::Accepted) });
    record(111, ended.to_vec()).await;
    assert_eq!(kept(store, "B").await.last(), Some(&row(111, Some(202))));
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
