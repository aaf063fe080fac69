//! What is kept for a time.

/// A kind of what is kept, each with a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// What was sent, word by word.
    Contents,
    /// What happened and what was decided.
    Timelines,
    Attempts,
    /// Orders that nothing has been heard of, with all that hangs on them.
    Journeys,
    /// Events that wait for an order that never came.
    Parked,
    /// Records that could not be read, and messages that wait for a person.
    DeadLetters,
    /// What customers have been told of late, by all their orders.
    Spending,
}

impl Kept {
    pub const ALL: [Self; 7] = [
        Self::Contents,
        Self::Timelines,
        Self::Attempts,
        Self::Journeys,
        Self::Parked,
        Self::DeadLetters,
        Self::Spending,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contents => "contents",
            Self::Timelines => "timelines",
            Self::Attempts => "attempts",
            Self::Journeys => "journeys",
            Self::Parked => "parked",
            Self::DeadLetters => "dead_letters",
            Self::Spending => "spending",
        }
    }
}

/// What one bounded step of a purge came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    pub removed: u64,
    /// From where the next step goes on; `None`: there is nothing more to look at.
    pub next: Option<i64>,
}
