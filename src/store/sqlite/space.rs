//! The room on the disk. What must be looked at is the file system's own count: a file may not grow
//! although nothing of ours has.

use std::path::Path;
use std::{fs, io};

use crate::ports::Space;

/// The room that the database at `path` has.
pub(super) fn of(path: &Path) -> io::Result<Space> {
    let place = rustix::fs::statvfs(path)?;
    let length = |suffix: &str| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        fs::metadata(beside).map_or(0, |file| file.len())
    };
    Ok(Space {
        used: ["", "-wal", "-shm"].into_iter().map(length).sum(),
        // what a process without privileges may still write
        free: place.f_bavail.saturating_mul(place.f_frsize),
        disk: place.f_blocks.saturating_mul(place.f_frsize),
    })
}
