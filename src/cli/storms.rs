//! `storms`: rules that are held because they speak far more often than ever.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{NOT_FOUND, Opened, WRONG, opened, say};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::ports::{Ruling, Storm};

#[derive(Subcommand)]
pub enum Command {
    /// List the rules that are held, and those of which something still is.
    List,
    /// Let go what is held of a rule: each message is looked at again before it leaves. So much is usual
    /// from now on.
    Release(Choice),
    /// Send nothing of what is held of a rule. While it speaks as often, what it says goes on being held.
    Drop(Choice),
}

/// Which storm.
#[derive(Args)]
pub struct Choice {
    /// The shop, as events name it.
    shop: String,
    rule: String,
    /// Only tell how many messages that is.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Lists storms, or says what becomes of what one holds.
///
/// # Errors
/// If the store cannot be read or written.
pub fn storms(config: Option<&Path>, command: &Command, as_json: bool) -> anyhow::Result<ExitCode> {
    let Opened { runtime, store, .. } = match opened(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let now = Clock::system().now();
    let storms = runtime.block_on(store.storms(now)).context("the store")?;
    let (choice, ruling) = match command {
        Command::List => {
            list(&storms, now, as_json)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Release(choice) => (choice, Ruling::Release),
        Command::Drop(choice) => (choice, Ruling::Drop),
    };
    let Some(storm) = storms.iter().find(|storm| storm.shop == choice.shop && storm.rule == choice.rule) else {
        eprintln!("reassure: nothing is held of the rule '{}' of '{}'", choice.rule, choice.shop);
        return Ok(ExitCode::from(NOT_FOUND));
    };
    let held = storm.held + storm.ruled;
    if choice.dry_run {
        tell("would_be_ruled", held, ruling, storm, as_json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !choice.yes && !agreed(held, ruling, storm)? {
        return Ok(ExitCode::from(WRONG));
    }
    let ruled = runtime.block_on(store.rule_on(&storm.shop, &storm.rule, ruling, now)).context("the store")?;
    tell("ruled", ruled.unwrap_or_default(), ruling, storm, as_json)?;
    Ok(ExitCode::SUCCESS)
}

fn list(storms: &[Storm], now: Timestamp, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let shown: Vec<_> = storms.iter().map(|storm| storm.shown(now)).collect();
        say(&serde_json::to_string_pretty(&json!({ "storms": shown }))?);
    } else if storms.is_empty() {
        say("no rule is held");
    }
    if !as_json {
        storms.iter().for_each(|storm| say(&line(storm, now)));
    }
    Ok(())
}

fn line(storm: &Storm, now: Timestamp) -> String {
    let Storm { shop, rule, since, holds_until, mark, busiest, held, ruled, ruling } = storm;
    let stands = if storm.rages(now) { format!("held until {holds_until} at least") } else { "over".to_owned() };
    let doing = match ruling {
        Some(ruling) if *ruled > 0 => format!(", {ruled} to {}", ruling.as_str()),
        _ => String::new(),
    };
    format!(
        "{shop}  {rule}  since {since}, {stands}: {busiest} messages in an hour, where {mark} would be usual  \
         {held} held{doing}"
    )
}

fn tell(what: &str, count: u64, ruling: Ruling, storm: &Storm, as_json: bool) -> anyhow::Result<()> {
    let Storm { shop, rule, .. } = storm;
    if as_json {
        let told = json!({ "shop": shop, "rule": rule, "ruling": ruling, what: count });
        say(&serde_json::to_string_pretty(&told)?);
    } else if what == "ruled" {
        say(&format!("{count} messages of {shop}'s {rule}: {}; the running service carries it out", ruling.as_str()));
    } else {
        say(&format!("would {} {count} messages of {shop}'s {rule}", ruling.as_str()));
    }
    Ok(())
}

/// Says what is about to be done, and asks.
fn agreed(count: u64, ruling: Ruling, storm: &Storm) -> anyhow::Result<bool> {
    let mut error = std::io::stderr();
    let what = match ruling {
        Ruling::Release => "lets go, to be sent as far as they are still true,",
        Ruling::Drop => "drops for good",
    };
    write!(error, "This {what} {count} messages of {}'s {}. Go on? [y/N] ", storm.shop, storm.rule)?;
    if !std::io::stdin().is_terminal() {
        writeln!(error, "\nreassure: nobody to ask; say --yes, or --dry-run to see how many")?;
        return Ok(false);
    }
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
