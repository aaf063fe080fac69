//! What a rule came to, and why. Every decision is recorded, the non-sends too (I8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::journey::{Phase, Subject};
use super::order::Channel;
use super::party::Party;
use super::receipt::Receipt;
use super::rule::RuleName;
use super::time::Timestamp;

/// What set the rules going.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    Event {
        #[serde(rename = "type")]
        event_type: String,
        source: String,
        id: String,
        /// When it happened.
        time: Timestamp,
    },
    Timer {
        rule: RuleName,
        due: Timestamp,
    },
    /// What was held back came to its moment.
    Deferral {
        rule: RuleName,
        until: Timestamp,
    },
    /// A second look, right before an attempt.
    Attempt {
        notification: NotificationId,
    },
    /// What was heard of a message after its attempt.
    Receipt {
        notification: NotificationId,
        receipt: Receipt,
    },
}

/// The key of a notification: the same for its whole life, whoever computes it (I2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationId(pub String);

impl std::fmt::Display for NotificationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of a journey's timeline: what happened and what was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub cause: Cause,
    /// Where the buyer stood afterwards.
    pub phase: Phase,
    /// What the event said, without personal data: `held_at_pickup, colissimo 6A123`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

/// One rule, one subject, one outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub rule: RuleName,
    pub message: String,
    #[serde(default, skip_serializing_if = "Party::is_buyer")]
    pub to: Party,
    pub subject: Subject,
    #[serde(flatten)]
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    Send {
        notifications: Vec<Sent>,
        /// Channels of the rule that could not be used.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<Skipped>,
    },
    Defer {
        until: Timestamp,
        reason: Reason,
    },
    Suppress {
        reason: Reason,
        /// More about it, without personal data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<Skipped>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub channel: Channel,
    pub notification: NotificationId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    pub channel: Channel,
    pub reason: Reason,
}

/// Why a message was not sent, or not yet. The codes are stable: dashboards and care teams
/// build on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The rule's `when` does not hold.
    ConditionFalse,
    /// The rule's `when` or `valid_while` could not be evaluated.
    ConditionError,
    /// `once_per` is used up.
    AlreadyTold,
    /// So much has been told of the order that more would not reassure.
    EnoughTold,
    /// The event is older than what is known of its subject.
    OldNews,
    /// The parcel travels back to the shop: no news for the buyer.
    ReturnLeg,
    /// Nothing was told that this message would answer (`only_if_told`).
    NotTold,
    /// The news is older than the rule's `expires`.
    Expired,
    /// `valid_while` does not hold (any more).
    NoLongerTrue,
    /// The deadline that set it going lies later by now, or is waited for no more.
    DeadlineMoved,
    /// The rule has been taken out since.
    RuleGone,
    /// A deadline has been set and waits.
    AwaitingDeadline,
    /// It waits to hear whether the message has arrived, before it is said on another channel.
    AwaitingReceipt,
    /// The message has arrived: it need not be said on another channel (`escalate`).
    Delivered,
    /// The recipient called the message unwanted, and is not sent it on another channel.
    Complained,
    /// The same message is held back already, and will speak for this too.
    AlreadyWaiting,
    /// Too soon after another message (`not_within`).
    CoolingDown,
    /// Gathered with more of its kind, to be said in one message (`fold`).
    Folding,
    /// Said in one message with more of its kind.
    Folded,
    /// The channel keeps quiet at this hour where the customer is.
    QuietHours,
    /// Something newer has been said, which makes it pointless.
    Superseded,
    /// The customer has been told enough for today, and tomorrow it would be no news.
    BudgetSpent,
    /// The customer has been told enough for today by all their orders, and tomorrow it would be no news.
    CustomerBudgetSpent,
    /// The carrier has told the buyer the same (`unless_carrier_told`).
    CarrierTold,
    /// The operator has turned it off for a time.
    SwitchedOff,
    /// Its rule spoke far more often than ever, and a person has dropped what was held of it.
    Storm,
    /// It could not be sent, and a person has put it away.
    PutAway,
    /// No channel of the rule can reach the customer.
    NoChannel,
    /// The message is for the recipient of a present, and the order names none but the buyer.
    RecipientMissing,
    /// The order has no e-mail address.
    EmailMissing,
    EmailInvalid,
    PhoneMissing,
    PhoneInvalid,
    /// The shop has no webhook, or none that may be called.
    WebhookMissing,
    /// The shop has no provider for this channel.
    ProviderMissing,
    /// The customer does not want this channel.
    ChannelDeclined,
    /// It sells, and the customer has not agreed to that on this channel.
    NoConsent,
    /// The address is on the list of those that must not be written to.
    AddressSuppressed,
    /// A message to this address has come back.
    AddressBounced,
    /// The customer asked to be forgotten.
    CustomerErased,
    /// The message could not be written from what is known.
    Unrenderable,
}

impl Reason {
    pub const ALL: [Self; 41] = [
        Self::ConditionFalse,
        Self::ConditionError,
        Self::AlreadyTold,
        Self::EnoughTold,
        Self::OldNews,
        Self::ReturnLeg,
        Self::NotTold,
        Self::Expired,
        Self::NoLongerTrue,
        Self::DeadlineMoved,
        Self::RuleGone,
        Self::AwaitingDeadline,
        Self::AwaitingReceipt,
        Self::Delivered,
        Self::Complained,
        Self::AlreadyWaiting,
        Self::CoolingDown,
        Self::Folding,
        Self::Folded,
        Self::QuietHours,
        Self::Superseded,
        Self::BudgetSpent,
        Self::CustomerBudgetSpent,
        Self::CarrierTold,
        Self::SwitchedOff,
        Self::Storm,
        Self::PutAway,
        Self::NoChannel,
        Self::RecipientMissing,
        Self::EmailMissing,
        Self::EmailInvalid,
        Self::PhoneMissing,
        Self::PhoneInvalid,
        Self::WebhookMissing,
        Self::ProviderMissing,
        Self::ChannelDeclined,
        Self::NoConsent,
        Self::AddressSuppressed,
        Self::AddressBounced,
        Self::CustomerErased,
        Self::Unrenderable,
    ];

    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConditionFalse => "condition_false",
            Self::ConditionError => "condition_error",
            Self::AlreadyTold => "already_told",
            Self::EnoughTold => "enough_told",
            Self::OldNews => "old_news",
            Self::ReturnLeg => "return_leg",
            Self::NotTold => "not_told",
            Self::Expired => "expired",
            Self::NoLongerTrue => "no_longer_true",
            Self::DeadlineMoved => "deadline_moved",
            Self::RuleGone => "rule_gone",
            Self::AwaitingDeadline => "awaiting_deadline",
            Self::AwaitingReceipt => "awaiting_receipt",
            Self::Delivered => "delivered",
            Self::Complained => "complained",
            Self::AlreadyWaiting => "already_waiting",
            Self::CoolingDown => "cooling_down",
            Self::Folding => "folding",
            Self::Folded => "folded",
            Self::QuietHours => "quiet_hours",
            Self::Superseded => "superseded",
            Self::BudgetSpent => "budget_spent",
            Self::CustomerBudgetSpent => "customer_budget_spent",
            Self::CarrierTold => "carrier_told",
            Self::SwitchedOff => "switched_off",
            Self::Storm => "storm",
            Self::PutAway => "put_away",
            Self::NoChannel => "no_channel",
            Self::RecipientMissing => "recipient_missing",
            Self::EmailMissing => "email_missing",
            Self::EmailInvalid => "email_invalid",
            Self::PhoneMissing => "phone_missing",
            Self::PhoneInvalid => "phone_invalid",
            Self::WebhookMissing => "webhook_missing",
            Self::ProviderMissing => "provider_missing",
            Self::ChannelDeclined => "channel_declined",
            Self::NoConsent => "no_consent",
            Self::AddressSuppressed => "address_suppressed",
            Self::AddressBounced => "address_bounced",
            Self::CustomerErased => "customer_erased",
            Self::Unrenderable => "unrenderable",
        }
    }

    /// In plain words, for a timeline.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::ConditionFalse => "its condition does not hold",
            Self::ConditionError => "its condition could not be evaluated",
            Self::AlreadyTold => "the customer has been told already",
            Self::EnoughTold => "the customer has been told more than enough",
            Self::OldNews => "older than what is already known",
            Self::ReturnLeg => "the parcel travels back to the shop",
            Self::NotTold => "nothing was told that this would answer",
            Self::Expired => "too old to be news",
            Self::NoLongerTrue => "no longer true",
            Self::DeadlineMoved => "its deadline has moved",
            Self::RuleGone => "its rule has been taken out",
            Self::AwaitingDeadline => "waits for its deadline",
            Self::AwaitingReceipt => "waits to hear whether it has arrived",
            Self::Delivered => "it has arrived",
            Self::Complained => "the customer called it unwanted",
            Self::AlreadyWaiting => "held back already, and then said once for both",
            Self::CoolingDown => "too soon after another message",
            Self::Folding => "gathered with more of its kind",
            Self::Folded => "said in one message with others of its kind",
            Self::QuietHours => "an hour at which the channel keeps quiet",
            Self::Superseded => "something newer has been said",
            Self::BudgetSpent => "enough has been said for one day",
            Self::CustomerBudgetSpent => "enough has been said for one day, by all orders of the customer",
            Self::CarrierTold => "the carrier has told the customer already",
            Self::SwitchedOff => "switched off for a time",
            Self::Storm => "dropped by a person: its rule spoke far more often than ever",
            Self::PutAway => "put away by a person, since it could not be sent",
            Self::NoChannel => "no channel can reach the customer",
            Self::RecipientMissing => "nobody but the buyer is named whom the present is for",
            Self::EmailMissing => "no e-mail address",
            Self::EmailInvalid => "the e-mail address is not valid",
            Self::PhoneMissing => "no phone number",
            Self::PhoneInvalid => "the phone number is not valid",
            Self::WebhookMissing => "the shop has no webhook",
            Self::ProviderMissing => "the shop has no provider for this channel",
            Self::ChannelDeclined => "the customer does not want this channel",
            Self::NoConsent => "the customer has not agreed to marketing by this channel",
            Self::AddressSuppressed => "the address must not be written to",
            Self::AddressBounced => "a message to this address has come back",
            Self::CustomerErased => "the customer asked to be forgotten",
            Self::Unrenderable => "the message could not be written",
        }
    }
}
