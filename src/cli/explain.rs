//! `explain`: why a decision was taken.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::lookup::zone;
use super::{NOT_FOUND, Opened, coloured, opened_with_all, say};
use crate::domain::journey::JourneyKey;
use crate::explain::{self, Choice};
use crate::trial::report::Style;

#[derive(Args)]
pub struct Options {
    /// The shop, as events name it.
    shop: String,
    /// The order's id.
    order: String,
    /// The rule; without it, the last decision of every rule.
    rule: Option<String>,
    /// The decisions taken at this moment, as `lookup` shows it or its beginning: 2026-03-02 09:00.
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// Also every fact that the rule could see.
    #[arg(long)]
    all: bool,
}

/// Prints why the decisions that are chosen were taken.
///
/// # Errors
/// If the store cannot be read.
pub fn explain(config: Option<&Path>, options: Options, json: bool) -> anyhow::Result<ExitCode> {
    let Opened { config: loaded, runtime, store } = match opened_with_all(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let key = JourneyKey { shop: options.shop, order_id: options.order };
    let found = runtime.block_on(store.timeline(&key)).context("the store")?;
    let (Some(timeline), Some(rules)) = (found, loaded.shops.rules(&key.shop)) else {
        eprintln!("reassure: nothing is known of the order '{}' of '{}'", key.order_id, key.shop);
        return Ok(ExitCode::from(NOT_FOUND));
    };
    let zone = zone(&loaded.settings, &timeline);
    let choice = Choice { rule: options.rule, at: options.at, zone };
    let explained = explain::explain(&timeline, rules, &choice);
    if explained.is_empty() {
        eprintln!("reassure: no such decision; 'reassure lookup {} {} --all' shows all", key.shop, key.order_id);
        return Ok(ExitCode::from(NOT_FOUND));
    }
    if json {
        say(&serde_json::to_string_pretty(&explained)?);
    } else {
        let style = Style { colour: coloured() };
        let told: Vec<String> = explained.iter().map(|one| explain::write(one, zone, style, options.all)).collect();
        say(told.join("\n").trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
