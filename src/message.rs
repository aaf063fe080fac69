//! What the customer reads: from the facts of a journey to the e-mail, the text message or the
//! webhook document that leaves.
//!
//! [`Scene`] holds the facts as templates see them, [`Templates`] the words by message and
//! locale, [`Templates::write`] brings both together. Nothing here looks at a clock or reaches
//! outside: the same letter is always written the same way.

mod check;
mod context;
pub mod format;
mod gift;
pub mod locale;
mod markup;
mod required;
pub mod sample;
mod shape;
pub mod sms;
mod templates;
mod webhook;
mod write;

use crate::domain::contact::Recipient;
use crate::domain::decision::NotificationId;
use crate::domain::journey::{Journey, Subject};
use crate::domain::order::{Channel, Customer};
use crate::domain::party::Party;
use crate::domain::shop::Shop;
use crate::domain::time::Timestamp;

pub use context::Scene;
pub use templates::{Part, Templates};
pub use write::Unwritable;

/// All that a message is written from.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub shop_id: &'a str,
    pub shop: &'a Shop,
    pub journey: &'a Journey,
    pub subject: &'a Subject,
    /// The message's name: the folder of its templates.
    pub message: &'a str,
    pub channel: Channel,
    pub recipient: &'a Recipient,
    pub notification: &'a NotificationId,
    pub now: Timestamp,
}

impl<'a> Letter<'a> {
    /// Whom it is for.
    pub fn to(&self) -> Party {
        self.journey.told_by(self.notification).next().map(|told| told.to).unwrap_or_default()
    }

    /// The person who reads it; none if it is for the shop.
    pub fn reader(&self) -> Option<&'a Customer> {
        self.to().person(&self.journey.order)
    }
}
