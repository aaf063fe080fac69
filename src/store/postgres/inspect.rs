//! What people ask for: a journey's timeline, what waits for them, how much is waiting.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::failure::Failure;
use super::row::{Key, get};
use super::session::Session;
use super::unconfirmed;
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::notification::Content;
use crate::domain::party::Party;
use crate::domain::time::Timestamp;
use crate::packing::{Kind, Unpacker};
use crate::ports::{Attempt, Backlog, DeadLetter, Record, State, StoreError, Story, Timeline};
use crate::store::columns;
use crate::store::vault::Keyring;

const JOURNEY: &str = "SELECT id, version, body FROM journeys WHERE shop = $1 AND order_id = $2";

const ENTRIES: &str = "SELECT body FROM entries WHERE journey = $1 ORDER BY id";

const STORIES: &str = "SELECT o.seq, o.id, o.rule, o.message, o.channel, o.provider, o.decided_ms, o.state, o.reason,
        o.due_ms, c.body
    FROM outbox o LEFT JOIN contents c ON c.notification = o.seq AND c.week = o.week
    WHERE o.journey = $1 ORDER BY o.seq";

const ATTEMPTS: &str = "SELECT a.notification, a.at_ms, a.provider, a.outcome, a.status, a.provider_id, a.detail
    FROM outbox o JOIN attempts a ON a.notification = o.seq WHERE o.journey = $1 ORDER BY a.id";

const DEAD_RECORDS: &str = "SELECT id, at_ms, topic, partition, record_offset, stage, cause, detail,
        coalesce(length(value), 0)
    FROM dead_records WHERE NOT redriven ORDER BY at_ms, id LIMIT $1";

const DEAD_NOTIFICATIONS: &str = "SELECT o.id, o.settled_ms, j.shop, j.order_id, o.message, o.channel, o.provider,
        o.state, o.attempts,
        (SELECT a.detail FROM attempts a WHERE a.notification = o.seq ORDER BY a.id DESC LIMIT 1)
    FROM outbox o JOIN journeys j ON j.id = o.journey
    WHERE o.state IN ('dead', 'held') ORDER BY o.settled_ms, o.seq LIMIT $1";

/// Taken up by one replica like journeys that are to be woken.
const REDRIVEN: &str = "WITH waiting AS (
        SELECT id FROM dead_records
        WHERE redriven AND (looked_by = $2 OR looked_until IS NULL OR looked_until <= moment())
        ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED),
    taken AS (
        UPDATE dead_records d SET looked_by = $2, looked_until = moment() + '10 s' FROM waiting w
        WHERE d.id = w.id RETURNING d.*)
    SELECT id, topic, partition, record_offset, key, value, headers, timestamp_ms FROM taken ORDER BY id";

const DEAD_RECORD: &str = "SELECT id, topic, partition, record_offset, key, value, headers, timestamp_ms
    FROM dead_records WHERE id = $1";

/// Reads indexes alone: its cost follows what waits, not what was ever sent. Of each lane only the
/// row whose turn it is counts for the oldest: the others may not be tried, however old.
const BACKLOG: &str = "SELECT
    (SELECT count(*) FROM outbox WHERE state = 'pending'),
    (SELECT min(due_ms) FROM outbox WHERE ready_ms IS NOT NULL),
    (SELECT min(due_ms) FROM outbox WHERE ready_ms IS NOT NULL AND due_ms > $1),
    (SELECT count(*) FROM outbox WHERE state IN ('dead', 'held') AND state = 'held'),
    (SELECT count(*) FROM outbox WHERE state IN ('dead', 'held') AND state = 'dead'),
    (SELECT count(*) FROM dead_records WHERE NOT redriven),
    (SELECT count(*) FROM publications),
    (SELECT count(*) FROM parked),
    (SELECT count(*) FROM wakes),
    (SELECT min(wake_ms) FROM wakes),
    (SELECT min(settled_ms) FROM outbox WHERE state IN ('dead', 'held') AND state = 'held'),
    (SELECT min(settled_ms) FROM outbox WHERE state IN ('dead', 'held') AND state = 'dead'),
    (SELECT min(at_ms) FROM dead_records WHERE NOT redriven)";

const RECEIVED: &str = "SELECT o.received_ms FROM outbox o JOIN journeys j ON j.id = o.journey
    WHERE o.id = $3 AND j.shop = $1 AND j.order_id = $2";

pub(super) const STATEMENTS: &[&str] =
    &[RECEIVED, JOURNEY, ENTRIES, STORIES, ATTEMPTS, DEAD_RECORDS, DEAD_NOTIFICATIONS, DEAD_RECORD, REDRIVEN, BACKLOG];

/// When what caused a notification came in.
pub(super) async fn received_at(
    session: &Session,
    key: &JourneyKey,
    id: &NotificationId,
) -> Result<Option<Timestamp>, Failure> {
    let rows = session.query(RECEIVED, &[&key.shop, &key.order_id, &id.0]).await?;
    rows.first().map(|row| Ok(Timestamp::from_millis(get(row, 0)?))).transpose()
}

pub(super) async fn timeline(
    session: &Session,
    key: &JourneyKey,
    keyring: &Keyring,
) -> Result<Option<Timeline>, Failure> {
    session.begin_reading().await?;
    let rows = session.query(JOURNEY, &[&key.shop, &key.order_id]).await?;
    let timeline = match rows.first() {
        None => None,
        Some(row) => {
            let id: i64 = get(row, 0)?;
            let (entries, stories, attempts, unconfirmed) = tokio::join!(
                biased;
                async { session.query(ENTRIES, &[&id]).await },
                async { session.query(STORIES, &[&id]).await },
                async { session.query(ATTEMPTS, &[&id]).await },
                unconfirmed::of(session, id),
            );
            let mut unpacker = Unpacker::default();
            let timeline = Timeline {
                journey: keyring.open_journey(&mut unpacker, key, get(row, 2)?)?,
                version: columns::natural(get(row, 1)?)?,
                unconfirmed: unconfirmed?,
                entries: entries?.iter().map(|row| Ok(unpacker.unpack(Kind::Entry, get(row, 0)?)?)).collect::<Result<
                    _,
                    Failure,
                >>(
                )?,
                notifications: notifications(&stories?, &attempts?, |id, packed| {
                    keyring.open_content(&mut unpacker, key, id, packed)
                })?,
            };
            Some(timeline.complete())
        }
    };
    session.commit().await?;
    Ok(timeline)
}

fn notifications(
    stories: &[Row],
    attempts: &[Row],
    mut open: impl FnMut(&NotificationId, &[u8]) -> Result<Option<Content>, StoreError>,
) -> Result<Vec<Story>, Failure> {
    let mut of: HashMap<i64, Vec<Attempt>> = HashMap::new();
    for row in attempts {
        of.entry(get(row, 0)?).or_default().push(Attempt {
            at: Timestamp::from_millis(get(row, 1)?),
            provider: get(row, 2)?,
            outcome: columns::outcome(get(row, 3)?)?,
            status: get::<Option<i32>>(row, 4)?.map(|status| columns::natural(status.into())).transpose()?,
            provider_id: get(row, 5)?,
            detail: get(row, 6)?,
        });
    }
    stories
        .iter()
        .map(|row| {
            let state = columns::state(get(row, 7)?)?;
            let reason: Option<&str> = get(row, 8)?;
            let id = NotificationId(get(row, 1)?);
            let packed: Option<&[u8]> = get(row, 10)?;
            Ok(Story {
                content: packed.map(|packed| open(&id, packed)).transpose()?.flatten(),
                erased: false,
                id,
                rule: get(row, 2)?,
                message: get(row, 3)?,
                to: Party::default(),
                channel: columns::channel(get(row, 4)?)?,
                provider: get(row, 5)?,
                decided_at: Timestamp::from_millis(get(row, 6)?),
                state,
                reason: reason.map(columns::reason).transpose()?,
                due_at: if state == State::Pending { Some(Timestamp::from_millis(get(row, 9)?)) } else { None },
                attempts: of.remove(&get(row, 0)?).unwrap_or_default(),
                receipts: Vec::new(),
            })
        })
        .collect()
}

/// Records and notifications by age, one list.
pub(super) async fn dead_letters(session: &Session, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
    let most = columns::integer(limit);
    let (records, notifications) = tokio::join!(
        biased;
        async { session.query(DEAD_RECORDS, &[&most]).await },
        async { session.query(DEAD_NOTIFICATIONS, &[&most]).await },
    );
    let mut letters = records?.iter().map(letter_of_record).collect::<Result<Vec<_>, _>>()?;
    for row in &notifications? {
        letters.push(dead_notification(row)?);
    }
    letters.sort_by_key(|letter| match letter {
        DeadLetter::Record { at, .. } | DeadLetter::Notification { at, .. } => *at,
    });
    letters.truncate(limit);
    Ok(letters)
}

fn letter_of_record(row: &Row) -> Result<DeadLetter, Failure> {
    Ok(DeadLetter::Record {
        id: get(row, 0)?,
        at: Timestamp::from_millis(get(row, 1)?),
        partition: columns::partition(get(row, 2)?, get(row, 3)?),
        offset: get(row, 4)?,
        stage: get(row, 5)?,
        cause: get(row, 6)?,
        detail: get(row, 7)?,
        bytes: columns::natural(get::<i32>(row, 8)?.into())?,
    })
}

fn dead_notification(row: &Row) -> Result<DeadLetter, Failure> {
    Ok(DeadLetter::Notification {
        id: NotificationId(get(row, 0)?),
        at: Timestamp::from_millis(get(row, 1)?),
        key: JourneyKey { shop: get(row, 2)?, order_id: get(row, 3)? },
        message: get(row, 4)?,
        channel: columns::channel(get(row, 5)?)?,
        provider: get(row, 6)?,
        state: columns::state(get(row, 7)?)?,
        attempts: columns::natural(get::<i32>(row, 8)?.into())?,
        detail: get(row, 9)?,
    })
}

/// Dead records that were put back.
pub(super) async fn redriven(session: &Session, replica: Key, limit: usize) -> Result<Vec<(i64, Record)>, Failure> {
    let rows = session.query(REDRIVEN, &[&columns::integer(limit), &replica]).await?;
    rows.iter().map(|row| Ok((get(row, 0)?, record(row)?))).collect()
}

pub(super) async fn dead_record(session: &Session, id: i64) -> Result<Option<Record>, Failure> {
    session.query(DEAD_RECORD, &[&id]).await?.first().map(record).transpose()
}

fn record(row: &Row) -> Result<Record, Failure> {
    Ok(Record {
        partition: columns::partition(get(row, 1)?, get(row, 2)?),
        offset: get(row, 3)?,
        key: get::<Option<Vec<u8>>>(row, 4)?.map(Into::into),
        value: get::<Option<Vec<u8>>>(row, 5)?.map(Into::into),
        headers: columns::from_headers(get(row, 6)?)?,
        timestamp: get(row, 7)?,
    })
}

pub(super) async fn backlog(session: &Session, now: Timestamp) -> Result<Backlog, Failure> {
    let rows = session.query(BACKLOG, &[&now.millis()]).await?;
    let row = rows.first().ok_or_else(|| StoreError::Corrupt("a count: missing".to_owned()))?;
    let count = |column| -> Result<u64, Failure> { Ok(columns::natural(get(row, column)?)?) };
    let moment = |column| -> Result<Option<Timestamp>, Failure> {
        Ok(get::<Option<i64>>(row, column)?.map(Timestamp::from_millis))
    };
    Ok(Backlog {
        pending: count(0)?,
        oldest_due: moment(1)?,
        next_retry: moment(2)?,
        held: count(3)?,
        dead_notifications: count(4)?,
        dead_records: count(5)?,
        publications: count(6)?,
        parked: count(7)?,
        timers: count(8)?,
        next_wake: moment(9)?,
        oldest_held: moment(10)?,
        oldest_dead_notification: moment(11)?,
        oldest_dead_record: moment(12)?,
    })
}
