//! The store under the service: a file, or a schema of a database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reassure::domain::time::Timestamp;
use reassure::ports::{Partition, Store};
use tokio::task::JoinHandle;

use super::author::{self, Author};
use super::events::{Event, SCANS_OF_ONE, stage_of_old, whole};
use super::preload;

/// Events written together while a database is filled.
const TOGETHER: usize = 500;

pub enum Stock {
    File(PathBuf),
    Schema { url: String, name: String },
}

impl Stock {
    /// As the configuration names it.
    /// A password goes into a file of `folder`.
    pub fn settings(&self, folder: &Path) -> String {
        match self {
            Self::File(path) => format!("[store]\npath = \"{}\"", path.display()),
            Self::Schema { url, name } => {
                let mut place: url::Url = url.parse().expect("a URL");
                let secret = place.password().map(|password| {
                    let file = folder.join("password");
                    std::fs::write(&file, password).expect("a file for the password");
                    format!("password = {{ file = \"{}\" }}", file.display())
                });
                place.set_password(None).expect("a URL with a host");
                let secret = secret.unwrap_or_default();
                format!("[store]\nkind = \"postgres\"\nurl = \"{place}\"\nschema = \"{name}\"\n{secret}\n")
            }
        }
    }

    /// Puts so many journeys into it, at every stage.
    pub async fn fill(&self, config: &Path, begin: Timestamp, journeys: u32) {
        if let Self::File(path) = self {
            return preload::fill(path, config, begin, journeys).await;
        }
        let mut author = Author::new(author::load(config), begin);
        let store = author.loaded.settings.store.open().await.expect("the database");
        for stage in 0..SCANS_OF_ONE {
            let orders = (0..whole(journeys)).filter(|order| stage_of_old(*order) >= stage);
            let events: Vec<Event> = orders.map(|order| Event { order, stage, place: 0 }).collect();
            for events in events.chunks(TOGETHER) {
                let batch = author.batch(events);
                author::commit(&*store, batch, begin).await;
            }
        }
    }

    /// Removes it.
    pub async fn drop(self) {
        match self {
            Self::File(path) => std::fs::remove_file(&path).expect("the store"),
            Self::Schema { url, name } => {
                let (client, connection) =
                    tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("the database");
                tokio::spawn(connection);
                client.batch_execute(&format!("DROP SCHEMA {name} CASCADE")).await.expect("a schema of ours");
            }
        }
    }
}

/// How far the service has come, read from the offsets in its store.
pub struct Progress {
    done: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Progress {
    pub async fn of(config: &Path) -> Self {
        let store: Arc<dyn Store> =
            author::load(config).settings.store.open().await.expect("the store, beside the service");
        let done = Arc::new(AtomicU64::new(0));
        let sum = Arc::clone(&done);
        let task = tokio::spawn(async move {
            loop {
                let offsets = store.offsets().await.unwrap_or_default();
                sum.fetch_max(read(&offsets), Ordering::AcqRel);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { done, task }
    }

    pub fn records(&self) -> usize {
        usize::try_from(self.done.load(Ordering::Acquire)).expect("a count of records")
    }
}

/// Records of all partitions; a topic's identity stands beside them, as a partition below zero.
fn read(offsets: &BTreeMap<Partition, i64>) -> u64 {
    offsets.iter().filter(|(partition, _)| partition.number >= 0).map(|(_, next)| next.unsigned_abs()).sum()
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
    }
}
