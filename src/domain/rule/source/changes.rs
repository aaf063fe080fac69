//! A file of rules: a set of its own, or what a shop changes of one.

use serde_json::Value;
use serde_saphyr::Spanned;

use super::{Fields, Reader};
use crate::domain::fault::{Fault, Place};
use crate::domain::rule::{Rule, RuleName};
use crate::domain::written::Written;

/// What a shop changes of the rules that it inherits.
#[derive(Debug, Default)]
pub struct Changes {
    /// In the place of the inherited ones of the same names, or new.
    pub rules: Vec<(Rule, Place)>,
    /// Inherited rules that this shop does not have.
    pub off: Vec<(RuleName, Place)>,
}

/// Reads a file of rules: a list, each a mapping that begins with `rule: <name>`.
///
/// # Errors
/// Every fault of the file.
pub fn parse(file: &str, text: &str) -> Result<Vec<Rule>, Vec<Fault>> {
    let Changes { rules, off } = parse_changes(file, text)?;
    let nothing = |(name, place): (RuleName, Place)| {
        place.fault(format!("the rule '{name}' is off, but nothing is inherited here")).suggest("delete it")
    };
    if off.is_empty() {
        Ok(rules.into_iter().map(|(rule, _)| rule).collect())
    } else {
        Err(off.into_iter().map(nothing).collect())
    }
}

/// Reads a shop's file of rules: as [`parse`], and beside them `rule: <name>` with `off: true`,
/// which takes the inherited rule of that name out.
///
/// # Errors
/// Every fault of the file.
pub fn parse_changes(file: &str, text: &str) -> Result<Changes, Vec<Fault>> {
    let written = Written { file, text };
    let sources: Vec<Spanned<Fields>> =
        serde_saphyr::from_str(text).map_err(|error| vec![written.unreadable("a list of rules", &error)])?;
    let mut changes = Changes::default();
    let mut faults = Vec::new();
    for source in sources {
        let mut reader = Reader { written, faults: &mut faults };
        let place = written.place(source.referenced);
        if source.value.0.iter().any(|(key, _)| key.value == "off") {
            changes.off.extend(reader.off(source).map(|name| (name, place)));
        } else {
            changes.rules.extend(reader.rule(source).map(|rule| (rule, place)));
        }
    }
    if faults.is_empty() { Ok(changes) } else { Err(faults) }
}

impl Reader<'_> {
    /// A rule that is taken out: its name, `off: true` and perhaps what for.
    fn off(&mut self, source: Spanned<Fields>) -> Option<RuleName> {
        let before = self.faults.len();
        let begin = source.referenced;
        let mut name = String::new();
        for (key, value) in source.value.0 {
            match key.value.as_str() {
                "rule" => name = self.text_of("rule", &value),
                "off" if value.value == Value::Bool(true) => {}
                "off" => self.fault(value.referenced, "off: only true can be said; a rule without it is on", None),
                "says" => drop(self.text_of("says", &value)),
                other => {
                    let what = format!("a rule that is off has no '{other}'");
                    self.fault(key.referenced, what, Some("leave it out, or leave 'off' out".to_owned()));
                }
            }
        }
        if name.is_empty() {
            self.fault(begin, "which rule is off? Name it with 'rule'", None);
        }
        (self.faults.len() == before).then(|| RuleName::from(name.as_str()))
    }
}
