//! What customers have been told, by all their orders.

use std::collections::HashMap;

use super::failure::Failure;
use super::row::get;
use super::session::Session;
use crate::domain::spending::Spending;
use crate::ports::StoreError;
use crate::store::spending::{Row, read};

const FIND: &str = "SELECT id, body FROM spending WHERE id = ANY($1::bigint[])";

/// Only what still stands there as it was expected.
const SPEND: &str = "WITH given AS (
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) g(id, last_ms, body, expected)),
    locked AS (
        SELECT g.id, g.last_ms, g.body FROM given g JOIN spending s ON s.id = g.id
        WHERE s.body = g.expected ORDER BY s.id FOR NO KEY UPDATE OF s),
    changed AS (
        UPDATE spending s SET last_ms = l.last_ms, body = l.body FROM locked l WHERE s.id = l.id RETURNING s.id),
    begun AS (
        INSERT INTO spending (id, last_ms, body)
        SELECT id, last_ms, body FROM given WHERE expected IS NULL ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id)
    SELECT id FROM changed UNION ALL SELECT id FROM begun";

const FORGET: &str = "DELETE FROM spending WHERE id IN (
    SELECT id FROM spending WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE)";

pub(super) const STATEMENTS: &[&str] = &[FIND, SPEND, FORGET];

pub(super) async fn find(session: &Session, ids: &[i64]) -> Result<Vec<Option<Spending>>, Failure> {
    let mut found: HashMap<i64, Spending> = HashMap::with_capacity(ids.len());
    for row in session.query(FIND, &[&ids]).await? {
        found.insert(get(&row, 0)?, read(get(&row, 1)?)?);
    }
    Ok(ids.iter().map(|id| found.remove(id)).collect())
}

/// Writes what is told now, if what it was decided on still stands there; forgets `forgotten`.
pub(super) async fn write(session: &Session, rows: &[Row], forgotten: &[i64]) -> Result<(), Failure> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let last: Vec<i64> = rows.iter().map(|row| row.last_ms).collect();
    let bodies: Vec<&str> = rows.iter().map(|row| &*row.body).collect();
    let expected: Vec<Option<&str>> = rows.iter().map(|row| row.expected.as_deref()).collect();
    let (written, gone) = tokio::join!(
        biased;
        async { session.query_if(!ids.is_empty(), SPEND, &[&ids, &last, &bodies, &expected]).await },
        async { session.execute_if(!forgotten.is_empty(), FORGET, &[&forgotten]).await },
    );
    gone?;
    if written?.len() == rows.len() { Ok(()) } else { Err(StoreError::Conflict.into()) }
}
