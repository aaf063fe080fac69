//! `dlq`: the dead letters, in the store and on their topic: putting them back to work, or away for good.

mod item;
mod show;
mod topic;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{NOT_FOUND, Opened, WRONG, opened, say};
use crate::clock::Clock;
use crate::dead_letter::parse_place;
use crate::domain::time::{Timestamp, parse_span};
use crate::ports::{DeadLetter, Store, StoreError};

use item::Item;
use topic::OnTopic;

/// Listed at most, of the store and of the topic.
const MOST: usize = 10_000;

#[derive(Subcommand)]
pub enum Command {
    /// List what waits, oldest first.
    List(Filter),
    /// Tell all that is known of one letter.
    Show {
        /// Its id, as `list` prints it.
        id: String,
        /// Also what it holds, which may be personal.
        #[arg(long)]
        value: bool,
    },
    /// Put letters back to work: a record is read again, a message is sent with the same key.
    Redrive(Chosen),
    /// Put letters away for good: a record is never read again, a message is never sent.
    Drop(Chosen),
}

/// The letters that something is to be done with.
#[derive(Args)]
pub struct Chosen {
    /// Their ids, as `list` prints them.
    #[arg(required_unless_present_any = ["all", "cause", "topic", "since"])]
    ids: Vec<String>,
    /// All that wait and that the filters let through.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// Only tell which they would be.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// What is to be done with letters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    PutBack,
    Drop,
}

impl Deed {
    fn as_str(self) -> &'static str {
        match self {
            Self::PutBack => "put_back",
            Self::Drop => "dropped",
        }
    }
}

/// Which letters.
#[derive(Args, Clone, Debug, Default)]
pub struct Filter {
    /// Only those with this cause, such as `malformed_json`, `dead` or `held`.
    #[arg(long)]
    cause: Option<String>,
    /// Only records that came from this topic.
    #[arg(long)]
    topic: Option<String>,
    /// Only those of that moment or later: `2026-11-21T20:00:00Z`, or `36h` for the last 36 hours.
    #[arg(long, value_parser = since)]
    since: Option<Timestamp>,
}

fn since(text: &str) -> Result<Timestamp, String> {
    match parse_span(text) {
        Ok(span) => Ok(Clock::system().now().plus(-span)),
        Err(_) => Timestamp::parse(text).map_err(|error| format!("{error}, and no duration such as 36h")),
    }
}

impl Filter {
    fn lets(&self, item: &Item) -> bool {
        self.cause.as_deref().is_none_or(|cause| item.cause() == Some(cause))
            && self.topic.as_deref().is_none_or(|topic| item.topic() == Some(topic))
            && self.since.is_none_or(|since| item.at().is_some_and(|at| at >= since))
    }
}

/// What the command works on.
struct Desk {
    runtime: tokio::runtime::Runtime,
    store: std::sync::Arc<dyn Store>,
    topic: Option<OnTopic>,
}

/// Lists, shows or redrives dead letters.
///
/// # Errors
/// If the store or Kafka cannot be read or written.
pub fn dlq(config: Option<&Path>, command: Command, as_json: bool) -> anyhow::Result<ExitCode> {
    let Opened { config: settings, runtime, store } = match opened(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let topic = settings.outgoing.dead_letters.clone().map(|topic| OnTopic::new(&settings.bus, topic));
    let desk = Desk { runtime, store, topic };
    match command {
        Command::List(filter) => {
            let (items, more) = desk.find(&filter, &[])?;
            list(&items, as_json)?;
            tell_more(more);
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { id, value } => desk.show(&id, value, as_json),
        Command::Redrive(chosen) => desk.work(&chosen, Deed::PutBack, as_json),
        Command::Drop(chosen) => desk.work(&chosen, Deed::Drop, as_json),
    }
}

fn list(items: &[Item], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        say(&serde_json::to_string_pretty(&items.iter().map(Item::json).collect::<Vec<_>>())?);
    } else if items.is_empty() {
        say("no dead letters");
    } else {
        items.iter().for_each(|item| say(&item.line()));
    }
    Ok(())
}

fn tell_more(more: bool) {
    if more {
        eprintln!(
            "reassure: there are more than {MOST}; these are the oldest. Narrow them down with --cause, --topic, --since"
        );
    }
}

fn would(found: &[Item], missing: &[String], deed: Deed, as_json: bool) -> anyhow::Result<()> {
    let (name, words) = match deed {
        Deed::PutBack => ("would_put_back", "put back"),
        Deed::Drop => ("would_drop", "drop"),
    };
    if as_json {
        let items: Vec<Value> = found.iter().map(Item::json).collect();
        say(&serde_json::to_string_pretty(&json!({ name: items, "missing": missing }))?);
    } else {
        say(&format!("would {words} {}", found.len()));
        found.iter().for_each(|item| say(&item.line()));
    }
    Ok(())
}

/// Says what is about to be done, and asks.
fn agreed(found: &[Item], deed: Deed) -> anyhow::Result<bool> {
    let messages = found.iter().filter(|item| item.is_message()).count();
    let records = found.len() - messages;
    let mut error = std::io::stderr();
    match deed {
        Deed::PutBack => write!(error, "This sends {messages} messages again and reads {records} records again.")?,
        Deed::Drop => write!(error, "This puts {messages} messages and {records} records away for good.")?,
    }
    write!(error, " Go on? [y/N] ")?;
    if !std::io::stdin().is_terminal() {
        writeln!(error, "\nreassure: nobody to ask; say --yes, or --dry-run to see them")?;
        return Ok(false);
    }
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What became of letters.
#[derive(Default)]
struct Done {
    done: Vec<String>,
    /// The id, and why.
    failed: Vec<(String, String)>,
}

impl Done {
    fn tell(&self, missing: &[String], deed: Deed, as_json: bool) -> anyhow::Result<()> {
        for (id, why) in &self.failed {
            eprintln!("reassure: {id} stays: {why}");
        }
        if as_json {
            let mut told = json!({ deed.as_str(): self.done, "missing": missing });
            if !self.failed.is_empty() {
                let failed = |(id, why): &(String, String)| json!({ "id": id, "why": why });
                told["failed"] = self.failed.iter().map(failed).collect();
            }
            say(&serde_json::to_string_pretty(&told)?);
        } else {
            match deed {
                Deed::PutBack => say(&format!("put back {}; the running service takes them up", self.done.len())),
                Deed::Drop => say(&format!("dropped {}", self.done.len())),
            }
        }
        Ok(())
    }
}

impl Desk {
    /// What waits, by age: all that the filter lets through, or those of `ids`; and whether there
    /// is more than is told. Kafka is asked only where it may have one of them.
    fn find(&self, filter: &Filter, ids: &[String]) -> anyhow::Result<(Vec<Item>, bool)> {
        let wanted = |item: &Item| (ids.is_empty() || ids.contains(&item.id())) && filter.lets(item);
        let letters = self.runtime.block_on(self.store.dead_letters(MOST)).context("the store")?;
        let mut more = letters.len() == MOST;
        let mut items: Vec<Item> = letters.into_iter().map(Item::Stored).filter(wanted).collect();
        if let Some(topic) = &self.topic
            && (ids.is_empty() || ids.iter().any(|id| parse_place(id).is_some()))
        {
            let (letters, beyond) = topic.letters(&wanted, MOST)?;
            items.extend(letters);
            more |= beyond;
        }
        items.sort_by_key(Item::at);
        Ok((items, more))
    }

    /// Does it with the letters that are chosen, once that is agreed to.
    fn work(&self, chosen: &Chosen, deed: Deed, as_json: bool) -> anyhow::Result<ExitCode> {
        let Chosen { ids, all: _, filter, dry_run, yes } = chosen;
        let (found, more) = self.find(filter, ids)?;
        let missing: Vec<String> =
            ids.iter().filter(|wanted| !found.iter().any(|item| item.id() == **wanted)).cloned().collect();
        for id in &missing {
            eprintln!("reassure: no dead letter has the id {id}");
        }
        tell_more(more);
        let code = if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_FOUND) };
        if *dry_run {
            would(&found, &missing, deed, as_json)?;
            return Ok(code);
        }
        if !yes && !found.is_empty() && !agreed(&found, deed)? {
            return Ok(ExitCode::from(WRONG));
        }
        let done = self.do_with(&found, deed)?;
        done.tell(&missing, deed, as_json)?;
        Ok(if done.failed.is_empty() { code } else { ExitCode::FAILURE })
    }

    fn do_with(&self, items: &[Item], deed: Deed) -> anyhow::Result<Done> {
        let mut done = Done::default();
        let mut on_topic = Vec::new();
        for item in items {
            match item {
                Item::OnTopic(letter) => on_topic.push(letter),
                Item::Stored(letter) => {
                    if self.runtime.block_on(self.do_with_stored(letter, deed))? {
                        done.done.push(item.id());
                    }
                }
            }
        }
        if let Some(topic) = self.topic.as_ref().filter(|_| !on_topic.is_empty()) {
            match deed {
                Deed::PutBack => topic.redrive(&self.runtime, &on_topic, &mut done)?,
                Deed::Drop => topic.put_away(&self.runtime, &on_topic, &mut done)?,
            }
        }
        Ok(done)
    }

    /// `false`: it is no longer there.
    async fn do_with_stored(&self, letter: &DeadLetter, deed: Deed) -> Result<bool, StoreError> {
        match (letter, deed) {
            (DeadLetter::Record { id, .. }, Deed::PutBack) => self.store.redrive_record(*id).await,
            (DeadLetter::Record { id, .. }, Deed::Drop) => self.store.drop_record(*id).await,
            (DeadLetter::Notification { id, .. }, Deed::PutBack) => {
                self.store.redrive_notification(id, Clock::system().now()).await
            }
            (DeadLetter::Notification { id, .. }, Deed::Drop) => self.store.drop_notification(id).await,
        }
    }
}
