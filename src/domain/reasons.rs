//! Why a rule came to what it came to, condition by condition.

use serde::Serialize;

use super::condition::Scope;
use super::condition::trace::{Finding, Form, Trace};
use super::rule::Rule;
use super::view::Scene;

/// Both conditions of a rule with the values of their parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reasons {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Trace>,
    /// Not asked where `when` does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_while: Option<Trace>,
}

impl Reasons {
    /// The conditions of `rule` as they stand in `scene`.
    pub fn of(rule: &Rule, scene: Scene<'_>) -> Self {
        let mut scope = Scope::new(scene);
        let when = rule.when.as_ref().map(|condition| scope.trace(condition));
        let asked = when.as_ref().is_none_or(|when| when.finding == Finding::Truth(true));
        let valid_while = rule.valid_while.as_ref();
        let valid_while = valid_while.map(|it| if asked { scope.trace(it) } else { it.outline() });
        Self { when, valid_while }
    }

    /// The same, with what is decided before it is reached.
    pub fn thoroughly(rule: &Rule, scene: Scene<'_>) -> Self {
        let mut scope = Scope::new(scene);
        let when = rule.when.as_ref().map(|condition| scope.trace_all(condition));
        let valid_while = rule.valid_while.as_ref().map(|condition| scope.trace_all(condition));
        Self { when, valid_while }
    }

    /// What is looked at again right before an attempt.
    pub fn before_attempt(rule: &Rule, scene: Scene<'_>) -> Self {
        let valid_while = rule.valid_while.as_ref().map(|condition| Scope::new(scene).trace(condition));
        Self { when: None, valid_while }
    }

    /// Each condition by the key under which the rule has it.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Trace)> {
        [("when", &self.when), ("valid_while", &self.valid_while)]
            .into_iter()
            .filter_map(|(key, trace)| Some((key, trace.as_ref()?)))
    }
}

/// What would have to be otherwise for a condition to come out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    All(Vec<Difference>),
    Any(Vec<Difference>),
    One {
        text: String,
        should_be: bool,
        /// The facts that it hangs on, as they were.
        was: Vec<(String, String)>,
    },
}

impl Difference {
    /// What keeps `trace` from being `wanted`; nothing, if it is.
    pub fn to(trace: &Trace, wanted: bool) -> Option<Self> {
        if trace.finding == Finding::Truth(wanted) {
            return None;
        }
        let each = |wanted| trace.parts.iter().filter_map(|part| Self::to(part, wanted)).collect::<Vec<_>>();
        match (trace.form, &trace.parts[..]) {
            // all must be true for `&&` to be true, and all false for `||` to be false
            (Form::All, _) => Self::joined(each(wanted), wanted),
            (Form::Any, _) => Self::joined(each(wanted), !wanted),
            (Form::Not, [operand]) => Self::to(operand, !wanted),
            (Form::Choice, [condition, yes, no]) => {
                Self::to(if condition.finding == Finding::Truth(true) { yes } else { no }, wanted)
            }
            _ => {
                let was = trace.facts().into_iter().map(|(fact, value)| (fact.to_owned(), value.to_string())).collect();
                Some(Self::One { text: trace.text.clone(), should_be: wanted, was })
            }
        }
    }

    fn joined(mut parts: Vec<Self>, all: bool) -> Option<Self> {
        if parts.len() <= 1 {
            return parts.pop();
        }
        Some(if all { Self::All(parts) } else { Self::Any(parts) })
    }
}
