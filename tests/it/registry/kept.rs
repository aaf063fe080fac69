//! What is kept of the registry's answers.

use std::sync::Arc;
use std::time::Duration;

use reassure::clock::Clock;
use reassure::domain::time::Timestamp;
use reassure::envelope::Refusal;
use reassure::ingest::{Lookup, Schemas};
use reassure::ports::SchemaId;
use reassure::telemetry::Metrics;
use serde_json::json;

use super::client::{client, settings};
use super::fake::{Fake, Mood};

const LONG: Duration = Duration::from_secs(60);

fn schemas(fake: &Fake, most: usize) -> Schemas {
    with_clock(fake, most, Clock::system())
}

fn with_clock(fake: &Fake, most: usize, clock: Clock) -> Schemas {
    Schemas::new(Arc::new(client(&settings(&fake.url))), most, clock, Metrics::new().unwrap())
}

/// Waits until the schema is not being asked for any more.
async fn settled(schemas: &Schemas, id: u32) -> Result<(), Refusal> {
    let mut changes = schemas.changes();
    let wait = async {
        loop {
            match schemas.get(SchemaId::Number(id)) {
                Lookup::Known(_) => return Ok(()),
                Lookup::Refused(refusal) => return Err(refusal),
                Lookup::Asked => changes.changed().await.unwrap(),
            }
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("an answer")
}

#[tokio::test]
async fn a_schema_is_asked_for_once_however_many_want_it() {
    let fake = Fake::start().await;
    fake.register(1, &json!("string"));
    let schemas = schemas(&fake, 10);
    for _ in 0..100 {
        assert!(matches!(schemas.get(SchemaId::Number(1)), Lookup::Asked));
    }
    for _ in 0..100 {
        settled(&schemas, 1).await.unwrap();
    }
    assert_eq!(fake.asked(), ["/schemas/ids/1"]);
}

/// I10: ids come from records, and anybody can think of many.
#[tokio::test]
async fn no_more_are_kept_than_memory_is_set_aside_for() {
    let fake = Fake::start().await;
    (0..50).for_each(|id| fake.register(id, &json!("string")));
    let schemas = schemas(&fake, 10);
    for id in 0..50 {
        settled(&schemas, id).await.unwrap();
        settled(&schemas, 0).await.unwrap();
        assert!(schemas.count() <= 10);
    }
    // what is used stays, what was not used for the longest time has gone
    let asked = fake.asked();
    assert_eq!(asked.iter().filter(|path| *path == "/schemas/ids/0").count(), 1);
    settled(&schemas, 49).await.unwrap();
    assert_eq!(fake.asked().len(), asked.len());
    settled(&schemas, 1).await.unwrap();
    assert_eq!(fake.asked().len(), asked.len() + 1);
    for id in 1_000..1_050 {
        assert_eq!(settled(&schemas, id).await.unwrap_err().cause, "unknown_schema");
        assert!(schemas.count() <= 10);
    }
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_while_and_then_asked_about_again() {
    let fake = Fake::start().await;
    let clock = Clock::standing(Timestamp::from_millis(0));
    let schemas = with_clock(&fake, 10, clock.clone());
    assert_eq!(settled(&schemas, 1).await.unwrap_err().cause, "unknown_schema");
    fake.register(1, &json!("string"));
    assert_eq!(settled(&schemas, 1).await.unwrap_err().cause, "unknown_schema");
    assert_eq!(fake.asked().len(), 1);
    clock.advance(Timestamp::from_millis(10_000));
    settled(&schemas, 1).await.unwrap();

    fake.put("/schemas/ids/2", json!({ "schema": "{}" }));
    assert_eq!(settled(&schemas, 2).await.unwrap_err().cause, "unreadable_schema");
}

#[tokio::test]
async fn a_registry_that_is_away_is_asked_until_it_is_back() {
    let fake = Fake::start().await;
    fake.register(1, &json!("string"));
    fake.set(Mood::Say(503, String::new()));
    let schemas = schemas(&fake, 10);
    let mut changes = schemas.changes();
    assert!(matches!(schemas.get(SchemaId::Number(1)), Lookup::Asked));
    assert!(!schemas.is_failing());
    for _ in 0..2 {
        tokio::time::timeout(LONG, changes.changed()).await.unwrap().unwrap();
        assert!(schemas.is_failing());
        assert!(matches!(schemas.get(SchemaId::Number(1)), Lookup::Asked));
    }
    fake.set(Mood::Answer);
    settled(&schemas, 1).await.unwrap();
    assert!(!schemas.is_failing());
}

#[tokio::test]
async fn nobody_asks_on_behalf_of_who_has_gone() {
    let fake = Fake::start().await;
    fake.set(Mood::Say(503, String::new()));
    let schemas = schemas(&fake, 10);
    let mut changes = schemas.changes();
    schemas.get(SchemaId::Number(1));
    changes.changed().await.unwrap();
    drop(schemas);
    // its end drops the other side of the changes
    let ended = async { while changes.changed().await.is_ok() {} };
    tokio::time::timeout(LONG, ended).await.expect("the asking ends");
}
