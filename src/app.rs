//! Puts the parts together, watches over them, drains and stops them.

mod offsets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::bus::publisher::KafkaPublisher;
use crate::bus::{self, Bus, BusHandle};
use crate::clock::Clock;
use crate::config::{Loaded, Outgoing, Role};
use crate::dispatch::{Dispatcher, Manner, Shared};
use crate::envelope::Limits;
use crate::http::{self, api::Api};
use crate::ingest::{Ingest, Progress, Reader, Receipts, Schemas, told};
use crate::ports::{Provider, Publisher, Store, Stream};
use crate::publish::{self, Outlet, Publish};
use crate::reload::Reload;
use crate::retention::Retention;
use crate::shops::InForce;
use crate::telemetry::{Exporting, Metrics};

/// Read batches that may wait between decoding and deciding.
const READ_AHEAD: usize = 2;
/// What dispatch has found that may wait for ingest.
const SEQUELS: usize = 1_024;

/// The service, running.
pub struct Running {
    /// Where probes and metrics are.
    pub address: SocketAddr,
    /// Where the API is, if it is this process's to answer it.
    pub api: Option<SocketAddr>,
    pub progress: Progress,
    pub dispatcher: Dispatcher,
    pub store: Arc<dyn Store>,
    /// Asks for a look at the configuration.
    reload: Arc<Notify>,
    stops: Stops,
    /// Tasks that publish.
    publishers: usize,
    /// `None` in a process that takes nothing in.
    bus: Option<BusHandle>,
    tasks: JoinSet<&'static str>,
    spans: Exporting,
}

/// What is told to the parts when they are to end, in the order in which it is told.
struct Stops {
    /// First, so that nobody is sent here any more.
    leaving: watch::Sender<bool>,
    intake: watch::Sender<bool>,
    /// When nothing more is written that could be published.
    publishing: watch::Sender<Option<tokio::time::Instant>>,
    /// Last, so that probes are answered to the end.
    http: watch::Sender<bool>,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything under way has ended and is written.
    Whole,
    /// Time ran out; what was under way is attempted again by whoever comes next.
    CutShort,
}

/// Starts all parts.
///
/// # Errors
/// What could not be started, and the setting it hangs on.
pub async fn start(loaded: &Loaded, store: Arc<dyn Store>, clock: Clock, metrics: Metrics) -> anyhow::Result<Running> {
    let settings = &loaded.settings;
    let (stop_intake, intake_stopping) = watch::channel(false);
    let (leaving, is_leaving) = watch::channel(false);
    let (stop_http, http_stopping) = watch::channel(false);
    let progress = Progress::default();
    let mut tasks = JoinSet::new();
    let owner = owner();
    let lease = Duration::from_secs(settings.dispatch.lease_seconds);
    let shops = InForce::new(Arc::clone(&loaded.shops));
    let reload = Reload::new(loaded, shops.clone(), clock.clone(), metrics.clone());
    let config = reload.status();
    metrics.expect(&loaded.shops, loaded.providers.iter().map(|(provider, _)| provider.name()));
    let (tracer, spans) = loaded.tracing.start(&owner, &metrics).context("the exporter of spans")?;
    let (sequels, to_know) = mpsc::channel(SEQUELS);
    let shared = Shared {
        store: Arc::clone(&store),
        shops: shops.clone(),
        outlet: outlet(&settings.outgoing, &metrics),
        clock: clock.clone(),
        metrics: metrics.clone(),
        tracer: tracer.clone(),
        progress: progress.clone(),
        sequels,
        owner: owner.clone(),
        manner: Manner { retry: settings.dispatch.retry, lease },
    };
    let has = |role| settings.service.has(role);
    let (stop_publishing, publishing_stops) = watch::channel(None);
    let writes = has(Role::Ingest) || has(Role::Dispatch);
    let publishers = if writes { publish(loaded, &shared, publishing_stops, &mut tasks)? } else { 0 };
    let providers = if has(Role::Dispatch) { &*loaded.providers } else { &[] };
    let dispatcher = Dispatcher::start(providers, &shared, &is_leaving, &mut tasks);

    let reader = Reader {
        shops: shops.clone(),
        limits: Limits { max_bytes: settings.events.max_bytes, ..Limits::default() },
        formats: Arc::clone(&loaded.formats),
        clock: clock.clone(),
        schemas: loaded.registry.as_ref().map(|registry| {
            Schemas::new(Arc::clone(registry), settings.registry.schemas, clock.clone(), metrics.clone())
        }),
        metrics: metrics.clone(),
        tracer,
        progress: progress.clone(),
    };
    let (read, intake) = mpsc::channel(READ_AHEAD);
    let bus = if has(Role::Ingest) { Some(bus_of(loaded, &store, &metrics)?) } else { None };
    let (feed, bus, hints) = match bus {
        Some(Bus { feed, handle, hints }) => (Some(feed), Some(handle), Some(hints)),
        None => (None, None, None),
    };
    let (reading, is_leaving_too) = (reader.clone(), is_leaving.clone());
    tasks.spawn(async move {
        match feed {
            Some(feed) => reading.run(feed, read, is_leaving_too).await,
            // nothing comes in; what is taken back is worked off until the end
            None => told_with(read, is_leaving_too).await,
        }
        "intake"
    });
    let rereading = bus.clone();
    let ingest = Ingest {
        store: Arc::clone(&store),
        shops: shops.clone(),
        reader,
        dispatcher: dispatcher.clone(),
        outlet: shared.outlet.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        progress: progress.clone(),
        reread: Arc::new(move |partition| rereading.iter().for_each(|bus| bus.reread(partition))),
        hint: Arc::new(move |done| {
            hints.iter().for_each(|hints| done.iter().for_each(|(partition, next)| hints.put(partition, *next)));
        }),
        looks: has(Role::Ingest),
        owner,
        lease,
    };
    tasks.spawn(async move {
        ingest.run(intake, to_know, intake_stopping).await;
        "ingest"
    });

    if has(Role::Ingest) {
        let (store, clock, metrics) = (Arc::clone(&store), clock.clone(), metrics.clone());
        let retention = Retention { store, clock, metrics, settings: settings.retention };
        let is_leaving_too = is_leaving.clone();
        tasks.spawn(async move {
            retention.run(is_leaving_too).await;
            "retention"
        });
    }

    let asked = Arc::new(Notify::new());
    let (showing, reaching) = (bus.clone(), bus.clone());
    let facts = http::Facts {
        store: Arc::clone(&store),
        metrics,
        clock,
        progress: progress.clone(),
        refresh: Arc::new(move |metrics| showing.iter().for_each(|bus| show_bus(metrics, bus))),
        unreached: Arc::new(move || reaching.as_ref().and_then(BusHandle::unreached)),
        receipts: Receipts {
            store: Arc::clone(&store),
            shops: shops.clone(),
            outlet: shared.outlet.clone(),
            clock: shared.clock.clone(),
            metrics: shared.metrics.clone(),
        },
        providers: by_name(&loaded.providers),
        shops,
        outlet: shared.outlet.clone(),
        confirmation: settings.confirmation,
        roles: settings.service.roles.clone(),
        config,
        reload: Arc::clone(&asked),
        stopping: is_leaving.clone(),
    };
    let (address, api) = answer(loaded, facts, http_stopping, &mut tasks).await?;
    let (asked_for, is_leaving_too) = (Arc::clone(&asked), is_leaving);
    tasks.spawn(async move {
        reload.run(asked_for, is_leaving_too).await;
        "reload"
    });
    let stops = Stops { intake: stop_intake, leaving, publishing: stop_publishing, http: stop_http };
    Ok(Running { address, api, progress, dispatcher, store, reload: asked, stops, publishers, bus, tasks, spans })
}

fn bus_of(loaded: &Loaded, store: &Arc<dyn Store>, metrics: &Metrics) -> anyhow::Result<Bus> {
    bus::start(&loaded.settings.bus, offsets::offsets_of(store, metrics))
        .map_err(|error| anyhow!("the Kafka consumer cannot start: {error}"))
}

/// Keeps `open` until `stop` is told.
async fn told_with<T>(open: T, mut stop: watch::Receiver<bool>) {
    told(&mut stop).await;
    drop(open);
}

/// Answers over HTTP, in one task that ends last; where probes are answered, and the API.
async fn answer(
    loaded: &Loaded,
    facts: http::Facts,
    stop: watch::Receiver<bool>,
    tasks: &mut JoinSet<&'static str>,
) -> anyhow::Result<(SocketAddr, Option<SocketAddr>)> {
    let settings = &loaded.settings;
    let listener = http::listen(settings.http.listen, "http.listen").await?;
    let address = listener.local_addr().context("the address that is listened on")?;
    let api = if settings.service.has(Role::Http) {
        let listener = http::listen(settings.api.listen, "api.listen").await?;
        let address = listener.local_addr().context("the address that is listened on")?;
        Some((Api::new(listener, &settings.api, Arc::clone(&loaded.access), facts.clone())?, address))
    } else {
        None
    };
    let (api, api_address) = api.unzip();
    tasks.spawn(async move {
        let probes = http::serve(listener, facts, stop.clone());
        let ended = match api {
            Some(api) => tokio::try_join!(probes, api.serve(stop)).map(|_| ()),
            None => probes.await,
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the HTTP server ended");
        }
        "http"
    });
    Ok((address, api_address))
}

fn by_name(providers: &[(Arc<dyn Provider>, usize)]) -> Arc<BTreeMap<String, Arc<dyn Provider>>> {
    let named = providers.iter().map(|(provider, _)| (provider.name().to_owned(), Arc::clone(provider)));
    Arc::new(named.collect())
}

/// What is told of decisions, attempts and dead letters, as far as anybody wants to read it.
pub fn outlet(settings: &Outgoing, metrics: &Metrics) -> Outlet {
    let manner = || publish::Manner { format: settings.format, source: settings.source.clone() };
    let outcomes = settings.outcomes.as_ref().map(|_| manner());
    Outlet::new(outcomes, settings.dead_letters.is_some(), metrics.clone())
}

/// A task for each stream that has a topic; returns how many.
fn publish(
    loaded: &Loaded,
    shared: &Shared,
    stop: publish::StopBy,
    tasks: &mut JoinSet<&'static str>,
) -> anyhow::Result<usize> {
    let topics = loaded.settings.outgoing.topics();
    let streams: Vec<Stream> = topics.keys().copied().collect();
    if streams.is_empty() {
        return Ok(0);
    }
    let publisher = KafkaPublisher::connect(&loaded.settings.bus, topics)
        .map_err(|error| anyhow!("the Kafka producer cannot start: {error}"))?;
    let publisher: Arc<dyn Publisher> = Arc::new(publisher);
    for stream in &streams {
        let publish = Publish {
            stream: *stream,
            store: Arc::clone(&shared.store),
            publisher: Arc::clone(&publisher),
            outlet: shared.outlet.clone(),
            clock: shared.clock.clone(),
            metrics: shared.metrics.clone(),
            owner: shared.owner.clone(),
            most_waiting: publish::MOST_WAITING,
        };
        let stop = stop.clone();
        tasks.spawn(async move {
            publish.run(stop).await;
            "publish"
        });
    }
    Ok(streams.len())
}

fn show_bus(metrics: &Metrics, bus: &BusHandle) {
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

/// A name that no other process has, for leases.
fn owner() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "local".to_owned());
    format!("{host}-{}-{:08x}", std::process::id(), rand::random::<u32>())
}

impl Running {
    /// Returns the name of a part that ended by itself, which none should.
    pub async fn failed(&mut self) -> &'static str {
        match self.tasks.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(_)) => "a task that panicked",
            None => "everything",
        }
    }

    /// Looks at the configuration now.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Takes nothing more in, lets what is under way end, writes it, and ends. Takes at most
    /// `drain`.
    pub async fn stop(mut self, drain: Duration) -> Drained {
        let end = tokio::time::Instant::now() + drain;
        // attempts that begin now could outlast the drain
        self.stops.leaving.send_replace(true);
        // the partitions are handed over first: another replica may go on while this one drains
        let mut whole = match self.bus {
            Some(bus) => bus.stop(drain / 2).await,
            None => true,
        };
        self.stops.intake.send_replace(true);
        while !self.tasks.is_empty() {
            if self.tasks.len() <= 1 + self.publishers {
                self.stops.publishing.send_replace(Some(end));
            }
            if self.tasks.len() == 1 {
                self.stops.http.send_replace(true);
            }
            match tokio::time::timeout_at(end, self.tasks.join_next()).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_))) => whole = false,
                Ok(None) => break,
                Err(_) => {
                    self.tasks.abort_all();
                    return Drained::CutShort;
                }
            }
        }
        // they tell of work that is done; whether they arrive is no part of it
        self.spans.finish(end).await;
        if whole { Drained::Whole } else { Drained::CutShort }
    }
}
