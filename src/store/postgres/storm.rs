//! How often rules speak, and those that are held for it.

use std::collections::HashMap;

use async_trait::async_trait;
use tokio_postgres::Row;

use super::Postgres;
use super::call::call;
use super::failure::Failure;
use super::lane::{self, Lane};
use super::row::{Key, get, position};
use super::session::Session;
use super::unconfirmed;
use crate::domain::confirmation::Cause;
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::storm::Hour;
use crate::domain::time::Timestamp;
use crate::ports::{CarriedOut, Counted, Lease, Ruling, Spoken, StoreError, Storm, Storms};
use crate::store::columns;
use crate::store::guard::{self, Holding, OnRecord, Voice, judge, voice};

/// Counts what is said, and tells what is on record of who says it. Of what other replicas are just
/// writing nothing is seen: each may pass the mark with the batch that it is at.
const COUNT: &str = "WITH given AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) g(shop, rule, spoken)),
    counted AS (
        INSERT INTO rates AS r (shop, rule, hour, replica, spoken)
        SELECT shop, rule, $4, $5, spoken FROM given WHERE spoken > 0
        ON CONFLICT (shop, rule, hour, replica) DO UPDATE SET spoken = r.spoken + excluded.spoken)
    SELECT g.shop, g.rule, g.spoken + (SELECT coalesce(sum(r.spoken), 0)::bigint FROM rates r
            WHERE r.shop = g.shop AND r.rule = g.rule AND r.hour = $4),
        s.holds_until_ms, s.granted, s.granted_ms
    FROM given g LEFT JOIN storms s ON s.shop = g.shop AND s.rule = g.rule";

const BEGIN: &str = "INSERT INTO storms AS s (shop, rule, since_ms, holds_until_ms, mark, busiest)
    SELECT shop, rule, $6, coalesce(until_ms, $6), mark, busiest
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) w(shop, rule, until_ms, mark, busiest)
    ORDER BY shop COLLATE \"C\", rule COLLATE \"C\"
    ON CONFLICT (shop, rule) DO UPDATE SET
        since_ms = CASE WHEN s.holds_until_ms <= $6 THEN $6 ELSE s.since_ms END,
        busiest = CASE WHEN s.holds_until_ms <= $6 THEN excluded.busiest ELSE greatest(s.busiest, excluded.busiest) END,
        mark = excluded.mark, holds_until_ms = greatest(s.holds_until_ms, excluded.holds_until_ms)
    RETURNING shop, rule, id, since_ms = $6";

const COUNT_HELD: &str = "UPDATE rates r SET held = r.held + w.held
    FROM unnest($1::text[], $2::text[], $3::bigint[]) w(shop, rule, held)
    WHERE r.shop = w.shop AND r.rule = w.rule AND r.hour = $4 AND r.replica = $5";

const FORGET: &str = "DELETE FROM rates r USING unnest($1::text[], $2::text[]) w(shop, rule)
    WHERE r.shop = w.shop AND r.rule = w.rule AND r.hour < $3";

const BUSIEST: &str = "SELECT w.ord, d.hour, d.spoken
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(shop, rule, ord)
    CROSS JOIN LATERAL (SELECT DISTINCT ON (h.hour / 24) h.hour, h.spoken FROM (
            SELECT hour, sum(spoken - held)::bigint AS spoken FROM rates
            WHERE shop = w.shop AND rule = w.rule AND hour >= $3 AND hour < $4 GROUP BY hour) h
        ORDER BY h.hour / 24, h.spoken DESC) d";

const STORMS: &str = "SELECT * FROM (
        SELECT s.shop, s.rule, s.since_ms, s.holds_until_ms, s.mark, s.busiest, s.ruling,
            (SELECT count(*) FROM outbox o WHERE o.storm = s.id AND o.state = 'stormbound' AND o.bound > s.through) AS held,
            (SELECT count(*) FROM outbox o WHERE o.storm = s.id AND o.state = 'stormbound' AND o.bound <= s.through) AS ruled
        FROM storms s) s
    WHERE held > 0 OR ruled > 0 OR holds_until_ms > $1 ORDER BY since_ms, shop, rule";

const RULE: &str = "UPDATE storms s SET ruling = $3,
        through = coalesce((SELECT max(bound) FROM outbox o WHERE o.storm = s.id AND o.state = 'stormbound'), through),
        holds_until_ms = CASE WHEN $3 = 'release' THEN least(holds_until_ms, $4) ELSE holds_until_ms END,
        granted = CASE WHEN $3 = 'release' THEN busiest ELSE granted END,
        granted_ms = CASE WHEN $3 = 'release' THEN $4 ELSE granted_ms END
    WHERE shop = $1 AND rule = $2
    RETURNING (SELECT count(*) FROM outbox o WHERE o.storm = s.id AND o.state = 'stormbound')";

const RELEASED: &str = "SELECT o.id FROM storms s
    JOIN outbox o ON o.storm = s.id AND o.state = 'stormbound' AND o.bound <= s.through
    WHERE s.ruling = 'release' ORDER BY o.bound, o.seq LIMIT $1";

const RELEASE: &str =
    "UPDATE outbox SET state = 'pending', storm = NULL, bound = NULL, due_ms = $2, lease_owner = NULL,
        lease_until_ms = NULL
    WHERE id = ANY($1::text[]) AND state = 'stormbound' RETURNING journey, channel, id";

/// What one replica has taken, the others leave to it until its lease ends.
const DROPPED: &str = "WITH picked AS (
        SELECT o.id FROM storms s
        JOIN outbox o ON o.storm = s.id AND o.state = 'stormbound' AND o.bound <= s.through
        WHERE s.ruling = 'drop' AND coalesce(o.lease_until_ms, 0) <= $1
        ORDER BY o.bound, o.seq LIMIT $2 FOR NO KEY UPDATE OF o SKIP LOCKED),
    taken AS (
        UPDATE outbox o SET lease_owner = $3, lease_until_ms = $4 FROM picked p WHERE o.id = p.id
        RETURNING o.seq, o.id, o.journey)
    SELECT j.shop, j.order_id, t.id FROM taken t JOIN journeys j ON j.id = t.journey ORDER BY t.seq";

pub(super) const STATEMENTS: &[&str] =
    &[COUNT, BEGIN, COUNT_HELD, FORGET, BUSIEST, STORMS, RULE, RELEASED, RELEASE, DROPPED];

/// Counts what is said; tells what is on record of who says it.
pub(super) async fn count(session: &Session, spoken: &[Spoken], replica: Key) -> Result<Vec<Row>, Failure> {
    let Some(hour) = spoken.first().map(|spoken| Hour::of(spoken.at).0) else { return Ok(Vec::new()) };
    let ((shops, rules), counts) = by_columns(guard::said(spoken));
    session.query(COUNT, &[&shops, &rules, &counts, &hour, &replica]).await
}

/// Puts the rules on record that must be held; a way to the server and back where there are any.
pub(super) async fn hold<'a>(
    session: &Session,
    spoken: &'a [Spoken],
    counted: &[Row],
    replica: Key,
) -> Result<Holding<'a>, Failure> {
    let mut on_record: HashMap<Voice<'_>, OnRecord> = HashMap::with_capacity(counted.len());
    for row in counted {
        let until: Option<i64> = get(row, 3)?;
        let (granted, granted_ms) = (get(row, 4)?, get(row, 5)?);
        let standing = until.map(|until| columns::standing(until, granted, granted_ms)).transpose()?;
        let this_hour = columns::natural(get(row, 2)?)?;
        on_record.insert((get(row, 0)?, get(row, 1)?), OnRecord { this_hour, standing });
    }
    let held = judge(spoken, &on_record);
    let Some((at, hour)) = held.first().map(|held| (held.at.millis(), held.hour().0)) else {
        return Ok(Holding::default());
    };
    let ((shops, rules), messages) = by_columns(held.iter().map(|held| (held.voice, held.messages)));
    let until: Vec<Option<i64>> = held.iter().map(|held| held.until.map(Timestamp::millis)).collect();
    let marks: Vec<i64> = held.iter().map(|held| columns::integer(held.mark)).collect();
    let busiest: Vec<i64> = held.iter().map(|held| columns::integer(held.this_hour)).collect();
    let (begun, counted) = tokio::join!(
        biased;
        async { session.query(BEGIN, &[&shops, &rules, &until, &marks, &busiest, &at]).await },
        async { session.execute(COUNT_HELD, &[&shops, &rules, &messages, &hour, &replica]).await },
    );
    counted?;
    let mut ids: HashMap<(String, String), (i64, bool)> = HashMap::new();
    for row in begun? {
        ids.insert((get(&row, 0)?, get(&row, 1)?), (get(&row, 2)?, get(&row, 3)?));
    }
    let mut holding = Holding::default();
    for held in held {
        if let Some((id, is_new)) = ids.remove(&(held.voice.0.to_owned(), held.voice.1.to_owned())) {
            holding.add(held, id, is_new);
        }
    }
    Ok(holding)
}

type Voices<'a> = (Vec<&'a str>, Vec<&'a str>);

fn by_columns<'a>(counts: impl Iterator<Item = (Voice<'a>, u64)>) -> (Voices<'a>, Vec<i64>) {
    counts.map(|(voice, count)| (voice, columns::integer(count))).unzip()
}

async fn busiest(session: &Session, of: &[Counted], from: Hour, to: Hour) -> Result<Vec<Vec<(Hour, u64)>>, Failure> {
    let (shops, rules): Voices<'_> = of.iter().map(voice).unzip();
    let (forgotten, rows) = tokio::join!(
        biased;
        async { session.execute(FORGET, &[&shops, &rules, &from.0]).await },
        async { session.query(BUSIEST, &[&shops, &rules, &from.0, &to.0]).await },
    );
    forgotten?;
    let mut found = vec![Vec::new(); of.len()];
    for row in rows? {
        if let Some(hours) = found.get_mut(position(&row, 0)?) {
            hours.push((Hour(get(&row, 1)?), columns::natural(get(&row, 2)?)?));
        }
    }
    Ok(found)
}

async fn storms(session: &Session, now: Timestamp) -> Result<Vec<Storm>, Failure> {
    let rows = session.query(STORMS, &[&now.millis()]).await?;
    rows.iter().map(storm).collect()
}

fn storm(row: &Row) -> Result<Storm, Failure> {
    let ruling: Option<&str> = get(row, 6)?;
    Ok(Storm {
        shop: get(row, 0)?,
        rule: get(row, 1)?,
        since: Timestamp::from_millis(get(row, 2)?),
        holds_until: Timestamp::from_millis(get(row, 3)?),
        mark: columns::natural(get(row, 4)?)?,
        busiest: columns::natural(get(row, 5)?)?,
        ruling: ruling.map(columns::ruling).transpose()?,
        held: columns::natural(get(row, 7)?)?,
        ruled: columns::natural(get(row, 8)?)?,
    })
}

async fn rule_on(
    session: &Session,
    shop: &str,
    rule: &str,
    ruling: Ruling,
    now: Timestamp,
) -> Result<Option<u64>, Failure> {
    let rows = session.query(RULE, &[&shop, &rule, &ruling.as_str(), &now.millis()]).await?;
    rows.first().map(|row| Ok(columns::natural(get(row, 0)?)?)).transpose()
}

async fn carry_out(session: &Session, now: Timestamp, lease: &Lease, limit: usize) -> Result<CarriedOut, Failure> {
    let limit = columns::integer(limit);
    let rows = session.query(RELEASED, &[&limit]).await?;
    let ids = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<&str>, _>>()?;
    let released = if ids.is_empty() { 0 } else { release(session, &ids, now).await? };
    let rows = session.query(DROPPED, &[&now.millis(), &limit, &lease.owner, &lease.until.millis()]).await?;
    let dropped = rows.iter().map(|row| {
        let key = JourneyKey { shop: get(row, 0)?, order_id: get(row, 1)? };
        Ok((key, NotificationId(get(row, 2)?)))
    });
    Ok(CarriedOut { released, dropped: dropped.collect::<Result<_, Failure>>()? })
}

/// Puts them back into their lanes.
async fn release(session: &Session, ids: &[&str], now: Timestamp) -> Result<usize, Failure> {
    session.begin().await?;
    lane::lock(session, ids).await?;
    let rows = session.query(RELEASE, &[&ids, &now.millis()]).await?;
    let lanes = rows.iter().map(|row| Lane::read(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let released = rows.iter().map(|row| get(row, 2)).collect::<Result<Vec<&str>, _>>()?;
    unconfirmed::tried(session, &released, Cause::Failing).await?;
    lane::reseat(session, &lanes, now).await?;
    session.commit().await?;
    Ok(lanes.len())
}

#[async_trait]
impl Storms for Postgres {
    async fn busiest(&self, of: &[Counted], from: Hour, to: Hour) -> Result<Vec<Vec<(Hour, u64)>>, StoreError> {
        call!(self, |session| busiest(session, of, from, to))
    }

    async fn storms(&self, now: Timestamp) -> Result<Vec<Storm>, StoreError> {
        call!(self, |session| storms(session, now))
    }

    async fn rule_on(&self, shop: &str, rule: &str, ruling: Ruling, now: Timestamp) -> Result<Option<u64>, StoreError> {
        call!(self, |session| rule_on(session, shop, rule, ruling, now))
    }

    async fn carry_out(&self, now: Timestamp, lease: &Lease, limit: usize) -> Result<CarriedOut, StoreError> {
        call!(self, |session| carry_out(session, now, lease, limit))
    }
}
