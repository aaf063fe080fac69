//! The rules as they stand in files: the default set in the binary, or a folder of the
//! operator's.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::domain::fault::{Fault, nearest};
use crate::domain::rule::{Rule, parse};

static DEFAULT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/config/rules");

/// Reads every `*.yaml` of `folder`, or of the default set, in the order of their names.
///
/// # Errors
/// Every fault of every file, and rules that share a name.
pub fn load(folder: Option<&Path>) -> Result<Vec<Rule>, Vec<Fault>> {
    let texts = match folder {
        None => default_texts(),
        Some(folder) => texts_of(folder)?,
    };
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

/// The messages that a rule waits for and that no rule sends.
fn unsaid(rule: &Rule, rules: &[Rule], origin: &BTreeMap<String, String>) -> Vec<Fault> {
    let messages = || rules.iter().map(|rule| &*rule.message);
    let waited_for = [("again_after", &rule.again_after), ("only_if_told", &rule.only_if_told)];
    let named = waited_for.into_iter().flat_map(|(key, names)| names.iter().map(move |name| (key, name)));
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

fn default_texts() -> Vec<(String, String)> {
    let mut texts: Vec<_> = DEFAULT
        .files()
        .filter_map(|file| Some((format!("config/rules/{}", file.path().display()), file.contents_utf8()?.to_owned())))
        .collect();
    texts.sort();
    texts
}

fn texts_of(folder: &Path) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let unreadable = |path: &Path, error: std::io::Error| {
        vec![Fault::new(path.display().to_string(), format!("cannot be read: {error}"))]
    };
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            texts.push((path.display().to_string(), text));
        }
    }
    texts.sort();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_set_has_no_fault() {
        let rules = super::load(None);
        assert!(rules.as_ref().is_ok_and(|rules| rules.len() == 19), "{rules:#?}");
    }
}
