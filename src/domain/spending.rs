//! What a customer has been told by all orders of a shop, so that together they keep within the
//! customer's budget.
//!
//! Each journey knows what it has told itself. What the others have told is on record beside them, in
//! one place for each customer, for as long as a day anywhere may last.

use std::collections::BTreeMap;

use chrono::Duration;

use super::contact;
use super::decision::NotificationId;
use super::journey::{Journey, Told};
use super::party::Party;
use super::personal::Personal;
use super::rule::{Rule, RuleSet};
use super::shop::Shop;
use super::time::Timestamp;

/// Today began less than this ago, wherever the customer is.
pub const KEPT: Duration = Duration::days(2);

/// A customer of a shop, known by one contact: the e-mail address in lower case, else the number as
/// E.164.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Addressee {
    pub shop: String,
    pub contact: Personal,
}

impl Addressee {
    /// Whom the journey's messages to `to` reach; `None`: nobody whom another order could reach too.
    pub fn of(journey: &Journey, to: Party, shop: &Shop) -> Option<Self> {
        let contact = contact::known_by(to.person(&journey.order)?, &shop.country)?;
        Some(Self { shop: journey.key.shop.clone(), contact })
    }
}

/// What is told elsewhere than by the journey itself, to each whom it could tell something too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    pub buyer: Vec<Timestamp>,
    pub recipient: Vec<Timestamp>,
}

impl Elsewhere {
    pub fn to(&self, to: Party) -> &[Timestamp] {
        match to {
            Party::Buyer => &self.buyer,
            Party::Recipient => &self.recipient,
            Party::Shop => &[],
        }
    }
}

/// When each order has told the customer something that counts, of late: as its buyer, or as the
/// recipient of a present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spending(BTreeMap<(String, Party), Vec<Timestamp>>);

impl Spending {
    /// When they have been told something otherwise than by this order as this party to it.
    pub fn elsewhere(&self, order_id: &str, to: Party) -> Vec<Timestamp> {
        let others = self.0.iter().filter(|((id, party), _)| (&**id, *party) != (order_id, to));
        others.flat_map(|(_, times)| times).copied().collect()
    }

    /// The order has told them something at these moments, and at no others.
    pub fn set(&mut self, order_id: &str, to: Party, times: Vec<Timestamp>) {
        let key = (order_id.to_owned(), to);
        if times.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, times);
        }
    }

    /// Lets go of what cannot have been today any more.
    pub fn tidy(&mut self, now: Timestamp) {
        let since = now.plus(-KEPT);
        self.0.retain(|_, times| {
            times.retain(|at| *at > since);
            !times.is_empty()
        });
    }

    /// The last time that the customer was told something.
    pub fn last(&self) -> Option<Timestamp> {
        self.0.values().flatten().max().copied()
    }

    /// By order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Party, &[Timestamp])> {
        self.0.iter().map(|((order_id, to), times)| (&**order_id, *to, &**times))
    }
}

impl FromIterator<((String, Party), Vec<Timestamp>)> for Spending {
    fn from_iter<I: IntoIterator<Item = ((String, Party), Vec<Timestamp>)>>(orders: I) -> Self {
        Self(orders.into_iter().collect())
    }
}

/// When they were told something that counts: what was folded into one message counts once, and so
/// does what several channels say at one moment. What one of them says later counts again.
pub fn spent<'a>(
    told: impl IntoIterator<Item = &'a Told>,
    to: Party,
    rules: &RuleSet,
) -> impl Iterator<Item = Timestamp> {
    let counts = move |told: &&Told| {
        let counts = rules.get(&told.rule).is_none_or(Rule::keeps_to_budget);
        told.to == to && !told.withdrawn && counts
    };
    let mut before: Option<&NotificationId> = None;
    let moments = move |told: &'a Told| {
        let id = told.notifications.first();
        let is_folded = id.is_some() && id == std::mem::replace(&mut before, id);
        [(!is_folded).then_some(told.at), told.escalated.filter(|again| *again != told.at)]
    };
    told.into_iter().filter(counts).flat_map(moments).flatten()
}

/// When the journey has told something that counts, of late; in order.
pub fn spent_of_late(journey: &Journey, to: Party, rules: &RuleSet, now: Timestamp) -> Vec<Timestamp> {
    let since = now.plus(-KEPT);
    let mut times: Vec<Timestamp> = spent(&journey.told, to, rules).filter(|at| *at > since).collect();
    times.sort_unstable();
    times
}
