//! The alerts: rules that ask for nothing but what is specified, each with a runbook and with a test in
//! which it fires and one in which it is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use reassure::telemetry::specification::FAMILIES;
use serde_json::Value;

use super::query::examine;
use crate::service::harness::{read, text};
use crate::stack;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/reassure");
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/watch/rules");

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = found.filter(|path| path.to_string_lossy().ends_with(extension)).collect();
    found.sort();
    found
}

/// The files of rules, as the chart takes them.
pub fn files_of_rules() -> Vec<PathBuf> {
    files(&Path::new(CHART).join("alerts"), ".yaml")
}

fn rules() -> Vec<Value> {
    let groups = files_of_rules().into_iter().flat_map(|file| {
        let file: Value = serde_saphyr::from_str(&read(&file)).unwrap();
        file["groups"].as_array().unwrap().clone()
    });
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

pub fn recorded() -> Vec<String> {
    rules().iter().filter_map(|rule| Some(rule["record"].as_str()?.to_owned())).collect()
}

fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| rule["alert"].is_string()).collect()
}

pub fn names() -> BTreeSet<String> {
    alerts().iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_expression_asks_for_what_is_specified() {
    let recorded = recorded();
    let faults: Vec<String> =
        rules().iter().flat_map(|rule| examine(rule["expr"].as_str().unwrap(), &recorded).1).collect();
    assert_eq!(faults, Vec::<String>::new());
}

/// In the specification each family names the alerts that stand on it, also through a recording rule.
#[test]
fn the_specification_names_the_alerts_and_no_others() {
    let rules = rules();
    let recorded = recorded();
    let of = |expression: &str| -> BTreeSet<&'static str> {
        examine(expression, &recorded).0.iter().map(|family| family.name).collect()
    };
    let mut standing: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for alert in rules.iter().filter(|rule| rule["alert"].is_string()) {
        let expression = alert["expr"].as_str().unwrap();
        let through = rules.iter().filter(|rule| rule["record"].as_str().is_some_and(|name| expression.contains(name)));
        let through = through.flat_map(|rule| of(rule["expr"].as_str().unwrap()));
        for family in of(expression).into_iter().chain(through) {
            standing.entry(family).or_default().insert(alert["alert"].as_str().unwrap().to_owned());
        }
    }
    for family in FAMILIES {
        let named: BTreeSet<String> = family.alerts.iter().map(|&alert| alert.to_owned()).collect();
        assert_eq!(standing.remove(family.name).unwrap_or_default(), named, "{}", family.name);
    }
}

#[test]
fn every_alert_says_what_is_wrong_and_where_to_read_on() {
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("critical" | "warning")), "{name}");
        assert!(alert["for"].is_string(), "{name} fires at once");
        let annotations = &alert["annotations"];
        assert!(annotations["summary"].is_string() && annotations["description"].is_string(), "{name}");
        let runbook = annotations["runbook_url"].as_str().unwrap();
        assert_eq!(runbook, format!("runbooks/{name}.md"));
        let book = read(&Path::new(CHART).join(runbook));
        for part in ["## What buyers notice", "## Find the cause", "## What to do", "## Whom to wake"] {
            assert!(book.contains(part), "{runbook} lacks '{part}'");
        }
    }
    let books: BTreeSet<String> = files(&Path::new(CHART).join("runbooks"), ".md")
        .iter()
        .map(|file| file.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(books, names(), "a runbook for each alert, and none besides");
}

/// What a runbook tells to look at or to type exists.
#[test]
fn runbooks_name_metrics_and_commands_that_exist() {
    let help = Command::new(env!("CARGO_BIN_EXE_reassure")).arg("--help").output().unwrap();
    let help = text(&help.stdout);
    let commands = regex::Regex::new(r"`reassure ([a-z]+)").unwrap();
    let recorded = recorded();
    for file in files(&Path::new(CHART).join("runbooks"), ".md") {
        let book = read(&file);
        let (_, faults) = examine(&book.replace("```", ""), &recorded);
        assert_eq!(faults, Vec::<String>::new(), "{}", file.display());
        for command in commands.captures_iter(&book) {
            let name = &command[1];
            assert!(help.contains(&format!("\n  {name} ")), "{}: there is no command {name}", file.display());
        }
    }
}

#[test]
fn every_alert_fires_in_a_test_and_is_silent_in_one() {
    let mut fires = BTreeSet::new();
    let mut silent = BTreeSet::new();
    for file in files(Path::new(TESTS), ".test.yaml") {
        let file: Value = serde_saphyr::from_str(&read(&file)).unwrap();
        for test in file["tests"].as_array().unwrap() {
            for case in test["alert_rule_test"].as_array().unwrap() {
                let name = case["alertname"].as_str().unwrap().to_owned();
                let expected = case["exp_alerts"].as_array().unwrap();
                if expected.is_empty() {
                    silent.insert((name, String::new()));
                    continue;
                }
                for one in expected {
                    fires.insert((name.clone(), one["exp_labels"]["severity"].as_str().unwrap().to_owned()));
                }
            }
        }
    }
    let all: BTreeSet<(String, String)> = alerts()
        .iter()
        .map(|alert| {
            let of = |value: &Value| value.as_str().unwrap().to_owned();
            (of(&alert["alert"]), of(&alert["labels"]["severity"]))
        })
        .collect();
    assert_eq!(fires, all);
    assert_eq!(silent.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>(), names());
}

#[test]
fn promtool_finds_the_rules_sound_and_their_tests_pass() {
    let Some((_, promtool)) = stack::prometheus() else { return };
    for (arguments, files) in
        [(["check", "rules"], files_of_rules()), (["test", "rules"], files(Path::new(TESTS), ".test.yaml"))]
    {
        let said = Command::new(&promtool).args(arguments).args(files).output().unwrap();
        assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    }
}
