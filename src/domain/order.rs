//! What was bought, by whom, and what was promised.

mod amount;

use std::fmt;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::personal::Personal;
use super::time::Window;

pub use amount::Amount;

/// A way to reach the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Sms,
    Webhook,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Email, Self::Sms, Self::Webhook];

    /// The name as rules, metrics and the store write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Webhook => "webhook",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The buyer, and how to reach them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Customer {
    /// The shop's own identifier; with it `customer.updated` and `customer.erased` find the orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal>,
    /// E.164, or as dialled within the shop's country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal>,
    /// BCP 47, such as `fr-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// IANA, such as `Europe/Paris`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The channels the customer accepts; all, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
    /// The channels on which the customer has agreed to marketing; none, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marketing: Option<Vec<Channel>>,
}

impl Customer {
    /// The customer's own time zone, if it is known and is one.
    pub fn zone(&self) -> Option<Tz> {
        self.time_zone.as_ref()?.parse().ok()
    }
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal>,
    pub lines: Vec<Personal>,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A stretch of opening hours on one weekday, in local time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpeningHours {
    pub day: Weekday,
    /// `HH:MM`
    pub opens: String,
    /// `HH:MM`
    pub closes: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }

    pub fn of(day: NaiveDate) -> Self {
        match day.weekday() {
            chrono::Weekday::Mon => Self::Monday,
            chrono::Weekday::Tue => Self::Tuesday,
            chrono::Weekday::Wed => Self::Wednesday,
            chrono::Weekday::Thu => Self::Thursday,
            chrono::Weekday::Fri => Self::Friday,
            chrono::Weekday::Sat => Self::Saturday,
            chrono::Weekday::Sun => Self::Sunday,
        }
    }
}

/// Where a parcel waits to be collected: a pickup point, a post office, a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Point {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub name: String,
    pub address: Address,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opening_hours: Vec<OpeningHours>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMethod {
    #[default]
    Home,
    PickupPoint,
    /// Collected in the shop's own store.
    Store,
}

impl DeliveryMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::PickupPoint => "pickup_point",
            Self::Store => "store",
        }
    }
}

/// How and where the order is to arrive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Delivery {
    pub method: DeliveryMethod,
    /// What the buyer chose, in the shop's words: `Colissimo`, `Express 24 h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Sold as next-day or same-day delivery.
    pub express: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The point or the store that the buyer chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// The appointment or the slot agreed with the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appointment: Option<Window>,
    /// It is handed over against a signature.
    pub signature: bool,
    /// The amount for which it is insured on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insured: Option<Amount>,
}

impl Delivery {
    /// Where it is to arrive: at the buyer's address, else at the point that they chose.
    pub fn destination(&self) -> Option<&Address> {
        self.address.as_ref().or(self.point.as_ref().map(|point| &point.address))
    }

    /// The country it goes to, as far as that is known.
    pub fn country(&self) -> Option<&str> {
        self.destination().map(|address| &*address.country)
    }
}

/// One line of the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub sku: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    pub quantity: u32,
    pub unit_price: Amount,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_alt: Option<String>,
    /// The shop's category, for rules and usage messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default)]
    pub perishable: bool,
    #[serde(default)]
    pub cold_chain: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_before: Option<NaiveDate>,
    #[serde(default)]
    pub bulky: bool,
    /// What the usage message tells of this product: care, set-up, storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_months: Option<u32>,
}

/// One tax within the total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tax {
    /// As it is to be shown: `TVA 20 %`.
    pub label: String,
    pub amount: Amount,
}

/// What the order comes to, in the order's currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    pub items: Amount,
    #[serde(default)]
    pub shipping: Amount,
    #[serde(default)]
    pub discount: Amount,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<Tax>,
    pub total: Amount,
}

/// The order is a present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Gift {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_name: Option<Personal>,
    /// For whom it is, and how to reach them: what is told to them is never told with prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Customer>,
    /// The day it is wanted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_on: Option<NaiveDate>,
}

/// A reason to worry more than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    Value,
    Perishable,
    Bulky,
    Urgent,
    Cherished,
}

impl Concern {
    pub const ALL: [Self; 5] = [Self::Value, Self::Perishable, Self::Bulky, Self::Urgent, Self::Cherished];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Perishable => "perishable",
            Self::Bulky => "bulky",
            Self::Urgent => "urgent",
            Self::Cherished => "cherished",
        }
    }
}

/// The order as it is known now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    pub customer: Customer,
    /// ISO 4217.
    pub currency: String,
    pub items: Vec<Item>,
    pub totals: Totals,
    pub delivery: Delivery,
    /// When the order is to arrive, as told to the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Window>,
    /// The order's page in the customer's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift: Option<Gift>,
    /// Concerns the shop states, beside those that its conditions find in the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<Concern>,
}
