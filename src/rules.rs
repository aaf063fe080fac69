//! The rules as they stand in files: the default set in the binary, or a folder of the
//! operator's.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::domain::fault::{Fault, nearest};
use crate::domain::rule::{Rule, parse};
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

/// Reads every `*.yaml` of `folder`, or of the default set, in the order of their names.
///
/// # Errors
/// Every fault of every file, and rules that share a name.
pub fn load(folder: Option<&Path>) -> Result<Vec<Rule>, Vec<Fault>> {
    let mut texts = folder::yaml(folder, &DEFAULT, "config/rules")?;
    texts.retain(|(file, _)| !file.ends_with(TESTS));
    let mut rules: Vec<Rule> = Vec::new();
    let mut faults = Vec::new();
    let mut origin: BTreeMap<String, String> = BTreeMap::new();
    for (file, text) in texts {
        match parse(&file, &text) {
            Err(found) => faults.extend(found),
            Ok(found) => {
                for rule in found {
                    if let Some(other) = origin.insert(rule.name.to_string(), file.clone()) {
                        faults.push(Fault::new(&file, format!("the rule '{}' stands in {other} already", rule.name)));
                    }
                    rules.push(rule);
                }
            }
        }
    }
    if faults.is_empty() {
        faults.extend(rules.iter().flat_map(|rule| unsaid(rule, &rules, &origin)));
    }
    if rules.is_empty() && faults.is_empty() {
        let place = folder.map_or("the default set".to_owned(), |folder| folder.display().to_string());
        faults.push(Fault::new(place, "there is no rule in any *.yaml file here: nothing would ever be sent"));
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

/// The messages that a rule names and that no rule sends.
fn unsaid(rule: &Rule, rules: &[Rule], origin: &BTreeMap<String, String>) -> Vec<Fault> {
    let messages = || rules.iter().map(|rule| &*rule.message);
    let lists =
        [("again_after", &rule.again_after), ("only_if_told", &rule.only_if_told), ("supersedes", &rule.supersedes)];
    let cool_downs = rule.not_within.iter().map(|cool_down| ("not_within", &cool_down.after));
    let named = lists.into_iter().chain(cool_downs).flat_map(|(key, names)| names.iter().map(move |name| (key, name)));
    let unknown = named.filter(|(_, name)| messages().all(|message| message != *name));
    let file = origin.get(rule.name.as_str()).map_or("", String::as_str);
    unknown
        .map(|(key, name)| {
            let fault =
                Fault::new(file, format!("the rule '{}' has '{name}' in '{key}', which no rule sends", rule.name));
            match nearest(name, messages()) {
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
        let rules = super::load(None);
        assert!(rules.as_ref().is_ok_and(|rules| rules.len() == 19), "{rules:#?}");
    }
}
