//! Whose clock it goes by: the recipient's, or that of the place where a parcel waits.

use chrono_tz::Tz;

use super::contact;
use super::order::{Address, Customer, Delivery, Order};
use super::party::Party;
use super::shop::Shop;

/// Countries with one time zone, and the parts of others that a postal code tells, the longest
/// beginning first. From the IANA database's `zone.tab`; France's overseas departments write `FR`
/// in front of their postal codes as often as not.
const ZONES: [(&str, &str, Tz); 59] = {
    use chrono_tz::{Africa, America, Asia, Atlantic, Europe, Indian, Pacific};
    [
        ("FR", "971", America::Guadeloupe),
        ("FR", "972", America::Martinique),
        ("FR", "973", America::Cayenne),
        ("FR", "974", Indian::Reunion),
        ("FR", "975", America::Miquelon),
        ("FR", "976", Indian::Mayotte),
        ("FR", "986", Pacific::Wallis),
        ("FR", "987", Pacific::Tahiti),
        ("FR", "988", Pacific::Noumea),
        ("FR", "", Europe::Paris),
        ("GP", "", America::Guadeloupe),
        ("MQ", "", America::Martinique),
        ("GF", "", America::Cayenne),
        ("RE", "", Indian::Reunion),
        ("YT", "", Indian::Mayotte),
        ("NC", "", Pacific::Noumea),
        ("ES", "35", Atlantic::Canary),
        ("ES", "38", Atlantic::Canary),
        ("ES", "", Europe::Madrid),
        ("PT", "90", Atlantic::Madeira),
        ("PT", "91", Atlantic::Madeira),
        ("PT", "92", Atlantic::Madeira),
        ("PT", "93", Atlantic::Madeira),
        ("PT", "94", Atlantic::Madeira),
        ("PT", "95", Atlantic::Azores),
        ("PT", "96", Atlantic::Azores),
        ("PT", "97", Atlantic::Azores),
        ("PT", "98", Atlantic::Azores),
        ("PT", "99", Atlantic::Azores),
        ("PT", "", Europe::Lisbon),
        ("AT", "", Europe::Vienna),
        ("BE", "", Europe::Brussels),
        ("BG", "", Europe::Sofia),
        ("CH", "", Europe::Zurich),
        ("CZ", "", Europe::Prague),
        ("DE", "", Europe::Berlin),
        ("DK", "", Europe::Copenhagen),
        ("EE", "", Europe::Tallinn),
        ("FI", "", Europe::Helsinki),
        ("GB", "", Europe::London),
        ("GR", "", Europe::Athens),
        ("HR", "", Europe::Zagreb),
        ("HU", "", Europe::Budapest),
        ("IE", "", Europe::Dublin),
        ("IS", "", Atlantic::Reykjavik),
        ("IT", "", Europe::Rome),
        ("LT", "", Europe::Vilnius),
        ("LU", "", Europe::Luxembourg),
        ("LV", "", Europe::Riga),
        ("MA", "", Africa::Casablanca),
        ("MC", "", Europe::Monaco),
        ("NL", "", Europe::Amsterdam),
        ("NO", "", Europe::Oslo),
        ("PL", "", Europe::Warsaw),
        ("RO", "", Europe::Bucharest),
        ("SE", "", Europe::Stockholm),
        ("SI", "", Europe::Ljubljana),
        ("SK", "", Europe::Bratislava),
        ("JP", "", Asia::Tokyo),
    ]
};

/// The zone of an address, where its country and postal code tell.
pub fn of_address(address: &Address) -> Option<Tz> {
    let code = address.postal_code.trim();
    let fits = |(country, begins, _): &&(&str, &str, Tz)| {
        country.eq_ignore_ascii_case(&address.country) && code.starts_with(begins)
    };
    ZONES.iter().find(fits).map(|(.., zone)| *zone)
}

/// The zone of whom a message is for; the shop's own clock is its own. Where a present goes says nothing
/// of where its giver is.
pub fn of_party(to: Party, order: &Order, shop: &Shop) -> Tz {
    let known_by = |person| contact::known_by(person, &shop.country);
    let gives = |buyer| Party::Recipient.person(order).is_some_and(|person| known_by(person) != known_by(buyer));
    match to.person(order) {
        Some(buyer) if to.is_buyer() && gives(buyer) => buyer.zone().unwrap_or(shop.time_zone),
        Some(person) => of_recipient(person, &order.delivery, shop),
        None => shop.time_zone,
    }
}

/// The zone of whom a message reaches: the customer's own, else that of the delivery, else the
/// shop's.
pub fn of_recipient(customer: &Customer, delivery: &Delivery, shop: &Shop) -> Tz {
    let own = customer.time_zone.as_deref().and_then(|zone| zone.parse().ok());
    own.or_else(|| delivery.destination().and_then(of_address)).unwrap_or(shop.time_zone)
}
