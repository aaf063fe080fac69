//! A real run of a shop, scraped by a real Prometheus: every panel of every dashboard is answered over it, unless it
//! is known why not, and each dashboard is drawn. `REASSURE_PICTURES=8` makes it eight minutes with a bad day in them, and
//! puts the drawings beside the dashboards.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use reassure::bus::producer::Outbound;
use reassure::sandbox::{Behaviour, Call, Vendor};
use serde_json::{Value, json};

use super::dashboards::{FOLDER, asked, dashboards, panels, questions};
use super::picture::{Series, draw};
use super::prometheus::Prometheus;
use crate::service::events::{CARRIERS, ORDERS, ago, cancelled, event, placed, placed_by, scan, shipped};
use crate::service::harness::{LONG, Service, World, text};
use crate::service::receipts;
use crate::stack;

/// Questions that a run without that trouble leaves without an answer.
const EMPTY: [(&str, &str); 6] = [
    ("Held by the storm guard: {{shop}} {{rule}}", "no rule storms"),
    ("Held by the storm guard: {{shop}} {{rule}} rages", "no rule storms"),
    ("Answers of the API: {{status}}", "nobody asks the API"),
    ("Records that wait for a schema: {{answer}}", "no registry is configured"),
    ("Read, but with a question: unmapped codes", "no adapter reads"),
    ("Store: errors: {{operation}} {{kind}}", "the store does not fail"),
];

const TICK: Duration = Duration::from_millis(200);

/// What happens to the `n`th order of a shop: most goes well.
fn life(n: usize) -> Vec<Value> {
    let order = format!("Z{n}");
    match n % 10 {
        0 => vec![placed_by(&order, json!({ "id": format!("c-{order}"), "name": "Ada Tester", "locale": "en" }))],
        1 => vec![placed(&order), cancelled(&order)],
        2 => {
            let about = json!({ "shop": "lumen", "order_id": order, "channel": "email", "topic": "where" });
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
async fn publish_nonsense(world: &World) {
    for value in [Some(b"{".as_slice()), Some(b"{\"type\":\"order.lost\"}"), None] {
        world.publish_raw(Outbound { topic: ORDERS, key: Some(b"nonsense"), value, ..Outbound::default() }).await;
    }
    let zoneless = scan("Z7", "in_transit", 1).to_string().replace("Z\",\"type\"", "\",\"type\"");
    world.publish_raw(Outbound { topic: CARRIERS, value: Some(zoneless.as_bytes()), ..Outbound::default() }).await;
}

/// The provider of e-mails fails now and then.
fn moody(call: &Call<'_>) -> Behaviour {
    let mood = call.key.bytes().map(u32::from).sum::<u32>() % 12;
    match (call.vendor, call.nth, mood) {
        (Vendor::Resend, 1, 0) => Behaviour::InternalError,
        (Vendor::Resend, 1, 1) => Behaviour::TooManyRequests { retry_after: 1 },
        _ => Behaviour::Answer,
    }
}

fn down(call: &Call<'_>) -> Behaviour {
    if call.vendor == Vendor::Resend { Behaviour::Unavailable } else { Behaviour::Answer }
}

/// The provider of e-mails tells of those that it took since it last did: each has arrived.
async fn deliver(world: &World, service: &mut Service) {
    for message in world.take() {
        if message.vendor == Vendor::Resend && message.received.taken {
            receipts::tell_of(service, &message, "email.delivered", &ago(0), receipts::SECRET).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_is_answered_over_a_real_run_and_drawn() {
    if stack::prometheus().is_none() {
        return;
    }
    let minutes: Option<u64> = std::env::var("REASSURE_PICTURES").ok().map(|minutes| minutes.parse().unwrap());
    let mut world = World::new().await;
    world.set("outgoing.outcomes", "'reassure.outcomes'");
    world.set("confirmation.objective_seconds", if minutes.is_some() { "10" } else { "2" });
    world.set("dispatch.retry.max_attempts", if minutes.is_some() { "4" } else { "1" });
    world.behave(moody);
    receipts::expect(&mut world);
    let mut service = world.run().await;
    let prometheus = Prometheus::watch(&service.address().await, true).await.unwrap();
    let begun = Instant::now();
    match minutes {
        None => until_all_is_answered(&world, &mut service, &prometheus).await,
        Some(minutes) => a_bad_day(&world, &mut service, &prometheus, Duration::from_secs(60 * minutes)).await,
    }
    let span = begun.elapsed();
    for (file, dashboard) in dashboards() {
        let picture = picture(&prometheus, &dashboard, span).await;
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            assert!(picture.contains(&format!(">{title}</text>")), "{title} is not drawn");
        }
        if minutes.is_some() {
            let name = Path::new(FOLDER).join("pictures").join(file.file_stem().unwrap()).with_extension("svg");
            std::fs::create_dir_all(name.parent().unwrap()).unwrap();
            std::fs::write(name, picture).unwrap();
        }
    }
}

/// The life of the shop goes on until every question has been answered that can be: what comes once must be seen to come.
async fn until_all_is_answered(world: &World, service: &mut Service, prometheus: &Prometheus) {
    let known: BTreeSet<String> = EMPTY.iter().map(|(question, _)| (*question).to_owned()).collect();
    let mut unanswered: Option<BTreeSet<String>> = None;
    let begun = Instant::now();
    for n in 1.. {
        world.publish(&life(n)).await;
        if n % 5 == 1 {
            publish_nonsense(world).await;
        }
        tokio::time::sleep(TICK).await;
        deliver(world, service).await;
        if n % 25 == 0 {
            let now = without_answer(prometheus).await;
            let left = unanswered.map_or_else(|| now.clone(), |before| before.intersection(&now).cloned().collect());
            if left == known {
                return;
            }
            let late = begun.elapsed() > LONG;
            assert!(!late, "these have no answer: {left:#?}\nand these are known to have none: {known:#?}");
            unanswered = Some(left);
        }
    }
}

/// A provider goes away and comes back, a publisher sends nonsense, and everything of a sale comes at once.
async fn a_bad_day(world: &World, service: &mut Service, prometheus: &Prometheus, length: Duration) {
    let begun = Instant::now();
    let (mut was_down, mut sold) = (false, false);
    for n in 1.. {
        let now = begun.elapsed().as_secs_f64() / length.as_secs_f64();
        if now >= 1.0 {
            return;
        }
        let is_down = (0.3..0.45).contains(&now);
        if is_down != was_down {
            if was_down {
                for alert in prometheus.ask("ALERTS{alertstate=\"firing\"}").await {
                    eprintln!("{}", alert["metric"]);
                }
                let told = world.command(&["unconfirmed"]);
                eprintln!("{}", text(&told.stdout).lines().take(3).collect::<Vec<_>>().join("\n"));
                let order = n - 5 - n % 5;
                eprintln!("{}", text(&world.command(&["lookup", "lumen", &format!("Z{order}")]).stdout));
                world.behave(moody);
            } else {
                world.behave(down);
            }
            was_down = is_down;
        }
        world.publish(&life(n)).await;
        if n % 40 == 1 || (0.55..0.6).contains(&now) {
            publish_nonsense(world).await;
        }
        if now > 0.75 && !sold {
            sold = true;
            let sale: Vec<Value> = (100_000..101_500).map(|n| placed(&format!("Z{n}"))).collect();
            world.publish(&sale).await;
        }
        tokio::time::sleep(TICK).await;
        deliver(world, service).await;
    }
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

async fn picture(prometheus: &Prometheus, dashboard: &Value, span: Duration) -> String {
    let step = Duration::from_secs((span.as_secs() / 90).max(1));
    let now = chrono::Utc::now().timestamp();
    let begin = now - i64::try_from(span.as_secs()).unwrap();
    let range = format!("{}s", span.as_secs().max(1));
    let mut answers = Vec::new();
    for panel in panels(dashboard) {
        let mut series = Vec::new();
        for (expression, legend) in questions(panel) {
            let found = prometheus.history(&asked(expression, "15s", &range), begin, now, step).await;
            series.extend(found.iter().map(|answer| Series::read(answer, legend)));
        }
        answers.push(series);
    }
    #[allow(clippy::cast_precision_loss, reason = "seconds of this century")]
    draw(dashboard, &answers, (begin as f64, now as f64))
}
