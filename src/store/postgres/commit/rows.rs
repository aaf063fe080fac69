//! A batch turned into columns, one array each.

use std::borrow::Cow;

use super::statements::*;
use crate::domain::confirmation::Cause;
use crate::domain::decision::Reason;
use crate::ports::{Advance, Lease, State};
use crate::store::guard::Bound;
use crate::store::postgres::failure::Failure;
use crate::store::postgres::row::{Key, text};
use crate::store::postgres::session::Session;
use crate::store::postgres::unconfirmed;
use crate::store::prepare::{Prepared, PreparedNotification};

#[derive(Default)]
pub(super) struct Advances<'a> {
    topics: Vec<&'a str>,
    partitions: Vec<i32>,
    expected: Vec<Option<i64>>,
    next: Vec<i64>,
}

impl<'a> Advances<'a> {
    pub fn of(advances: &'a [Advance]) -> Self {
        let mut all = Self::default();
        for Advance { partition, expected, next } in advances {
            all.topics.push(&partition.topic);
            all.partitions.push(partition.number);
            all.expected.push(*expected);
            all.next.push(*next);
        }
        all
    }

    /// The partitions that moved on.
    pub async fn write(&self, session: &Session, group: &str) -> Result<Vec<tokio_postgres::Row>, Failure> {
        let Self { topics, partitions, expected, next } = self;
        session.query_if(!topics.is_empty(), ADVANCE, &[&group, topics, partitions, expected, next]).await
    }
}

/// What belongs to a journey, with its id.
#[derive(Default)]
pub(super) struct PerJourney<'a> {
    changed: (Vec<i64>, Vec<&'a [u8]>),
    links: (Vec<&'a str>, Vec<&'a str>, Vec<i64>, Vec<i64>),
    wakes: (Vec<i64>, Vec<i64>),
    idle: Vec<i64>,
    erased: Vec<i64>,
    forgotten: (Vec<&'a str>, Vec<&'a str>),
    entries: (Vec<i64>, Vec<&'a [u8]>),
}

impl<'a> PerJourney<'a> {
    pub fn of(batch: &'a Prepared, ids: &[i64]) -> Self {
        let mut all = Self::default();
        for (id, write) in ids.iter().zip(&batch.journeys) {
            if write.expected_version.is_some() {
                all.changed.0.push(*id);
                all.changed.1.push(&write.body);
            }
            for (reference, since) in &write.links {
                all.links.0.push(&write.journey.key.shop);
                all.links.1.push(reference);
                all.links.2.push(*since);
                all.links.3.push(*id);
            }
            match write.wake {
                Some(Some(moment)) => {
                    all.wakes.0.push(*id);
                    all.wakes.1.push(moment);
                }
                // a new journey has none to forget
                Some(None) if write.expected_version.is_some() => all.idle.push(*id),
                Some(None) | None => {}
            }
            if write.erases {
                all.erased.push(*id);
            }
            if write.forgets_key {
                all.forgotten.0.push(&write.journey.key.shop);
                all.forgotten.1.push(&write.journey.key.order_id);
            }
            for (_, entry) in &write.entries {
                all.entries.0.push(*id);
                all.entries.1.push(entry);
            }
        }
        all
    }

    pub async fn update(&self, session: &Session) -> Result<u64, Failure> {
        let (ids, bodies) = &self.changed;
        session.execute_if(!ids.is_empty(), UPDATE_JOURNEYS, &[ids, bodies]).await
    }

    pub async fn link(&self, session: &Session) -> Result<u64, Failure> {
        let (shops, references, since, journeys) = &self.links;
        session.execute_if(!shops.is_empty(), LINK, &[shops, references, since, journeys]).await
    }

    pub async fn forget_wakes(&self, session: &Session) -> Result<u64, Failure> {
        session.execute_if(!self.idle.is_empty(), FORGET_WAKES, &[&self.idle]).await
    }

    pub async fn wake(&self, session: &Session) -> Result<u64, Failure> {
        let (journeys, moments) = &self.wakes;
        session.execute_if(!journeys.is_empty(), WAKE, &[journeys, moments]).await
    }

    pub async fn erase(&self, session: &Session) -> Result<u64, Failure> {
        let reason = Reason::CustomerErased.as_str();
        let (shops, orders) = &self.forgotten;
        let (erased, noted) = tokio::join!(
            biased;
            async { session.execute_if(!self.erased.is_empty(), ERASE, &[&self.erased, &reason]).await },
            async { session.execute_if(!shops.is_empty(), NOTE_ERASED, &[shops, orders]).await },
        );
        erased?;
        noted
    }

    pub async fn tell(&self, session: &Session) -> Result<u64, Failure> {
        let (journeys, bodies) = &self.entries;
        session.execute_if(!journeys.is_empty(), TELL, &[journeys, bodies]).await
    }
}

/// What becomes of a new notification.
pub(super) struct Fate<'a> {
    pub withdrawn: Option<Reason>,
    /// How it is held.
    pub bound: Option<Bound>,
    /// In its lane.
    pub is_first: bool,
    pub lease: Option<&'a Lease>,
}

#[derive(Default)]
pub(super) struct Notifications<'a> {
    seq: Vec<i64>,
    id: Vec<&'a str>,
    journey: Vec<i64>,
    channel: Vec<&'a str>,
    provider: Vec<&'a str>,
    state: Vec<&'a str>,
    ready_ms: Vec<Option<i64>>,
    lease_owner: Vec<Option<&'a str>>,
    lease_until_ms: Vec<Option<i64>>,
    received_ms: Vec<i64>,
    decided_ms: Vec<i64>,
    expires_ms: Vec<i64>,
    rule: Vec<&'a str>,
    message: Vec<&'a str>,
    subject: Vec<&'a str>,
    traceparent: Vec<Option<Cow<'a, str>>>,
    reason: Vec<Option<&'a str>>,
    storm: Vec<Option<i64>>,
    bound: Vec<Option<i64>>,
    /// Those that are held.
    stormbound: Vec<&'a str>,
    body: Vec<&'a [u8]>,
}

impl<'a> Notifications<'a> {
    pub fn add(&mut self, seq: i64, journey: i64, prepared: &'a PreparedNotification, fate: &Fate<'a>) {
        let Fate { withdrawn, bound, is_first, lease } = *fate;
        let notification = &prepared.notification;
        let due = notification.decided_at.millis();
        let until = lease.map(|lease| lease.until.millis());
        let state = match (withdrawn, bound) {
            (Some(_), _) => State::Suppressed,
            (None, Some(_)) => State::Stormbound,
            (None, None) => State::Pending,
        };
        self.seq.push(seq);
        self.id.push(&notification.id.0);
        self.journey.push(journey);
        self.channel.push(notification.channel.as_str());
        self.provider.push(&notification.provider);
        self.state.push(state.as_str());
        self.ready_ms.push(is_first.then_some(until.unwrap_or(due)));
        self.lease_owner.push(lease.map(|lease| &*lease.owner));
        self.lease_until_ms.push(until);
        self.received_ms.push(notification.received_at.millis());
        self.decided_ms.push(due);
        self.expires_ms.push(notification.expires_at.millis());
        self.rule.push(notification.rule.as_str());
        self.message.push(&notification.message);
        self.subject.push(&prepared.subject);
        self.traceparent.push(notification.traceparent.as_deref().map(text));
        self.reason.push(withdrawn.map(Reason::as_str));
        self.storm.push(bound.map(|bound| bound.storm));
        self.bound.push(bound.map(|bound| bound.to.unwrap_or(seq)));
        self.stormbound.extend(bound.map(|_| &*notification.id.0));
        self.body.push(&prepared.packed);
    }

    pub async fn write(&self, session: &Session) -> Result<u64, Failure> {
        let is_needed = !self.seq.is_empty();
        let (notified, kept, told) = tokio::join!(
            biased;
            async {
                session.execute_if(is_needed, NOTIFY, &[
                    &self.seq, &self.id, &self.journey, &self.channel, &self.provider, &self.state, &self.ready_ms,
                    &self.lease_owner, &self.lease_until_ms, &self.received_ms, &self.decided_ms, &self.expires_ms,
                    &self.rule, &self.message, &self.subject, &self.traceparent, &self.reason, &self.storm,
                    &self.bound,
                ]).await
            },
            async { session.execute_if(is_needed, KEEP_CONTENTS, &[&self.seq, &self.body]).await },
            unconfirmed::tried(session, &self.stormbound, Cause::Stormbound),
        );
        notified?;
        told?;
        kept
    }
}

#[derive(Default)]
pub(super) struct ParkedEvents<'a> {
    keys: Vec<Key>,
    shops: Vec<&'a str>,
    references: Vec<&'a str>,
    events: Vec<&'a [u8]>,
    parked_ms: Vec<i64>,
    released: Vec<Key>,
}

impl<'a> ParkedEvents<'a> {
    pub fn of(batch: &'a Prepared) -> Self {
        let mut all = Self { released: batch.released.iter().map(|key| Key::from(*key)).collect(), ..Self::default() };
        for (parked, reference) in &batch.parked {
            all.keys.push(parked.key.into());
            all.shops.push(&parked.shop);
            all.references.push(reference);
            all.events.push(&parked.event);
            all.parked_ms.push(parked.parked_at.millis());
        }
        all
    }

    pub async fn write(&self, session: &Session) -> Result<u64, Failure> {
        let Self { keys, shops, references, events, parked_ms, released } = self;
        let (parked, released) = tokio::join!(
            biased;
            async { session.execute_if(!keys.is_empty(), PARK, &[keys, shops, references, events, parked_ms]).await },
            async { session.execute_if(!released.is_empty(), RELEASE_PARKED, &[released]).await },
        );
        parked?;
        released
    }
}

#[derive(Default)]
pub(super) struct Dead<'a> {
    topics: Vec<&'a str>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    keys: Vec<Option<&'a [u8]>>,
    values: Vec<Option<&'a [u8]>>,
    headers: Vec<&'a str>,
    timestamps: Vec<Option<i64>>,
    stages: Vec<&'a str>,
    causes: Vec<&'a str>,
    details: Vec<Cow<'a, str>>,
    at_ms: Vec<i64>,
    redriven: &'a [i64],
}

impl<'a> Dead<'a> {
    pub fn of(batch: &'a Prepared) -> Self {
        let mut all = Self { redriven: &batch.redriven, ..Self::default() };
        for (dead, headers) in &batch.dead {
            let record = &dead.record;
            all.topics.push(&record.partition.topic);
            all.partitions.push(record.partition.number);
            all.offsets.push(record.offset);
            all.keys.push(record.key.as_deref());
            all.values.push(record.value.as_deref());
            all.headers.push(headers);
            all.timestamps.push(record.timestamp);
            all.stages.push(dead.stage);
            all.causes.push(dead.cause);
            all.details.push(text(&dead.detail));
            all.at_ms.push(dead.at.millis());
        }
        all
    }

    /// First without those that were read again: one that is as bad as before comes back under a
    /// new id.
    pub async fn write(&self, session: &Session) -> Result<u64, Failure> {
        let (forgotten, buried) = tokio::join!(
            biased;
            async { session.execute_if(!self.redriven.is_empty(), FORGET_REDRIVEN, &[&self.redriven]).await },
            async {
                session.execute_if(!self.topics.is_empty(), BURY, &[
                    &self.topics, &self.partitions, &self.offsets, &self.keys, &self.values, &self.headers,
                    &self.timestamps, &self.stages, &self.causes, &self.details, &self.at_ms,
                ]).await
            },
        );
        forgotten?;
        buried
    }
}
