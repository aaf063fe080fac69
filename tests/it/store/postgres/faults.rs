//! A server that refuses, fails, restarts or is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reassure::ports::{Batch, JourneyWrite, Store, StoreError};
use reassure::store::postgres::{Postgres, Settings};

use crate::stack::Own;
use crate::store::fixture::*;
use crate::store::place::Schema;

async fn opening(settings: Settings) -> Result<(), StoreError> {
    Postgres::open(settings).await.map(|_| ())
}

fn unavailable<T: std::fmt::Debug>(refused: Result<T, StoreError>) -> String {
    match refused {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn a_schema_one_version_newer_is_worked_with_and_left_alone() {
    let Some(schema) = Schema::new() else { return };
    drop(schema.open().await);
    let stranger = schema.stranger().await;
    let raise = "UPDATE schema_version SET version = version + 1 RETURNING version";
    let next: i32 = stranger.query_one(raise, &[]).await.unwrap().get(0);
    let store = schema.open().await;
    super::super::fixture::place(&store, "A", vec![email("n1")]).await;
    store.ping().await.unwrap();
    let version: i32 = stranger.query_one("SELECT version FROM schema_version", &[]).await.unwrap().get(0);
    assert_eq!(version, next);
}

#[tokio::test]
async fn a_far_newer_schema_or_another_program_s_is_refused_and_left_alone() {
    let Some(schema) = Schema::new() else { return };
    drop(schema.open().await);
    let stranger = schema.stranger().await;
    stranger.batch_execute("UPDATE schema_version SET version = 999").await.unwrap();
    let Err(StoreError::Corrupt(why)) = opening(schema.settings.clone()).await else { panic!("it opened") };
    assert!(why.contains("version 999") && why.contains("a newer version wrote it"), "{why}");
    stranger.batch_execute("DROP TABLE schema_version").await.unwrap();
    let Err(StoreError::Corrupt(why)) = opening(schema.settings.clone()).await else { panic!("it opened") };
    assert!(why.contains("another program"), "{why}");
}

#[tokio::test]
async fn a_database_that_is_away_at_the_start_is_waited_for_and_no_longer_than_was_said() {
    let Some(schema) = Schema::new() else { return };
    let nobody = Settings {
        url: "postgresql://reassure@127.0.0.1:1/reassure".to_owned(),
        start_ms: 2_500,
        ..schema.settings.clone()
    };
    let begun = Instant::now();
    let why = unavailable(opening(nobody).await);
    assert!(why.contains("connection refused"), "{why}");
    assert!(begun.elapsed() > Duration::from_secs(1) && begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn credentials_and_settings_that_do_not_fit_are_told_without_the_secret() {
    let Some(schema) = Schema::new() else { return };
    let url = |url: &str| Settings { url: url.to_owned(), ..schema.settings.clone() };
    for (settings, expected) in [
        (url(""), "store.url is missing"),
        (url("postgresql://reassure:hunter2@localhost/reassure"), "store.password names the file"),
        (url("hunter2 = ' "), "store.url cannot be read"),
        (url("postgresql://reassure@localhost/reassure?sslmode=prefer"), "say require or disable"),
        (Settings { schema: "a\"; DROP TABLE b".to_owned(), ..schema.settings.clone() }, "store.schema"),
        (Settings { connections: 1, ..schema.settings.clone() }, "store.connections"),
        (Settings { deadline_ms: 1, ..schema.settings.clone() }, "store.deadline_ms"),
        (Settings { ca_file: Some("/nowhere.pem".into()), ..schema.settings.clone() }, "store.ca_file"),
    ] {
        let Err(StoreError::Corrupt(why)) = opening(settings).await else { panic!("{expected}: it opened") };
        assert!(why.contains(expected) && !why.contains("hunter2"), "{why}");
    }
    assert!(!schema.settings.place().contains("reassure@"), "{}", schema.settings.place());
    let stranger = Settings { password: None, ..url(&schema.settings.url.replace("reassure@", "stranger@")) };
    let refused = opening(stranger).await.expect_err("a stranger").to_string();
    assert!(!refused.contains("stranger"), "{refused}");
}

/// The server raises each code with a row's data in its text, as PostgreSQL does.
#[tokio::test]
async fn what_the_server_complains_of_is_told_without_its_data() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    let stranger = schema.stranger().await;
    for (code, expected) in [
        ("53100", "give it room"),
        ("53200", "lacks resources"),
        ("25006", "read-only"),
        ("55P03", "store.lock_ms"),
        ("57014", "store.statement_ms"),
        ("40001", "changed meanwhile"),
        ("40P01", "changed meanwhile"),
        ("23505", "changed meanwhile"),
        ("22P02", "does not fit"),
        ("XX001", "does not fit"),
    ] {
        let raise = format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'ada@example.org' USING ERRCODE = '{code}', DETAIL = 'ada@example.org'; END $$;
             CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON journeys EXECUTE FUNCTION refuse()"
        );
        stranger.batch_execute(&raise).await.unwrap();
        let batch = || Batch { advances: vec![advance(0, None, 1)], ..batch([write("A", None)]) };
        let refused = store.commit(batch(), &lease("me", 60), &none()).await.unwrap_err();
        let why = refused.to_string();
        assert!(why.contains(expected) && !why.contains("ada@"), "{code}: {why}");
        assert_eq!(matches!(refused, StoreError::Conflict), why.contains("meanwhile"), "{code}");
        // nothing of it is there, and the next call finds a sound connection
        assert!(store.offsets().await.unwrap().is_empty(), "{code}");
    }
    stranger.batch_execute("DROP TRIGGER refuse ON journeys").await.unwrap();
    store.commit(batch([write("A", None)]), &lease("me", 60), &none()).await.unwrap();
}

#[tokio::test]
async fn a_lock_or_a_statement_that_takes_too_long_ends() {
    let Some(mut schema) = Schema::new() else { return };
    drop(schema.open().await);
    for (lock_ms, statement_ms, deadline_ms, expected) in [
        (200, 20_000, 20_000, "store.lock_ms"),
        (20_000, 2_000, 20_000, "store.statement_ms"),
        (20_000, 2_000, 2_000, ""),
    ] {
        schema.settings.lock_ms = lock_ms;
        schema.settings.statement_ms = statement_ms;
        schema.settings.deadline_ms = deadline_ms;
        let store = schema.open().await;
        // both connections are there before: a new one prepares its statements, which wait too
        let (beat, read) = tokio::join!(store.ping(), store.offsets());
        beat.and(read.map(|_| ())).unwrap();
        let stranger = schema.stranger().await;
        stranger.batch_execute("BEGIN; LOCK TABLE pulse IN SHARE MODE").await.unwrap();
        let begun = Instant::now();
        let why = unavailable(store.ping().await);
        assert!(why.contains(expected) && begun.elapsed() < Duration::from_secs(15), "{why}");
        store.load(&[key("A")]).await.expect("reading goes on");
        stranger.batch_execute("ROLLBACK").await.unwrap();
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_nothing_behind() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    let stranger = schema.stranger().await;
    stranger.batch_execute("BEGIN; LOCK TABLE entries IN SHARE MODE").await.unwrap();
    let told = JourneyWrite { entries: vec![entry(1, "placed")], ..write("A", None) };
    let batch = || Batch { advances: vec![advance(0, None, 1)], ..batch([told.clone()]) };
    let (until, capacity) = (lease("me", 60), plenty());
    let given_up = tokio::time::timeout(Duration::from_millis(500), store.commit(batch(), &until, &capacity)).await;
    assert!(given_up.is_err(), "it waits for the lock");
    stranger.batch_execute("ROLLBACK").await.unwrap();
    // its connection is closed, so its locks are gone and the next goes through
    store.commit(batch(), &until, &capacity).await.unwrap();
    assert_eq!(store.timeline(&key("A")).await.unwrap().unwrap().entries.len(), 1);
}

/// Commits one batch after the other, each again until it is written.
async fn write_through(store: Arc<Postgres>, batches: i64) -> usize {
    let mut refused = 0;
    for number in 0..batches {
        loop {
            let write =
                JourneyWrite { notifications: vec![email(&number.to_string())], ..write(&number.to_string(), None) };
            let batch =
                Batch { advances: vec![advance(0, (number > 0).then_some(number), number + 1)], ..batch([write]) };
            match store.commit(batch, &lease("me", 60), &plenty()).await {
                Ok(_) => break,
                // the answer was lost, and it is written
                Err(StoreError::Fenced(_)) if refused > 0 => break,
                Err(StoreError::Unavailable(_)) => refused += 1,
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_and_is_recovered_from() {
    let Some(server) = Own::new("postgres") else { return };
    let schema = Schema::of(&server.place("REASSURE_TEST_POSTGRES"));
    let store = Arc::new(schema.open().await);
    let writing = tokio::spawn(write_through(Arc::clone(&store), 150));
    let begun = Instant::now();
    while store.offsets().await.unwrap_or_default().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::task::block_in_place(|| server.stop());
    let why = unavailable(store.ping().await);
    assert!(!why.contains("reassure"), "{why}");
    tokio::task::block_in_place(|| server.start());
    let refused = tokio::time::timeout(Duration::from_secs(120), writing).await.expect("it goes on").unwrap();
    assert!(refused > 0, "it did not meet the restart");
    assert_eq!(store.offsets().await.unwrap()[&partition(0)], 150);
    assert_eq!(store.backlog(at(0)).await.unwrap().pending, 150, "each once");
    tokio::task::block_in_place(|| drop((schema, server)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_becomes_read_only_is_left_and_found_again() {
    let Some(server) = Own::new("postgres") else { return };
    let schema = Schema::of(&server.place("REASSURE_TEST_POSTGRES"));
    let store = schema.open().await;
    let stranger = schema.stranger().await;
    let set = async |value: &str| {
        stranger.batch_execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await.unwrap();
        stranger.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    };
    store.ping().await.unwrap();
    set("on").await;
    let begun = Instant::now();
    while store.ping().await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never became read-only");
    }
    // a new connection is refused too: it leads to no primary
    unavailable(store.ping().await);
    stranger.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    set("off").await;
    let begun = Instant::now();
    while store.ping().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::task::block_in_place(|| drop((schema, server)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_new_connections_is_not_available_until_it_does() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open().await;
    let stranger = schema.stranger().await;
    let role = format!("role_{}", schema.settings.schema);
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0;
         GRANT USAGE ON SCHEMA {0} TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA {0} TO {role}",
        schema.settings.schema
    );
    stranger.batch_execute(&sql).await.unwrap();
    drop(store);
    let folder = tempfile::TempDir::new().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "x").unwrap();
    let mut limited: url::Url = schema.settings.url.parse().unwrap();
    limited.set_username(&role).unwrap();
    let settings = Settings {
        url: limited.into(),
        password: Some(reassure::secret::SecretSource::File(password.display().to_string())),
        ..schema.settings.clone()
    };
    let why = unavailable(opening(settings).await);
    assert!(why.contains("53300") && why.contains("max_connections"), "{why}");
    let sql = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    stranger.batch_execute(&sql).await.unwrap();
}
