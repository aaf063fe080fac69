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
                ErrorCode::CannotOpen => {
                    Self::Unavailable(format!("{error}: its folder must be there, and this user must be able to write"))
                }
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
