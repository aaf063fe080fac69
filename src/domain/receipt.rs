//! What becomes of a notification once a provider has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decision::NotificationId;
use super::order::Channel;
use super::time::Timestamp;

/// What is heard of a notification after its attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// A provider that tells no more has taken it.
    Accepted,
    /// It lies in the recipient's mailbox or telephone.
    Delivered,
    /// It came back: nobody is reached at that address.
    Bounced,
    /// It was refused or given up on the way, which says nothing of the address.
    Failed,
    /// The recipient calls it unwanted.
    Complained,
}

impl Receipt {
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Delivered, Self::Bounced, Self::Failed, Self::Complained];

    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Failed => "failed",
            Self::Complained => "complained",
        }
    }

    /// It has not reached the recipient, and will not.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Bounced | Self::Failed)
    }
}

/// A receipt, as the journey keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    pub notification: NotificationId,
    pub channel: Channel,
    pub receipt: Receipt,
    pub at: Timestamp,
}
