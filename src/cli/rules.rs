//! `rules test`: the rules, tried.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::{coloured, complain, say};
use crate::config::Loaded;
use crate::domain::fault::Fault;
use crate::message::Templates;
use crate::rules;
use crate::trial::{self, Bench, Coverage, Suite, report};

/// What can be done with rules.
#[derive(Subcommand)]
pub enum Command {
    /// Try the rules on journeys that test files describe, under a simulated clock; nothing is sent.
    Test(Options),
}

#[derive(Args)]
pub struct Options {
    /// The test files; without any, every *.test.yaml beside the rules.
    files: Vec<PathBuf>,
    /// Only the tests whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    run: Option<String>,
    /// Take what is decided and said now for what is expected, in the files named.
    #[arg(long, requires = "files")]
    update: bool,
    /// Tell what no test has shown of each rule.
    #[arg(long)]
    coverage: bool,
    /// Fail if less than this many percent have been shown.
    #[arg(long, value_name = "PERCENT")]
    coverage_min: Option<f64>,
}

/// Runs what `command` says.
///
/// # Errors
/// A file that cannot be written.
pub fn rules(config: Option<&Path>, command: Command, json: bool) -> anyhow::Result<ExitCode> {
    let Command::Test(options) = command;
    let style = report::Style { colour: coloured() && !json };
    let (bench, texts) = match ground(config, &options.files) {
        Ok(ground) => ground,
        Err(faults) => return Ok(complain(&faults)),
    };
    let (suites, faults) = read(&texts, &bench);
    if !faults.is_empty() {
        return Ok(complain(&faults));
    }
    let wanted = |name: &str| options.run.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let mut coverage = Coverage::of(&bench.rules, &suites);
    let (mut passed, mut failed) = (0, 0);
    for (suite, (file, text)) in suites.iter().zip(&texts) {
        let verdicts = trial::run(suite, &bench, &wanted, &mut coverage);
        if verdicts.is_empty() {
            continue;
        }
        say(&style.strong(&suite.file));
        if options.update {
            let updated = trial::update::update(text, suite, &verdicts);
            if updated != *text {
                std::fs::write(file, updated).with_context(|| format!("{file} cannot be written"))?;
                say("  updated");
            }
            continue;
        }
        for verdict in &verdicts {
            say(report::verdict(suite, verdict, style).trim_end());
        }
        let good = verdicts.iter().filter(|verdict| verdict.passed()).count();
        (passed, failed) = (passed + good, failed + verdicts.len() - good);
    }
    if options.coverage {
        say(&format!("\n{}", report::coverage(&coverage, style).trim_end()));
    }
    say(&format!("\n{passed} passed, {failed} failed"));
    let too_little = options.coverage_min.is_some_and(|least| coverage.percent() < least);
    Ok(if failed > 0 || too_little { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The bench, and each file's name and text.
fn ground(config: Option<&Path>, files: &[PathBuf]) -> Result<(Bench, Vec<(String, String)>), Vec<Fault>> {
    // the default set needs no configuration to be tried
    let loaded = config.map(|config| Loaded::load(Some(config))).transpose()?;
    let folder = loaded.as_ref().and_then(|loaded| loaded.settings.rules.folder.as_deref());
    let texts = if files.is_empty() { rules::tests(folder)? } else { read_all(files)? };
    let templates = loaded.as_ref().map(|loaded| Ok(Arc::clone(&loaded.templates)));
    let templates = templates.unwrap_or_else(|| Templates::load(None).map(Arc::new))?;
    let shops = loaded.iter().flat_map(|loaded| loaded.shops.iter());
    let shops = shops.map(|(id, rules)| (id.to_owned(), rules.clone())).collect();
    Ok((Bench::new(rules::load(folder)?, shops, templates), texts))
}

fn read_all(files: &[PathBuf]) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut texts = Vec::new();
    for file in files {
        let name = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => texts.push((name, text)),
            Err(error) => faults.push(Fault::new(name, format!("cannot be read: {error}"))),
        }
    }
    if faults.is_empty() { Ok(texts) } else { Err(faults) }
}

fn read(texts: &[(String, String)], bench: &Bench) -> (Vec<Suite>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut suites = Vec::new();
    for (file, text) in texts {
        match trial::parse(file, text, bench) {
            Ok(suite) => suites.push(suite),
            Err(found) => faults.extend(found),
        }
    }
    (suites, faults)
}
