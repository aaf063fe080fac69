//! The default set: every rule has its tests, they pass, and nothing of a rule is left unshown.

use reassure::domain::concern::Concerns;
use reassure::domain::condition::trace::Finding;
use reassure::domain::decision::{Reason, Verdict};
use reassure::domain::threshold::Thresholds;
use reassure::rules;
use reassure::trial::{self, Coverage, Suite, report, run};

use super::ours;

fn suites(bench: &trial::Bench) -> Vec<Suite> {
    let texts = rules::tests(None).expect("the tests are part of the program");
    let read = |(file, text): &(String, String)| {
        trial::parse(file, text, None, bench).unwrap_or_else(|faults| panic!("{faults:#?}"))
    };
    texts.iter().map(read).collect()
}

#[test]
fn every_default_rule_is_tried_and_nothing_of_it_is_left_unshown() {
    let bench = ours();
    let suites = suites(&bench);
    let mut coverage = Coverage::of(&bench.rules, &suites);
    let mut failed = String::new();
    for suite in &suites {
        for verdict in trial::run(suite, &|_| true, &mut coverage) {
            if !verdict.passed() {
                failed += &report::verdict(suite, &verdict, report::Style::default());
            }
        }
    }
    assert!(failed.is_empty(), "take it over with `rules test --update`, if it is right:\n{failed}");
    let missing: Vec<_> = coverage.shares().into_iter().filter(|share| !share.missing.is_empty()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(coverage.shares().len(), bench.rules.iter().count(), "rules without tests");
}

#[test]
fn each_rule_has_a_file_of_its_name() {
    let bench = ours();
    for suite in suites(&bench) {
        let names: Vec<&str> = suite.rules.iter().map(|rule| rule.as_str()).collect();
        assert_eq!(suite.file, format!("config/rules/{}.test.yaml", names.join("+")));
    }
}

/// What is told of a decision's reasons is what it was taken on.
#[test]
fn the_values_that_are_told_agree_with_the_decision() {
    let bench = ours();
    let mut asked = 0;
    for suite in suites(&bench) {
        for trial in &suite.trials {
            for decided in run::run(trial).decided {
                let Some(reasons) = &decided.reasons else { continue };
                asked += 1;
                let held = |trace: &Option<reassure::domain::condition::trace::Trace>| {
                    trace.as_ref().map(|trace| trace.finding.clone()).unwrap_or(Finding::Truth(true))
                };
                let expected = match &decided.decision.verdict {
                    Verdict::Suppress { reason: Reason::ConditionFalse, .. } => (false, false),
                    Verdict::Suppress { reason: Reason::NoLongerTrue, .. } => (true, false),
                    _ => (true, true),
                };
                let found =
                    (held(&reasons.when) == Finding::Truth(true), held(&reasons.valid_while) == Finding::Truth(true));
                let agrees = found == expected || (expected == (false, false) && !found.0);
                assert!(agrees, "{}: {}: {:#?}", suite.file, trial.name, decided);
            }
        }
    }
    assert!(asked > 100, "only {asked} decisions had conditions");
}

/// The tests would notice: each of these changes makes at least one of them fail.
#[test]
fn a_rule_that_changes_is_noticed() {
    let changes = [
        ("delay", "late_by_hours >= 2.0", "late_by_hours >= 3.0"),
        ("delay", "!parcel.over && ", ""),
        ("silence", "silence after last_scan", "80h after last_scan"),
        ("silence", "parcel.status != \"in_customs\"", "true"),
        ("pickup_reminder", "1 open day before hold_until", "30h before hold_until"),
        ("confirmation", "[email, webhook]", "[email]"),
        ("recovery", "picked_up, in_transit, ", "in_transit, "),
        ("usage", "3d after arrival", "4d after arrival"),
    ];
    for (name, from, to) in changes {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&root).expect("the rules").flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.ends_with(".test.yaml") {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).expect("a rule");
            let mine = file == format!("{name}.yaml");
            assert!(!mine || text.contains(from), "{name} has no '{from}' any more");
            let text = if mine { text.replace(from, to) } else { text };
            all.extend(reassure::domain::rule::parse(&file, &text).unwrap_or_else(|faults| panic!("{faults:#?}")));
        }
        let bench = super::bench(all);
        let suites = suites(&bench);
        let mut coverage = Coverage::of(&bench.rules, &suites);
        let fails = |suite| trial::run(suite, &|_| true, &mut coverage).iter().any(|verdict| !verdict.passed());
        assert!(suites.iter().any(fails), "{name}: '{from}' became '{to}', and no test fails");
    }
}

/// What the rules' tests show holds with the settings that every shop inherits.
#[test]
fn the_shop_of_the_examples_waits_as_long_as_any() {
    let defaults: serde_json::Value = toml::from_str(include_str!("../../../config/default.toml")).expect("settings");
    let shop = reassure::message::sample::shop();
    let thresholds: Thresholds = serde_json::from_value(defaults["shop"]["thresholds"].clone()).expect("thresholds");
    assert_eq!(shop.thresholds, thresholds);
    let concerns: Concerns = serde_json::from_value(defaults["shop"]["concerns"].clone()).expect("concerns");
    assert_eq!(shop.concerns, concerns);
}
