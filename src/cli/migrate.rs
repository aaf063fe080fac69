//! `migrate`: the store brought up to date before the service comes.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::{complain, runtime, say};
use crate::config::{LogFormat, Settings};
use crate::telemetry;

/// Makes the store that the configuration names, or brings it up to date: under a lock, whole or
/// not at all. A database that is away is waited for, as at the start of the service.
///
/// # Errors
/// A store that cannot be reached, or that a newer version or another program has made.
pub fn migrate(config: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(faults) => return Ok(complain(&faults)),
    };
    telemetry::log(settings.log.format == LogFormat::Json, settings.log.level.as_str());
    let place = settings.store.place();
    runtime()?.block_on(settings.store.open()).with_context(|| format!("the store {place}"))?;
    if json {
        say(&serde_json::json!({ "store": place, "up_to_date": true }).to_string());
    } else {
        say(&format!("the store {place} is up to date"));
    }
    Ok(ExitCode::SUCCESS)
}
