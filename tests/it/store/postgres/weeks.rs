//! Partitions by week: made ahead and on demand, dropped when their time is over.

use std::time::Duration;

use reassure::ports::{Batch, JourneyWrite, Next, Store, StoreError};
use reassure::store::postgres::Postgres;

use crate::store::fixture::*;
use crate::store::place::Schema;

async fn partitions(schema: &Schema, table: &str) -> Vec<String> {
    let sql = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass($1) ORDER BY 1";
    let rows = schema.stranger().await.query(sql, &[&table]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn take_in(store: &Postgres, order: &str, number: u8) -> Result<(), StoreError> {
    let write =
        JourneyWrite { notifications: vec![email(order)], entries: vec![entry(1, "placed")], ..write(order, None) };
    let batch = Batch { inbox: vec![inbox(number)], ..batch([write]) };
    store.commit(batch, &lease("me", 60), &plenty()).await.map(|_| ())
}

#[tokio::test]
async fn a_week_without_its_partitions_gets_them_when_it_is_written_to() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    assert!(partitions(&schema, "contents").await.len() >= 4, "this week and the next");
    // a clock that is wrong by years, ahead or behind, stops nothing and loses nothing
    for (number, wrong) in [(1, "30 years"), (2, "-20 years")] {
        schema.shift_clock(wrong).await;
        take_in(&store, wrong, number).await.unwrap();
        store.record(vec![attempt(wrong, 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    }
    schema.shift_clock("0 days").await;
    assert_eq!(store.seen(&[inbox(1), inbox(2), inbox(3)]).await.unwrap(), [true, true, false]);
    let told = store.timeline(&key("30 years")).await.unwrap().unwrap();
    assert_eq!((told.entries.len(), told.notifications[0].attempts.len()), (1, 1));
}

#[tokio::test]
async fn what_is_old_is_dropped_and_what_waits_is_kept() {
    let Some(mut schema) = Schema::new() else { return };
    schema.settings.keep_contents_days = Some(30);
    let store = schema.open().await;
    schema.shift_clock("-60 weeks").await;
    take_in(&store, "A", 1).await.unwrap();
    schema.shift_clock("0 days").await;
    let before = partitions(&schema, "contents").await;
    assert_eq!(store.keep_up().await.unwrap(), Vec::<String>::new(), "its message has not left yet");
    // nor has it while it waits for a person
    store.record(vec![attempt("A", 1, Next::Held)], at(1), &lease("me", 60)).await.unwrap();
    assert_eq!(store.keep_up().await.unwrap(), Vec::<String>::new());
    assert!(store.redrive_notification(&id("A"), at(2)).await.unwrap());
    let claimed = store.claim("brevo", at(2), &lease("me", 60), 1).await.unwrap();
    assert_eq!(claimed[0].content, email("A").1, "with all that it says");
    store.record(vec![attempt("A", 3, Next::Accepted)], at(3), &lease("me", 60)).await.unwrap();
    let dropped = store.keep_up().await.unwrap();
    assert_eq!(dropped.len(), 2 * 4, "four weeks of keys and of contents: {dropped:?}");
    assert!(dropped.contains(&before[0]), "{before:?}");
    assert_eq!(store.seen(&[inbox(1)]).await.unwrap(), [false], "its time is over");
    let told = store.timeline(&key("A")).await.unwrap().unwrap();
    assert_eq!(told.entries.len(), 1, "timelines are kept for ever, unless it is said otherwise");
    take_in(&store, "B", 2).await.unwrap();
}

#[tokio::test]
async fn a_drop_that_was_interrupted_is_finished() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    schema.shift_clock("-60 weeks").await;
    take_in(&store, "A", 1).await.unwrap();
    store.record(vec![attempt("A", 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    schema.shift_clock("0 days").await;
    let oldest = partitions(&schema, "inbox").await.remove(0);
    let detach = format!("ALTER TABLE inbox DETACH PARTITION {oldest} CONCURRENTLY");
    schema.stranger().await.batch_execute(&detach).await.unwrap();
    assert!(store.keep_up().await.unwrap().contains(&oldest));
    let gone = schema.stranger().await.query_one("SELECT to_regclass($1) IS NULL", &[&oldest]).await.unwrap();
    assert!(gone.get::<_, bool>(0));
}

#[tokio::test]
async fn an_event_is_known_on_the_other_side_of_a_border() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    // weeks before and after, and one right at the border
    for (number, clock) in [(1, "'2026-03-08 12:00Z'"), (2, "'2026-03-08 23:59:59Z'"), (3, "'2026-03-09 00:00:01Z'")] {
        schema.set_clock(&format!("timestamptz {clock}")).await;
        take_in(&store, &number.to_string(), number).await.unwrap();
    }
    for clock in ["'2026-03-08 12:00Z'", "'2026-03-09 00:30Z'", "'2026-03-25 12:00Z'"] {
        schema.set_clock(&format!("timestamptz {clock}")).await;
        for number in 1..=3 {
            let again = take_in(&store, &format!("again {number}"), number).await;
            assert!(matches!(again, Err(StoreError::Conflict)), "{number} at {clock}: {again:?} (I1)");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_being_taken_in_on_the_other_side_of_a_border_is_waited_for() {
    let Some(schema) = Schema::new() else { return };
    let store = std::sync::Arc::new(schema.open().await);
    schema.set_clock("timestamptz '2026-03-08 23:59:59Z'").await;
    take_in(&store, "first", 1).await.unwrap();
    // another replica's transaction, begun before the border and not yet at its end
    let other = schema.stranger().await;
    other.batch_execute("BEGIN").await.unwrap();
    let key = "07070707-0707-0707-0707-070707070707";
    let sql = format!("INSERT INTO inbox (key, week) SELECT '{key}', * FROM weeks_around()");
    other.batch_execute(&sql).await.unwrap();
    schema.set_clock("timestamptz '2026-03-09 00:00:01Z'").await;
    let late = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move { take_in(&store, "late", 7).await }
    });
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE NOT l.granted AND a.query LIKE '%inbox%' AND $1 = ANY(pg_blocking_pids(l.pid))";
    let watcher = schema.stranger().await;
    let pid: i32 = other.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let begun = std::time::Instant::now();
    while watcher.query_one(waits, &[&pid]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20) && !late.is_finished(), "it does not wait for the other");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    other.batch_execute("COMMIT").await.unwrap();
    assert!(matches!(late.await.unwrap(), Err(StoreError::Conflict)));
}
