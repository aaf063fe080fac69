//! From what platforms and carriers send to events.

mod command;
mod faults;
mod golden;
mod hostile;
mod language;
mod repetition;
mod vocabulary;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use chrono_tz::Tz;
use reassure::adapter::{Adapter, Carriers, Library, library};
use reassure::domain::event::Event;
use reassure::domain::time::Timestamp;
use reassure::domain::written::Written;
use reassure::envelope::{Adapt, Format, Limits, Reading, Refusal, decode};
use reassure::ports::{Partition, Record};
use serde_json::Value;

/// What is shipped, read once.
static SHIPPED: LazyLock<Library> = LazyLock::new(|| Library::load(&library::Settings::default()).unwrap());

fn shipped(name: &str) -> Arc<dyn Adapt> {
    Arc::clone(SHIPPED.get(name).unwrap()) as _
}

/// A payload with its headers, as `<adapter>/<name>` in the folder of fixtures.
struct Fixture {
    adapter: String,
    name: String,
    headers: Vec<(String, String)>,
    payload: Value,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/adapter/fixtures");
        let mut files: Vec<_> = std::fs::read_dir(root)
            .unwrap()
            .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    fn of(adapter: &str, name: &str) -> Self {
        Self::all().into_iter().find(|fixture| fixture.adapter == adapter && fixture.name == name).unwrap()
    }

    fn read(file: &Path) -> Self {
        let text: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let part = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let headers = text["headers"].as_object().unwrap().iter();
        Self {
            adapter: part(file.parent().unwrap()),
            name: part(file),
            headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
            payload: text["payload"].clone(),
        }
    }

    fn record(&self) -> Record {
        record(&self.payload, &self.headers)
    }
}

fn record(payload: &Value, headers: &[(String, String)]) -> Record {
    Record {
        partition: Partition { topic: Arc::from("foreign"), number: 0 },
        offset: 0,
        key: None,
        value: Some(Bytes::from(payload.to_string())),
        headers: headers.iter().map(|(name, value)| (name.clone(), Bytes::from(value.clone()))).collect(),
        timestamp: Some(1_778_000_000_000),
    }
}

/// The way that the service takes, from the record to the events.
fn decoded(adapter: &Arc<dyn Adapt>, record: &Record) -> Result<Vec<Event>, Refusal> {
    let reading = Reading {
        format: &Format::Adapter(Arc::clone(adapter)),
        schema: None,
        zone_of: &|shop| (shop == "maison-aubert").then_some(Tz::Europe__Paris),
        limits: &Limits::default(),
        now: Timestamp::parse("2026-12-31T00:00:00Z").unwrap(),
    };
    Ok(decode(record, &reading)?.into_iter().map(|decoded| decoded.event).collect())
}

/// An adapter of the test's own.
fn adapter(text: &str) -> Result<Arc<dyn Adapt>, Vec<String>> {
    Adapter::parse(Written { file: "own.yaml", text }, &Carriers::default(), None)
        .map(|adapter| Arc::new(adapter) as _)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}
