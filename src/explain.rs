//! Why a decision was taken: the conditions with every value behind them, the state of the journey
//! at that moment, and what would have had to differ.

mod words;

use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::condition::Scope;
use crate::domain::condition::trace::{Finding, Trace};
use crate::domain::decision::{Cause, Decision, Entry, Reason, Verdict};
use crate::domain::order::Concern;
use crate::domain::reasons::{Difference, Reasons};
use crate::domain::rule::RuleSet;
use crate::domain::time::Timestamp;
use crate::domain::view::Scene;
use crate::ports::Timeline;
use crate::replay::Replay;

pub use words::write;

/// A decision, explained.
#[derive(Debug, Serialize)]
pub struct Explanation<'t> {
    pub at: Timestamp,
    pub cause: &'t Cause,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'t str>,
    pub decision: &'t Decision,
    /// What the rule is for; none if there is no such rule any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    pub conditions: Reasons,
    /// What would have had to differ for the conditions to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differently: Vec<Difference>,
    /// What else has led to the decision, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What is not as it was then, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Why the order raised each concern, or did not.
    pub concerns: Vec<Grounds>,
    /// Every fact that rules could see.
    pub state: Vec<Fact>,
}

/// A concern, and the shop's condition for it.
#[derive(Debug, Serialize)]
pub struct Grounds {
    pub concern: Concern,
    pub condition: Trace,
}

/// A fact by its path.
#[derive(Debug, Serialize)]
pub struct Fact {
    pub path: String,
    pub value: String,
}

/// Which decisions are to be explained.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Of this rule alone.
    pub rule: Option<String>,
    /// Taken at a moment that is written so, or begins so: `2026-03-02 09:00`.
    pub at: Option<String>,
    /// The zone in which `at` is read.
    pub zone: Tz,
}

/// Explains the decisions of `timeline` that are chosen: without a moment the last of each rule,
/// in the order in which they were taken.
pub fn explain<'t>(timeline: &'t Timeline, rules: &RuleSet, choice: &Choice) -> Vec<Explanation<'t>> {
    let mut chosen: Vec<(usize, &Entry, &Decision)> = Vec::new();
    for (index, entry) in timeline.entries.iter().enumerate() {
        let then = choice.at.as_ref().is_none_or(|at| is_written(entry.at, at, choice.zone));
        for decision in entry.decisions.iter().filter(|_| then) {
            if choice.rule.as_ref().is_some_and(|rule| *rule != decision.rule.as_str()) {
                continue;
            }
            if choice.at.is_none() {
                chosen.retain(|(_, _, other)| other.rule != decision.rule);
            }
            chosen.push((index, entry, decision));
        }
    }
    let replay = Replay::new(&timeline.journey, &timeline.entries);
    chosen.into_iter().map(|(index, entry, decision)| one(timeline, &replay, index, entry, decision, rules)).collect()
}

fn is_written(moment: Timestamp, at: &str, zone: Tz) -> bool {
    let local = moment.in_zone(zone).format("%Y-%m-%d %H:%M:%S").to_string();
    local.starts_with(at.trim()) || moment.to_string().starts_with(at.trim())
}

fn one<'t>(
    timeline: &'t Timeline,
    replay: &Replay<'_>,
    index: usize,
    entry: &'t Entry,
    decision: &'t Decision,
    rules: &RuleSet,
) -> Explanation<'t> {
    let mut caveats = Vec::new();
    let rebuilt = replay.as_of(index, &rules.shop);
    if rebuilt.is_none() {
        caveats.push("how the journey began is not kept: this is the journey as it stands now".to_owned());
    }
    let replaced = replay.replaced(index);
    if !replaced.is_empty() {
        caveats.push(format!("what has changed since is not kept as it was: {}", replaced.join(", ")));
    }
    let journey = rebuilt.as_ref().unwrap_or(&timeline.journey);
    let event = replay.event(entry);
    let scene = Scene { journey, shop: &rules.shop, subject: &decision.subject, event: event.as_ref(), now: entry.at };
    let rule = rules.get(&decision.rule);
    if rule.is_none() {
        caveats.push(format!("there is no rule '{}' any more", decision.rule));
    }
    let mut conditions = rule.map(|rule| Reasons::thoroughly(rule, scene)).unwrap_or_default();
    // what only waits for its deadline has not been asked anything yet
    if matches!(decision.verdict, Verdict::Defer { reason: Reason::AwaitingDeadline, .. }) {
        conditions = Reasons::default();
    }
    // `when` is asked once, when it becomes news
    if matches!(entry.cause, Cause::Attempt { .. } | Cause::Deferral { .. } | Cause::Receipt { .. }) {
        conditions.when = None;
    }
    let holds = |reasons: &Reasons| reasons.iter().all(|(_, trace)| trace.finding == Finding::Truth(true));
    let agrees = match &decision.verdict {
        Verdict::Send { .. } => holds(&conditions),
        Verdict::Suppress { reason: Reason::ConditionFalse | Reason::NoLongerTrue, .. } => !holds(&conditions),
        _ => true,
    };
    if rule.is_some() && !agrees {
        caveats.push(
            "the rule as it is today would come to something else: it has changed since, or a fact has".to_owned(),
        );
    }
    let sent = matches!(decision.verdict, Verdict::Send { .. });
    let differently =
        conditions.iter().filter(|_| !sent).filter_map(|(_, trace)| Difference::to(trace, true)).collect();
    let concerns = rules.shop.concerns.traces(journey, &rules.shop).into_iter();
    let concerns = concerns.map(|(concern, condition)| Grounds { concern, condition }).collect();
    let state = Scope::new(scene).facts().into_iter().map(|(path, value)| Fact { path, value }).collect();
    Explanation {
        at: entry.at,
        cause: &entry.cause,
        note: entry.note.as_deref().filter(|note| !note.is_empty()),
        decision,
        says: rule.map(|rule| rule.says.clone()),
        because: words::because(journey, entry, decision, rules),
        conditions,
        differently,
        caveats,
        concerns,
        state,
    }
}
