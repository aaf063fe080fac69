//! The life of a notification after its decision: claimed, attempted, given back, redriven.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::lane::{self, Lane, Stored};
use super::publication;
use super::unconfirmed;
use crate::domain::confirmation::Cause;
use crate::domain::decision::{NotificationId, Reason};
use crate::domain::time::Timestamp;
use crate::ports::{AttemptRecord, Lease, Next, State, StoreError};

/// Leases what is due of `provider`. The cost follows `limit`, whatever waits.
pub(super) fn claim(
    connection: &mut Connection,
    provider: &str,
    now: Timestamp,
    lease: &Lease,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ready: Vec<(i64, Lane)> = transaction
        .prepare_cached(
            "SELECT seq, journey, channel FROM outbox INDEXED BY outbox_ready
             WHERE provider = ?1 AND ready_ms <= ?2 ORDER BY ready_ms LIMIT ?3",
        )?
        .query_map(params![provider, now.millis(), super::columns::integer(limit)], |row| {
            Ok((row.get(0)?, Lane { journey: row.get(1)?, channel: row.get(2)? }))
        })?
        .collect::<Result<_, _>>()?;
    let mut stored = Vec::with_capacity(ready.len());
    for (seq, lane) in ready {
        if lane::head(&transaction, &lane)?.is_some_and(|head| head.seq == seq) {
            stored.push(lane::lease(&transaction, seq, lease)?);
        } else {
            // an older one was redriven while this one was being sent, and its lease has run out
            lane::reseat(&transaction, &lane, now)?;
        }
    }
    transaction.commit()?;
    Ok(stored)
}

/// Writes attempts and what follows; returns what comes next, leased.
pub(super) fn record(
    connection: &mut Connection,
    attempts: &[AttemptRecord],
    now: Timestamp,
    lease: &Lease,
) -> Result<Vec<Stored>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut next = Vec::new();
    for attempt in attempts {
        if let Some(lane) = record_one(&transaction, attempt, lease)? {
            next.extend(advance(&transaction, &lane, now, lease)?);
        }
    }
    transaction.commit()?;
    Ok(next)
}

/// Writes one attempt; returns its lane if that became free.
fn record_one(connection: &Connection, attempt: &AttemptRecord, lease: &Lease) -> Result<Option<Lane>, StoreError> {
    let open = connection
        .prepare_cached(
            "SELECT seq, journey, channel, ready_ms IS NOT NULL, lease_owner, message
             FROM outbox INDEXED BY outbox_open WHERE id = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound')",
        )?
        .query_row([&attempt.notification.0], |row| {
            Ok((Turn::read(row)?, row.get::<_, Option<String>>(4)?, row.get::<_, String>(5)?))
        })
        .optional()?;
    let seq = match &open {
        Some((turn, ..)) => Some(turn.seq),
        None => find_finished(connection, attempt)?,
    };
    // forgotten meanwhile: there is nothing left that the attempt could be told of
    let Some(seq) = seq else { return Ok(None) };
    write_attempt(connection, seq, attempt)?;
    if let Some(each) = &attempt.publication {
        publication::write(connection, each)?;
    }
    // Only a pending row has an owner, and only the owner decides what follows.
    let Some((Turn { lane, is_had, .. }, Some(owner), message)) = open else { return Ok(None) };
    if owner != lease.owner {
        return Ok(None);
    }
    unconfirmed::attempted(connection, &lane, &message, &attempt.next)?;
    let state = match attempt.next {
        Next::Retry(due) | Next::Wait(due) => {
            let counts = matches!(attempt.next, Next::Retry(_));
            connection
                .prepare_cached(
                    "UPDATE outbox SET attempts = attempts + ?3, due_ms = ?2, settled_ms = ?4, lease_owner = NULL,
                            lease_until_ms = NULL WHERE seq = ?1",
                )?
                .execute(params![seq, due.millis(), counts, attempt.only_waits_from().millis()])?;
            if is_had {
                lane::yield_turn(connection, &lane, seq, due.millis())?;
            }
            return Ok(None);
        }
        Next::Accepted => State::Accepted,
        Next::Dead => State::Dead,
        Next::Held => State::Held,
    };
    connection
        .prepare_cached(
            "UPDATE outbox SET state = ?2, settled_ms = ?3, attempts = attempts + 1, ready_ms = NULL,
                    lease_owner = NULL, lease_until_ms = NULL WHERE seq = ?1",
        )?
        .execute(params![seq, state.as_str(), attempt.at.millis()])?;
    Ok(is_had.then_some(lane))
}

/// Writes what the timeline shows of an attempt.
fn write_attempt(connection: &Connection, seq: i64, attempt: &AttemptRecord) -> Result<(), StoreError> {
    let columns = params![
        seq,
        attempt.at.millis(),
        attempt.provider,
        attempt.outcome.as_str(),
        attempt.status,
        attempt.provider_id,
        attempt.detail,
    ];
    let repeats = matches!(attempt.next, Next::Wait(_))
        && connection
            .prepare_cached(
                "UPDATE attempts SET at_ms = max(at_ms, ?2), provider_id = ?6, detail = ?7 WHERE id = (
                     SELECT max(id) FROM (SELECT * FROM attempts WHERE notification = ?1 ORDER BY id DESC LIMIT 2)
                     HAVING count(*) FILTER (WHERE provider = ?3 AND outcome = ?4 AND status IS ?5
                                                   AND provider_id IS NULL) = 2)",
            )?
            .execute(columns)?
            == 1;
    if !repeats {
        connection
            .prepare_cached(
                "INSERT INTO attempts (notification, at_ms, provider, outcome, status, provider_id, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(columns)?;
    }
    Ok(())
}

/// The notification of an attempt that came after it was finished.
fn find_finished(connection: &Connection, attempt: &AttemptRecord) -> Result<Option<i64>, StoreError> {
    let last = connection
        .prepare_cached("SELECT last_notification FROM journeys WHERE shop = ?1 AND order_id = ?2")?
        .query_row([&attempt.key.shop, &attempt.key.order_id], |row| row.get(0))
        .optional()?;
    find(connection, last.flatten(), &attempt.notification)
}

/// The row of that id among a journey's notifications, from the `last` one backwards.
pub(super) fn find(connection: &Connection, last: Option<i64>, id: &NotificationId) -> Result<Option<i64>, StoreError> {
    let row = connection
        .prepare_cached(
            "WITH RECURSIVE line (seq, id, previous) AS (
                 SELECT seq, id, previous FROM outbox WHERE seq = ?1
                 UNION ALL SELECT o.seq, o.id, o.previous FROM line l JOIN outbox o ON o.seq = l.previous)
             SELECT seq FROM line WHERE id = ?2 LIMIT 1",
        )?
        .query_row(params![last, id.0], |row| row.get(0))
        .optional()?;
    Ok(row)
}

/// A row's place in its lane.
struct Turn {
    seq: i64,
    lane: Lane,
    /// It has the turn.
    is_had: bool,
}

impl Turn {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let lane = Lane { journey: row.get(1)?, channel: row.get(2)? };
        Ok(Self { seq: row.get(0)?, lane, is_had: row.get(3)? })
    }
}

/// Gives the turn of a free lane to its oldest row, and leases that if it is due.
fn advance(connection: &Connection, lane: &Lane, now: Timestamp, lease: &Lease) -> Result<Option<Stored>, StoreError> {
    let Some(head) = lane::head(connection, lane)? else { return Ok(None) };
    if head.due_ms <= now.millis() {
        return lane::lease(connection, head.seq, lease).map(Some);
    }
    lane::set_turn(connection, head.seq, Some(head.due_ms))?;
    Ok(None)
}

/// Gives leases of `owner` back.
pub(super) fn release(
    connection: &mut Connection,
    notifications: &[NotificationId],
    not_before: Option<Timestamp>,
    owner: &str,
) -> Result<(), StoreError> {
    let not_before = not_before.map(Timestamp::millis);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for id in notifications {
        let row = transaction
            .prepare_cached(
                "UPDATE outbox INDEXED BY outbox_open SET lease_owner = NULL, lease_until_ms = NULL,
                     due_ms = max(due_ms, coalesce(?3, due_ms)), settled_ms = iif(?3 IS NULL, settled_ms, NULL)
                 WHERE id = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound') AND lease_owner = ?2
                 RETURNING seq, journey, channel, ready_ms IS NOT NULL, due_ms",
            )?
            .query_row(params![id.0, owner, not_before], |row| Ok((Turn::read(row)?, row.get::<_, i64>(4)?)))
            .optional()?;
        if let Some((Turn { seq, lane, is_had: true }, due_ms)) = row {
            lane::yield_turn(&transaction, &lane, seq, due_ms)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Brings retries forward. `settled_ms` of a row that waits for one tells from when on it only waits; of any other
/// that waits it is empty.
pub(super) fn hasten(
    connection: &Connection,
    provider: &str,
    before: Timestamp,
    now: Timestamp,
    limit: usize,
) -> Result<usize, StoreError> {
    let hastened = connection
        .prepare_cached(
            "UPDATE outbox SET ready_ms = ?3, due_ms = ?3 WHERE seq IN (
                 SELECT seq FROM outbox INDEXED BY outbox_ready
                 WHERE provider = ?1 AND ready_ms > ?3 AND settled_ms <= ?2 AND lease_owner IS NULL
                 ORDER BY ready_ms LIMIT ?4)",
        )?
        .execute(params![provider, before.millis(), now.millis(), super::columns::integer(limit)])?;
    Ok(hastened)
}

/// Puts a dead or held notification back into its lane.
pub(super) fn redrive(connection: &mut Connection, id: &NotificationId, now: Timestamp) -> Result<bool, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let lane = transaction
        .prepare_cached(
            "UPDATE outbox INDEXED BY outbox_open SET state = 'pending', attempts = 0, due_ms = ?2, settled_ms = NULL
             WHERE id = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound') AND state IN ('dead', 'held')
             RETURNING journey, channel, message",
        )?
        .query_row(params![id.0, now.millis()], |row| {
            Ok((Lane { journey: row.get(0)?, channel: row.get(1)? }, row.get::<_, String>(2)?))
        })
        .optional()?;
    if let Some((lane, message)) = &lane {
        unconfirmed::tried(&transaction, lane, message, Cause::Failing)?;
        lane::reseat(&transaction, lane, now)?;
    }
    transaction.commit()?;
    Ok(lane.is_some())
}

/// Marks a dead record to be read again.
pub(super) fn redrive_record(connection: &mut Connection, id: i64) -> Result<bool, StoreError> {
    let marked = connection.prepare_cached("UPDATE dead_records SET redriven = 1 WHERE id = ?1")?.execute([id])?;
    Ok(marked == 1)
}

/// Puts a dead or held notification away for good.
pub(super) fn drop(connection: &Connection, id: &NotificationId) -> Result<bool, StoreError> {
    let dropped = connection
        .prepare_cached(
            "UPDATE outbox INDEXED BY outbox_open SET state = 'suppressed', reason = ?2
             WHERE id = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound') AND state IN ('dead', 'held')",
        )?
        .execute(params![id.0, Reason::PutAway.as_str()])?;
    Ok(dropped == 1)
}

/// Puts a dead record away for good.
pub(super) fn drop_record(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    let dropped =
        connection.prepare_cached("DELETE FROM dead_records WHERE id = ?1 AND redriven = 0")?.execute([id])?;
    Ok(dropped == 1)
}
