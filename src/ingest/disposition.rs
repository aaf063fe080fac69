//! What became of an event.

/// What became of an event (I8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Applied,
    Duplicate,
    Parked,
    DeadLettered,
}

impl Disposition {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
            Self::DeadLettered => "dead_lettered",
        }
    }
}
