//! `reassure adapt`, as it is called.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Fixture;

/// The exit status, standard output and standard error.
fn adapt(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reassure"))
        .arg("adapt")
        .args(arguments)
        .env_remove("REASSURE_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_finds_the_adapter_and_shows_each_event() {
    let fixture = Fixture::of("laposte", "parcel");
    let (code, told, _) = adapt(&["-", "--header", "shop=maison-aubert"], &fixture.payload.to_string());
    assert_eq!(code, 0, "{told}");
    assert!(told.starts_with("payload 1: laposte, 5 events\n  2026-05-05T10:00:00+02:00  parcel.tracked"), "{told}");
    assert!(told.contains("    hold:\n      point:\n        name: Relais de la Gare\n"), "{told}");
}

#[test]
fn it_reads_one_payload_after_the_other_and_tells_the_worst() {
    let fixture = Fixture::of("laposte", "parcel");
    let mut unknown = fixture.payload.clone();
    unknown["shipment"]["event"][0]["code"] = json!("XX9");
    let input = format!("{}\n{unknown}\n", fixture.payload);
    let (code, told, _) = adapt(&["-", "-o", "json", "-H", "shop=maison-aubert"], &input);
    let told: Vec<Value> = serde_json::from_str(&told).unwrap();
    assert_eq!((code, told.len()), (1, 2));
    assert_eq!(told[0]["events"].as_array().map(Vec::len), Some(5));
    assert_eq!((&told[1]["refusal"]["cause"], &told[1]["events"]), (&json!("unmapped_code"), &json!([])));
}

#[test]
fn it_says_what_is_ignored_what_nobody_takes_and_what_the_service_would_refuse() {
    let fixture = Fixture::of("shopify", "fulfillment_event");
    let payload = fixture.payload.to_string();
    let topic = ["-", "-H", "X-Shopify-Topic=fulfillment_events/create", "-H", "shop=s"];
    assert_eq!(adapt(&topic, &payload), (0, "payload 1: shopify ignores it\n".to_owned(), String::new()));
    let (code, told, _) = adapt(&["-"], &payload);
    assert_eq!(
        (code, told.as_str()),
        (3, "payload 1: no adapter knows it; name one (--adapter), or its headers (--header)\n")
    );
    let far = json!({ "shipment": { "idShip": "N1", "holder": 4, "event": [{ "code": "ET1", "date": "2999-01-01T00:00:00Z" }] } });
    let (code, told, _) = adapt(&["-", "-H", "shop=s"], &far.to_string());
    assert_eq!(code, 1);
    assert!(told.contains("  refused (absurd_time): time is more than 24 hours ahead"), "{told}");
}

#[test]
fn a_wrong_call_is_told_apart_from_a_wrong_payload() {
    let (code, _, told) = adapt(&["-", "--adapter", "shopfy"], "{}");
    assert_eq!((code, told.as_str()), (2, "reassure: there is no adapter 'shopfy'; did you mean 'shopify'?\n"));
    let (code, _, told) = adapt(&["-"], "{\"a\":");
    assert_eq!(code, 2);
    assert!(told.starts_with("reassure: -: payload 1 is no JSON: "), "{told}");
    let (code, _, told) = adapt(&["/none/such.json"], "");
    assert_eq!(code, 1);
    assert!(told.contains("/none/such.json cannot be read"), "{told}");
}
