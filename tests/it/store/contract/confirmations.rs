//! The wait for confirmations.

use reassure::domain::confirmation::{Cause, Change, MESSAGE, Wait};
use reassure::domain::notification::{Content, Notification};
use reassure::domain::order::Channel;
use reassure::ports::{JourneyWrite, Next, Store};

use crate::store::fixture::*;

fn confirming(channel: Channel, name: &str) -> (Notification, Content) {
    let (notification, content) = on(channel, "brevo", name);
    (Notification { message: MESSAGE.to_owned(), ..notification }, content)
}

fn begins(cause: Cause, by_webhook: bool, since: i64) -> Change {
    Change::Begins { wait: Wait { cause, by_webhook }, since: at(since) }
}

fn goes_on(cause: Cause) -> Change {
    Change::GoesOn(Wait { cause, by_webhook: false })
}

/// Writes an order that waits, with its confirmation on these channels, which are leased.
async fn wait(store: &dyn Store, order: &str, change: Change, channels: &[Channel]) {
    let notifications = channels.iter().map(|channel| confirming(*channel, &format!("{order}-{channel}"))).collect();
    let write = JourneyWrite { confirmation: change, notifications, ..write(order, None) };
    store.commit(batch([write]), &lease("me", 600), &plenty()).await.unwrap();
}

/// Who waits since a moment between second 0 and that one, and why.
async fn waiting(store: &dyn Store, until: i64) -> Vec<(String, Cause)> {
    let orders = store.unconfirmed_orders(at(0), at(until), 100).await.unwrap();
    let counts = store.unconfirmed(at(0), at(until)).await.unwrap();
    assert_eq!(counts.iter().map(|(_, _, count)| count).sum::<u64>(), orders.len() as u64, "{counts:?}");
    for order in &orders {
        assert!(counts.iter().any(|(shop, cause, _)| (shop, *cause) == (&order.key.shop, order.cause)));
        let told = store.timeline(&order.key).await.unwrap().unwrap().unconfirmed;
        assert_eq!(told.as_ref(), Some(order));
    }
    orders.into_iter().map(|order| (order.key.order_id, order.cause)).collect()
}

async fn attempted(store: &dyn Store, name: &str, next: Next) {
    store.record(vec![attempt(name, 5, next)], at(5), &lease("me", 600)).await.unwrap();
}

fn named(order: &str, cause: Cause) -> (String, Cause) {
    (order.to_owned(), cause)
}

pub async fn who_waits_is_listed_by_cause_the_longest_first(store: &dyn Store) {
    wait(store, "B", begins(Cause::Failing, false, 20), &[]).await;
    wait(store, "A", begins(Cause::NoContact, false, 10), &[]).await;
    wait(store, "C", begins(Cause::NotSent, false, 30), &[]).await;
    wait(store, "D", Change::None, &[]).await;
    assert_eq!(waiting(store, 30).await, [named("A", Cause::NoContact), named("B", Cause::Failing)]);
    assert_eq!(waiting(store, 31).await.len(), 3);
    assert_eq!(store.unconfirmed_orders(at(11), at(100), 1).await.unwrap()[0].key, key("B"));
    assert!(store.timeline(&key("D")).await.unwrap().unwrap().unconfirmed.is_none());
}

pub async fn an_acceptance_ends_the_wait(store: &dyn Store) {
    wait(store, "A", begins(Cause::Failing, false, 1), &[Channel::Email, Channel::Webhook]).await;
    wait(store, "B", begins(Cause::Failing, true, 2), &[Channel::Webhook]).await;
    wait(store, "C", begins(Cause::Failing, false, 3), &[Channel::Sms]).await;
    attempted(store, "A-webhook", Next::Accepted).await;
    assert_eq!(waiting(store, 9).await.len(), 3, "the shop knows, the buyer does not");
    attempted(store, "A-email", Next::Retry(at(9))).await;
    attempted(store, "C-sms", Next::Retry(at(9))).await;
    assert_eq!(waiting(store, 9).await.len(), 3);
    attempted(store, "B-webhook", Next::Accepted).await;
    let again = store.claim("brevo", at(9), &lease("me", 600), 10).await.unwrap();
    assert_eq!(names(&again).len(), 2);
    attempted(store, "A-email", Next::Accepted).await;
    assert_eq!(waiting(store, 9).await, [named("C", Cause::Failing)]);
    attempted(store, "C-sms", Next::Accepted).await;
    assert_eq!(waiting(store, 9).await, []);
}

pub async fn another_message_confirms_nothing(store: &dyn Store) {
    let write = JourneyWrite {
        confirmation: begins(Cause::NotSent, false, 1),
        notifications: vec![email("n1"), sms("n2")],
        ..write("A", None)
    };
    store.commit(batch([write]), &lease("me", 600), &plenty()).await.unwrap();
    attempted(store, "n1", Next::Accepted).await;
    attempted(store, "n2", Next::Dead).await;
    assert_eq!(waiting(store, 9).await, [named("A", Cause::NotSent)]);
}

pub async fn what_is_given_up_or_held_says_so_until_it_is_redriven(store: &dyn Store) {
    wait(store, "A", begins(Cause::Failing, false, 1), &[Channel::Email, Channel::Webhook]).await;
    wait(store, "B", begins(Cause::Failing, false, 2), &[Channel::Email]).await;
    attempted(store, "A-webhook", Next::Dead).await;
    attempted(store, "B-email", Next::Held).await;
    assert_eq!(waiting(store, 9).await, [named("A", Cause::Failing), named("B", Cause::Held)]);
    attempted(store, "A-email", Next::Dead).await;
    // a new address alone does not put it on its way
    let change = JourneyWrite { confirmation: goes_on(Cause::Failing), ..write("A", Some(1)) };
    store.commit(batch([change]), &lease("me", 600), &plenty()).await.unwrap();
    assert_eq!(waiting(store, 9).await, [named("A", Cause::GivenUp), named("B", Cause::Held)]);
    assert!(store.redrive_notification(&id("A-email"), at(6)).await.unwrap());
    assert!(store.redrive_notification(&id("B-email"), at(6)).await.unwrap());
    assert_eq!(waiting(store, 9).await, [named("A", Cause::Failing), named("B", Cause::Failing)]);
}

pub async fn a_wait_goes_on_or_ends_with_its_journey(store: &dyn Store) {
    wait(store, "A", begins(Cause::NoContact, false, 1), &[]).await;
    wait(store, "B", begins(Cause::Failing, false, 2), &[]).await;
    let found = JourneyWrite { confirmation: goes_on(Cause::NotSent), ..write("A", Some(1)) };
    let cancelled = JourneyWrite { confirmation: Change::Ends, ..write("B", Some(1)) };
    store.commit(batch([found, cancelled]), &lease("me", 600), &plenty()).await.unwrap();
    assert_eq!(waiting(store, 9).await, [named("A", Cause::NotSent)]);
    // what is over does not begin anew
    let late = JourneyWrite { confirmation: goes_on(Cause::Failing), ..write("B", Some(2)) };
    store.commit(batch([late]), &lease("me", 600), &plenty()).await.unwrap();
    assert_eq!(waiting(store, 9).await, [named("A", Cause::NotSent)]);
}
