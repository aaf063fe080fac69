//! What a shop says of itself: its name, its zone, its words, its ways to send.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::order::{Amount, Channel};
use super::quiet::Quiet;
use super::restraint::Budget;
use super::storm::Guard;
use super::threshold::Thresholds;

/// One shop's settings, inherited from the default shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// As the customer knows it.
    pub name: String,
    /// BCP 47; used where a customer has none, and last in the fallback of templates.
    pub locale: String,
    /// IANA; for times without a zone, and dates where a customer has none.
    pub time_zone: Tz,
    /// ISO 3166-1 alpha-2; phone numbers without a prefix are dialled from here.
    pub country: String,
    /// Total from which an order raises the concern `value`.
    pub high_value: Amount,
    /// How much is enough.
    #[serde(default)]
    pub budget: Budget,
    /// When a rule says too much.
    #[serde(default)]
    pub storm: Guard,
    pub sender: Sender,
    pub contact: Contact,
    pub brand: Brand,
    pub legal: Legal,
    /// How its parcels are packed, if the event does not say.
    pub packaging: Option<String>,
    /// The name of the provider for each channel.
    pub providers: Providers,
    /// The days on which it works.
    #[serde(default)]
    pub calendar: Calendar,
    /// What it knows of carriers, by the names that events give them.
    #[serde(default)]
    pub carriers: BTreeMap<String, Carrier>,
    /// How long it waits, by the names that rules give it.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// When which channel keeps quiet, by the recipient's clock.
    #[serde(default)]
    pub quiet_hours: Quiet,
}

/// What a shop knows of a carrier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// The days on which it works.
    pub calendar: Calendar,
}

impl Shop {
    /// The days on which that carrier works; the shop's own, if it is not known.
    pub fn calendar_of(&self, carrier: &str) -> &Calendar {
        self.carriers.get(carrier).map_or(&self.calendar, |carrier| &carrier.calendar)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    pub email: String,
    pub email_name: String,
    pub reply_to: Option<String>,
    /// Up to 11 letters and digits, or a number.
    pub sms: String,
}

/// The contact points, "so that the customer never needs them".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub email: Option<String>,
    pub phone: Option<String>,
    /// When someone answers, in the shop's words.
    pub hours: Option<String>,
    pub help_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// `#rrggbb`
    pub color: String,
    pub logo_url: Option<String>,
    pub home_url: String,
}

/// What the law wants in a confirmation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Legal {
    /// The seller's name, form, address and registration.
    pub seller: String,
    /// Days within which the buyer may withdraw; 0 leaves the paragraph out.
    pub withdrawal_days: u32,
    pub terms_url: Option<String>,
    pub returns_url: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    pub email: Option<String>,
    pub sms: Option<String>,
    pub webhook: Option<String>,
}

impl Providers {
    /// The provider that serves `channel`.
    pub fn of(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Email => self.email.as_deref(),
            Channel::Sms => self.sms.as_deref(),
            Channel::Webhook => self.webhook.as_deref(),
        }
    }
}
