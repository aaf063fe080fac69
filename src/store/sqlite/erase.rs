//! Forgetting what messages said, once their customer is to be forgotten.

use rusqlite::{Connection, params};

use crate::domain::decision::Reason;
use crate::ports::StoreError;

/// Deletes the contents of a journey's messages, from the `last` one backwards, and suppresses those
/// that have not left. One that is on its way at this moment is written as an attempt and no more.
pub(super) fn messages(connection: &Connection, last: Option<i64>) -> Result<(), StoreError> {
    let seqs: Vec<i64> = connection
        .prepare_cached(
            "WITH RECURSIVE line (seq, previous) AS (
                 SELECT seq, previous FROM outbox WHERE seq = ?1
                 UNION ALL SELECT o.seq, o.previous FROM line l JOIN outbox o ON o.seq = l.previous)
             SELECT seq FROM line",
        )?
        .query_map([last], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut suppress = connection.prepare_cached(
        "UPDATE outbox SET state = 'suppressed', reason = ?2, ready_ms = NULL, lease_owner = NULL, lease_until_ms = NULL
         WHERE seq = ?1 AND state IN ('pending', 'dead', 'held', 'stormbound')",
    )?;
    let mut forget = connection.prepare_cached("DELETE FROM contents WHERE notification = ?1")?;
    for seq in seqs {
        suppress.execute(params![seq, Reason::CustomerErased.as_str()])?;
        forget.execute([seq])?;
    }
    Ok(())
}
