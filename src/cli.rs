//! What each command of the command line does.

pub mod adapt;
pub mod check;
pub mod demo;
pub mod dlq;
pub mod explain;
pub mod lookup;
pub mod migrate;
pub mod privacy;
pub mod rules;
pub mod run;
pub mod simulate;
pub mod storms;
pub mod unconfirmed;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::config::{Loaded, Settings};
use crate::domain::fault::Fault;
use crate::ports::Store;
use crate::store;

/// The call or the configuration is wrong.
pub const WRONG: u8 = 2;
/// What was asked for is not there.
pub const NOT_FOUND: u8 = 3;

/// Prints faults as people read them, with their count.
fn complain(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        eprintln!("{fault}");
    }
    eprintln!("\n{} {}", faults.len(), if faults.len() == 1 { "fault" } else { "faults" });
    ExitCode::from(WRONG)
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot start")
}

/// What a command looks at beside a running service: a configuration as far as it was read, and the store that
/// it names.
struct Opened<C> {
    config: C,
    runtime: Runtime,
    store: Arc<dyn Store>,
}

/// What the configuration says, and the store.
fn opened(config: Option<&Path>) -> anyhow::Result<Result<Opened<Settings>, ExitCode>> {
    open(Settings::load(config), |settings| &settings.store)
}

/// All that the configuration names, and the store.
fn opened_with_all(config: Option<&Path>) -> anyhow::Result<Result<Opened<Loaded>, ExitCode>> {
    open(Loaded::load(config), |loaded| &loaded.settings.store)
}

fn open<C>(
    config: Result<C, Vec<Fault>>,
    store: fn(&C) -> &store::Settings,
) -> anyhow::Result<Result<Opened<C>, ExitCode>> {
    let config = match config {
        Ok(config) => config,
        Err(faults) => return Ok(Err(complain(&faults))),
    };
    let mut settings = store(&config).clone();
    match &mut settings {
        store::Settings::Sqlite(file) if !file.path.exists() => {
            eprintln!("reassure: there is no store at {} (store.path)", file.path.display());
            return Ok(Err(ExitCode::from(NOT_FOUND)));
        }
        store::Settings::Sqlite(_) => {}
        // someone is waiting for the answer
        store::Settings::Postgres(database) => database.start_ms = 0,
    }
    let runtime = runtime()?;
    let store = runtime.block_on(settings.open()).with_context(|| format!("the store {}", settings.place()))?;
    Ok(Ok(Opened { config, runtime, store }))
}

/// Standard output is a terminal that wants colours.
fn coloured() -> bool {
    use std::io::IsTerminal;
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Prints a line; a reader that has gone is no fault.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
