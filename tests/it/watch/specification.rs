//! The running service shows what is specified, all of it and nothing else; and no stream of events makes
//! it show more (I9, I10).

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use reassure::bus::producer::Outbound;
use reassure::telemetry::page;
use reassure::telemetry::specification::{FAMILIES, Kind};
use serde_json::{Value, json};

use super::exposition::Exposition;
use crate::service::events::{ORDERS, ago, placed, shipped};
use crate::service::harness::{World, eventually, get, text};
use crate::stack;

/// What the sample shop gives no occasion for, and where else it is shown.
const WITHOUT_OCCASION: [(&str, &str); 11] = [
    ("reassure_event_to_receipt_seconds", "no provider tells of receipts: service::receipts"),
    ("reassure_decision_to_receipt_seconds", "no provider tells of receipts: service::receipts"),
    ("reassure_receipts_total", "no provider tells of receipts: service::receipts"),
    ("reassure_storm_held_notifications", "no rule storms: service::storms"),
    ("reassure_storm_raging", "no rule storms: service::storms"),
    ("reassure_api_answers_total", "nobody asks the API: service::access"),
    ("reassure_confirmations_missing", "every order is confirmed: service::unconfirmed"),
    ("reassure_refused_records_total", "every record can be read: service::bad_input"),
    ("reassure_registry_answers_total", "no registry is asked: service::registry"),
    ("reassure_store_errors_total", "the store does not fail: service::storage"),
    ("reassure_unmapped_codes_total", "no adapter reads: service::foreign"),
];

/// The demonstration, which goes on serving once its story is told.
struct Sample {
    process: Child,
    address: String,
}

impl Sample {
    fn play() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reassure"));
        let mut process = command.arg("demo").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, place) = line.split_once("http://")?;
            line.trim_start().starts_with("HTTP").then(|| place.split(' ').next().unwrap().to_owned())
        });
        // who stops reading ends it
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: address.expect("the story ends") }
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_shows_after_the_sample_shop_is_what_is_specified() {
    let sample = tokio::task::spawn_blocking(Sample::play).await.unwrap();
    let body = get(&sample.address, "/metrics").await.body;
    let shown = Exposition::read(&body);
    assert_eq!(shown.trespasses(), Vec::<String>::new());
    for (name, help) in &shown.helps {
        let family = FAMILIES.iter().find(|family| family.name == name).unwrap();
        assert!(family.help == help || name.starts_with("process_"), "{name}: {help}");
    }
    let missing: BTreeSet<&str> =
        FAMILIES.iter().map(|family| family.name).filter(|name| !shown.kinds.contains_key(*name)).collect();
    assert_eq!(missing, WITHOUT_OCCASION.iter().map(|(name, _)| *name).collect());

    let Some((_, promtool)) = stack::prometheus() else { return };
    let mut check = Command::new(promtool);
    let mut check =
        check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    check.as_mut().unwrap().stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let said = check.unwrap().wait_with_output().unwrap();
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert_eq!((text(&said.stdout), text(&said.stderr)), (String::new(), String::new()));
}

#[test]
fn names_follow_the_conventions_and_each_is_there_once() {
    let mut names = BTreeSet::new();
    for family in FAMILIES {
        let name = family.name;
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.starts_with("reassure_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(family.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert!(!["milli", "micro", "_ms", "_kb", "_mb"].iter().any(|unit| name.contains(unit)), "{name}");
        assert!(!family.help.is_empty() && !family.help.contains("  "), "{name}: {}", family.help);
        for label in family.label_names() {
            let told = ["order", "recipient", "event", "notification", "customer", "id", "le", "instance", "job"];
            assert!(!told.contains(&label), "{name} has a label {label}");
        }
        assert!(page().contains(&format!("`{name}`")), "{name} is not on the page");
    }
}

/// A stranger's order, and what no one can read.
async fn publish_hostile(world: &World, range: std::ops::Range<usize>) {
    let mut events: Vec<Value> = Vec::new();
    for number in range.clone() {
        let mut order = placed(&format!("Z{number}"));
        order["data"]["shop"] = format!("stranger-{number}\"}} é").into();
        events.push(order);
        let mut odd = placed(&format!("Z{number}"));
        odd["type"] = format!("order.type-{number}").into();
        events.push(odd);
        let mut scan = shipped(&format!("Z{number}"));
        scan["data"]["shop"] = format!("stranger-{number}\"}} é").into();
        scan["data"]["parcels"][0]["carrier"] = format!("carrier-{number}").into();
        events.push(scan);
        let status = json!({ "shop": "lumen", "carrier": "x", "tracking_number": format!("T{number}"), "status": format!("s{number}") });
        events.push(json!({ "specversion": "1.0", "id": number.to_string(), "source": "/x", "type": "parcel.tracked", "time": ago(1), "data": status }));
    }
    world.publish(&events).await;
    for number in range {
        let (kind, value) = (format!("application/x-{number}"), format!("{{\"n\":{number}"));
        let headers = [("content-type", kind.as_bytes())];
        let record =
            Outbound { topic: ORDERS, value: Some(value.as_bytes()), headers: &headers, ..Outbound::default() };
        world.publish_raw(record).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_of_every_kind_add_no_series() {
    let mut world = World::new().await;
    world.set("shops.unknown", "'serve'");
    let mut service = world.run().await;
    let mut shown = Vec::new();
    // with the first, what can happen at all has happened
    for (range, records) in [(0..40, 200), (40..400, 2_000)] {
        publish_hostile(&world, range).await;
        eventually("all are taken in", async || {
            world.count("SELECT coalesce(sum(next), 0) FROM offsets WHERE partition >= 0") == records
        })
        .await;
        eventually("all have left", async || world.count("SELECT count(*) FROM outbox WHERE state = 'pending'") == 0)
            .await;
        eventually("Kafka has told how long the partitions are", async || {
            service.get("/metrics").await.body.matches("reassure_lag_records{").count() == 8
        })
        .await;
        shown.push(Exposition::read(&service.get("/metrics").await.body));
    }
    let [first, then] = [shown[0].series(), shown[1].series()];
    assert_eq!(then.difference(&first).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(shown[1].trespasses(), Vec::<String>::new());
    assert!(then.iter().any(|series| series.contains("\"shop\": \"other\"")), "strangers are counted together");
    assert!(!then.iter().any(|series| series.contains("stranger") || series.contains("carrier-")));
}

/// A thousand shops and more rules than anybody writes: those beyond the bounds are counted together.
#[test]
fn names_of_the_configuration_are_bounded_too() {
    use reassure::telemetry::Metrics;
    use reassure::telemetry::specification::{MOST_MESSAGES, MOST_RULES, MOST_SHOPS};
    let metrics = Metrics::new().unwrap();
    for (names, most) in
        [(&metrics.shops, MOST_SHOPS), (&metrics.rules, MOST_RULES), (&metrics.messages, MOST_MESSAGES)]
    {
        let labels: BTreeSet<String> = (0..5_000).map(|n| names.label(&format!("name-{n}")).to_owned()).collect();
        assert_eq!(labels.len(), most + 1);
        assert!(labels.contains("other"));
    }
}
