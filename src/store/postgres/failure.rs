//! What PostgreSQL and its connections complain of, in the words of the port.
//!
//! The server's own texts may quote rows, and so the buyers' data: what is told is the code, the
//! name of a constraint and words of our own (I9). The codes are those of "PostgreSQL Error
//! Codes", appendix A of its manual.

use tokio_postgres::error::SqlState;

use crate::ports::StoreError;

/// Why a call failed, before the port is told.
#[derive(Debug)]
pub(super) enum Failure {
    Database(tokio_postgres::Error),
    /// No answer within the call's deadline; it may still be carried out.
    Late,
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Database(error) => error.code(),
            _ => None,
        }
    }

    /// There is no partition for this week: no other check could have failed.
    pub fn is_missing_partition(&self) -> bool {
        self.code() == Some(&SqlState::CHECK_VIOLATION)
    }

    /// The server has become a standby: every connection to it is of no use.
    pub fn is_read_only(&self) -> bool {
        self.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
    }

    /// The connection is sound and only the transaction came to nothing.
    pub fn leaves_connection_sound(&self) -> bool {
        match self {
            // a code without an open connection is the server's farewell
            Self::Database(error) => error.code().is_some() && !error.is_closed() && !self.is_read_only(),
            Self::Late => false,
            Self::Store(_) => true,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Late => Self::Unavailable("no answer within the deadline (store.deadline_ms)".to_owned()),
            Failure::Database(error) => told(&error),
        }
    }
}

fn told(error: &tokio_postgres::Error) -> StoreError {
    let Some(failed) = error.as_db_error() else { return StoreError::Unavailable(lost(error)) };
    let code = failed.code();
    let words = match code {
        // whoever comes second decides anew
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => return StoreError::Conflict,
        &SqlState::UNIQUE_VIOLATION => {
            tracing::warn!(constraint = failed.constraint(), "a row was written by another meanwhile");
            return StoreError::Conflict;
        }
        &SqlState::LOCK_NOT_AVAILABLE => "a lock was not to be had in time (store.lock_ms)",
        &SqlState::QUERY_CANCELED => "a statement took too long (store.statement_ms)",
        &SqlState::DISK_FULL => "the database's disk is full; give it room",
        &SqlState::READ_ONLY_SQL_TRANSACTION => "the server is read-only, as a former primary is after a failover",
        &SqlState::TOO_MANY_CONNECTIONS => {
            "the server has no connection left; lower store.connections or raise its max_connections"
        }
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "the server refuses the user or the password"
        }
        &SqlState::INVALID_CATALOG_NAME => "there is no such database; create it",
        &SqlState::INSUFFICIENT_PRIVILEGE => "the user may not do this; it must own the schema",
        &SqlState::CHECK_VIOLATION => "there is no partition for this week, and it could not be made",
        &SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN => "the server is stopping",
        &SqlState::CANNOT_CONNECT_NOW => "the server is starting",
        _ => match &code.code()[..2] {
            "53" => "the server lacks resources",
            "08" => "the connection was lost",
            // a table, a column or a type that is not what this build expects
            "22" | "23" | "42" | "XX" => {
                let on = failed.constraint().map(|name| format!(", constraint {name}")).unwrap_or_default();
                return StoreError::Corrupt(format!("a statement does not fit the database ({}{on})", code.code()));
            }
            _ => "the server refuses",
        },
    };
    StoreError::Unavailable(format!("{words} ({})", code.code()))
}

/// A connection that could not be made or was lost. Of the causes only those of the system are
/// told: they hold no data.
fn lost(error: &tokio_postgres::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<std::io::Error>() {
            return format!("no connection to the database: {}", io.kind());
        }
        cause = found.source();
    }
    if error.is_closed() { "the connection was lost" } else { "no connection to the database" }.to_owned()
}

/// What the pool complains of.
pub(super) fn no_connection(error: deadpool_postgres::PoolError) -> StoreError {
    use deadpool_postgres::{PoolError, TimeoutType};
    let words = match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(deadpool_postgres::HookError::Backend(error)) => {
            return told(&error);
        }
        PoolError::Timeout(TimeoutType::Wait) => "every connection is busy (store.connections, store.deadline_ms)",
        PoolError::Timeout(_) => "no connection to the database within the deadline (store.connect_ms)",
        _ => "no connection to the database",
    };
    StoreError::Unavailable(words.to_owned())
}
