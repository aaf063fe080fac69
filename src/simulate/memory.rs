//! What the store knows in the service, a simulation knows from memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::{Journey, JourneyKey};
use crate::domain::spending::{Addressee, KEPT, Spending};
use crate::domain::time::Timestamp;
use crate::ingest::known::Source;
use crate::ports::{Parked, Spent, StoreError, Versioned};

use super::shelf::{Shelf, short};

/// How a waybill or a customer is found: the shop and the reference.
type Address = (String, Reference);

/// The journeys, by what else they are found, and what waits for them.
pub struct Memory(Mutex<Inside>);

struct Inside {
    shelf: Shelf,
    links: HashMap<Address, Vec<(Timestamp, JourneyKey)>>,
    /// What led to journeys that have been let go.
    gone: HashSet<u64>,
    parked: HashMap<Address, Vec<Parked>>,
    waits_at: HashMap<EventKey, Address>,
    spending: HashMap<Addressee, Spending>,
}

impl Memory {
    pub fn new() -> Self {
        Self(Mutex::new(Inside {
            shelf: Shelf::new(),
            links: HashMap::new(),
            gone: HashSet::new(),
            parked: HashMap::new(),
            waits_at: HashMap::new(),
            spending: HashMap::new(),
        }))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // nothing panics while it is held
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders seen, those that have been let go among them.
    pub fn orders(&self) -> usize {
        let inside = self.inside();
        inside.shelf.len() + inside.shelf.gone()
    }

    /// Orders held.
    pub fn held(&self) -> usize {
        self.inside().shelf.len()
    }

    /// Events that wait for an order or a shipment.
    pub fn waiting(&self) -> usize {
        self.inside().waits_at.len()
    }

    /// What the event is about was over long ago, and has been let go.
    pub fn is_gone(&self, shop: &str, reference: &Reference) -> bool {
        let inside = self.inside();
        match reference {
            Reference::Order(order_id) => {
                inside.shelf.is_gone(&JourneyKey { shop: shop.to_owned(), order_id: order_id.clone() })
            }
            _ if inside.gone.is_empty() => false,
            other => {
                let address = (shop.to_owned(), other.clone());
                !inside.links.contains_key(&address) && inside.gone.contains(&short(&address))
            }
        }
    }

    /// The journey of that key.
    pub fn journey(&self, key: &JourneyKey) -> Option<Arc<Journey>> {
        self.inside().shelf.get(key)
    }

    pub fn put(&self, journey: Arc<Journey>, links: Vec<crate::domain::journey::Link>, now: Timestamp) {
        let mut inside = self.inside();
        for link in links {
            let leads = inside.links.entry((journey.key.shop.clone(), link.reference)).or_default();
            let lead = (link.since, journey.key.clone());
            if !leads.contains(&lead) {
                leads.push(lead);
            }
        }
        inside.shelf.put(journey, now);
    }

    /// The event waits already.
    pub fn is_parked(&self, key: &EventKey) -> bool {
        self.inside().waits_at.contains_key(key)
    }

    pub fn park(&self, parked: Parked) {
        let mut inside = self.inside();
        let address = (parked.shop.clone(), parked.reference.clone());
        if inside.waits_at.insert(parked.key, address.clone()).is_none() {
            inside.parked.entry(address).or_default().push(parked);
        }
    }

    pub fn release(&self, key: &EventKey) {
        let mut inside = self.inside();
        let Some(address) = inside.waits_at.remove(key) else { return };
        if let Some(waiting) = inside.parked.get_mut(&address) {
            waiting.retain(|parked| parked.key != *key);
            if waiting.is_empty() {
                inside.parked.remove(&address);
            }
        }
    }

    /// Notes what a customer has been told.
    pub fn note(&self, spent: Spent) {
        self.inside().spending.insert(spent.addressee, spent.spending);
    }

    /// The customer asked to be forgotten.
    pub fn forget(&self, addressee: &Addressee) {
        self.inside().spending.remove(addressee);
    }

    /// Lets go of what is over.
    pub fn tidy(&self, now: Timestamp) {
        let mut inside = self.inside();
        let since = now.plus(-KEPT);
        inside.spending.retain(|_, spending| spending.last().is_some_and(|last| last > since));
        for journey in inside.shelf.tidy(now) {
            let waybills = journey.parcels.iter().map(|parcel| Reference::Parcel(parcel.key.waybill.clone()));
            let customer = journey.order.customer.id.clone().map(Reference::Customer);
            for reference in waybills.chain(customer) {
                let address = (journey.key.shop.clone(), reference);
                let Some(leads) = inside.links.get_mut(&address) else { continue };
                leads.retain(|(_, key)| *key != journey.key);
                if leads.is_empty() {
                    inside.links.remove(&address);
                    inside.gone.insert(short(&address));
                }
            }
        }
    }
}

impl Inside {
    fn leads_to(&self, shop: &str, reference: &Reference, at: Timestamp) -> Vec<JourneyKey> {
        let Some(leads) = self.links.get(&(shop.to_owned(), reference.clone())) else { return Vec::new() };
        if let Reference::Customer(_) = reference {
            return leads.iter().map(|(_, key)| key.clone()).collect();
        }
        let moments = || leads.iter().map(|(since, _)| *since);
        let then = moments().filter(|since| *since <= at).max().or_else(|| moments().min());
        leads.iter().filter(|(since, _)| Some(*since) == then).map(|(_, key)| key.clone()).collect()
    }
}

#[async_trait]
impl Source for Memory {
    async fn resolve(&self, references: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
        let inside = self.inside();
        Ok(references.iter().map(|(shop, reference, at)| inside.leads_to(shop, reference, *at)).collect())
    }

    async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let mut inside = self.inside();
        // nobody else changes it: versions tell nothing here
        Ok(keys.iter().map(|key| inside.shelf.get(key).map(|journey| Versioned { journey, version: 0 })).collect())
    }

    async fn parked(&self, references: &[Address], limit: usize) -> Result<Vec<Vec<Parked>>, StoreError> {
        let inside = self.inside();
        let of = |address: &Address| inside.parked.get(address).into_iter().flatten().take(limit).cloned().collect();
        Ok(references.iter().map(of).collect())
    }

    async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError> {
        let inside = self.inside();
        Ok(of.iter().map(|addressee| inside.spending.get(addressee).cloned()).collect())
    }
}
