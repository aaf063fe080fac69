//! What customers have been told, by all their orders.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::spending::Spending;
use crate::ports::StoreError;
use crate::store::spending::{Pseudonyms, Row, read};

/// The key that the store drew when it was made.
pub(super) fn pseudonyms(connection: &Connection) -> Result<Pseudonyms, StoreError> {
    let key: Vec<u8> = connection.query_row("SELECT key FROM pseudonyms", [], |row| row.get(0))?;
    Pseudonyms::new(&key)
}

pub(super) fn find(connection: &Connection, ids: &[i64]) -> Result<Vec<Option<Spending>>, StoreError> {
    let mut find = connection.prepare_cached("SELECT body FROM spending WHERE id = ?1")?;
    let mut one = |id: &i64| {
        let body: Option<String> = find.query_row([id], |row| row.get(0)).optional()?;
        body.as_deref().map(read).transpose()
    };
    ids.iter().map(&mut one).collect()
}

/// Writes what is told now, if what it was decided on still stands there; forgets `forgotten`.
pub(super) fn write(connection: &Connection, rows: &[Row], forgotten: &[i64]) -> Result<(), StoreError> {
    for Row { id, expected, body, last_ms } in rows {
        let written = match expected {
            None => connection
                .prepare_cached("INSERT INTO spending (id, last_ms, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                .execute(params![id, last_ms, body])?,
            Some(expected) => connection
                .prepare_cached("UPDATE spending SET last_ms = ?2, body = ?3 WHERE id = ?1 AND body = ?4")?
                .execute(params![id, last_ms, body, expected])?,
        };
        if written != 1 {
            return Err(StoreError::Conflict);
        }
    }
    for id in forgotten {
        connection.prepare_cached("DELETE FROM spending WHERE id = ?1")?.execute([id])?;
    }
    Ok(())
}
