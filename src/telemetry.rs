//! What the service says of itself: its metrics and the fields of its log, each specified in one place,
//! and the traces of what it does.

pub mod export;
pub mod log;
mod metrics;
mod names;
mod page;
mod spans;
pub mod specification;

pub use export::Exporting;
pub use log::log;
pub use metrics::Metrics;
pub use page::page;
pub use spans::{Span, Tracer, trace_id};
