//! Records in: the bus, what reads it, and what decides on what was read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::anyhow;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Stopping, offsets};
use crate::bus::{self, Bus, BusHandle};
use crate::clock::Clock;
use crate::config::{Loaded, Role};
use crate::dispatch::{Dispatcher, Shared};
use crate::envelope::Limits;
use crate::ingest::{Ingest, Reader, Schemas, Sequel, told};
use crate::telemetry::Metrics;

/// Read batches that may wait between decoding and deciding, besides one that is looked at.
const READ_AHEAD: usize = 1;

/// Starts to take in; returns the bus. In a process that has another role there is none, and only what dispatch
/// wants to be known (`to_know`) is decided on.
pub(super) fn take_in(
    loaded: &Loaded,
    shared: &Shared,
    dispatcher: &Dispatcher,
    to_know: mpsc::Receiver<Sequel>,
    stopping: &Stopping,
    tasks: &mut JoinSet<&'static str>,
) -> anyhow::Result<Option<BusHandle>> {
    let takes_in = loaded.settings.service.has(Role::Ingest);
    let reader = reader(loaded, shared);
    let (read, intake) = mpsc::channel(READ_AHEAD);
    let bus = if takes_in { Some(connected(loaded, shared)?) } else { None };
    let (feed, bus, hints) = match bus {
        Some(Bus { feed, handle, hints }) => (Some(feed), Some(handle), Some(hints)),
        None => (None, None, None),
    };
    let (reading, leaving) = (reader.clone(), stopping.leaving.clone());
    tasks.spawn(async move {
        match feed {
            Some(feed) => reading.run(feed, read, leaving).await,
            // nothing comes in; what is taken back is worked off until the end
            None => told_with(read, leaving).await,
        }
        "intake"
    });
    let rereading = bus.clone();
    let ingest = Ingest {
        store: Arc::clone(&shared.store),
        shops: shared.shops.clone(),
        reader,
        dispatcher: dispatcher.clone(),
        outlet: shared.outlet.clone(),
        clock: shared.clock.clone(),
        metrics: shared.metrics.clone(),
        progress: shared.progress.clone(),
        reread: Arc::new(move |partition| rereading.iter().for_each(|bus| bus.reread(partition))),
        hint: Arc::new(move |done| {
            hints.iter().for_each(|hints| done.iter().for_each(|(partition, next)| hints.put(partition, *next)));
        }),
        looks: takes_in,
        owner: shared.owner.clone(),
        lease: shared.manner.lease,
    };
    let stop = stopping.intake.clone();
    tasks.spawn(async move {
        ingest.run(intake, to_know, stop).await;
        "ingest"
    });
    Ok(bus)
}

fn reader(loaded: &Loaded, shared: &Shared) -> Reader {
    let (clock, metrics) = (&shared.clock, &shared.metrics);
    let most = loaded.settings.registry.schemas;
    let schemas = loaded.registry.as_ref();
    Reader {
        shops: shared.shops.clone(),
        limits: Limits { max_bytes: loaded.settings.events.max_bytes, ..Limits::default() },
        formats: Arc::clone(&loaded.formats),
        clock: clock.clone(),
        schemas: schemas.map(|registry| Schemas::new(Arc::clone(registry), most, clock.clone(), metrics.clone())),
        metrics: metrics.clone(),
        tracer: shared.tracer.clone(),
        progress: shared.progress.clone(),
    }
}

fn connected(loaded: &Loaded, shared: &Shared) -> anyhow::Result<Bus> {
    bus::start(&loaded.settings.bus, offsets::offsets_of(&shared.store, &shared.metrics))
        .map_err(|error| anyhow!("the Kafka consumer cannot start: {error}"))
}

/// Keeps `open` until `stop` is told.
async fn told_with<T>(open: T, mut stop: watch::Receiver<bool>) {
    told(&mut stop).await;
    drop(open);
}

/// What the bus has counted, and how far it is behind.
pub(super) fn show(metrics: &Metrics, bus: &BusHandle) {
    let counters = bus.counters();
    for (what, total) in [
        ("error", &counters.errors),
        ("commit_failure", &counters.commit_failures),
        ("offsets_unknown", &counters.offset_failures),
        ("offset_reset", &counters.resets),
        ("handover_cut", &counters.drains_cut),
        ("partitions_lost", &counters.lost),
        ("pause", &counters.pauses),
    ] {
        let shown = metrics.incidents.with_label_values(&[what]);
        // one scrape at a time counts; two at once may count a little twice, never less
        shown.inc_by(total.load(Ordering::Relaxed).saturating_sub(shown.get()));
    }
    // a partition that is another's by now must not go on showing what it was
    metrics.lag_records.reset();
    metrics.partitions.set(i64::try_from(bus.lag().len()).unwrap_or(i64::MAX));
    metrics.intake_paused.set(bus.is_paused().into());
    let now = Clock::system().now();
    let age = bus.lag().iter().filter_map(|lag| lag.age(now)).max().unwrap_or_default();
    metrics.lag_seconds.set(age.as_secs_f64());
    for lag in bus.lag() {
        if let Some(records) = lag.records() {
            let partition = lag.partition.number.to_string();
            let records = i64::try_from(records).unwrap_or(i64::MAX);
            metrics.lag_records.with_label_values(&[&lag.partition.topic, partition.as_str()]).set(records);
        }
    }
}
