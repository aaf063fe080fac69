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

/// What a command looks at beside a running service.
struct Opened {
    loaded: Loaded,
    runtime: Runtime,
    store: Arc<dyn Store>,
}

/// All that the configuration says, and the store that it names.
fn opened(config: Option<&Path>) -> anyhow::Result<Result<Opened, ExitCode>> {
    let loaded = match Loaded::load(config) {
        Ok(loaded) => loaded,
        Err(faults) => return Ok(Err(complain(&faults))),
    };
    let runtime = runtime()?;
    let store = runtime.block_on(store(config))?;
    Ok(store.map(|store| Opened { loaded, runtime, store }))
}

/// Opens the store that the configuration names, for a look beside a running service.
async fn store(config: Option<&Path>) -> anyhow::Result<Result<Arc<dyn Store>, ExitCode>> {
    let mut settings = match Settings::load(config) {
        Ok(settings) => settings.store,
        Err(faults) => return Ok(Err(complain(&faults))),
    };
    match &mut settings {
        store::Settings::Sqlite(file) if !file.path.exists() => {
            eprintln!("reassure: there is no store at {} (store.path)", file.path.display());
            return Ok(Err(ExitCode::from(NOT_FOUND)));
        }
        store::Settings::Sqlite(_) => {}
        // someone is waiting for the answer
        store::Settings::Postgres(database) => database.start_ms = 0,
    }
    Ok(Ok(settings.open().await.with_context(|| format!("the store {}", settings.place()))?))
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
