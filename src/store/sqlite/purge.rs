//! Removing what is old, a few rows at a time.
//!
//! Rows lie in the order in which they were written, so a walk along their ids needs no index and ends
//! where nothing is old any more. The newest row of a table stays: its id would be given again, and
//! others name it.

use rusqlite::{Connection, TransactionBehavior, params};

use super::columns;
use crate::domain::decision::Reason;
use crate::domain::time::Timestamp;
use crate::ports::{Kept, Purged, StoreError};
use crate::store::vault;

/// Each gives, for the rows after `?1`, the id, whether it is from before `?2`, and whether it may go then.
const CONTENTS: &str =
    "SELECT c.notification, o.decided_ms < ?2, o.state NOT IN ('pending', 'dead', 'held', 'stormbound')
    FROM contents c JOIN outbox o ON o.seq = c.notification WHERE c.notification > ?1 ORDER BY c.notification LIMIT ?3";
const ATTEMPTS: &str = "SELECT a.id, a.at_ms < ?2, o.state NOT IN ('pending', 'dead', 'held', 'stormbound')
        AND a.id < (SELECT max(id) FROM attempts)
    FROM attempts a JOIN outbox o ON o.seq = a.notification WHERE a.id > ?1 ORDER BY a.id LIMIT ?3";
const ENTRIES: &str = "SELECT id, at_ms < ?2, id < (SELECT max(id) FROM entries)
    FROM entries WHERE id > ?1 ORDER BY id LIMIT ?3";
const PARKED: &str = "SELECT id, parked_ms < ?2, 1 FROM parked WHERE id > ?1 ORDER BY id LIMIT ?3";
const DEAD_RECORDS: &str = "SELECT id, at_ms < ?2, redriven = 0 FROM dead_records WHERE id > ?1 ORDER BY id LIMIT ?3";
/// Their ids are hashes, and so old in no order.
const SPENDING: &str = "SELECT id, 1, last_ms < ?2 FROM spending WHERE id > ?1 ORDER BY id LIMIT ?3";
/// They change, and so are old in no order.
const JOURNEYS: &str = "SELECT id, 1, changed_s * 1000 < ?2 AND wake_ms IS NULL AND id < (SELECT max(id) FROM journeys)
        AND last_notification IS NOT (SELECT max(seq) FROM outbox)
    FROM journeys WHERE id > ?1 ORDER BY id LIMIT ?3";

pub(super) fn purge(
    connection: &mut Connection,
    kept: Kept,
    before: Timestamp,
    after: i64,
    limit: usize,
) -> Result<Purged, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let delete = |sql: &'static str| {
        let connection = &transaction;
        move |id: i64| -> Result<bool, StoreError> { Ok(connection.prepare_cached(sql)?.execute([id])? == 1) }
    };
    let walk =
        |sql, remove: &dyn Fn(i64) -> Result<bool, StoreError>| walk(&transaction, sql, before, after, limit, remove);
    let purged = match kept {
        Kept::Contents => walk(CONTENTS, &delete("DELETE FROM contents WHERE notification = ?1")),
        Kept::Timelines => walk(ENTRIES, &delete("DELETE FROM entries WHERE id = ?1")),
        Kept::Attempts => walk(ATTEMPTS, &delete("DELETE FROM attempts WHERE id = ?1")),
        Kept::Parked => walk(PARKED, &delete("DELETE FROM parked WHERE id = ?1")),
        Kept::Spending => walk(SPENDING, &delete("DELETE FROM spending WHERE id = ?1")),
        Kept::Journeys => walk(JOURNEYS, &|id| journey(&transaction, id)),
        Kept::DeadLetters => {
            let given_up = give_up(&transaction, before, limit)?;
            let purged = walk(DEAD_RECORDS, &delete("DELETE FROM dead_records WHERE id = ?1"))?;
            let more = (given_up > 0).then_some(after);
            Ok(Purged { removed: purged.removed + given_up, next: purged.next.or(more) })
        }
    }?;
    transaction.commit()?;
    Ok(purged)
}

/// Looks at the next rows and removes those that may go.
fn walk(
    connection: &Connection,
    sql: &str,
    before: Timestamp,
    after: i64,
    limit: usize,
    remove: &dyn Fn(i64) -> Result<bool, StoreError>,
) -> Result<Purged, StoreError> {
    let rows: Vec<(i64, bool, bool)> = connection
        .prepare_cached(sql)?
        .query_map(params![after, before.millis(), columns::integer(limit)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut removed = 0;
    for (id, ..) in rows.iter().filter(|(_, is_old, may_go)| *is_old && *may_go) {
        removed += u64::from(remove(*id)?);
    }
    let is_more = rows.len() == limit && rows.iter().any(|(_, is_old, _)| *is_old);
    let next = rows.last().filter(|_| is_more).map(|(id, ..)| *id);
    Ok(Purged { removed, next })
}

/// Messages that have waited for a person for so long are sent no more.
fn give_up(connection: &Connection, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let settled = "UPDATE outbox SET state = 'suppressed', reason = ?3 WHERE seq IN (
        SELECT seq FROM outbox INDEXED BY outbox_waiting
        WHERE state IN ('dead', 'held') AND settled_ms < ?1 ORDER BY settled_ms LIMIT ?2)";
    let stormbound = "UPDATE outbox SET state = 'suppressed', reason = ?3, lease_owner = NULL, lease_until_ms = NULL
        WHERE seq IN (SELECT seq FROM outbox INDEXED BY outbox_stormbound
            WHERE state = 'stormbound' AND decided_ms < ?1 LIMIT ?2)";
    let mut given_up = 0;
    for waiting in [settled, stormbound] {
        given_up += connection.prepare_cached(waiting)?.execute(params![
            before.millis(),
            columns::integer(limit),
            Reason::Expired.as_str()
        ])?;
    }
    Ok(given_up as u64)
}

/// Removes a journey with everything that hangs on it, unless a message of it waits still.
fn journey(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    let (shop, body, last_entry, last_notification) = connection
        .prepare_cached("SELECT shop, body, last_entry, last_notification FROM journeys WHERE id = ?1")?
        .query_row([id], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        })?;
    let sent: Vec<(i64, bool)> = connection
        .prepare_cached(
            "WITH RECURSIVE line (seq, previous, state) AS (
                 SELECT seq, previous, state FROM outbox WHERE seq = ?1
                 UNION ALL SELECT o.seq, o.previous, o.state FROM line l JOIN outbox o ON o.seq = l.previous)
             SELECT seq, state IN ('pending', 'dead', 'held', 'stormbound') FROM line",
        )?
        .query_map([last_notification], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    if sent.iter().any(|(_, waits)| *waits) {
        return Ok(false);
    }
    // its contents and attempts go with a notification
    let mut forget = connection.prepare_cached("DELETE FROM outbox WHERE seq = ?1")?;
    for (seq, _) in sent {
        forget.execute([seq])?;
    }
    connection
        .prepare_cached(
            "WITH RECURSIVE line (id, previous) AS (
                 SELECT id, previous FROM entries WHERE id = ?1
                 UNION ALL SELECT e.id, e.previous FROM line l JOIN entries e ON e.id = l.previous)
             DELETE FROM entries WHERE id IN (SELECT id FROM line) AND id < (SELECT max(id) FROM entries)",
        )?
        .execute([last_entry])?;
    match vault::without_person(&body) {
        Ok(journey) => {
            for reference in columns::references(&journey)? {
                connection
                    .prepare_cached("DELETE FROM links WHERE shop = ?1 AND reference = ?2 AND journey = ?3")?
                    .execute(params![shop, reference, id])?;
            }
        }
        // damaged: where it was found by is not known, and all of the shop is looked through, this once
        Err(_) => {
            connection.execute("DELETE FROM links WHERE shop = ?1 AND journey = ?2", params![shop, id])?;
        }
    }
    connection.prepare_cached("DELETE FROM unconfirmed WHERE journey = ?1")?.execute([id])?;
    // its key is elsewhere, and forgotten after this
    connection
        .prepare_cached(
            "INSERT INTO forgotten_keys (shop, order_id)
             SELECT shop, order_id FROM journeys WHERE id = ?1 AND EXISTS (SELECT 1 FROM vault) ON CONFLICT DO NOTHING",
        )?
        .execute([id])?;
    Ok(connection.prepare_cached("DELETE FROM journeys WHERE id = ?1")?.execute([id])? == 1)
}
