//! Orders whose confirmation no provider has accepted. Their rows are changed under the lock of the
//! journey, as everything of it is.

use tokio_postgres::Row;

use super::failure::Failure;
use super::row::get;
use super::session::Session;
use crate::domain::confirmation::{Cause, Change, MESSAGE};
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{AttemptRecord, Next, Unconfirmed};
use crate::store::columns;
use crate::store::prepare::Prepared;

const BEGIN: &str = "INSERT INTO unconfirmed (journey, shop, since_ms, cause, by_webhook)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::boolean[])";

const GO_ON: &str = "UPDATE unconfirmed u SET by_webhook = w.by_webhook, cause =
        CASE WHEN w.cause = 'failing' AND u.cause IN ('given_up', 'held', 'stormbound') THEN u.cause ELSE w.cause END
    FROM unnest($1::bigint[], $2::text[], $3::boolean[]) w(journey, cause, by_webhook)
    WHERE u.journey = w.journey";

const END: &str = "DELETE FROM unconfirmed WHERE journey = ANY($1::bigint[])";

const CONFIRM: &str = "DELETE FROM unconfirmed u USING outbox o
    WHERE o.id = ANY($1::text[]) AND u.journey = o.journey AND (u.by_webhook OR o.channel <> 'webhook')";

const TRIED: &str = "UPDATE unconfirmed u SET cause = w.cause
    FROM unnest($1::text[], $2::text[]) w(id, cause) JOIN outbox o ON o.id = w.id
    WHERE u.journey = o.journey AND o.message = $3 AND (u.by_webhook OR o.channel <> 'webhook')";

const COUNTS: &str = "SELECT shop, cause, count(*) FROM unconfirmed WHERE since_ms >= $1 AND since_ms < $2
    GROUP BY shop, cause ORDER BY shop, cause";

const ORDERS: &str = "SELECT j.shop, j.order_id, u.since_ms, u.cause
    FROM unconfirmed u JOIN journeys j ON j.id = u.journey
    WHERE u.since_ms >= $1 AND u.since_ms < $2 ORDER BY u.since_ms, u.journey LIMIT $3";

const ORDER: &str = "SELECT j.shop, j.order_id, u.since_ms, u.cause
    FROM unconfirmed u JOIN journeys j ON j.id = u.journey WHERE u.journey = $1";

pub(super) const STATEMENTS: &[&str] = &[BEGIN, GO_ON, END, CONFIRM, TRIED, COUNTS, ORDERS, ORDER];

/// Waits that begin, by columns.
#[derive(Default)]
struct Begun<'a> {
    journeys: Vec<i64>,
    shops: Vec<&'a str>,
    since: Vec<i64>,
    causes: Vec<&'a str>,
    by_webhook: Vec<bool>,
}

/// What a batch means for the waits, by columns.
#[derive(Default)]
pub(super) struct Changes<'a> {
    begun: Begun<'a>,
    going_on: (Vec<i64>, Vec<&'a str>, Vec<bool>),
    ended: Vec<i64>,
}

impl<'a> Changes<'a> {
    pub fn of(batch: &'a Prepared, ids: &[i64]) -> Self {
        let mut all = Self::default();
        for (id, write) in ids.iter().zip(&batch.journeys) {
            match &write.confirmation {
                Change::None => {}
                Change::Begins { wait, since } => {
                    all.begun.journeys.push(*id);
                    all.begun.shops.push(&write.journey.key.shop);
                    all.begun.since.push(since.millis());
                    all.begun.causes.push(wait.cause.as_str());
                    all.begun.by_webhook.push(wait.by_webhook);
                }
                Change::GoesOn(wait) => {
                    all.going_on.0.push(*id);
                    all.going_on.1.push(wait.cause.as_str());
                    all.going_on.2.push(wait.by_webhook);
                }
                Change::Ends => all.ended.push(*id),
            }
        }
        all
    }

    pub async fn write(&self, session: &Session) -> Result<(), Failure> {
        let Begun { journeys, shops, since, causes, by_webhook } = &self.begun;
        let going_on = &self.going_on;
        let (begun, gone_on, ended) = tokio::join!(
            biased;
            async { session.execute_if(!journeys.is_empty(), BEGIN, &[journeys, shops, since, causes, by_webhook]).await },
            async {
                let is_needed = !going_on.0.is_empty();
                session.execute_if(is_needed, GO_ON, &[&going_on.0, &going_on.1, &going_on.2]).await
            },
            async { session.execute_if(!self.ended.is_empty(), END, &[&self.ended]).await },
        );
        begun?;
        gone_on?;
        ended?;
        Ok(())
    }
}

/// Writes what attempts on confirmations mean for the waits.
pub(super) async fn attempted(session: &Session, attempts: &[&AttemptRecord]) -> Result<(), Failure> {
    let ended = |wanted: &Next| {
        let ended = attempts.iter().filter(move |attempt| attempt.next == *wanted);
        ended.map(|attempt| &*attempt.notification.0).collect::<Vec<_>>()
    };
    let accepted = ended(&Next::Accepted);
    session.execute_if(!accepted.is_empty(), CONFIRM, &[&accepted]).await?;
    for (next, cause) in [(Next::Dead, Cause::GivenUp), (Next::Held, Cause::Held)] {
        tried(session, &ended(&next), cause).await?;
    }
    Ok(())
}

/// Notes how confirmations stand.
pub(super) async fn tried(session: &Session, ids: &[&str], cause: Cause) -> Result<(), Failure> {
    let causes = vec![cause.as_str(); ids.len()];
    session.execute_if(!ids.is_empty(), TRIED, &[&ids, &causes, &MESSAGE]).await?;
    Ok(())
}

pub(super) async fn counts(
    session: &Session,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(String, Cause, u64)>, Failure> {
    let rows = session.query(COUNTS, &[&from.millis(), &to.millis()]).await?;
    rows.iter().map(|row| Ok((get(row, 0)?, columns::cause(get(row, 1)?)?, columns::natural(get(row, 2)?)?))).collect()
}

pub(super) async fn orders(
    session: &Session,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<Unconfirmed>, Failure> {
    let rows = session.query(ORDERS, &[&from.millis(), &to.millis(), &columns::integer(limit)]).await?;
    rows.iter().map(unconfirmed).collect()
}

/// That order, if it waits.
pub(super) async fn of(session: &Session, journey: i64) -> Result<Option<Unconfirmed>, Failure> {
    session.query(ORDER, &[&journey]).await?.first().map(unconfirmed).transpose()
}

fn unconfirmed(row: &Row) -> Result<Unconfirmed, Failure> {
    Ok(Unconfirmed {
        key: JourneyKey { shop: get(row, 0)?, order_id: get(row, 1)? },
        since: Timestamp::from_millis(get(row, 2)?),
        cause: columns::cause(get(row, 3)?)?,
    })
}
