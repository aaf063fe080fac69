//! The wait for the confirmation: its absence is the buyer's first doubt.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contact::reach;
use super::decision::NotificationId;
use super::journey::{Journey, Told};
use super::order::Channel;
use super::shop::Shop;
use super::time::Timestamp;

/// The message that confirms an order.
pub const MESSAGE: &str = "confirmation";

/// An order that is first heard of later than that after it was placed is history, and so is a
/// missing confirmation: nobody waits for it any more.
pub const MOST_WAITED: chrono::Duration = chrono::Duration::hours(72);

/// The channels that reach the buyer, and not only the shop.
const READ_BY_BUYERS: [Channel; 2] = [Channel::Email, Channel::Sms];

/// Why no provider has accepted an order's confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Neither an e-mail address nor a telephone number that could be used.
    NoContact,
    /// No rule has sent one.
    NotSent,
    /// It is on its way, or tried again and again.
    Failing,
    /// Every attempt was in vain.
    GivenUp,
    /// Nobody knows whether it left; a person must look.
    Held,
    /// The storm guard holds it until a person has looked.
    Stormbound,
}

impl Cause {
    pub const ALL: [Self; 6] =
        [Self::NoContact, Self::NotSent, Self::Failing, Self::GivenUp, Self::Held, Self::Stormbound];

    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoContact => "no_contact",
            Self::NotSent => "not_sent",
            Self::Failing => "failing",
            Self::GivenUp => "given_up",
            Self::Held => "held",
            Self::Stormbound => "stormbound",
        }
    }

    /// In plain words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NoContact => "the customer left no contact",
            Self::NotSent => "no rule has sent it",
            Self::Failing => "no provider has accepted it yet",
            Self::GivenUp => "the provider refuses it",
            Self::Held => "its outcome is unknown",
            Self::Stormbound => "its rule speaks far more often than ever, and is held",
        }
    }
}

/// How a buyer waits, as far as the journey knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub cause: Cause,
    /// The shop writes to its customers itself: what its webhook accepts confirms the order.
    pub by_webhook: bool,
}

/// How the buyer waits for the confirmation, until a provider accepts it; `None`: not at all.
pub fn wait(journey: &Journey, shop: &Shop) -> Option<Wait> {
    if journey.is_silenced() {
        return None;
    }
    let by_webhook = READ_BY_BUYERS.iter().all(|channel| shop.providers.of(*channel).is_none());
    let channels = if by_webhook { &[Channel::Webhook][..] } else { &READ_BY_BUYERS };
    let reachable = |channel: &Channel| reach(&journey.order.customer, shop, *channel).is_ok();
    let cause = if !channels.iter().any(reachable) {
        Cause::NoContact
    } else if is_told(journey, channels) {
        Cause::Failing
    } else {
        Cause::NotSent
    };
    Some(Wait { cause, by_webhook })
}

/// The confirmations that have been decided.
fn told(journey: &Journey) -> impl Iterator<Item = &Told> {
    journey.told.iter().filter(|told| told.message == MESSAGE)
}

/// One has been decided on such a channel, and not been withdrawn.
fn is_told(journey: &Journey, channels: &[Channel]) -> bool {
    let by = |told: &Told, channel| NotificationId::derive(&journey.key, &told.rule, &told.once_key, channel);
    told(journey).any(|told| channels.iter().any(|channel| told.notifications.contains(&by(told, *channel))))
}

/// What becomes of the wait when a journey changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    #[default]
    None,
    Begins {
        wait: Wait,
        since: Timestamp,
    },
    /// It goes on in another way, if it is not over.
    GoesOn(Wait),
    Ends,
}

/// What the step from `before` to `after` means for the wait. Without a `before` the order was not
/// known; it is waited for `since` it was heard of.
pub fn change(before: Option<&Journey>, after: &Journey, shop: &Shop, since: Timestamp, now: Timestamp) -> Change {
    if now.since(after.placed_at) >= MOST_WAITED {
        return Change::None;
    }
    let Some(before) = before else {
        return wait(after, shop).map_or(Change::None, |wait| Change::Begins { wait, since });
    };
    let same = before.is_silenced() == after.is_silenced()
        && before.order.customer == after.order.customer
        && told(before).map(|told| &told.notifications).eq(told(after).map(|told| &told.notifications));
    match wait(after, shop) {
        _ if same => Change::None,
        Some(wait) => Change::GoesOn(wait),
        None => Change::Ends,
    }
}
