//! `rules test`: the rules, tried.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use regex::Regex;

use super::{NOT_FOUND, Opened, WRONG, coloured, complain, opened_with_all, say};
use crate::config::Loaded;
use crate::domain::fault::Fault;
use crate::domain::journey::JourneyKey;
use crate::message::Templates;
use crate::rules;
use crate::trial::{self, Bench, Coverage, Suite, junit, report};

/// What can be done with rules.
#[derive(Subcommand)]
pub enum Command {
    /// Try the rules on journeys that test files describe, under a simulated clock; nothing is sent.
    Test(Options),
}

#[derive(Args)]
pub struct Options {
    /// The test files; without any, every *.test.yaml beside the rules and beside those of single shops.
    files: Vec<PathBuf>,
    /// Only the tests whose name matches; a part of the name will do.
    #[arg(long, value_name = "REGEX")]
    run: Option<String>,
    /// Take what is decided and said now for what is expected, in the files named.
    #[arg(long, requires = "files")]
    update: bool,
    /// Print a test file made of this order's journey instead, with stand-ins for all that is
    /// personal in it.
    #[arg(long, num_args = 2, value_names = ["SHOP", "ORDER"], conflicts_with_all = ["files", "update", "coverage"])]
    from: Option<Vec<String>>,
    /// Write what the tests came to as JUnit's XML, for build servers.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
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
    if let Some([shop, order]) = options.from.as_deref() {
        return from(config, shop, order);
    }
    let style = report::Style { colour: coloured() && !json };
    let (bench, files_of_tests) = match ground(config, &options.files) {
        Ok(ground) => ground,
        Err(faults) => return Ok(complain(&faults)),
    };
    let (suites, faults) = read(&files_of_tests, &bench);
    if !faults.is_empty() {
        return Ok(complain(&faults));
    }
    let pattern = match options.run.as_deref().map(Regex::new).transpose() {
        Ok(pattern) => pattern,
        Err(error) => {
            eprintln!("reassure: --run: {error}");
            return Ok(ExitCode::from(WRONG));
        }
    };
    let wanted = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(name));
    let mut coverage = Coverage::of(&bench.rules, &suites);
    let mut junit = junit::Document::default();
    let mut files = Vec::new();
    let (mut passed, mut failed, mut left) = (0, 0, Vec::new());
    let tell = |text: &str| {
        if !json {
            say(text.trim_end());
        }
    };
    for (suite, Tests { file, text, .. }) in suites.iter().zip(&files_of_tests) {
        let verdicts = trial::run(suite, &wanted, &mut coverage);
        if verdicts.is_empty() {
            continue;
        }
        tell(&style.strong(&suite.file));
        if options.update {
            let (updated, not_updated) = trial::update::update(text, suite, &verdicts);
            left.extend(not_updated);
            if updated != *text {
                std::fs::write(file, updated).with_context(|| format!("{file} cannot be written"))?;
                tell("  updated");
            }
            continue;
        }
        verdicts.iter().for_each(|verdict| tell(&report::verdict(suite, verdict, style)));
        let tests: Vec<_> = verdicts.iter().map(|verdict| report::json(suite, verdict)).collect();
        files.push(serde_json::json!({ "file": suite.file, "tests": tests }));
        junit.add(suite, &verdicts);
        let good = verdicts.iter().filter(|verdict| verdict.passed()).count();
        (passed, failed) = (passed + good, failed + verdicts.len() - good);
    }
    if let Some(path) = &options.junit {
        std::fs::write(path, junit.xml()).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if options.update {
        return Ok(if left.is_empty() { ExitCode::SUCCESS } else { complain(&left) });
    }
    if options.coverage {
        tell(&format!("\n{}", report::coverage(&coverage, style)));
    }
    tell(&format!("\n{passed} passed, {failed} failed"));
    if json {
        let all = serde_json::json!({
            "passed": passed, "failed": failed, "files": files,
            "coverage": { "percent": coverage.percent(), "rules": coverage.shares() },
        });
        say(&serde_json::to_string_pretty(&all)?);
    }
    let too_little = options.coverage_min.filter(|least| coverage.percent() < *least);
    if let Some(least) = too_little {
        eprintln!("reassure: the coverage is {:.1} %, below {least} %", coverage.percent());
    }
    Ok(if failed > 0 || too_little.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints a test file that is made of a journey.
fn from(config: Option<&Path>, shop: &str, order: &str) -> anyhow::Result<ExitCode> {
    let Opened { config: loaded, runtime, store } = match opened_with_all(config)? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    let key = JourneyKey { shop: shop.to_owned(), order_id: order.to_owned() };
    let found = runtime.block_on(store.timeline(&key)).context("the store")?;
    let (Some(timeline), Some(rules)) = (found, loaded.shops.rules(shop)) else {
        eprintln!("reassure: nothing is known of the order '{order}' of '{shop}'");
        return Ok(ExitCode::from(NOT_FOUND));
    };
    say(trial::from::write(&timeline, rules).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// A file of tests.
pub(super) struct Tests {
    file: String,
    text: String,
    /// Beside whose rules it lies, if they are those of a single shop.
    shop: Option<String>,
}

/// The bench, and the files of tests.
fn ground(config: Option<&Path>, files: &[PathBuf]) -> Result<(Bench, Vec<Tests>), Vec<Fault>> {
    // the default set needs no configuration to be tried
    let loaded = config.map(|config| Loaded::load(Some(config))).transpose()?;
    let loaded = loaded.as_ref();
    let tests = if files.is_empty() { beside(loaded)? } else { named(files, loaded)? };
    let templates = loaded.and_then(|loaded| loaded.settings.templates.folder.as_deref());
    let templates = Templates::load(templates)?;
    Ok((bench(loaded, templates)?, tests))
}

/// What tests are tried with.
///
/// # Errors
/// Every fault of the rules that every shop inherits.
pub(super) fn bench(loaded: Option<&Loaded>, templates: Templates) -> Result<Bench, Vec<Fault>> {
    let shops = loaded.iter().flat_map(|loaded| loaded.shops.iter());
    let shops = shops.map(|(id, served)| (id.to_owned(), served.clone())).collect();
    Ok(Bench::new(rules::load(folder(loaded))?, shops, Arc::new(templates)))
}

fn folder(loaded: Option<&Loaded>) -> Option<&Path> {
    loaded?.settings.rules.folder.as_deref()
}

/// The tests beside the rules that every shop inherits, and those beside what each shop changes of them.
///
/// # Errors
/// What cannot be read.
pub(super) fn beside(loaded: Option<&Loaded>) -> Result<Vec<Tests>, Vec<Fault>> {
    let mut all = Vec::new();
    let mut add = |shop: Option<&str>, folder: Option<&Path>| {
        let texts = rules::tests(folder)?.into_iter();
        all.extend(texts.map(|(file, text)| Tests { file, text, shop: shop.map(str::to_owned) }));
        Ok::<(), Vec<Fault>>(())
    };
    add(None, folder(loaded))?;
    for (shop, folder) in folders(loaded) {
        add(Some(shop), Some(&folder))?;
    }
    Ok(all)
}

/// Each shop that changes rules, with the folder of what it changes.
fn folders(loaded: Option<&Loaded>) -> impl Iterator<Item = (&str, PathBuf)> {
    let shops = loaded.into_iter().flat_map(|loaded| loaded.shops.iter().map(move |(shop, _)| (loaded, shop)));
    shops.filter_map(|(loaded, shop)| Some((shop, loaded.settings.rules_of(shop)?)))
}

/// The files that are named.
fn named(files: &[PathBuf], loaded: Option<&Loaded>) -> Result<Vec<Tests>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut tests = Vec::new();
    let real = |path: &Path| path.canonicalize().ok();
    for path in files {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let place = std::path::absolute(path).ok().and_then(|path| real(path.parent()?));
                let shop = folders(loaded).find(|(_, folder)| place.is_some() && real(folder) == place);
                tests.push(Tests { file, text, shop: shop.map(|(shop, _)| shop.to_owned()) });
            }
            Err(error) => faults.push(Fault::new(file, format!("cannot be read: {error}"))),
        }
    }
    if faults.is_empty() { Ok(tests) } else { Err(faults) }
}

/// The tests of each file, and what is wrong with the others.
pub(super) fn read(files: &[Tests], bench: &Bench) -> (Vec<Suite>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut suites = Vec::new();
    for Tests { file, text, shop } in files {
        match trial::parse(file, text, shop.as_deref(), bench) {
            Ok(suite) => suites.push(suite),
            Err(found) => faults.extend(found),
        }
    }
    (suites, faults)
}
