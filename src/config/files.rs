//! The files that the configuration consists of: how they look from outside, and what is in them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Settings;

/// What differs when a file is written anew or another is put in its place, by a symbolic link
/// that is swapped as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    bytes: u64,
    inode: u64,
    device: u64,
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            bytes: found.len(),
            inode: found.ino(),
            device: found.dev(),
        }
    }
}

/// The files as they were at one look.
#[derive(Clone, Debug)]
pub struct Files {
    /// Files, and folders of files.
    places: Vec<PathBuf>,
    stamps: BTreeMap<PathBuf, Stamp>,
    digest: [u8; 32],
}

impl Files {
    /// Those of the configuration in `file`, and of what it names.
    pub fn of(file: Option<&Path>) -> Self {
        Self::at(Settings::places(file))
    }

    fn at(places: Vec<PathBuf>) -> Self {
        let stamps = stamps(&places);
        let mut digest = Sha256::new();
        // of what no file changes, the program has its own
        digest.update(env!("CARGO_PKG_VERSION"));
        for path in stamps.keys() {
            let content = fs::read(path).unwrap_or_default();
            digest.update(path.as_os_str().as_encoded_bytes());
            digest.update((content.len() as u64).to_be_bytes());
            digest.update(content);
        }
        Self { places, stamps, digest: digest.finalize().into() }
    }

    /// The same places, looked at now. What looks as it did is not read.
    pub fn look(&self) -> Self {
        if self.is_still_so() { self.clone() } else { Self::at(self.places.clone()) }
    }

    /// They look as they did.
    pub fn is_still_so(&self) -> bool {
        stamps(&self.places) == self.stamps
    }

    /// These look as the others do.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.stamps == other.stamps
    }

    /// Tells these contents from any others.
    pub fn hash(&self) -> String {
        self.digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// How every file at `places` and below them looks. What cannot be looked at is not there.
fn stamps(places: &[PathBuf]) -> BTreeMap<PathBuf, Stamp> {
    let mut stamps = BTreeMap::new();
    let mut waiting = places.to_vec();
    while let Some(path) = waiting.pop() {
        let Ok(found) = fs::metadata(&path) else { continue };
        if !found.is_dir() {
            stamps.insert(path, Stamp::of(&found));
            continue;
        }
        let entries = fs::read_dir(&path).into_iter().flatten().flatten();
        // hidden ones are those of a mounted volume, to which the others are links
        let shown = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        waiting.extend(shown.map(|entry| entry.path()));
    }
    stamps
}
