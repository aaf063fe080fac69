//! What ingest and the timers ask for. Each function is one read of one moment.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns;
use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Parked, Partition, StoreError, Versioned};

pub(super) fn offsets(connection: &Connection, group: &str) -> Result<BTreeMap<Partition, i64>, StoreError> {
    let offsets = connection
        .prepare_cached("SELECT topic, partition, next FROM offsets WHERE group_name = ?1")?
        .query_map([group], |row| Ok((columns::partition(row.get(0)?, row.get(1)?), row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    Ok(offsets)
}

pub(super) fn resolve(
    connection: &Connection,
    references: &[(String, Reference, Timestamp)],
) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
    references
        .iter()
        .map(|(shop, reference, moment)| {
            let keys = match reference {
                Reference::Order(id) => connection
                    .prepare_cached("SELECT shop, order_id FROM journeys WHERE shop = ?1 AND order_id = ?2")?
                    .query_map([shop, id], key)?
                    .collect::<Result<_, _>>()?,
                // Every life of the number has its own journey; one parcel may hold several orders.
                Reference::Parcel(_) => connection
                    .prepare_cached(
                        "SELECT j.shop, j.order_id FROM links l JOIN journeys j ON j.id = l.journey
                         WHERE l.shop = ?1 AND l.reference = ?2 AND l.since_ms = coalesce(
                             (SELECT max(since_ms) FROM links
                              WHERE shop = ?1 AND reference = ?2 AND since_ms <= ?3),
                             (SELECT min(since_ms) FROM links WHERE shop = ?1 AND reference = ?2))
                         ORDER BY l.journey",
                    )?
                    .query_map(params![shop, columns::reference(reference)?, moment.millis()], key)?
                    .collect::<Result<_, _>>()?,
                // A customer has all their orders at once, whenever they came.
                Reference::Customer(_) => connection
                    .prepare_cached(
                        "SELECT shop, order_id FROM journeys WHERE id IN
                             (SELECT journey FROM links WHERE shop = ?1 AND reference = ?2) ORDER BY id",
                    )?
                    .query_map(params![shop, columns::reference(reference)?], key)?
                    .collect::<Result<_, _>>()?,
            };
            Ok(keys)
        })
        .collect()
}

fn key(row: &Row<'_>) -> rusqlite::Result<JourneyKey> {
    Ok(JourneyKey { shop: row.get(0)?, order_id: row.get(1)? })
}

/// Version and body of the journeys.
pub(super) fn load(connection: &Connection, keys: &[JourneyKey]) -> Result<Vec<Option<(i64, String)>>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT version, body FROM journeys WHERE shop = ?1 AND order_id = ?2")?;
    let found = keys
        .iter()
        .map(|key| statement.query_row([&key.shop, &key.order_id], |row| Ok((row.get(0)?, row.get(1)?))).optional());
    Ok(found.collect::<Result<_, _>>()?)
}

/// A journey as [`load`] found it.
pub(super) fn versioned((version, body): (i64, String)) -> Result<Versioned, StoreError> {
    Ok(Versioned { journey: columns::journey(&body)?, version: columns::natural(version)? })
}

/// A text column in place: bodies need not be copied to be read.
pub(super) fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, StoreError> {
    row.get_ref(column)?.as_str().map_err(|_| StoreError::Corrupt("a text column holds none".to_owned()))
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
