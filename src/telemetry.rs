//! What the service says of itself: its metrics, specified in one place, and how it logs.

pub mod export;
mod metrics;
mod names;
mod page;
mod spans;
pub mod specification;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub use export::Exporting;
pub use metrics::Metrics;
pub use names::Names;
pub use page::page;
pub use spans::{Span, Tracer, trace_id};

/// Starts logging to standard error: JSON lines, or text for people.
pub fn log(json: bool, level: &str) {
    let filter = EnvFilter::try_from_env("REASSURE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // a second call, as in tests, leaves the first in place
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
}
