//! The rules as they stand in files: the default set in the binary or a folder of the operator's,
//! and what a shop changes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::domain::fault::{Fault, Place, nearest};
use crate::domain::rule::{Changes, Rule, RuleName, parse_changes};
use crate::folder;

static DEFAULT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/config/rules");

/// How the names of tests end, which stand beside the rules.
const TESTS: &str = ".test.yaml";

/// Each file of tests beside the rules: its name and its text, in the order of the names.
///
/// # Errors
/// What cannot be read.
pub fn tests(folder: Option<&Path>) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let mut texts = folder::yaml(folder, &DEFAULT, "config/rules")?;
    texts.retain(|(file, _)| file.ends_with(TESTS));
    Ok(texts)
}

/// Each file of rules: its name and its text.
fn written(folder: Option<&Path>) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let mut texts = folder::yaml(folder, &DEFAULT, "config/rules")?;
    texts.retain(|(file, _)| !file.ends_with(TESTS));
    Ok(texts)
}

/// Reads every `*.yaml` of `folder`, or of the default set, but for the tests beside the rules.
///
/// # Errors
/// Every fault of every file, and rules that share a name.
pub fn load(folder: Option<&Path>) -> Result<Vec<Arc<Rule>>, Vec<Fault>> {
    Rules::load(folder).map(|rules| rules.all())
}

/// A set of rules, each with the place where it is written.
#[derive(Clone, Debug, Default)]
pub struct Rules(BTreeMap<RuleName, (Arc<Rule>, Place)>);

impl Rules {
    /// Reads every `*.yaml` of `folder`, or of the default set.
    ///
    /// # Errors
    /// Every fault of every file, and rules that share a name.
    pub fn load(folder: Option<&Path>) -> Result<Self, Vec<Fault>> {
        let rules = Self::default().changed(written(folder)?)?;
        if rules.0.is_empty() {
            let place = folder.map_or("the default set".to_owned(), |folder| folder.display().to_string());
            let what = "there is no rule in any *.yaml file here: nothing would ever be sent";
            return Err(vec![Fault::new(place, what)]);
        }
        Ok(rules)
    }

    /// These rules with the changes that the `*.yaml` of `folder` make to them: a rule stands in
    /// the place of the one of the same name, and one that is `off` is taken out.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn with(&self, folder: &Path) -> Result<Self, Vec<Fault>> {
        self.changed(written(Some(folder))?)
    }

    fn changed(&self, texts: Vec<(String, String)>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut own: BTreeMap<RuleName, (Option<Arc<Rule>>, Place)> = BTreeMap::new();
        for (file, text) in texts {
            let Changes { rules, off } =
                parse_changes(&file, &text).map_err(|found| faults.extend(found)).unwrap_or_default();
            let rules = rules.into_iter().map(|(rule, place)| (rule.name.clone(), Some(Arc::new(rule)), place));
            for (name, rule, place) in rules.chain(off.into_iter().map(|(name, place)| (name, None, place))) {
                if rule.is_none() && !self.0.contains_key(&name) {
                    faults.push(self.nothing_to_take_out(&name, &place));
                }
                if let Some((_, other)) = own.insert(name.clone(), (rule, place.clone())) {
                    faults.push(place.fault(format!("the rule '{name}' stands in {} already", other.file)));
                }
            }
        }
        if faults.is_empty() {
            faults.extend(own.values().filter_map(|(rule, place)| Some((rule.as_ref()?, place))).flat_map(
                |(rule, place)| {
                    // a message of a rule that this shop has taken out is known, and never told
                    let own = own.values().filter_map(|(rule, _)| rule.as_ref());
                    let messages: Vec<&str> = self.iter().chain(own).map(|rule| rule.message.as_str()).collect();
                    unsaid(rule, place, &messages)
                },
            ));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut rules = self.0.clone();
        for (name, (rule, place)) in own {
            match rule {
                Some(rule) => drop(rules.insert(name, (rule, place))),
                None => drop(rules.remove(&name)),
            }
        }
        Ok(Self(rules))
    }

    fn nothing_to_take_out(&self, name: &RuleName, place: &Place) -> Fault {
        let what = format!("the rule '{name}' is off, but no rule of that name is inherited");
        match nearest(name.as_str(), self.0.keys().map(RuleName::as_str)) {
            Some(known) => place.fault(what).suggest(format!("did you mean '{known}'?")),
            None => place.fault(what).suggest("delete it"),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.0.values().map(|(rule, _)| rule)
    }

    /// The rules alone.
    pub fn all(&self) -> Vec<Arc<Rule>> {
        self.iter().cloned().collect()
    }

    /// The rules that send what there are no words for, each with its place.
    pub fn wordless(&self, messages: &[&str]) -> Vec<Fault> {
        let wordless = self.0.values().filter(|(rule, _)| !messages.contains(&&*rule.message));
        wordless
            .map(|(rule, place)| {
                let what =
                    format!("the rule '{}' sends '{}', of which there are no templates", rule.name, rule.message);
                match nearest(&rule.message, messages.iter().copied()) {
                    Some(known) => place.fault(what).suggest(format!("did you mean '{known}'?")),
                    None => place.fault(what),
                }
            })
            .collect()
    }
}

/// The messages that a rule names and that no rule sends.
fn unsaid(rule: &Rule, place: &Place, messages: &[&str]) -> Vec<Fault> {
    let lists =
        [("again_after", &rule.again_after), ("only_if_told", &rule.only_if_told), ("supersedes", &rule.supersedes)];
    let cool_downs = rule.not_within.iter().map(|cool_down| ("not_within", &cool_down.after));
    let named = lists.into_iter().chain(cool_downs).flat_map(|(key, names)| names.iter().map(move |name| (key, name)));
    let unknown = named.filter(|(_, name)| !messages.contains(&name.as_str()));
    unknown
        .map(|(key, name)| {
            let fault = place.fault(format!("the rule '{}' has '{name}' in '{key}', which no rule sends", rule.name));
            match nearest(name, messages.iter().copied()) {
                Some(known) => fault.suggest(format!("did you mean '{known}'?")),
                None => fault,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_set_has_no_fault() {
        // none at all would be one too
        assert_eq!(super::load(None).err(), None);
    }
}
