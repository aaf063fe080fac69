//! A range of topics as a recording: read once, outside of any group, nothing committed.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::runtime::Runtime;

use super::super::runtime;
use super::Refused;
use super::progress::Progress;
use crate::adapter::{Adapter, Library};
use crate::bus::topic::{Edge, Extent, Topics};
use crate::clock::Clock;
use crate::config::{Adapters, Settings};
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;
use crate::envelope::{self, Formats, Limits, Reading, WriterSchema};
use crate::ports::{Record, Registry, SchemaId};
use crate::registry::HttpRegistry;
use crate::shops::Shops;
use crate::simulate::Recorded;
use crate::simulate::recording::{Recording, line};

/// Without any sign of life for so long, Kafka counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the events of `topics` (all that the service reads, if none is named) between the edges.
pub fn read(
    settings: &Settings,
    shops: &Shops,
    topics: &[String],
    from: Option<Edge>,
    to: Option<Edge>,
) -> anyhow::Result<(Recording, Refused)> {
    let named = if topics.is_empty() { &settings.bus.topics } else { topics };
    anyhow::ensure!(!named.is_empty(), "there is no file, no --topic, and no bus.topics in the configuration");
    let client = Topics::connect(&settings.bus, PATIENCE).map_err(|error| anyhow!(error))?;
    let mut parts: Vec<(&str, BTreeMap<i32, Extent>)> = Vec::new();
    for topic in named {
        parts.push((topic, client.between(topic, from, to).map_err(|error| anyhow!(error))?));
    }
    let records: i64 = parts.iter().flat_map(|(_, extents)| extents.values()).map(|part| part.end - part.first).sum();
    let progress = Progress::new("read", usize::try_from(records).unwrap_or(0));
    let mut decoder = Decoder::new(settings, shops)?;
    let recording = Recording::spool(|out| {
        for (topic, extents) in parts.iter().filter(|(_, extents)| !extents.is_empty()) {
            let mut failed = Ok(());
            let read = client.read(topic, extents, |record| {
                progress.step(1);
                if failed.is_ok() {
                    failed = decoder.write(&record, out);
                }
            });
            read.map_err(std::io::Error::other).and(failed)?;
        }
        Ok(())
    });
    progress.end();
    Ok((recording.context("the records cannot be read and kept")?, decoder.refused))
}

/// Reads records as ingest does; schemas of a registry are waited for.
struct Decoder<'a> {
    shops: &'a Shops,
    formats: Formats,
    limits: Limits,
    registry: Option<(HttpRegistry, Runtime)>,
    schemas: HashMap<SchemaId, Option<Arc<WriterSchema>>>,
    clock: Clock,
    refused: Refused,
}

impl<'a> Decoder<'a> {
    fn new(settings: &Settings, shops: &'a Shops) -> anyhow::Result<Self> {
        let faults = |faults: Vec<Fault>| anyhow!(faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"));
        let library = Library::load(&settings.adapters).map_err(faults)?;
        let adapters: Adapters = library.iter().map(Adapter::named).collect();
        let registry = HttpRegistry::new(&settings.registry);
        let registry = registry.map_err(|(key, what)| anyhow!("registry.{key} {what}"))?;
        Ok(Self {
            shops,
            formats: settings.formats(&adapters).map_err(faults)?,
            limits: Limits { max_bytes: settings.events.max_bytes, ..Limits::default() },
            registry: registry.map(|registry| Ok::<_, anyhow::Error>((registry, runtime()?))).transpose()?,
            schemas: HashMap::new(),
            clock: Clock::system(),
            refused: Refused::new(),
        })
    }

    /// Writes the events of a record, each as a line.
    fn write(&mut self, record: &Record, out: &mut dyn Write) -> std::io::Result<()> {
        let format = self.formats.of(&record.partition.topic);
        let schema = envelope::schema_id(record, format, &self.limits)
            .and_then(|id| schema(self.registry.as_ref(), &mut self.schemas, id));
        let at = record.timestamp.map_or_else(|| self.clock.now(), Timestamp::from_millis);
        let zone_of = |shop: &str| self.shops.zone(shop);
        let reading = Reading { format, schema: schema.as_deref(), zone_of: &zone_of, limits: &self.limits, now: at };
        match envelope::decode(record, &reading) {
            Ok(events) => events
                .into_iter()
                .try_for_each(|decoded| out.write_all(&line(&Recorded { at, event: Arc::new(decoded.event) }))),
            Err(refusal) => {
                *self.refused.entry(refusal.cause.to_owned()).or_default() += 1;
                Ok(())
            }
        }
    }
}

/// The schema of that id; without one, the record is refused as one that needs it.
fn schema(
    registry: Option<&(HttpRegistry, Runtime)>,
    known: &mut HashMap<SchemaId, Option<Arc<WriterSchema>>>,
    id: SchemaId,
) -> Option<Arc<WriterSchema>> {
    let (registry, runtime) = registry?;
    let found = known.entry(id).or_insert_with(|| {
        let registered = runtime.block_on(registry.schema(id)).ok()?;
        WriterSchema::parse(&registered).ok().map(Arc::new)
    });
    found.clone()
}
