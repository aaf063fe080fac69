//! Orders whose confirmation no provider has accepted.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns;
use super::lane::Lane;
use crate::domain::confirmation::{Cause, Change, MESSAGE};
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Next, StoreError, Unconfirmed};

/// Writes what a change of the journey means for the wait.
pub(super) fn change(connection: &Connection, journey: i64, shop: &str, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::None => {}
        Change::Begins { wait, since } => {
            connection
                .prepare_cached(
                    "INSERT INTO unconfirmed (journey, shop, since_ms, cause, by_webhook) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![journey, shop, since.millis(), wait.cause.as_str(), wait.by_webhook])?;
        }
        Change::GoesOn(wait) => {
            connection
                .prepare_cached(
                    "UPDATE unconfirmed SET by_webhook = ?3, cause =
                         CASE WHEN ?2 = 'failing' AND cause IN ('given_up', 'held', 'stormbound') THEN cause ELSE ?2 END
                     WHERE journey = ?1",
                )?
                .execute(params![journey, wait.cause.as_str(), wait.by_webhook])?;
        }
        Change::Ends => {
            connection.prepare_cached("DELETE FROM unconfirmed WHERE journey = ?1")?.execute([journey])?;
        }
    }
    Ok(())
}

/// Writes what an attempt on `message` means for the wait.
pub(super) fn attempted(connection: &Connection, lane: &Lane, message: &str, next: &Next) -> Result<(), StoreError> {
    let cause = match next {
        Next::Retry(_) | Next::Wait(_) => return Ok(()),
        Next::Accepted if message != MESSAGE => return Ok(()),
        Next::Accepted => {
            connection
                .prepare_cached("DELETE FROM unconfirmed WHERE journey = ?1 AND (by_webhook OR ?2 <> 'webhook')")?
                .execute(params![lane.journey, lane.channel])?;
            return Ok(());
        }
        Next::Dead => Cause::GivenUp,
        Next::Held => Cause::Held,
    };
    tried(connection, lane, message, cause)
}

/// Notes how `message` stands in that lane, if it is the confirmation.
pub(super) fn tried(connection: &Connection, lane: &Lane, message: &str, cause: Cause) -> Result<(), StoreError> {
    if message != MESSAGE {
        return Ok(());
    }
    connection
        .prepare_cached("UPDATE unconfirmed SET cause = ?3 WHERE journey = ?1 AND (by_webhook OR ?2 <> 'webhook')")?
        .execute(params![lane.journey, lane.channel, cause.as_str()])?;
    Ok(())
}

pub(super) fn counts(
    connection: &Connection,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(String, Cause, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT shop, cause, count(*) FROM unconfirmed WHERE since_ms >= ?1 AND since_ms < ?2
         GROUP BY shop, cause ORDER BY shop, cause",
    )?;
    let rows = statement.query_map([from.millis(), to.millis()], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    })?;
    rows.map(|row| {
        let (shop, cause, count) = row?;
        Ok((shop, columns::cause(&cause)?, columns::natural(count)?))
    })
    .collect()
}

pub(super) fn orders(
    connection: &Connection,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<Unconfirmed>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT j.shop, j.order_id, u.since_ms, u.cause FROM unconfirmed u JOIN journeys j ON j.id = u.journey
         WHERE u.since_ms >= ?1 AND u.since_ms < ?2 ORDER BY u.since_ms, u.journey LIMIT ?3",
    )?;
    let rows = statement.query_map(params![from.millis(), to.millis(), columns::integer(limit)], |row| {
        let key = JourneyKey { shop: row.get(0)?, order_id: row.get(1)? };
        Ok((key, Timestamp::from_millis(row.get(2)?), row.get::<_, String>(3)?))
    })?;
    rows.map(|row| {
        let (key, since, cause) = row?;
        Ok(Unconfirmed { key, since, cause: columns::cause(&cause)? })
    })
    .collect()
}

/// That order, if it waits.
pub(super) fn of(connection: &Connection, key: &JourneyKey) -> Result<Option<Unconfirmed>, StoreError> {
    let found: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT u.since_ms, u.cause FROM journeys j JOIN unconfirmed u ON u.journey = j.id
             WHERE j.shop = ?1 AND j.order_id = ?2",
        )?
        .query_row([&key.shop, &key.order_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(since, cause)| {
            let cause = columns::cause(&cause)?;
            Ok(Unconfirmed { key: key.clone(), since: Timestamp::from_millis(since), cause })
        })
        .transpose()
}
