//! What ingest and the timers ask for: one statement each, whatever the number of keys.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::row::{Key, get, position};
use super::session::Session;
use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Parked, Partition, StoreError};
use crate::store::columns;

const OFFSETS: &str = "SELECT topic, partition, next FROM offsets WHERE group_name = $1";

const ORDERS: &str = "SELECT w.ord, j.shop, j.order_id
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(shop, order_id, ord)
    JOIN journeys j ON j.shop = w.shop AND j.order_id = w.order_id";

/// Every life of the number has its own journey; one parcel may hold several orders.
const PARCELS: &str = "SELECT w.ord, j.shop, j.order_id
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY w(shop, reference, moment_ms, ord)
    CROSS JOIN LATERAL (SELECT coalesce(
        (SELECT max(since_ms) FROM links
         WHERE shop = w.shop AND reference = w.reference AND since_ms <= w.moment_ms),
        (SELECT min(since_ms) FROM links WHERE shop = w.shop AND reference = w.reference)) AS since_ms) s
    JOIN links l ON l.shop = w.shop AND l.reference = w.reference AND l.since_ms = s.since_ms
    JOIN journeys j ON j.id = l.journey
    ORDER BY w.ord, j.id";

/// A customer has all their orders at once, whenever they came.
const CUSTOMERS: &str = "SELECT DISTINCT w.ord, j.shop, j.order_id, j.id
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(shop, reference, ord)
    JOIN links l ON l.shop = w.shop AND l.reference = w.reference
    JOIN journeys j ON j.id = l.journey
    ORDER BY w.ord, j.id";

const LOAD: &str = "SELECT w.ord, j.version, j.body
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(shop, order_id, ord)
    JOIN journeys j ON j.shop = w.shop AND j.order_id = w.order_id";

const PARKED: &str = "SELECT w.ord, p.key, p.event, p.parked_ms
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(shop, reference, ord)
    CROSS JOIN LATERAL (SELECT * FROM parked
        WHERE shop = w.shop AND reference = w.reference ORDER BY parked_ms, key LIMIT $3) p
    ORDER BY w.ord, p.parked_ms, p.key";

const AWAITED: &str = "SELECT key, shop, reference FROM parked WHERE key > $1 ORDER BY key LIMIT $2";

/// What one replica has taken up, the others leave alone for a while: else all of them would do
/// the same work, and all but one for nothing. One that dies leaves it to the others after that.
const DUE: &str = "WITH due AS (
        SELECT journey FROM wakes
        WHERE wake_ms <= $1 AND (looked_by = $3 OR looked_until IS NULL OR looked_until <= moment())
        ORDER BY wake_ms, journey LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
    taken AS (
        UPDATE wakes w SET looked_by = $3, looked_until = moment() + '10 s' FROM due d
        WHERE w.journey = d.journey RETURNING w.journey, w.wake_ms)
    SELECT j.shop, j.order_id FROM taken t JOIN journeys j ON j.id = t.journey ORDER BY t.wake_ms, t.journey";

const BEAT: &str = "UPDATE pulse SET beats = beats + 1";

pub(super) const STATEMENTS: &[&str] = &[OFFSETS, ORDERS, PARCELS, CUSTOMERS, LOAD, PARKED, AWAITED, DUE, BEAT];

pub(super) async fn offsets(session: &Session, group: &str) -> Result<BTreeMap<Partition, i64>, Failure> {
    let rows = session.query(OFFSETS, &[&group]).await?;
    rows.iter().map(|row| Ok((columns::partition(get(row, 0)?, get(row, 1)?), get(row, 2)?))).collect()
}

/// References of one kind, with their places among all.
#[derive(Default)]
struct Wanted<'a> {
    places: Vec<usize>,
    shops: Vec<&'a str>,
    texts: Vec<String>,
    moments: Vec<i64>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, place: usize, shop: &'a str, text: String, moment: Timestamp) {
        self.places.push(place);
        self.shops.push(shop);
        self.texts.push(text);
        self.moments.push(moment.millis());
    }
}

pub(super) async fn resolve(
    session: &Session,
    references: &[(String, Reference, Timestamp)],
) -> Result<Vec<Vec<JourneyKey>>, Failure> {
    let [mut orders, mut parcels, mut customers] = [Wanted::default(), Wanted::default(), Wanted::default()];
    for (place, (shop, reference, moment)) in references.iter().enumerate() {
        match reference {
            Reference::Order(id) => orders.add(place, shop, id.clone(), *moment),
            Reference::Parcel(_) => parcels.add(place, shop, columns::reference(reference)?, *moment),
            Reference::Customer(_) => customers.add(place, shop, columns::reference(reference)?, *moment),
        }
    }
    let (by_order, by_parcel, by_customer) = tokio::join!(
        biased;
        async { session.query_if(!orders.places.is_empty(), ORDERS, &[&orders.shops, &orders.texts]).await },
        async {
            let given: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&parcels.shops, &parcels.texts, &parcels.moments];
            session.query_if(!parcels.places.is_empty(), PARCELS, &given).await
        },
        async { session.query_if(!customers.places.is_empty(), CUSTOMERS, &[&customers.shops, &customers.texts]).await },
    );
    let mut found = vec![Vec::new(); references.len()];
    for (wanted, rows) in [(orders, by_order?), (parcels, by_parcel?), (customers, by_customer?)] {
        for row in rows {
            let key = JourneyKey { shop: get(&row, 1)?, order_id: get(&row, 2)? };
            found[wanted.places[position(&row, 0)?]].push(key);
        }
    }
    Ok(found)
}

/// Version and body of the journeys.
pub(super) async fn load(session: &Session, keys: &[JourneyKey]) -> Result<Vec<Option<(i64, Vec<u8>)>>, Failure> {
    let shops: Vec<&str> = keys.iter().map(|key| &*key.shop).collect();
    let orders: Vec<&str> = keys.iter().map(|key| &*key.order_id).collect();
    let rows = session.query(LOAD, &[&shops, &orders]).await?;
    let mut found = vec![None; keys.len()];
    for row in &rows {
        found[position(row, 0)?] = Some((get(row, 1)?, get(row, 2)?));
    }
    Ok(found)
}

pub(super) async fn parked(
    session: &Session,
    references: &[(String, Reference)],
    limit: usize,
) -> Result<Vec<Vec<Parked>>, Failure> {
    let shops: Vec<&str> = references.iter().map(|(shop, _)| &**shop).collect();
    let texts: Vec<String> =
        references.iter().map(|(_, reference)| columns::reference(reference)).collect::<Result<_, StoreError>>()?;
    let rows = session.query(PARKED, &[&shops, &texts, &columns::integer(limit)]).await?;
    let mut found = vec![Vec::new(); references.len()];
    for row in &rows {
        let place = position(row, 0)?;
        let (shop, reference) = &references[place];
        let key: Key = get(row, 1)?;
        found[place].push(Parked {
            shop: shop.clone(),
            reference: reference.clone(),
            key: EventKey(key.0),
            event: get(row, 2)?,
            parked_at: Timestamp::from_millis(get(row, 3)?),
        });
    }
    Ok(found)
}

pub(super) async fn awaited(
    session: &Session,
    after: EventKey,
    limit: usize,
) -> Result<Vec<(EventKey, String, Reference)>, Failure> {
    let rows = session.query(AWAITED, &[&Key::from(after), &columns::integer(limit)]).await?;
    rows.iter()
        .map(|row| {
            let key: Key = get(row, 0)?;
            Ok((EventKey(key.0), get(row, 1)?, columns::read_reference(get(row, 2)?)?))
        })
        .collect()
}

pub(super) async fn due(
    session: &Session,
    replica: Key,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<JourneyKey>, Failure> {
    let rows = session.query(DUE, &[&now.millis(), &columns::integer(limit), &replica]).await?;
    rows.iter().map(|row| Ok(JourneyKey { shop: get(row, 0)?, order_id: get(row, 1)? })).collect()
}

/// Writes and reads.
pub(super) async fn ping(session: &Session) -> Result<(), Failure> {
    if session.execute(BEAT, &[]).await? == 1 {
        return Ok(());
    }
    Err(StoreError::Corrupt("the row for trying writes is missing".to_owned()).into())
}
