//! A trace leads from the record that an event came in to the provider that was written to, and to
//! what is told of it; and tracing never costs a message.

use std::process::Command;

use reassure::bus::BusSettings;
use reassure::bus::producer::Outbound;
use reassure::bus::topic::Topics;
use reassure::sandbox::{Behaviour, Vendor};
use reassure::telemetry::export::{Settings, Target};
use serde_json::{Value, json};

use super::events::{ORDERS, placed, placed_by, reader, scan, shipped};
use super::harness::{BINARY, Collector, LONG, Message, Service, Told, World, eventually};

const OUTCOMES: &str = "reassure.outcomes";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PUBLISHER: &str = "b7ad6b7169203331";

async fn world(collector: &Collector) -> World {
    let mut world = World::new().await;
    world.broker().create_topic(OUTCOMES, 1).unwrap();
    world.set("outgoing.outcomes", &format!("'{OUTCOMES}'"));
    world.set("tracing.endpoint", &format!("'{}'", collector.url));
    world.set("tracing.ratio", "1.0");
    world
}

/// The event with the trace of its publisher.
fn traced(mut event: Value, flags: &str) -> Value {
    event["traceparent"] = json!(format!("00-{TRACE}-{PUBLISHER}-{flags}"));
    event
}

fn one<'a>(spans: &'a [Told], what: &str, is: impl Fn(&Told) -> bool) -> &'a Told {
    let found: Vec<&Told> = spans.iter().filter(|span| is(span)).collect();
    assert_eq!(found.len(), 1, "{what}: {spans:#?}");
    found[0]
}

/// What the outcomes of an order say they belong to, by their types.
fn outcomes(world: &World, order: &str) -> Vec<(String, String)> {
    let settings = BusSettings { brokers: world.broker().bootstrap_servers(), ..BusSettings::default() };
    let topics = Topics::connect(&settings, LONG).unwrap();
    let mut told = Vec::new();
    topics
        .read(OUTCOMES, &topics.extent(OUTCOMES).unwrap(), |record| {
            let outcome: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
            if outcome["subject"] == order {
                let text = |field: &str| outcome[field].as_str().unwrap_or_default().to_owned();
                told.push((text("type"), text("traceparent")));
            }
        })
        .unwrap();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_leads_from_the_record_to_the_provider_and_the_outcome() {
    let collector = Collector::start().await;
    let world = world(&collector).await;
    let mut service = world.run().await;
    world.publish(&[traced(placed("Z1"), "01"), placed("Z2")]).await;
    let sent = |spans: &[Told]| spans.iter().filter(|span| span.name == "send mail").count();
    eventually("both traces are told", async || sent(&collector.spans()) == 2).await;
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());

    let spans = collector.trace(TRACE);
    let record =
        one(&spans, "the record", |span| span.is("process reassure.orders", "reassure.event.outcome", "applied"));
    assert_eq!((&*record.parent, &*record.attributes["reassure.event.type"]), (PUBLISHER, "order.placed"));
    assert_eq!(record.attributes["messaging.destination.name"], ORDERS);
    assert_eq!(
        (&*record.resource["service.name"], &*record.resource["service.version"]),
        ("reassure", env!("CARGO_PKG_VERSION"))
    );
    let attempt = one(&spans, "the attempt", |span| span.is("send mail", "reassure.message", "confirmation"));
    assert_eq!((&attempt.parent, &*attempt.attributes["reassure.outcome"]), (&record.id, "accepted"));
    let stores: Vec<Told> = collector.spans().into_iter().filter(|span| span.name == "store").collect();
    let store = one(&stores, "the batch", |span| span.links.contains(&(TRACE.to_owned(), record.id.clone())));
    assert!(record.links.contains(&(store.trace.clone(), store.id.clone())), "they name each other: {record:?}");

    let message =
        world.messages().into_iter().find(|message| message.is("Z1", "confirmation", Vendor::Resend)).unwrap();
    assert_eq!(message.received.headers["traceparent"], attempt.traceparent(), "the provider is told of the attempt");
    let told = outcomes(&world, "Z1");
    assert!(told.contains(&("reassure.decision.made".to_owned(), record.traceparent())), "{told:?}");
    assert!(told.contains(&("reassure.attempt.made".to_owned(), attempt.traceparent())), "{told:?}");

    let all = collector.spans();
    let other = one(&all, "the other record", |span| span.name.starts_with("process") && span.trace != TRACE);
    assert_eq!(other.parent, "", "it begins a trace of its own");
    assert!(collector.trace(&other.trace).iter().any(|it| it.parent == other.id), "and its attempt is of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_publisher_does_not_trace_is_not_traced_and_handed_on_all_the_same() {
    let collector = Collector::start().await;
    let mut world = world(&collector).await;
    let mut service = world.run().await;
    world.publish(&[traced(placed("Z1"), "00")]).await;
    world.messages_until("the message", |all| all.iter().any(|it| it.is("Z1", "confirmation", Vendor::Resend))).await;
    // without a trace none is begun, and one that has begun is gone on with
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    assert_eq!(collector.trace(TRACE).len(), 0);
    world.set("tracing.ratio", "0.0");
    let mut service = world.run().await;
    world.publish(&[placed("Z2"), traced(placed("Z3"), "01")]).await;
    eventually("the trace is told", async || collector.trace(TRACE).iter().any(|it| it.name == "send mail")).await;
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    let of = |order: &str| {
        let message = world.messages().into_iter().find(|it| it.is(order, "confirmation", Vendor::Resend)).unwrap();
        message.received.headers["traceparent"].clone()
    };
    assert!(of("Z1").starts_with(&format!("00-{TRACE}-")) && of("Z1").ends_with("-00"), "{}", of("Z1"));
    assert!(of("Z2").ends_with("-00") && of("Z3").ends_with("-01"), "{} {}", of("Z2"), of("Z3"));
    assert!(collector.spans().iter().all(|span| span.trace == TRACE || span.name == "store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_a_failure_stays_in_the_trace_and_a_refused_record_has_one() {
    let collector = Collector::start().await;
    let mut world = world(&collector).await;
    world.set("dispatch.retry.max_attempts", "2");
    world.behave(|call| match call.vendor {
        Vendor::Resend => Behaviour::InternalError,
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    let mut customer = reader("Z1");
    customer["phone"] = json!("+33 6 39 98 00 01");
    let mut placed = placed_by("Z1", customer);
    placed["data"]["delivery"]["express"] = json!(true);
    world.publish(&[placed, shipped("Z1")]).await;
    let delayed = traced(scan("Z1", "delayed", 1), "01");
    world.publish(&[delayed]).await;
    let parent = format!("00-{TRACE}-{PUBLISHER}-01");
    let headers: &[(&str, &[u8])] = &[("traceparent", parent.as_bytes())];
    world.publish_raw(Outbound { topic: ORDERS, value: Some(b"{"), headers, ..Outbound::default() }).await;
    let texts = |spans: &[Told]| spans.iter().filter(|span| span.name == "send text").count();
    eventually("the text message is in the trace", async || texts(&collector.trace(TRACE)) == 1).await;
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    let spans = collector.trace(TRACE);
    let mails: Vec<&Told> = spans.iter().filter(|span| span.name == "send mail").collect();
    assert!(!mails.is_empty());
    for mail in mails {
        assert_eq!(mail.whole.status.as_ref().unwrap().code, 2, "an error");
    }
    let refused = one(&spans, "the refused record", |span| {
        span.is("process reassure.orders", "reassure.event.outcome", "dead_lettered")
    });
    assert!(!refused.attributes["error.type"].is_empty());
    // where a person looks first
    let lines: Vec<Value> = service.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for message in [
        "a record could not be read; it waits with the dead letters",
        "a message waits for a person with the dead letters",
    ] {
        assert!(lines.iter().any(|line| line["message"] == message && line["trace_id"] == TRACE), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let collector = Collector::start().await;
    let world = world(&collector).await;
    let mut service = world.run().await;
    collector.refuse(true);
    world.publish(&[placed("Z1")]).await;
    let told = "reassure_spans_total{outcome=\"failed\"}";
    eventually("they are lost and counted", async || service.metric(told).await > 0.0).await;
    world.messages_until("the message", |all| all.iter().any(|it| it.is("Z1", "confirmation", Vendor::Resend))).await;
    collector.refuse(false);
    world.publish(&[placed("Z2")]).await;
    eventually("it is back", async || collector.spans().iter().any(|span| span.name == "send mail")).await;
    assert_eq!(service.log().matches("the collector takes no spans").count(), 1, "told once");
    // the collector has them before the service hears that it has
    eventually("it is told, too", async || service.log().contains("the collector of spans is back")).await;
    collector.refuse(true);
    world.publish(&[placed("Z3")]).await;
    world.messages_until("the message", |all| all.iter().any(|it| it.is("Z3", "confirmation", Vendor::Resend))).await;
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());
    let last = service.log().lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("\"whole\":true"), "it stops in time: {last}");
    assert!(collector.refused() > 0);
}

/// One that takes the connection and says nothing: worse than one that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_nobody_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::new().await;
    world.set("tracing.endpoint", &format!("'http://{}'", silent.local_addr().unwrap()));
    world.set("tracing.ratio", "1.0");
    world.set("tracing.queue", "8");
    world.set("tracing.timeout_seconds", "600");
    let mut service = world.run().await;
    let orders: Vec<Value> = (1..=40).map(|number| placed(&format!("Z{number}"))).collect();
    world.publish(&orders).await;
    let told = |all: &[Message]| all.iter().filter(|it| it.name == "confirmation").count();
    world.messages_until("all are told", |all| told(all) >= 40).await;
    let dropped = "reassure_spans_total{outcome=\"dropped\"}";
    eventually("what has no room is counted", async || service.metric(dropped).await > 0.0).await;
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success(), "it does not wait for the answer");
    assert!(service.log().lines().last().unwrap_or_default().contains("\"whole\":true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_open_telemetry_are_heeded() {
    let collector = Collector::start().await;
    let world = World::new().await;
    let mut binary = Command::new(BINARY);
    binary
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20of-the-tests")
        .env("OTEL_SERVICE_NAME", "reassure-europe")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging");
    let mut service = Service::start(binary, &world.config());
    service.address().await;
    world.publish(&[traced(placed("Z1"), "01")]).await;
    eventually("the trace is told", async || collector.trace(TRACE).iter().any(|it| it.name == "send mail")).await;
    let span = collector.spans().swap_remove(0);
    assert_eq!(span.resource["service.name"], "reassure-europe");
    assert_eq!(span.resource["deployment.environment.name"], "staging");
    assert_eq!(collector.header("authorization")[0], "Bearer of-the-tests");
    assert_eq!(collector.header("content-type")[0], "application/x-protobuf");
}

#[test]
fn where_spans_go_is_said_by_the_settings_and_else_by_the_environment() {
    let settings = |endpoint: Option<&str>| Settings {
        endpoint: endpoint.map(str::to_owned),
        ratio: 0.5,
        queue: 1,
        timeout_seconds: 1,
    };
    let place = |endpoint: Option<&str>, variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
        Target::of(&settings(endpoint), variable).map(|target| target.address().map(str::to_owned))
    };
    let to = |address: &str| Ok(Some(address.to_owned()));
    let (all, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    assert_eq!(place(None, &[]), Ok(None));
    assert_eq!(place(None, &[(all, " ")]), Ok(None));
    assert_eq!(place(Some("http://c:4318/"), &[(all, "http://d:1")]), to("http://c:4318/v1/traces"));
    assert_eq!(place(None, &[(all, "https://d:1/otlp")]), to("https://d:1/otlp/v1/traces"));
    assert_eq!(place(None, &[(all, "http://d:1"), (traces, "http://e:2/here")]), to("http://e:2/here"));
    assert_eq!(place(Some("http://c:4318"), &[("OTEL_SDK_DISABLED", "TRUE")]), Ok(None));
    assert_eq!(place(Some("http://c:4318"), &[("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
    assert_eq!(place(Some("collector:4318"), &[]).unwrap_err().0, "endpoint");
    for (wrong, field) in [
        (Settings { ratio: 1.5, ..settings(None) }, "ratio"),
        (Settings { ratio: f64::NAN, ..settings(None) }, "ratio"),
        (Settings { queue: 0, ..settings(None) }, "queue"),
        (Settings { timeout_seconds: 0, ..settings(None) }, "timeout_seconds"),
    ] {
        assert_eq!(Target::of(&wrong, |_| None).unwrap_err().0, field);
    }
}
