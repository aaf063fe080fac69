//! What SQLite and the decoders complain of, in the words of the port.

use rusqlite::ErrorCode;

use crate::ports::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        match &error {
            E::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::Unknown => Self::Corrupt(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            },
            // a table, a column or a type that is not what this build expects
            E::SqlInputError { .. }
            | E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnIndex(..)
            | E::InvalidColumnName(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..)
            | E::QueryReturnedNoRows => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// `what` holds JSON that cannot be read. The decoder's own text may quote values, which may be
/// personal data (I9): only the place and the kind are told.
pub(super) fn unreadable(what: &str, error: &serde_json::Error) -> StoreError {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "not of the expected form",
        _ => "not JSON",
    };
    StoreError::Corrupt(format!("{what}: {kind} at line {} column {}", error.line(), error.column()))
}

/// `what` holds a word that this build does not know.
pub(super) fn unknown_word(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what}: a word that this version does not know"))
}
