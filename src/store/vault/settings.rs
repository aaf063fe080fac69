//! Which master keys there are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::seal::{KEY_BYTES, Masters};
use crate::secret::SecretSource;

/// A master key: what it is called for as long as anything is wrapped by it, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterKey {
    pub id: String,
    /// 32 bytes in base64, as `openssl rand -base64 32` makes them.
    pub key: SecretSource,
}

/// Reads them.
///
/// # Errors
/// What is wrong with which; never what it holds.
pub(in crate::store) fn masters(keys: &[MasterKey]) -> Result<Masters, String> {
    let mut read: Vec<(String, [u8; KEY_BYTES])> = Vec::with_capacity(keys.len());
    for MasterKey { id, key } in keys {
        if id.trim().is_empty() || read.iter().any(|(other, _)| other == id) {
            return Err(format!("the keys need an id each, and '{id}' is empty or there twice"));
        }
        let text = key.read().map_err(|what| format!("the key '{id}': {what}"))?;
        let bytes = BASE64_STANDARD.decode(text.expose()).ok().and_then(|bytes| bytes.try_into().ok());
        let Some(bytes) = bytes else {
            return Err(format!(
                "the key '{id}' is not {KEY_BYTES} bytes in base64, as `openssl rand -base64 {KEY_BYTES}` makes them"
            ));
        };
        read.push((id.clone(), bytes));
    }
    Masters::new(read).ok_or_else(|| "names no key; without the whole section nothing is encrypted".to_owned())
}
