//! What customers have been told by all their orders.

use reassure::domain::party::Party;
use reassure::domain::spending::{Addressee, Spending};
use reassure::ports::{Batch, Kept, Spent, Store, StoreError};

use crate::store::fixture::*;

pub fn addressee(shop: &str, contact: &str) -> Addressee {
    Addressee { shop: shop.to_owned(), contact: contact.into() }
}

fn ada() -> Addressee {
    addressee("atelier", "ada@example.org")
}

/// So often, by the order A.
fn told(seconds: &[i64]) -> Spending {
    [(("A".to_owned(), Party::Buyer), seconds.iter().map(|second| at(*second)).collect())].into_iter().collect()
}

pub fn spent(addressee: Addressee, expected: Option<Spending>, spending: Spending) -> Batch {
    Batch { spent: vec![Spent { addressee, expected, spending }], ..Batch::default() }
}

async fn write(store: &dyn Store, batch: Batch) -> Result<(), StoreError> {
    store.commit(batch, &lease("me", 60), &none()).await.map(drop)
}

async fn on_record(store: &dyn Store) -> Option<Spending> {
    store.spending(&[ada()]).await.unwrap().remove(0)
}

/// Two replicas cannot both spend what is left: the second has decided on what is no longer there.
pub async fn it_is_written_only_on_what_it_was_decided_on(store: &dyn Store) {
    assert_eq!(on_record(store).await, None);
    write(store, spent(ada(), None, told(&[1]))).await.unwrap();
    assert_eq!(on_record(store).await, Some(told(&[1])));
    for stale in [None, Some(told(&[1, 2])), Some(told(&[2]))] {
        let late = Batch {
            journeys: vec![crate::store::fixture::write("A", None)],
            ..spent(ada(), stale.clone(), told(&[1, 9]))
        };
        assert!(matches!(write(store, late).await, Err(StoreError::Conflict)), "{stale:?}");
        assert_eq!(on_record(store).await, Some(told(&[1])));
        assert!(store.load(&[key("A")]).await.unwrap()[0].is_none(), "the whole batch is left");
    }
    write(store, spent(ada(), Some(told(&[1])), told(&[1, 5]))).await.unwrap();
    assert_eq!(on_record(store).await, Some(told(&[1, 5])));
}

pub async fn customers_do_not_mix(store: &dyn Store) {
    write(store, spent(ada(), None, told(&[1]))).await.unwrap();
    write(store, spent(addressee("atelier", "+33612345678"), None, told(&[7]))).await.unwrap();
    let others = [addressee("other", "ada@example.org"), addressee("atelierada", "@example.org"), ada()];
    let found = store.spending(&[others.to_vec(), vec![addressee("atelier", "+33612345678")]].concat()).await.unwrap();
    assert_eq!(found, [None, None, Some(told(&[1])), Some(told(&[7]))]);
}

pub async fn a_customer_who_is_forgotten_is_on_record_no_more(store: &dyn Store) {
    write(store, spent(ada(), None, told(&[1]))).await.unwrap();
    write(store, Batch { forgotten: vec![ada(), addressee("atelier", "nobody@example.org")], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(on_record(store).await, None);
}

pub async fn what_was_told_long_ago_goes(store: &dyn Store) {
    for number in 0..7 {
        let customer = addressee("atelier", &format!("c{number}@example.org"));
        write(store, spent(customer, None, told(&[number]))).await.unwrap();
    }
    let (mut removed, mut after) = (0, 0);
    loop {
        let step = store.purge(Kept::Spending, at(4), after, 2).await.unwrap();
        removed += step.removed;
        match step.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(removed, 4);
    let all: Vec<Addressee> = (0..7).map(|number| addressee("atelier", &format!("c{number}@example.org"))).collect();
    let left = store.spending(&all).await.unwrap();
    assert_eq!(left.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, false, false, true, true, true]);
}
