//! Partitions by week: made ahead and on demand, dropped when their time is over.

use reassure::clock::Clock;
use reassure::ports::{JourneyWrite, Kept, Next, State, Store, StoreError};
use reassure::store::postgres::Postgres;

use crate::store::fixture::*;
use crate::store::place::Schema;

async fn partitions(schema: &Schema, table: &str) -> Vec<String> {
    let sql = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass($1) ORDER BY 1";
    let rows = schema.stranger().await.query(sql, &[&table]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn take_in(store: &Postgres, order: &str) -> Result<(), StoreError> {
    let write =
        JourneyWrite { notifications: vec![email(order)], entries: vec![entry(1, "placed")], ..write(order, None) };
    store.commit(batch([write]), &lease("me", 60), &plenty()).await.map(|_| ())
}

#[tokio::test]
async fn a_week_without_its_partitions_gets_them_when_it_is_written_to() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    assert!(partitions(&schema, "contents").await.len() >= 4, "this week and the next");
    // a clock that is wrong by years, ahead or behind, stops nothing and loses nothing
    for wrong in ["30 years", "-20 years"] {
        schema.shift_clock(wrong).await;
        take_in(&store, wrong).await.unwrap();
        store.record(vec![attempt(wrong, 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    }
    schema.shift_clock("0 days").await;
    let told = store.timeline(&key("30 years")).await.unwrap().unwrap();
    assert_eq!((told.entries.len(), told.notifications[0].attempts.len()), (1, 1));
}

#[tokio::test]
async fn what_is_old_is_dropped_and_what_waits_is_kept() {
    let Some(schema) = Schema::new() else { return };
    let old = Clock::system().now().plus(-chrono::Duration::days(30));
    let store = schema.open().await;
    schema.shift_clock("-60 weeks").await;
    take_in(&store, "A").await.unwrap();
    schema.shift_clock("0 days").await;
    let before = partitions(&schema, "contents").await;
    assert_eq!(
        store.drop_weeks(Kept::Contents, old).await.unwrap(),
        Vec::<String>::new(),
        "its message has not left yet"
    );
    // nor has it while it waits for a person
    store.record(vec![attempt("A", 1, Next::Held)], at(1), &lease("me", 60)).await.unwrap();
    assert_eq!(store.drop_weeks(Kept::Contents, old).await.unwrap(), Vec::<String>::new());
    assert!(store.redrive_notification(&id("A"), at(2)).await.unwrap());
    let claimed = store.claim("brevo", at(2), &lease("me", 60), 1).await.unwrap();
    assert_eq!(claimed[0].content, email("A").1, "with all that it says");
    store.record(vec![attempt("A", 3, Next::Accepted)], at(3), &lease("me", 60)).await.unwrap();
    let dropped = store.drop_weeks(Kept::Contents, old).await.unwrap();
    assert_eq!(dropped.len(), 4, "four weeks of contents: {dropped:?}");
    assert!(dropped.contains(&before[0]), "{before:?}");
    let told = store.timeline(&key("A")).await.unwrap().unwrap();
    assert_eq!(told.entries.len(), 1, "timelines have a time of their own");
    assert!(told.notifications[0].content.is_none() && told.notifications[0].state == State::Accepted);
    take_in(&store, "B").await.unwrap();
}

#[tokio::test]
async fn a_drop_that_was_interrupted_is_finished() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    schema.shift_clock("-60 weeks").await;
    take_in(&store, "A").await.unwrap();
    store.record(vec![attempt("A", 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    schema.shift_clock("0 days").await;
    let oldest = partitions(&schema, "attempts").await.remove(0);
    let detach = format!("ALTER TABLE attempts DETACH PARTITION {oldest} CONCURRENTLY");
    schema.stranger().await.batch_execute(&detach).await.unwrap();
    let now = Clock::system().now();
    assert!(store.drop_weeks(Kept::Attempts, now).await.unwrap().contains(&oldest));
    let gone = schema.stranger().await.query_one("SELECT to_regclass($1) IS NULL", &[&oldest]).await.unwrap();
    assert!(gone.get::<_, bool>(0));
}
