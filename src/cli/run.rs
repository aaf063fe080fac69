//! `run`: the service.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::{complain, runtime};
use crate::app::{self, Drained};
use crate::clock::Clock;
use crate::config::{Loaded, LogFormat};
use crate::telemetry::{self, Metrics};

/// Runs until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// What could not be started.
pub fn run(config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let loaded = match Loaded::load(config) {
        Ok(loaded) => loaded,
        Err(faults) => return Ok(complain(&faults)),
    };
    let log = &loaded.settings.log;
    telemetry::log(log.format == LogFormat::Json, log.level.as_str());
    let runtime = runtime()?;
    let code = runtime.block_on(serve(&loaded));
    // a thread that hangs in a library must not keep the process
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn serve(loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let settings = &loaded.settings;
    // before anything else: a signal while it starts must not be lost
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be listened for")?;
    let store = settings.store.open().await.with_context(|| format!("the store {}", settings.store.place()))?;
    let metrics = Metrics::new().and_then(Metrics::with_process).context("the metrics")?;
    let mut running = app::start(loaded, store, Clock::system(), metrics).await?;
    tracing::info!(
        address = %running.address,
        api = running.api.map(tracing::field::display),
        brokers = settings.bus.brokers,
        topics = settings.bus.topics.join(","),
        store = settings.store.place(),
        "ready"
    );
    let broken = loop {
        tokio::select! {
            _ = terminate.recv() => break false,
            _ = interrupt.recv() => break false,
            _ = hangup.recv() => running.reload(),
            part = running.failed() => {
                tracing::error!(part, "a part of the service ended by itself; the service stops");
                break true;
            }
        }
    };
    let drain = Duration::from_secs(settings.service.drain_seconds);
    tracing::info!(drain_seconds = drain.as_secs(), "stopping");
    let drained = running.stop(drain).await;
    tracing::info!(whole = drained == Drained::Whole, "stopped");
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
