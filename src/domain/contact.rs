//! Whether, and at which address, a customer can be reached.

use std::str::FromStr;

use email_address::EmailAddress;

use super::decision::Reason;
use super::order::{Channel, Customer, Order};
use super::party::Party;
use super::personal::Personal;
use super::shop::Shop;

/// Where a notification goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipient {
    Email(Personal),
    /// E.164
    Phone(Personal),
    /// The shop's own webhook.
    Webhook,
}

impl Recipient {
    /// Whether it is the same person's, however it is spelt.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Email(one), Self::Email(other)) => one.to_lowercase() == other.to_lowercase(),
            (Self::Phone(one), Self::Phone(other)) => one == other,
            _ => false,
        }
    }
}

/// The customer's address on `channel`, or why there is none to use.
///
/// # Errors
/// The reason that the decision records.
pub fn reach(customer: &Customer, shop: &Shop, channel: Channel) -> Result<Recipient, Reason> {
    if shop.providers.of(channel).is_none() {
        return Err(if channel == Channel::Webhook { Reason::WebhookMissing } else { Reason::ProviderMissing });
    }
    let declined = customer.channels.as_ref().is_some_and(|accepted| !accepted.contains(&channel));
    if channel != Channel::Webhook && declined {
        return Err(Reason::ChannelDeclined);
    }
    address(customer, &shop.country, channel)
}

/// Where that is, whether or not it may be used.
fn address(customer: &Customer, country: &str, channel: Channel) -> Result<Recipient, Reason> {
    match channel {
        Channel::Webhook => Ok(Recipient::Webhook),
        Channel::Email => email(customer).map(|address| Recipient::Email(address.into())),
        Channel::Sms => phone(customer, country).map(Recipient::Phone),
    }
}

/// Where `to` is reached on `channel`, or why nowhere. At the buyer's own address there is nobody else:
/// shops that ask for a recipient of every order are given the buyer again.
///
/// # Errors
/// The reason that the decision records.
pub fn reach_party(to: Party, order: &Order, shop: &Shop, channel: Channel) -> Result<Recipient, Reason> {
    let buyer = &order.customer;
    match (to, to.person(order)) {
        (Party::Recipient, Some(person)) => {
            let theirs = reach(person, shop, channel)?;
            let buyers = address(buyer, &shop.country, channel);
            if buyers.is_ok_and(|buyers| buyers.is_same(&theirs)) { Err(Reason::RecipientMissing) } else { Ok(theirs) }
        }
        (Party::Recipient, None) => Err(Reason::RecipientMissing),
        (_, Some(person)) => reach(person, shop, channel),
        (_, None) => reach(buyer, shop, Channel::Webhook),
    }
}

/// Whether `one` and `other` are reached at the same address on `channel`, however it is spelt.
pub fn is_same_address(one: &Customer, other: &Customer, shop: &Shop, channel: Channel) -> bool {
    let of = |customer| address(customer, &shop.country, channel);
    of(one).is_ok_and(|one| of(other).is_ok_and(|other| one.is_same(&other)))
}

/// The one contact by which a customer of several orders is known again, spelt always alike: the e-mail
/// address, else the number; whether or not it may be written to.
pub fn known_by(customer: &Customer, country: &str) -> Option<Personal> {
    let address = email(customer).map(|address| Personal(address.to_lowercase()));
    address.or_else(|_| phone(customer, country)).ok()
}

fn given(address: &Option<Personal>) -> Option<&str> {
    address.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn email(customer: &Customer) -> Result<&str, Reason> {
    let address = given(&customer.email).ok_or(Reason::EmailMissing)?;
    // quoted local parts and domain literals are valid and never a buyer's
    let plain = !address.contains(['"', '[', '(', ',', ';', '<', '>']) && !address.chars().any(char::is_control);
    match EmailAddress::from_str(address) {
        Ok(parsed) if plain && parsed.domain().contains('.') => Ok(address),
        _ => Err(Reason::EmailInvalid),
    }
}

fn phone(customer: &Customer, country: &str) -> Result<Personal, Reason> {
    let number = given(&customer.phone).ok_or(Reason::PhoneMissing)?;
    e164(number, country).map(Personal).ok_or(Reason::PhoneInvalid)
}

/// The number as E.164, if it can exist; `country` is where it is dialled from.
fn e164(number: &str, country: &str) -> Option<String> {
    use rlibphonenumber::{NumberLengthType, PhoneNumber, Region};
    let parsed = PhoneNumber::parse(number, country.parse::<Region>().ok()).ok()?;
    // possible, not assigned: a number of a range that is newer than the tables must be reached too
    (parsed.is_possible_with_reason() == Ok(NumberLengthType::IsPossible)).then(|| parsed.to_string())
}
