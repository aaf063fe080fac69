//! Events of clients that are not ours, from the broker to the customer.

use std::io::Write;
use std::process::{Command, Stdio};

use reassure::sandbox::Vendor;
use serde_json::Value;

use super::super::service::events::{CARRIERS, ORDERS, cancelled, placed};
use super::super::service::harness::{Ground, Message, World, text};
use super::super::stack;
use super::{Admin, unique};

/// A service on the shared broker, and topics that only it reads.
async fn world(brokers: &str) -> World {
    let (admin, prefix) = (Admin::new(brokers), format!("{}.", unique("foreign")));
    for topic in [ORDERS, CARRIERS] {
        admin.create(&format!("{prefix}{topic}"), 2).await;
    }
    World::on(Ground { brokers: brokers.to_owned(), prefix }).await
}

fn feed(mut command: Command, input: &str) {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = piped.spawn().unwrap();
    client.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = client.wait_with_output().unwrap();
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
}

fn kcat(program: &str, world: &World, key: &str, headers: &[(&str, &str)], value: &Value) {
    let mut command = Command::new(program);
    command.args(["-P", "-b", &world.ground.brokers, "-t", &world.topic(ORDERS), "-k", key]);
    for (name, value) in headers {
        command.args(["-H", &format!("{name}={value}")]);
    }
    // a line is a record
    feed(command, &format!("{value}\n"));
}

/// The customer is told of it.
async fn told(world: &World, order: &str, name: &str) {
    let _service = world.run().await;
    let is = |message: &Message| message.is(order, name, Vendor::Resend);
    world.messages_until("the customer is told", |messages| messages.iter().any(is)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_publishes_a_structured_event() {
    let (Some(brokers), Some(program)) = (stack::kafka(), stack::kcat()) else { return };
    let world = world(&brokers).await;
    kcat(&program, &world, "Z1", &[("content-type", "application/cloudevents+json")], &placed("Z1"));
    told(&world, "Z1", "confirmation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_publishes_a_binary_event() {
    let (Some(brokers), Some(program)) = (stack::kafka(), stack::kcat()) else { return };
    let world = world(&brokers).await;
    let event = placed("Z2");
    let attributes = ["specversion", "id", "source", "type", "time"]
        .map(|name| (format!("ce_{name}"), event[name].as_str().unwrap().to_owned()));
    let mut headers: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
    headers.push(("content-type", "application/json"));
    kcat(&program, &world, "Z2", &headers, &event["data"]);
    told(&world, "Z2", "confirmation").await;
}

fn python(program: &str, world: &World, event: &Value, avro: &[&str]) {
    let mut command = Command::new(program);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/kafka/producer.py"));
    command.args([&world.ground.brokers, &world.topic(ORDERS), event["data"]["order_id"].as_str().unwrap()]).args(avro);
    feed(command, &event.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn python_publishes_a_structured_event() {
    let (Some(brokers), Some(program)) = (stack::kafka(), stack::python()) else { return };
    let world = world(&brokers).await;
    python(&program, &world, &placed("Z3"), &[]);
    told(&world, "Z3", "confirmation").await;
}

/// With the serializer and the registry that everybody uses.
#[tokio::test(flavor = "multi_thread")]
async fn python_publishes_avro_with_a_registry() {
    let (Some(brokers), Some(registry), Some(program)) = (stack::kafka(), stack::registry(), stack::python()) else {
        return;
    };
    let mut world = world(&brokers).await;
    world.set("registry.url", &format!("'{registry}'"));
    python(&program, &world, &placed("Z4"), &[]);
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/avro/order.cancelled.avsc");
    python(&program, &world, &cancelled("Z4"), &[&registry, schema]);
    told(&world, "Z4", "cancelled").await;
}
