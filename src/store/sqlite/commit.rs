//! Writing a batch: one transaction, each table in turn.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::columns;
use super::erase;
use super::guard::Bound;
use super::keys;
use super::lane::{self, Lane, Stored};
use super::leased::take;
use super::outbox;
use super::prepare::{self, Prepared, PreparedJourney, PreparedNotification};
use super::publication;
use super::rows::Rows;
use super::spending;
use super::storm;
use super::unconfirmed;
use crate::domain::confirmation::Cause;
use crate::domain::decision::Reason;
use crate::ports::{Advance, Lease, Leased, State, StoreError};

/// What a commit leased.
pub(super) struct Taken {
    /// The batch's own journeys: to let go of them takes time, which is not the writing thread's.
    journeys: Vec<PreparedJourney>,
    /// Of the batch itself: the journey's index, and the notification's within it.
    fresh: Vec<(usize, usize)>,
    /// Of what waited behind withdrawn ones.
    pub stored: Vec<Stored>,
}

impl Taken {
    /// What the batch itself leased, complete: what was given need not be read back.
    pub fn fresh(&mut self) -> Vec<Leased> {
        prepare::pick(std::mem::take(&mut self.journeys), &self.fresh)
    }
}

/// Writes the batch for `group`, whole or not at all.
pub(super) fn commit(
    connection: &mut Connection,
    batch: Prepared,
    lease: &Lease,
    mut capacity: BTreeMap<String, usize>,
    group: &str,
    places: &Rows,
) -> Result<Taken, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // First, so that a former owner is told so and nothing else (I6).
    for advance in &batch.advances {
        advance_offset(&transaction, advance, group)?;
    }
    let mut rows = rows(&transaction, places, &batch.journeys)?;
    for (row, write) in rows.iter_mut().zip(&batch.journeys) {
        links(&transaction, row.id, write)?;
        unconfirmed::change(&transaction, row.id, &write.journey.key.shop, &write.confirmation)?;
        entries(&transaction, row, &write.entries)?;
    }
    spending::write(&transaction, &batch.spent, &batch.forgotten)?;
    let storms = storm::hold(&transaction, &batch.spoken)?;
    // Before the new notifications, which then find the lanes as they will be.
    let stored = withdraw(&transaction, &batch, lease, &mut capacity)?;
    let mut leased = Vec::new();
    for (index, (row, write)) in rows.iter_mut().zip(&batch.journeys).enumerate() {
        for (number, notification) in write.notifications.iter().enumerate() {
            let withdrawn = batch.withdrawn.get(&notification.notification.id).copied();
            let voice = (&*write.journey.key.shop, notification.notification.rule.as_str());
            let bound = match storms.of(voice) {
                None => storm::followed(&transaction, &notification.notification.follows)?,
                held => held,
            };
            let bound = bound.filter(|_| withdrawn.is_none());
            if notify(&transaction, row, notification, withdrawn, bound, lease, &mut capacity)? {
                leased.push((index, number));
            }
        }
    }
    journeys(&transaction, &rows, &batch.journeys)?;
    parked(&transaction, &batch)?;
    dead(&transaction, &batch)?;
    for each in &batch.publications {
        publication::write(&transaction, each)?;
    }
    // last: what the batch itself wrote of them goes too
    for (row, write) in rows.iter().zip(&batch.journeys).filter(|(_, write)| write.erases) {
        erase::messages(&transaction, row.last_notification)?;
        if write.forgets_key {
            keys::note(&transaction, &write.journey.key)?;
        }
    }
    transaction.commit()?;
    storms.tell();
    Ok(Taken { journeys: batch.journeys, fresh: leased, stored })
}

fn advance_offset(connection: &Connection, advance: &Advance, group: &str) -> Result<(), StoreError> {
    let Advance { partition, expected, next } = advance;
    let written = match expected {
        None => connection
            .prepare_cached(
                "INSERT INTO offsets (group_name, topic, partition, next) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![group, &*partition.topic, partition.number, next])?,
        Some(expected) => connection
            .prepare_cached(
                "UPDATE offsets SET next = ?4
                 WHERE group_name = ?1 AND topic = ?2 AND partition = ?3 AND next = ?5",
            )?
            .execute(params![group, &*partition.topic, partition.number, next, expected])?,
    };
    if written == 1 { Ok(()) } else { Err(StoreError::Fenced(partition.clone())) }
}

/// A journey's row: where what is written of it is appended.
struct Row {
    id: i64,
    last_entry: Option<i64>,
    last_notification: Option<i64>,
}

/// Finds the rows of the journeys, in their order, and makes those of new ones.
fn rows(connection: &Connection, places: &Rows, writes: &[PreparedJourney]) -> Result<Vec<Row>, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO journeys (shop, order_id, version, body) VALUES (?1, ?2, 0, ?3) ON CONFLICT DO NOTHING",
    )?;
    // by its place where that is known, and whether or not it still holds
    let mut find = connection.prepare_cached(
        "SELECT id, last_entry, last_notification FROM journeys
         WHERE id = coalesce(?4, (SELECT id FROM journeys WHERE shop = ?1 AND order_id = ?2))
             AND shop = ?1 AND order_id = ?2 AND version = ?3",
    )?;
    let find_one = |(write, place): (&PreparedJourney, Option<i64>)| {
        let key = &write.journey.key;
        let Some(version) = write.expected_version else {
            let inserted = insert.execute(params![key.shop, key.order_id, write.body])? == 1;
            let id = connection.last_insert_rowid();
            return Ok(inserted.then_some(Row { id, last_entry: None, last_notification: None }));
        };
        find.query_row(params![key.shop, key.order_id, columns::integer(version), place], |row| {
            Ok(Row { id: row.get(0)?, last_entry: row.get(1)?, last_notification: row.get(2)? })
        })
        .optional()
    };
    let places = places.of(writes.iter().map(|write| &write.journey.key));
    writes.iter().zip(places).map(find_one).map(|found| found?.ok_or(StoreError::Conflict)).collect()
}

/// Writes the journeys themselves.
fn journeys(connection: &Connection, rows: &[Row], writes: &[PreparedJourney]) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE journeys SET version = version + 1, changed_s = unixepoch(), last_entry = ?2, last_notification = ?3,
             body = ?4 WHERE id = ?1",
    )?;
    // apart: a column that is named is taken out of its index and put back, changed or not
    let mut update_wake = connection.prepare_cached(
        "UPDATE journeys SET version = version + 1, changed_s = unixepoch(), last_entry = ?2, last_notification = ?3,
             body = ?4, wake_ms = ?5 WHERE id = ?1",
    )?;
    for (row, write) in rows.iter().zip(writes) {
        let Row { id, last_entry, last_notification } = row;
        match write.wake {
            None => update.execute(params![id, last_entry, last_notification, write.body])?,
            Some(wake) => update_wake.execute(params![id, last_entry, last_notification, write.body, wake])?,
        };
    }
    Ok(())
}

fn entries(connection: &Connection, row: &mut Row, entries: &[(i64, Vec<u8>)]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached("INSERT INTO entries (previous, at_ms, body) VALUES (?1, ?2, ?3)")?;
    for (at, body) in entries {
        insert.execute(params![row.last_entry, at, body])?;
        row.last_entry = Some(connection.last_insert_rowid());
    }
    Ok(())
}

fn links(connection: &Connection, journey: i64, write: &PreparedJourney) -> Result<(), StoreError> {
    for (reference, since) in &write.links {
        connection
            .prepare_cached(
                "INSERT INTO links (shop, reference, since_ms, journey, order_id) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![write.journey.key.shop, reference, since, journey, write.journey.key.order_id])?;
    }
    Ok(())
}

/// Withdraws what is still pending or stormbound, and leases what comes next in each lane that this frees. What
/// comes next but waits for a retry is left to a claim, which knows the time.
fn withdraw(
    connection: &Connection,
    batch: &Prepared,
    lease: &Lease,
    capacity: &mut BTreeMap<String, usize>,
) -> Result<Vec<Stored>, StoreError> {
    let mut next = Vec::new();
    for (id, reason) in &batch.withdrawn {
        let freed = connection
            .prepare_cached(
                "SELECT seq, journey, channel, ready_ms IS NOT NULL FROM outbox INDEXED BY outbox_open
                 WHERE id = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound') AND state IN ('pending', 'stormbound')",
            )?
            .query_row([&id.0], |row| {
                Ok((row.get::<_, i64>(0)?, Lane { journey: row.get(1)?, channel: row.get(2)? }, row.get::<_, bool>(3)?))
            })
            .optional()?;
        let Some((seq, lane, had_turn)) = freed else { continue };
        connection
            .prepare_cached(
                "UPDATE outbox SET state = 'suppressed', reason = ?2, ready_ms = NULL, lease_owner = NULL,
                        lease_until_ms = NULL WHERE seq = ?1",
            )?
            .execute(params![seq, reason.as_str()])?;
        if had_turn && let Some(head) = lane::head(connection, &lane)? {
            next.push((lane, head.seq));
            lane::set_turn(connection, head.seq, Some(head.due_ms))?;
        }
    }
    let mut stored = Vec::new();
    for (lane, seq) in next {
        // the next may have been withdrawn in the same batch
        if let Some(head) = lane::head(connection, &lane)?
            && head.seq == seq
            && head.attempts == 0
            && take(capacity, &head.provider)
        {
            stored.push(lane::lease(connection, seq, lease)?);
        }
    }
    Ok(stored)
}

/// Writes a notification, unless there is one of its id (I2); held, if it is in a storm. `true`: it is leased.
fn notify(
    connection: &Connection,
    row: &mut Row,
    prepared: &PreparedNotification,
    withdrawn: Option<Reason>,
    bound: Option<Bound>,
    lease: &Lease,
    capacity: &mut BTreeMap<String, usize>,
) -> Result<bool, StoreError> {
    let PreparedNotification { notification, subject, packed, .. } = prepared;
    if outbox::find(connection, row.last_notification, &notification.id)?.is_some() {
        return Ok(false);
    }
    let lane = Lane { journey: row.id, channel: notification.channel.as_str().to_owned() };
    let waits = withdrawn.is_none() && bound.is_none();
    let is_first = waits && lane::head(connection, &lane)?.is_none();
    let is_leased = is_first && take(capacity, &notification.provider);
    let due = notification.decided_at.millis();
    let until = lease.until.millis();
    let ready = is_first.then_some(if is_leased { until } else { due });
    let state = match (withdrawn, bound) {
        (Some(_), _) => State::Suppressed,
        (None, Some(_)) => State::Stormbound,
        (None, None) => State::Pending,
    };
    connection
        .prepare_cached(
            "INSERT INTO outbox (id, journey, channel, provider, state, ready_ms, due_ms, lease_owner,
                 lease_until_ms, attempts, decided_ms, expires_ms, rule, message, subject, traceparent, reason, received_ms,
                 previous, storm, bound)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        )?
        .execute(params![
            notification.id.0,
            row.id,
            lane.channel,
            notification.provider,
            state.as_str(),
            ready,
            due,
            is_leased.then_some(&lease.owner),
            is_leased.then_some(until),
            due,
            notification.expires_at.millis(),
            notification.rule.as_str(),
            notification.message,
            subject,
            notification.traceparent,
            withdrawn.map(Reason::as_str),
            notification.received_at.millis(),
            row.last_notification,
            bound.map(|bound| bound.storm),
            bound.and_then(|bound| bound.to),
        ])?;
    let seq = connection.last_insert_rowid();
    row.last_notification = Some(seq);
    if bound.is_some() {
        storm::bind(connection, seq)?;
        unconfirmed::tried(connection, &lane, &notification.message, Cause::Stormbound)?;
    }
    connection
        .prepare_cached("INSERT INTO contents (notification, body) VALUES (?1, ?2)")?
        .execute(params![seq, packed])?;
    Ok(is_leased)
}

fn parked(connection: &Connection, batch: &Prepared) -> Result<(), StoreError> {
    for (parked, reference) in &batch.parked {
        connection
            .prepare_cached(
                "INSERT INTO parked (key, shop, reference, event, parked_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![parked.key.0, parked.shop, reference, parked.event, parked.parked_at.millis()])?;
    }
    for key in &batch.released {
        connection.prepare_cached("DELETE FROM parked WHERE key = ?1")?.execute([key.0])?;
    }
    Ok(())
}

fn dead(connection: &Connection, batch: &Prepared) -> Result<(), StoreError> {
    // first: one that is as bad as before comes back under a new id
    for id in &batch.redriven {
        connection.prepare_cached("DELETE FROM dead_records WHERE id = ?1")?.execute([id])?;
    }
    for (dead, headers) in &batch.dead {
        let record = &dead.record;
        connection
            .prepare_cached(
                "INSERT INTO dead_records (topic, partition, record_offset, key, value, headers, timestamp_ms,
                     stage, cause, detail, at_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
                 WHERE NOT EXISTS (SELECT 1 FROM dead_records INDEXED BY dead_records_by_place
                     WHERE topic = ?1 AND partition = ?2 AND record_offset = ?3 AND value IS ?5)",
            )?
            .execute(params![
                &*record.partition.topic,
                record.partition.number,
                record.offset,
                record.key.as_deref(),
                record.value.as_deref(),
                headers,
                record.timestamp,
                dead.stage,
                dead.cause,
                dead.detail,
                dead.at.millis(),
            ])?;
    }
    Ok(())
}
