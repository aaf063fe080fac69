//! When a step is taken, and what is known by then from beyond the journey.

use super::super::spending::Elsewhere;
use super::super::time::Timestamp;

#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub now: Timestamp,
    /// What has been told elsewhere, of late; `None`: nobody has looked.
    pub elsewhere: Option<&'a Elsewhere>,
}

impl From<Timestamp> for Moment<'_> {
    fn from(now: Timestamp) -> Self {
        Self { now, elsewhere: None }
    }
}
