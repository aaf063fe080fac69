//! Sealing what is kept, so that it can be forgotten by forgetting a key: the cryptography alone.
//! No clock, no chance, no file: keys and nonces are given.
//!
//! Envelope encryption. A [`DataKey`] seals what belongs to one order; it is kept only wrapped, that
//! is sealed itself, by one of the [`Masters`], which never are where data is. The cipher is
//! AES-256-GCM (NIST SP 800-38D) as ring has it. A nonce is drawn at random for each sealing: a data
//! key seals thousands of times at most, a master key once for each order, and the standard allows
//! 2³² under one key.
//!
//! What is sealed is bound to its place (see [`Place`]): put into another row it does not open.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// The length of every key, in bytes.
pub const KEY_BYTES: usize = 32;

/// What must never be used twice with one key.
pub type Once = [u8; NONCE_LEN];

/// It was not sealed by this key, or not for this place, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed by another key or for another place, or damaged")]
pub struct Unopened;

/// Where something sealed belongs: a kind and the names that lead to it. Whoever can write to the
/// store cannot make one row pass for another.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a>(pub &'a [&'a str]);

impl Place<'_> {
    /// The parts with their lengths, so that no two places run together.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.0 {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// A key ready for use; `Debug` shows nothing of it.
pub struct DataKey(LessSafeKey);

impl DataKey {
    pub fn new(secret: [u8; KEY_BYTES]) -> Self {
        Self(cipher(secret))
    }

    /// The nonce, what `plain` becomes, and the tag.
    pub fn seal(&self, once: Once, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
        seal(&self.0, once, place, plain)
    }

    /// # Errors
    /// [`Unopened`]
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        open(&self.0, place, sealed)
    }
}

/// A data key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The name of the master key that opens it.
    pub master: String,
    pub sealed: Vec<u8>,
}

/// The master keys, by name: the first wraps, all unwrap, so that one can take the other's place.
pub struct Masters(Vec<(String, LessSafeKey)>);

impl Masters {
    /// `None` without any.
    pub fn new(keys: Vec<(String, [u8; KEY_BYTES])>) -> Option<Self> {
        let keys: Vec<_> = keys.into_iter().map(|(name, secret)| (name, cipher(secret))).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Whether there are others than the one that wraps.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The name of the one that wraps.
    pub fn first(&self) -> &str {
        &self.0[0].0
    }

    pub fn has(&self, name: &str) -> bool {
        self.of(name).is_some()
    }

    fn of(&self, name: &str) -> Option<&LessSafeKey> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, key)| key)
    }

    pub fn wrap(&self, once: Once, place: Place<'_>, secret: &[u8; KEY_BYTES]) -> Wrapped {
        let (master, key) = &self.0[0];
        Wrapped { master: master.clone(), sealed: seal(key, once, place, secret) }
    }

    /// # Errors
    /// [`Unopened`], also if there is no master key of that name.
    pub fn unwrap(&self, place: Place<'_>, wrapped: &Wrapped) -> Result<DataKey, Unopened> {
        self.secret(place, wrapped).map(DataKey::new)
    }

    /// The same data key, wrapped by the first.
    ///
    /// # Errors
    /// [`Unopened`], also if there is no master key of that name.
    pub fn rewrap(&self, once: Once, place: Place<'_>, wrapped: &Wrapped) -> Result<Wrapped, Unopened> {
        Ok(self.wrap(once, place, &self.secret(place, wrapped)?))
    }

    fn secret(&self, place: Place<'_>, wrapped: &Wrapped) -> Result<[u8; KEY_BYTES], Unopened> {
        let secret = open(self.of(&wrapped.master).ok_or(Unopened)?, place, &wrapped.sealed)?;
        secret.try_into().map_err(|_| Unopened)
    }

    /// By which it can be told later whether a key of the first one's name is the first one.
    pub fn proof(&self, once: Once) -> Wrapped {
        let (master, key) = &self.0[0];
        Wrapped { master: master.clone(), sealed: seal(key, once, Place(&["proof", master]), &[]) }
    }

    /// # Errors
    /// [`Unopened`]: there is none of that name, or it is another key.
    pub fn prove(&self, proof: &Wrapped) -> Result<(), Unopened> {
        let key = self.of(&proof.master).ok_or(Unopened)?;
        open(key, Place(&["proof", &proof.master]), &proof.sealed).map(|_| ())
    }
}

fn cipher(secret: [u8; KEY_BYTES]) -> LessSafeKey {
    match UnboundKey::new(&AES_256_GCM, &secret) {
        Ok(key) => LessSafeKey::new(key),
        Err(_) => unreachable!("the cipher takes keys of just that length"),
    }
}

fn seal(key: &LessSafeKey, once: Once, place: Place<'_>, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&once);
    sealed.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(once);
    match key.seal_in_place_separate_tag(nonce, Aad::from(place.bytes()), &mut sealed[NONCE_LEN..]) {
        Ok(tag) => sealed.extend_from_slice(tag.as_ref()),
        Err(_) => unreachable!("only 64 GiB are too long for the cipher"),
    }
    sealed
}

fn open(key: &LessSafeKey, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
    let (once, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened)?;
    let mut rest = rest.to_vec();
    let nonce = Nonce::assume_unique_for_key(*once);
    let length = key.open_in_place(nonce, Aad::from(place.bytes()), &mut rest).map_err(|_| Unopened)?.len();
    rest.truncate(length);
    Ok(rest)
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹data key›")
    }
}

impl fmt::Debug for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
