//! Whom a message is for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::{Customer, Order};

/// Each has their own address, consent, quiet hours and budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    #[default]
    Buyer,
    /// For whom the order is a present.
    Recipient,
    /// The shop itself, at its webhook.
    Shop,
}

impl Party {
    pub const ALL: [Self; 3] = [Self::Buyer, Self::Recipient, Self::Shop];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Recipient => "recipient",
            Self::Shop => "shop",
        }
    }

    /// In plain words, for a timeline.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Buyer => "the buyer",
            Self::Recipient => "the recipient of the present",
            Self::Shop => "the shop",
        }
    }

    /// Most messages are for the buyer.
    pub fn is_buyer(&self) -> bool {
        *self == Self::Buyer
    }

    /// The person, if it is one that the order names.
    pub fn person(self, order: &Order) -> Option<&Customer> {
        match self {
            Self::Buyer => Some(&order.customer),
            Self::Recipient => order.gift.as_ref()?.recipient.as_ref(),
            Self::Shop => None,
        }
    }
}
