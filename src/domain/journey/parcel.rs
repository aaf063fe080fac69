//! One life of a waybill, as the journey keeps it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParcelKey;
use crate::domain::event::{HoldNotice, ParcelStatus, Waybill};
use crate::domain::parcel::Given;
use crate::domain::time::{Timestamp, Window};

/// One scan of a parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    pub status: ParcelStatus,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// With `held_at_pickup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldNotice>,
    /// With `delivered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_to: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// The buyer wanted to collect it.
    Chosen,
    /// It was to come home, and did not.
    Imposed,
}

impl HoldKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Imposed => "imposed",
        }
    }
}

/// It waits to be collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    pub kind: HoldKind,
    pub since: Timestamp,
    #[serde(flatten)]
    pub notice: HoldNotice,
}

/// One parcel: a carrier, a number, and which life of that number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    #[serde(flatten)]
    pub key: ParcelKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
    /// The scans of this life, oldest first, as they happened.
    pub scans: Vec<Scan>,
    /// Every arrival that was announced, as they were announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub etas: Vec<Announced>,
    /// The newest of `etas`, beside what was expected before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// While it waits to be collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// With `delivered`: to whom or where it was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_to: Option<String>,
    /// When the shop gave the buyer this number.
    pub linked_at: Timestamp,
    /// The shipments that had given it before, in this life.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_before: Vec<Given>,
    /// The number under which it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<Waybill>,
    /// This life carries goods back to the shop; nothing of it is news for the buyer.
    #[serde(default)]
    pub is_return: bool,
}

/// An expected arrival, and who learnt of it when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Eta {
    pub window: Window,
    /// When the carrier said so.
    pub at: Timestamp,
    /// The one before it, if it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An arrival as a carrier or the shop announced it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announced {
    pub at: Timestamp,
    pub window: Window,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Parcel {
    /// The newest scan that says something (an `unknown` one does not).
    pub fn latest(&self) -> Option<&Scan> {
        self.scans.iter().rev().find(|scan| scan.status != ParcelStatus::Unknown)
    }

    /// What is known last; `announced` before the first scan.
    pub fn status(&self) -> ParcelStatus {
        self.latest().map_or(ParcelStatus::Announced, |scan| scan.status)
    }

    /// When the carrier last said anything, else when the number was given.
    pub fn last_scan_at(&self) -> Timestamp {
        self.scans.last().map_or(self.linked_at, |scan| scan.at)
    }

    /// Nothing more is to come for the buyer under this number.
    pub fn is_over(&self) -> bool {
        self.is_return || self.replaced_by.is_some() || self.status().is_terminal()
    }

    /// When it was delivered or collected.
    pub fn arrived_at(&self) -> Option<Timestamp> {
        let scan = self.latest()?;
        matches!(scan.status, ParcelStatus::Delivered | ParcelStatus::Collected).then_some(scan.at)
    }
}
