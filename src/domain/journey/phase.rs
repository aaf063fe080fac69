//! Where the buyer stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the buyer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Confirmation,
    Preparation,
    Shipping,
    Delay,
    PickupHold,
    Delivery,
    Usage,
    Cancelled,
    Returned,
    Lost,
}

impl Phase {
    /// The name as rules and the API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Preparation => "preparation",
            Self::Shipping => "shipping",
            Self::Delay => "delay",
            Self::PickupHold => "pickup_hold",
            Self::Delivery => "delivery",
            Self::Usage => "usage",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
            Self::Lost => "lost",
        }
    }
}
