//! Why a rule came to what it came to, condition by condition.

use serde::Serialize;

use super::condition::Scope;
use super::condition::trace::{Finding, Trace};
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
