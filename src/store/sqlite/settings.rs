//! What an operator sets about the file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Encryption;
use crate::store::vault;

/// How the store is opened. The defaults do for a shop of any size that one process serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The database file; `-wal` and `-shm` come to lie beside it. Not on a network file system.
    pub path: PathBuf,
    /// The consumer group whose offsets are kept.
    pub group: String,
    /// Connections that read.
    pub readers: usize,
    /// Page cache of the connection that writes.
    pub writer_cache_mib: u32,
    /// Page cache of each connection that reads.
    pub reader_cache_mib: u32,
    /// The write-ahead log is written back once it is this long.
    pub checkpoint_mib: u32,
    /// How long to wait for another process that writes.
    pub busy_timeout_ms: u64,
    /// No call takes longer; afterwards the store counts as not available.
    pub deadline_ms: u64,
    /// Calls that may wait for a connection.
    pub waiting_calls: usize,
    /// The file does not grow beyond so many pages of 4 KiB; beyond them it behaves like a full
    /// disk. Without it, the disk is the limit.
    pub max_pages: Option<u32>,
    /// Content is encrypted, if this is there.
    pub encryption: Option<Encryption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: PathBuf::from("reassure.db"),
            group: "reassure".to_owned(),
            readers: 2,
            writer_cache_mib: 40,
            reader_cache_mib: 8,
            checkpoint_mib: 32,
            busy_timeout_ms: 5_000,
            deadline_ms: 30_000,
            waiting_calls: 64,
            max_pages: None,
            encryption: None,
        }
    }
}

impl Settings {
    /// What cannot be as it is: the setting, and what would be right. No secret is repeated.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let Some(encryption) = &self.encryption else { return Vec::new() };
        let of_place = (encryption.path.as_ref() == Some(&self.path))
            .then(|| "path is the store's own: a copy of the store would hold its keys".to_owned());
        let all = of_place.into_iter().chain(vault::masters(&encryption.keys).err());
        all.map(|what| ("encryption", format!(": {what}"))).collect()
    }
}
