//! Keys and rows that are not what they were: copies brought back that do not belong together, damage, and a
//! number that is given twice.

use reassure::domain::journey::Journey;
use reassure::ports::{Kept, State, Store, StoreError};

use super::*;

both! {
    keys_from_an_older_copy_erase_nobody,
    keys_that_are_lost_for_good_can_be_taken_as_erased,
    the_mark_of_an_erasure_tells_it_from_a_loss,
    a_damaged_row_or_key_is_the_trouble_of_its_order_alone,
    a_damaged_order_goes_after_its_time,
    a_number_given_again_is_sealed_by_the_key_that_is_kept,
    a_damaged_key_does_not_keep_the_old_master_key,
    two_that_begin_an_order_at_once_have_one_key,
    of_two_master_keys_of_one_name_one_begins,
}

/// The order that cannot be read, of those that were asked for.
async fn unreadable(store: &dyn Store, orders: &[&str]) -> (Vec<String>, String) {
    match store.load(&orders.iter().map(|order| key(order)).collect::<Vec<_>>()).await {
        Err(StoreError::Unreadable { of, why }) => (of.into_iter().map(|of| of.order_id).collect(), why),
        other => panic!("{other:?}"),
    }
}

impl Case {
    async fn first(&self) -> std::sync::Arc<dyn Store> {
        self.place.opening(&[self.masters.key("first")]).await.unwrap()
    }

    /// Order A, a copy of the keys, and order B since.
    async fn a_day_passes(&self) -> Vec<stranger::Key> {
        let store = self.first().await;
        write_to_grace(&*store, "A").await;
        let copy = self.stranger.keys().await;
        write_to_grace(&*store, "B").await;
        copy
    }

    async fn keys_from_an_older_copy_erase_nobody(&self) {
        let copy = self.a_day_passes().await;
        let newest = self.stranger.keys().await;
        self.stranger.bring_back_keys(&copy).await;
        let store = self.first().await;
        assert_eq!(journey_of(&*store, "A").await, of_grace("A"));
        let (of, why) = unreadable(&*store, &["A", "B"]).await;
        assert!(of == ["B"] && why.contains("older"), "{of:?}: {why}");
        let told = store.timeline(&key("B")).await;
        assert!(matches!(&told, Err(StoreError::Corrupt(why)) if why.contains("older")), "{told:?}");
        assert_eq!(names(&store.claim("brevo", at(0), &lease("me", 60), 9).await.unwrap()), ["A"]);
        let letters = store.dead_letters(9).await.unwrap();
        let [DeadLetter::Notification { state: State::Held, .. }] = &letters[..] else { panic!("{letters:?}") };
        // nothing was overwritten: with the newest copy it is as it was
        self.stranger.bring_back_keys(&newest).await;
        assert_eq!(journey_of(&*store, "B").await, of_grace("B"));
        assert!(store.redrive_notification(&id("B"), at(1)).await.unwrap());
        assert_eq!(names(&store.claim("brevo", at(1), &lease("me", 60), 9).await.unwrap()), ["B"]);
    }

    async fn keys_that_are_lost_for_good_can_be_taken_as_erased(&self) {
        let copy = self.a_day_passes().await;
        self.stranger.bring_back_keys(&copy).await;
        let store = self.place.opening_with(&[self.masters.key("first")], true).await.unwrap();
        let found = journey_of(&*store, "B").await;
        assert!(found.erased && found.order.customer.email.is_none(), "{found:?}");
        assert_eq!(journey_of(&*store, "A").await, of_grace("A"));
    }

    async fn the_mark_of_an_erasure_tells_it_from_a_loss(&self) {
        let store = self.first().await;
        write_to_grace(&*store, "A").await;
        self.stranger.back_up().await;
        erase(&*store, "A").await;
        drop(store);
        self.stranger.bring_back().await;
        let store = self.first().await;
        assert!(journey_of(&*store, "A").await.erased, "there is a mark of it");
        // an older copy of the keys, of which the order is not: who it was cannot be told any more
        self.stranger.bring_back_keys(&[]).await;
        assert_eq!(unreadable(&*store, &["A"]).await.0, ["A"]);
    }

    async fn a_damaged_row_or_key_is_the_trouble_of_its_order_alone(&self) {
        let store = self.first().await;
        for order in ["A", "B", "C", "D"] {
            write_to_grace(&*store, order).await;
        }
        drop(store);
        self.stranger.damage_journey("A").await;
        let mut keys = self.stranger.keys().await;
        for (order, _, sealed) in &mut keys {
            if order == "B" {
                *sealed.last_mut().unwrap() ^= 1;
            }
        }
        self.stranger.bring_back_keys(&keys).await;
        let store = self.first().await;
        assert_eq!(unreadable(&*store, &["A", "B", "C", "D"]).await.0, ["A", "B"]);
        for order in ["C", "D"] {
            assert_eq!(journey_of(&*store, order).await, of_grace(order));
        }
        let (mut asked, error) = (vec![key("A"), key("C")], store.load(&[key("A"), key("C")]).await.unwrap_err());
        assert_eq!(error.leave_out(&mut asked).unwrap().0, [key("A")]);
        assert_eq!(asked, [key("C")]);
    }

    async fn a_damaged_order_goes_after_its_time(&self) {
        let store = self.place.opening(&[]).await.unwrap();
        store.commit(batch([of_order("A", None, false)]), &lease("me", 60), &none()).await.unwrap();
        write_to_grace(&*store, "B").await;
        self.stranger.damage_journey("A").await;
        // the clock of the database says when it was last heard of
        let later = reassure::domain::time::Timestamp::from_millis(4_102_444_800_000);
        let purged = store.purge(Kept::Journeys, later, 0, 100).await.unwrap();
        assert!(purged.removed >= 1, "{purged:?}");
        assert!(store.load(&[key("A")]).await.unwrap()[0].is_none());
    }

    async fn a_number_given_again_is_sealed_by_the_key_that_is_kept(&self) {
        let (one, other) = (self.first().await, self.first().await);
        let written = |journey: Journey| JourneyWrite { journey: journey.into(), ..write("A", None) };
        let put = async |store: &dyn Store| {
            store.commit(batch([written(of_grace("A"))]), &lease("me", 60), &none()).await.unwrap();
        };
        put(&*one).await;
        // what the one holds is forgotten by the other, with the order
        let begin_anew = async || {
            self.stranger.run("DELETE FROM journeys").await;
            self.stranger.bring_back_keys(&[]).await;
        };
        begin_anew().await;
        put(&*one).await;
        assert_eq!(journey_of(&*other, "A").await, of_grace("A"), "its key is one that the other finds");
        begin_anew().await;
        put(&*other).await;
        // held wrongly once, and then no more
        let _ = one.load(&[key("A")]).await;
        assert_eq!(journey_of(&*one, "A").await, of_grace("A"));
    }

    async fn two_that_begin_an_order_at_once_have_one_key(&self) {
        let (one, other) = (self.first().await, self.first().await);
        let lease = lease("me", 60);
        for order in (0..20).map(|number| format!("A{number}")) {
            let written = || batch([of_order(&order, None, false)]);
            let (capacity, none) = (none(), none());
            let both = tokio::join!(one.commit(written(), &lease, &capacity), other.commit(written(), &lease, &none));
            assert_eq!([&both.0, &both.1].iter().filter(|it| it.is_ok()).count(), 1, "{both:?}");
            for store in [&one, &other, &self.first().await] {
                assert_eq!(journey_of(&**store, &order).await, of_grace(&order));
            }
        }
        // a key that was kept and nothing written by it, as when it is killed between the two
        self.stranger.run("DELETE FROM journeys").await;
        let kept = self.stranger.keys().await;
        one.commit(batch([of_order("A3", None, false)]), &lease, &none()).await.unwrap();
        assert_eq!(self.stranger.keys().await, kept);
        assert_eq!(journey_of(&*self.first().await, "A3").await, of_grace("A3"));
    }

    async fn of_two_master_keys_of_one_name_one_begins(&self) {
        let [one, other] = ["x", "y"].map(|secret| [self.masters.key_of("first", secret)]);
        let opened = tokio::join!(self.place.opening(&one), self.place.opening(&other));
        let opened = [opened.0.map(|_| ()), opened.1.map(|_| ())];
        assert_eq!(opened.iter().filter(|it| it.is_ok()).count(), 1, "{opened:?}");
    }

    async fn a_damaged_key_does_not_keep_the_old_master_key(&self) {
        let copy = self.a_day_passes().await;
        let damaged: Vec<_> = copy.into_iter().map(|(_, master, sealed)| ("Z".to_owned(), master, sealed)).collect();
        let all = [self.stranger.keys().await, damaged].concat();
        self.stranger.bring_back_keys(&all).await;
        let [first, second] = ["first", "second"].map(|id| self.masters.key(id));
        let store = self.place.opening(&[second.clone(), first]).await.unwrap();
        assert_eq!(store.tend_keys().await.unwrap(), 2);
        assert_eq!(store.tend_keys().await.unwrap(), 0);
        drop(store);
        let store = self.place.opening(&[second]).await.unwrap();
        assert_eq!(journey_of(&*store, "A").await, of_grace("A"));
    }
}
