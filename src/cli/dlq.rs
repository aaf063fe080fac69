//! `dlq`: the dead letters, and putting them back to work.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::{NOT_FOUND, runtime, say, store};
use crate::clock::Clock;
use crate::domain::decision::NotificationId;
use crate::ports::{DeadLetter, Store};

/// Listed at most.
const MOST: usize = 10_000;

#[derive(Subcommand)]
pub enum Command {
    /// List what waits, oldest first.
    List,
    /// Put letters back to work: a record is read again, a message is sent with the same key.
    Redrive {
        /// Their ids, as `list` prints them.
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// All that wait.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// Only tell what would be put back.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Lists or redrives dead letters.
///
/// # Errors
/// If the store cannot be read or written.
pub fn dlq(config: Option<&Path>, command: Command, as_json: bool) -> anyhow::Result<ExitCode> {
    let runtime = runtime()?;
    let store = match runtime.block_on(store(config))? {
        Ok(store) => store,
        Err(code) => return Ok(code),
    };
    let letters = runtime.block_on(store.dead_letters(MOST)).context("the store")?;
    match command {
        Command::List => list(&letters, as_json),
        Command::Redrive { ids, all, dry_run } => {
            let chosen: Vec<&DeadLetter> = letters.iter().filter(|letter| all || ids.contains(&id(letter))).collect();
            let missing: Vec<&String> =
                ids.iter().filter(|wanted| !letters.iter().any(|letter| id(letter) == **wanted)).collect();
            for id in &missing {
                eprintln!("reassure: no dead letter has the id {id}");
            }
            if dry_run && as_json {
                say(&serde_json::to_string_pretty(&json!({ "would_put_back": chosen, "missing": missing }))?);
            } else if dry_run {
                say(&format!("would put back {}:", chosen.len()));
                chosen.iter().for_each(|letter| say(&line(letter)));
            } else {
                let put_back = runtime.block_on(redrive(&*store, &chosen))?;
                if as_json {
                    say(&serde_json::to_string_pretty(&json!({ "put_back": put_back, "missing": missing }))?);
                } else {
                    say(&format!("put back {}; the running service takes them up", put_back.len()));
                }
            }
            Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_FOUND) })
        }
    }
}

fn list(letters: &[DeadLetter], as_json: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        say(&serde_json::to_string_pretty(letters)?);
    } else if letters.is_empty() {
        say("no dead letters");
    } else {
        letters.iter().for_each(|letter| say(&line(letter)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts letters back; returns the ids of those that were still there.
async fn redrive(store: &dyn Store, letters: &[&DeadLetter]) -> anyhow::Result<Vec<String>> {
    let mut put_back = Vec::new();
    for letter in letters {
        let was_there = match letter {
            DeadLetter::Record { id, .. } => store.redrive_record(*id).await?,
            DeadLetter::Notification { id, .. } => {
                store.redrive_notification(&NotificationId(id.0.clone()), Clock::system().now()).await?
            }
        };
        if was_there {
            put_back.push(id(letter));
        }
    }
    Ok(put_back)
}

fn id(letter: &DeadLetter) -> String {
    match letter {
        DeadLetter::Record { id, .. } => id.to_string(),
        DeadLetter::Notification { id, .. } => id.to_string(),
    }
}

fn line(letter: &DeadLetter) -> String {
    match letter {
        DeadLetter::Record { id, at, partition, offset, cause, detail, bytes, .. } => {
            format!(
                "{id}\t{at}\trecord {}/{} offset {offset}, {bytes} bytes\t{cause}: {detail}",
                partition.topic, partition.number
            )
        }
        DeadLetter::Notification { id, at, key, message, channel, provider, state, attempts, detail } => {
            let why = detail.as_deref().unwrap_or("no detail");
            format!(
                "{id}\t{at}\t{message} by {channel} for {} / {}\t{} at {provider} after {attempts} attempts: {why}",
                key.shop,
                key.order_id,
                state.as_str()
            )
        }
    }
}
