//! What people ask for: a journey's timeline, what waits for them, how much is waiting.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns;
use super::read::{blob, text};
use super::unconfirmed;
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::Content;
use crate::domain::party::Party;
use crate::domain::time::Timestamp;
use crate::packing::{Kind, Unpacker};
use crate::ports::{Attempt, Backlog, DeadLetter, Entry, Record, State, StoreError, Story, Timeline};
use crate::store::vault::Keyring;

pub(super) fn timeline(
    connection: &Connection,
    key: &JourneyKey,
    keyring: &Keyring,
) -> Result<Option<Timeline>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT version, body, last_entry, last_notification FROM journeys WHERE shop = ?1 AND order_id = ?2",
    )?;
    let mut rows = statement.query([&key.shop, &key.order_id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut unpacker = Unpacker::default();
    let timeline = Timeline {
        journey: keyring.open_journey(&mut unpacker, key, blob(row, 1)?)?,
        version: columns::natural(row.get(0)?)?,
        unconfirmed: unconfirmed::of(connection, key)?,
        entries: entries(connection, &mut unpacker, row.get(2)?)?,
        notifications: stories(connection, row.get(3)?, |id, packed| {
            keyring.open_content(&mut unpacker, key, id, packed)
        })?,
    };
    Ok(Some(timeline.complete()))
}

/// When what caused a notification came in.
pub(super) fn received_at(
    connection: &Connection,
    key: &JourneyKey,
    id: &NotificationId,
) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE line (id, received_ms, previous) AS (
             SELECT o.id, o.received_ms, o.previous FROM journeys j JOIN outbox o ON o.seq = j.last_notification
                 WHERE j.shop = ?1 AND j.order_id = ?2
             UNION ALL SELECT o.id, o.received_ms, o.previous FROM line l JOIN outbox o ON o.seq = l.previous)
         SELECT received_ms FROM line WHERE id = ?3",
    )?;
    let received = statement.query_row([&key.shop, &key.order_id, &id.0], |row| row.get(0)).optional()?;
    Ok(received.map(Timestamp::from_millis))
}

fn entries(connection: &Connection, unpacker: &mut Unpacker, last: Option<i64>) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE line (id, previous, body) AS (
             SELECT id, previous, body FROM entries WHERE id = ?1
             UNION ALL SELECT e.id, e.previous, e.body FROM line l JOIN entries e ON e.id = l.previous)
         SELECT body FROM line ORDER BY id",
    )?;
    let mut rows = statement.query([last])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(unpacker.unpack(Kind::Entry, blob(row, 0)?)?);
    }
    Ok(entries)
}

fn stories(
    connection: &Connection,
    last: Option<i64>,
    mut open: impl FnMut(&NotificationId, &[u8]) -> Result<Option<Content>, StoreError>,
) -> Result<Vec<Story>, StoreError> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE line (seq, previous) AS (
             SELECT seq, previous FROM outbox WHERE seq = ?1
             UNION ALL SELECT o.seq, o.previous FROM line l JOIN outbox o ON o.seq = l.previous)
         SELECT o.seq, o.id, o.rule, o.message, o.channel, o.provider, o.decided_ms, o.state, o.reason, o.due_ms,
                c.body
         FROM line JOIN outbox o USING (seq) LEFT JOIN contents c ON c.notification = o.seq ORDER BY o.seq",
    )?;
    let mut rows = statement.query([last])?;
    let mut stories = Vec::new();
    while let Some(row) = rows.next()? {
        let state = columns::state(text(row, 7)?)?;
        let reason: Option<String> = row.get(8)?;
        let id = NotificationId(row.get(1)?);
        let packed: Option<Vec<u8>> = row.get(10)?;
        stories.push(Story {
            content: packed.map(|packed| open(&id, &packed)).transpose()?.flatten(),
            erased: false,
            id,
            rule: row.get(2)?,
            message: row.get(3)?,
            to: Party::default(),
            channel: columns::channel(text(row, 4)?)?,
            provider: row.get(5)?,
            decided_at: Timestamp::from_millis(row.get(6)?),
            state,
            reason: reason.as_deref().map(columns::reason).transpose()?,
            due_at: if state == State::Pending { Some(Timestamp::from_millis(row.get(9)?)) } else { None },
            attempts: attempts(connection, row.get(0)?)?,
            receipts: Vec::new(),
        });
    }
    Ok(stories)
}

fn attempts(connection: &Connection, notification: i64) -> Result<Vec<Attempt>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at_ms, provider, outcome, status, provider_id, detail FROM attempts
         WHERE notification = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([notification])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(Attempt {
            at: Timestamp::from_millis(row.get(0)?),
            provider: row.get(1)?,
            outcome: columns::outcome(text(row, 2)?)?,
            status: row.get(3)?,
            provider_id: row.get(4)?,
            detail: row.get(5)?,
        });
    }
    Ok(attempts)
}

/// Records and notifications by age, one list.
pub(super) fn dead_letters(connection: &Connection, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let mut letters = dead_records(connection, limit)?;
    letters.extend(dead_notifications(connection, limit)?);
    letters.sort_by_key(|letter| match letter {
        DeadLetter::Record { at, .. } | DeadLetter::Notification { at, .. } => *at,
    });
    letters.truncate(limit);
    Ok(letters)
}

fn dead_records(connection: &Connection, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, at_ms, topic, partition, record_offset, stage, cause, detail, coalesce(length(value), 0)
         FROM dead_records INDEXED BY dead_records_waiting WHERE redriven = 0 ORDER BY at_ms, id LIMIT ?1",
    )?;
    let letters = statement
        .query_map([columns::integer(limit)], |row| {
            Ok(DeadLetter::Record {
                id: row.get(0)?,
                at: Timestamp::from_millis(row.get(1)?),
                partition: columns::partition(row.get(2)?, row.get(3)?),
                offset: row.get(4)?,
                stage: row.get(5)?,
                cause: row.get(6)?,
                detail: row.get(7)?,
                bytes: row.get::<_, u32>(8)? as usize,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(letters)
}

fn dead_notifications(connection: &Connection, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.id, o.settled_ms, j.shop, j.order_id, o.message, o.channel, o.provider, o.state, o.attempts,
                (SELECT detail FROM attempts WHERE notification = o.seq ORDER BY id DESC LIMIT 1)
         FROM outbox o INDEXED BY outbox_waiting JOIN journeys j ON j.id = o.journey
         WHERE o.state IN ('dead', 'held') ORDER BY o.settled_ms, o.seq LIMIT ?1",
    )?;
    let mut rows = statement.query([columns::integer(limit)])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(DeadLetter::Notification {
            id: NotificationId(row.get(0)?),
            at: Timestamp::from_millis(row.get(1)?),
            key: JourneyKey { shop: row.get(2)?, order_id: row.get(3)? },
            message: row.get(4)?,
            channel: columns::channel(text(row, 5)?)?,
            provider: row.get(6)?,
            state: columns::state(text(row, 7)?)?,
            attempts: row.get(8)?,
            detail: row.get(9)?,
        });
    }
    Ok(letters)
}

/// Dead records that were put back.
pub(super) fn redriven(connection: &Connection, limit: usize) -> Result<Vec<(i64, Record)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, topic, partition, record_offset, key, value, headers, timestamp_ms
         FROM dead_records INDEXED BY dead_records_redriven WHERE redriven = 1 ORDER BY id LIMIT ?1",
    )?;
    let mut rows = statement.query([columns::integer(limit)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push((row.get(0)?, record(row)?));
    }
    Ok(records)
}

pub(super) fn dead_record(connection: &Connection, id: i64) -> Result<Option<Record>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, topic, partition, record_offset, key, value, headers, timestamp_ms
         FROM dead_records WHERE id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(record).transpose()
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    Ok(Record {
        partition: columns::partition(row.get(1)?, row.get(2)?),
        offset: row.get(3)?,
        key: row.get::<_, Option<Vec<u8>>>(4)?.map(Into::into),
        value: row.get::<_, Option<Vec<u8>>>(5)?.map(Into::into),
        headers: columns::from_headers(text(row, 6)?)?,
        timestamp: row.get(7)?,
    })
}

/// Reads indexes alone: its cost follows what waits, not what was ever sent.
pub(super) fn backlog(connection: &Connection, now: Timestamp) -> Result<Backlog, StoreError> {
    let count = |sql: &str| -> Result<u64, StoreError> {
        columns::natural(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    // Of each lane only the row whose turn it is: the others may not be tried, however old.
    let (oldest_due, next_retry): (Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT min(due_ms), min(CASE WHEN due_ms > ?1 THEN due_ms END)
             FROM outbox INDEXED BY outbox_ready WHERE ready_ms IS NOT NULL",
        )?
        .query_row(params![now.millis()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut backlog = Backlog {
        pending: count("SELECT count(*) FROM outbox INDEXED BY outbox_lane WHERE state = 'pending'")?,
        oldest_due: oldest_due.map(Timestamp::from_millis),
        next_retry: next_retry.map(Timestamp::from_millis),
        publications: count("SELECT count(*) FROM publications")?,
        dead_records: count("SELECT count(*) FROM dead_records INDEXED BY dead_records_waiting WHERE redriven = 0")?,
        oldest_dead_record: connection
            .prepare_cached("SELECT min(at_ms) FROM dead_records INDEXED BY dead_records_waiting WHERE redriven = 0")?
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .map(Timestamp::from_millis),
        parked: count("SELECT count(*) FROM parked INDEXED BY parked_by_reference")?,
        timers: count("SELECT count(*) FROM journeys INDEXED BY journeys_by_wake WHERE wake_ms IS NOT NULL")?,
        next_wake: connection
            .prepare_cached("SELECT min(wake_ms) FROM journeys INDEXED BY journeys_by_wake WHERE wake_ms IS NOT NULL")?
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .map(Timestamp::from_millis),
        ..Backlog::default()
    };
    let mut statement = connection.prepare_cached(
        "SELECT state, count(*), min(settled_ms) FROM outbox INDEXED BY outbox_waiting WHERE state IN ('dead', 'held') GROUP BY state",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (count, oldest) = match columns::state(text(row, 0)?)? {
            State::Held => (&mut backlog.held, &mut backlog.oldest_held),
            _ => (&mut backlog.dead_notifications, &mut backlog.oldest_dead_notification),
        };
        *count = columns::natural(row.get(1)?)?;
        *oldest = row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis);
    }
    Ok(backlog)
}
