//! What ingest and the timers ask for. Each function is one read of one moment.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns;
use super::rows::Rows;
use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Parked, Partition, StoreError};

pub(super) fn offsets(connection: &Connection, group: &str) -> Result<BTreeMap<Partition, i64>, StoreError> {
    let offsets = connection
        .prepare_cached("SELECT topic, partition, next FROM offsets WHERE group_name = ?1")?
        .query_map([group], |row| Ok((columns::partition(row.get(0)?, row.get(1)?), row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    Ok(offsets)
}

pub(super) fn resolve(
    connection: &Connection,
    rows: &Rows,
    references: &[(String, Reference, Timestamp)],
) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
    references
        .iter()
        .map(|(shop, reference, moment)| {
            let found: Vec<(JourneyKey, i64)> = match reference {
                Reference::Order(id) => connection
                    .prepare_cached("SELECT shop, order_id, id FROM journeys WHERE shop = ?1 AND order_id = ?2")?
                    .query_map([shop, id], place)?
                    .collect::<Result<_, _>>()?,
                // Every life of the number has its own journey; one parcel may hold several orders.
                Reference::Parcel(_) => connection
                    .prepare_cached(
                        "SELECT shop, order_id, journey FROM links
                         WHERE shop = ?1 AND reference = ?2 AND since_ms = coalesce(
                             (SELECT max(since_ms) FROM links
                              WHERE shop = ?1 AND reference = ?2 AND since_ms <= ?3),
                             (SELECT min(since_ms) FROM links WHERE shop = ?1 AND reference = ?2))
                         ORDER BY journey",
                    )?
                    .query_map(params![shop, columns::reference(reference)?, moment.millis()], place)?
                    .collect::<Result<_, _>>()?,
                // A customer has all their orders at once, whenever they came.
                Reference::Customer(_) => connection
                    .prepare_cached(
                        "SELECT DISTINCT shop, order_id, journey FROM links WHERE shop = ?1 AND reference = ?2
                         ORDER BY journey",
                    )?
                    .query_map(params![shop, columns::reference(reference)?], place)?
                    .collect::<Result<_, _>>()?,
            };
            rows.remember(found.iter().cloned());
            Ok(found.into_iter().map(|(key, _)| key).collect())
        })
        .collect()
}

fn place(row: &Row<'_>) -> rusqlite::Result<(JourneyKey, i64)> {
    Ok((key(row)?, row.get(2)?))
}

fn key(row: &Row<'_>) -> rusqlite::Result<JourneyKey> {
    Ok(JourneyKey { shop: row.get(0)?, order_id: row.get(1)? })
}

/// Version and body of a journey.
pub(super) type Stored = (i64, Vec<u8>);

pub(super) fn load(
    connection: &Connection,
    rows: &Rows,
    keys: &[JourneyKey],
) -> Result<Vec<Option<Stored>>, StoreError> {
    let mut by_row = connection
        .prepare_cached("SELECT version, body FROM journeys WHERE id = ?1 AND shop = ?2 AND order_id = ?3")?;
    let mut by_key =
        connection.prepare_cached("SELECT version, body, id FROM journeys WHERE shop = ?1 AND order_id = ?2")?;
    let mut found = Vec::with_capacity(keys.len());
    let mut seen = Vec::new();
    for (key, place) in keys.iter().zip(rows.of(keys.iter())) {
        let JourneyKey { shop, order_id } = key;
        let mut stored = None;
        if let Some(id) = place {
            stored = by_row.query_row(params![id, shop, order_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        }
        if stored.is_none() {
            let read = |row: &Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
            let by_key = by_key.query_row([shop, order_id], read).optional()?;
            seen.extend(by_key.iter().map(|(_, id)| (key.clone(), *id)));
            stored = by_key.map(|(stored, _)| stored);
        }
        found.push(stored);
    }
    rows.remember(seen.into_iter());
    Ok(found)
}

/// A text column in place: bodies need not be copied to be read.
pub(super) fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, StoreError> {
    row.get_ref(column)?.as_str().map_err(|_| StoreError::Corrupt("a text column holds none".to_owned()))
}

/// A column of bytes in place.
pub(super) fn blob<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    row.get_ref(column)?.as_blob().map_err(|_| StoreError::Corrupt("a column of bytes holds none".to_owned()))
}

pub(super) fn parked(
    connection: &Connection,
    references: &[(String, Reference)],
    limit: usize,
) -> Result<Vec<Vec<Parked>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, event, parked_ms FROM parked WHERE shop = ?1 AND reference = ?2 ORDER BY id LIMIT ?3",
    )?;
    references
        .iter()
        .map(|(shop, reference)| {
            let parked = statement
                .query_map(params![shop, columns::reference(reference)?, columns::integer(limit)], |row| {
                    Ok(Parked {
                        shop: shop.clone(),
                        reference: reference.clone(),
                        key: EventKey(row.get(0)?),
                        event: row.get(1)?,
                        parked_at: Timestamp::from_millis(row.get(2)?),
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok(parked)
        })
        .collect()
}

pub(super) fn awaited(
    connection: &Connection,
    after: EventKey,
    limit: usize,
) -> Result<Vec<(EventKey, String, Reference)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT key, shop, reference FROM parked WHERE key > ?1 ORDER BY key LIMIT ?2")?;
    let mut rows = statement.query(params![after.0, columns::integer(limit)])?;
    let mut awaited = Vec::new();
    while let Some(row) = rows.next()? {
        awaited.push((EventKey(row.get(0)?), row.get(1)?, columns::read_reference(text(row, 2)?)?));
    }
    Ok(awaited)
}

pub(super) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<JourneyKey>, StoreError> {
    let keys = connection
        .prepare_cached(
            "SELECT shop, order_id FROM journeys INDEXED BY journeys_by_wake
             WHERE wake_ms IS NOT NULL AND wake_ms <= ?1 ORDER BY wake_ms, id LIMIT ?2",
        )?
        .query_map(params![now.millis(), columns::integer(limit)], key)?
        .collect::<Result<_, _>>()?;
    Ok(keys)
}

pub(super) fn ping(connection: &Connection) -> Result<(), StoreError> {
    let beats: Option<i64> = connection.query_row("SELECT beats FROM pulse", [], |row| row.get(0)).optional()?;
    beats.map(|_| ()).ok_or_else(|| StoreError::Corrupt("the row for trying writes is missing".to_owned()))
}
