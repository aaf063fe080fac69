//! Content at rest: sealed with a key for each order, and gone with the key, wherever a copy of it is.

mod file {
    crate::store::contract::suite!(crate::store::place::Place::file().map(crate::store::place::Place::sealed));
}

mod schema {
    crate::store::contract::suite!(crate::store::place::Place::schema().map(crate::store::place::Place::sealed));
}

mod lost;
mod stranger;

use reassure::domain::journey::Journey;
use reassure::domain::order::{Address, Customer, Gift};
use reassure::ports::{DeadLetter, JourneyWrite, State, Store, StoreError};

use super::fixture::*;
use super::place::{Masters, Place};
use stranger::Stranger;

/// Runs each case in a file and in a schema.
macro_rules! both {
    ($($case:ident,)*) => { $(
        #[tokio::test]
        async fn $case() {
            for place in [Place::file(), Place::schema()].into_iter().flatten() {
                let stranger = Stranger::of(&place).await;
                Case { place, stranger, masters: Masters::new() }.$case().await;
            }
        }
    )* };
}
use both;

both! {
    nobody_can_be_told_from_what_is_at_rest,
    what_was_written_before_stays_readable,
    with_the_key_goes_every_copy_of_the_store,
    what_was_begun_of_an_erasure_is_carried_out,
    rows_cannot_be_put_in_the_place_of_others,
    a_store_does_not_open_without_the_keys_that_sealed_it,
    one_master_key_takes_the_place_of_another,
    a_replica_without_keys_leaves_what_is_sealed_to_others,
}

struct Case {
    place: Place,
    stranger: Stranger,
    masters: Masters,
}

/// Of somebody who can be recognised anywhere.
fn of_grace(order: &str) -> Journey {
    let mut journey = journey(order);
    journey.order.customer.id = Some("c-17".to_owned());
    journey.order.customer.name = Some("Grace Hopper".into());
    journey.order.customer.email = Some("grace@example.org".into());
    journey.order.order_url = Some("https://atelier.example/orders/17?key=opensesame".to_owned());
    journey.order.delivery.address = Some(Address {
        name: Some("Grace Hopper".into()),
        lines: vec!["1 Compiler Street".into()],
        city: "Lyon".to_owned(),
        ..Address::default()
    });
    let recipient = Customer { email: Some("howard@example.org".into()), ..Customer::default() };
    journey.order.gift =
        Some(Gift { recipient_name: Some("Howard Aiken".into()), recipient: Some(recipient), wanted_on: None });
    journey
}

fn of_order(order: &str, expected_version: Option<u64>, erased: bool) -> JourneyWrite {
    let mut journey = of_grace(order);
    journey.erased = erased;
    JourneyWrite { journey: journey.into(), ..write(order, expected_version) }
}

async fn write_to_grace(store: &dyn Store, order: &str) {
    let written = JourneyWrite { notifications: vec![email(order)], ..of_order(order, None, false) };
    store.commit(batch([written]), &lease("me", 60), &none()).await.unwrap();
}

async fn erase(store: &dyn Store, order: &str) {
    store.commit(batch([of_order(order, Some(1), true)]), &lease("me", 60), &none()).await.unwrap();
}

async fn journey_of(store: &dyn Store, order: &str) -> Journey {
    (*store.load(&[key(order)]).await.unwrap()[0].as_ref().unwrap().journey).clone()
}

impl Case {
    async fn nobody_can_be_told_from_what_is_at_rest(&self) {
        let open = self.place.opening(&[]).await.unwrap();
        write_to_grace(&*open, "A").await;
        let traces =
            ["grace@example.org", "Grace Hopper", "Compiler Street", "opensesame", "howard@", "Your parcel is late"];
        for trace in traces {
            assert!(self.stranger.at_rest().await.contains(trace), "without keys anybody reads '{trace}'");
        }
        self.stranger.run("DELETE FROM contents; DELETE FROM outbox; DELETE FROM journeys").await;
        drop(open);
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        write_to_grace(&*store, "B").await;
        assert_eq!(journey_of(&*store, "B").await, of_grace("B"));
        let leased = store.claim("brevo", at(0), &lease("me", 60), 1).await.unwrap();
        assert_eq!((&leased[0].content, names(&leased)), (&email("B").1, vec!["B"]));
        let told = self.stranger.at_rest().await;
        assert!(told.contains("Lyon"), "what was bought and where it went stays: {told}");
        for trace in ["grace@example.org", "Grace", "Compiler", "opensesame", "howard", "Howard", "Your parcel"] {
            assert!(!told.contains(trace), "'{trace}' in {told}");
        }
    }

    async fn what_was_written_before_stays_readable(&self) {
        write_to_grace(&*self.place.opening(&[]).await.unwrap(), "A").await;
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        assert_eq!(journey_of(&*store, "A").await, of_grace("A"));
        let told = store.timeline(&key("A")).await.unwrap().unwrap();
        assert_eq!((&told.notifications[0].content, told.notifications[0].erased), (&Some(email("A").1), false));
        assert_eq!(names(&store.claim("brevo", at(0), &lease("me", 60), 1).await.unwrap()), ["A"]);
        store.commit(batch([of_order("A", Some(1), false)]), &lease("me", 60), &none()).await.unwrap();
        assert_eq!(journey_of(&*store, "A").await, of_grace("A"));
        let told = self.stranger.journeys().await.concat();
        assert!(!told.contains("Grace"), "with the next event it is sealed: {told}");
    }

    async fn with_the_key_goes_every_copy_of_the_store(&self) {
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        write_to_grace(&*store, "A").await;
        write_to_grace(&*store, "B").await;
        self.stranger.back_up().await;
        let keys = self.stranger.keys().await;
        erase(&*store, "A").await;
        assert_eq!(self.stranger.keys().await.len(), 1, "the key has gone with the customer");
        let told = store.timeline(&key("A")).await.unwrap().unwrap();
        assert!(told.journey.erased && told.notifications[0].erased, "{told:?}");
        drop(store);
        self.stranger.bring_back().await;
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        let found = journey_of(&*store, "A").await;
        assert!(found.erased && found.order.customer.email.is_none(), "{found:?}");
        assert_eq!(found.order.customer.id.as_deref(), Some("c-17"));
        let told = store.timeline(&key("A")).await.unwrap().unwrap();
        assert_eq!((&told.notifications[0].content, told.notifications[0].erased), (&None, true));
        assert_eq!(names(&store.claim("brevo", at(0), &lease("me", 60), 9).await.unwrap()), ["B"]);
        let letters = store.dead_letters(9).await.unwrap();
        let [DeadLetter::Notification { state: State::Dead, detail: Some(detail), .. }] = &letters[..] else {
            panic!("{letters:?}")
        };
        assert!(detail.contains("erased"), "{detail}");
        // what it comes to when the copies of the keys are kept as well
        drop(store);
        self.stranger.bring_back_keys(&keys).await;
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        assert_eq!(journey_of(&*store, "A").await, of_grace("A"));
    }

    async fn what_was_begun_of_an_erasure_is_carried_out(&self) {
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        write_to_grace(&*store, "A").await;
        write_to_grace(&*store, "B").await;
        let keys = self.stranger.keys().await;
        erase(&*store, "A").await;
        // as if it had been killed between the one and the other
        self.stranger.bring_back_keys(&keys).await;
        let noted = "INSERT INTO forgotten_keys (shop, order_id) VALUES ('atelier', 'A'), ('atelier', 'B')";
        self.stranger.run(noted).await;
        assert_eq!(store.tend_keys().await.unwrap(), 1);
        assert_eq!(self.stranger.keys().await.len(), 1);
        assert_eq!(journey_of(&*store, "B").await, of_grace("B"), "one that is not erased keeps its key");
        assert_eq!(store.tend_keys().await.unwrap(), 0, "it is done");
    }

    async fn rows_cannot_be_put_in_the_place_of_others(&self) {
        let store = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        write_to_grace(&*store, "A").await;
        let more = JourneyWrite { notifications: vec![sms("a")], ..of_order("A", Some(1), false) };
        store.commit(batch([more]), &lease("me", 60), &none()).await.unwrap();
        self.stranger.run("CREATE TABLE swap AS SELECT notification, body FROM contents").await;
        let other = "SELECT s.body FROM swap s WHERE s.notification <> contents.notification";
        self.stranger.run(&format!("UPDATE contents SET body = ({other})")).await;
        let told = store.timeline(&key("A")).await;
        assert!(matches!(&told, Err(StoreError::Corrupt(why)) if why.contains("another place")), "{told:?}");
        for provider in ["brevo", "twilio"] {
            assert!(store.claim(provider, at(0), &lease("me", 60), 9).await.unwrap().is_empty(), "{provider}");
        }
        assert_eq!(store.dead_letters(9).await.unwrap().len(), 2, "a person is to look at it");
    }

    async fn a_store_does_not_open_without_the_keys_that_sealed_it(&self) {
        write_to_grace(&*self.place.opening(&[self.masters.key("first")]).await.unwrap(), "A").await;
        for (keys, word) in [
            (vec![], "set store.encryption"),
            (vec![self.masters.key("second")], "'first' is missing"),
            (vec![self.masters.key_of("first", "second")], "'first' is another"),
        ] {
            let Err(StoreError::Corrupt(why)) = self.place.opening(&keys).await else { panic!("{word}: it opened") };
            assert!(why.contains(word), "{why}");
        }
        self.stranger.lose_keys().await;
        let opened = self.place.opening(&[self.masters.key("first")]).await;
        let Err(StoreError::Corrupt(why)) = opened else { panic!("it opened without its keys") };
        assert!(why.contains("another place"), "{why}");
    }

    async fn one_master_key_takes_the_place_of_another(&self) {
        let [first, second] = ["first", "second"].map(|id| self.masters.key(id));
        write_to_grace(&*self.place.opening(std::slice::from_ref(&first)).await.unwrap(), "A").await;
        // behind, so that all replicas have it before it wraps anything
        let store = self.place.opening(&[first.clone(), second.clone()]).await.unwrap();
        assert_eq!(store.tend_keys().await.unwrap(), 0);
        drop(store);
        let store = self.place.opening(&[second.clone(), first.clone()]).await.unwrap();
        write_to_grace(&*store, "B").await;
        let alone = self.place.opening(std::slice::from_ref(&second)).await.map(|_| ());
        assert!(matches!(alone, Err(StoreError::Corrupt(_))), "the old one wraps keys still: {alone:?}");
        assert_eq!(store.tend_keys().await.unwrap(), 1);
        assert_eq!(store.tend_keys().await.unwrap(), 0, "all are wrapped by it");
        drop(store);
        let store = self.place.opening(&[second]).await.unwrap();
        for order in ["A", "B"] {
            assert_eq!(journey_of(&*store, order).await, of_grace(order));
        }
    }

    async fn a_replica_without_keys_leaves_what_is_sealed_to_others(&self) {
        let without = self.place.opening(&[]).await.unwrap();
        let with = self.place.opening(&[self.masters.key("first")]).await.unwrap();
        write_to_grace(&*with, "A").await;
        let refused = without.load(&[key("A")]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(without.claim("brevo", at(0), &lease("without", 60), 9).await.unwrap().is_empty());
        assert_eq!(names(&with.claim("brevo", at(60), &lease("with", 120), 9).await.unwrap()), ["A"]);
    }
}
