//! What was received: in memory, bounded, and on request as files.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use tokio::sync::watch;

use super::contract::Verdict;
use super::request::{Incoming, Vendor};
use crate::domain::time::Timestamp;

/// How many keys are remembered; the oldest go first, as with the real vendors.
const MOST_KEYS: usize = 200_000;

/// One request, exactly as it came.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case; several of one name are joined by commas.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The real time, RFC 3339.
    pub received_at: String,
    /// The time of the clock that the sandbox was given.
    pub virtual_time: Timestamp,
    pub vendor: Vendor,
    /// The notification's id.
    pub key: String,
    /// The status of the answer (decided, if not sent).
    pub status: u16,
    /// The answer was given; the vendor did not hang up or fall silent in its place.
    pub answered: bool,
    /// The vendor took the message: it would reach the customer.
    pub taken: bool,
    /// The vendor knew the key and did not take the message again.
    pub duplicate: bool,
}

/// What the vendors remember.
#[derive(Default)]
pub(super) struct Memory {
    taken: Remembered<Taken>,
    counts: Remembered<u32>,
    messages: u64,
}

/// Something per vendor and key, the oldest forgotten first.
struct Remembered<T> {
    of: HashMap<(Vendor, String), T>,
    oldest: VecDeque<(Vendor, String)>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), oldest: VecDeque::new() }
    }
}

impl<T> Remembered<T> {
    fn insert(&mut self, key: (Vendor, String), value: T) {
        if self.of.insert(key.clone(), value).is_none() {
            self.oldest.push_back(key);
        }
        if self.oldest.len() > MOST_KEYS {
            self.oldest.pop_front().and_then(|oldest| self.of.remove(&oldest));
        }
    }
}

/// A message that was taken under a key.
#[derive(Clone)]
pub(super) struct Taken {
    pub id: String,
    pub digest: [u8; 32],
}

impl Memory {
    pub fn taken(&self, vendor: Vendor, key: &str) -> Option<Taken> {
        self.taken.of.get(&(vendor, key.to_owned())).cloned()
    }

    pub fn take(&mut self, vendor: Vendor, key: &str, taken: Taken) {
        self.taken.insert((vendor, key.to_owned()), taken);
    }

    /// A number that no other message has.
    pub fn next_message(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }

    fn count(&mut self, vendor: Vendor, key: &str) -> u32 {
        let key = (vendor, key.to_owned());
        let count = self.counts.of.get(&key).map_or(1, |count| count.saturating_add(1));
        self.counts.insert(key, count);
        count
    }
}

pub(super) struct Ledger {
    keep: usize,
    directory: Option<PathBuf>,
    records: Mutex<Records>,
    memory: Mutex<Memory>,
    count: watch::Sender<u64>,
}

#[derive(Default)]
struct Records {
    kept: VecDeque<Received>,
    count: u64,
}

impl Ledger {
    pub fn new(keep: usize, directory: Option<PathBuf>) -> Self {
        Self { keep, directory, records: Mutex::default(), memory: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// Counts a request of a key.
    pub fn next_of(&self, vendor: Vendor, key: &str) -> u32 {
        lock(&self.memory).count(vendor, key)
    }

    pub fn with_memory<T>(&self, use_it: impl FnOnce(&mut Memory) -> T) -> T {
        use_it(&mut lock(&self.memory))
    }

    /// Writes a request down, in memory and, before this returns, as a file.
    pub async fn write(&self, incoming: &Incoming, verdict: &Verdict, answered: bool, virtual_time: Timestamp) {
        let received = Received {
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            headers: headers(incoming),
            body: String::from_utf8_lossy(&incoming.body).into_owned(),
            received_at: Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
            virtual_time,
            vendor: incoming.vendor,
            key: incoming.key.clone(),
            status: verdict.status.as_u16(),
            answered,
            taken: verdict.taken,
            duplicate: verdict.duplicate,
        };
        let file = self.directory.is_some().then(|| serde_json::to_vec_pretty(&received).unwrap_or_default());
        let number = {
            let mut records = lock(&self.records);
            records.count += 1;
            if self.keep > 0 {
                if records.kept.len() >= self.keep {
                    records.kept.pop_front();
                }
                records.kept.push_back(received);
            }
            records.count
        };
        if let (Some(directory), Some(bytes)) = (self.directory.clone(), file) {
            let written = tokio::task::spawn_blocking(move || write_file(&directory, number, &bytes)).await;
            if let Ok(Err(error)) = written {
                tracing::error!(%error, "the sandbox could not write a record");
            }
        }
        self.count.send_if_modified(|count| {
            let is_more = number > *count;
            *count = (*count).max(number);
            is_more
        });
    }

    pub fn received(&self) -> Vec<Received> {
        lock(&self.records).kept.iter().cloned().collect()
    }

    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.records).kept).into()
    }

    pub fn count(&self) -> u64 {
        lock(&self.records).count
    }

    pub async fn at_least(&self, wanted: u64) {
        // the sender lives as long as we do
        let _ = self.count.subscribe().wait_for(|count| *count >= wanted).await;
    }
}

/// Nothing is left half done under these locks: a panic elsewhere need not become one here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn headers(incoming: &Incoming) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &incoming.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    headers
}

/// Whole or not at all: whoever watches the directory never sees half a record.
fn write_file(directory: &Path, number: u64, bytes: &[u8]) -> std::io::Result<()> {
    let name = format!("{number:06}.json");
    let temporary = directory.join(format!(".{name}.part"));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    drop(file);
    std::fs::rename(&temporary, directory.join(name))
}
