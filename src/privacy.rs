//! What is told to a customer of themselves, and what is forgotten at their wish; each with a
//! receipt that says what was done, by whom, and what lies beyond this service.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::event::{Body, CustomerErased, Event, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::notification::derived_id;
use crate::domain::time::Timestamp;
use crate::ingest::draft::{Draft, OnRecord};
use crate::ingest::known::{Known, MOST_RELEASED};
use crate::ports::{Batch, Lease, Parked, State, Store, StoreError, Timeline};
use crate::publish::Outlet;
use crate::shops::Shops;
use crate::timeline;

/// Journeys change while they are erased; somebody who is as busy must not be waited for for ever.
const MOST_TRIES: usize = 20;

/// Whose data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Of all orders of a customer, by the shop's own id of them.
    Customer(String),
    /// Of one order, such as that of a guest, who has no id.
    Order(String),
}

/// What is wished for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub shop: String,
    pub whose: Whose,
    /// Who carries it out.
    pub by: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    Exported,
    Erased,
}

/// What there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub orders: usize,
    /// Messages that were sent, or waited, with what they said.
    pub contents: usize,
    /// Of them, those that had not left; an erasure has taken them back.
    pub unsent: usize,
    /// Events that waited for an order of the customer.
    pub parked: usize,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    pub receipt: String,
    pub done: Done,
    pub at: Timestamp,
    pub by: String,
    pub shop: String,
    #[serde(flatten)]
    pub whose: Whose,
    pub orders: Vec<String>,
    pub counts: Counts,
    /// What is left here, and why it may be.
    pub left: &'static [&'static str],
    /// Where else the data is, out of this service's reach.
    pub beyond: &'static [&'static str],
}

const LEFT: &[&str] = &[
    "what was bought and when, postal code and town, and the timeline with the ids of messages: without name, address, \
     e-mail or telephone",
    "records that could not be read, which may be anybody's, until retention.dead_letters_days",
    "copies of the store, until they are deleted; what is encrypted in them only until the copies of its keys are",
];

const BEYOND: &[&str] = &[
    "the topics of Kafka, until their retention ends or the key is compacted away",
    "the providers that were given the messages",
    "the shop that published the events",
];

/// Why it was not done, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the shop is not served, and its rules decide what follows: name it below [shops.named]")]
    Unserved,
    #[error("the orders change all the time; try again")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of them.
struct Found {
    timelines: Vec<Timeline>,
    parked: Vec<Parked>,
}

impl Found {
    async fn of(store: &dyn Store, wish: &Wish) -> Result<Option<Self>, StoreError> {
        let shop = &wish.shop;
        let reference = match &wish.whose {
            Whose::Customer(id) => Reference::Customer(id.clone()),
            Whose::Order(id) => Reference::Order(id.clone()),
        };
        let keys = store.resolve(&[(shop.clone(), reference.clone(), wish.at)]).await?.into_iter().flatten();
        let mut timelines = Vec::new();
        for key in keys {
            timelines.extend(store.timeline(&key).await?);
        }
        let parked = store.parked(&[(shop.clone(), reference)], MOST_RELEASED).await?.into_iter().flatten().collect();
        let found = Self { timelines, parked };
        Ok((!found.timelines.is_empty() || !found.parked.is_empty()).then_some(found))
    }

    fn keys(&self) -> Vec<JourneyKey> {
        self.timelines.iter().map(|timeline| timeline.journey.key.clone()).collect()
    }

    fn receipt(&self, wish: &Wish, done: Done) -> Receipt {
        let stories = || self.timelines.iter().flat_map(|timeline| &timeline.notifications);
        let waits = |state| matches!(state, State::Pending | State::Dead | State::Held | State::Stormbound);
        let id = match &wish.whose {
            Whose::Customer(id) | Whose::Order(id) => id,
        };
        Receipt {
            receipt: derived_id("rcp_", &[&wish.shop, id, &wish.by, &wish.at.to_string()]),
            done,
            at: wish.at,
            by: wish.by.clone(),
            shop: wish.shop.clone(),
            whose: wish.whose.clone(),
            orders: self.keys().into_iter().map(|key| key.order_id).collect(),
            counts: Counts {
                orders: self.timelines.len(),
                contents: stories().filter(|story| story.content.is_some()).count(),
                unsent: stories().filter(|story| waits(story.state)).count(),
                parked: self.parked.len(),
            },
            left: if done == Done::Erased { LEFT } else { &[] },
            beyond: BEYOND,
        }
    }
}

/// All that is known of them, with a receipt; `None`: nothing is.
///
/// # Errors
/// Those of the store.
pub async fn export(store: &dyn Store, wish: &Wish) -> Result<Option<(Receipt, Value)>, Failure> {
    let Some(found) = Found::of(store, wish).await? else { return Ok(None) };
    let receipt = found.receipt(wish, Done::Exported);
    let orders: Vec<Value> = found.timelines.iter().map(|found| timeline::json(found, wish.at)).collect();
    let parked: Vec<Value> =
        found.parked.iter().map(|parked| serde_json::from_slice(&parked.event).unwrap_or_default()).collect();
    let told = json!({ "receipt": receipt, "orders": orders, "parked": parked });
    Ok(Some((receipt, told)))
}

/// Forgets them as `customer.erased` does, with what was written to them; `None`: nothing is known
/// of them.
///
/// # Errors
/// Those of the store, and a shop that is not served.
pub async fn erase(
    store: &Arc<dyn Store>,
    shops: &Shops,
    outlet: &Outlet,
    wish: &Wish,
) -> Result<Option<Receipt>, Failure> {
    if shops.get(&wish.shop).is_none() {
        return Err(Failure::Unserved);
    }
    let (mut done, mut tries) = (None::<Receipt>, 0);
    while tries < MOST_TRIES {
        let Some(found) = Found::of(&**store, wish).await? else { return Ok(done) };
        let receipt = found.receipt(wish, Done::Erased);
        let known = Known::fetch(store, &[], &found.keys(), &[]).await?;
        if !known.unreadable.is_empty() {
            return Err(StoreError::Corrupt("some of their orders cannot be read; see the log".to_owned()).into());
        }
        let batch = forget(shops, outlet, &found, &receipt, known);
        // nothing in it can be leased
        let lease = Lease { owner: String::new(), until: wish.at };
        match store.commit(batch, &lease, &BTreeMap::new()).await {
            Ok(_) => {
                let receipt = match done {
                    None => receipt,
                    Some(mut first) => {
                        first.counts.parked += receipt.counts.parked;
                        first
                    }
                };
                if found.parked.len() < MOST_RELEASED {
                    return Ok(Some(receipt));
                }
                // more may wait than were found at once
                done = Some(receipt);
            }
            Err(StoreError::Conflict) => {
                tries += 1;
                tokio::task::yield_now().await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Busy)
}

/// The transaction that forgets them.
fn forget(shops: &Shops, outlet: &Outlet, found: &Found, receipt: &Receipt, known: Known) -> Batch {
    let mut draft = Draft::new(shops, shops, outlet, receipt.at, known);
    for timeline in &found.timelines {
        // a clock that is behind must not make it older than the order
        draft.forget(&timeline.journey.key, event(receipt, receipt.at.max(timeline.journey.placed_at)));
    }
    // nothing is said
    let (mut batch, _) = draft.finish(&OnRecord::new());
    batch.released.extend(found.parked.iter().map(|parked| parked.key));
    batch
}

fn event(receipt: &Receipt, time: Timestamp) -> Event {
    let customer_id = match &receipt.whose {
        Whose::Customer(id) => id.clone(),
        Whose::Order(_) => String::new(),
    };
    Event {
        id: receipt.receipt.clone(),
        source: "/reassure/privacy".to_owned(),
        time,
        traceparent: None,
        body: Body::CustomerErased(CustomerErased { shop: receipt.shop.clone(), customer_id }),
    }
}
