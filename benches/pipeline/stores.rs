//! The same batches written to SQLite and to PostgreSQL, each open and encrypted, one after the other, in one run.

use std::path::Path;
use std::time::Instant;

use reassure::domain::time::Timestamp;
use reassure::ports::{Advance, Partition, Store};
use reassure::secret::SecretSource;
use reassure::store::MasterKey;
use reassure::store::postgres::{self, Postgres};
use reassure::store::sqlite::{self, Sqlite};
use tokio_postgres::{Client, NoTls};

use super::author::{self, Author};
use super::events::{Event, SCANS_OF_ONE, plan, stage_of_old, whole};

const BATCH: usize = 500;
const SCHEMA: &str = "reassure_bench";

/// What one store did.
struct Written {
    seconds: f64,
    /// Bytes of write-ahead log; only PostgreSQL tells.
    logged: Option<i64>,
}

/// Prints events a second of both and their ratio.
pub async fn compare(folder: &Path, config: &Path, url: &str, journeys: u32, count: usize, begin: Timestamp) {
    let events = plan(journeys, count);
    let mut sqlite = Vec::new();
    for (name, keys) in [("compared.db", None), ("sealed.db", Some(master(folder)))] {
        let encryption = keys.map(|keys| sqlite::Encryption { keys, path: None, missing_is_erased: false });
        let settings = sqlite::Settings { encryption, ..sqlite::Settings::default() };
        let file = Sqlite::open(folder.join(name), settings).expect("a new store");
        sqlite.push(write(&file, config, journeys, &events, begin, None).await);
    }
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database");
    tokio::spawn(connection);
    let mut postgres = Vec::new();
    for keys in [None, Some(master(folder))] {
        client
            .batch_execute(&format!("DROP SCHEMA IF EXISTS {SCHEMA}, {SCHEMA}_keys CASCADE"))
            .await
            .expect("the schema of the run before");
        let (url_of_keys, password, schema) = (None, None, None);
        let encryption = keys.map(|keys| postgres::Encryption {
            keys,
            url: url_of_keys,
            password,
            schema,
            missing_is_erased: false,
        });
        let settings = postgres::Settings { encryption, ..reach(folder, url) };
        let database = Postgres::open(settings).await.expect("the database");
        postgres.push(write(&database, config, journeys, &events, begin, Some(&client)).await);
    }
    let rate = |written: &Written| count as f64 / written.seconds;
    println!(
        "{count} events over {} journeys, {BATCH} at a time: SQLite {:.0}/s, PostgreSQL {:.0}/s, ratio {:.2}, \
         {} bytes of log an event",
        whole(journeys),
        rate(&sqlite[0]),
        rate(&postgres[0]),
        rate(&postgres[0]) / rate(&sqlite[0]),
        postgres[0].logged.unwrap_or_default() / i64::try_from(count).expect("a small number"),
    );
    for (name, both) in [("SQLite", &sqlite), ("PostgreSQL", &postgres)] {
        println!("{name}, encrypted: {:.0}/s, {:.2} of open", rate(&both[1]), rate(&both[1]) / rate(&both[0]));
    }
}

/// A master key in a file.
fn master(folder: &Path) -> Vec<MasterKey> {
    let file = folder.join("master");
    std::fs::write(&file, "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=").expect("a file for the key");
    vec![MasterKey { id: "bench".to_owned(), key: SecretSource::File(file.display().to_string()) }]
}

/// The database at `url`, whose password goes where passwords belong.
fn reach(folder: &Path, url: &str) -> postgres::Settings {
    let mut place: url::Url = url.parse().expect("a URL");
    let file = folder.join("password");
    let password = place.password().map(|password| {
        std::fs::write(&file, password).expect("a file for the password");
        SecretSource::File(file.display().to_string())
    });
    place.set_password(None).expect("a URL with a host");
    postgres::Settings { url: place.into(), password, schema: SCHEMA.to_owned(), ..postgres::Settings::default() }
}

async fn write(
    store: &dyn Store,
    config: &Path,
    journeys: u32,
    events: &[Event],
    begin: Timestamp,
    database: Option<&Client>,
) -> Written {
    let mut author = Author::new(author::load(config), begin);
    for stage in 0..SCANS_OF_ONE {
        let old = (0..whole(journeys)).filter(|order| stage_of_old(*order) >= stage);
        let old: Vec<Event> = old.map(|order| Event { order, stage, place: 0 }).collect();
        for events in old.chunks(BATCH) {
            author::commit(store, author.batch(events), begin).await;
        }
    }
    if let Some(client) = database {
        client.batch_execute("CHECKPOINT").await.expect("a checkpoint");
    }
    let before = log(database).await;
    let partition = Partition { topic: "compared".into(), number: 0 };
    let (mut seconds, mut next) = (0.0, 0);
    for events in events.chunks(BATCH) {
        let mut batch = author.batch(events);
        let expected = (next > 0).then_some(next);
        next += i64::try_from(events.len()).expect("a few records");
        batch.advances.push(Advance { partition: partition.clone(), expected, next });
        let start = Instant::now();
        author::commit(store, batch, begin).await;
        seconds += start.elapsed().as_secs_f64();
    }
    let logged = log(database).await.zip(before).map(|(after, before)| after - before);
    Written { seconds, logged }
}

async fn log(database: Option<&Client>) -> Option<i64> {
    let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
    Some(database?.query_one(sql, &[]).await.expect("the log").get(0))
}
