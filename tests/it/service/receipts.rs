//! What providers tell afterwards, and the text message that follows where the e-mail never arrived.

use std::time::Duration;

use reassure::provider::webhook::Key;
use reassure::sandbox::{Behaviour, Vendor};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::events::{placed_by, reader, scan, shipped};
use super::harness::{self, LONG, Message, Service, World, eventually};

pub const SECRET: &str = "whsec_c2FuZGJveC1yZWNlaXB0LXNlY3JldC0wMDAx";

/// The e-mail provider of this world tells what becomes of its messages.
pub fn expect(world: &mut World) {
    let secret = world.folder.path().join("receipt-secret");
    std::fs::write(&secret, SECRET).unwrap();
    world.set("providers.mail.receipts.secrets", &format!("[{{ file = '{}' }}]", secret.display()));
}

async fn world() -> World {
    let mut world = World::new().await;
    expect(&mut world);
    world
}

/// An urgent order of somebody with an address and a telephone, which is late.
async fn late(world: &World, order: &str) {
    let mut customer = reader(order);
    customer["phone"] = json!("+33 6 39 98 00 01");
    let mut placed = placed_by(order, customer);
    placed["data"]["delivery"]["express"] = json!(true);
    world.publish(&[placed, shipped(order), scan(order, "delayed", 1)]).await;
}

fn is(message: &Message, order: &str, vendor: Vendor) -> bool {
    message.is(order, "delay", vendor) && message.received.taken
}

async fn mail(world: &World, order: &str) -> Message {
    let all = world.messages_until("the e-mail", |all| all.iter().any(|it| is(it, order, Vendor::Resend))).await;
    all.into_iter().find(|it| is(it, order, Vendor::Resend)).unwrap()
}

async fn tell(service: &mut Service, mail: &Message, what: &str, secret: &str) -> u16 {
    tell_of(service, mail, what, "2026-03-02T09:00:00Z", secret).await
}

/// Tells, as Resend does, what became of a message, and when.
pub async fn tell_of(service: &mut Service, mail: &Message, what: &str, when: &str, secret: &str) -> u16 {
    let sent: Value = serde_json::from_str(&mail.received.body).unwrap();
    let body = json!({ "type": what, "created_at": when, "data": { "tags": sent["tags"] } }).to_string();
    let signature = Key::parse(secret).unwrap().sign("msg_1", 1_793_000_000, body.as_bytes());
    let headers =
        [("svix-id", "msg_1".to_owned()), ("svix-timestamp", "1793000000".to_owned()), ("svix-signature", signature)];
    service.post("/receipts/mail", &headers, &body).await.status
}

fn told(world: &World, order: &str) -> Value {
    harness::json(&world.command(&["lookup", "lumen", order, "-o", "json"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_bounced_goes_on_as_a_text_message() {
    let world = world().await;
    let mut service = world.run().await;
    late(&world, "Z1").await;
    let mail = mail(&world, "Z1").await;
    assert_eq!(tell(&mut service, &mail, "email.bounced", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await, 401);
    assert!(!world.messages().iter().any(|it| is(it, "Z1", Vendor::BrevoSms)), "anybody could have said so");
    assert_eq!(tell(&mut service, &mail, "email.bounced", SECRET).await, 204);
    world.messages_until("the text message", |all| all.iter().any(|it| is(it, "Z1", Vendor::BrevoSms))).await;
    // told twice, it is known
    assert_eq!(tell(&mut service, &mail, "email.bounced", SECRET).await, 204);
    let stories = told(&world, "Z1");
    let of = |channel: &str| {
        let all = stories["notifications"].as_array().unwrap().iter();
        all.filter(|it| it["message"] == "delay" && it["channel"] == channel).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of("sms").len(), 1);
    assert_eq!(of("email")[0]["receipts"][0]["receipt"], "bounced");
    let timeline = world.command(&["lookup", "lumen", "Z1"]);
    let timeline = harness::text(&timeline.stdout);
    assert!(timeline.contains("heard of a message: bounced") && timeline.contains("; bounced "), "{timeline}");
    for (receipt, count) in [("bounced", 1.0), ("unknown", 1.0), ("refused", 1.0)] {
        let name = format!("reassure_receipts_total{{provider=\"mail\",receipt=\"{receipt}\"}}");
        assert_eq!(service.metric(&name).await, count, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_arrived_does_not() {
    let world = world().await;
    let mut service = world.run().await;
    late(&world, "Z1").await;
    let mail = mail(&world, "Z1").await;
    assert_eq!(tell(&mut service, &mail, "email.opened", SECRET).await, 204);
    assert_eq!(tell(&mut service, &mail, "email.delivered", SECRET).await, 204);
    let told = told(&world, "Z1");
    let decisions = told["timeline"].as_array().unwrap().iter().flat_map(|entry| entry["decisions"].as_array());
    let reasons: Vec<&str> = decisions.flatten().filter_map(|it| it["reason"].as_str()).collect();
    assert!(reasons.contains(&"awaiting_receipt") && reasons.contains(&"delivered"), "{reasons:?}");
    assert_eq!(told["deferred"], json!([]), "nothing waits to be said once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_that_no_provider_takes_goes_on_as_a_text_message() {
    let world = World::new().await;
    world.behave(|call| match call.vendor {
        Vendor::Resend => Behaviour::InternalError,
        _ => Behaviour::Answer,
    });
    let _service = world.run().await;
    late(&world, "Z1").await;
    world.messages_until("the text message", |all| all.iter().any(|it| is(it, "Z1", Vendor::BrevoSms))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_provider_tells_no_more_what_it_took_has_arrived() {
    let world = World::new().await;
    let mut service = world.run().await;
    late(&world, "Z1").await;
    mail(&world, "Z1").await;
    eventually("it is known", async || told(&world, "Z1")["deferred"] == json!([])).await;
    assert_eq!(service.post("/receipts/mail", &[], "{}").await.status, 404, "it is not set up to");
    assert_eq!(service.post("/receipts/pigeon", &[], "{}").await.status, 404);
    assert_eq!(service.get("/receipts/mail").await.status, 404, "not among the probes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_not_read() {
    let world = world().await;
    let mut service = world.run().await;
    let answer = service.post("/receipts/mail", &[], &"x".repeat(1024 * 1024 + 1)).await;
    assert!(answer.status == 413 || answer.status == 0, "{}", answer.status);
    assert_eq!(service.post("/receipts/mail", &[], "x").await.status, 401);
}

/// What is posted is read before it is known whether its provider has signed it.
#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_callbacks_are_read_at_a_time() {
    let world = world().await;
    let mut service = world.run().await;
    let address = service.api().await;
    let begun = format!("POST /receipts/mail HTTP/1.1\r\nhost: {address}\r\ncontent-length: 1000\r\n\r\n{{");
    let mut others = Vec::new();
    for _ in 0..64 {
        let mut other = TcpStream::connect(&address).await.unwrap();
        other.write_all(begun.as_bytes()).await.unwrap();
        others.push(other);
    }
    let whole = begun.replace("1000", "1");
    let mut next = None;
    // until all of the others have their places, one more is answered
    eventually("there is no place for one more", async || {
        let one = next.insert(TcpStream::connect(&address).await.unwrap());
        one.write_all(whole.as_bytes()).await.unwrap();
        timeout(Duration::from_millis(300), one.read_u8()).await.is_err()
    })
    .await;
    drop(others);
    assert_eq!(timeout(LONG, next.unwrap().read_u8()).await.unwrap().unwrap(), b'H');
}
