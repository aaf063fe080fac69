//! Lanes: the messages of one journey on one channel, which leave one after the other (I7).
//!
//! One row of a lane at most has its turn: the one with a `ready_ms`. It is the oldest pending
//! row, with one exception: when an older row is redriven while a younger one is being sent, the
//! younger keeps its turn until its lease ends.
//!
//! Whoever changes a lane locks its journey first, in the order of the journeys' ids, so that no
//! two wait for each other; a claim skips what is locked.

use tokio_postgres::Row;

use super::failure::Failure;
use super::row::get;
use super::session::Session;
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Lease, StoreError};
use crate::store::leased::Stored;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    pub journey: i64,
    pub channel: String,
}

impl Lane {
    /// From two columns, the first of them at `column`.
    pub fn read(row: &Row, column: usize) -> Result<Self, Failure> {
        Ok(Self { journey: get(row, column)?, channel: get(row, column + 1)? })
    }
}

/// The columns of a leased row `l`, as [`stored`] reads them.
macro_rules! leased {
    ($with:literal, $where:literal) => {
        concat!(
            $with,
            " SELECT l.id, l.channel, l.provider, l.attempts, l.received_ms, l.decided_ms, l.expires_ms, l.rule,
                l.message, l.subject, l.traceparent, j.shop, j.order_id, c.body
              FROM leased l JOIN journeys j ON j.id = l.journey
              LEFT JOIN contents c ON c.notification = l.seq AND c.week = l.week ",
            $where,
            " ORDER BY l.seq"
        )
    };
}

const LOCK: &str = "SELECT j.id FROM journeys j
    WHERE j.id IN (SELECT o.journey FROM outbox o WHERE o.id = ANY($1::text[]))
    ORDER BY j.id FOR NO KEY UPDATE OF j";

/// Leases those that are the oldest of their lanes.
const LEASE: &str = leased!(
    "WITH leased AS (
        UPDATE outbox o SET ready_ms = $2, lease_until_ms = $2, lease_owner = $3
        WHERE o.id = ANY($1::text[]) AND NOT EXISTS (SELECT FROM outbox p
            WHERE p.journey = o.journey AND p.channel = o.channel AND p.state = 'pending' AND p.seq < o.seq)
        RETURNING *)",
    ""
);

/// Gives the turn of each lane to its oldest row. In a lane that is free (its last row was
/// finished) that is leased if it is due. A lease that has run out stays on record until the next:
/// as long as nobody took over, what its owner did still counts.
const TURN: &str = leased!(
    "WITH leased AS (
        UPDATE outbox o SET
            ready_ms = CASE WHEN w.free AND o.due_ms <= $4 THEN $5 ELSE o.due_ms END,
            lease_until_ms = CASE WHEN w.free AND o.due_ms <= $4 THEN $5 ELSE o.lease_until_ms END,
            lease_owner = CASE WHEN w.free AND o.due_ms <= $4 THEN $6 ELSE o.lease_owner END
        FROM unnest($1::bigint[], $2::text[], $3::boolean[]) w(journey, channel, free)
        CROSS JOIN LATERAL (SELECT p.id FROM outbox p
            WHERE p.journey = w.journey AND p.channel = w.channel AND p.state = 'pending'
            ORDER BY p.seq LIMIT 1) head
        WHERE o.id = head.id
        RETURNING o.*, w.free AND o.due_ms <= $4 AS is_leased)",
    "WHERE l.is_leased"
);

/// After rows came back into the lane: the turn goes to the oldest, unless a younger one is being
/// sent.
const RESEAT: &str = "WITH head AS (
        SELECT w.journey, w.channel, p.id FROM (SELECT DISTINCT * FROM unnest($1::bigint[], $2::text[])) w(journey, channel)
        CROSS JOIN LATERAL (SELECT id FROM outbox
            WHERE journey = w.journey AND channel = w.channel AND state = 'pending' ORDER BY seq LIMIT 1) p),
    seat AS (
        SELECT h.id AS head, p.id AS holder FROM head h
        LEFT JOIN LATERAL (SELECT id, lease_until_ms FROM outbox
            WHERE journey = h.journey AND channel = h.channel AND state = 'pending' AND ready_ms IS NOT NULL) p ON true
        WHERE h.id IS DISTINCT FROM p.id AND (p.lease_until_ms IS NULL OR p.lease_until_ms <= $3)),
    moved AS (SELECT head AS id, true AS is_seated FROM seat UNION ALL SELECT holder, false FROM seat)
    UPDATE outbox o SET ready_ms = CASE WHEN m.is_seated THEN o.due_ms END FROM moved m WHERE o.id = m.id";

pub(super) const STATEMENTS: &[&str] = &[LOCK, LEASE, TURN, RESEAT];

/// Locks the journeys of these notifications.
pub(super) async fn lock(session: &Session, notifications: &[&str]) -> Result<(), Failure> {
    session.query(LOCK, &[&notifications]).await.map(|_| ())
}

/// Leases the rows of these ids, each the oldest of its lane; any other is left out.
pub(super) async fn lease(session: &Session, ids: &[&str], lease: &Lease) -> Result<Vec<Stored>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = session.query(LEASE, &[&ids, &lease.until.millis(), &lease.owner]).await?;
    rows.iter().map(stored).collect()
}

/// Gives the turn of each lane to its oldest row; leases it where the lane is free and it is due.
pub(super) async fn turn(
    session: &Session,
    lanes: &[(Lane, bool)],
    now: Timestamp,
    lease: &Lease,
) -> Result<Vec<Stored>, Failure> {
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let journeys: Vec<i64> = lanes.iter().map(|(lane, _)| lane.journey).collect();
    let channels: Vec<&str> = lanes.iter().map(|(lane, _)| &*lane.channel).collect();
    let free: Vec<bool> = lanes.iter().map(|(_, free)| *free).collect();
    let rows =
        session.query(TURN, &[&journeys, &channels, &free, &now.millis(), &lease.until.millis(), &lease.owner]).await?;
    rows.iter().map(stored).collect()
}

pub(super) async fn reseat(session: &Session, lanes: &[Lane], now: Timestamp) -> Result<(), Failure> {
    let journeys: Vec<i64> = lanes.iter().map(|lane| lane.journey).collect();
    let channels: Vec<&str> = lanes.iter().map(|lane| &*lane.channel).collect();
    session.execute_if(!lanes.is_empty(), RESEAT, &[&journeys, &channels, &now.millis()]).await.map(|_| ())
}

fn stored(row: &Row) -> Result<Stored, Failure> {
    let attempts = u32::try_from(get::<i32>(row, 3)?)
        .map_err(|_| StoreError::Corrupt("a count of attempts: below zero".to_owned()))?;
    Ok(Stored {
        id: get(row, 0)?,
        channel: get(row, 1)?,
        provider: get(row, 2)?,
        attempts,
        received_ms: get(row, 4)?,
        decided_ms: get(row, 5)?,
        expires_ms: get(row, 6)?,
        rule: get(row, 7)?,
        message: get(row, 8)?,
        subject: get(row, 9)?,
        traceparent: get(row, 10)?,
        key: JourneyKey { shop: get(row, 11)?, order_id: get(row, 12)? },
        packed: get(row, 13)?,
    })
}
