//! What the service answers over HTTP.

use std::collections::BTreeSet;

use reassure::sandbox::Vendor;
use serde_json::Value;

use super::events::{placed, shipped};
use super::harness::World;

/// What an operator's dashboards and alerts stand on.
const METRICS: [&str; 16] = [
    "reassure_events_total{outcome=\"applied\",type=\"order.placed\"}",
    "reassure_decisions_total{reason=\"none\",rule=\"confirmation\",verdict=\"send\"}",
    "reassure_attempts_total{channel=\"email\",outcome=\"accepted\",provider=\"mail\"}",
    "reassure_attempt_seconds_count{channel=\"email\",outcome=\"accepted\",provider=\"mail\"}",
    "reassure_event_to_accepted_seconds_count{channel=\"email\",message=\"confirmation\"}",
    "reassure_event_to_applied_seconds_count",
    "reassure_oldest_due_seconds",
    "reassure_lag_records{partition=",
    "reassure_lag_seconds",
    "reassure_backlog{kind=\"timers\"}",
    "reassure_backlog{kind=\"publications\"}",
    "reassure_timer_overdue_seconds",
    "reassure_store_seconds_count{operation=\"commit\"}",
    "reassure_attempts_in_flight{provider=\"mail\"}",
    "reassure_provider_resting{provider=\"mail\"}",
    "reassure_ready",
];

/// Every line is a comment or `name{label="value",…} number`; returns the labels' values.
fn parse(text: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with("# HELP ") && !line.starts_with("# TYPE ")) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{line}");
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (_, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            values.insert(value.trim_end_matches('"').to_owned());
        }
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_metrics_and_journeys_answer() {
    let world = World::new().await;
    let mut service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1"), placed("Z2")]).await;
    world
        .messages_until("they arrive", |all| {
            all.iter().filter(|m| m.vendor == Vendor::Resend && m.received.taken).count() == 3
        })
        .await;
    super::harness::eventually("it is written", async || {
        service.metric("reassure_attempts_total{channel=\"email\",outcome=\"accepted\",provider=\"mail\"}").await >= 3.0
            && service.get("/metrics").await.body.contains("reassure_lag_records{")
    })
    .await;
    for path in ["/livez", "/readyz"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    }
    let metrics = service.get("/metrics").await;
    assert!(metrics.head.contains("text/plain; version=0.0.4"));
    for name in METRICS {
        assert!(metrics.body.lines().any(|line| line.starts_with(name)), "{name} is not among\n{}", metrics.body);
    }
    for value in parse(&metrics.body) {
        assert!(!value.contains('Z') && !value.contains('@') && !value.contains("ntf_"), "a label tells {value}");
    }
    let journey = service.get("/api/journeys/lumen/Z1").await;
    let told: Value = serde_json::from_str(&journey.body).unwrap();
    assert_eq!((journey.status, told["order_id"].as_str()), (200, Some("Z1")));
    assert_eq!(told["timeline"].as_array().unwrap().len(), 2);
    let stories = told["notifications"].as_array().unwrap();
    assert_eq!(stories.len(), 4);
    let mail = stories.iter().find(|story| story["message"] == "shipping" && story["channel"] == "email").unwrap();
    assert!(mail["content"]["subject"].is_string() && mail["attempts"][0]["outcome"] == "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_answered_as_problems() {
    let world = World::new().await;
    let mut service = world.run().await;
    // an id may hold anything that can be shown
    let mut odd = placed("Z1");
    odd["data"]["order_id"] = "Z1/é %?".into();
    world.publish(&[odd]).await;
    world.sandbox.received_at_least(2).await;
    assert_eq!(service.get("/api/journeys/lumen/Z1%2F%C3%A9%20%25%3F").await.status, 200);
    let huge = format!("/api/journeys/lumen/{}", "x".repeat(20_000));
    for (path, status) in [
        ("/api/journeys/lumen/Z99", 404),
        ("/api/journeys/nobody/Z1", 404),
        ("/api/journeys/lumen/..%2F..%2Fetc%2Fpasswd", 404),
        ("/api/journeys/lumen/%00%0d%0a", 404),
        ("/api/journeys/lumen/'%20OR%201=1--", 404),
        ("/api/journeys/lumen/%FF%FE", 400),
        ("/api/journeys/lumen", 404),
        ("/nothing", 404),
        (huge.as_str(), 404),
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, status, "{path:.60}: {}", answer.body);
        assert!(answer.head.contains("application/problem+json"), "{path:.60}: {}\n{}", answer.head, answer.body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status);
    }
    assert_eq!(service.get("/livez").await.status, 200);
}
