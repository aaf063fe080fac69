//! What a batch needs to know before it is decided: which events came before, which journeys
//! they are about, and what waits to be released by them. A few queries for the whole batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::event::{Body, Event, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::spending::{Addressee, Spending};
use crate::domain::time::Timestamp;
use crate::envelope;
use crate::ports::{Parked, Store, StoreError, Versioned};

use super::draft::OnRecord;
use super::intake::Arrival;

/// Parked events of one reference that are released at a time; the rest follows with the next
/// event of the journey (I10).
pub const MOST_RELEASED: usize = 500;

/// The state of the world before a batch.
#[derive(Debug, Default)]
pub struct Known {
    pub journeys: HashMap<JourneyKey, Versioned>,
    /// Journeys that are there and cannot be read: what is heard of them waits until they can be again.
    pub unreadable: HashSet<JourneyKey>,
    /// Where a waybill or a customer leads, as of a moment.
    pub resolved: HashMap<(String, Reference, Timestamp), Vec<JourneyKey>>,
    pub parked: HashMap<(String, Reference), Vec<(Parked, Event)>>,
    /// What waits although its journey is known.
    pub stranded: Vec<(Parked, Event)>,
}

/// Where that is known: the store, or the memory of a simulation.
#[async_trait]
pub trait Source: Send + Sync {
    /// See [`Store::resolve`].
    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError>;

    /// See [`Store::load`].
    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError>;

    /// See [`Store::parked`].
    async fn parked(&self, references: &[(String, Reference)], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError>;

    /// See [`Store::spending`].
    async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError>;
}

/// What is on record of these customers; nothing is asked if there are none.
///
/// # Errors
/// Those of the store.
pub async fn on_record(source: &dyn Source, of: Vec<Addressee>) -> Result<OnRecord, StoreError> {
    if of.is_empty() {
        return Ok(OnRecord::new());
    }
    let found = source.spending(&of).await?;
    Ok(of.into_iter().zip(found).filter_map(|(addressee, spending)| Some((addressee, spending?))).collect())
}

#[async_trait]
impl Source for Arc<dyn Store> {
    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
        (**self).resolve(references).await
    }

    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        (**self).load(keys).await
    }

    async fn parked(&self, references: &[(String, Reference)], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError> {
        (**self).parked(references, limit).await
    }

    async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError> {
        (**self).spending(of).await
    }
}

/// The references whose parked events this event releases.
pub fn released_by(event: &Event) -> Vec<Reference> {
    match &event.body {
        // a new address, or the wish to be forgotten, may overtake the order on its way here
        Body::OrderPlaced(data) => {
            let customer = data.order.customer.id.clone().map(Reference::Customer);
            [Some(Reference::Order(data.order_id.clone())), customer].into_iter().flatten().collect()
        }
        Body::ShipmentCreated(data) => {
            data.parcels.iter().map(|parcel| Reference::Parcel(parcel.waybill.clone())).collect()
        }
        Body::ShipmentReplaced(data) => vec![Reference::Parcel(data.replacement.waybill.clone())],
        Body::ParcelTracked(data) if data.order_id.is_some() => vec![Reference::Parcel(data.waybill.clone())],
        Body::ParcelEtaChanged(data) if data.order_id.is_some() => vec![Reference::Parcel(data.waybill.clone())],
        _ => Vec::new(),
    }
}

/// One that cannot be read stays where it is, and stops nothing else.
fn read(parked: Parked) -> Option<(Parked, Event)> {
    match envelope::read_parked(&parked.event) {
        Ok(event) => Some((parked, event)),
        Err(cause) => {
            tracing::error!(shop = parked.shop, cause, "a parked event cannot be read");
            None
        }
    }
}

impl Known {
    /// Asks the store for what the arrivals (and the journeys in `also`) need, and for what is
    /// parked for the references in `stranded`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn fetch(
        store: &dyn Source,
        arrivals: &[Arrival],
        also: &[JourneyKey],
        stranded: &[(String, Reference)],
    ) -> Result<Self, StoreError> {
        let mut known = Self::default();
        let stranded = if stranded.is_empty() { Vec::new() } else { store.parked(stranded, MOST_RELEASED).await? };
        let stranded = stranded.into_iter().flatten().filter_map(read).collect::<Vec<_>>();
        let events: Vec<&Event> =
            arrivals.iter().map(|arrival| &*arrival.event).chain(stranded.iter().map(|(_, event)| event)).collect();
        known.find(store, &events, also).await?;
        known.release(store, &events).await?;
        known.stranded = stranded;
        known.stranded.sort_by_key(|(_, event)| event.time);
        Ok(known)
    }

    /// Takes in what was found later; that wins.
    pub(super) fn extend(&mut self, later: Self) {
        self.unreadable.retain(|key| !later.journeys.contains_key(key));
        self.journeys.extend(later.journeys);
        self.unreadable.extend(later.unreadable);
        self.resolved.extend(later.resolved);
    }

    /// Asks for the journeys that the events are about, and for those in `also`.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn find(
        &mut self,
        store: &dyn Source,
        events: &[&Event],
        also: &[JourneyKey],
    ) -> Result<(), StoreError> {
        let mut wanted: Vec<JourneyKey> = also.to_vec();
        let mut indirect: Vec<(String, Reference, Timestamp)> = Vec::new();
        for event in events {
            let shop = event.body.shop().to_owned();
            match event.body.reference() {
                Some(Reference::Order(order_id)) => wanted.push(JourneyKey { shop, order_id }),
                Some(reference) => indirect.push((shop, reference, event.time)),
                None => {}
            }
        }
        indirect.sort();
        indirect.dedup();
        if !indirect.is_empty() {
            let resolved = store.resolve(&indirect).await?;
            wanted.extend(resolved.iter().flatten().cloned());
            self.resolved = indirect.into_iter().zip(resolved).collect();
        }
        wanted.sort();
        wanted.dedup();
        if !wanted.is_empty() {
            let loaded = loop {
                match store.load(&wanted).await {
                    Ok(loaded) => break loaded,
                    Err(error) => self.set_aside(error.leave_out(&mut wanted)?),
                }
            };
            self.journeys = wanted.into_iter().zip(loaded).filter_map(|(key, journey)| Some((key, journey?))).collect();
        }
        // one that went between the two reads leads nowhere: what is heard of it is parked, not lost
        for leads_to in self.resolved.values_mut() {
            leads_to.retain(|key| self.journeys.contains_key(key) || self.unreadable.contains(key));
        }
        Ok(())
    }

    fn set_aside(&mut self, (unreadable, why): (Vec<JourneyKey>, String)) {
        tracing::error!(
            journeys = unreadable.len(),
            why,
            "stored journeys cannot be read; what is heard of them is parked until they can be"
        );
        self.unreadable.extend(unreadable);
    }

    /// Reads what is parked for the events, and for what is released in turn.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn release(&mut self, store: &dyn Source, events: &[&Event]) -> Result<(), StoreError> {
        let mut wanted: Vec<(String, Reference)> = Vec::new();
        for event in events {
            let shop = event.body.shop();
            let new_order = |order: &String| {
                let key = JourneyKey { shop: shop.to_owned(), order_id: order.clone() };
                !self.journeys.contains_key(&key) && !self.unreadable.contains(&key)
            };
            for reference in released_by(event) {
                if !matches!(&reference, Reference::Order(order) if !new_order(order)) {
                    wanted.push((shop.to_owned(), reference));
                }
            }
        }
        while !wanted.is_empty() {
            wanted.sort();
            wanted.dedup();
            wanted.retain(|reference| !self.parked.contains_key(reference));
            let found = store.parked(&wanted, MOST_RELEASED).await?;
            let mut next = Vec::new();
            for (reference, parked) in wanted.drain(..).zip(found) {
                let mut events = Vec::with_capacity(parked.len());
                for (waiting, event) in parked.into_iter().filter_map(read) {
                    next.extend(
                        released_by(&event).into_iter().map(|reference| (event.body.shop().to_owned(), reference)),
                    );
                    events.push((waiting, event));
                }
                // as they happened, not as they came
                events.sort_by_key(|(_, event)| event.time);
                self.parked.insert(reference, events);
            }
            wanted = next;
        }
        Ok(())
    }
}
