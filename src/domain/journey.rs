//! All that is known of one order and its parcels.
//!
//! A journey holds facts, each with the moment it happened; what follows from the facts (the
//! phase, what is still to come) is computed, so that the order of arrival cannot matter (I3).

mod extent;
mod parcel;
pub(super) mod person;
mod phase;
mod taken;
mod waiting;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision::NotificationId;
use super::event::{Extent, Line, ParcelStatus, Reference, Waybill};
use super::order::{Amount, Channel, Concern, DeliveryMethod, Order};
use super::party::Party;
use super::receipt::{Receipt, Received};
use super::rule::RuleName;
use super::time::{Timestamp, Window};

pub use parcel::{Announced, Eta, Hold, HoldKind, Parcel, Scan};
pub use person::Person;
pub use phase::Phase;
pub use taken::Taken;
pub(super) use waiting::Due;
pub use waiting::{Deferred, Timer};

/// The key of a journey: the shop's name and the order's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JourneyKey {
    pub shop: String,
    pub order_id: String,
}

/// A journey can be found by a waybill or a customer. A waybill that is linked to a second
/// journey belongs to the first for what happened before `since`.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub reference: Reference,
    pub since: Timestamp,
}

/// What a message or a timer is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Order,
    Shipment(String),
    Parcel(ParcelKey),
}

/// A life of a waybill: carriers recycle numbers, and returns reuse them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParcelKey {
    #[serde(flatten)]
    pub waybill: Waybill,
    pub epoch: u32,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Order => f.write_str("order"),
            Self::Shipment(id) => write!(f, "shipment/{id}"),
            Self::Parcel(ParcelKey { waybill, epoch }) => {
                write!(f, "parcel/{}/{}/{epoch}", waybill.carrier, waybill.tracking_number)
            }
        }
    }
}

/// What left together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shipment {
    pub id: String,
    pub created_at: Timestamp,
    pub extent: Extent,
    /// What it carries; the whole order, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Line>,
}

/// A promise and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promised {
    pub window: Window,
    pub at: Timestamp,
}

/// A message that was decided to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub rule: RuleName,
    pub message: String,
    #[serde(default, skip_serializing_if = "Party::is_buyer")]
    pub to: Party,
    pub subject: Subject,
    /// What the rule counts as once: see [`super::rule::OncePer`].
    pub once_key: String,
    pub at: Timestamp,
    /// The notifications that carry it, without those that were withdrawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<NotificationId>,
    /// Every notification was withdrawn before it left: the buyer does not know.
    #[serde(default)]
    pub withdrawn: bool,
    /// When it was said once more, on another channel: because nothing told that it had arrived, or
    /// because that channel had kept quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refunded {
    pub at: Timestamp,
    pub amount: Amount,
}

/// When the order took which step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Steps {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preparing: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Cancelled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Refunded>,
}

/// All that is known of one order and its parcels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    pub key: JourneyKey,
    pub placed_at: Timestamp,
    pub order: Order,
    /// What there is to worry about, by the shop's conditions when the order was placed or last changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<Concern>,
    /// When each fact of `order` that has changed since was last said, so that an older event
    /// cannot undo it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub as_of: BTreeMap<String, Timestamp>,
    #[serde(default)]
    pub steps: Steps,
    /// It waits in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packaging: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shipments: Vec<Shipment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<Parcel>,
    /// Every promise, oldest first; the first stays the yardstick.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promises: Vec<Promised>,
    /// How often the customer had to ask.
    #[serde(default)]
    pub support_contacts: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// What was heard of the notifications after their attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Received>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<Timer>,
    /// Deadlines that have been decided, with the moment they fell due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<Timer>,
    /// Messages that are due and held back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<Deferred>,
    /// The customer is to be forgotten: nothing is sent any more.
    #[serde(default)]
    pub erased: bool,
    #[serde(default, skip_serializing_if = "Taken::is_empty")]
    pub taken: Taken,
}

/// How what was told of one subject bears on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    None,
    /// It is about just that, or a part of it.
    Same,
    /// It is about more than that.
    Wider,
}

impl Journey {
    /// The parcels that are (or were) to reach the buyer: neither replaced nor a return.
    pub fn outbound(&self) -> impl Iterator<Item = &Parcel> {
        self.parcels.iter().filter(|parcel| parcel.replaced_by.is_none() && !parcel.is_return)
    }

    /// The parcel of that key.
    pub fn parcel(&self, key: &ParcelKey) -> Option<&Parcel> {
        self.parcels.iter().find(|parcel| parcel.key == *key)
    }

    /// The shipment of that name.
    pub fn shipment(&self, id: &str) -> Option<&Shipment> {
        self.shipments.iter().find(|shipment| shipment.id == id)
    }

    /// Nothing is waited for any more: the order is cancelled or the customer forgotten.
    pub fn is_silenced(&self) -> bool {
        self.erased || self.steps.cancelled.is_some()
    }

    /// How what was told of `told` bears on `subject`.
    pub fn reach_of(&self, told: &Subject, subject: &Subject) -> Reach {
        let shipment_of = |key: &ParcelKey| self.parcel(key)?.shipment_id.as_ref();
        match (told, subject) {
            (told, subject) if told == subject => Reach::Same,
            (_, Subject::Order) => Reach::Same,
            (Subject::Order, _) => Reach::Wider,
            (Subject::Shipment(id), Subject::Parcel(key)) if shipment_of(key) == Some(id) => Reach::Wider,
            (Subject::Parcel(key), Subject::Shipment(id)) if shipment_of(key) == Some(id) => Reach::Same,
            (Subject::Parcel(old), Subject::Parcel(new)) => {
                let replaced_by = self.parcel(old).and_then(|parcel| parcel.replaced_by.as_ref());
                if replaced_by == Some(&new.waybill) { Reach::Same } else { Reach::None }
            }
            _ => Reach::None,
        }
    }

    /// What a notification tells of: several, if their news was folded into one message.
    pub fn told_by(&self, notification: &NotificationId) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(move |told| told.notifications.contains(notification))
    }

    /// What was heard last of a notification.
    pub fn receipt_of(&self, notification: &NotificationId) -> Option<&Received> {
        self.receipts.iter().rev().find(|received| received.notification == *notification)
    }

    /// A message to them on that channel has come back, and no other address has been given since.
    pub fn has_bounced(&self, to: Party, channel: Channel) -> bool {
        let Some(fact) = address_fact(to, channel) else { return false };
        let given = self.as_of.get(fact);
        let repeated = given.is_some() && given == self.as_of.get(&repeated_fact(to, channel));
        let is_theirs = |it: &&Received| self.told_by(&it.notification).any(|told| told.to == to);
        let bounced = self.receipts.iter().filter(|it| it.receipt == Receipt::Bounced && it.channel == channel);
        bounced.filter(is_theirs).any(|it| repeated || given.is_none_or(|given| *given <= it.at))
    }

    /// Learns that the newest word on an address that [has bounced](Self::has_bounced) was the same address once
    /// more, or another.
    pub(super) fn learn_address(&mut self, to: Party, channel: Channel, is_same: bool) {
        let given = address_fact(to, channel).and_then(|fact| self.as_of.get(fact)).copied();
        match given.filter(|_| is_same) {
            Some(given) => self.as_of.insert(repeated_fact(to, channel), given),
            None => self.as_of.remove(&repeated_fact(to, channel)),
        };
    }

    /// Whether all that `told` is about, `subject` is about too.
    pub fn includes(&self, subject: &Subject, told: &Subject) -> bool {
        if self.reach_of(told, subject) == Reach::Same {
            return true;
        }
        let is_about = |subject: &Subject, parcel: &Parcel| match subject {
            Subject::Order => true,
            Subject::Shipment(id) => parcel.shipment_id.as_ref() == Some(id),
            Subject::Parcel(key) => parcel.key == *key,
        };
        let more_is_to_come = *told == Subject::Order && !self.shipments.is_empty() && !self.all_shipped();
        let mut parcels = self.outbound().filter(|parcel| is_about(told, parcel)).peekable();
        !more_is_to_come && parcels.peek().is_some() && parcels.all(|parcel| is_about(subject, parcel))
    }

    /// A shipment has left that carries all or the last of the order.
    pub fn all_shipped(&self) -> bool {
        self.shipments.iter().any(|shipment| self.extent_of(shipment) != Extent::Some)
    }

    /// When the whole order had reached the buyer.
    pub fn arrived_at(&self) -> Option<Timestamp> {
        if let Some(at) = self.steps.collected {
            return Some(at);
        }
        if !self.shipments.is_empty() && !self.all_shipped() {
            return None;
        }
        let mut last = None;
        for parcel in self.outbound() {
            last = last.max(Some(parcel.arrived_at()?));
        }
        last
    }

    /// The first promise made to the buyer.
    pub fn first_promise(&self) -> Option<Window> {
        self.promises.first().map(|promised| promised.window)
    }

    /// Where the buyer stands at `now`.
    pub fn phase(&self, now: Timestamp) -> Phase {
        let any = |wanted: &dyn Fn(&Parcel) -> bool| self.outbound().any(wanted);
        let moving = any(&|p| !p.is_over() && p.status() != ParcelStatus::Announced);
        if self.steps.cancelled.is_some() && !moving && self.arrived_at().is_none() {
            return Phase::Cancelled;
        }
        if self.arrived_at().is_some() {
            return if self.told.iter().any(|told| told.message == "usage" && !told.withdrawn) {
                Phase::Usage
            } else {
                Phase::Delivery
            };
        }
        if any(&|p| p.hold.is_some()) || self.store_hold.is_some() {
            return Phase::PickupHold;
        }
        if any(&|p| p.status() == ParcelStatus::Lost) {
            return Phase::Lost;
        }
        if any(&|p| p.status().is_return()) {
            return Phase::Returned;
        }
        let late = self.order.promise.is_some_and(|promise| promise.latest < now);
        if late || any(&|p| p.status().is_trouble()) {
            return Phase::Delay;
        }
        if any(&|_| true) || !self.shipments.is_empty() {
            return Phase::Shipping;
        }
        if self.steps.preparing.is_some() || self.steps.packed.is_some() {
            return Phase::Preparation;
        }
        Phase::Confirmation
    }

    /// Whether a hold at a pickup point is what the buyer asked for.
    pub fn hold_kind(&self) -> HoldKind {
        match self.order.delivery.method {
            DeliveryMethod::Home => HoldKind::Imposed,
            DeliveryMethod::PickupPoint | DeliveryMethod::Store => HoldKind::Chosen,
        }
    }
}

/// By which fact their address on that channel is given, if it can bounce.
fn address_fact(to: Party, channel: Channel) -> Option<&'static str> {
    match (to, channel) {
        (_, Channel::Webhook) | (Party::Shop, _) => None,
        (Party::Recipient, _) => Some("gift"),
        (Party::Buyer, Channel::Email) => Some("customer.email"),
        (Party::Buyer, Channel::Sms) => Some("customer.phone"),
    }
}

/// The fact that an address from which something came back was given once more. It holds while that is the newest
/// word on it: a build that does not know this fact moves that word alone.
fn repeated_fact(to: Party, channel: Channel) -> String {
    format!("repeated.{}.{channel}", to.as_str())
}
