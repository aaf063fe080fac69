//! How often rules speak, and those that are held for it.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::guard::{Bound, Held, Holding, OnRecord, Voice, judge, said, voice};
use super::lane::{self, Lane};
use super::unconfirmed;
use super::{Sqlite, columns};
use crate::domain::confirmation::Cause;
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::storm::{Hour, Standing};
use crate::domain::time::Timestamp;
use crate::ports::{CarriedOut, Counted, Lease, Ruling, Spoken, StoreError, Storm, Storms};

/// Counts what is said, and puts the rules on record that must be held.
pub(super) fn hold<'a>(connection: &Connection, spoken: &'a [Spoken]) -> Result<Holding<'a>, StoreError> {
    let Some(at) = spoken.first().map(|spoken| spoken.at) else { return Ok(Holding::default()) };
    let mut on_record = HashMap::new();
    for (voice, count) in said(spoken) {
        let this_hour = count_in(connection, voice, Hour::of(at), count)?;
        on_record.insert(voice, OnRecord { this_hour, standing: standing(connection, voice)? });
    }
    let mut holding = Holding::default();
    for held in judge(spoken, &on_record) {
        let (id, is_new) = begin(connection, &held)?;
        connection
            .prepare_cached("UPDATE rates SET held = held + ?4 WHERE shop = ?1 AND rule = ?2 AND hour = ?3")?
            .execute(params![held.voice.0, held.voice.1, held.hour().0, columns::integer(held.messages)])?;
        holding.add(held, id, is_new);
    }
    Ok(holding)
}

/// Adds to the count of an hour; returns the sum.
fn count_in(connection: &Connection, voice: Voice<'_>, hour: Hour, count: u64) -> Result<u64, StoreError> {
    let sum: Option<i64> = if count == 0 {
        connection
            .prepare_cached("SELECT spoken FROM rates WHERE shop = ?1 AND rule = ?2 AND hour = ?3")?
            .query_row(params![voice.0, voice.1, hour.0], |row| row.get(0))
            .optional()?
    } else {
        connection
            .prepare_cached(
                "INSERT INTO rates (shop, rule, hour, spoken) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET spoken = spoken + excluded.spoken RETURNING spoken",
            )?
            .query_row(params![voice.0, voice.1, hour.0, columns::integer(count)], |row| row.get(0))
            .optional()?
    };
    columns::natural(sum.unwrap_or_default())
}

fn standing(connection: &Connection, voice: Voice<'_>) -> Result<Option<Standing>, StoreError> {
    let found: Option<(i64, Option<i64>, Option<i64>)> = connection
        .prepare_cached("SELECT holds_until_ms, granted, granted_ms FROM storms WHERE shop = ?1 AND rule = ?2")?
        .query_row([voice.0, voice.1], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    found.map(|(until, granted, granted_at)| columns::standing(until, granted, granted_at)).transpose()
}

/// The storm's id, and whether it begins.
fn begin(connection: &Connection, held: &Held<'_>) -> Result<(i64, bool), StoreError> {
    let begun = connection
        .prepare_cached(
            "INSERT INTO storms (shop, rule, since_ms, holds_until_ms, mark, busiest)
             VALUES (?1, ?2, ?3, coalesce(?4, ?3), ?5, ?6)
             ON CONFLICT (shop, rule) DO UPDATE SET
                 since_ms = CASE WHEN holds_until_ms <= ?3 THEN ?3 ELSE since_ms END,
                 busiest = CASE WHEN holds_until_ms <= ?3 THEN ?6 ELSE max(busiest, ?6) END,
                 mark = ?5, holds_until_ms = max(holds_until_ms, excluded.holds_until_ms)
             RETURNING id, since_ms = ?3",
        )?
        .query_row(
            params![
                held.voice.0,
                held.voice.1,
                held.at.millis(),
                held.until.map(Timestamp::millis),
                columns::integer(held.mark),
                columns::integer(held.this_hour),
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    Ok(begun)
}

/// How a message is held that follows these: where all of them are, with the last of them.
pub(super) fn followed(connection: &Connection, follows: &[NotificationId]) -> Result<Option<Bound>, StoreError> {
    let mut last: Option<Bound> = None;
    for id in follows {
        let held = connection
            .prepare_cached(
                "SELECT storm, bound FROM outbox INDEXED BY outbox_open
                 WHERE id = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound') AND state = 'stormbound'",
            )?
            .query_row([&id.0], |row| Ok(Bound { storm: row.get(0)?, to: row.get(1)? }))
            .optional()?;
        let Some(held) = held else { return Ok(None) };
        last = last.into_iter().chain([held]).max_by_key(|bound| bound.to);
    }
    Ok(last)
}

/// Binds a new row to itself, unless it follows another.
pub(super) fn bind(connection: &Connection, seq: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE outbox SET bound = coalesce(bound, seq) WHERE seq = ?1")?.execute([seq])?;
    Ok(())
}

pub(super) fn busiest(
    connection: &mut Connection,
    of: &[Counted],
    from: Hour,
    to: Hour,
) -> Result<Vec<Vec<(Hour, u64)>>, StoreError> {
    let transaction = connection.transaction()?;
    let mut forget = transaction.prepare_cached("DELETE FROM rates WHERE shop = ?1 AND rule = ?2 AND hour < ?3")?;
    // SQLite takes the other columns from the row that has the maximum
    let mut find = transaction.prepare_cached(
        "SELECT hour, max(spoken - held) FROM rates WHERE shop = ?1 AND rule = ?2 AND hour >= ?3 AND hour < ?4
         GROUP BY hour / 24",
    )?;
    let mut found = Vec::with_capacity(of.len());
    for counted in of {
        let (shop, rule) = voice(counted);
        forget.execute(params![shop, rule, from.0])?;
        let rows = find.query_map(params![shop, rule, from.0, to.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        let hours = rows.map(|row| {
            let (hour, count) = row?;
            Ok((Hour(hour), columns::natural(count)?))
        });
        found.push(hours.collect::<Result<_, StoreError>>()?);
    }
    drop((forget, find));
    transaction.commit()?;
    Ok(found)
}

pub(super) fn storms(connection: &Connection, now: Timestamp) -> Result<Vec<Storm>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM (
             SELECT shop, rule, since_ms, holds_until_ms, mark, busiest, ruling,
                 (SELECT count(*) FROM outbox WHERE storm = s.id AND state = 'stormbound' AND bound > s.through) AS held,
                 (SELECT count(*) FROM outbox WHERE storm = s.id AND state = 'stormbound' AND bound <= s.through) AS ruled
             FROM storms s)
         WHERE held > 0 OR ruled > 0 OR holds_until_ms > ?1 ORDER BY since_ms, shop, rule",
    )?;
    let mut rows = statement.query([now.millis()])?;
    let mut storms = Vec::new();
    while let Some(row) = rows.next()? {
        storms.push(storm(row)?);
    }
    Ok(storms)
}

fn storm(row: &Row<'_>) -> Result<Storm, StoreError> {
    let ruling: Option<String> = row.get(6)?;
    Ok(Storm {
        shop: row.get(0)?,
        rule: row.get(1)?,
        since: Timestamp::from_millis(row.get(2)?),
        holds_until: Timestamp::from_millis(row.get(3)?),
        mark: columns::natural(row.get(4)?)?,
        busiest: columns::natural(row.get(5)?)?,
        ruling: ruling.as_deref().map(columns::ruling).transpose()?,
        held: columns::natural(row.get(7)?)?,
        ruled: columns::natural(row.get(8)?)?,
    })
}

pub(super) fn rule_on(
    connection: &Connection,
    shop: &str,
    rule: &str,
    ruling: Ruling,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let held: Option<i64> = connection
        .prepare_cached(
            "UPDATE storms SET ruling = ?3,
                 through = coalesce((SELECT max(bound) FROM outbox WHERE storm = storms.id AND state = 'stormbound'), through),
                 holds_until_ms = CASE WHEN ?3 = 'release' THEN min(holds_until_ms, ?4) ELSE holds_until_ms END,
                 granted = CASE WHEN ?3 = 'release' THEN busiest ELSE granted END,
                 granted_ms = CASE WHEN ?3 = 'release' THEN ?4 ELSE granted_ms END
             WHERE shop = ?1 AND rule = ?2
             RETURNING (SELECT count(*) FROM outbox WHERE storm = storms.id AND state = 'stormbound')",
        )?
        .query_row(params![shop, rule, ruling.as_str(), now.millis()], |row| row.get(0))
        .optional()?;
    held.map(columns::natural).transpose()
}

pub(super) fn carry_out(
    connection: &mut Connection,
    now: Timestamp,
    lease: &Lease,
    limit: usize,
) -> Result<CarriedOut, StoreError> {
    if !is_asked_for(connection, now)? {
        return Ok(CarriedOut::default());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let released = transaction
        .prepare_cached(
            "UPDATE outbox SET state = 'pending', storm = NULL, bound = NULL, due_ms = ?1, lease_owner = NULL, lease_until_ms = NULL
             WHERE seq IN (SELECT o.seq FROM storms s JOIN outbox o ON o.storm = s.id AND o.state = 'stormbound'
                 AND o.bound <= s.through WHERE s.ruling = 'release' ORDER BY o.bound, o.seq LIMIT ?2)
             RETURNING journey, channel, message",
        )?
        .query_map(params![now.millis(), columns::integer(limit)], |row| {
            Ok((Lane { journey: row.get(0)?, channel: row.get(1)? }, row.get::<_, String>(2)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for (lane, message) in &released {
        unconfirmed::tried(&transaction, lane, message, Cause::Failing)?;
        lane::reseat(&transaction, lane, now)?;
    }
    let dropped = transaction
        .prepare_cached(
            "UPDATE outbox SET lease_owner = ?2, lease_until_ms = ?3
             WHERE seq IN (SELECT o.seq FROM storms s JOIN outbox o ON o.storm = s.id AND o.state = 'stormbound'
                 AND o.bound <= s.through AND coalesce(o.lease_until_ms, 0) <= ?1
                 WHERE s.ruling = 'drop' ORDER BY o.bound, o.seq LIMIT ?4)
             RETURNING id, (SELECT shop FROM journeys j WHERE j.id = outbox.journey),
                 (SELECT order_id FROM journeys j WHERE j.id = outbox.journey)",
        )?
        .query_map(params![now.millis(), lease.owner, lease.until.millis(), columns::integer(limit)], |row| {
            Ok((JourneyKey { shop: row.get(1)?, order_id: row.get(2)? }, NotificationId(row.get(0)?)))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    transaction.commit()?;
    Ok(CarriedOut { released: released.len(), dropped })
}

/// Asked every second, and nearly always in vain.
fn is_asked_for(connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM storms s JOIN outbox o ON o.storm = s.id AND o.state = 'stormbound'
                 AND o.bound <= s.through WHERE s.ruling IS NOT NULL AND coalesce(o.lease_until_ms, 0) <= ?1)",
        )?
        .query_row([now.millis()], |row| row.get(0))?;
    Ok(found)
}

#[async_trait]
impl Storms for Sqlite {
    async fn busiest(&self, of: &[Counted], from: Hour, to: Hour) -> Result<Vec<Vec<(Hour, u64)>>, StoreError> {
        let of = of.to_vec();
        self.write(move |c| busiest(c, &of, from, to)).await
    }

    async fn storms(&self, now: Timestamp) -> Result<Vec<Storm>, StoreError> {
        self.readers.read(move |c| storms(c, now)).await
    }

    async fn rule_on(&self, shop: &str, rule: &str, ruling: Ruling, now: Timestamp) -> Result<Option<u64>, StoreError> {
        let (shop, rule) = (shop.to_owned(), rule.to_owned());
        self.write(move |c| rule_on(c, &shop, &rule, ruling, now)).await
    }

    async fn carry_out(&self, now: Timestamp, lease: &Lease, limit: usize) -> Result<CarriedOut, StoreError> {
        let lease = lease.clone();
        self.write(move |c| carry_out(c, now, &lease, limit)).await
    }
}
