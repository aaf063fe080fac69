//! `demo`: the whole service on one machine, with a sample shop.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use super::{coloured, runtime, say};
use crate::app::Drained;
use crate::clock::Clock;
use crate::demo::driver::{self, Moment};
use crate::demo::{Setting, Stage, play, stories};
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Backlog, State, Timeline};
use crate::shops::Shops;
use crate::telemetry;
use crate::timeline::{self, Style};

/// How long a stop may take.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Options {
    /// End when the story is told.
    #[arg(long)]
    once: bool,
    /// Play these CloudEvents, one JSON object a line, each at its own `time` (or `recordedtime`).
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Write every request that the sandbox providers receive, one JSON file each.
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// Providers that never fail.
    #[arg(long)]
    calm: bool,
}

/// Plays the sample shop, or the events of a file, and then goes on serving.
///
/// # Errors
/// What could not be started, or came to a standstill.
pub fn demo(options: Options) -> anyhow::Result<ExitCode> {
    telemetry::log(false, "error");
    let folder = Folder::new()?;
    let runtime = runtime()?;
    let code = runtime.block_on(perform(&options, &folder));
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

/// A folder that goes when the demonstration ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path =
            std::env::temp_dir().join(format!("reassure-demo-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        std::fs::create_dir_all(&path).with_context(|| format!("the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn perform(options: &Options, folder: &Folder) -> anyhow::Result<ExitCode> {
    let cues = match &options.events {
        Some(file) => play::read(file)?,
        None => stories::cues(),
    };
    let begin = cues.first().map_or_else(|| Clock::system().now(), |cue| cue.at);
    let setting = Setting {
        folder: &folder.0,
        inbox: options.inbox.clone(),
        begin,
        trouble: options.events.is_none() && !options.calm,
    };
    let stage = Stage::set(setting).await?;
    let unnamed: BTreeSet<&str> = cues
        .iter()
        .filter_map(|cue| cue.about.as_ref().map(|(shop, _)| shop.as_str()))
        .filter(|shop| !stage.loaded.settings.shops.contains_key(*shop))
        .collect();
    let mut teller = Teller::new(cues.len());
    teller.note(&format!("{} through Kafka at {}", counted(cues.len(), "event"), stage.broker.bootstrap_servers()));
    if !unnamed.is_empty() {
        let unnamed: Vec<&str> = unnamed.into_iter().collect();
        teller.note(&format!(
            "Shops of their own name speak as {}: {}",
            stage.loaded.settings.shop.name,
            unnamed.join(", ")
        ));
    }
    let backlog = driver::play(&stage, &cues, async |moment| teller.show(&stage, moment).await).await?;
    teller.bar.finish_and_clear();
    let told = teller.sum_up(&stage, &backlog).await?;
    if options.once {
        let drained = stage.running.stop(DRAIN).await;
        stage.sandbox.stop().await;
        return Ok(if told && drained == Drained::Whole { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    serve(stage, folder).await?;
    Ok(if told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An order to copy, placed at this moment: an older one would be no news.
fn an_order(now: Timestamp) -> serde_json::Value {
    serde_json::json!({
        "specversion": "1.0", "id": "1", "source": "/my/shop", "type": "order.placed", "time": now,
        "data": {
            "shop": "maison-lumen", "order_id": "MINE-1", "currency": "EUR",
            "customer": { "name": "Ada", "email": "ada@client.example", "locale": "en" },
            "items": [{ "sku": "A", "name": "A lamp", "quantity": 1, "unit_price": "40.00" }],
            "totals": { "items": "40.00", "total": "40.00" },
            "delivery": { "method": "home" },
        },
    })
}

/// Goes on with the time of the machine until Ctrl-C or SIGTERM, after which nothing of it is left either.
async fn serve(stage: Stage, folder: &Folder) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    stage.clock.run_from(Clock::system().now());
    let brokers = stage.broker.bootstrap_servers();
    let ahead = stage.clock.now().since(Clock::system().now());
    if ahead > chrono::Duration::minutes(1) {
        say(&format!(
            "\nThe story lies ahead: here it is {} now. Give events of your own that time.",
            stage.clock.now()
        ));
    }
    say(&format!(
        "\nServing until Ctrl-C.\n  Kafka     {brokers}   topics reassure.orders, reassure.carriers; told: reassure.outcomes, reassure.dlq\n  HTTP      http://{address}   /metrics, /readyz\n  API       http://{api}   /api/journeys/maison-lumen/ML-1001\n  store     {store}\n  asking    reassure lookup -c {config} maison-lumen ML-1001   (and dlq list)\n\nPublish an event of your own and see the message leave:\n  echo '{order}' | kcat -P -b {brokers} -t reassure.orders\n",
        address = stage.running.address,
        api = stage.running.api.map_or("none".to_owned(), |api| api.to_string()),
        store = folder.0.join("reassure.db").display(),
        config = folder.0.join("reassure.toml").display(),
        order = an_order(stage.clock.now()),
    ));
    let mut changes = stage.running.progress.changes();
    let mut seen = stage.sandbox.received().len();
    loop {
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => {
                stopped.context("Ctrl-C cannot be listened for")?;
                break;
            }
            _ = terminate.recv() => break,
            changed = changes.changed() => {
                changed.context("the service ended")?;
                let received = stage.sandbox.received();
                for request in received.iter().skip(seen) {
                    let stated = if request.taken { "taken" } else { "not taken" };
                    say(&format!("{}  {} {}  {}: {stated}, {}", request.virtual_time, request.method, request.path, request.key, request.status));
                }
                seen = received.len();
            }
        }
    }
    stage.running.stop(DRAIN).await;
    stage.sandbox.stop().await;
    Ok(())
}

/// Prints the story as it unfolds.
struct Teller {
    bar: ProgressBar,
    style: Style,
    /// Entries of each journey that were printed.
    printed: BTreeMap<JourneyKey, usize>,
    /// Notifications that were printed as waiting.
    waiting: BTreeSet<NotificationId>,
}

impl Teller {
    fn new(events: usize) -> Self {
        let bar = ProgressBar::new(events as u64);
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let look = ProgressStyle::with_template("{bar:32.cyan/dim} {pos}/{len} events  {msg}");
        bar.set_style(look.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            style: Style { colour: coloured(), everything: false, zone: Tz::UTC },
            printed: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }

    async fn show(&mut self, stage: &Stage, moment: Moment) {
        let mut touched = moment.touched;
        if !self.waiting.is_empty() {
            touched.extend(self.printed.keys().cloned());
        }
        for key in &touched {
            self.printed.entry(key.clone()).or_default();
            if let Ok(Some(timeline)) = stage.running.store.timeline(key).await {
                self.tell(&timeline, &stage.loaded.shops);
            }
        }
        self.bar.set_position(moment.published as u64);
        self.bar.set_message(moment.at.0.format("%d %b %Y").to_string());
    }

    /// What is new of a journey.
    fn tell(&mut self, timeline: &Timeline, shops: &Shops) {
        let key = &timeline.journey.key;
        let printed = self.printed.entry(key.clone()).or_default();
        let fresh = &timeline.entries[(*printed).min(timeline.entries.len())..];
        *printed = timeline.entries.len();
        let customer = timeline.journey.order.customer.zone();
        let style = Style { zone: customer.or_else(|| shops.zone(&key.shop)).unwrap_or_default(), ..self.style };
        let mut text = String::new();
        for story in &timeline.notifications {
            if story.state == State::Pending {
                self.waiting.insert(story.id.clone());
            } else if self.waiting.remove(&story.id) {
                text.push_str(&timeline::late(story, style));
            }
        }
        text.extend(fresh.iter().map(|entry| timeline::lines(entry, &timeline.notifications, style)));
        if !text.is_empty() {
            let label = format!("{:<10}", key.order_id);
            self.bar.suspend(|| say(&format!("{label} {}", text.trim_end().replace('\n', "\n           "))));
        }
    }

    /// Counts what was told, and says what was not. `true`: nothing is left.
    async fn sum_up(&self, stage: &Stage, backlog: &Backlog) -> anyhow::Result<bool> {
        let mut by_channel: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut rules: BTreeSet<String> = BTreeSet::new();
        let mut taken_back = 0;
        for key in self.printed.keys() {
            let Some(timeline) = stage.running.store.timeline(key).await.context("the store")? else { continue };
            for story in &timeline.notifications {
                match story.state {
                    State::Accepted => {
                        *by_channel.entry(story.channel.as_str()).or_default() += 1;
                        rules.insert(story.rule.clone());
                    }
                    State::Suppressed => taken_back += 1,
                    State::Pending | State::Dead | State::Held | State::Stormbound => {}
                }
            }
        }
        let sent: Vec<String> = by_channel.iter().map(|(channel, count)| format!("{count} by {channel}")).collect();
        let all: Vec<String> = stage
            .loaded
            .shops
            .all()
            .next()
            .into_iter()
            .flat_map(|served| served.rules.iter())
            .map(|rule| rule.name.to_string())
            .collect();
        let silent: Vec<&str> = all.iter().filter(|rule| !rules.contains(*rule)).map(String::as_str).collect();
        let spoke = match silent.as_slice() {
            [] => format!("all {} rules spoke", all.len()),
            _ => format!("{} of {} rules spoke (not {})", rules.len(), all.len(), silent.join(", ")),
        };
        say(&format!(
            "\n{} told: {}; {taken_back} taken back in time; {spoke}.",
            counted(self.printed.len(), "order"),
            sent.join(", ")
        ));
        let requests = stage.sandbox.received();
        let failed = requests.iter().filter(|request| !request.taken && !request.duplicate).count();
        let repeated = requests.iter().filter(|request| request.duplicate).count();
        say(&format!(
            "The providers saw {}, refused or dropped {failed}, and knew {repeated} by their key.",
            counted(requests.len(), "request")
        ));
        // they lie on the dead letters' topic, not in the store
        let unread = stage.metrics.refused();
        let left = [
            ("messages in the outbox", backlog.pending),
            ("messages with an unknown outcome", backlog.held),
            ("messages given up", backlog.dead_notifications),
            ("records that could not be read", unread),
            ("events that wait for their order or shipment", backlog.parked),
        ];
        for (what, count) in left.iter().filter(|(_, count)| *count > 0) {
            say(&format!("Left: {count} {what}."));
        }
        Ok(backlog.pending == 0 && backlog.held == 0 && backlog.dead_notifications == 0)
    }
}

fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}
