//! Rules that speak too often.

use reassure::domain::confirmation::{Cause, Change, MESSAGE, Wait};
use reassure::domain::decision::Reason;
use reassure::domain::notification::Notification;
use reassure::domain::storm::{Busiest, Guard, Hour, Past};
use reassure::ports::{
    Batch, CarriedOut, Counted, JourneyWrite, Leased, Next, Ruling, Spoken, SpokenBy, State, Store, StoreError, Storm,
};

use crate::store::fixture::*;

const HOUR: i64 = 3_600;

/// So often the rule of the fixtures speaks at that second; four times an hour are usual.
pub fn said(messages: u64, second: i64) -> Spoken {
    let past = Past { messages: Busiest { before: 2, lately: 0 }, orders: Busiest { before: 1, lately: 1 } };
    let by = SpokenBy { rule: "delay".into(), messages, past };
    let guard = Guard { factor: 2, least: 0 };
    Spoken { shop: "atelier".to_owned(), at: at(second), guard, orders: 0, rules: vec![by] }
}

/// A new order with one message, the `messages`th of this hour of its batch.
pub async fn speak(store: &dyn Store, order: &str, messages: u64, second: i64) -> Vec<Leased> {
    let write = JourneyWrite { notifications: vec![email(order)], ..write(order, None) };
    let batch = Batch { spoken: vec![said(messages, second)], ..batch([write]) };
    store.commit(batch, &lease("me", second + 60), &plenty()).await.unwrap()
}

async fn state(store: &dyn Store, order: &str) -> State {
    store.timeline(&key(order)).await.unwrap().unwrap().notifications[0].state
}

pub async fn the_storm(store: &dyn Store, second: i64) -> Storm {
    let mut storms = store.storms(at(second)).await.unwrap();
    assert_eq!(storms.len(), 1, "{storms:?}");
    storms.remove(0)
}

/// Four messages that leave, two that are held: in the orders E and F.
async fn storm(store: &dyn Store) {
    for (order, messages) in [("A", 1), ("B", 1), ("C", 1), ("D", 1)] {
        assert_eq!(names(&speak(store, order, messages, 0).await), [order], "it is usual");
    }
    for order in ["E", "F"] {
        assert_eq!(names(&speak(store, order, 1, 1).await), Vec::<&str>::new(), "it is beyond");
    }
}

pub async fn a_rule_that_passes_its_mark_is_held_from_that_batch_on(store: &dyn Store) {
    storm(store).await;
    assert_eq!(state(store, "D").await, State::Pending);
    assert_eq!(state(store, "E").await, State::Stormbound);
    let Storm { shop, rule, since, holds_until, mark, busiest, held, ruled, ruling } = the_storm(store, 2).await;
    assert_eq!((&*shop, &*rule, since, holds_until), ("atelier", "delay", at(1), Hour(Hour::of(at(0)).0 + 1).end()));
    assert_eq!((mark, busiest, held, ruled, ruling), (4, 6, 2, 0, None));
    // nobody sends them, now or later
    assert_eq!(names(&store.claim("brevo", at(90), &lease("you", 900), 10).await.unwrap()), ["A", "B", "C", "D"]);
    assert!(store.dead_letters(10).await.unwrap().is_empty(), "they have a place of their own");
}

pub async fn a_batch_that_passes_the_mark_is_held_whole(store: &dyn Store) {
    let all = |order: &str| JourneyWrite { notifications: vec![email(order)], ..write(order, None) };
    let batch = Batch { spoken: vec![said(5, 0)], ..batch(["A", "B", "C", "D", "E"].map(all)) };
    assert!(store.commit(batch, &lease("me", 60), &plenty()).await.unwrap().is_empty());
    assert_eq!(the_storm(store, 0).await.held, 5);
}

pub async fn what_another_rule_says_overtakes_what_is_held(store: &dyn Store) {
    storm(store).await;
    let (mut other, content) = email("E2");
    other.rule = "delivered".into();
    let write = JourneyWrite { notifications: vec![(other, content)], ..write("E", Some(1)) };
    let leased = store.commit(batch([write]), &lease("me", 60), &plenty()).await.unwrap();
    assert_eq!(names(&leased), ["E2"]);
}

pub async fn a_storm_ends_after_an_hour_below_the_mark(store: &dyn Store) {
    storm(store).await;
    let end = (Hour::of(at(0)).end().millis() - at(0).millis()) / 1000;
    assert!(speak(store, "G", 1, end + HOUR - 1).await.is_empty(), "it goes on through the next hour");
    assert_eq!(names(&speak(store, "H", 1, end + HOUR).await), ["H"]);
    assert_eq!(the_storm(store, end + HOUR).await.held, 3, "what is held goes on waiting for a person");
    assert!(!the_storm(store, end + HOUR).await.rages(at(end + HOUR)));
}

pub async fn a_batch_that_is_not_written_counts_nothing(store: &dyn Store) {
    let batch = Batch { spoken: vec![said(4, 0)], ..batch([write("A", Some(7))]) };
    let refused = store.commit(batch, &lease("me", 60), &plenty()).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(names(&speak(store, "A", 4, 0).await), ["A"]);
}

pub async fn what_is_released_goes_back_into_its_lane(store: &dyn Store) {
    storm(store).await;
    assert_eq!(store.rule_on("atelier", "delay", Ruling::Release, at(10)).await.unwrap(), Some(2));
    assert_eq!(store.rule_on("atelier", "silence", Ruling::Release, at(10)).await.unwrap(), None, "there is none");
    let told = the_storm(store, 10).await;
    assert_eq!((told.held, told.ruled, told.ruling), (0, 2, Some(Ruling::Release)));
    assert!(!told.rages(at(10)), "it ends");
    // so much is usual from now on
    assert_eq!(names(&speak(store, "G", 1, 11).await), ["G"]);
    let first = store.carry_out(at(12), &lease("me", 60), 1).await.unwrap();
    assert_eq!(first, CarriedOut { released: 1, dropped: Vec::new() });
    assert_eq!(store.carry_out(at(12), &lease("me", 60), 9).await.unwrap().released, 1);
    assert_eq!(names(&store.claim("brevo", at(12), &lease("me", 60), 9).await.unwrap()), ["E", "F"]);
    assert!(store.storms(at(12)).await.unwrap().is_empty());
    assert_eq!(store.carry_out(at(12), &lease("me", 60), 9).await.unwrap(), CarriedOut::default());
}

pub async fn what_is_released_takes_its_old_place(store: &dyn Store) {
    storm(store).await;
    let (mut other, content) = email("E2");
    other.rule = "delivered".into();
    let write = JourneyWrite { notifications: vec![(other, content)], ..write("E", Some(1)) };
    // one that is on its way is not overtaken, one that waits is
    store.commit(batch([write]), &lease("me", 60), &plenty()).await.unwrap();
    store.rule_on("atelier", "delay", Ruling::Release, at(10)).await.unwrap();
    store.carry_out(at(10), &lease("me", 60), 9).await.unwrap();
    assert_eq!(names(&store.claim("brevo", at(10), &lease("you", 60), 9).await.unwrap()), ["F"]);
    let retry = reassure::ports::AttemptRecord { key: key("E"), ..attempt("E2", 11, Next::Retry(at(12))) };
    store.record(vec![retry], at(11), &lease("me", 60)).await.unwrap();
    assert_eq!(names(&store.claim("brevo", at(13), &lease("you", 60), 9).await.unwrap()), ["E"]);
}

pub async fn what_is_dropped_is_lent_and_withdrawn(store: &dyn Store) {
    storm(store).await;
    assert_eq!(store.rule_on("atelier", "delay", Ruling::Drop, at(10)).await.unwrap(), Some(2));
    assert!(speak(store, "G", 1, 11).await.is_empty(), "the storm goes on");
    let one = store.carry_out(at(12), &lease("me", 60), 1).await.unwrap();
    assert_eq!(one, CarriedOut { released: 0, dropped: vec![(key("E"), id("E"))] });
    let other = store.carry_out(at(12), &lease("you", 60), 9).await.unwrap();
    assert_eq!(other.dropped, [(key("F"), id("F"))], "each is lent once");
    let withdrawn = Batch { withdrawn: vec![(id("E"), Reason::Storm)], ..batch([write("E", Some(1))]) };
    assert!(store.commit(withdrawn, &lease("me", 60), &plenty()).await.unwrap().is_empty());
    let story = store.timeline(&key("E")).await.unwrap().unwrap().notifications.remove(0);
    assert_eq!((story.state, story.reason), (State::Suppressed, Some(Reason::Storm)));
    // whoever took it and died leaves it to the others
    assert_eq!(store.carry_out(at(61), &lease("me", 90), 9).await.unwrap().dropped, [(key("F"), id("F"))]);
    let told = the_storm(store, 12).await;
    assert_eq!((told.held, told.ruled), (1, 1), "what came after the word waits for another");
}

pub async fn what_was_held_is_no_history(store: &dyn Store) {
    storm(store).await;
    let delay = Counted { shop: "atelier".to_owned(), rule: Some("delay".into()) };
    let orders = Counted { shop: "atelier".to_owned(), rule: None };
    let hour = Hour::of(at(0));
    let mut many = said(1, 0);
    (many.orders, many.rules) = (7, Vec::new());
    store.commit(Batch { spoken: vec![many], ..batch([write("H", None)]) }, &lease("me", 60), &none()).await.unwrap();
    speak(store, "G", 3, 24 * HOUR).await;
    let both = [delay.clone(), orders];
    let busiest = store.busiest(&both, Hour(hour.0 - 100), Hour(hour.0 + 25)).await.unwrap();
    assert_eq!(busiest, [vec![(hour, 4), (Hour(hour.0 + 24), 3)], vec![(hour, 7)]]);
    assert_eq!(store.busiest(&both, hour, hour).await.unwrap(), [vec![], vec![]], "that hour is not before itself");
    // what is older than that is forgotten
    let later = store.busiest(std::slice::from_ref(&delay), Hour(hour.0 + 1), Hour(hour.0 + 25)).await.unwrap();
    assert_eq!(later, [vec![(Hour(hour.0 + 24), 3)]]);
    assert_eq!(store.busiest(&[delay], Hour(0), Hour(hour.0 + 25)).await.unwrap(), later);
}

pub async fn of_each_day_the_busiest_hour_counts(store: &dyn Store) {
    let midnight = Hour(Hour::of(at(0)).0.div_euclid(24) * 24);
    let seconds = |hour: i64| (midnight.0 + hour - Hour::of(at(0)).0) * HOUR;
    for (order, hour, messages) in [("A", 24, 1), ("B", 30, 4), ("C", 47, 2), ("D", 48, 3)] {
        speak(store, order, messages, seconds(hour)).await;
    }
    let delay = Counted { shop: "atelier".to_owned(), rule: Some("delay".into()) };
    let mut busiest = store.busiest(&[delay], Hour(0), Hour(midnight.0 + 99)).await.unwrap().remove(0);
    busiest.sort_unstable();
    assert_eq!(busiest, [(Hour(midnight.0 + 30), 4), (Hour(midnight.0 + 48), 3)]);
}

/// Another rule's message of that order, which follows others.
async fn follow(store: &dyn Store, order: &str, version: u64, name: &str, follows: &[&str]) -> Vec<String> {
    let (mut other, content) = sms(name);
    (other.rule, other.message) = ("recovery".into(), "recovery".to_owned());
    other.follows = follows.iter().copied().map(id).collect();
    let write = JourneyWrite { notifications: vec![(other, content)], ..write(order, Some(version)) };
    let leased = store.commit(batch([write]), &lease("me", 60), &plenty()).await.unwrap();
    names(&leased).into_iter().map(str::to_owned).collect()
}

pub async fn what_follows_a_held_one_is_held_and_let_go_with_it(store: &dyn Store) {
    storm(store).await;
    assert_eq!(follow(store, "D", 1, "D2", &["D"]).await, ["D2"], "what it follows has left");
    assert!(follow(store, "E", 1, "E2", &["E"]).await.is_empty(), "nobody has heard of what it answers");
    assert!(follow(store, "E", 2, "E3", &["E", "E2"]).await.is_empty());
    assert_eq!(follow(store, "F", 1, "F2", &["F", "gone"]).await, ["F2"], "it answers another that is not held");
    assert_eq!(the_storm(store, 2).await.held, 4);
    // one person's word is enough, also for what comes before it is carried out
    assert_eq!(store.rule_on("atelier", "delay", Ruling::Release, at(10)).await.unwrap(), Some(4));
    assert!(follow(store, "E", 3, "E4", &["E"]).await.is_empty(), "not before it");
    assert_eq!((the_storm(store, 10).await.held, the_storm(store, 10).await.ruled), (0, 5));
    assert_eq!(store.carry_out(at(12), &lease("me", 60), 9).await.unwrap().released, 5);
    assert!(store.storms(at(12)).await.unwrap().is_empty());
    let claimed = store.claim("twilio", at(70), &lease("me", 99), 9).await.unwrap();
    let mut claimed = names(&claimed);
    claimed.sort_unstable();
    assert_eq!(claimed, ["D2", "E2", "F2"], "E3 and E4 wait for their turn");
    assert_eq!(follow(store, "E", 4, "E5", &["E"]).await.len(), 0, "it waits in its lane");
    assert_eq!(state(store, "E").await, State::Pending);
}

pub async fn a_held_confirmation_says_so_until_it_is_let_go(store: &dyn Store) {
    let wait = Change::Begins { wait: Wait { cause: Cause::Failing, by_webhook: false }, since: at(1) };
    let (confirmation, content) = email("A");
    let confirmation = Notification { message: MESSAGE.to_owned(), ..confirmation };
    let held = JourneyWrite { confirmation: wait, notifications: vec![(confirmation, content)], ..write("A", None) };
    let spoken = Batch { spoken: vec![said(5, 0)], ..batch([held]) };
    store.commit(spoken, &lease("me", 60), &plenty()).await.unwrap();
    let cause = async || store.unconfirmed_orders(at(0), at(9), 9).await.unwrap()[0].cause;
    assert_eq!(cause().await, Cause::Stormbound);
    let goes_on = Change::GoesOn(Wait { cause: Cause::Failing, by_webhook: false });
    let changed = JourneyWrite { confirmation: goes_on, ..write("A", Some(1)) };
    store.commit(batch([changed]), &lease("me", 60), &none()).await.unwrap();
    assert_eq!(cause().await, Cause::Stormbound, "it stands as it did");
    store.rule_on("atelier", "delay", Ruling::Release, at(10)).await.unwrap();
    store.carry_out(at(10), &lease("me", 60), 9).await.unwrap();
    assert_eq!(cause().await, Cause::Failing);
}
