//! No personal data where people look who must not see it (I9): a customer with a name like no other
//! goes through everything that can go wrong, and is then looked for.

use reassure::bus::BusSettings;
use reassure::bus::producer::Outbound;
use reassure::bus::topic::Topics;
use reassure::sandbox::Behaviour;
use serde_json::{Value, json};

use super::events::{ORDERS, ago, event, placed_by, scan, shipped};
use super::harness::{Collector, LONG, Message, Service, World, eventually, text};

const DEAD: &str = "reassure.dlq";
const OUTCOMES: &str = "reassure.outcomes";

/// What must not be found, however it is written. The last is what a provider says back.
const TRACES: [&str; 7] = [
    "quastenflosse",
    "marker.example",
    "markierweg",
    "639987766",
    "6 39 98 77 66",
    "flossenhausen",
    "buyer@example.com",
];

fn zerlina() -> Value {
    json!({
        "id": "c-1", "name": "Zerlina Quastenflosse", "email": "zerlina@marker.example",
        "phone": "+33 6 39 98 77 66", "locale": "en",
    })
}

/// An order of hers, to her address.
fn order(name: &str) -> Value {
    let mut placed = placed_by(name, zerlina());
    placed["data"]["delivery"]["address"] = json!({
        "name": "Zerlina Quastenflosse", "lines": ["77 Markierweg"], "postal_code": "69001",
        "city": "Flossenhausen", "country": "FR",
    });
    placed["data"]["gift"] = json!({
        "recipient_name": "Balduin Quastenflosse",
        "recipient": { "name": "Balduin Quastenflosse", "email": "balduin@marker.example", "phone": "+33639987766" },
    });
    placed
}

/// Everything that is wrong with what is published of her.
async fn publish_trouble(world: &World) {
    let mut texts: Vec<String> = Vec::new();
    for (at, wrong) in [
        ("/data/customer/locale", json!({ "Quastenflosse": true })),
        ("/data/customer/email", json!(["zerlina@marker.example"])),
        ("/data/customer/phone", json!({ "number": "+33639987766" })),
        ("/data/customer/channels", json!(["zerlina@marker.example"])),
        ("/data/items/0/quantity", json!("Quastenflosse")),
        ("/data/totals/total", json!("zerlina@marker.example")),
        ("/data/delivery/method", json!("77 Markierweg")),
        ("/data/delivery/address/lines", json!("77 Markierweg")),
        ("/data/currency", json!("Quastenflosse")),
        ("/type", json!("zerlina@marker.example")),
        ("/time", json!("Quastenflosse")),
        ("/data/shop", json!("Quastenflosse")),
    ] {
        let mut event = order("Z7");
        *event.pointer_mut(at).unwrap_or(&mut Value::Null) = wrong;
        event["id"] = json!(at);
        texts.push(event.to_string());
    }
    let whole = order("Z8").to_string();
    // cut where her name, her address and her number stand
    texts.extend(["Quastenfl", "zerlina@mark", "77 Mark", "6 39 98"].map(|cut| {
        let end = whole.find(cut).unwrap() + cut.len();
        whole[..end].to_owned()
    }));
    for value in &texts {
        let record = Outbound {
            topic: ORDERS,
            key: Some(b"Zerlina Quastenflosse"),
            value: Some(value.as_bytes()),
            ..Outbound::default()
        };
        world.publish_raw(record).await;
    }
}

fn found(place: &str, told: &str) -> Vec<String> {
    let told = told.to_lowercase();
    let line = |trace: &str| told.lines().find(|line| line.contains(trace)).unwrap_or_default().to_owned();
    TRACES
        .iter()
        .filter(|trace| told.contains(**trace))
        .map(|trace| format!("{place}: {trace} in {:.600}", line(trace)))
        .collect()
}

/// The headers of dead letters, and the outcomes, which are for others to read.
fn topics(world: &World) -> (String, String) {
    let settings = BusSettings { brokers: world.broker().bootstrap_servers(), ..BusSettings::default() };
    let topics = Topics::connect(&settings, LONG).unwrap();
    let read = |topic: &str, tell: &dyn Fn(&reassure::ports::Record) -> String| {
        let mut told = String::new();
        topics.read(topic, &topics.extent(topic).unwrap(), |record| told.push_str(&tell(&record))).unwrap();
        told
    };
    let headers =
        read(DEAD, &|record| record.headers.iter().map(|(name, value)| format!("{name}: {}\n", text(value))).collect());
    let outcomes = read(OUTCOMES, &|record| {
        format!("{:?} {}\n", record.headers, text(record.value.as_deref().unwrap_or_default()))
    });
    (headers, outcomes)
}

/// A journey without what it is of and what was sent: what happened and what was decided.
async fn timeline(service: &mut Service, order: &str) -> String {
    let mut told: Value =
        serde_json::from_str(&service.get(&format!("/api/journeys/lumen/{order}")).await.body).unwrap();
    told.as_object_mut().unwrap().remove("journey");
    for story in told["notifications"].as_array_mut().unwrap() {
        story.as_object_mut().unwrap().remove("content");
    }
    told.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_is_in_logs_metrics_traces_errors_or_headers() {
    let mut world = World::new().await;
    world.broker().create_topic(DEAD, 1).unwrap();
    world.broker().create_topic(OUTCOMES, 1).unwrap();
    world.set("outgoing.dead_letters", &format!("'{DEAD}'"));
    world.set("outgoing.outcomes", &format!("'{OUTCOMES}'"));
    world.set("log.level", "'trace'");
    world.set("dispatch.retry.max_attempts", "3");
    let collector = Collector::start().await;
    world.set("tracing.endpoint", &format!("'{}'", collector.url));
    world.set("tracing.ratio", "1.0");
    // each message meets something else first, and those of the second order never leave
    world.behave(|call| match (call.nth, call.key.bytes().map(u32::from).sum::<u32>() % 4) {
        (1, 0) => Behaviour::Garbage,
        (1, 1) => Behaviour::ErrorInBody,
        (1, 2) => Behaviour::InternalError,
        (1, _) => Behaviour::ResetUnheard,
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    let contact = |email: &str| {
        let customer = json!({ "id": "c-1", "email": email, "phone": "Quastenflosse", "channels": ["email", "sms"] });
        event(
            "c-1-updated",
            "customer.updated",
            ago(1),
            json!({ "shop": "lumen", "customer_id": "c-1", "customer": customer }),
        )
    };
    world.publish(&[order("Z1"), shipped("Z1"), scan("Z1", "delivered", 60)]).await;
    publish_trouble(&world).await;
    world
        .publish(&[contact("zerlina@quastenflosse"), order("Z2"), shipped("Z2"), scan("Z2", "out_for_delivery", 30)])
        .await;
    let letters = "reassure_published_total{outcome=\"arrived\",stream=\"dead_letters\"}";
    eventually("what cannot be read has been told of", async || service.metric(letters).await >= 14.0).await;
    world.messages_until("she is told", |all| all.iter().filter(|one| one.received.taken).count() >= 6).await;
    let pending = "reassure_backlog{kind=\"pending_notifications\"}";
    eventually("nothing is under way", async || service.metric(pending).await == 0.0).await;
    assert!(
        world.messages().iter().any(|message| message.received.body.contains("Quastenflosse")),
        "she was written to"
    );
    let of_present = |message: &Message| message.received.body.contains("balduin@marker.example");
    assert!(world.messages().iter().any(of_present), "and he to whom she gives a present");
    let (headers, outcomes) = topics(&world);
    assert!(headers.contains("__connect.errors.exception.message") && outcomes.contains("accepted"));
    let mut faults = found("headers of dead letters", &headers);
    faults.extend(found("outcomes", &outcomes));
    faults.extend(found("metrics", &service.get("/metrics").await.body));
    for order in ["Z1", "Z2"] {
        faults.extend(found("timeline", &timeline(&mut service, order).await));
    }
    for command in [
        &["dlq", "list", "-o", "json"][..],
        &["dlq", "list"],
        &["lookup", "lumen", "Z1", "--all"],
        &["unconfirmed", "--all"],
    ] {
        let told = world.command(command);
        faults.extend(found(&command.join(" "), &format!("{}{}", text(&told.stdout), text(&told.stderr))));
    }
    for path in ["/api/journeys/lumen/zerlina@marker.example", "/api/nothing/Quastenflosse"] {
        assert_eq!(service.get(path).await.status, 404);
    }
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    let log = service.log();
    assert!(log.contains("\"level\":\"TRACE\"") && log.contains("could not be read"), "all levels are in the log");
    faults.extend(found("log", &log));
    let spans = collector.spans();
    assert!(["dead_lettered", "applied"].iter().all(|outcome| {
        spans.iter().any(|span| span.is("process reassure.orders", "reassure.event.outcome", outcome))
    }));
    assert!(spans.iter().any(|span| span.attributes.contains_key("error.type") && span.name == "send mail"));
    faults.extend(found("traces", &format!("{spans:#?}")));
    assert_eq!(faults, Vec::<String>::new());
}
