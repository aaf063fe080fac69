//! Writing the log back into the file, beside the transactions: pages all over a large file are
//! slow to write, and nobody needs to wait for them.
//!
//! A thread of its own copies what is in the log while more is appended. Once little is left, the
//! thread that writes copies the rest itself, between two transactions: only so does the log begin
//! anew.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::ports::StoreError;

/// Copies of what is left, in turn; each is as long as what came during the one before.
const PASSES: usize = 4;
/// How long a transaction waits for those who stand in the way of a log that has become too long.
const PATIENCE: Duration = Duration::from_millis(100);

thread_local! {
    /// Pages in the log, as of the last transaction of this thread.
    static LOGGED: Cell<u32> = const { Cell::new(0) };
}

/// The thread that writes the log back.
pub(super) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Little is left to copy: the rest is for the thread that writes.
    is_nearly_done: Arc<AtomicBool>,
    /// Pages at which writing back begins.
    begin: u32,
    /// How long the connection that writes waits for others otherwise.
    busy: Duration,
}

impl Checkpoints {
    /// From now on `writer` writes nothing back by itself; `connection` does.
    pub fn start(writer: &Connection, connection: Connection, begin: u32, busy: Duration) -> Result<Self, StoreError> {
        writer.pragma_update(None, "wal_autocheckpoint", 0)?;
        writer.wal_hook(Some(|_, pages| {
            LOGGED.set(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }));
        let (wake, woken) = mpsc::sync_channel(1);
        let is_nearly_done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_nearly_done);
        let thread = std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(move || {
            while let Ok(()) = woken.recv() {
                for _ in 0..PASSES {
                    if copy(&connection, "PASSIVE").is_none_or(|left| left <= i64::from(begin / 8)) {
                        break;
                    }
                }
                told.store(true, Ordering::Release);
            }
        });
        let thread = thread.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), is_nearly_done, begin: begin.max(1), busy })
    }

    /// To be called on the thread that writes, after each transaction.
    pub fn look(&self, writer: &Connection) {
        let logged = LOGGED.get();
        if logged < self.begin {
            return;
        }
        if logged >= self.begin.saturating_mul(4) {
            // it grows faster than it is copied: who writes waits a little, so that its length stays bounded
            let _ = writer.busy_timeout(PATIENCE);
            copy(writer, "FULL");
            let _ = writer.busy_timeout(self.busy);
        } else if self.is_nearly_done.swap(false, Ordering::AcqRel) {
            copy(writer, "PASSIVE");
        } else if let Some(wake) = &self.wake {
            // it may be awake already
            let _ = wake.try_send(());
        }
    }
}

/// Copies what is in the log and not needed by a reader; how many pages came meanwhile. A fault
/// is not lost: the log keeps what was not copied, and the next transaction meets the same disk.
fn copy(connection: &Connection, mode: &str) -> Option<i64> {
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
        })
        .inspect_err(|error| tracing::warn!(%error, "the log of the store could not be written back"))
        .ok()
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // it ends in no panic that could be told here
            let _ = thread.join();
        }
    }
}
