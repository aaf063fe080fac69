//! What a process does, and how it ends.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub drain_seconds: u64,
    /// What this process does of the work that all processes on one store share.
    pub roles: BTreeSet<Role>,
}

/// A part of the work. Probes and metrics are every process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Joins the consumer group, decides on events and deadlines, looks after the store.
    Ingest,
    /// Brings messages to the providers.
    Dispatch,
    /// Answers the API.
    Http,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Dispatch, Self::Http];

    /// As the configuration calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Dispatch => "dispatch",
            Self::Http => "http",
        }
    }
}

impl Service {
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
