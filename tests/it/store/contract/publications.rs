//! Records of our own: written with what they tell of, published by one process at a time.

use bytes::Bytes;
use reassure::ports::{Batch, Next, Publication, Store, StoreError, Stream};

use crate::store::fixture::*;

fn publication(stream: Stream, value: &str) -> Publication {
    Publication {
        stream,
        key: Some(Bytes::from_static(b"atelier/A")),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
        timestamp: None,
    }
}

fn outcomes<const N: usize>(values: [&str; N]) -> Vec<Publication> {
    values.into_iter().map(|value| publication(Stream::Outcomes, value)).collect()
}

async fn write_all(store: &dyn Store, publications: Vec<Publication>) {
    let batch = Batch { publications, ..Batch::default() };
    store.commit(batch, &lease("a", 60), &none()).await.unwrap();
}

/// The ids and values of what waits, if the turn is `owner`'s.
async fn waiting(store: &dyn Store, stream: Stream, owner: &str, second: i64) -> Option<Vec<(i64, String)>> {
    let found = store.publications(stream, at(second), &lease(owner, second + 30), 100).await.unwrap()?;
    let text = |publication: Publication| String::from_utf8(publication.value.unwrap().to_vec()).unwrap();
    Some(found.into_iter().map(|(id, publication)| (id, text(publication))).collect())
}

fn values(found: Option<Vec<(i64, String)>>) -> Option<Vec<String>> {
    Some(found?.into_iter().map(|(_, value)| value).collect())
}

pub async fn they_come_as_they_were_written(store: &dyn Store) {
    let full = Publication {
        headers: vec![
            ("twice".to_owned(), Bytes::from_static(b"\xff\x00")),
            ("twice".to_owned(), Bytes::new()),
            ("traceparent".to_owned(), Bytes::from_static(b"00-ab")),
        ],
        timestamp: Some(1234),
        ..publication(Stream::DeadLetters, "value")
    };
    let bare = Publication { key: None, value: None, ..publication(Stream::DeadLetters, "") };
    write_all(store, vec![full.clone(), bare.clone()]).await;
    let found = store.publications(Stream::DeadLetters, at(0), &lease("a", 30), 100).await.unwrap().unwrap();
    let found: Vec<Publication> = found.into_iter().map(|(_, publication)| publication).collect();
    assert_eq!(found, [full, bare]);
}

pub async fn they_are_written_with_the_batch_or_not_at_all(store: &dyn Store) {
    let batch = Batch { publications: outcomes(["lost"]), ..batch([write("A", Some(4))]) };
    let refused = store.commit(batch, &lease("a", 60), &none()).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    assert_eq!(waiting(store, Stream::Outcomes, "a", 0).await, Some(Vec::new()));
    assert_eq!(store.backlog(at(0)).await.unwrap().publications, 0);
}

pub async fn an_attempt_brings_its_own(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    for (second, owner) in [(1, "me"), (2, "a former owner")] {
        let mut made = attempt("n1", second, Next::Retry(at(40)));
        made.publication = Some(publication(Stream::Outcomes, owner));
        store.record(vec![made], at(second), &lease(owner, 60)).await.unwrap();
    }
    let told = values(waiting(store, Stream::Outcomes, "a", 3).await);
    assert_eq!(told, Some(vec!["me".to_owned(), "a former owner".to_owned()]), "each was an attempt");
    let mut late = attempt("n9", 4, Next::Accepted);
    late.publication = Some(publication(Stream::Outcomes, "of none"));
    store.record(vec![late], at(4), &lease("me", 60)).await.unwrap();
    assert_eq!(store.backlog(at(5)).await.unwrap().publications, 2, "of a notification that is not there");
}

pub async fn each_stream_has_its_own_order(store: &dyn Store) {
    write_all(store, [outcomes(["1", "2"]), vec![publication(Stream::DeadLetters, "dead")]].concat()).await;
    write_all(store, outcomes(["3"])).await;
    assert_eq!(values(waiting(store, Stream::Outcomes, "a", 0).await).unwrap(), ["1", "2", "3"]);
    assert_eq!(values(waiting(store, Stream::DeadLetters, "a", 0).await).unwrap(), ["dead"]);
    let few = store.publications(Stream::Outcomes, at(1), &lease("a", 31), 2).await.unwrap().unwrap();
    assert_eq!(few.len(), 2);
}

pub async fn what_has_arrived_is_forgotten(store: &dyn Store) {
    write_all(store, outcomes(["1", "2", "3"])).await;
    let found = waiting(store, Stream::Outcomes, "a", 0).await.unwrap();
    store.published(&[found[0].0, found[2].0, 4711]).await.unwrap();
    assert_eq!(values(waiting(store, Stream::Outcomes, "a", 1).await).unwrap(), ["2"]);
    assert_eq!(store.backlog(at(1)).await.unwrap().publications, 1);
    store.published(&[found[1].0]).await.unwrap();
    write_all(store, outcomes(["4"])).await;
    let again = waiting(store, Stream::Outcomes, "a", 2).await.unwrap();
    assert!(found.iter().all(|(id, _)| *id != again[0].0), "late news of an id must not forget another");
}

pub async fn one_process_at_a_time_has_the_turn(store: &dyn Store) {
    write_all(store, outcomes(["1"])).await;
    assert!(waiting(store, Stream::Outcomes, "a", 0).await.is_some());
    assert_eq!(waiting(store, Stream::Outcomes, "b", 29).await, None);
    assert!(waiting(store, Stream::DeadLetters, "b", 29).await.is_some(), "the other stream's turn is free");
    assert!(waiting(store, Stream::Outcomes, "a", 29).await.is_some(), "renewed until 59");
    assert_eq!(waiting(store, Stream::Outcomes, "b", 58).await, None);
    assert!(waiting(store, Stream::Outcomes, "b", 59).await.is_some(), "it has run out");
    assert_eq!(waiting(store, Stream::Outcomes, "a", 60).await, None);
}

pub async fn a_turn_that_is_given_back_is_free(store: &dyn Store) {
    assert!(waiting(store, Stream::Outcomes, "a", 0).await.is_some());
    store.stop_publishing(Stream::Outcomes, "b").await.unwrap();
    store.stop_publishing(Stream::DeadLetters, "a").await.unwrap();
    assert_eq!(waiting(store, Stream::Outcomes, "b", 1).await, None, "it was not b's to give");
    store.stop_publishing(Stream::Outcomes, "a").await.unwrap();
    assert!(waiting(store, Stream::Outcomes, "b", 1).await.is_some());
}
