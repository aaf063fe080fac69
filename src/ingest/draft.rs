//! A batch in the making: every input is decided against the journeys as the batch leaves them,
//! and the whole becomes one transaction.

mod budget;
mod sheet;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::domain::apply::{self, Full, News};
use crate::domain::contact::reach_party;
use crate::domain::decision::{NotificationId, Reason};
use crate::domain::event::{Body, Event, EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::notification::{Content, Notification};
use crate::domain::receipt::Received;
use crate::domain::shop::Shop;
use crate::domain::step::{Input, Moment, Transition, step};
use crate::domain::time::Timestamp;
use crate::envelope;
use crate::message::Letter;
use crate::ports::{Batch, DeadRecord, Parked, Record};
use crate::publish::Outlet;
use crate::shops::Shops;

use super::disposition::Disposition;
use super::intake::Arrival;
use super::known::{Known, released_by};
use super::sequel::{Fate, Sequel};
pub use budget::OnRecord;
use sheet::{Sheet, Taken};

/// How many deadlines of one journey are decided in one batch; the rest wakes it again.
const MOST_AT_ONCE: usize = 1_000;

/// Writes what is sent.
pub trait Writer: Sync {
    /// # Errors
    /// Why it cannot be written from what is known.
    fn write(&self, letter: &Letter<'_>) -> Result<Content, String>;
}

/// In the words of the letter's shop.
impl Writer for Shops {
    fn write(&self, letter: &Letter<'_>) -> Result<Content, String> {
        let served = self.get(letter.shop_id).ok_or_else(|| "its shop is served no more".to_owned())?;
        served.templates.write(letter).map_err(|unwritable| unwritable.to_string())
    }
}

/// A batch in the making.
pub struct Draft<'a> {
    shops: &'a Shops,
    writer: &'a dyn Writer,
    outlet: &'a Outlet,
    now: Timestamp,
    known: Known,
    sheets: HashMap<JourneyKey, Sheet>,
    /// Links that this batch adds.
    links: HashMap<(String, Reference), Vec<(Timestamp, JourneyKey)>>,
    batch: Batch,
    /// What became of each event, for the metrics.
    pub dispositions: Vec<(&'static str, Disposition)>,
}

impl<'a> Draft<'a> {
    pub fn new(shops: &'a Shops, writer: &'a dyn Writer, outlet: &'a Outlet, now: Timestamp, known: Known) -> Self {
        Self {
            shops,
            writer,
            outlet,
            now,
            known,
            sheets: HashMap::new(),
            links: HashMap::new(),
            batch: Batch::default(),
            dispositions: Vec::new(),
        }
    }

    /// Decides on an event and on everything that it releases.
    pub fn take(&mut self, arrival: Arrival) {
        let mut waiting = VecDeque::from([arrival]);
        while let Some(arrival) = waiting.pop_front() {
            let disposition = self.one(&arrival, &mut waiting);
            arrival.span.applied(disposition.as_str());
            self.dispositions.push((arrival.event.body.event_type().as_str(), disposition));
        }
    }

    /// Takes up what waits although its journey is known.
    pub fn take_up_stranded(&mut self) {
        for (parked, event) in std::mem::take(&mut self.known.stranded) {
            let key = parked.key;
            if self.targets(event.body.shop(), &event).iter().any(|target| self.known.unreadable.contains(target)) {
                continue;
            }
            self.take(Arrival::released(key, event, parked.parked_at));
            // parked once more if the journey is not there after all: then it goes on waiting
            if !self.batch.parked.iter().any(|waiting| waiting.key == key) {
                self.batch.released.push(key);
            }
        }
    }

    fn one(&mut self, arrival: &Arrival, waiting: &mut VecDeque<Arrival>) -> Disposition {
        let event = &arrival.event;
        let shop = event.body.shop().to_owned();
        let (unreadable, mut targets): (Vec<_>, Vec<_>) =
            self.targets(&shop, event).into_iter().partition(|target| self.known.unreadable.contains(target));
        if !unreadable.is_empty() {
            // taken up again once they can be read; to the others it is news no more then (I1)
            let parked = self.park(arrival);
            if targets.is_empty() {
                return parked;
            }
        }
        if targets.is_empty() {
            if let Body::OrderPlaced(placed) = &event.body {
                let journey = apply::begin(placed, event.time);
                targets.push(journey.key.clone());
                self.sheets.insert(journey.key.clone(), Sheet::new(Arc::new(journey), None, arrival.at));
            } else {
                return self.park(arrival);
            }
        }
        let mut disposition = Disposition::Duplicate;
        for key in targets {
            match self.advance(&key, Taken::Event(Arc::clone(event), arrival.at)) {
                Ok(News::Repeated) => {}
                Ok(_) => disposition = Disposition::Applied,
                Err(Full) => {
                    self.batch.dead.push(dead(event, self.now));
                    return Disposition::DeadLettered;
                }
            }
        }
        for reference in released_by(event) {
            for (parked, event) in self.known.parked.remove(&(shop.clone(), reference)).into_iter().flatten().rev() {
                match self.batch.parked.iter().position(|other| other.key == parked.key) {
                    Some(at) => drop(self.batch.parked.swap_remove(at)),
                    None => self.batch.released.push(parked.key),
                }
                waiting.push_front(Arrival::released(parked.key, event, parked.parked_at));
            }
        }
        disposition
    }

    /// The journeys that an event is about.
    fn targets(&self, shop: &str, event: &Event) -> Vec<JourneyKey> {
        let Some(reference) = event.body.reference() else { return Vec::new() };
        if let Reference::Order(order_id) = reference {
            let key = JourneyKey { shop: shop.to_owned(), order_id };
            let known = &self.known;
            let exists =
                self.sheets.contains_key(&key) || known.journeys.contains_key(&key) || known.unreadable.contains(&key);
            return if exists { vec![key] } else { Vec::new() };
        }
        let is_customer = matches!(reference, Reference::Customer(_));
        let stored = self.known.resolved.get(&(shop.to_owned(), reference.clone(), event.time));
        let mut targets = stored.cloned().unwrap_or_default();
        let added = self.links.get(&(shop.to_owned(), reference)).map(Vec::as_slice).unwrap_or_default();
        if is_customer {
            targets.extend(added.iter().map(|(_, key)| key.clone()));
            targets.sort();
            targets.dedup();
        } else if let Some((_, key)) =
            added.iter().filter(|(since, _)| *since <= event.time).max_by_key(|(since, _)| *since)
        {
            targets = vec![key.clone()];
        } else if targets.is_empty() {
            targets.extend(added.iter().min_by_key(|(since, _)| *since).map(|(_, key)| key.clone()));
        }
        targets
    }

    fn park(&mut self, arrival: &Arrival) -> Disposition {
        let event = &arrival.event;
        let Some(reference) = event.body.reference() else { return Disposition::Applied };
        let shop = event.body.shop().to_owned();
        let parked = Parked {
            shop: shop.clone(),
            reference: reference.clone(),
            key: arrival.key,
            event: envelope::encode(event),
            parked_at: self.now,
        };
        let beside = self.known.parked.entry((shop, reference)).or_default();
        if beside.iter().any(|(other, _)| other.key == arrival.key) {
            return Disposition::Duplicate;
        }
        let at = beside.partition_point(|(_, other)| other.time <= event.time);
        beside.insert(at, (parked.clone(), (**event).clone()));
        self.batch.parked.push(parked);
        Disposition::Parked
    }

    /// Decides on every deadline of a journey that is due. A journey that is gone has none.
    pub fn wake(&mut self, key: &JourneyKey, trace: Option<String>) {
        self.open(key);
        let Some(sheet) = self.sheets.get_mut(key) else { return };
        // whatever the journey knows of it: the store must not wake it for the same again
        sheet.wakes_before = None;
        sheet.is_changed = true;
        if self.shops.rules(&key.shop).is_none() {
            // left there, its deadlines would come before all others
            Arc::make_mut(&mut sheet.journey).stop_waiting();
        }
        // only an event can find it full
        let _ = self.advance(key, Taken::Due(trace));
    }

    /// Lets a journey know what became of its notification.
    pub fn follow(&mut self, sequel: &Sequel) {
        let Sequel { key, notification, fate, traceparent } = sequel;
        match fate {
            Fate::Withdrawn(reason) => self.withdraw(key, notification, *reason, traceparent.clone()),
            Fate::Received(received) => drop(self.receive(key, received, traceparent.clone())),
        }
    }

    /// Takes a notification back that must not leave.
    pub fn withdraw(&mut self, key: &JourneyKey, notification: &NotificationId, reason: Reason, trace: Option<String>) {
        // only an event can find it full
        let _ = self.advance(key, Taken::Withdrawn(notification.clone(), reason, trace));
        self.batch.withdrawn.push((notification.clone(), reason));
    }

    /// Forgets the customer of a journey, by an event that says so, whomever that names.
    pub fn forget(&mut self, key: &JourneyKey, event: Event) {
        // only a parcel can find it full
        let _ = self.advance(key, Taken::Event(Arc::new(event), self.now));
    }

    /// Takes a receipt in; says when the message that it is of was told, if it says anything new.
    pub fn receive(&mut self, key: &JourneyKey, received: &Received, trace: Option<String>) -> Option<Timestamp> {
        self.open(key);
        let told_at = self.sheets.get(key)?.journey.told_by(&received.notification).next()?.at;
        // only an event can find it full
        let news = self.advance(key, Taken::Receipt(received.clone(), trace)).unwrap_or(News::Known);
        (news == News::Fresh).then_some(told_at)
    }

    /// Notes a dead letter: it is published, or else kept in the store.
    pub fn bury(&mut self, dead: &DeadRecord) {
        match self.outlet.of_dead(dead) {
            Some(publication) => self.batch.publications.push(publication),
            None => self.batch.dead.push(dead.clone()),
        }
    }

    /// Begins a sheet for a journey that the store knows and that has none yet.
    fn open(&mut self, key: &JourneyKey) {
        if let Some(versioned) = self.known.journeys.remove(key) {
            self.sheets.insert(key.clone(), Sheet::new(versioned.journey, Some(versioned.version), self.now));
        }
    }

    /// Puts a journey through something; says what that was to it.
    fn advance(&mut self, key: &JourneyKey, taken: Taken) -> Result<News, Full> {
        self.open(key);
        let news = self.put(key, &taken)?;
        if let Some(sheet) = self.sheets.get_mut(key) {
            sheet.taken.push(taken);
        }
        Ok(news)
    }

    fn put(&mut self, key: &JourneyKey, taken: &Taken) -> Result<News, Full> {
        let trace = taken.trace();
        match taken {
            Taken::Event(event, at) => self.step(key, Input::Event(event), *at, trace),
            Taken::Withdrawn(notification, reason, _) => {
                self.step(key, Input::Withdrawn(notification, *reason), self.now, trace)
            }
            Taken::Receipt(received, _) => self.step(key, Input::Receipt(received), self.now, trace),
            Taken::Due(_) => {
                let is_due = |sheet: &Sheet, now| sheet.journey.wakes_at().is_some_and(|at| at <= now);
                for _ in 0..MOST_AT_ONCE {
                    if !self.sheets.get(key).is_some_and(|sheet| is_due(sheet, self.now)) {
                        break;
                    }
                    self.step(key, Input::Due, self.now, trace)?;
                }
                Ok(News::Fresh)
            }
        }
    }

    /// Takes one step of a journey. What follows belongs to `trace`.
    fn step(
        &mut self,
        key: &JourneyKey,
        input: Input<'_>,
        received_at: Timestamp,
        trace: Option<&str>,
    ) -> Result<News, Full> {
        let Some(served) = self.shops.get(&key.shop) else { return Ok(News::Known) };
        let Some(sheet) = self.sheets.get_mut(key) else { return Ok(News::Known) };
        let moment = Moment { now: self.now, elsewhere: sheet.elsewhere.as_ref() };
        let mut transition = step(&sheet.journey, input, &served.rules, moment)?;
        if transition.news == News::Repeated {
            return Ok(News::Repeated);
        }
        sheet.is_changed = true;
        sheet.speaks |= !transition.notifications.is_empty() || matches!(input, Input::Withdrawn(..));
        sheet.asks_elsewhere |= transition.asks_elsewhere;
        for notification in std::mem::take(&mut transition.notifications) {
            // decided anew before long
            if sheet.asks_elsewhere {
                continue;
            }
            let content = write(self.writer, key, &transition, &notification, &served.rules.shop);
            match content {
                Ok(content) => {
                    let traceparent = trace.map(str::to_owned);
                    sheet.notifications.push((Notification { received_at, traceparent, ..notification }, content));
                }
                Err(why) => transition.refuse(&notification.id, &why),
            }
        }
        // what it is found by does not hang on what is decided
        for link in transition.links.into_iter().filter(|_| sheet.elsewhere.is_none()) {
            let found = self.links.entry((key.shop.clone(), link.reference.clone())).or_default();
            found.push((link.since, key.clone()));
            sheet.links.push(link);
        }
        if let Some(entry) = &transition.entry {
            sheet.publications.extend(self.outlet.of_entry(key, entry, trace));
        }
        sheet.entries.extend(transition.entry);
        sheet.journey = Arc::new(transition.journey);
        Ok(transition.news)
    }

    /// The transaction that carries it all out, with what is on record of the [addressees](Self::addressees).
    pub fn finish(mut self, on_record: &OnRecord) -> (Batch, Vec<(&'static str, Disposition)>) {
        self.weigh(on_record);
        let mut batch = self.batch;
        let mut sheets: Vec<Sheet> = self.sheets.into_values().filter(|sheet| sheet.is_changed).collect();
        // locks taken in key order cannot wait for each other in a circle
        sheets.sort_by(|a, b| a.journey.key.cmp(&b.journey.key));
        for sheet in &mut sheets {
            batch.publications.append(&mut sheet.publications);
            batch.forgotten.extend(sheet.forgotten(self.shops));
        }
        batch.journeys = sheets.into_iter().map(|sheet| sheet.write(self.shops, self.now)).collect();
        // what was released and found nothing again goes on waiting, where it is
        let waits: HashSet<EventKey> = batch.parked.iter().map(|parked| parked.key).collect();
        batch.released.retain(|key| !waits.contains(key));
        (batch, self.dispositions)
    }
}

fn write(
    writer: &dyn Writer,
    key: &JourneyKey,
    transition: &Transition,
    notification: &Notification,
    shop: &Shop,
) -> Result<Content, String> {
    let journey = &transition.journey;
    let to = journey.told_by(&notification.id).next().map(|told| told.to).unwrap_or_default();
    let recipient =
        reach_party(to, &journey.order, shop, notification.channel).map_err(|reason| reason.in_words().to_owned())?;
    let letter = Letter {
        shop_id: &key.shop,
        shop,
        journey,
        subject: &notification.subject,
        message: &notification.message,
        channel: notification.channel,
        recipient: &recipient,
        notification: &notification.id,
        now: notification.decided_at,
    };
    writer.write(&letter)
}

/// An event for which its journey has no room, as a record that can be looked at and redriven.
fn dead(event: &Event, now: Timestamp) -> DeadRecord {
    DeadRecord {
        record: Record {
            partition: crate::ports::Partition { topic: "reassure.parked".into(), number: 0 },
            offset: 0,
            key: None,
            value: Some(envelope::encode(event).into()),
            headers: vec![("content-type".to_owned(), "application/cloudevents+json".into())],
            timestamp: None,
        },
        stage: "apply",
        cause: "journey_full",
        detail: format!("the order has more than {} parcels", apply::MOST_PARCELS),
        at: now,
    }
}
