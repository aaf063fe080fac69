//! `lookup`: one order's story.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use chrono_tz::Tz;

use super::{NOT_FOUND, Opened, coloured, opened, say};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::journey::JourneyKey;
use crate::ports::Timeline;
use crate::timeline::{self, Style};

/// Prints the timeline of an order.
///
/// # Errors
/// If the store cannot be read.
pub fn lookup(
    config: Option<&Path>,
    shop: String,
    order_id: String,
    everything: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let Opened { config: settings, runtime, store } = match opened(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let key = JourneyKey { shop, order_id };
    let found = runtime.block_on(store.timeline(&key)).context("the store")?;
    let Some(found) = found else {
        eprintln!("reassure: nothing is known of the order '{}' of '{}'", key.order_id, key.shop);
        return Ok(ExitCode::from(NOT_FOUND));
    };
    let now = Clock::system().now();
    if json {
        say(&serde_json::to_string_pretty(&timeline::json(&found, now))?);
    } else {
        let zone = zone(&settings, &found);
        say(timeline::write(&found, now, Style { colour: coloured(), everything, zone }).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// The customer's, else the shop's, as the demonstration tells it too.
pub(super) fn zone(settings: &Settings, found: &Timeline) -> Tz {
    let shop = settings.shops.get(&found.journey.key.shop).unwrap_or(&settings.shop);
    found.journey.order.customer.zone().unwrap_or(shop.time_zone)
}
