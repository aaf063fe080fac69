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
use super::personal::Personal;
use super::rule::RuleSet;
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
    /// Whom the journey's messages reach; `None`: nobody whom another order could reach too.
    pub fn of(journey: &Journey, shop: &Shop) -> Option<Self> {
        let contact = contact::known_by(&journey.order.customer, &shop.country)?;
        Some(Self { shop: journey.key.shop.clone(), contact })
    }
}

/// When each order has told the customer something that counts, of late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spending(BTreeMap<String, Vec<Timestamp>>);

impl Spending {
    /// When other orders than this one have told the customer something.
    pub fn elsewhere(&self, order_id: &str) -> Vec<Timestamp> {
        self.0.iter().filter(|(other, _)| *other != order_id).flat_map(|(_, times)| times).copied().collect()
    }

    /// The order has told the customer something at these moments, and at no others.
    pub fn set(&mut self, order_id: &str, times: Vec<Timestamp>) {
        if times.is_empty() {
            self.0.remove(order_id);
        } else {
            self.0.insert(order_id.to_owned(), times);
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
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Timestamp])> {
        self.0.iter().map(|(order_id, times)| (&**order_id, &**times))
    }
}

impl FromIterator<(String, Vec<Timestamp>)> for Spending {
    fn from_iter<I: IntoIterator<Item = (String, Vec<Timestamp>)>>(orders: I) -> Self {
        Self(orders.into_iter().collect())
    }
}

/// When something was told that counts; what was folded into one message counts once.
pub fn spent<'a>(told: impl IntoIterator<Item = &'a Told>, rules: &RuleSet) -> impl Iterator<Item = Timestamp> {
    let counts = |told: &&Told| {
        let beyond = rules.get(&told.rule).is_some_and(|rule| rule.beyond_budget);
        !told.withdrawn && !beyond
    };
    let mut before: Option<&NotificationId> = None;
    let moments = move |told: &'a Told| {
        let id = told.notifications.first();
        let is_folded = id.is_some() && id == std::mem::replace(&mut before, id);
        [(!is_folded).then_some(told.at), told.escalated]
    };
    told.into_iter().filter(counts).flat_map(moments).flatten()
}

/// When the journey has told something that counts, of late; in order.
pub fn spent_of_late(journey: &Journey, rules: &RuleSet, now: Timestamp) -> Vec<Timestamp> {
    let since = now.plus(-KEPT);
    let mut times: Vec<Timestamp> = spent(&journey.told, rules).filter(|at| *at > since).collect();
    times.sort_unstable();
    times
}
