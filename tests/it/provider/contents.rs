//! What each vendor is sent.

use reassure::domain::decision::NotificationId;
use reassure::domain::notification::{Content, Sms};
use reassure::provider::brevo_email::idempotency_key;
use serde_json::{Value, json};

use super::raw::{Act, Raw, http};
use super::{ACCOUNT, ID, made, send, send_content};

/// The journey `["shop-fr","20418"]`, as receipts bring it back.
const MARK: &str = "WyJzaG9wLWZyIiwiMjA0MTgiXQ";

/// The one request that an attempt makes: its first line, its headers, its body.
async fn sent(kind: &str, more: Value, content: Option<Content>) -> (String, Vec<(String, String)>, String) {
    let server = Raw::start(Act::Answer(http(200, &[], ""))).await;
    let provider = made(kind, &server.url(), more);
    match content {
        Some(content) => send_content(&*provider, &content).await,
        None => send(&*provider).await,
    };
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (first, headers) = head.split_once("\r\n").unwrap();
    let headers = headers.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (first.to_owned(), headers, body.to_owned())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = headers.iter().filter(|(key, _)| key == name);
    let value = &found.next().unwrap_or_else(|| panic!("no header {name}")).1;
    assert!(found.next().is_none(), "{name} stands twice");
    value
}

#[tokio::test]
async fn every_request_hands_on_the_trace_and_names_the_notification() {
    for kind in ["sendgrid", "brevo_email", "resend", "twilio", "brevo_sms", "webhook", "generic"] {
        let (_, headers, _) = sent(kind, json!({}), None).await;
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(header(&headers, "traceparent"), parent, "{kind}");
        assert_eq!(header(&headers, "x-notification-id"), ID, "{kind}");
        assert!(header(&headers, "user-agent").starts_with("reassure/"), "{kind}");
    }
}

#[tokio::test]
async fn resend() {
    let (first, headers, body) = sent("resend", json!({}), None).await;
    assert_eq!(first, "POST /emails HTTP/1.1");
    assert_eq!(header(&headers, "authorization"), "Bearer k3y");
    assert_eq!(header(&headers, "idempotency-key"), ID);
    assert_eq!(header(&headers, "content-type"), "application/json");
    let expected = json!({
        "from": "\"Zoë, Inc.\" <shop@example.com>",
        "to": ["\"Jo \\\"J\\\" Doe\" <buyer@example.com>"],
        "reply_to": "care@example.com",
        "subject": "Your parcel is on its way",
        "html": "<p>It is on its way</p>",
        "text": "It is on its way",
        "tags": [
            { "name": "message", "value": "parcel_shipped" },
            { "name": "notification", "value": ID },
            { "name": "journey", "value": MARK },
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    let (_, _, again) = sent("resend", json!({}), None).await;
    assert_eq!(again, body, "under one key a body may not change by a byte");
}

#[tokio::test]
async fn sendgrid() {
    let (first, headers, body) = sent("sendgrid", json!({}), None).await;
    assert_eq!(first, "POST /v3/mail/send HTTP/1.1");
    assert_eq!(header(&headers, "authorization"), "Bearer k3y");
    let expected = json!({
        "personalizations": [{ "to": [{ "email": "buyer@example.com", "name": "Jo \"J\" Doe" }] }],
        "from": { "email": "shop@example.com", "name": "Zoë, Inc." },
        "reply_to": { "email": "care@example.com" },
        "subject": "Your parcel is on its way",
        "content": [
            { "type": "text/plain", "value": "It is on its way" },
            { "type": "text/html", "value": "<p>It is on its way</p>" },
        ],
        "categories": ["parcel_shipped"],
        "custom_args": { "notification": ID, "shop": "shop-fr", "journey": MARK },
        "tracking_settings": {
            "click_tracking": { "enable": false, "enable_text": false },
            "open_tracking": { "enable": false },
        },
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

#[tokio::test]
async fn brevo_email() {
    let (first, headers, body) = sent("brevo_email", json!({}), None).await;
    assert_eq!(first, "POST /v3/smtp/email HTTP/1.1");
    assert_eq!(header(&headers, "api-key"), "k3y");
    let expected = json!({
        "sender": { "email": "shop@example.com", "name": "Zoë, Inc." },
        "to": [{ "email": "buyer@example.com", "name": "Jo \"J\" Doe" }],
        "replyTo": { "email": "care@example.com" },
        "subject": "Your parcel is on its way",
        "htmlContent": "<p>It is on its way</p>",
        "textContent": "It is on its way",
        "headers": { "idempotencyKey": "da2c39e5-97fd-422d-af6f-a0653b5c2c02", "X-Mailin-custom": format!("{ID}|{MARK}") },
        "tags": ["parcel_shipped"],
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

#[test]
fn brevos_key_is_a_uuid_and_stays_one_notifications() {
    let key = |id: &str| idempotency_key(&NotificationId(id.to_owned()));
    assert_eq!(key(ID), key(ID));
    assert_ne!(key(ID), key("ntf_00112233445566778899aabbccddeefe"));
    for id in [ID, "", "anything"] {
        let key = key(id);
        let groups: Vec<usize> = key.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{key}");
        assert!(key.as_bytes()[14] == b'4' && b"89ab".contains(&key.as_bytes()[19]), "{key}");
    }
}

#[tokio::test]
async fn brevo_sms() {
    let (first, headers, body) = sent("brevo_sms", json!({}), None).await;
    assert_eq!(first, "POST /v3/transactionalSMS/send HTTP/1.1");
    assert_eq!(header(&headers, "api-key"), "k3y");
    let expected = json!({
        "recipient": "33612345678",
        "sender": "Shop",
        "content": "Your parcel is on its way",
        "type": "transactional",
        "tag": "parcel_shipped",
        "unicodeEnabled": false,
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    for (text, is_unicode) in [("à bientôt", true), ("déjà là, €5 {x}", false), ("📦", true), ("l’été", true)]
    {
        let sms = Sms { from: "Shop".into(), to: "+33612345678".into(), text: text.into() };
        let (_, _, body) = sent("brevo_sms", json!({}), Some(Content::Sms(sms))).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["unicodeEnabled"], json!(is_unicode), "{text}");
    }
}

#[tokio::test]
async fn twilio() {
    let (first, headers, body) = sent("twilio", json!({}), None).await;
    assert_eq!(first, format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1"));
    // AC0123456789abcdef0123456789abcdef:k3y
    let basic = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjprM3k=";
    assert_eq!(header(&headers, "authorization"), basic);
    assert_eq!(header(&headers, "content-type"), "application/x-www-form-urlencoded");
    assert_eq!(body, "To=%2B33612345678&From=Shop&Body=Your+parcel+is+on+its+way");

    let more = json!({
        "messaging_service_sid": "MG0123456789abcdef0123456789abcdef",
        "receipts": { "url": "https://reassure.example/receipts/twilio?shop=fr" },
    });
    let (_, _, body) = sent("twilio", more, None).await;
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let expected = [
        ("To", "+33612345678"),
        ("MessagingServiceSid", "MG0123456789abcdef0123456789abcdef"),
        ("Body", "Your parcel is on its way"),
        (
            "StatusCallback",
            &format!("https://reassure.example/receipts/twilio?shop=fr&notification={ID}&journey={MARK}"),
        ),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
