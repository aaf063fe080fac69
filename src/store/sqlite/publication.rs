//! Records of our own on their way to the broker.

use rusqlite::{Connection, TransactionBehavior, params};

use super::columns;
use crate::domain::time::Timestamp;
use crate::ports::{Lease, Publication, StoreError, Stream};

/// The name of the turn to publish `stream`.
fn turn(stream: Stream) -> String {
    format!("publish {}", stream.as_str())
}

pub(super) fn write(connection: &Connection, publication: &Publication) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO publications (stream, key, value, headers, timestamp_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            publication.stream.as_str(),
            publication.key.as_deref(),
            publication.value.as_deref(),
            columns::headers(&publication.headers)?,
            publication.timestamp,
        ])?;
    Ok(())
}

/// Takes or renews the turn, and reads what is to be published.
pub(super) fn waiting(
    connection: &mut Connection,
    stream: Stream,
    now: Timestamp,
    lease: &Lease,
    limit: usize,
) -> Result<Option<Vec<(i64, Publication)>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ours = transaction
        .prepare_cached(
            "INSERT INTO turns (name, owner, until_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
             WHERE owner = excluded.owner OR until_ms <= ?4",
        )?
        .execute(params![turn(stream), lease.owner, lease.until.millis(), now.millis()])?;
    if ours == 0 {
        return Ok(None);
    }
    let mut waiting = Vec::new();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT seq, key, value, headers, timestamp_ms FROM publications INDEXED BY publications_of_stream
             WHERE stream = ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = statement.query(params![stream.as_str(), columns::integer(limit)])?;
        while let Some(row) = rows.next()? {
            let publication = Publication {
                stream,
                key: row.get::<_, Option<Vec<u8>>>(1)?.map(Into::into),
                value: row.get::<_, Option<Vec<u8>>>(2)?.map(Into::into),
                headers: columns::from_headers(super::read::text(row, 3)?)?,
                timestamp: row.get(4)?,
            };
            waiting.push((row.get(0)?, publication));
        }
    }
    transaction.commit()?;
    Ok(Some(waiting))
}

pub(super) fn published(connection: &mut Connection, ids: &[i64]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut delete = transaction.prepare_cached("DELETE FROM publications WHERE seq = ?1")?;
        for id in ids {
            delete.execute([id])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn stop(connection: &Connection, stream: Stream, owner: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM turns WHERE name = ?1 AND owner = ?2")?
        .execute([turn(stream).as_str(), owner])?;
    Ok(())
}
