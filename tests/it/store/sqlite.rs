//! The contract on SQLite, and what only a file can suffer.

use std::sync::Arc;

use reassure::ports::Store;
use reassure::store::sqlite::{Settings, Sqlite};
use tempfile::TempDir;

/// A store in a directory that goes with it.
pub struct Opened {
    pub store: Arc<dyn Store>,
    _place: TempDir,
}

pub fn opened() -> Opened {
    let place = TempDir::new().unwrap();
    let store = Arc::new(Sqlite::open(place.path().join("store.db"), Settings::default()).unwrap());
    Opened { store, _place: place }
}

super::contract::suite!(crate::store::sqlite::opened());
