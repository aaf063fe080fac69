//! One vocabulary for what all carriers say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a carrier says of a parcel, in one vocabulary for all carriers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParcelStatus {
    Announced,
    PickedUp,
    InTransit,
    InCustoms,
    OutForDelivery,
    AttemptFailed,
    HeldAtPickup,
    Delivered,
    Collected,
    Delayed,
    Damaged,
    Lost,
    Refused,
    Returning,
    Returned,
    Exception,
    /// A status that no vocabulary lists; kept and counted.
    #[serde(other)]
    Unknown,
}

impl ParcelStatus {
    pub const ALL: [Self; 17] = [
        Self::Announced,
        Self::PickedUp,
        Self::InTransit,
        Self::InCustoms,
        Self::OutForDelivery,
        Self::AttemptFailed,
        Self::HeldAtPickup,
        Self::Delivered,
        Self::Collected,
        Self::Delayed,
        Self::Damaged,
        Self::Lost,
        Self::Refused,
        Self::Returning,
        Self::Returned,
        Self::Exception,
        Self::Unknown,
    ];

    /// The name as events and rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::PickedUp => "picked_up",
            Self::InTransit => "in_transit",
            Self::InCustoms => "in_customs",
            Self::OutForDelivery => "out_for_delivery",
            Self::AttemptFailed => "attempt_failed",
            Self::HeldAtPickup => "held_at_pickup",
            Self::Delivered => "delivered",
            Self::Collected => "collected",
            Self::Delayed => "delayed",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Returning => "returning",
            Self::Returned => "returned",
            Self::Exception => "exception",
            Self::Unknown => "unknown",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The parcel has reached its end: nothing more is to come for the buyer on this waybill.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Delivered | Self::Collected | Self::Lost | Self::Returned)
    }

    /// It travels back to the sender.
    pub fn is_return(self) -> bool {
        matches!(self, Self::Refused | Self::Returning | Self::Returned)
    }

    /// Something is wrong that the buyer would worry about.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Delayed | Self::AttemptFailed | Self::Exception | Self::Damaged)
    }

    /// It is on its way and all is well.
    pub fn is_moving(self) -> bool {
        matches!(self, Self::PickedUp | Self::InTransit | Self::InCustoms | Self::OutForDelivery)
    }
}
