//! `simulate`: what would have been sent.

mod progress;
mod range;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chrono::Duration;
use clap::Args;

use super::{NOT_FOUND, WRONG, complain};
use crate::bus::topic::Edge;
use crate::config::{Settings, UnknownShops};
use crate::domain::fault::Fault;
use crate::domain::order::Channel;
use crate::domain::shop::Providers;
use crate::domain::time::{Timestamp, parse_span};
use crate::envelope::Limits;
use crate::shops::Shops;
use crate::simulate::recording::Recording;
use crate::simulate::report::{Report, text};
use crate::simulate::{Simulation, page};

use progress::Progress;

#[derive(Args)]
pub struct Options {
    /// CloudEvents, one JSON object a line, each at its `recordedtime` or `time`; - for standard
    /// input. Without a file, topics are read.
    file: Option<PathBuf>,
    /// Read this topic of the configured brokers; may be given again. Without any, all that the
    /// service reads. Nothing is committed.
    #[arg(long, value_name = "TOPIC", conflicts_with = "file")]
    topic: Vec<String>,
    /// Where to begin: a time, such as 2026-03-02T00:00:00Z, or the offset on each partition.
    #[arg(long, value_name = "OFFSET|TIME")]
    from: Option<Edge>,
    /// Where to end, itself not included; without it, at what is there now.
    #[arg(long, value_name = "OFFSET|TIME")]
    to: Option<Edge>,
    /// The rules, in place of those of the configuration.
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
    /// Also simulate these rules, and tell where the two differ.
    #[arg(long, value_name = "FOLDER")]
    against: Option<PathBuf>,
    /// How much time passes after the last event, such as 7d, for deadlines that wait then.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    then: Option<Duration>,
    /// How many messages or differing orders are told one by one [default: 20; in json and html 1000].
    #[arg(long, value_name = "COUNT")]
    most: Option<usize>,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How the result is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Html,
}

/// Simulates, and tells what came of it.
///
/// # Errors
/// What cannot be read or written.
pub fn simulate(config: Option<&Path>, options: &Options, form: Form) -> anyhow::Result<ExitCode> {
    let bare = config.is_none();
    let settings = if bare { Settings::bare() } else { Settings::load(config) };
    let loaded = settings.and_then(|settings| {
        let shops = shops(&settings, options.rules.as_deref(), bare)?;
        let against =
            options.against.as_deref().map(|folder| self::shops(&settings, Some(folder), bare)).transpose()?;
        Ok((settings, shops, against))
    });
    let (settings, shops, against) = match loaded {
        Ok(loaded) => loaded,
        Err(faults) => return Ok(complain(&faults)),
    };
    let (recording, mut refused) = match recording(&settings, &shops, options)? {
        Ok(read) => read,
        Err(what) => {
            eprintln!("reassure: {what}");
            return Ok(ExitCode::from(WRONG));
        }
    };
    let most = options.most.unwrap_or(if form == Form::Text { 20 } else { 1_000 });
    let mut simulation = Simulation::new(&shops, against.as_ref(), most).context("the metrics")?;
    let progress = Progress::new("simulated", recording.count());
    let limits = Limits { max_bytes: settings.events.max_bytes, ..Limits::default() };
    std::thread::scope(|scope| -> anyhow::Result<()> {
        for batch in recording.batches(scope, &shops, limits) {
            let batch = batch.context("the events")?;
            simulation.play(&batch.events);
            for (cause, count) in batch.refused {
                *refused.entry(cause).or_default() += count;
            }
            progress.step(batch.lines);
        }
        Ok(())
    })?;
    if let Some(span) = options.then {
        simulation.pass(simulation.now().plus(span));
    }
    progress.end();
    let report = simulation.finish(refused);
    tell(&report, form, most, options.out.as_deref())?;
    Ok(if report.from.is_none() { ExitCode::from(NOT_FOUND) } else { ExitCode::SUCCESS })
}

/// The shops with the rules of `folder`, else with those of the configuration. Without a
/// configuration every shop is served, and where none names a provider every channel is there.
fn shops(settings: &Settings, folder: Option<&Path>, bare: bool) -> Result<Shops, Vec<Fault>> {
    let mut settings = settings.clone();
    settings.rules.folder = folder.map(Path::to_owned).or(settings.rules.folder);
    if bare {
        settings.unknown_shops = UnknownShops::Serve;
    }
    if settings.providers.is_empty() {
        for shop in settings.shops.values_mut().chain([&mut settings.shop]) {
            let [email, sms, webhook] = Channel::ALL.map(|channel| Some(channel.as_str().to_owned()));
            shop.providers = Providers { email, sms, webhook };
        }
    }
    settings.serve_without_words()
}

type Refused = BTreeMap<String, u64>;

/// What is to be played, or what is wrong with the call; and what of a topic was no event.
fn recording(
    settings: &Settings,
    shops: &Shops,
    options: &Options,
) -> anyhow::Result<Result<(Recording, Refused), String>> {
    let Some(file) = &options.file else {
        return range::read(settings, shops, &options.topic, options.from, options.to).map(Ok);
    };
    let mut recording = if file == Path::new("-") {
        let spooled = Recording::spool(|out| std::io::copy(&mut std::io::stdin().lock(), out).map(drop));
        spooled.context("standard input")?
    } else {
        Recording::open(file).with_context(|| file.display().to_string())?
    };
    let moment = |edge: Option<Edge>| match edge {
        None => Ok(None),
        Some(Edge::Time(at)) => Ok(Some(at)),
        Some(Edge::Offset(_)) => Err("a file has no offsets: give --from and --to as times".to_owned()),
    };
    let cut = moment(options.from).and_then(|from| Ok((from, moment(options.to)?)));
    Ok(cut.map(|(from, to): (Option<Timestamp>, Option<Timestamp>)| {
        recording.cut(from, to);
        (recording, Refused::new())
    }))
}

fn tell(report: &Report, form: Form, most: usize, out: Option<&Path>) -> anyhow::Result<()> {
    let told = match form {
        Form::Text => text(report, most),
        Form::Json => serde_json::to_string_pretty(report)? + "\n",
        Form::Html => page::html(report)?,
    };
    match out {
        Some(file) => std::fs::write(file, told).with_context(|| format!("{} cannot be written", file.display())),
        None => {
            // a reader that has gone is no fault
            let _ = std::io::stdout().lock().write_all(told.as_bytes());
            Ok(())
        }
    }
}
