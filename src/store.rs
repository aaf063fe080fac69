//! Where journeys, timers, notifications and offsets live: the adapters of
//! [`crate::ports::Store`].

mod columns;
mod guard;
mod leased;
mod meter;
pub mod postgres;
mod prepare;
mod spending;
pub mod sqlite;
mod vault;
mod version;

use std::sync::Arc;

use crate::ports::{Store, StoreError};
pub use vault::MasterKey;

/// Which store, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    Sqlite(sqlite::Settings),
    Postgres(Box<postgres::Settings>),
}

impl Settings {
    /// The words by which the configuration chooses.
    pub const KINDS: [&'static str; 2] = ["sqlite", "postgres"];

    /// # Errors
    /// Those of [`sqlite::Sqlite::open`] and [`postgres::Postgres::open`].
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(settings) => Arc::new(sqlite::Sqlite::open(&settings.path, settings.clone())?),
            Self::Postgres(settings) => Arc::new(postgres::Postgres::open((**settings).clone()).await?),
        })
    }

    /// Where it is, for logs: without a user or a password.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(settings) => settings.path.display().to_string(),
            Self::Postgres(settings) => settings.place(),
        }
    }
}
