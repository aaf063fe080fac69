//! The demonstration: a broker, providers and a sample shop in one process, the service between
//! them exactly as `run` has it, and a clock that goes from event to event.

pub mod driver;
pub mod play;
pub mod stories;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::app::{self, Running};
use crate::bus::embedded::EmbeddedBroker;
use crate::bus::producer::Producer;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;
use crate::sandbox::{Behaviour, Call, Options, Sandbox, Vendor};
use crate::telemetry::Metrics;

const SETTINGS: &str = include_str!("../config/demo.toml");
/// What the sandbox providers want to see; it guards nothing.
const TOKEN: &str = "sandbox-token";
const WEBHOOK_SECRET: &str = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC0wMDAx";
/// An event that is far too large must reach the dead letters, not fail on its way.
const LARGE: [(&str, &str); 1] = [("message.max.bytes", "20000000")];
/// Where the sample shop publishes, and what it can read of the service's work.
pub const TOPICS: [(&str, i32); 4] =
    [("reassure.orders", 4), ("reassure.carriers", 4), ("reassure.outcomes", 4), ("reassure.dlq", 1)];

/// Everything that the demonstration runs.
pub struct Stage {
    pub broker: EmbeddedBroker,
    pub sandbox: Sandbox,
    pub running: Running,
    pub producer: Producer,
    pub clock: Clock,
    pub loaded: Loaded,
    pub metrics: Metrics,
}

/// How the stage is set.
pub struct Setting<'a> {
    /// For the store and the secrets; it must exist.
    pub folder: &'a Path,
    /// Where to write what the providers receive.
    pub inbox: Option<PathBuf>,
    pub begin: Timestamp,
    /// Providers that fail now and then, as real ones do.
    pub trouble: bool,
}

impl Stage {
    /// Starts everything.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn set(setting: Setting<'_>) -> anyhow::Result<Self> {
        let clock = Clock::standing(setting.begin);
        let broker = EmbeddedBroker::start(&TOPICS).map_err(|error| anyhow!(error))?;
        let time = clock.clone();
        let sandbox = Sandbox::start(Options {
            virtual_time: Arc::new(move || time.now()),
            plan: if setting.trouble { Arc::new(misbehave) } else { Options::default().plan },
            directory: setting.inbox,
            token: Some(TOKEN.to_owned()),
            webhook_secrets: vec![WEBHOOK_SECRET.to_owned()],
            ..Options::default()
        })
        .await
        .context("the sandbox providers")?;
        let file = configure(setting.folder, &broker.bootstrap_servers(), sandbox.url())?;
        let loaded = Loaded::load(Some(&file)).map_err(|faults| anyhow!("{}", listed(&faults)))?;
        let store = loaded.settings.store.open().await.context("the store")?;
        let metrics = Metrics::new().and_then(Metrics::with_process).context("the metrics")?;
        let running = app::start(&loaded, store, clock.clone(), metrics.clone()).await?;
        let producer = Producer::connect(
            &broker.bootstrap_servers(),
            Duration::from_secs(30),
            &LARGE.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        )
        .map_err(|error| anyhow!("the producer: {error}"))?;
        Ok(Self { broker, sandbox, running, producer, clock, loaded, metrics })
    }
}

/// Writes the configuration and its secrets into `folder`.
fn configure(folder: &Path, brokers: &str, sandbox: &str) -> anyhow::Result<PathBuf> {
    let place = folder.display().to_string();
    let text = SETTINGS.replace("{sandbox}", sandbox).replace("{folder}", &place).replace("{brokers}", brokers);
    let file = folder.join("reassure.toml");
    std::fs::write(folder.join("token"), TOKEN)?;
    std::fs::write(folder.join("webhook-secret"), WEBHOOK_SECRET)?;
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Some first attempts fail, always the same: which ones follows from the notification's id.
fn misbehave(call: &Call<'_>) -> Behaviour {
    if call.nth > 1 {
        return Behaviour::Answer;
    }
    let honours_keys = matches!(call.vendor, Vendor::Resend | Vendor::BrevoEmail | Vendor::Webhook);
    match call.key.bytes().last() {
        Some(b'0') => Behaviour::Unavailable,
        Some(b'1') => Behaviour::TooManyRequests { retry_after: 30 },
        Some(b'2') if honours_keys => Behaviour::ResetTaken,
        Some(b'3') if honours_keys => Behaviour::InternalError,
        _ => Behaviour::Answer,
    }
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
