//! Puts the parts together, watches over them, drains and stops them.

mod intake;
mod offsets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::bus::BusHandle;
use crate::bus::publisher::KafkaPublisher;
use crate::clock::Clock;
use crate::config::{Loaded, Outgoing, Role};
use crate::dispatch::{Dispatcher, Manner, Shared};
use crate::http::{self, api::Api};
use crate::ingest::{Progress, Receipts};
use crate::ports::{Provider, Publisher, Store, Stream};
use crate::publish::{self, Outlet, Publish};
use crate::reload::{Reload, Status};
use crate::retention::Retention;
use crate::shops::InForce;
use crate::telemetry::{Exporting, Metrics};
use intake::take_in;

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

/// Where the parts are told to end.
struct Stopping {
    leaving: watch::Receiver<bool>,
    intake: watch::Receiver<bool>,
    publishing: publish::StopBy,
    http: watch::Receiver<bool>,
}

fn stops() -> (Stops, Stopping) {
    let (leaving, is_leaving) = watch::channel(false);
    let (intake, intake_stopping) = watch::channel(false);
    let (publishing, publishing_stops) = watch::channel(None);
    let (http, http_stopping) = watch::channel(false);
    let stopping =
        Stopping { leaving: is_leaving, intake: intake_stopping, publishing: publishing_stops, http: http_stopping };
    (Stops { leaving, intake, publishing, http }, stopping)
}

/// Starts all parts.
///
/// # Errors
/// What could not be started, and the setting it hangs on.
pub async fn start(loaded: &Loaded, store: Arc<dyn Store>, clock: Clock, metrics: Metrics) -> anyhow::Result<Running> {
    let settings = &loaded.settings;
    let has = |role| settings.service.has(role);
    let (stops, stopping) = stops();
    let mut tasks = JoinSet::new();
    let owner = owner();
    let shops = InForce::new(Arc::clone(&loaded.shops));
    let reload = Reload::new(loaded, shops.clone(), clock.clone(), metrics.clone());
    metrics.expect(&loaded.shops, loaded.providers.iter().map(|(provider, _)| provider.name()));
    let (tracer, spans) = loaded.tracing.start(&owner, &metrics).context("the exporter of spans")?;
    let (sequels, to_know) = mpsc::channel(SEQUELS);
    let lease = Duration::from_secs(settings.dispatch.lease_seconds);
    let shared = Shared {
        store: Arc::clone(&store),
        shops,
        outlet: outlet(&settings.outgoing, &metrics),
        clock,
        metrics,
        tracer,
        progress: Progress::default(),
        sequels,
        owner,
        manner: Manner { retry: settings.dispatch.retry, lease },
    };
    let writes = has(Role::Ingest) || has(Role::Dispatch);
    let publishers = if writes { publish(loaded, &shared, &stopping.publishing, &mut tasks)? } else { 0 };
    let providers = if has(Role::Dispatch) { &*loaded.providers } else { &[] };
    let dispatcher = Dispatcher::start(providers, &shared, &stopping.leaving, &mut tasks);
    let bus = take_in(loaded, &shared, &dispatcher, to_know, &stopping, &mut tasks)?;
    if has(Role::Ingest) {
        let (clock, metrics) = (shared.clock.clone(), shared.metrics.clone());
        let retention = Retention { store: Arc::clone(&store), clock, metrics, settings: settings.retention };
        let leaving = stopping.leaving.clone();
        tasks.spawn(async move {
            retention.run(leaving).await;
            "retention"
        });
    }
    let asked = Arc::new(Notify::new());
    let facts = facts(loaded, &shared, bus.as_ref(), (reload.status(), &asked), &stopping.leaving);
    let (address, api) = answer(loaded, facts, stopping.http, &mut tasks).await?;
    let asked_for = Arc::clone(&asked);
    tasks.spawn(async move {
        reload.run(asked_for, stopping.leaving).await;
        "reload"
    });
    let progress = shared.progress;
    Ok(Running { address, api, progress, dispatcher, store, reload: asked, stops, publishers, bus, tasks, spans })
}

/// What the answers over HTTP are made from; `reload` is which configuration is in force, and how to ask for
/// another look at it.
fn facts(
    loaded: &Loaded,
    shared: &Shared,
    bus: Option<&BusHandle>,
    reload: (watch::Receiver<Status>, &Arc<Notify>),
    leaving: &watch::Receiver<bool>,
) -> http::Facts {
    let (showing, reaching) = (bus.cloned(), bus.cloned());
    http::Facts {
        store: Arc::clone(&shared.store),
        metrics: shared.metrics.clone(),
        clock: shared.clock.clone(),
        progress: shared.progress.clone(),
        refresh: Arc::new(move |metrics| showing.iter().for_each(|bus| intake::show(metrics, bus))),
        unreached: Arc::new(move || reaching.as_ref().and_then(BusHandle::unreached)),
        receipts: Receipts {
            store: Arc::clone(&shared.store),
            shops: shared.shops.clone(),
            outlet: shared.outlet.clone(),
            clock: shared.clock.clone(),
            metrics: shared.metrics.clone(),
        },
        providers: by_name(&loaded.providers),
        shops: shared.shops.clone(),
        outlet: shared.outlet.clone(),
        confirmation: loaded.settings.confirmation,
        roles: loaded.settings.service.roles.clone(),
        config: reload.0,
        reload: Arc::clone(reload.1),
        stopping: leaving.clone(),
    }
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
        match api {
            Some(api) => drop(tokio::join!(probes, api.serve(stop))),
            None => probes.await,
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
    stop: &publish::StopBy,
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
