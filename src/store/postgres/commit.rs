//! Writing a batch: one transaction of three round trips and at most 28 statements, whatever its
//! size. Each statement takes its rows as arrays.
//!
//! Locks are taken in one order by all: offsets by partition, journeys by id, new journeys by key,
//! customers by their row, parked events by key, dead records by place. So replicas whose batches overlap wait for one
//! another, and never in a circle.

mod rows;
mod statements;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::failure::Failure;
use super::lane;
use super::publication;
use super::row::{Key, get};
use super::session::Session;
use super::spending;
use super::storm;
use super::unconfirmed;
use crate::domain::decision::NotificationId;
use crate::ports::{Lease, Partition, StoreError};
use crate::store::columns;
use crate::store::guard::{Bound, Holding};
use crate::store::leased::{Stored, take};
use crate::store::prepare::{Prepared, PreparedJourney};
use rows::{Advances, Dead, Fate, Notifications, ParkedEvents, PerJourney};
use statements::*;

pub(super) use statements::STATEMENTS;

/// Who writes.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub group: &'a str,
    pub replica: Key,
}

/// What a commit leased.
pub(super) struct Taken {
    /// Of the batch itself: the journey's index, and the notification's within it.
    pub fresh: Vec<(usize, usize)>,
    /// Of what waited behind withdrawn ones.
    pub stored: Vec<Stored>,
}

/// Writes the batch, whole or not at all.
pub(super) async fn commit(
    session: &Session,
    batch: &Prepared,
    lease: &Lease,
    mut capacity: BTreeMap<String, usize>,
    writer: Writer<'_>,
) -> Result<Taken, Failure> {
    let found = prepare(session, batch, writer).await?;
    // what waited longest is served first
    let waiting: Vec<&str> = found
        .freed
        .iter()
        .filter(|head| head.attempts == 0 && take(&mut capacity, &head.provider))
        .map(|head| &*head.id)
        .collect();
    let mut notifications = Notifications::default();
    let fresh = decide(batch, &found, &mut capacity, lease, &mut notifications);
    let stored = write(session, batch, &found, &notifications, &waiting, lease).await?;
    found.storms.tell();
    Ok(Taken { fresh, stored })
}

/// What is known of the batch once everything that it touches is locked.
struct Found<'a> {
    /// Of the journeys, in the batch's order.
    ids: Vec<i64>,
    /// Lanes in which something waits.
    busy: HashSet<(i64, String)>,
    /// Notifications that are there already, and how each is held.
    known: HashMap<String, Option<Bound>>,
    /// For the new notifications.
    seqs: Vec<i64>,
    /// What comes next in the lanes that withdrawn ones freed.
    freed: Vec<Head>,
    /// The rules that are held.
    storms: Holding<'a>,
}

struct Head {
    id: String,
    attempts: i32,
    provider: String,
}

/// The first round trip: fences, locks, and asks.
async fn prepare<'a>(session: &Session, batch: &'a Prepared, writer: Writer<'_>) -> Result<Found<'a>, Failure> {
    let advances = Advances::of(&batch.advances);
    let (changed, new): (Vec<&PreparedJourney>, Vec<&PreparedJourney>) =
        batch.journeys.iter().partition(|write| write.expected_version.is_some());
    let shops: Vec<&str> = changed.iter().map(|write| &*write.journey.key.shop).collect();
    let orders: Vec<&str> = changed.iter().map(|write| &*write.journey.key.order_id).collect();
    let new_shops: Vec<&str> = new.iter().map(|write| &*write.journey.key.shop).collect();
    let new_orders: Vec<&str> = new.iter().map(|write| &*write.journey.key.order_id).collect();
    let bodies: Vec<&[u8]> = new.iter().map(|write| &*write.body).collect();
    let withdrawn: Vec<&str> = batch.withdrawn.keys().map(|id| &*id.0).collect();
    let reasons: Vec<&str> = batch.withdrawn.values().map(|reason| reason.as_str()).collect();
    let given: Vec<&str> = batch
        .journeys
        .iter()
        .flat_map(|write| &write.notifications)
        .map(|prepared| &*prepared.notification.id.0)
        .collect();
    let count = columns::integer(given.len());
    let has_given = !given.is_empty();
    let notifications = batch.journeys.iter().flat_map(|write| &write.notifications);
    let followed = notifications.flat_map(|prepared| &prepared.notification.follows).map(|id| &*id.0);
    let asked: Vec<&str> = given.iter().copied().chain(followed).collect();
    let (begun, advanced, locked, inserted, freed, busy, known, seqs, spent, said) = tokio::join!(
        biased;
        session.begin(),
        advances.write(session, writer.group),
        async { session.query_if(!(shops.is_empty() && withdrawn.is_empty()), LOCK, &[&shops, &orders, &withdrawn]).await },
        async { session.query_if(!new.is_empty(), INSERT_JOURNEYS, &[&new_shops, &new_orders, &bodies]).await },
        // before the new notifications, which then find the lanes as they will be
        async { session.query_if(!withdrawn.is_empty(), WITHDRAW, &[&withdrawn, &reasons]).await },
        async { session.query_if(has_given && !shops.is_empty(), BUSY_LANES, &[&shops, &orders]).await },
        async { session.query_if(has_given, KNOWN, &[&asked]).await },
        async { session.query_if(has_given, DRAW_SEQS, &[&count]).await },
        spending::write(session, &batch.spent, &batch.forgotten),
        storm::count(session, &batch.spoken, writer.replica),
    );
    begun?;
    // first, so that a former owner is told so and nothing else (I6)
    fence(batch, &advanced?)?;
    let mut versions: HashMap<(String, String), (i64, i64)> = HashMap::new();
    for row in locked? {
        versions.insert((get(&row, 1)?, get(&row, 2)?), (get(&row, 0)?, get(&row, 3)?));
    }
    let mut fresh: HashMap<(String, String), i64> = HashMap::new();
    for row in inserted? {
        fresh.insert((get(&row, 1)?, get(&row, 2)?), get(&row, 0)?);
    }
    let mut ids = Vec::with_capacity(batch.journeys.len());
    for write in &batch.journeys {
        let key = (write.journey.key.shop.clone(), write.journey.key.order_id.clone());
        let id = match write.expected_version {
            None => fresh.remove(&key),
            Some(expected) => versions
                .get(&key)
                .filter(|(_, version)| columns::natural(*version).is_ok_and(|version: u64| version == expected))
                .map(|(id, _)| *id),
        };
        ids.push(id.ok_or(StoreError::Conflict)?);
    }
    spent?;
    let said = said?;
    Ok(Found {
        ids,
        busy: busy?.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect::<Result<_, Failure>>()?,
        known: known?.iter().map(|row| Ok((get(row, 0)?, bound(row)?))).collect::<Result<_, Failure>>()?,
        seqs: seqs?.iter().map(|row| get(row, 0)).collect::<Result<_, Failure>>()?,
        freed: freed?
            .iter()
            .map(|row| Ok(Head { id: get(row, 0)?, attempts: get(row, 1)?, provider: get(row, 2)? }))
            .collect::<Result<_, Failure>>()?,
        storms: storm::hold(session, &batch.spoken, &said, writer.replica).await?,
    })
}

fn bound(row: &tokio_postgres::Row) -> Result<Option<Bound>, Failure> {
    let (storm, to) = (get::<Option<i64>>(row, 1)?, get(row, 2)?);
    Ok(storm.map(|storm| Bound { storm, to }))
}

/// How a message is held that follows these: where all of them are, with the last of them.
fn followed(follows: &[NotificationId], known: &HashMap<&str, Option<Bound>>) -> Option<Bound> {
    let held = follows.iter().map(|id| known.get(&*id.0).copied().flatten());
    held.collect::<Option<Vec<_>>>()?.into_iter().max_by_key(|bound| bound.to)
}

/// Every partition has moved on from where it was expected to be.
fn fence(batch: &Prepared, advanced: &[tokio_postgres::Row]) -> Result<(), Failure> {
    let moved: HashSet<Partition> = advanced
        .iter()
        .map(|row| Ok(columns::partition(get(row, 0)?, get(row, 1)?)))
        .collect::<Result<_, Failure>>()?;
    match batch.advances.iter().find(|advance| !moved.contains(&advance.partition)) {
        Some(advance) => Err(StoreError::Fenced(advance.partition.clone()).into()),
        None => Ok(()),
    }
}

/// Which of the new notifications come first in their lanes and are leased; each is there once
/// (I2).
fn decide<'a>(
    batch: &'a Prepared,
    found: &Found<'_>,
    capacity: &mut BTreeMap<String, usize>,
    lease: &'a Lease,
    rows: &mut Notifications<'a>,
) -> Vec<(usize, usize)> {
    let mut known: HashMap<&str, Option<Bound>> = found.known.iter().map(|(id, bound)| (&**id, *bound)).collect();
    let mut busy: HashSet<(i64, &str)> = found.busy.iter().map(|(journey, lane)| (*journey, &**lane)).collect();
    let mut seqs = found.seqs.iter();
    let mut leased = Vec::new();
    for (index, (id, write)) in found.ids.iter().zip(&batch.journeys).enumerate() {
        for (number, prepared) in write.notifications.iter().enumerate() {
            let notification = &prepared.notification;
            if known.contains_key(&*notification.id.0) {
                continue;
            }
            let Some(seq) = seqs.next() else { continue };
            let withdrawn = batch.withdrawn.get(&notification.id).copied();
            let voice = (&*write.journey.key.shop, notification.rule.as_str());
            let bound = found.storms.of(voice).or_else(|| followed(&notification.follows, &known));
            let bound = bound.filter(|_| withdrawn.is_none());
            known.insert(&notification.id.0, bound.map(|bound| Bound { to: bound.to.or(Some(*seq)), ..bound }));
            let waits = withdrawn.is_none() && bound.is_none();
            let is_first = waits && busy.insert((*id, notification.channel.as_str()));
            let is_leased = is_first && take(capacity, &notification.provider);
            if is_leased {
                leased.push((index, number));
            }
            let fate = Fate { withdrawn, bound, is_first, lease: is_leased.then_some(lease) };
            rows.add(*seq, *id, prepared, &fate);
        }
    }
    leased
}

/// The second round trip writes, the third makes it durable.
async fn write(
    session: &Session,
    batch: &Prepared,
    found: &Found<'_>,
    notifications: &Notifications<'_>,
    waiting: &[&str],
    lease: &Lease,
) -> Result<Vec<Stored>, Failure> {
    let rows = PerJourney::of(batch, &found.ids);
    let waits = unconfirmed::Changes::of(batch, &found.ids);
    let parked = ParkedEvents::of(batch);
    let dead = Dead::of(batch);
    let publications: Vec<_> = batch.publications.iter().collect();
    let (journeys, links, idle, wakes, waits, entries, outbox, parked, dead, published, stored, erased) = tokio::join!(
        biased;
        rows.update(session),
        rows.link(session),
        rows.forget_wakes(session),
        rows.wake(session),
        waits.write(session),
        rows.tell(session),
        notifications.write(session),
        parked.write(session),
        dead.write(session),
        publication::write(session, &publications),
        lane::lease(session, waiting, lease),
        // last: what the batch itself wrote of them goes too
        rows.erase(session),
    );
    for written in [journeys, links, idle, wakes, entries, outbox, parked, dead, published, erased] {
        written?;
    }
    waits?;
    let stored = stored?;
    session.commit().await?;
    Ok(stored)
}
