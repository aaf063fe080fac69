//! What the operator keeps from being said: rules and channels that are switched off, addresses
//! that must not be written to, and how much is enough.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::contact::Recipient;
use super::journey::Journey;
use super::order::Channel;
use super::rule::RuleName;
use super::time::Timestamp;

/// Turns off all that matches everything it names, for some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    #[serde(default)]
    pub rule: Option<RuleName>,
    #[serde(default)]
    pub shop: Option<String>,
    #[serde(default)]
    pub channel: Option<Channel>,
    /// ISO 3166-1 alpha-2, of the delivery.
    #[serde(default)]
    pub country: Option<String>,
    /// From then on it turns off nothing.
    pub until: Timestamp,
    /// For those who find it years later.
    pub why: String,
}

impl Switch {
    fn turns_off(&self, journey: &Journey, rule: &RuleName, now: Timestamp) -> bool {
        let country = || journey.order.delivery.country().unwrap_or_default();
        now < self.until
            && self.rule.as_ref().is_none_or(|own| own == rule)
            && self.shop.as_ref().is_none_or(|shop| *shop == journey.key.shop)
            && self.country.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(country()))
    }
}

/// Addresses and numbers that must not be written to, as hashes: what is kept is not readable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suppressions(HashSet<[u8; 32]>);

impl Suppressions {
    /// Adds an e-mail address, a number as E.164, or the SHA-256 of either in hexadecimal (of an
    /// address in lower case). `false`: it is none of these.
    pub fn add(&mut self, text: &str) -> bool {
        let text = text.trim();
        let digest = match hex(text) {
            Some(digest) => digest,
            None if text.contains('@') || is_number(text) => hash(text),
            None => return false,
        };
        self.0.insert(digest);
        true
    }

    /// Whether the recipient is among them.
    pub fn contains(&self, recipient: &Recipient) -> bool {
        match recipient {
            Recipient::Email(address) | Recipient::Phone(address) => {
                !self.0.is_empty() && self.0.contains(&hash(address))
            }
            Recipient::Webhook => false,
        }
    }
}

fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| digits.len() > 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.trim().to_lowercase()).into()
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

/// What is kept from being said, for every shop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restraints {
    pub switches: Vec<Switch>,
    pub suppressed: Suppressions,
}

impl Restraints {
    /// The rule is turned off as a whole, whatever the channel.
    pub fn is_off(&self, journey: &Journey, rule: &RuleName, now: Timestamp) -> bool {
        self.switches.iter().any(|switch| switch.channel.is_none() && switch.turns_off(journey, rule, now))
    }

    /// The rule is turned off on `channel`.
    pub fn is_off_on(&self, journey: &Journey, rule: &RuleName, channel: Channel, now: Timestamp) -> bool {
        let concerns = |switch: &Switch| switch.channel.is_none_or(|own| own == channel);
        self.switches.iter().any(|switch| concerns(switch) && switch.turns_off(journey, rule, now))
    }
}

/// How many messages are enough; 0: there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Of one order, on one day of the customer.
    pub per_journey_day: u32,
    /// Of all orders of the shop, on one day of the customer.
    pub per_customer_day: u32,
}
