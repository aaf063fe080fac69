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
use crate::ports::{JourneyWrite, KeptKey, Keys, Store, StoreError};
use crate::seal::{DataKey, Masters, Place, Unopened, Wrapped};

use keyring::{Key, drawn, once};
pub(super) use keyring::{Keyring, without_person};
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
    /// What a person has said of keys that are lost for good.
    missing_is_erased: bool,
    held: Mutex<Held>,
}

/// Why an order's key is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgotten {
    /// Its customer is to be forgotten, in every copy of the store.
    Erased,
    /// There is no such order any more.
    Gone,
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
    pub fn new(masters: Masters, keys: Arc<dyn Keys>, missing_is_erased: bool) -> Self {
        Self { masters, keys, missing_is_erased, held: Mutex::default() }
    }

    /// The keys of these orders, as far as they have any.
    pub async fn find(&self, of: &[JourneyKey]) -> Result<Keyring, StoreError> {
        let (mut found, missing) = self.at_hand(of);
        if !missing.is_empty() {
            let kept = self.keys.find(&missing).await?;
            for (of, kept) in missing.into_iter().zip(kept) {
                let key = match kept {
                    Some(KeptKey::Wrapped(wrapped)) => self.unwrap(&of, &wrapped)?.map(Key::Here),
                    Some(KeptKey::Erased) => Some(Key::Erased),
                    None => self.missing_is_erased.then_some(Key::Erased),
                };
                found.extend(key.map(|key| (of, key)));
            }
        }
        Ok(Keyring::new(found))
    }

    /// The keys by which these journeys are written, made for those that have none. What is erased
    /// needs none: it holds nothing that could be sealed.
    pub async fn provide(&self, writes: &[JourneyWrite]) -> Result<Keyring, StoreError> {
        let sealed = writes.iter().filter(|write| !write.journey.erased);
        let (begun, new): (Vec<_>, Vec<_>) = sealed.partition(|write| write.expected_version.is_some());
        let orders = |writes: Vec<&JourneyWrite>| -> Vec<JourneyKey> {
            writes.into_iter().map(|write| write.journey.key.clone()).collect()
        };
        let (mut found, mut missing) = self.at_hand(&orders(begun));
        // even if one is held: it may be of another order that had this number, and be kept no more
        missing.extend(orders(new));
        if !missing.is_empty() {
            let new = missing.iter().map(|of| Ok((of.clone(), self.new_key(of)?)));
            let kept = self.keys.keep(&new.collect::<Result<Vec<_>, StoreError>>()?).await?;
            for (of, wrapped) in missing.into_iter().zip(kept) {
                let key = self.unwrap(&of, &wrapped)?.ok_or_else(|| unwrappable(&wrapped, Unopened))?;
                found.insert(of, Key::Here(key));
            }
        }
        Ok(Keyring::new(found))
    }

    /// Forgets the keys of these orders, here and where they are kept.
    pub async fn forget(&self, of: &[JourneyKey], why: Forgotten) -> Result<(), StoreError> {
        self.let_go(of);
        match why {
            Forgotten::Erased => self.keys.erase(of).await,
            Forgotten::Gone => self.keys.forget(of).await,
        }
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
            after = last.clone();
            let mut anew = Vec::with_capacity(others.len());
            for (of, old) in others {
                match self.masters.rewrap(once()?, Place(&place(&of)), &old) {
                    Ok(new) => anew.push((of, old, new)),
                    // one that is damaged must not keep the old master key for ever
                    Err(_) if self.masters.has(&old.master) => {}
                    Err(error) => return Err(unwrappable(&old, error)),
                }
            }
            self.keys.replace(&anew).await?;
            done += anew.len();
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

    fn at_hand(&self, of: &[JourneyKey]) -> (HashMap<JourneyKey, Key>, Vec<JourneyKey>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut missing) = (HashMap::with_capacity(of.len()), Vec::new());
        for of in of {
            match held.get(of) {
                Some(key) => drop(found.insert(of.clone(), Key::Here(key))),
                None => missing.push(of.clone()),
            }
        }
        drop(held);
        missing.sort_unstable();
        missing.dedup();
        (found, missing)
    }

    /// The key of that order; `None`: it is damaged, which is the trouble of this order alone.
    fn unwrap(&self, of: &JourneyKey, wrapped: &Wrapped) -> Result<Option<Arc<DataKey>>, StoreError> {
        let key = match self.masters.unwrap(Place(&place(of)), wrapped) {
            Ok(key) => Arc::new(key),
            Err(_) if self.masters.has(&wrapped.master) => return Ok(None),
            Err(error) => return Err(unwrappable(wrapped, error)),
        };
        self.held.lock().unwrap_or_else(PoisonError::into_inner).put(of.clone(), Arc::clone(&key));
        Ok(Some(key))
    }
}

/// The place of an order's key.
fn place(of: &JourneyKey) -> [&str; 3] {
    ["key", &of.shop, &of.order_id]
}

/// Another master key, or another replica that has it, can open it.
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

/// What is kept of a key, as it lies in a row: what is erased is empty.
pub(super) fn kept(row: Wrapped) -> KeptKey {
    if row.sealed.is_empty() { KeptKey::Erased } else { KeptKey::Wrapped(row) }
}

/// The keys of these orders, where anything is encrypted.
pub(super) async fn find(vault: Option<&Vault>, of: &[JourneyKey]) -> Result<Keyring, StoreError> {
    match vault {
        Some(vault) => vault.find(of).await,
        None => Ok(Keyring::default()),
    }
}

/// Reads what the key of an order opens; again if the key was made meanwhile, which then is neither erased nor
/// lost.
pub(super) async fn read<T, F>(
    vault: Option<&Vault>,
    of: &JourneyKey,
    mut read: impl FnMut(Keyring) -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let of_it = std::slice::from_ref(of);
    let mut keyring = find(vault, of_it).await?;
    loop {
        let lacked = keyring.lacks(of);
        let found = read(keyring).await;
        keyring = find(vault, of_it).await?;
        if !lacked || keyring.lacks(of) {
            return found;
        }
    }
}

/// Passes on what was opened; a key that is held and did not open what it should is let go of.
pub(super) fn opened<T>(vault: Option<&Vault>, opened: Result<T, StoreError>) -> Result<T, StoreError> {
    if let (Some(vault), Err(StoreError::Unreadable { of, .. })) = (vault, &opened) {
        vault.let_go(of);
    }
    opened
}

/// The keys by which these journeys are written, where anything is encrypted.
pub(super) async fn provide(vault: Option<&Vault>, writes: &[JourneyWrite]) -> Result<Keyring, StoreError> {
    match vault {
        Some(vault) => vault.provide(writes).await,
        None => Ok(Keyring::default()),
    }
}

/// Orders whose keys are to be forgotten, as they are found now.
#[derive(Default)]
pub(super) struct Noted {
    pub erased: Vec<JourneyKey>,
    pub gone: Vec<JourneyKey>,
    /// Placed anew under their old number since: these keep theirs.
    pub back: Vec<JourneyKey>,
}

impl Noted {
    /// What cannot be read is left out, and keeps its key.
    pub async fn of(mut noted: Vec<JourneyKey>, store: &dyn Store) -> Result<Self, StoreError> {
        let found = loop {
            match store.load(&noted).await {
                Ok(found) => break found,
                Err(error) => drop(error.leave_out(&mut noted)?),
            }
        };
        let mut sorted = Self::default();
        for (of, found) in noted.into_iter().zip(found) {
            match found {
                None => sorted.gone.push(of),
                Some(found) if found.journey.erased => sorted.erased.push(of),
                Some(_) => sorted.back.push(of),
            }
        }
        Ok(sorted)
    }
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
