//! Content at rest, sealed with a key for each order, and forgotten by forgetting the key.
//!
//! Why a key for each order and not one for each customer: an order is what is erased here. A guest
//! has nothing but the order; and whoever is erased and orders again wishes to hear of the new order,
//! whose messages a key of the customer would take along. No two customers share a key, and to erase
//! a customer is to forget the keys of all their orders.
//!
//! The keys are kept elsewhere ([`Keys`]), so no transaction spans both. That is sound in this order:
//! a key is kept before anything that it seals is written, and forgotten after what lets go of the
//! order is. What is between is remembered in the store (`forgotten_keys`) and made good.

mod keyring;
mod settings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::journey::JourneyKey;
use crate::ports::{JourneyWrite, Keys, StoreError, Versioned};
use crate::seal::{DataKey, Masters, Place, Unopened, Wrapped};

pub(super) use keyring::{Keyring, without_person};
use keyring::{drawn, once};
pub use settings::MasterKey;
pub(super) use settings::masters;

/// Keys that are held in memory at most, of about half a KiB each.
const MOST_HELD: usize = 8_192;

/// So many orders' keys are forgotten in one step, of those that could not be at once.
pub(super) const MOST_FORGOTTEN: usize = 500;

/// How many keys are wrapped anew in one step.
const STEP: usize = 500;

pub(super) struct Vault {
    masters: Masters,
    keys: Arc<dyn Keys>,
    held: Mutex<Held>,
}

/// What was used lately. The older half goes at once when the younger is full.
#[derive(Default)]
struct Held {
    young: HashMap<JourneyKey, Arc<DataKey>>,
    old: HashMap<JourneyKey, Arc<DataKey>>,
}

impl Held {
    fn get(&mut self, of: &JourneyKey) -> Option<Arc<DataKey>> {
        if let Some(key) = self.young.get(of) {
            return Some(Arc::clone(key));
        }
        let key = self.old.remove(of)?;
        self.put(of.clone(), Arc::clone(&key));
        Some(key)
    }

    fn put(&mut self, of: JourneyKey, key: Arc<DataKey>) {
        if self.young.len() >= MOST_HELD / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(of, key);
    }

    fn remove(&mut self, of: &JourneyKey) {
        self.young.remove(of);
        self.old.remove(of);
    }
}

impl Vault {
    pub fn new(masters: Masters, keys: Arc<dyn Keys>) -> Self {
        Self { masters, keys, held: Mutex::default() }
    }

    /// The keys of these orders, as far as they have any.
    pub async fn find(&self, of: &[JourneyKey]) -> Result<Keyring, StoreError> {
        let (mut found, missing) = self.at_hand(of);
        if !missing.is_empty() {
            let kept = self.keys.find(&missing).await?;
            self.unwrap(&mut found, missing.into_iter().zip(kept).filter_map(|(of, kept)| Some((of, kept?))))?;
        }
        Ok(Keyring::new(found))
    }

    /// The keys by which these journeys are written, made for those that have none. What is erased
    /// needs none: it holds nothing that could be sealed.
    pub async fn provide(&self, writes: &[JourneyWrite]) -> Result<Keyring, StoreError> {
        let wanted = writes.iter().filter(|write| !write.journey.erased).map(|write| write.journey.key.clone());
        let (mut found, missing) = self.at_hand(&wanted.collect::<Vec<_>>());
        if !missing.is_empty() {
            let new = missing.iter().map(|of| Ok((of.clone(), self.new_key(of)?)));
            let kept = self.keys.keep(&new.collect::<Result<Vec<_>, StoreError>>()?).await?;
            self.unwrap(&mut found, missing.into_iter().zip(kept))?;
        }
        Ok(Keyring::new(found))
    }

    /// Forgets the keys of these orders, here and where they are kept.
    pub async fn forget(&self, of: &[JourneyKey]) -> Result<(), StoreError> {
        self.let_go(of);
        self.keys.forget(of).await
    }

    /// Wraps by the first master key what others have wrapped, so that those can go; returns how many.
    pub async fn rewrap(&self) -> Result<usize, StoreError> {
        if !self.masters.are_several() {
            return Ok(0);
        }
        let (mut done, mut after) = (0, JourneyKey { shop: String::new(), order_id: String::new() });
        loop {
            let others = self.keys.wrapped_by_others(self.masters.first(), &after, STEP).await?;
            let Some((last, _)) = others.last() else { break };
            (after, done) = (last.clone(), done + others.len());
            let anew = others.into_iter().map(|(of, old)| {
                let new = self.masters.rewrap(once()?, Place(&place(&of)), &old);
                let new = new.map_err(|error| unwrappable(&old, error))?;
                Ok((of, old, new))
            });
            self.keys.replace(&anew.collect::<Result<Vec<_>, StoreError>>()?).await?;
        }
        if done == 0 {
            // nobody has wrapped by another since the last time
            self.keys.drop_proofs(self.masters.first()).await?;
        }
        Ok(done)
    }

    fn let_go(&self, of: &[JourneyKey]) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        of.iter().for_each(|of| held.remove(of));
    }

    fn new_key(&self, of: &JourneyKey) -> Result<Wrapped, StoreError> {
        Ok(self.masters.wrap(once()?, Place(&place(of)), &drawn()?))
    }

    fn at_hand(&self, of: &[JourneyKey]) -> (HashMap<JourneyKey, Arc<DataKey>>, Vec<JourneyKey>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut missing) = (HashMap::with_capacity(of.len()), Vec::new());
        for of in of {
            match held.get(of) {
                Some(key) => drop(found.insert(of.clone(), key)),
                None => missing.push(of.clone()),
            }
        }
        drop(held);
        missing.sort_unstable();
        missing.dedup();
        (found, missing)
    }

    fn unwrap(
        &self,
        found: &mut HashMap<JourneyKey, Arc<DataKey>>,
        kept: impl Iterator<Item = (JourneyKey, Wrapped)>,
    ) -> Result<(), StoreError> {
        for (of, wrapped) in kept {
            let key = self.masters.unwrap(Place(&place(&of)), &wrapped);
            let key = Arc::new(key.map_err(|error| unwrappable(&wrapped, error))?);
            self.held.lock().unwrap_or_else(PoisonError::into_inner).put(of.clone(), Arc::clone(&key));
            found.insert(of, key);
        }
        Ok(())
    }
}

/// The place of an order's key.
fn place(of: &JourneyKey) -> [&str; 3] {
    ["key", &of.shop, &of.order_id]
}

/// It is not erased: another master key, or another replica that has it, can open it.
fn unwrappable(wrapped: &Wrapped, error: Unopened) -> StoreError {
    let master = &wrapped.master;
    StoreError::Unavailable(format!("a key that the master key '{master}' has wrapped (store.encryption): {error}"))
}

/// Holds the master keys against what those that have wrapped keys have proved of themselves. Returns
/// what the first has yet to prove.
///
/// # Errors
/// [`StoreError::Corrupt`] if a master key that has wrapped keys is not there, or is another.
pub(super) fn proved(masters: &Masters, proofs: &[Wrapped]) -> Result<Option<Wrapped>, StoreError> {
    for proof in proofs {
        let master = &proof.master;
        let what = if masters.has(master) { "another than the one that has wrapped" } else { "missing, and wraps" };
        masters.prove(proof).map_err(|_| {
            StoreError::Corrupt(format!("store.encryption: the master key '{master}' is {what} keys of this store"))
        })?;
    }
    let is_known = proofs.iter().any(|proof| proof.master == masters.first());
    if is_known { Ok(None) } else { Ok(Some(masters.proof(once()?))) }
}

/// The keys of these orders, where anything is encrypted.
pub(super) async fn find(vault: Option<&Vault>, of: &[JourneyKey]) -> Result<Keyring, StoreError> {
    match vault {
        Some(vault) => vault.find(of).await,
        None => Ok(Keyring::default()),
    }
}

/// The keys by which these journeys are written, where anything is encrypted.
pub(super) async fn provide(vault: Option<&Vault>, writes: &[JourneyWrite]) -> Result<Keyring, StoreError> {
    match vault {
        Some(vault) => vault.provide(writes).await,
        None => Ok(Keyring::default()),
    }
}

/// Of the orders whose keys are to be forgotten, those whose keys may go: erased, or gone. The others
/// have been placed anew under their old number since.
pub(super) fn sort(noted: &[JourneyKey], found: Vec<Option<Versioned>>) -> (Vec<JourneyKey>, Vec<JourneyKey>) {
    let (gone, back): (Vec<_>, Vec<_>) = noted
        .iter()
        .cloned()
        .zip(found)
        .partition(|(_, found)| found.as_ref().is_none_or(|found| found.journey.erased));
    let keys = |all: Vec<(JourneyKey, _)>| all.into_iter().map(|(of, _)| of).collect();
    (keys(gone), keys(back))
}

/// Holds the place of the keys that this process has against the one that the store has known: keys
/// that were lost, or are another store's, would make everything look erased.
///
/// # Errors
/// [`StoreError::Corrupt`]: what to set right.
pub(super) fn agree(known: Option<[u8; 16]>, here: Option<[u8; 16]>) -> Result<(), StoreError> {
    let what = match (known, here) {
        (Some(known), Some(here)) if known != here => {
            "its content is encrypted with keys that are kept in another place than store.encryption names; name that \
             one, or bring its file or its schema back"
        }
        (Some(_), None) => "its content is encrypted; set store.encryption as it was",
        _ => return Ok(()),
    };
    Err(StoreError::Corrupt(what.to_owned()))
}
