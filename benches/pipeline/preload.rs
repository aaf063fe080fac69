//! Fills a store with journeys at every stage: seven are played, then copied row by row under
//! other numbers, ten thousand at a time in one transaction.

use std::path::Path;
use std::sync::Mutex;

use reassure::domain::time::Timestamp;
use reassure::packing::{Kind, Packer, Unpacker};
use reassure::store::sqlite::{Settings, Sqlite};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::author::{self, Author};
use super::events::{Event, FIRST, SCANS_OF_ONE, stage_of_old, whole};

/// Rounds of seven journeys in one transaction.
const ROUNDS: u32 = 1_500;

/// Every text that names the seed's order number, with the copy's in its place.
const COPY: &str = "
INSERT INTO journeys (id, shop, order_id, version, wake_ms, last_entry, last_notification, body)
SELECT j.id + 7 * r.k, j.shop, replace(j.order_id, n.old, n.old + 7 * r.k), j.version, j.wake_ms,
       j.last_entry + (SELECT count(*) FROM owners) * r.k, j.last_notification + 7 * r.k,
       renumber('journey', j.body, n.old, n.old + 7 * r.k)
FROM rounds r, journeys j JOIN numbers n ON n.journey = j.id WHERE j.id <= 7 ORDER BY r.k, j.id;
INSERT INTO links (shop, reference, since_ms, journey, order_id)
SELECT l.shop, replace(l.reference, n.old, n.old + 7 * r.k), l.since_ms, l.journey + 7 * r.k,
       replace(l.order_id, n.old, n.old + 7 * r.k)
FROM rounds r, links l JOIN numbers n ON n.journey = l.journey;
INSERT INTO entries (id, previous, at_ms, body)
SELECT e.id + (SELECT count(*) FROM owners) * r.k, e.previous + (SELECT count(*) FROM owners) * r.k, e.at_ms,
       renumber('entry', e.body, o.old, o.old + 7 * r.k)
FROM rounds r, entries e JOIN owners o ON o.entry = e.id;
INSERT INTO outbox (seq, id, journey, channel, provider, state, ready_ms, due_ms, lease_owner, lease_until_ms,
                    attempts, received_ms, decided_ms, expires_ms, settled_ms, rule, message, subject, previous)
SELECT seq + 7 * r.k, printf('ntf_%08x', r.k) || substr(id, 13), journey + 7 * r.k, channel, provider, state,
       ready_ms, due_ms, lease_owner, lease_until_ms, attempts, received_ms, decided_ms, expires_ms, settled_ms,
       rule, message, subject, previous + 7 * r.k
FROM rounds r, outbox WHERE journey <= 7;
INSERT INTO contents (notification, body)
SELECT notification + 7 * r.k, body FROM rounds r, contents WHERE notification <= 7;
INSERT INTO attempts (notification, at_ms, provider, outcome, status, provider_id, detail)
SELECT notification + 7 * r.k, at_ms, provider, outcome, status, provider_id, detail
FROM rounds r, attempts WHERE notification <= 7;
";

/// Makes a store at `path` with `journeys` in it.
pub async fn fill(path: &Path, config: &Path, begin: Timestamp, journeys: u32) {
    let mut author = Author::new(author::load(config), begin);
    let store = Sqlite::open(path, Settings::default()).expect("a new store");
    let seed = u32::from(SCANS_OF_ONE);
    let events = |stage: u8| (0..seed).filter(move |order| stage_of_old(*order) >= stage);
    for stage in 0..SCANS_OF_ONE {
        let events: Vec<Event> = events(stage).map(|order| Event { order, stage, place: 0 }).collect();
        let batch = author.batch(&events);
        author::commit(&store, batch, begin).await;
    }
    drop(store);
    let connection = Connection::open(path).expect("the store");
    copy(&connection, seed, journeys).expect("the copies are written");
    drop(connection);
    // or the disk would still be busy with it while the service is measured
    std::fs::File::open(path).and_then(|file| file.sync_all()).expect("the store is on the disk");
}

fn copy(connection: &Connection, seed: u32, journeys: u32) -> rusqlite::Result<()> {
    offer_renumber(connection)?;
    // nothing is at stake yet
    connection.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
         PRAGMA cache_size = -1048576;
         CREATE TEMP TABLE rounds (k INTEGER PRIMARY KEY);
         CREATE TEMP TABLE numbers (journey INTEGER PRIMARY KEY, old INTEGER);
         INSERT INTO numbers SELECT id, CAST(substr(order_id, 3) AS INTEGER) FROM journeys;
         CREATE TEMP TABLE owners (entry INTEGER PRIMARY KEY, old INTEGER);
         INSERT INTO owners
         WITH RECURSIVE line (entry, old) AS (
             SELECT j.last_entry, n.old FROM journeys j JOIN numbers n ON n.journey = j.id WHERE j.last_entry > 0
             UNION ALL SELECT e.previous, l.old FROM line l JOIN entries e ON e.id = l.entry WHERE e.previous > 0)
         SELECT entry, old FROM line;",
    )?;
    let lowest: u32 = connection.query_row("SELECT min(old) FROM numbers", [], |row| row.get(0))?;
    assert_eq!(lowest, FIRST, "the seed has the first numbers");
    let rounds = whole(journeys) / seed;
    for first in (1..rounds).step_by(usize::try_from(ROUNDS).expect("a small number")) {
        let last = (first + ROUNDS).min(rounds) - 1;
        connection.execute_batch("BEGIN; DELETE FROM rounds;")?;
        connection.execute(
            "WITH RECURSIVE c (k) AS (VALUES (?1) UNION ALL SELECT k + 1 FROM c WHERE k < ?2)
             INSERT INTO rounds SELECT k FROM c",
            [first, last],
        )?;
        connection.execute_batch(COPY)?;
        connection.execute_batch("COMMIT;")?;
    }
    connection.execute_batch("PRAGMA journal_mode = WAL;")
}

/// `renumber(kind, body, old, new)`: the row with another number in place of the old one.
fn offer_renumber(connection: &Connection) -> rusqlite::Result<()> {
    let (packer, unpacker) = (Mutex::new(Packer::default()), Mutex::new(Unpacker::default()));
    connection.create_scalar_function("renumber", 4, FunctionFlags::SQLITE_DETERMINISTIC, move |call| {
        let name: String = call.get(0)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name).expect("a kind");
        let body = call.get_raw(1).as_blob()?;
        let [old, new]: [i64; 2] = [call.get(2)?, call.get(3)?];
        let json = unpacker.lock().expect("one thread").decompress(kind, body).expect("a row of the seed");
        let json = String::from_utf8(json).expect("JSON").replace(&old.to_string(), &new.to_string());
        Ok(packer.lock().expect("one thread").compress(kind, json.as_bytes()).expect("a row"))
    })
}
