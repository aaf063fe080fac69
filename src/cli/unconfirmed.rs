//! `unconfirmed`: the orders whose confirmation is missing.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::{Opened, opened, say};
use crate::clock::Clock;

#[derive(clap::Args)]
pub struct Options {
    /// Only those of this shop.
    #[arg(long)]
    shop: Option<String>,
    /// Also those that are within the objective still.
    #[arg(long)]
    all: bool,
    /// No more than so many.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    limit: usize,
}

/// Lists the orders whose confirmation no provider has accepted within the objective, the longest
/// wait first.
///
/// # Errors
/// If the store cannot be read.
pub fn unconfirmed(config: Option<&Path>, options: &Options, json: bool) -> anyhow::Result<ExitCode> {
    let Opened { config: settings, runtime, store } = match opened(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let now = Clock::system().now();
    let (from, to) = settings.confirmation.missed_at(now);
    let to = if options.all { now } else { to };
    // of one shop as many as there are of all, since they are chosen afterwards
    let most = if options.shop.is_some() { usize::MAX } else { options.limit };
    let mut orders = runtime.block_on(store.unconfirmed_orders(from, to, most)).context("the store")?;
    orders.retain(|order| options.shop.as_ref().is_none_or(|shop| *shop == order.key.shop));
    orders.truncate(options.limit);
    if json {
        say(&serde_json::to_string_pretty(&serde_json::json!({ "unconfirmed": orders }))?);
        return Ok(ExitCode::SUCCESS);
    }
    for order in &orders {
        let waited = now.since(order.since).num_minutes();
        say(&format!(
            "{}  {}  {waited} min  {} ({})",
            order.key.shop,
            order.key.order_id,
            order.cause.as_str(),
            order.cause.in_words()
        ));
    }
    if orders.is_empty() {
        say("no confirmation is missing");
    }
    Ok(ExitCode::SUCCESS)
}
