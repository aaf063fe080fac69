//! The life of a notification after its decision: claimed, attempted, given back, redriven.

use std::collections::{HashMap, HashSet};

use super::failure::Failure;
use super::lane::{self, Lane};
use super::publication;
use super::row::{get, text};
use super::session::{Parameters, Session};
use super::unconfirmed;
use crate::domain::confirmation::{Cause, MESSAGE};
use crate::domain::decision::{NotificationId, Reason};
use crate::domain::time::Timestamp;
use crate::ports::{AttemptRecord, Lease, Next, State};
use crate::store::columns;
use crate::store::leased::Stored;

/// What is locked is being changed by another; what it leaves is found the next time.
const READY: &str = "SELECT o.id, o.journey, o.channel FROM outbox o JOIN journeys j ON j.id = o.journey
    WHERE o.provider = $1 AND o.ready_ms <= $2
    ORDER BY o.provider, o.ready_ms, o.seq LIMIT $3
    FOR NO KEY UPDATE OF o, j SKIP LOCKED";

const ATTEMPTS: &str = "INSERT INTO attempts (notification, at_ms, provider, outcome, status, provider_id, detail)
    SELECT o.seq, a.at_ms, a.provider, a.outcome, a.status, a.provider_id, a.detail
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
        WITH ORDINALITY a(id, at_ms, provider, outcome, status, provider_id, detail, ord)
    JOIN outbox o ON o.id = a.id ORDER BY a.ord";

/// The same where some may repeat what their message waits for. What repeats it takes the place of the last row of
/// this week: a week's rows go together, not before the time of each is over.
const ATTEMPTS_OR_REPEATED: &str = "WITH given AS (
        SELECT o.seq, a.at_ms, a.provider, a.outcome, a.status, a.provider_id, a.detail, a.waits, a.ord
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::bool[])
            WITH ORDINALITY a(id, at_ms, provider, outcome, status, provider_id, detail, waits, ord)
        JOIN outbox o ON o.id = a.id),
    repeated AS (
        UPDATE attempts was SET at_ms = greatest(was.at_ms, g.at_ms), provider_id = g.provider_id, detail = g.detail
        FROM given g, LATERAL (
            SELECT max(t.id) AS id FROM (
                SELECT * FROM attempts WHERE notification = g.seq AND week = this_week() ORDER BY id DESC LIMIT 2) t
            HAVING count(*) FILTER (WHERE t.provider = g.provider AND t.outcome = g.outcome
                AND t.status IS NOT DISTINCT FROM g.status AND t.provider_id IS NULL) = 2) last
        WHERE g.waits AND was.week = this_week() AND was.notification = g.seq AND was.id = last.id
        RETURNING g.ord)
    INSERT INTO attempts (notification, at_ms, provider, outcome, status, provider_id, detail)
    SELECT seq, at_ms, provider, outcome, status, provider_id, detail
    FROM given WHERE ord NOT IN (SELECT ord FROM repeated) ORDER BY ord";

const STANDING: &str = "SELECT id, journey, channel, ready_ms IS NOT NULL, lease_owner, message
    FROM outbox WHERE id = ANY($1::text[])";

const SETTLE: &str = "UPDATE outbox o SET state = w.state, due_ms = coalesce(w.due_ms, o.due_ms),
        attempts = o.attempts + w.counted, settled_ms = w.settled_ms, ready_ms = NULL, lease_owner = NULL,
        lease_until_ms = NULL
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[])
        w(id, state, due_ms, counted, settled_ms)
    WHERE o.id = w.id";

/// Tells which of them had their turn.
const RELEASE: &str = "WITH old AS (
        SELECT id, ready_ms IS NOT NULL AS is_had FROM outbox WHERE id = ANY($1::text[]) AND lease_owner = $2)
    UPDATE outbox o SET lease_owner = NULL, lease_until_ms = NULL, ready_ms = NULL,
        due_ms = greatest(o.due_ms, $3::bigint), settled_ms = CASE WHEN $3::bigint IS NULL THEN o.settled_ms END
    FROM old WHERE o.id = old.id RETURNING o.journey, o.channel, old.is_had";

/// `settled_ms` of a row that waits for a retry tells from when on it only waits; of any other that waits it is
/// empty. What is locked is being changed by another, perhaps brought forward.
const HASTEN: &str = "WITH waiting AS (
        SELECT o.id FROM outbox o JOIN journeys j ON j.id = o.journey
        WHERE o.provider = $1 AND o.ready_ms > $3 AND o.settled_ms <= $2 AND o.lease_owner IS NULL
        ORDER BY o.provider, o.ready_ms, o.seq LIMIT $4
        FOR NO KEY UPDATE OF o, j SKIP LOCKED)
    UPDATE outbox o SET ready_ms = $3, due_ms = $3 FROM waiting w WHERE o.id = w.id";

const REDRIVE: &str = "UPDATE outbox SET state = 'pending', attempts = 0, due_ms = $2, settled_ms = NULL
    WHERE id = $1 AND state IN ('dead', 'held') RETURNING journey, channel";

const REDRIVE_RECORD: &str =
    "UPDATE dead_records SET redriven = true, looked_by = NULL, looked_until = NULL WHERE id = $1";

const DROP: &str = "UPDATE outbox SET state = 'suppressed', reason = $2 WHERE id = $1 AND state IN ('dead', 'held')";

const DROP_RECORD: &str = "DELETE FROM dead_records WHERE id = $1 AND NOT redriven";

pub(super) const STATEMENTS: &[&str] = &[
    READY,
    ATTEMPTS,
    ATTEMPTS_OR_REPEATED,
    STANDING,
    SETTLE,
    RELEASE,
    HASTEN,
    REDRIVE,
    REDRIVE_RECORD,
    DROP,
    DROP_RECORD,
];

/// Leases what is due of `provider`. The cost follows `limit`, whatever waits.
pub(super) async fn claim(
    session: &Session,
    provider: &str,
    now: Timestamp,
    lease: &Lease,
    limit: usize,
) -> Result<Vec<Stored>, Failure> {
    let (begun, ready) = tokio::join!(
        biased;
        session.begin(),
        async { session.query(READY, &[&provider, &now.millis(), &columns::integer(limit)]).await },
    );
    begun?;
    let ready =
        ready?.iter().map(|row| Ok((get(row, 0)?, Lane::read(row, 1)?))).collect::<Result<Vec<_>, Failure>>()?;
    let ids: Vec<&str> = ready.iter().map(|(id, _): &(String, Lane)| &**id).collect();
    let mut stored: HashMap<String, Stored> =
        lane::lease(session, &ids, lease).await?.into_iter().map(|stored| (stored.id.clone(), stored)).collect();
    let mut claimed = Vec::with_capacity(stored.len());
    for (id, lane) in &ready {
        match stored.remove(id) {
            Some(stored) => claimed.push(stored),
            // an older one was redriven while this one was being sent, and its lease has run out
            None => lane::reseat(session, std::slice::from_ref(lane), now).await?,
        }
    }
    session.commit().await?;
    Ok(claimed)
}

/// Writes attempts and what follows; returns what comes next, leased.
pub(super) async fn record(
    session: &Session,
    attempts: &[AttemptRecord],
    now: Timestamp,
    lease: &Lease,
) -> Result<Vec<Stored>, Failure> {
    let ids: Vec<&str> = attempts.iter().map(|attempt| &*attempt.notification.0).collect();
    let written = Columns::of(attempts);
    let (begun, locked, written, standing) = tokio::join!(
        biased;
        session.begin(),
        lane::lock(session, &ids),
        written.write(session, &ids),
        async { session.query(STANDING, &[&ids]).await },
    );
    begun?;
    locked?;
    written?;
    let mut standing = self::standing(&standing?)?;
    // what was forgotten meanwhile cannot be told of
    let publications: Vec<_> = attempts
        .iter()
        .filter(|attempt| standing.contains_key(&attempt.notification.0))
        .filter_map(|attempt| attempt.publication.as_ref())
        .collect();
    publication::write(session, &publications).await?;
    let mut next = Vec::new();
    let mut rest: Vec<&AttemptRecord> = attempts.iter().collect();
    // several of one lane follow one another, which is rare: each round takes one of each
    while !rest.is_empty() {
        let mut lanes = HashSet::new();
        let (round, later): (Vec<_>, Vec<_>) = rest.into_iter().partition(|attempt| {
            standing.get(&attempt.notification.0).is_none_or(|row| lanes.insert(row.lane.clone()))
        });
        next.extend(settle(session, &round, &standing, now, lease).await?);
        rest = later;
        if !rest.is_empty() {
            standing = self::standing(&session.query(STANDING, &[&ids]).await?)?;
        }
    }
    session.commit().await?;
    Ok(next)
}

/// A row's place in its lane, and who sends it.
struct Standing {
    lane: Lane,
    has_turn: bool,
    owner: Option<String>,
    /// It is a confirmation.
    confirms: bool,
}

fn standing(rows: &[tokio_postgres::Row]) -> Result<HashMap<String, Standing>, Failure> {
    rows.iter()
        .map(|row| {
            let confirms = get::<&str>(row, 5)? == MESSAGE;
            let standing =
                Standing { lane: Lane::read(row, 1)?, has_turn: get(row, 3)?, owner: get(row, 4)?, confirms };
            Ok((get(row, 0)?, standing))
        })
        .collect()
}

/// Settles attempts of different lanes, and gives the turns on.
async fn settle(
    session: &Session,
    attempts: &[&AttemptRecord],
    standing: &HashMap<String, Standing>,
    now: Timestamp,
    lease: &Lease,
) -> Result<Vec<Stored>, Failure> {
    let [mut ids, mut states] = [Vec::new(), Vec::new()];
    let (mut due, mut settled) = (Vec::new(), Vec::new());
    let (mut counted, mut lanes) = (Vec::new(), Vec::new());
    let mut confirmations = Vec::new();
    for attempt in attempts {
        let Some(row) = standing.get(&attempt.notification.0) else { continue };
        // Only a pending row has an owner, and only the owner decides what follows.
        if row.owner.as_deref() != Some(&*lease.owner) {
            continue;
        }
        let (state, again) = match attempt.next {
            Next::Retry(due) | Next::Wait(due) => (State::Pending, Some(due.millis())),
            Next::Accepted => (State::Accepted, None),
            Next::Dead => (State::Dead, None),
            Next::Held => (State::Held, None),
        };
        ids.push(&*attempt.notification.0);
        states.push(state.as_str());
        due.push(again);
        settled.push(if again.is_some() { attempt.only_waits_from() } else { attempt.at }.millis());
        counted.push(i32::from(!matches!(attempt.next, Next::Wait(_))));
        if row.confirms {
            confirmations.push(*attempt);
        }
        if row.has_turn {
            lanes.push((row.lane.clone(), again.is_none()));
        }
    }
    let (settled, waits, next) = tokio::join!(
        biased;
        async { session.execute_if(!ids.is_empty(), SETTLE, &[&ids, &states, &due, &counted, &settled]).await },
        unconfirmed::attempted(session, &confirmations),
        lane::turn(session, &lanes, now, lease),
    );
    settled?;
    waits?;
    next
}

/// Attempts by columns.
#[derive(Default)]
struct Columns<'a> {
    at_ms: Vec<i64>,
    provider: Vec<&'a str>,
    outcome: Vec<&'a str>,
    status: Vec<Option<i32>>,
    provider_id: Vec<Option<std::borrow::Cow<'a, str>>>,
    detail: Vec<Option<std::borrow::Cow<'a, str>>>,
    waits: Vec<bool>,
}

impl<'a> Columns<'a> {
    fn of(attempts: &'a [AttemptRecord]) -> Self {
        let mut all = Self::default();
        for attempt in attempts {
            all.at_ms.push(attempt.at.millis());
            all.provider.push(&attempt.provider);
            all.outcome.push(attempt.outcome.as_str());
            all.status.push(attempt.status.map(i32::from));
            all.provider_id.push(attempt.provider_id.as_deref().map(text));
            all.detail.push(attempt.detail.as_deref().map(text));
            all.waits.push(matches!(attempt.next, Next::Wait(_)));
        }
        all
    }

    async fn write(&self, session: &Session, ids: &[&str]) -> Result<u64, Failure> {
        let Self { at_ms, provider, outcome, status, provider_id, detail, waits } = self;
        if waits.contains(&true) {
            let columns: Parameters<'_> = &[&ids, at_ms, provider, outcome, status, provider_id, detail, waits];
            session.execute(ATTEMPTS_OR_REPEATED, columns).await
        } else {
            session.execute(ATTEMPTS, &[&ids, at_ms, provider, outcome, status, provider_id, detail]).await
        }
    }
}

/// Gives leases of `owner` back.
pub(super) async fn release(
    session: &Session,
    notifications: &[NotificationId],
    not_before: Option<Timestamp>,
    owner: &str,
) -> Result<(), Failure> {
    let not_before = not_before.map(Timestamp::millis);
    let ids: Vec<&str> = notifications.iter().map(|id| &*id.0).collect();
    let (begun, locked, released) = tokio::join!(
        biased;
        session.begin(),
        lane::lock(session, &ids),
        async { session.query(RELEASE, &[&ids, &owner, &not_before]).await },
    );
    begun?;
    locked?;
    let mut lanes = Vec::new();
    for row in released? {
        if get(&row, 2)? {
            lanes.push((Lane::read(&row, 0)?, false));
        }
    }
    // no lane is free, so nothing is leased
    let nobody = Lease { owner: String::new(), until: Timestamp::from_millis(0) };
    lane::turn(session, &lanes, nobody.until, &nobody).await?;
    session.commit().await
}

/// Brings retries forward.
pub(super) async fn hasten(
    session: &Session,
    provider: &str,
    before: Timestamp,
    now: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let hastened =
        session.execute(HASTEN, &[&provider, &before.millis(), &now.millis(), &columns::integer(limit)]).await?;
    Ok(usize::try_from(hastened).unwrap_or(limit))
}

/// Puts a dead or held notification back into its lane.
pub(super) async fn redrive(session: &Session, id: &NotificationId, now: Timestamp) -> Result<bool, Failure> {
    session.begin().await?;
    lane::lock(session, &[&id.0]).await?;
    let rows = session.query(REDRIVE, &[&id.0, &now.millis()]).await?;
    unconfirmed::tried(session, &[&id.0], Cause::Failing).await?;
    let lanes = rows.iter().map(|row| Lane::read(row, 0)).collect::<Result<Vec<_>, _>>()?;
    lane::reseat(session, &lanes, now).await?;
    session.commit().await?;
    Ok(!rows.is_empty())
}

/// Marks a dead record to be read again.
pub(super) async fn redrive_record(session: &Session, id: i64) -> Result<bool, Failure> {
    Ok(session.execute(REDRIVE_RECORD, &[&id]).await? == 1)
}

/// Puts a dead or held notification away for good.
pub(super) async fn drop(session: &Session, id: &NotificationId) -> Result<bool, Failure> {
    Ok(session.execute(DROP, &[&id.0, &Reason::PutAway.as_str()]).await? == 1)
}

/// Puts a dead record away for good.
pub(super) async fn drop_record(session: &Session, id: i64) -> Result<bool, Failure> {
    Ok(session.execute(DROP_RECORD, &[&id]).await? == 1)
}
