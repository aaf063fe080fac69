//! Records of our own on their way to the broker.

use super::failure::Failure;
use super::row::get;
use super::session::Session;
use crate::domain::time::Timestamp;
use crate::ports::{Lease, Publication, StoreError, Stream};
use crate::store::columns;

/// The name of the turn to publish `stream`.
fn turn(stream: Stream) -> String {
    format!("publish {}", stream.as_str())
}

const WRITE: &str = "INSERT INTO publications (stream, key, value, headers, timestamp_ms)
    SELECT stream, key, value, headers, timestamp_ms
    FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::bigint[])
        WITH ORDINALITY w(stream, key, value, headers, timestamp_ms, ord)
    ORDER BY ord";

const TAKE_TURN: &str = "INSERT INTO turns (name, owner, until_ms) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms
    WHERE turns.owner = excluded.owner OR turns.until_ms <= $4";

const WAITING: &str = "SELECT seq, key, value, headers, timestamp_ms FROM publications
    WHERE stream = $1 ORDER BY seq LIMIT $2";

const PUBLISHED: &str = "DELETE FROM publications WHERE seq = ANY($1::bigint[])";

const STOP: &str = "DELETE FROM turns WHERE name = $1 AND owner = $2";

pub(super) const STATEMENTS: &[&str] = &[WRITE, TAKE_TURN, WAITING, PUBLISHED, STOP];

/// Called under the locks of the journeys that they tell of, so that those of one journey are
/// seen in their order.
pub(super) async fn write(session: &Session, publications: &[&Publication]) -> Result<u64, Failure> {
    if publications.is_empty() {
        return Ok(0);
    }
    let streams: Vec<&str> = publications.iter().map(|each| each.stream.as_str()).collect();
    let keys: Vec<Option<&[u8]>> = publications.iter().map(|each| each.key.as_deref()).collect();
    let values: Vec<Option<&[u8]>> = publications.iter().map(|each| each.value.as_deref()).collect();
    let headers: Vec<String> =
        publications.iter().map(|each| columns::headers(&each.headers)).collect::<Result<_, StoreError>>()?;
    let timestamps: Vec<Option<i64>> = publications.iter().map(|each| each.timestamp).collect();
    session.execute(WRITE, &[&streams, &keys, &values, &headers, &timestamps]).await
}

/// Takes or renews the turn, and reads what is to be published.
pub(super) async fn waiting(
    session: &Session,
    stream: Stream,
    now: Timestamp,
    lease: &Lease,
    limit: usize,
) -> Result<Option<Vec<(i64, Publication)>>, Failure> {
    let ours = session.execute(TAKE_TURN, &[&turn(stream), &lease.owner, &lease.until.millis(), &now.millis()]).await?;
    if ours == 0 {
        return Ok(None);
    }
    let rows = session.query(WAITING, &[&stream.as_str(), &columns::integer(limit)]).await?;
    let waiting = rows
        .iter()
        .map(|row| {
            let publication = Publication {
                stream,
                key: get::<Option<Vec<u8>>>(row, 1)?.map(Into::into),
                value: get::<Option<Vec<u8>>>(row, 2)?.map(Into::into),
                headers: columns::from_headers(get(row, 3)?)?,
                timestamp: get(row, 4)?,
            };
            Ok((get(row, 0)?, publication))
        })
        .collect::<Result<_, Failure>>()?;
    Ok(Some(waiting))
}

pub(super) async fn published(session: &Session, ids: &[i64]) -> Result<(), Failure> {
    session.execute(PUBLISHED, &[&ids]).await.map(|_| ())
}

pub(super) async fn stop(session: &Session, stream: Stream, owner: &str) -> Result<(), Failure> {
    session.execute(STOP, &[&turn(stream), &owner]).await.map(|_| ())
}
