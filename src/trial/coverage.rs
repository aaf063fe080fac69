//! What the tests have shown of each rule, and what none has.

use std::collections::BTreeMap;

use serde::Serialize;

use super::format::{Suite, Trial};
use super::run::Run;
use crate::domain::condition::trace::{Finding, Form, Trace};
use crate::domain::decision::{Cause, Reason, Verdict};
use crate::domain::event::{EventType, ParcelStatus};
use crate::domain::order::Channel;
use crate::domain::reasons::Reasons;
use crate::domain::rule::{Rule, RuleName, RuleSet};

/// Something that a test can show of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Trigger(EventType, Option<ParcelStatus>),
    Deadline(usize),
    /// A part of a condition came out true or false.
    Part {
        condition: &'static str,
        id: u64,
        truth: bool,
    },
    /// A value was taken in `a ? b : c`.
    Branch {
        condition: &'static str,
        id: u64,
    },
    Sent,
    Suppressed,
    /// Said once more, on that channel.
    Escalated(Channel),
    /// Not said once more, since it had arrived.
    Arrived,
}

/// A point in words, and whether it was shown.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    words: String,
    yet: bool,
}

/// A rule, and the shop that has it for itself, or otherwise than the others.
type Whose = (RuleName, Option<String>);

/// What has been shown of each rule under test.
#[derive(Debug, Default)]
pub struct Coverage(BTreeMap<Whose, BTreeMap<Point, Shown>>);

/// How much of a rule has been shown.
#[derive(Debug, PartialEq, Serialize)]
pub struct Share {
    pub rule: RuleName,
    /// The shop that has it for itself, or otherwise than the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop: Option<String>,
    pub shown: usize,
    pub of: usize,
    /// What is missing, in words.
    pub missing: Vec<String>,
}

impl Coverage {
    /// Nothing of `rules` is shown yet, as far as some suite tests them.
    pub fn of<'a>(rules: &RuleSet, suites: impl IntoIterator<Item = &'a Suite>) -> Self {
        let mut coverage = Self::default();
        for (suite, name) in suites.into_iter().flat_map(|suite| suite.rules.iter().map(move |name| (suite, name))) {
            let inherited = rules.get(name).map(points);
            let of_all = suite.trials.is_empty() || suite.trials.iter().any(|trial| trial.shop.is_none());
            // what a single shop adds or changes stands in the sets of its own tests alone
            for trial in suite.trials.iter().filter(|trial| trial.shop.is_some()) {
                let Some(points) = trial.rules.get(name).map(points) else { continue };
                let is_own = inherited.as_ref().is_none_or(|inherited| !inherited.keys().eq(points.keys()));
                coverage.0.insert((name.clone(), trial.shop.clone().filter(|_| is_own)), points);
            }
            coverage.0.extend(inherited.filter(|_| of_all).map(|points| ((name.clone(), None), points)));
        }
        coverage
    }

    /// The rule as it is counted for that test's shop.
    fn whose(&self, rule: &RuleName, trial: &Trial) -> Whose {
        let own = (rule.clone(), trial.shop.clone());
        if self.0.contains_key(&own) { own } else { (own.0, None) }
    }

    /// Counts what `run` of a test has shown of the rules that its suite tests.
    pub fn count(&mut self, suite: &Suite, trial: &Trial, run: &Run) {
        let is_tested = |rule: &RuleName| suite.rules.contains(rule);
        for (rule, reasons) in run.looks.iter().filter(|(rule, _)| is_tested(rule)) {
            self.see_parts(&self.whose(rule, trial), reasons);
        }
        for it in run.decided.iter().filter(|it| is_tested(&it.decision.rule)) {
            let rule = &self.whose(&it.decision.rule, trial);
            match &it.decision.verdict {
                Verdict::Send { notifications, .. } => {
                    self.see(rule, Point::Sent);
                    if let (Cause::Deferral { .. } | Cause::Receipt { .. }, [one]) = (&it.cause, &notifications[..]) {
                        self.see(rule, Point::Escalated(one.channel));
                    }
                }
                Verdict::Suppress { reason: Reason::Delivered, .. } => self.see(rule, Point::Arrived),
                Verdict::Suppress { .. } => self.see(rule, Point::Suppressed),
                Verdict::Defer { .. } => {}
            }
            // a rule that sets a deadline while something happens is not set going by that
            let waits = matches!(it.decision.verdict, Verdict::Defer { reason: Reason::AwaitingDeadline, .. });
            if let (Cause::Event { event_type, .. }, false) = (&it.cause, waits)
                && let Some(event) = EventType::parse(event_type)
            {
                self.see(rule, Point::Trigger(event, None));
                self.see(rule, Point::Trigger(event, it.status));
            }
            if let Some(index) = it.deadline {
                self.see(rule, Point::Deadline(index));
            }
            if let Some(reasons) = &it.reasons {
                self.see_parts(rule, reasons);
            }
        }
    }

    fn see(&mut self, rule: &Whose, point: Point) {
        if let Some(shown) = self.0.get_mut(rule).and_then(|points| points.get_mut(&point)) {
            shown.yet = true;
        }
    }

    fn see_parts(&mut self, rule: &Whose, reasons: &Reasons) {
        for (condition, trace) in reasons.iter() {
            each_part(trace, &mut |part, is_branch| match part.finding {
                Finding::Truth(_) | Finding::Value(_) if is_branch => {
                    self.see(rule, Point::Branch { condition, id: part.id });
                }
                Finding::Truth(truth) => self.see(rule, Point::Part { condition, id: part.id, truth }),
                _ => {}
            });
        }
    }

    /// Each rule, in the order of their names.
    pub fn shares(&self) -> Vec<Share> {
        let share = |((rule, shop), points): (&Whose, &BTreeMap<Point, Shown>)| {
            let missing: Vec<String> =
                points.values().filter(|shown| !shown.yet).map(|shown| shown.words.clone()).collect();
            Share {
                rule: rule.clone(),
                shop: shop.clone(),
                shown: points.len() - missing.len(),
                of: points.len(),
                missing,
            }
        };
        self.0.iter().map(share).collect()
    }

    /// Of all that can be shown, from 0 to 100.
    pub fn percent(&self) -> f64 {
        let shares = self.shares();
        let (shown, of) = shares.iter().fold((0, 0), |(shown, of), share| (shown + share.shown, of + share.of));
        #[allow(clippy::cast_precision_loss, reason = "a share of some hundred points")]
        if of == 0 { 100.0 } else { shown as f64 * 100.0 / of as f64 }
    }
}

/// All that can be shown of a rule.
fn points(rule: &Rule) -> BTreeMap<Point, Shown> {
    let mut points = BTreeMap::new();
    let mut add = |point: Point, words: String| drop(points.insert(point, Shown { words, yet: false }));
    for trigger in &rule.triggers {
        if trigger.statuses.is_empty() {
            add(Point::Trigger(trigger.event, None), format!("never set going by {}", trigger.event.as_str()));
        }
        for status in &trigger.statuses {
            let words = format!("never set going by {} with {}", trigger.event.as_str(), status.as_str());
            add(Point::Trigger(trigger.event, Some(*status)), words);
        }
    }
    for (index, _) in rule.deadlines.iter().enumerate() {
        let words = match rule.deadlines.len() {
            1 => "its deadline never fell due".to_owned(),
            _ => format!("its deadline {} never fell due", index + 1),
        };
        add(Point::Deadline(index), words);
    }
    for (condition, trace) in (Reasons {
        when: rule.when.as_ref().map(|it| it.outline()),
        valid_while: rule.valid_while.as_ref().map(|it| it.outline()),
    })
    .iter()
    {
        each_part(trace, &mut |part, is_branch| {
            let (id, text) = (part.id, &part.text);
            // what a branch comes to may be no truth
            if is_branch {
                add(Point::Branch { condition, id }, format!("{condition}: {text} was never taken"));
                return;
            }
            for truth in [true, false] {
                let words = match part.id == trace.id {
                    true => format!("{condition} was never {truth}"),
                    false => format!("{condition}: {text} was never {truth}"),
                };
                add(Point::Part { condition, id, truth }, words);
            }
        });
    }
    if let Some(escalation) = &rule.escalate {
        add(Point::Escalated(escalation.to), format!("never escalated to {}", escalation.to));
        if escalation.unless_delivered {
            add(Point::Arrived, "never kept from escalating by a receipt".to_owned());
        }
    }
    add(Point::Sent, "never sent".to_owned());
    add(Point::Suppressed, "never suppressed".to_owned());
    points
}

/// Visits the condition as a whole and every operand that can decide it; what only follows from
/// its operands adds nothing.
fn each_part(whole: &Trace, visit: &mut dyn FnMut(&Trace, bool)) {
    fn operands(part: &Trace, visit: &mut dyn FnMut(&Trace, bool)) {
        let is_choice = part.form == Form::Choice;
        for (index, operand) in part.parts.iter().enumerate() {
            match (part.form, operand.form) {
                (Form::Each | Form::Plain, _) => {}
                (_, Form::All | Form::Any | Form::Not | Form::Choice) => operands(operand, visit),
                _ => visit(operand, is_choice && index > 0),
            }
        }
    }
    visit(whole, false);
    // `!a` is true where `a` is false
    let mut rest = whole;
    while let (Form::Not, [operand]) = (rest.form, &rest.parts[..]) {
        rest = operand;
    }
    operands(rest, visit);
}
