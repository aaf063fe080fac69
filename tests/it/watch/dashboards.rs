//! The dashboards: every question is about something that is specified.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

use super::query::examine;
use crate::service::harness::read;

pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/reassure/dashboards");

pub fn dashboards() -> Vec<(PathBuf, Value)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.into_iter().map(|file| (file.clone(), serde_json::from_str(&read(&file)).unwrap())).collect()
}

pub fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter()
}

/// The questions of a panel, each with what names its answers.
pub fn questions(panel: &Value) -> impl Iterator<Item = (&str, &str)> {
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets.map(|target| (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap()))
}

/// The question as Grafana asks it, with every variable at "all".
pub fn asked(expression: &str, window: &str, range: &str) -> String {
    let asked = expression.replace("$__rate_interval", window).replace("$__range", range);
    let variable = Regex::new(r"\$(namespace|job|shop)\b").unwrap();
    variable.replace_all(&asked, ".*").into_owned()
}

#[test]
fn every_question_is_about_what_is_specified() {
    let variables = Regex::new(r"\$\{?([a-z_]+)").unwrap();
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        let place = file.display();
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()));
        let known: BTreeSet<&str> =
            dashboard["templating"]["list"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert!(["datasource", "namespace", "job"].iter().all(|name| known.contains(name)), "{place}");
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            if let Some(query) = variable["query"]["query"].as_str() {
                let inner = query.strip_prefix("label_values(").and_then(|it| it.rsplit_once(", ")).unwrap();
                let label = inner.1.trim_end_matches(')');
                let (families, mut faults) = examine(inner.0, &[]);
                if !["namespace", "job"].contains(&label) && !families[0].label_names().contains(&label) {
                    faults.push(format!("there is no label {label}"));
                }
                assert_eq!(faults, Vec::<String>::new(), "{place}: {query}");
            }
        }
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{place}: {title}");
            for (expression, legend) in questions(panel) {
                // dashboards work without the recording rules
                let (_, mut faults) = examine(expression, &[]);
                for used in variables.captures_iter(&expression.replace("$__", "")) {
                    if !known.contains(&used[1]) {
                        faults.push(format!("there is no variable {}", &used[1]));
                    }
                }
                assert_eq!(faults, Vec::<String>::new(), "{place}: {title}: {legend}");
            }
        }
    }
    for (_, dashboard) in dashboards() {
        for link in dashboard["links"].as_array().unwrap() {
            assert!(uids.contains(link["url"].as_str().unwrap().trim_start_matches("/d/")), "{link}");
        }
    }
}

#[test]
fn panels_lie_beside_each_other() {
    for (file, dashboard) in dashboards() {
        let mut taken: BTreeMap<(u64, u64), &str> = BTreeMap::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            let of = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            assert!(of("x") + of("w") <= 24, "{title}");
            for place in (of("x")..of("x") + of("w")).flat_map(|x| (of("y")..of("y") + of("h")).map(move |y| (x, y))) {
                assert_eq!(taken.insert(place, title), None, "{}: {title}", file.display());
            }
        }
    }
}
