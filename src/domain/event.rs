//! What happened: the canonical events, as published to the topics.
//!
//! Every event names its shop and, where it is about one order, the order. `schemas/` holds an
//! Avro schema, a JSON Schema and an example of each type.

mod reference;
mod status;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::order::{Channel, Customer, Delivery, Gift, Item, Order, Point};
use super::time::{Timestamp, Window};

pub use reference::Reference;
pub use status::ParcelStatus;

/// An event as it came: who says so (`source` and `id` together tell a repetition), when it
/// happened, and what.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: String,
    pub source: String,
    /// When it happened, not when it arrived.
    pub time: Timestamp,
    /// W3C trace context of the record, handed on to providers.
    pub traceparent: Option<String>,
    pub body: Body,
}

/// By what a repetition of an event is known: a hash of its `source` and `id` (I1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey(pub [u8; 16]);

impl Event {
    /// The length of the source goes in first, so that no two pairs run together.
    pub fn key(&self) -> EventKey {
        let mut hash = Sha256::new();
        hash.update((self.source.len() as u64).to_le_bytes());
        hash.update(self.source.as_bytes());
        hash.update(self.id.as_bytes());
        let digest = hash.finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        EventKey(key)
    }
}

/// Declares the canonical types once: the enum, its wire name and its list.
macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident($data:ty) = $wire:literal,)*) => {
        /// What happened. The wire name of each variant is its CloudEvents `type`.
        #[allow(clippy::large_enum_variant, reason = "events live one by one behind an `Arc`")]
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "events live behind one pointer, as a whole")]
        pub enum Body {
            $($(#[$doc])* $name($data),)*
        }

        /// The type of an event, without its data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType {
            $($(#[$doc])* $name,)*
        }

        impl EventType {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The CloudEvents `type`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)*
                }
            }

            /// The type of that wire name, if it is one of ours.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($wire => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Reads the data of an event of this type.
            ///
            /// # Errors
            /// Those of the deserializer.
            pub fn read<'de, D: serde::Deserializer<'de>>(self, data: D) -> Result<Body, D::Error> {
                match self {
                    $(Self::$name => <$data>::deserialize(data).map(Body::$name),)*
                }
            }

            /// The JSON Schema of the data of an event of this type.
            pub fn data_schema(self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                match self {
                    $(Self::$name => generator.subschema_for::<$data>(),)*
                }
            }
        }

        impl Body {
            pub fn event_type(&self) -> EventType {
                match self {
                    $(Self::$name(_) => EventType::$name,)*
                }
            }

            /// The shop that the event is about.
            pub fn shop(&self) -> &str {
                match self {
                    $(Self::$name(data) => &data.shop,)*
                }
            }
        }

        impl Serialize for Body {
            /// The data alone, without its type.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(data) => data.serialize(serializer),)*
                }
            }
        }
    };
}

bodies! {
    /// A buyer has ordered and paid.
    OrderPlaced(OrderPlaced) = "order.placed",
    /// The shop has accepted the order.
    OrderConfirmed(OrderStep) = "order.confirmed",
    /// Items, delivery or promise have changed.
    OrderUpdated(OrderUpdated) = "order.updated",
    OrderPreparing(OrderStep) = "order.preparing",
    OrderPacked(OrderPacked) = "order.packed",
    /// It can be collected in the store.
    OrderReadyForCollection(OrderReady) = "order.ready_for_collection",
    OrderCollected(OrderStep) = "order.collected",
    OrderCancelled(OrderCancelled) = "order.cancelled",
    OrderRefunded(OrderRefunded) = "order.refunded",
    ShipmentCreated(ShipmentCreated) = "shipment.created",
    /// A parcel goes on under a new number.
    ShipmentReplaced(ShipmentReplaced) = "shipment.replaced",
    /// A carrier's scan.
    ParcelTracked(ParcelTracked) = "parcel.tracked",
    ParcelEtaChanged(ParcelEtaChanged) = "parcel.eta_changed",
    CustomerUpdated(CustomerUpdated) = "customer.updated",
    CustomerErased(CustomerErased) = "customer.erased",
    /// The customer had to ask.
    SupportContacted(SupportContacted) = "support.contacted",
}

/// What was bought, by whom, and what was promised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    pub shop: String,
    pub order_id: String,
    #[serde(flatten)]
    pub order: Order,
}

/// A step of the order that needs no data of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderStep {
    pub shop: String,
    pub order_id: String,
}

/// Only what is given changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderUpdated {
    pub shop: String,
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Item>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift: Option<Gift>,
}

/// The order is packed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPacked {
    pub shop: String,
    pub order_id: String,
    /// How it is packed, in the shop's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging: Option<String>,
}

/// The order waits in the store: where, until when, and what to bring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReady {
    pub shop: String,
    pub order_id: String,
    #[serde(flatten)]
    pub hold: HoldNotice,
}

/// The order is cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    pub shop: String,
    pub order_id: String,
    /// Why, in words meant for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Money has been given back, in the order's currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRefunded {
    pub shop: String,
    pub order_id: String,
    pub amount: super::order::Amount,
}

/// How much of the order a shipment carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// The whole order.
    #[default]
    All,
    /// A part; more follows.
    Some,
    /// The rest.
    Last,
    /// What its items make of it, for publishers that do not know.
    ByItems,
}

impl Extent {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Some => "some",
            Self::Last => "last",
            Self::ByItems => "by_items",
        }
    }
}

/// Items of the order, by their `sku`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub sku: String,
    pub quantity: u32,
}

/// A carrier's number for a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Waybill {
    /// The carrier's short name in lower case: `colissimo`, `dhl`, `ups`.
    pub carrier: String,
    pub tracking_number: String,
}

/// A parcel as it sets out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewParcel {
    #[serde(flatten)]
    pub waybill: Waybill,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_url: Option<String>,
}

/// Parcels have left with a carrier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentCreated {
    pub shop: String,
    pub order_id: String,
    pub shipment_id: String,
    #[serde(default)]
    pub extent: Extent,
    /// What left; the whole order, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Line>,
    pub parcels: Vec<NewParcel>,
    /// When it is expected to arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Window>,
}

/// The parcel that had the first number goes on under the second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentReplaced {
    pub shop: String,
    pub order_id: String,
    pub shipment_id: String,
    pub replaced: Waybill,
    pub replacement: NewParcel,
}

/// What is told of a parcel or an order that waits to be collected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HoldNotice {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// The last moment at which it can be collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The code to show at the counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// An identity document must be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_required: Option<bool>,
}

/// What a carrier's scan says of a parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParcelTracked {
    pub shop: String,
    /// The order, where the carrier's feed knows it; otherwise the parcel's shipment tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(flatten)]
    pub waybill: Waybill,
    pub status: ParcelStatus,
    /// The carrier's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The carrier's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where it was scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// When the carrier now expects to deliver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Window>,
    /// With `held_at_pickup`: where and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldNotice>,
    /// With `delivered`: to whom or where it was left: `neighbour`, `letterbox`, `recipient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_to: Option<String>,
    /// Whether the carrier has told the buyer of this, where its feed knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notified_by_carrier: Option<bool>,
}

/// A parcel is expected at another time than before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParcelEtaChanged {
    pub shop: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(flatten)]
    pub waybill: Waybill,
    pub eta: Window,
    /// Why, in words meant for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Contact, locale, time zone or preferences of a customer have changed. What is given replaces
/// what was known, on every order of the customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerUpdated {
    pub shop: String,
    pub customer: Customer,
}

/// The customer's personal data is to be forgotten, and nothing more to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerErased {
    pub shop: String,
    pub customer_id: String,
}

/// The customer has written or called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SupportContacted {
    pub shop: String,
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// What it was about, in the care team's own classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}
