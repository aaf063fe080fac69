//! What a PromQL expression asks for, held against the specification.

use std::collections::BTreeSet;

use reassure::telemetry::specification::{Family, Values};
use regex::Regex;

use super::exposition::family_of;

/// Labels that Prometheus or Kubernetes adds.
const OF_THE_TARGET: [&str; 4] = ["namespace", "job", "instance", "pod"];

/// The families that `expression` asks for, and everything in it that is not specified. `recorded` are
/// names that recording rules make, with the labels that they keep.
pub fn examine(expression: &str, recorded: &[String]) -> (Vec<&'static Family>, Vec<String>) {
    let mut faults = Vec::new();
    let mut families = Vec::new();
    let mut labels: BTreeSet<&str> = OF_THE_TARGET.into();
    // what stands in quotes is no name
    let selector =
        Regex::new(r#"\b((?:reassure[_:]|process_)[a-z0-9_:]+|ALERTS)(?:\{((?:[^}"]|"[^"]*")*)\})?"#).unwrap();
    let quoted = Regex::new(r#""[^"]*""#).unwrap();
    for found in selector.captures_iter(expression) {
        let name = &found[1];
        if name == "ALERTS" || recorded.iter().any(|known| known == name) {
            continue;
        }
        // within a matcher's value
        if quoted.find_iter(expression).any(|text| text.range().contains(&found.get(0).unwrap().start())) {
            continue;
        }
        let Some(family) = family_of(name) else {
            faults.push(format!("there is no metric {name}"));
            continue;
        };
        families.push(family);
        labels.extend(family.label_names());
        if name.ends_with("_bucket") {
            labels.insert("le");
        }
        for matcher in found.get(2).map_or("", |it| it.as_str()).split("\",").filter(|it| !it.is_empty()) {
            faults.extend(fault_of(family, name, matcher.trim().trim_end_matches('"')));
        }
    }
    let grouping = Regex::new(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)").unwrap();
    for found in grouping.captures_iter(expression) {
        for label in found[1].split(',').map(str::trim).filter(|label| !label.is_empty()) {
            if !labels.contains(label) {
                faults.push(format!("nothing here has a label {label}"));
            }
        }
    }
    (families, faults)
}

/// `label=~"value`, held against the family's labels and their values.
fn fault_of(family: &Family, name: &str, matcher: &str) -> Option<String> {
    let parts = Regex::new(r#"^([a-z_]+)\s*(=~|!~|=|!=)\s*"(.*)$"#).unwrap();
    let Some(parts) = parts.captures(matcher) else { return Some(format!("{matcher} of {name} cannot be read")) };
    let (label, operator, value) = (&parts[1], &parts[2], &parts[3]);
    if OF_THE_TARGET.contains(&label) || value.contains('$') {
        let known = OF_THE_TARGET.contains(&label) || family.label_names().contains(&label);
        return (!known).then(|| format!("{name} has no label {label}"));
    }
    if label == "le" {
        let reassure::telemetry::specification::Kind::Histogram(buckets) = family.kind else {
            return Some(format!("{name} has no buckets"));
        };
        let is_bound = value.parse().is_ok_and(|bound: f64| buckets.contains(&bound));
        return (!is_bound).then(|| format!("{name} has no bucket {value}"));
    }
    let Some(known) = family.labels.iter().find(|known| known.name == label) else {
        return Some(format!("{name} has no label {label}"));
    };
    let Values::Words(words) = known.values else { return None };
    let alternatives: Vec<&str> = if operator.ends_with('~') { value.split('|').collect() } else { vec![value] };
    let unknown = alternatives.into_iter().find(|one| {
        let pattern =
            if operator.ends_with('~') { format!("^(?:{one})$") } else { format!("^{}$", regex::escape(one)) };
        let pattern = Regex::new(&pattern).unwrap();
        !words().iter().any(|word| pattern.is_match(word))
    });
    unknown.map(|one| format!("{label} of {name} is never {one}"))
}

#[test]
fn what_is_not_specified_is_found() {
    let faults = |expression: &str| examine(expression, &["reassure:made:up".to_owned()]).1;
    let good = r#"sum by (namespace, channel) (rate(reassure_attempts_total{namespace=~"$namespace",outcome=~"unknown|temp.*"}[5m]))
        / reassure:made:up + histogram_quantile(0.5, sum by (le) (rate(reassure_store_seconds_bucket{le="0.5"}[1m])))"#;
    assert_eq!(faults(good), Vec::<String>::new());
    for (wrong, fault) in [
        ("reassure_attempt_total", "there is no metric reassure_attempt_total"),
        ("reassure_store_seconds", "there is no metric reassure_store_seconds"),
        ("reassure:other", "there is no metric reassure:other"),
        ("reassure_attempts_total{state=\"dead\"}", "reassure_attempts_total has no label state"),
        ("reassure_attempts_total{outcome=~\"unknown|lost\"}", "outcome of reassure_attempts_total is never lost"),
        ("reassure_store_seconds_bucket{le=\"3\"}", "reassure_store_seconds_bucket has no bucket 3"),
        ("sum by (shop) (reassure_attempts_total)", "nothing here has a label shop"),
    ] {
        assert_eq!(faults(wrong), [fault]);
    }
}
