//! `adapt`: what foreign payloads become.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use chrono_tz::Tz;
use clap::Args;
use serde_json::{Value, json};

use super::{NOT_FOUND, WRONG, complain, say};
use crate::adapter::{Adapter, Library};
use crate::clock::Clock;
use crate::config::Settings;
use crate::envelope::{self, Adapt, Format, Limits, Reading, Refusal};
use crate::ports::{Partition, Record};

#[derive(Args)]
pub struct Options {
    /// A payload, or many one after the other (NDJSON); - for standard input.
    file: PathBuf,
    /// The adapter; without it, the one that is for such a payload.
    #[arg(long, short, value_name = "NAME")]
    adapter: Option<String>,
    /// A header of the record, such as X-Shopify-Topic=orders/create; may be given again.
    #[arg(long = "header", short = 'H', value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// What became of one payload.
enum Outcome {
    /// Its adapter's name and the events, each with why the service would refuse it, if it would.
    Events(String, Vec<(Value, Option<Refusal>)>),
    Refused(String, Refusal),
    /// The names of the adapters that are for it: none or several.
    Undecided(Vec<String>),
}

/// Shows what each payload of a file becomes.
///
/// # Errors
/// A file that cannot be read.
pub fn adapt(config: Option<&Path>, options: &Options, as_json: bool) -> anyhow::Result<ExitCode> {
    // without a configuration the adapters in the binary can be tried
    let adapters = match config.map(|file| Settings::load(Some(file))).transpose() {
        Ok(settings) => settings.map(|settings| settings.adapters).unwrap_or_default(),
        Err(faults) => return Ok(complain(&faults)),
    };
    let library = match Library::load(&adapters) {
        Ok(library) => library,
        Err(faults) => return Ok(complain(&faults)),
    };
    let chosen = match options.adapter.as_deref().map(|name| library.get(name)).transpose() {
        Ok(chosen) => chosen,
        Err(what) => {
            eprintln!("reassure: {what}");
            return Ok(ExitCode::from(WRONG));
        }
    };
    let text = read(&options.file)?;
    let record = record(&options.headers);
    let (mut told, mut code) = (Vec::new(), 0);
    for (number, payload) in serde_json::Deserializer::from_slice(&text).into_iter::<Value>().enumerate() {
        let number = number + 1;
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => {
                eprintln!("reassure: {}: payload {number} is no JSON: {error}", options.file.display());
                return Ok(ExitCode::from(WRONG));
            }
        };
        let outcome = outcome(&library, chosen, &payload, &record);
        code = code.max(outcome.code());
        if as_json {
            told.push(outcome.as_json(number));
        } else {
            outcome.tell(number);
        }
    }
    if as_json {
        say(&serde_json::to_string_pretty(&told)?);
    }
    Ok(ExitCode::from(code))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn record(headers: &[(String, String)]) -> Record {
    let headers = headers.iter().map(|(name, value)| (name.clone(), Bytes::from(value.clone()))).collect();
    let partition = Partition { topic: "adapt".into(), number: 0 };
    let timestamp = Some(Clock::system().now().millis());
    Record { partition, offset: 0, key: None, value: None, headers, timestamp }
}

fn outcome(library: &Library, chosen: Option<&Arc<Adapter>>, payload: &Value, record: &Record) -> Outcome {
    let takers = chosen.map_or_else(|| library.takers(payload, record), |chosen| vec![chosen]);
    let [adapter] = takers.as_slice() else {
        return Outcome::Undecided(takers.iter().map(|taker| taker.about().name.clone()).collect());
    };
    let name = adapter.about().name.clone();
    match adapter.adapt(payload, record) {
        Ok(events) => Outcome::Events(name, events.into_iter().map(|event| judged(event, record)).collect()),
        Err(refusal) => Outcome::Refused(name, refusal),
    }
}

/// The event with why the service would refuse it. Which shops there are is not asked here.
fn judged(event: Value, record: &Record) -> (Value, Option<Refusal>) {
    let record = Record { value: Some(event.to_string().into()), ..record.clone() };
    let reading = Reading {
        format: &Format::CloudEvents,
        schema: None,
        zone_of: &|_| Some(Tz::UTC),
        limits: &Limits::default(),
        now: Clock::system().now(),
    };
    let refusal = envelope::decode(&record, &reading).err();
    (event, refusal)
}

impl Outcome {
    fn code(&self) -> u8 {
        match self {
            Self::Events(_, events) if events.iter().all(|(_, refusal)| refusal.is_none()) => 0,
            Self::Events(..) | Self::Refused(..) => 1,
            Self::Undecided(names) if names.is_empty() => NOT_FOUND,
            Self::Undecided(_) => WRONG,
        }
    }

    fn as_json(&self, number: usize) -> Value {
        let refused = |refusal: &Refusal| json!({ "cause": refusal.cause, "detail": refusal.detail });
        match self {
            Self::Events(adapter, events) => {
                let refusal = events.iter().find_map(|(_, refusal)| refusal.as_ref()).map(refused);
                let events: Vec<&Value> = events.iter().map(|(event, _)| event).collect();
                json!({ "payload": number, "adapter": adapter, "events": events, "refusal": refusal })
            }
            Self::Refused(adapter, refusal) => {
                json!({ "payload": number, "adapter": adapter, "events": [], "refusal": refused(refusal) })
            }
            Self::Undecided(names) => json!({ "payload": number, "adapter": null, "candidates": names, "events": [] }),
        }
    }

    fn tell(&self, number: usize) {
        match self {
            Self::Events(adapter, events) if events.is_empty() => {
                say(&format!("payload {number}: {adapter} ignores it"));
            }
            Self::Events(adapter, events) => {
                let count = events.len();
                say(&format!("payload {number}: {adapter}, {count} {}", if count == 1 { "event" } else { "events" }));
                for (event, refusal) in events {
                    say(&spelled(event));
                    if let Some(refusal) = refusal {
                        say(&format!("  refused ({}): {}", refusal.cause, refusal.detail));
                    }
                }
            }
            Self::Refused(_, refusal) => {
                say(&format!("payload {number}: refused ({}): {}", refusal.cause, refusal.detail))
            }
            Self::Undecided(names) if names.is_empty() => {
                say(&format!("payload {number}: no adapter knows it; name one (--adapter), or its headers (--header)"));
            }
            Self::Undecided(names) => {
                say(&format!("payload {number}: several adapters are for it (--adapter): {}", names.join(", ")));
            }
        }
    }
}

/// An event as people read it: its attributes on one line, then its data.
fn spelled(event: &Value) -> String {
    let attribute = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let mut text = format!("  {}  {}  {}", attribute("time"), attribute("type"), attribute("id"));
    lines(&event["data"], 4, &mut text);
    text
}

fn lines(value: &Value, indent: usize, text: &mut String) {
    let blank = " ".repeat(indent);
    let mut part = |name: &str, value: &Value| match value {
        Value::Object(_) | Value::Array(_) => {
            text.push_str(&format!("\n{blank}{name}"));
            lines(value, indent + 2, text);
        }
        Value::String(plain) => text.push_str(&format!("\n{blank}{name} {plain}")),
        other => text.push_str(&format!("\n{blank}{name} {other}")),
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| part(&format!("{name}:"), value)),
        Value::Array(elements) => elements.iter().for_each(|element| part("-", element)),
        _ => {}
    }
}
