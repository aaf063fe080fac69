//! `check`: everything that people write, held against everything else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use super::{WRONG, complain, rules, say};
use crate::config::Loaded;
use crate::domain::fault::Fault;
use crate::domain::rule::RuleName;
use crate::message::Templates;
use crate::schema;

/// Reports every fault of configuration, rules, their tests, templates and adapters.
///
/// # Errors
/// None at present; faults are the result.
pub fn check(config: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let mut faults = Vec::new();
    let loaded = Loaded::load(config).map_err(|found| faults.extend(found)).ok();
    faults.extend(loaded.iter().flat_map(faults_of_tests));
    let faults = sorted(faults);
    if json {
        say(&serde_json::to_string_pretty(&serde_json::json!({ "faults": faults }))?);
        return Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) });
    }
    if !faults.is_empty() {
        return Ok(complain(&faults));
    }
    if let Some(loaded) = loaded {
        let shops: Vec<&str> = loaded.shops.iter().map(|(id, _)| id).collect();
        let rules: BTreeSet<&RuleName> =
            loaded.shops.all().flat_map(|served| served.rules.iter()).map(|rule| &rule.name).collect();
        let messages: BTreeSet<&str> = loaded.shops.all().flat_map(|served| served.templates.messages()).collect();
        let providers: Vec<&str> = loaded.providers.iter().map(|(provider, _)| provider.name()).collect();
        say(&format!(
            "no fault: {} rules, {} messages, shops: {}, providers: {}",
            rules.len(),
            messages.len(),
            if shops.is_empty() { "any".to_owned() } else { shops.join(", ") },
            providers.join(", ")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The faults of the tests beside the rules and beside those of each shop. They are read and not
/// run: that is `rules test`.
fn faults_of_tests(loaded: &Loaded) -> Vec<Fault> {
    let loaded = Some(loaded);
    match rules::bench(loaded, Templates::none()).and_then(|bench| Ok((bench, rules::beside(loaded)?))) {
        Ok((bench, tests)) => rules::read(&tests, &bench).1,
        Err(faults) => faults,
    }
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}

/// Writes the generated schemas, or tells which differ.
///
/// # Errors
/// A folder that cannot be written.
pub fn schemas(folder: &Path, only_check: bool) -> anyhow::Result<ExitCode> {
    if !only_check {
        schema::write(folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let stale = schema::stale(folder);
    for name in &stale {
        eprintln!("{name} is stale; write it anew with: cargo run -- schemas");
    }
    Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
