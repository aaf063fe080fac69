//! Opening: pragmas, and the schema brought up to date.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Settings, Sqlite, columns};
use crate::ports::StoreError;
use crate::store::version;

/// Each takes the schema from its index to the next version, and only expands it (see [`version`]).
/// Append only: a store in the field has run those that are here.
pub(super) const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/sqlite/0001_ground.sql"), include_str!("../migrations/sqlite/0002_keys.sql")];

/// Enough for every statement there is, so that none is compiled twice.
const STATEMENTS: usize = 96;

/// Opens the one connection that writes, and migrates the schema.
pub(super) fn writer(path: &Path, settings: &Settings, migrations: &[&str]) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    common(&connection, settings, settings.writer_cache_mib)?;
    // before anything is changed in a file that may not be ours
    check(&connection, migrations.len())?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit that was answered outlives a power cut (I5).
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", i64::from(settings.checkpoint_mib) * 2 * 1024 * 1024)?;
    migrate(&mut connection, migrations)?;
    if let Some(pages) = settings.max_pages {
        limit(&connection, pages)?;
    }
    Ok(connection)
}

/// Opens a connection that writes the log back into the file, and nothing else.
pub(super) fn checkpointer(path: &Path, settings: &Settings) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    common(&connection, settings, 1)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path, settings: &Settings) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    common(&connection, settings, settings.reader_cache_mib)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn common(connection: &Connection, settings: &Settings, cache_mib: u32) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_millis(settings.busy_timeout_ms))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // a negative size is in KiB, a positive one in pages
    connection.pragma_update(None, "cache_size", -i64::from(cache_mib) * 1024)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A read error of a mapped file is a signal that kills the process; as a call it is an error.
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(())
}

impl Sqlite {
    /// Changes [`Settings::max_pages`] while running.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        self.write(move |connection| limit(connection, pages)).await
    }
}

/// The database shall not grow beyond so many pages; never less than it has.
fn limit(connection: &Connection, pages: u32) -> Result<(), StoreError> {
    connection.pragma_update(None, "max_page_count", pages)?;
    Ok(())
}

/// The migrations that are to be run; refuses what a far newer version or another program wrote.
fn check(connection: &Connection, known: usize) -> Result<Range<usize>, StoreError> {
    // one statement, so that a migration by another process is seen whole or not at all
    let (version, tables): (i64, i64) = connection.query_row(
        "SELECT (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if version == 0 && tables > 0 {
        return Err(StoreError::Corrupt("the file is a database of another program".to_owned()));
    }
    version::pending(version, known)
}

/// All steps in one transaction: a crash leaves the old schema or the new one. A second process
/// that opens the store meanwhile waits for it and finds nothing left to do.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pending = check(&transaction, migrations.len())?;
    for migration in &migrations[pending.clone()] {
        transaction.execute_batch(migration)?;
    }
    if !pending.is_empty() {
        transaction.pragma_update(None, "user_version", columns::integer(migrations.len()))?;
    }
    transaction.commit()?;
    Ok(())
}
