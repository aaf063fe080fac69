//! What is let go of after its time, and what is not.

use reassure::clock::Clock;
use reassure::domain::decision::Reason;
use reassure::domain::event::Reference;
use reassure::domain::journey::Journey;
use reassure::domain::time::Timestamp;
use reassure::ports::{AttemptRecord, Batch, JourneyWrite, Kept, Next, State, Store};

use super::people::dead_record;
use super::storms::said;
use crate::store::fixture::*;

/// So late that all there is is old.
fn later() -> Timestamp {
    Clock::system().now().plus(chrono::Duration::days(60))
}

/// All of a kind from before then, a few rows at a time.
async fn purge(store: &dyn Store, kept: Kept, before: Timestamp) -> u64 {
    let (mut removed, mut after) = (0, 0);
    loop {
        let step = store.purge(kept, before, after, 2).await.unwrap();
        removed += step.removed;
        match step.next {
            Some(next) => after = next,
            None => return removed,
        }
    }
}

async fn end(store: &dyn Store, order: &str, next: Next) {
    let ended = AttemptRecord { key: key(order), ..attempt(order, 1, next) };
    store.record(vec![ended], at(1), &lease("me", 60)).await.unwrap();
}

pub async fn what_was_sent_goes_after_its_time_and_what_waits_stays(store: &dyn Store) {
    for order in ["A", "B", "C", "D", "E"] {
        let told =
            JourneyWrite { entries: vec![entry(1, "placed")], notifications: vec![email(order)], ..write(order, None) };
        store.commit(batch([told]), &lease("me", 60), &plenty()).await.unwrap();
        if order != "C" {
            end(store, order, Next::Accepted).await;
        }
    }
    for kept in [Kept::Contents, Kept::Timelines, Kept::Attempts] {
        assert_eq!(purge(store, kept, at(-86_400 * 365)).await, 0, "nothing is so old");
        purge(store, kept, later()).await;
    }
    let story = async |order: &str| store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((story("C").await.content, story("C").await.state), (Some(email("C").1), State::Pending), "it waits");
    end(store, "C", Next::Accepted).await;
    for kept in [Kept::Contents, Kept::Timelines, Kept::Attempts] {
        purge(store, kept, later()).await;
    }
    for order in ["A", "B", "C", "D", "E"] {
        let told = story(order).await;
        assert_eq!((told.state, told.content), (State::Accepted, None), "{order}: that it was sent stays told");
    }
    let told = store.timeline(&key("A")).await.unwrap().unwrap();
    assert!(told.entries.is_empty() && told.notifications[0].attempts.is_empty());
    // what comes afterwards is of its own journey alone
    let again =
        JourneyWrite { entries: vec![entry(9, "shipped")], notifications: vec![sms("n9")], ..write("B", Some(1)) };
    store.commit(batch([again]), &lease("me", 60), &none()).await.unwrap();
    let told = store.timeline(&key("B")).await.unwrap().unwrap();
    assert_eq!((told.entries, told.notifications[1].content.clone()), (vec![entry(9, "shipped")], Some(sms("n9").1)));
    assert!(store.timeline(&key("A")).await.unwrap().unwrap().entries.is_empty());
}

pub async fn an_old_order_goes_with_everything_that_hangs_on_it(store: &dyn Store) {
    let customer = || Reference::Customer("C7".to_owned());
    let named = |order: &str| {
        let mut journey: Journey = journey(order);
        journey.order.customer.id = Some("C7".to_owned());
        JourneyWrite {
            journey: journey.into(),
            links: vec![link(customer(), 0)],
            entries: vec![entry(1, "placed")],
            notifications: vec![email(order)],
            ..write(order, None)
        }
    };
    for order in ["A", "B", "C"] {
        store.commit(batch([named(order)]), &lease("me", 60), &plenty()).await.unwrap();
    }
    end(store, "A", Next::Accepted).await;
    end(store, "B", Next::Held).await;
    store
        .commit(batch([waking("D", None, 500), write("E", None), waking("F", None, 900)]), &lease("me", 60), &none())
        .await
        .unwrap();
    assert_eq!(purge(store, Kept::Journeys, at(-86_400 * 365)).await, 0, "nothing is so old");
    assert_eq!(purge(store, Kept::Journeys, later()).await, 2, "A and E");
    for (order, is_there) in [("A", false), ("B", true), ("C", true), ("D", true), ("E", false), ("F", true)] {
        assert_eq!(store.timeline(&key(order)).await.unwrap().is_some(), is_there, "{order}");
    }
    let found = store.resolve(&[("atelier".to_owned(), customer(), at(9))]).await.unwrap();
    assert_eq!(found, [vec![key("B"), key("C")]]);
    // its number can be given again, and nothing of the old one comes with it
    place(store, "A", vec![email("A")]).await;
    let told = store.timeline(&key("A")).await.unwrap().unwrap();
    assert_eq!((told.entries.len(), told.notifications.len(), told.notifications[0].attempts.len()), (0, 1, 0));
}

pub async fn what_waits_in_vain_goes_after_its_time(store: &dyn Store) {
    let waiting = Batch {
        parked: (1..=5).map(|number| parked(number, waybill("6A1"))).collect(),
        dead: (1..=5).map(|number| dead_record(i64::from(number), i64::from(number))).collect(),
        ..Batch::default()
    };
    store.commit(waiting, &lease("me", 60), &none()).await.unwrap();
    for (order, next) in [("A", Next::Dead), ("B", Next::Held), ("C", Next::Retry(at(900)))] {
        place(store, order, vec![email(order)]).await;
        store.claim("brevo", at(0), &lease("me", 60), 1).await.unwrap();
        end(store, order, next).await;
    }
    for kept in [Kept::Parked, Kept::DeadLetters] {
        assert_eq!(purge(store, kept, at(1)).await, 0, "nothing is so old");
    }
    purge(store, Kept::Parked, at(4)).await;
    purge(store, Kept::DeadLetters, at(4)).await;
    assert_eq!((store.backlog(at(0)).await.unwrap().parked, store.dead_letters(10).await.unwrap().len()), (2, 2));
    for order in ["A", "B"] {
        let told = store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
        assert_eq!((told.state, told.reason), (State::Suppressed, Some(Reason::Expired)), "nobody has taken it up");
    }
    assert_eq!(store.backlog(at(0)).await.unwrap().pending, 1, "what is tried again is tried again");
}

pub async fn what_a_storm_holds_in_vain_goes_too(store: &dyn Store) {
    let orders = ["A", "B", "C", "D", "E"];
    let all = orders.map(|order| JourneyWrite { notifications: vec![email(order)], ..write(order, None) });
    let held = Batch { spoken: vec![said(5, 0)], ..batch(all) };
    assert!(store.commit(held, &lease("me", 60), &plenty()).await.unwrap().is_empty());
    assert_eq!(purge(store, Kept::DeadLetters, at(0)).await, 0, "nothing is so old");
    assert_eq!(purge(store, Kept::DeadLetters, at(1)).await, 5, "nobody has said a word");
    for order in orders {
        let told = store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
        assert_eq!((told.state, told.reason), (State::Suppressed, Some(Reason::Expired)));
    }
}

pub async fn what_is_not_old_is_not_gone_through(store: &dyn Store) {
    for order in ["A", "B", "C"] {
        let told =
            JourneyWrite { entries: vec![entry(1, "placed")], notifications: vec![email(order)], ..write(order, None) };
        store.commit(batch([told]), &lease("me", 60), &plenty()).await.unwrap();
        end(store, order, Next::Accepted).await;
    }
    for kept in [Kept::Contents, Kept::Timelines, Kept::Attempts] {
        let step = store.purge(kept, at(-86_400 * 365), 0, 2).await.unwrap();
        assert_eq!((step.removed, step.next), (0, None), "{kept:?}: what comes after is newer still");
    }
}
