//! Lanes: the messages of one journey on one channel, which leave one after the other (I7).
//!
//! One row of a lane at most has its turn: the one with a `ready_ms`. It is the oldest pending
//! row, with one exception: when an older row is redriven while a younger one is being sent, the
//! younger keeps its turn until its lease ends.

use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) use super::leased::Stored;
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Lease, StoreError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub journey: i64,
    pub channel: String,
}

/// The oldest pending row of a lane.
pub(super) struct Head {
    pub seq: i64,
    pub due_ms: i64,
    pub attempts: u32,
    pub provider: String,
}

pub(super) fn head(connection: &Connection, lane: &Lane) -> Result<Option<Head>, StoreError> {
    let head = connection
        .prepare_cached(
            "SELECT seq, due_ms, attempts, provider FROM outbox INDEXED BY outbox_lane
             WHERE journey = ?1 AND channel = ?2 AND state = 'pending' ORDER BY seq LIMIT 1",
        )?
        .query_row(params![lane.journey, lane.channel], |row| {
            Ok(Head { seq: row.get(0)?, due_ms: row.get(1)?, attempts: row.get(2)?, provider: row.get(3)? })
        })
        .optional()?;
    Ok(head)
}

/// Gives the row the turn from `ready_ms` on, or takes it (`None`). A lease that has run out stays
/// on record until the next: as long as nobody took over, what its owner did still counts.
pub(super) fn set_turn(connection: &Connection, seq: i64, ready_ms: Option<i64>) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE outbox SET ready_ms = ?2 WHERE seq = ?1")?.execute(params![seq, ready_ms])?;
    Ok(())
}

/// After the row `seq`, which had the turn, was freed and may be tried from `due_ms` on: gives the
/// turn to the oldest row of the lane.
pub(super) fn yield_turn(connection: &Connection, lane: &Lane, seq: i64, due_ms: i64) -> Result<(), StoreError> {
    match head(connection, lane)? {
        Some(head) if head.seq != seq => {
            set_turn(connection, seq, None)?;
            set_turn(connection, head.seq, Some(head.due_ms))
        }
        _ => set_turn(connection, seq, Some(due_ms)),
    }
}

/// After rows came back into the lane: the turn goes to the oldest, unless a younger one is being
/// sent at `now`.
pub(super) fn reseat(connection: &Connection, lane: &Lane, now: Timestamp) -> Result<(), StoreError> {
    let holder: Option<(i64, Option<i64>)> = connection
        .prepare_cached(
            "SELECT seq, lease_until_ms FROM outbox INDEXED BY outbox_lane
             WHERE journey = ?1 AND channel = ?2 AND state = 'pending' AND ready_ms IS NOT NULL",
        )?
        .query_row(params![lane.journey, lane.channel], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some(head) = head(connection, lane)? else { return Ok(()) };
    match holder {
        Some((_, Some(until))) if until > now.millis() => Ok(()),
        Some((seq, _)) if seq == head.seq => Ok(()),
        Some((seq, _)) => {
            set_turn(connection, seq, None)?;
            set_turn(connection, head.seq, Some(head.due_ms))
        }
        None => set_turn(connection, head.seq, Some(head.due_ms)),
    }
}

/// Leases the row and reads what is needed to send it.
pub(super) fn lease(connection: &Connection, seq: i64, lease: &Lease) -> Result<Stored, StoreError> {
    connection
        .prepare_cached("UPDATE outbox SET ready_ms = ?2, lease_until_ms = ?2, lease_owner = ?3 WHERE seq = ?1")?
        .execute(params![seq, lease.until.millis(), lease.owner])?;
    let stored = connection
        .prepare_cached(
            "SELECT o.id, o.channel, o.provider, o.attempts, o.decided_ms, o.expires_ms, o.rule, o.message,
                    o.subject, o.traceparent, j.shop, j.order_id, c.body, o.received_ms
             FROM outbox o
             JOIN journeys j ON j.id = o.journey
             LEFT JOIN contents c ON c.notification = o.seq
             WHERE o.seq = ?1",
        )?
        .query_row([seq], stored)?;
    Ok(stored)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        channel: row.get(1)?,
        provider: row.get(2)?,
        attempts: row.get(3)?,
        received_ms: row.get(13)?,
        decided_ms: row.get(4)?,
        expires_ms: row.get(5)?,
        rule: row.get(6)?,
        message: row.get(7)?,
        subject: row.get(8)?,
        traceparent: row.get(9)?,
        key: JourneyKey { shop: row.get(10)?, order_id: row.get(11)? },
        packed: row.get(12)?,
    })
}
