//! Journeys as real streams bring them, out of a seed: every way of delivery and every concern,
//! split orders, doubled, disordered and late scans, silence, recycled numbers, returns on the same
//! waybill, cancellations, clocks that are wrong, bulk corrections and replays.
//!
//! A journey is first a [`Plan`], some hundred bytes; its events are made one by one as they are
//! needed, so that a million journeys under way take little room. The same seed gives the same
//! journeys; `REASSURE_SEED` sets it, and every test prints the one it had.

#![allow(dead_code, reason = "each of those who include it uses a part")]

mod always;
mod contradictions;
mod goods;
mod plan;
mod stream;
mod trouble;

pub use always::{always, always_contradicted, always_together};
use plan::Plan;
pub use stream::Stream;

use reassure::domain::event::Event;
use reassure::domain::time::Timestamp;

/// Monday, 2 March 2026, nine in the morning in Paris.
pub const BEGIN: i64 = 1_772_438_400_000;

/// An event and when it was recorded on its topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub at: Timestamp,
    pub event: Event,
}

impl Recorded {
    /// As a line of a recording: CloudEvents JSON with the extension `recordedtime`.
    pub fn line(&self) -> String {
        let mut value: serde_json::Value =
            serde_json::from_slice(&reassure::envelope::encode(&self.event)).expect("JSON");
        value["recordedtime"] = self.at.to_string().into();
        value.to_string()
    }
}

/// The seed of this run: always the same, so that a change is judged by what it changed, unless
/// `REASSURE_SEED` names another, or is `any` to look further.
pub fn seed() -> u64 {
    match std::env::var("REASSURE_SEED").as_deref() {
        Ok("any") => rand::random(),
        Ok(text) => text.trim().parse().expect("REASSURE_SEED is a whole number, or any"),
        Err(_) => BEGIN.unsigned_abs(),
    }
}
