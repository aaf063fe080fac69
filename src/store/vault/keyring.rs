//! Sealing and opening rows, with the keys at hand.
//!
//! A row tells itself whether it is sealed, so that what was written before encryption was turned on
//! stays readable. A version that knows nothing of sealing finds no frame in it, and
//! leaves it alone.

use std::collections::HashMap;
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::decision::NotificationId;
use crate::domain::journey::{Journey, JourneyKey, Person};
use crate::domain::notification::Content;
use crate::packing::{Kind, Packer, Unpacker, unreadable};
use crate::ports::{JourneyWrite, StoreError, Versioned};
use crate::seal::{DataKey, Once, Place};
use crate::store::columns;

const MISSING: &str = "its key is missing or damaged; were the orders' keys (store.encryption) brought back from a \
    copy that is older than the store? Bring back the newest";

/// Before what is sealed; no frame of zstd begins like this.
const SEALED: &[u8] = b"sealed1\n";

/// The keys of some orders.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Keyring {
    /// One that is not here is missing.
    keys: HashMap<JourneyKey, Key>,
    /// Whether this process can have keys at all.
    is_configured: bool,
}

/// An order's key, and what became of it.
#[derive(Clone, Debug)]
pub(in crate::store) enum Key {
    Here(Arc<DataKey>),
    Erased,
}

impl Keyring {
    pub fn new(keys: HashMap<JourneyKey, Key>) -> Self {
        Self { keys, is_configured: true }
    }

    /// Whether the key of `order` could be missing because it was made since.
    pub fn lacks(&self, order: &JourneyKey) -> bool {
        self.is_configured && self.here(order).is_none()
    }

    fn here(&self, order: &JourneyKey) -> Option<&DataKey> {
        match self.keys.get(order) {
            Some(Key::Here(key)) => Some(key),
            _ => None,
        }
    }

    /// The orders of which nothing that is sealed is left once these are written.
    pub fn let_go_by(&self, writes: &[JourneyWrite]) -> Vec<JourneyKey> {
        let erased = writes.iter().filter(|write| self.is_configured && write.journey.erased);
        erased.map(|write| write.journey.key.clone()).collect()
    }

    /// Whether anything is sealed at all.
    pub fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// The key by which something is sealed; `None`: it has been erased.
    fn opener(&self, of: &JourneyKey) -> Result<Option<&DataKey>, StoreError> {
        match self.keys.get(of) {
            Some(Key::Here(key)) => Ok(Some(key)),
            Some(Key::Erased) => Ok(None),
            None if self.is_configured => Err(StoreError::Corrupt(MISSING.to_owned())),
            None => Err(StoreError::Unavailable(
                "it is encrypted, and this process has no keys (store.encryption); others may".to_owned(),
            )),
        }
    }

    /// The content of a notification as it is stored: sealed if its order has a key.
    pub fn seal_content(
        &self,
        packer: &mut Packer,
        of: &JourneyKey,
        notification: &NotificationId,
        content: &Content,
    ) -> Result<Vec<u8>, StoreError> {
        let packed = packer.pack(Kind::Content, content)?;
        let Some(key) = self.here(of) else { return Ok(packed) };
        Ok([SEALED, &key.seal(once()?, Place(&content_of(of, notification)), &packed)].concat())
    }

    /// The content of a notification; `None`: its key has been erased.
    pub fn open_content(
        &self,
        unpacker: &mut Unpacker,
        of: &JourneyKey,
        notification: &NotificationId,
        stored: &[u8],
    ) -> Result<Option<Content>, StoreError> {
        let Some(sealed) = stored.strip_prefix(SEALED) else {
            return unpacker.unpack(Kind::Content, stored).map(Some);
        };
        let Some(key) = self.opener(of)? else { return Ok(None) };
        let packed = key.open(Place(&content_of(of, notification)), sealed);
        let packed = packed.map_err(|error| StoreError::Corrupt(format!("a content: {error}")))?;
        unpacker.unpack(Kind::Content, &packed).map(Some)
    }

    /// A journey as it is stored: who its customer is is sealed if it has a key.
    pub fn seal_journey(&self, packer: &mut Packer, journey: &Journey) -> Result<Vec<u8>, StoreError> {
        let of = &journey.key;
        let Some(key) = self.here(of) else { return packer.pack(Kind::Journey, journey) };
        let mut known = journey.clone();
        let person = columns::json("a person", &known.take_person())?;
        let sealed = key.seal(once()?, Place(&person_of(of)), person.as_bytes());
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_le_bytes();
        Ok([SEALED, &length, &sealed, &packer.pack(Kind::Journey, &known)?].concat())
    }

    /// Journeys as they were found, with their versions.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] with all that cannot be read, so that they stop no others.
    pub fn versioned(
        &self,
        of: &[JourneyKey],
        stored: Vec<Option<(i64, Vec<u8>)>>,
    ) -> Result<Vec<Option<Versioned>>, StoreError> {
        let mut unpacker = Unpacker::default();
        let mut opened = |of: &JourneyKey, (version, body): (i64, Vec<u8>)| {
            let journey = self.open_journey(&mut unpacker, of, &body)?;
            Ok(Versioned { journey, version: columns::natural(version)? })
        };
        let (mut found, mut unreadable, mut first) = (Vec::with_capacity(of.len()), Vec::new(), None);
        for (of, row) in of.iter().zip(stored) {
            match row.map(|row| opened(of, row)).transpose() {
                Ok(journey) => found.push(journey),
                Err(StoreError::Corrupt(why)) => {
                    unreadable.push(of.clone());
                    first.get_or_insert(why);
                }
                Err(error) => return Err(error),
            }
        }
        match first {
            None => Ok(found),
            Some(why) => Err(StoreError::Unreadable { of: unreadable, why }),
        }
    }

    /// The journey of that order. One whose key has been erased is one whose customer has been.
    pub fn open_journey(
        &self,
        unpacker: &mut Unpacker,
        of: &JourneyKey,
        stored: &[u8],
    ) -> Result<Arc<Journey>, StoreError> {
        let (sealed, rest) = parts(stored)?;
        let mut journey: Journey = unpacker.unpack(Kind::Journey, rest)?;
        let Some(sealed) = sealed else { return Ok(Arc::new(journey)) };
        match self.opener(of)? {
            None => journey.erased = true,
            Some(key) => {
                let person = key.open(Place(&person_of(of)), sealed);
                let person = person.map_err(|error| StoreError::Corrupt(format!("a journey: {error}")))?;
                let person: Person = serde_json::from_slice(&person).map_err(|error| unreadable("a person", &error))?;
                journey.give_person(person);
            }
        }
        Ok(Arc::new(journey))
    }
}

/// The place of a content.
fn content_of<'a>(of: &'a JourneyKey, notification: &'a NotificationId) -> [&'a str; 4] {
    ["content", &of.shop, &of.order_id, &notification.0]
}

/// The place of who the customer of an order is.
fn person_of(of: &JourneyKey) -> [&str; 3] {
    ["person", &of.shop, &of.order_id]
}

/// What of a stored journey is sealed, and the rest.
fn parts(stored: &[u8]) -> Result<(Option<&[u8]>, &[u8]), StoreError> {
    let Some(parts) = stored.strip_prefix(SEALED) else { return Ok((None, stored)) };
    let parts = parts
        .split_first_chunk::<4>()
        .and_then(|(length, parts)| parts.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?));
    let (sealed, rest) = parts.ok_or_else(|| StoreError::Corrupt("a journey: cut short".to_owned()))?;
    Ok((Some(sealed), rest))
}

/// A stored journey as it can be read without a key.
pub(in crate::store) fn without_person(stored: &[u8]) -> Result<Journey, StoreError> {
    Unpacker::default().unpack(Kind::Journey, parts(stored)?.1)
}

/// Drawn for one sealing.
pub(super) fn once() -> Result<Once, StoreError> {
    drawn()
}

/// Random bytes of the system.
pub(super) fn drawn<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    let none = |_| StoreError::Unavailable("the system gives no random numbers".to_owned());
    SystemRandom::new().fill(&mut bytes).map_err(none)?;
    Ok(bytes)
}
