//! The provider that is wholly configured.

use reassure::domain::notification::Outcome::{self, Accepted, PermanentFailure, TemporaryFailure, Unknown};
use reassure::domain::notification::{Content, Sms, Webhook};
use reassure::provider::exchange::Reply;
use reassure::provider::generic::classify;
use reassure::provider::{self, Settings};
use serde_json::{Value, json};

use super::raw::{Act, Raw, http};
use super::{ID, SecretFile, least, made, now, secret_for, send_content};

fn settings(more: Value) -> Settings {
    let mut settings = least("generic", "http://localhost", &secret_for("generic"));
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn faults(more: Value) -> Vec<String> {
    let faults = provider::build("gateway", &settings(more)).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.what).collect()
}

#[tokio::test]
async fn the_request_is_as_it_is_written() {
    let server = Raw::start(Act::Answer(http(200, &[("x-message", "m-7")], ""))).await;
    let (key, password) = (SecretFile::holding("k3y"), SecretFile::holding("pass"));
    let provider = made(
        "generic",
        &server.url(),
        json!({
            "url": format!("{}/v1/send?account=shop", server.url()),
            "method": "PUT",
            "headers": {
                "content-type": "application/json",
                "Idempotency-Key": "{{shop}}/{{id}}",
                "authorization": { "prefix": "Token ", "secret": key.source() },
                "proxy-authorization": { "basic_user": "me", "secret": password.source() },
            },
            "body": r#"{"to":{{json to}},"text":{{json text}},"tag":"{{message}}","via":"{{channel}}"}"#,
            "id": { "header": "x-message" },
        }),
    );
    let text = "\"Ça\" va?\n\\ {{x}} <b>&amp; 📦".to_owned();
    let sms = Content::Sms(Sms { from: "Shop".into(), to: "+33612345678".into(), text: text.clone() });
    let answer = send_content(&*provider, &sms).await;
    assert_eq!((answer.outcome, answer.provider_id.as_deref()), (Accepted, Some("m-7")));

    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT /v1/send?account=shop HTTP/1.1\r\n"), "{head}");
    for header in [
        &format!("idempotency-key: shop-fr/{ID}"),
        "authorization: Token k3y",
        "proxy-authorization: Basic bWU6cGFzcw==",
    ] {
        assert!(head.lines().any(|line| line == header), "{header} in {head}");
    }
    let expected = json!({ "to": "+33612345678", "text": text, "tag": "parcel_shipped", "via": "sms" });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn forms_and_whole_documents_can_be_written_too() {
    let server = Raw::start(Act::Answer(http(200, &[], r#"{"id":"m-1"}"#))).await;
    let form = json!({
        "headers": { "content-type": "application/x-www-form-urlencoded" },
        "body": "to={{form to}}&text={{form text}}",
    });
    let sms = Content::Sms(Sms { from: "Shop".into(), to: "+336".into(), text: "a & b = ç".into() });
    send_content(&*made("generic", &server.url(), form), &sms).await;
    let document = json!({ "channel": "webhook", "body": "{\"event\": {{body}}, \"id\": {{json id}}}" });
    let webhook = Content::Webhook(Webhook { body: r#"{"a":["<>"]}"#.into() });
    send_content(&*made("generic", &server.url(), document), &webhook).await;
    let bodies: Vec<String> =
        server.requests().iter().map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned()).collect();
    assert_eq!(
        bodies,
        [
            "to=%2B336&text=a+%26+b+%3D+%C3%A7".to_owned(),
            format!("{{\"event\": {{\"a\":[\"<>\"]}}, \"id\": \"{ID}\"}}")
        ]
    );
}

#[test]
fn a_template_is_tried_out_before_it_meets_a_customer() {
    let cases = [
        (json!({ "body": "{{json to" }), "`body` is no template"),
        (json!({ "body": "{{json subject}}" }), "`body` fails"),
        (json!({ "body": "{{subject}}" }), "`body` fails"),
        (json!({ "body": "{{json}}" }), "`body` fails"),
        (json!({ "body": "{{shout text}}" }), "`body` fails"),
        (json!({ "body": r#"{"text": "{{text}}"}"# }), "`body` is not always JSON"),
        (json!({ "headers": { "x-text": "{{text}}" } }), "`headers.x-text` can come out"),
        (json!({ "headers": { "x-text": "{{nothing}}" } }), "`headers.x-text` fails"),
        (json!({ "headers": { "no name": "x" } }), "`headers`: \"no name\""),
        (json!({ "method": "GET" }), "`method`"),
        (json!({ "id": { "pointer": "id" } }), "`id.pointer`"),
        (json!({ "error_code": { "header": "a b" } }), "`error_code.header`"),
        (json!({ "success": { "pointer": "ok" } }), "`success.pointer`"),
        (json!({ "success": { "equals": true } }), "`success.equals`"),
        (json!({ "success": { "statuses": [20] } }), "20 is no HTTP status"),
        (json!({ "temporary_statuses": [409], "permanent_statuses": [409] }), "the status 409 is given two meanings"),
    ];
    for (more, expected) in cases {
        let told = faults(more.clone());
        assert!(!told.is_empty() && told.iter().all(|fault| fault.starts_with(expected)), "{more}: {told:#?}");
    }
    assert_eq!(
        faults(json!({ "channel": "email", "body": "[{{json reply_to}}, {{json to_name}}]" })),
        Vec::<String>::new()
    );
}

/// What an answer comes to, and its detail or id.
fn outcome(settings: &Settings, status: u16, headers: &[(&str, &str)], body: &str) -> (Outcome, Option<String>) {
    let Settings::Generic(settings) = settings else { unreachable!() };
    let answer = classify(settings, &Reply::new(status, headers, body), now());
    (answer.outcome, answer.provider_id.or(answer.detail))
}

/// 200 with a status in the body, as Vonage's SMS API has it.
#[test]
fn the_body_may_take_back_what_the_status_says() {
    let settings = settings(json!({
        "success": { "statuses": [200], "pointer": "/messages/0/status", "equals": "0", "temporary": ["1", "5"] },
        "id": { "pointer": "/messages/0/message-id" },
    }));
    let cases = [
        (200, r#"{"messages":[{"status":"0","message-id":"m-1"}]}"#, Accepted, "m-1"),
        (200, r#"{"messages":[{"status":"0"}]}"#, Unknown, "answer_without_id"),
        (200, r#"{"messages":[{"status":"1"}]}"#, TemporaryFailure, "1"),
        (200, r#"{"messages":[{"status":"5","error-text":"…"}]}"#, TemporaryFailure, "5"),
        (200, r#"{"messages":[{"status":"9"}]}"#, PermanentFailure, "9"),
        (200, r#"{"messages":[{"status":"To buyer@example.com"}]}"#, PermanentFailure, "answer_says_no"),
        (200, r#"{"messages":[]}"#, PermanentFailure, "answer_says_no"),
        (200, "<html>", Unknown, "answer_unreadable"),
        (202, r#"{"messages":[{"status":"0","message-id":"m-1"}]}"#, Unknown, "status_unexpected"),
        (500, "", TemporaryFailure, "http_500"),
    ];
    for (status, body, expected, word) in cases {
        assert_eq!(outcome(&settings, status, &[], body), (expected, Some(word.to_owned())), "{status} {body}");
    }
}

#[test]
fn statuses_can_be_given_another_meaning() {
    let settings = settings(json!({
        "success": { "statuses": [201, 409], "pointer": "/id" },
        "temporary_statuses": [404],
        "permanent_statuses": [503],
        "error_code": { "header": "x-error" },
    }));
    let none = None::<String>;
    assert_eq!(outcome(&settings, 201, &[], r#"{"id":"m-1"}"#), (Accepted, Some("m-1".to_owned())));
    assert_eq!(outcome(&settings, 409, &[], r#"{"id":"m-1"}"#), (Accepted, Some("m-1".to_owned())));
    assert_eq!(outcome(&settings, 201, &[], r#"{"id":null}"#), (PermanentFailure, Some("answer_says_no".to_owned())));
    assert_eq!(outcome(&settings, 404, &[], ""), (TemporaryFailure, Some("http_404".to_owned())));
    assert_eq!(
        outcome(&settings, 503, &[("x-error", "gone_for_good")], ""),
        (PermanentFailure, Some("gone_for_good".to_owned()))
    );
    assert_eq!(
        outcome(&settings, 503, &[("x-error", "call +33612345678")], ""),
        (PermanentFailure, Some("http_503".to_owned()))
    );
    let Settings::Generic(mut without_id) = settings else { unreachable!() };
    without_id.id = None;
    let without_id = Settings::Generic(without_id);
    assert_eq!(outcome(&without_id, 201, &[], r#"{"id":"m-1"}"#), (Accepted, none));
}
