//! Partitions: one for each week of the tables that only grow. They are made ahead, and dropped
//! once nothing in them is needed any more.
//!
//! A row belongs to the week of its transaction by the database's clock. If that clock is wrong,
//! a commit finds no partition for its week, has it made, and goes on; nothing is swallowed by a
//! partition for everything else. Nothing is dropped while this machine's clock and the
//! database's differ: one of them is wrong, and it cannot be told which.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_postgres::Client;

use super::Settings;
use super::failure::Failure;
use super::migrate;
use crate::domain::time::Timestamp;
use crate::ports::Kept;

/// The tables of which each week has a partition.
const TABLES: [&str; 3] = ["entries", "contents", "attempts"];

/// The table of a kind of which each week has a partition.
pub(super) fn table(kept: Kept) -> Option<&'static str> {
    match kept {
        Kept::Timelines => Some(TABLES[0]),
        Kept::Contents => Some(TABLES[1]),
        Kept::Attempts => Some(TABLES[2]),
        Kept::Journeys | Kept::Parked | Kept::DeadLetters | Kept::Spending => None,
    }
}

/// This week and so many more are there in advance: a database that cannot be changed for a while
/// can be written to.
const WEEKS_AHEAD: i32 = 3;

/// An attempt is over two seconds before its lease at the latest, by its own replica's clock. No
/// two replicas may differ by more; so each may be off by one.
pub(super) const SKEW: Duration = Duration::from_secs(1);

/// Two clocks that agree so far tell the same week.
const SAME_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// By how much this machine's clock and the database's differ.
pub(super) async fn skew(client: &Client) -> Result<Duration, Failure> {
    let begun = SystemTime::now();
    let row = client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", &[]).await?;
    let ended = SystemTime::now();
    let there = UNIX_EPOCH + Duration::from_millis(row.get::<_, i64>(0).unsigned_abs());
    // it was asked at some moment between the two: only what lies outside is a difference
    let ahead = there.duration_since(ended).unwrap_or_default();
    Ok(ahead.max(begun.duration_since(there).unwrap_or_default()))
}

/// Makes the partitions that this week and the next need.
pub(super) async fn make(client: &mut Client, schema: &str) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    transaction.query_one("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&migrate::lock(schema)]).await?;
    let missing = transaction
        .query(
            "SELECT t.name, t.name || to_char(w.monday, '_YYYYMMDD'), w.monday::text, (w.monday + 7)::text
             FROM unnest($1::text[]) t(name), LATERAL (SELECT this_week() + 7 * ahead AS monday
                 FROM generate_series(0, $2::int) ahead) w
             WHERE to_regclass(t.name || to_char(w.monday, '_YYYYMMDD')) IS NULL",
            &[&TABLES.as_slice(), &WEEKS_AHEAD],
        )
        .await?;
    for row in missing {
        let [table, partition, from, to]: [String; 4] = [row.get(0), row.get(1), row.get(2), row.get(3)];
        // made apart and attached: so the others go on writing meanwhile
        let sql = format!(
            "CREATE TABLE {partition} (LIKE {table} INCLUDING ALL);
             ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ('{from}') TO ('{to}')"
        );
        transaction.batch_execute(&sql).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Drops the partitions of `table` that lie wholly before a moment, and says about how many rows lay in
/// each. A week of which a notification still waits, be it for a person, is kept whole.
pub(super) async fn drop_old(
    client: &Client,
    settings: &Settings,
    table: &'static str,
    before: Timestamp,
) -> Result<Vec<(String, u64)>, Failure> {
    if skew(client).await? > SAME_DAY {
        tracing::error!("this machine's clock and the database's differ by days; nothing old is dropped");
        return Ok(Vec::new());
    }
    let lock = migrate::lock(&settings.schema);
    let ours: bool = client.query_one("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", &[&lock]).await?.get(0);
    if !ours {
        // another replica is at it
        return Ok(Vec::new());
    }
    let dropped = drop_each(client, settings, table, before).await;
    client.query_one("SELECT pg_advisory_unlock(hashtextextended($1, 0))", &[&lock]).await?;
    dropped
}

async fn drop_each(
    client: &Client,
    settings: &Settings,
    table: &'static str,
    before: Timestamp,
) -> Result<Vec<(String, u64)>, Failure> {
    let old = client
        .query(
            "SELECT p.relname::text, i.inhdetachpending
             FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
             WHERE i.inhparent = to_regclass($1) AND p.relname ~ '_[0-9]{8}$'
               AND to_date(right(p.relname, 8), 'YYYYMMDD') + 7 <= least(
                   (to_timestamp($2::bigint / 1000.0) AT TIME ZONE 'UTC')::date,
                   (SELECT min(week) FROM outbox WHERE state = 'pending'),
                   (SELECT min(week) FROM outbox WHERE state IN ('dead', 'held')),
                   (SELECT min(week) FROM outbox WHERE state = 'stormbound'))
             ORDER BY 1",
            &[&table, &before.millis()],
        )
        .await?;
    for row in old {
        let partition: String = row.get(0);
        // what one that was interrupted has begun must be finished
        let manner = if row.get(1) { "FINALIZE" } else { "CONCURRENTLY" };
        client.batch_execute(&format!("ALTER TABLE {table} DETACH PARTITION {partition} {manner}")).await?;
    }
    // in two steps, so that one that is interrupted between them leaves nothing behind for ever
    let detached = client
        .query(
            "SELECT relname::text, greatest(reltuples, 0)::bigint FROM pg_class
             WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND NOT relispartition
               AND relname ~ ('^' || $2 || '_[0-9]{8}$')
             ORDER BY 1",
            &[&settings.schema, &table],
        )
        .await?;
    let mut dropped = Vec::new();
    for row in detached {
        let partition: String = row.get(0);
        client.batch_execute(&format!("DROP TABLE {partition}")).await?;
        tracing::info!(week = partition, "dropped; its time is over");
        dropped.push((partition, row.get::<_, i64>(1).unsigned_abs()));
    }
    Ok(dropped)
}
