//! A decision as tests write it, expected or actual.

use std::collections::BTreeMap;

use crate::domain::decision::{Decision, Reason, Skipped, Verdict};
use crate::domain::journey::{ParcelKey, Subject};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;

use super::moment::Frame;

/// One decision. What an expectation leaves out, any decision has.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub at: Option<Timestamp>,
    pub rule: Option<String>,
    /// The parcel's number or the shipment's id; the order as a whole, if empty.
    pub about: Option<String>,
    pub verdict: Option<Said>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Send {
        channels: Vec<Channel>,
        skipped: BTreeMap<Channel, Reason>,
    },
    Defer {
        until: Timestamp,
        because: Reason,
    },
    Suppress {
        reason: Reason,
        skipped: BTreeMap<Channel, Reason>,
    },
    /// Taken back before it could leave.
    Withdraw {
        channels: Vec<Channel>,
        because: Reason,
    },
}

impl Line {
    /// The line of a decision that was taken at `at`; `withdrawn` is the channel that a second look
    /// took it back from.
    pub fn of(decision: &Decision, at: Timestamp, withdrawn: Option<Channel>) -> Self {
        let all = |skipped: &[Skipped]| skipped.iter().map(|one| (one.channel, one.reason)).collect();
        let verdict = match &decision.verdict {
            Verdict::Send { notifications, skipped } => {
                Said::Send { channels: notifications.iter().map(|sent| sent.channel).collect(), skipped: all(skipped) }
            }
            Verdict::Defer { until, reason } => Said::Defer { until: *until, because: *reason },
            Verdict::Suppress { reason, .. } if withdrawn.is_some() => {
                Said::Withdraw { channels: withdrawn.into_iter().collect(), because: *reason }
            }
            Verdict::Suppress { reason, skipped, .. } => Said::Suppress { reason: *reason, skipped: all(skipped) },
        };
        Self {
            at: Some(at),
            rule: Some(decision.rule.to_string()),
            about: Some(about(&decision.subject)),
            verdict: Some(verdict),
        }
    }

    /// Adds the channels of `next`, if it takes back more of the same.
    pub fn fold(&mut self, next: &Self) -> bool {
        let same = (&self.at, &self.rule, &self.about) == (&next.at, &next.rule, &next.about);
        match (&mut self.verdict, &next.verdict) {
            (Some(Said::Withdraw { channels, because }), Some(Said::Withdraw { channels: more, because: why }))
                if same && because == why =>
            {
                channels.extend(more);
                true
            }
            _ => false,
        }
    }

    /// Whether `actual` is what this line expects.
    pub fn fits(&self, actual: &Self) -> bool {
        fn left_out<T: PartialEq>(expected: &Option<T>, actual: &Option<T>) -> bool {
            expected.is_none() || expected == actual
        }
        left_out(&self.at, &actual.at)
            && left_out(&self.rule, &actual.rule)
            && left_out(&self.about, &actual.about)
            && left_out(&self.verdict, &actual.verdict)
    }

    /// As it stands in a test file.
    pub fn yaml(&self, frame: &Frame) -> String {
        let mut parts = Vec::new();
        parts.extend(self.at.map(|at| format!("at: {}", frame.spell(at))));
        parts.extend(self.rule.as_ref().map(|rule| format!("rule: {rule}")));
        parts.extend(
            self.about.as_ref().filter(|about| !about.is_empty()).map(|about| format!("about: {}", plain(about))),
        );
        let skips = |skipped: &BTreeMap<Channel, Reason>| {
            let all: Vec<_> = skipped.iter().map(|(channel, why)| format!("{channel}: {}", why.as_str())).collect();
            (!all.is_empty()).then(|| format!("skipped: {{ {} }}", all.join(", ")))
        };
        let list = |channels: &[Channel]| channels.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
        match &self.verdict {
            None => {}
            Some(Said::Send { channels, skipped }) => {
                parts.push(format!("send: [{}]", list(channels)));
                parts.extend(skips(skipped));
            }
            Some(Said::Withdraw { channels, because }) => {
                parts.push(format!("withdraw: [{}], because: {}", list(channels), because.as_str()));
            }
            Some(Said::Defer { until, because }) => {
                parts.push(format!("defer: {}", frame.spell(*until)));
                if *because != Reason::AwaitingDeadline {
                    parts.push(format!("because: {}", because.as_str()));
                }
            }
            Some(Said::Suppress { reason, skipped }) => {
                parts.push(format!("suppress: {}", reason.as_str()));
                parts.extend(skips(skipped));
            }
        }
        format!("{{ {} }}", parts.join(", "))
    }
}

/// What a decision is about, as tests write it.
pub fn about(subject: &Subject) -> String {
    match subject {
        Subject::Order => String::new(),
        Subject::Shipment(id) => id.clone(),
        Subject::Parcel(ParcelKey { waybill, epoch: 0 }) => waybill.tracking_number.clone(),
        Subject::Parcel(ParcelKey { waybill, epoch }) => format!("{}/{epoch}", waybill.tracking_number),
    }
}

/// A text that YAML would read as something else, or not at all, stands in quotes.
pub fn plain(text: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "_-/.@".contains(c);
    let is_text = text.starts_with(|c: char| c.is_alphabetic()) && text.chars().all(harmless);
    let is_word = ["true", "false", "null", "yes", "no", "on", "off"].contains(&&*text.to_lowercase());
    if is_text && !is_word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
