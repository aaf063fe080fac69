//! The dashboards: every question is about something that is specified, and is answered by a real Prometheus
//! over a real run, unless it is known why not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reassure::bus::producer::Outbound;
use reassure::sandbox::{Behaviour, Call, Vendor};
use regex::Regex;
use serde_json::{Value, json};

use super::prometheus::Prometheus;
use super::query::examine;
use crate::service::events::{CARRIERS, ORDERS, ago, cancelled, event, placed, placed_by, scan, shipped};
use crate::service::harness::{World, read};
use crate::stack;

pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/reassure/dashboards");

/// Panels, or single questions of them, that a run without that trouble leaves empty.
const EMPTY: [(&str, &str); 4] = [
    ("Answers of the API: {{status}}", "nobody asks the API"),
    ("Records that wait for a schema: {{answer}}", "no registry is configured"),
    ("Read, but with a question: unmapped codes", "no adapter reads"),
    ("Store: errors: {{operation}} {{kind}}", "the store does not fail"),
];

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

/// Some of what happens in a shop, in order number `n`: most goes well.
pub fn life(n: usize) -> Vec<Value> {
    let order = format!("Z{n}");
    match n % 10 {
        0 => vec![placed_by(&order, json!({ "id": format!("c-{order}"), "name": "Ada Tester", "locale": "en" }))],
        1 => vec![placed(&order), cancelled(&order)],
        2 => {
            let about = json!({ "shop": "lumen", "order_id": order, "channel": "phone", "topic": "where" });
            vec![placed(&order), event(&format!("{order}-asked"), "support.contacted", ago(0), about)]
        }
        3 => vec![placed(&order), shipped(&order), scan(&order, "delayed", 30), scan(&order, "in_transit", 2)],
        4 => vec![placed(&order), placed(&order), shipped(&order), scan(&order, "puzzled", 5)],
        // of a parcel that nobody knows
        5 => vec![placed(&order), scan(&format!("{order}0"), "in_transit", 5)],
        _ => vec![placed(&order), shipped(&order), scan(&order, "out_for_delivery", 5), scan(&order, "delivered", 1)],
    }
}

/// What cannot be read, and what tells nothing.
pub async fn publish_nonsense(world: &World) {
    for value in [Some(b"{".as_slice()), Some(b"{\"type\":\"order.lost\"}"), None] {
        world.publish_raw(Outbound { topic: ORDERS, key: Some(b"nonsense"), value, ..Outbound::default() }).await;
    }
    let zoneless = scan("Z7", "in_transit", 1).to_string().replace("Z\",\"type\"", "\",\"type\"");
    world.publish_raw(Outbound { topic: CARRIERS, value: Some(zoneless.as_bytes()), ..Outbound::default() }).await;
}

/// Settings with which every panel has something to show.
pub fn set(world: &mut World) {
    world.set("outgoing.outcomes", "'reassure.outcomes'");
    world.set("confirmation.objective_seconds", "2");
    world.set("dispatch.retry.max_attempts", "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_is_answered_over_a_real_run() {
    if stack::prometheus().is_none() {
        return;
    }
    let mut world = World::new().await;
    set(&mut world);
    world.behave(|call: &Call<'_>| match (call.vendor, call.nth % 6) {
        (Vendor::Resend, 1) => Behaviour::InternalError,
        (Vendor::Resend, 2) => Behaviour::TooManyRequests { retry_after: 1 },
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    let prometheus = Prometheus::watch(&service.address().await, true).await.unwrap();
    let begun = Instant::now();
    let mut n = 0;
    let mut unanswered: BTreeSet<String> = BTreeSet::new();
    // what comes once must be seen to come: the rest of the shop's life goes on beside it
    while begun.elapsed() < Duration::from_secs(60) {
        n += 1;
        world.publish(&life(n)).await;
        if n % 5 == 1 {
            publish_nonsense(&world).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        if n % 25 == 0 {
            unanswered = without_answer(&prometheus).await;
            let known: BTreeSet<String> = EMPTY.iter().map(|(question, _)| (*question).to_owned()).collect();
            if unanswered == known {
                return;
            }
        }
    }
    let known: BTreeSet<String> = EMPTY.iter().map(|(question, _)| (*question).to_owned()).collect();
    assert_eq!(unanswered, known, "these have no answer, and those that are known to have none");
}

/// The questions that give nothing but numbers that are none.
async fn without_answer(prometheus: &Prometheus) -> BTreeSet<String> {
    let mut unanswered = BTreeSet::new();
    for (_, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for (expression, legend) in questions(panel) {
                if prometheus.ask(&asked(expression, "10s", "1m")).await.is_empty() {
                    unanswered.insert(format!("{}: {legend}", panel["title"].as_str().unwrap()));
                }
            }
        }
    }
    unanswered
}
