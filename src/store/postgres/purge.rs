//! Removing what is old: a few rows at a time of what lies in no partition of a week.
//!
//! One replica at a time is at it. A journey is locked before it goes, so that who decides on it
//! meanwhile finds it changed.

use super::failure::Failure;
use super::row::{Key, get};
use super::session::Session;
use crate::domain::decision::Reason;
use crate::domain::time::Timestamp;
use crate::ports::{Kept, Purged};
use crate::store::{columns, vault};

/// So long is it this replica's after a step.
const TAKE_TURN: &str = "INSERT INTO turns (name, owner, until_ms)
    VALUES ($1, $2::uuid::text, (extract(epoch FROM moment()) * 1000)::bigint + 600000)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
    WHERE turns.owner = excluded.owner OR turns.until_ms <= (extract(epoch FROM moment()) * 1000)::bigint";

const PAGE: &str = "SELECT count(*), max(id) FROM (SELECT id FROM journeys WHERE id > $1 ORDER BY id LIMIT $2) page";

const OLD: &str = "SELECT j.id, j.shop, j.body FROM journeys j
    WHERE j.id > $1 AND j.id <= $2 AND j.changed < (to_timestamp($3::bigint / 1000.0) AT TIME ZONE 'UTC')::date
      AND NOT EXISTS (SELECT 1 FROM wakes w WHERE w.journey = j.id)
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.journey = j.id AND o.state IN ('pending', 'dead', 'held', 'stormbound'))
    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED";

const UNLINK: &str = "DELETE FROM links l
    USING unnest($1::text[], $2::text[], $3::bigint[]) n(shop, reference, journey)
    WHERE l.shop = n.shop AND l.reference = n.reference AND l.journey = n.journey";

/// What they were found by is not known: all is looked through, once.
const UNLINK_DAMAGED: &str = "DELETE FROM links WHERE journey = ANY($1)";

const FORGET_ATTEMPTS: &str = "DELETE FROM attempts a USING outbox o
    WHERE o.journey = ANY($1::bigint[]) AND a.notification = o.seq";
const FORGET_CONTENTS: &str = "DELETE FROM contents c USING outbox o
    WHERE o.journey = ANY($1::bigint[]) AND c.notification = o.seq AND c.week = o.week";
const FORGET_MESSAGES: &str = "DELETE FROM outbox WHERE journey = ANY($1::bigint[])";
const FORGET_ENTRIES: &str = "DELETE FROM entries WHERE journey = ANY($1::bigint[])";
const FORGET_WAIT: &str = "DELETE FROM unconfirmed WHERE journey = ANY($1::bigint[])";
const NOTE_KEYS: &str = "INSERT INTO forgotten_keys (shop, order_id)
    SELECT shop, order_id FROM journeys WHERE id = ANY($1::bigint[]) AND EXISTS (SELECT FROM vault)
    ORDER BY shop, order_id ON CONFLICT DO NOTHING";
const FORGET_JOURNEYS: &str = "DELETE FROM journeys WHERE id = ANY($1::bigint[])";

const PARKED: &str = "DELETE FROM parked WHERE key IN (
    SELECT key FROM parked WHERE parked_ms < $1 ORDER BY key LIMIT $2 FOR UPDATE SKIP LOCKED)";

const DEAD_RECORDS: &str = "DELETE FROM dead_records WHERE id IN (
    SELECT id FROM dead_records WHERE NOT redriven AND at_ms < $1 ORDER BY at_ms, id LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Messages that have waited for a person for so long are sent no more.
const GIVE_UP: &str = "UPDATE outbox SET state = 'suppressed', reason = $3 WHERE id IN (
    SELECT id FROM outbox WHERE state IN ('dead', 'held') AND settled_ms < $1
    ORDER BY settled_ms, seq LIMIT $2 FOR UPDATE SKIP LOCKED)";
const GIVE_UP_STORMBOUND: &str = "UPDATE outbox SET state = 'suppressed', reason = $3, lease_owner = NULL,
        lease_until_ms = NULL
    WHERE id IN (SELECT id FROM outbox WHERE state = 'stormbound' AND decided_ms < $1
        ORDER BY storm, bound, seq LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Counts what it looked at, where it ended, and what went.
const SPENDING: &str = "WITH page AS (SELECT id, last_ms FROM spending WHERE id > $2 ORDER BY id LIMIT $3),
    old AS (
        SELECT s.id FROM spending s JOIN page p ON p.id = s.id
        WHERE p.last_ms < $1 ORDER BY s.id FOR UPDATE OF s SKIP LOCKED),
    gone AS (DELETE FROM spending s USING old o WHERE s.id = o.id AND s.last_ms < $1 RETURNING s.id)
    SELECT (SELECT count(*) FROM page), (SELECT max(id) FROM page), (SELECT count(*) FROM gone)";

pub(super) const STATEMENTS: &[&str] = &[
    TAKE_TURN,
    PAGE,
    OLD,
    UNLINK,
    UNLINK_DAMAGED,
    FORGET_ATTEMPTS,
    FORGET_CONTENTS,
    FORGET_MESSAGES,
    FORGET_ENTRIES,
    FORGET_WAIT,
    NOTE_KEYS,
    FORGET_JOURNEYS,
    PARKED,
    DEAD_RECORDS,
    GIVE_UP,
    GIVE_UP_STORMBOUND,
    SPENDING,
];

pub(super) async fn purge(
    session: &Session,
    replica: Key,
    kept: Kept,
    before: Timestamp,
    after: i64,
    limit: usize,
) -> Result<Purged, Failure> {
    let turn = format!("purge {}", kept.as_str());
    if session.execute(TAKE_TURN, &[&turn, &replica]).await? == 0 {
        return Ok(Purged::default());
    }
    let (before, most) = (before.millis(), columns::integer(limit));
    let removed = match kept {
        Kept::Journeys => return journeys(session, before, after, most).await,
        Kept::Spending => return spending(session, before, after, most).await,
        Kept::Parked => vec![session.execute(PARKED, &[&before, &most]).await?],
        Kept::DeadLetters => {
            let reason = Reason::Expired.as_str();
            vec![
                session.execute(GIVE_UP, &[&before, &most, &reason]).await?,
                session.execute(GIVE_UP_STORMBOUND, &[&before, &most, &reason]).await?,
                session.execute(DEAD_RECORDS, &[&before, &most]).await?,
            ]
        }
        // they lie in partitions of weeks
        Kept::Contents | Kept::Timelines | Kept::Attempts => Vec::new(),
    };
    let most = columns::natural::<u64>(most)?;
    let is_more = removed.contains(&most);
    Ok(Purged { removed: removed.iter().sum(), next: is_more.then_some(0) })
}

async fn spending(session: &Session, before: i64, after: i64, most: i64) -> Result<Purged, Failure> {
    let rows = session.query(SPENDING, &[&before, &after, &most]).await?;
    let Some(row) = rows.first() else { return Ok(Purged::default()) };
    let (looked, last): (i64, Option<i64>) = (get(row, 0)?, get(row, 1)?);
    Ok(Purged { removed: columns::natural(get(row, 2)?)?, next: last.filter(|_| looked == most) })
}

async fn journeys(session: &Session, before: i64, after: i64, most: i64) -> Result<Purged, Failure> {
    session.begin().await?;
    let page = session.query(PAGE, &[&after, &most]).await?;
    let (count, last) = match page.first() {
        Some(row) => (get::<i64>(row, 0)?, get::<Option<i64>>(row, 1)?),
        None => (0, None),
    };
    let Some(last) = last else {
        session.commit().await?;
        return Ok(Purged::default());
    };
    let rows = session.query(OLD, &[&after, &last, &before]).await?;
    let (mut old, mut damaged, mut links) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new(), Vec::new()));
    for row in &rows {
        let (id, shop): (i64, &str) = (get(row, 0)?, get(row, 1)?);
        old.push(id);
        let Ok(journey) = vault::without_person(get(row, 2)?) else {
            damaged.push(id);
            continue;
        };
        for reference in columns::references(&journey)? {
            links.0.push(shop);
            links.1.push(reference);
            links.2.push(id);
        }
    }
    session.execute_if(!links.0.is_empty(), UNLINK, &[&links.0, &links.1, &links.2]).await?;
    session.execute_if(!damaged.is_empty(), UNLINK_DAMAGED, &[&damaged]).await?;
    for statement in
        [FORGET_ATTEMPTS, FORGET_CONTENTS, FORGET_MESSAGES, FORGET_ENTRIES, FORGET_WAIT, NOTE_KEYS, FORGET_JOURNEYS]
    {
        session.execute_if(!old.is_empty(), statement, &[&old]).await?;
    }
    session.commit().await?;
    Ok(Purged { removed: old.len() as u64, next: (count == most).then_some(last) })
}
