//! What others are told of our work: each decision and each attempt, as data of a CloudEvent.
//!
//! Pure: from what is written to the store to what is told of it. Ids, names, codes and times
//! only; no text that was written for or by a person (I9).

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::domain::decision::{Cause, Decision, Entry, Reason, Verdict};
use crate::domain::journey::{JourneyKey, Phase};
use crate::domain::notification::{self, derived_id};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{AttemptRecord, Leased, Next};

/// The types of what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportType {
    DecisionMade,
    AttemptMade,
}

impl ReportType {
    pub const ALL: [Self; 2] = [Self::DecisionMade, Self::AttemptMade];

    /// The CloudEvents `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DecisionMade => "reassure.decision.made",
            Self::AttemptMade => "reassure.attempt.made",
        }
    }

    /// The JSON Schema of the data.
    pub fn data_schema(self, generator: &mut SchemaGenerator) -> Schema {
        match self {
            Self::DecisionMade => generator.subschema_for::<DecisionMade<'_>>(),
            Self::AttemptMade => generator.subschema_for::<AttemptMade<'_>>(),
        }
    }
}

/// One thing that is told: the attributes of the CloudEvent and its data.
#[derive(Debug)]
pub struct Report<'a> {
    /// Follows from what is told, so that a repetition has the same.
    pub id: String,
    pub time: Timestamp,
    pub traceparent: Option<&'a str>,
    pub data: Data<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    Decision(DecisionMade<'a>),
    Attempt(AttemptMade<'a>),
}

impl Data<'_> {
    pub fn report_type(&self) -> ReportType {
        match self {
            Self::Decision(_) => ReportType::DecisionMade,
            Self::Attempt(_) => ReportType::AttemptMade,
        }
    }

    pub fn shop(&self) -> &str {
        match self {
            Self::Decision(data) => data.shop,
            Self::Attempt(data) => data.shop,
        }
    }

    pub fn order_id(&self) -> &str {
        match self {
            Self::Decision(data) => data.order_id,
            Self::Attempt(data) => data.order_id,
        }
    }
}

/// A rule has decided.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DecisionMade<'a> {
    pub shop: &'a str,
    pub order_id: &'a str,
    pub rule: &'a str,
    pub message: &'a str,
    /// What it is about: `order`, `shipment/<id>` or `parcel/<carrier>/<number>/<epoch>`.
    pub subject: String,
    /// Where the buyer stands.
    pub phase: Phase,
    pub cause: ReportedCause<'a>,
    pub verdict: ReportedVerdict,
    /// Why it is not sent, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// With `defer`: when it is decided again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// With `send`: one for each channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<ReportedNotification<'a>>,
    /// Channels of the rule that could not be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedChannel>,
}

/// What set the rule going.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedCause<'a> {
    pub kind: CauseKind,
    /// When the event happened, the deadline fell due or the wait was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The type of the event.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub event_type: Option<&'a str>,
    /// The source of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a str>,
    /// The id of the event, or of the notification that was about to be sent or was heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    Event,
    Deadline,
    /// A message that was held back came to its moment.
    Deferral,
    /// A second look, right before an attempt.
    Attempt,
    /// What was heard of a message after its attempt.
    Receipt,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportedVerdict {
    Send,
    Defer,
    Suppress,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedNotification<'a> {
    pub id: &'a str,
    pub channel: Channel,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct SkippedChannel {
    pub channel: Channel,
    pub reason: Reason,
}

/// A provider has been asked to carry a message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttemptMade<'a> {
    pub shop: &'a str,
    pub order_id: &'a str,
    /// The id of the notification, which is its idempotency key too.
    pub notification: &'a str,
    pub rule: &'a str,
    pub message: &'a str,
    /// What it is about: `order`, `shipment/<id>` or `parcel/<carrier>/<number>/<epoch>`.
    pub subject: String,
    pub channel: Channel,
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// Its number, from 1 on; an attempt that does not count leaves the number to the next.
    pub attempt: u32,
    pub outcome: notification::Outcome,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider's own id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<&'a str>,
    pub next: ReportedNext,
    /// With `retry` and `wait`: when it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportedNext {
    /// Nothing: the provider has it.
    Done,
    Retry,
    /// Again later; the fault was the account's, or the provider is away, and this attempt does not count.
    Wait,
    /// Given up; it waits for a person.
    Dead,
    /// What became of it is unknown; it waits for a person.
    Held,
}

/// What is told of the decisions of `entry`, in their order.
pub fn of_entry<'a>(key: &'a JourneyKey, entry: &'a Entry, traceparent: Option<&'a str>) -> Vec<Report<'a>> {
    let report = |(number, decision)| Report {
        id: decision_id(key, entry, number, decision),
        time: entry.at,
        traceparent,
        data: Data::Decision(decided(key, entry, decision)),
    };
    entry.decisions.iter().enumerate().map(report).collect()
}

/// An event is taken in once by a journey (I1), and a deadline or a second look has its moment.
fn decision_id(key: &JourneyKey, entry: &Entry, number: usize, decision: &Decision) -> String {
    let cause = match &entry.cause {
        Cause::Event { source, id, .. } => ["event", source, id],
        Cause::Timer { rule, .. } => ["deadline", rule.as_str(), ""],
        Cause::Deferral { rule, .. } => ["deferral", rule.as_str(), ""],
        Cause::Attempt { notification } => ["attempt", &notification.0, ""],
        Cause::Receipt { notification, receipt } => ["receipt", &notification.0, receipt.as_str()],
    };
    let (at, number) = (entry.at.millis().to_string(), number.to_string());
    let own = [&*key.shop, &*key.order_id, &*at, decision.rule.as_str(), &*number];
    derived_id("dec_", &[own.as_slice(), &cause].concat())
}

fn decided<'a>(key: &'a JourneyKey, entry: &'a Entry, decision: &'a Decision) -> DecisionMade<'a> {
    let (verdict, reason, until) = match &decision.verdict {
        Verdict::Send { .. } => (ReportedVerdict::Send, None, None),
        Verdict::Defer { until, reason } => (ReportedVerdict::Defer, Some(*reason), Some(*until)),
        Verdict::Suppress { reason, .. } => (ReportedVerdict::Suppress, Some(*reason), None),
    };
    let (sent, skipped) = match &decision.verdict {
        Verdict::Send { notifications, skipped } => (notifications.as_slice(), skipped.as_slice()),
        Verdict::Suppress { skipped, .. } => (&[][..], skipped.as_slice()),
        Verdict::Defer { .. } => (&[][..], &[][..]),
    };
    DecisionMade {
        shop: &key.shop,
        order_id: &key.order_id,
        rule: decision.rule.as_str(),
        message: &decision.message,
        subject: decision.subject.to_string(),
        phase: entry.phase,
        cause: caused(&entry.cause),
        verdict,
        reason,
        until,
        notifications: sent
            .iter()
            .map(|sent| ReportedNotification { id: &sent.notification.0, channel: sent.channel })
            .collect(),
        skipped: skipped.iter().map(|one| SkippedChannel { channel: one.channel, reason: one.reason }).collect(),
    }
}

fn caused(cause: &Cause) -> ReportedCause<'_> {
    let bare = |kind| ReportedCause { kind, time: None, event_type: None, source: None, id: None };
    match cause {
        Cause::Event { event_type, source, id, time } => ReportedCause {
            time: Some(*time),
            event_type: Some(event_type),
            source: Some(source),
            id: Some(id),
            ..bare(CauseKind::Event)
        },
        Cause::Timer { due, .. } => ReportedCause { time: Some(*due), ..bare(CauseKind::Deadline) },
        Cause::Deferral { until, .. } => ReportedCause { time: Some(*until), ..bare(CauseKind::Deferral) },
        Cause::Attempt { notification } => ReportedCause { id: Some(&notification.0), ..bare(CauseKind::Attempt) },
        Cause::Receipt { notification, .. } => ReportedCause { id: Some(&notification.0), ..bare(CauseKind::Receipt) },
    }
}

/// What is told of an attempt on `leased`.
pub fn of_attempt<'a>(leased: &'a Leased, record: &'a AttemptRecord) -> Report<'a> {
    let notification = &leased.notification;
    let attempt = leased.attempts + 1;
    let (next, retry_at) = match record.next {
        Next::Accepted => (ReportedNext::Done, None),
        Next::Retry(at) => (ReportedNext::Retry, Some(at)),
        Next::Wait(at) => (ReportedNext::Wait, Some(at)),
        Next::Dead => (ReportedNext::Dead, None),
        Next::Held => (ReportedNext::Held, None),
    };
    Report {
        id: derived_id("att_", &[&notification.id.0, &record.at.millis().to_string(), &attempt.to_string()]),
        time: record.at,
        traceparent: notification.traceparent.as_deref(),
        data: Data::Attempt(AttemptMade {
            shop: &leased.key.shop,
            order_id: &leased.key.order_id,
            notification: &notification.id.0,
            rule: notification.rule.as_str(),
            message: &notification.message,
            subject: notification.subject.to_string(),
            channel: notification.channel,
            provider: &record.provider,
            attempt,
            outcome: record.outcome,
            status: record.status,
            provider_id: record.provider_id.as_deref(),
            next,
            retry_at,
        }),
    }
}
