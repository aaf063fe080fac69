//! The stand-ins hold to the contracts, misbehave on request, and write down what came.

use std::sync::Arc;
use std::time::Duration;

use reassure::domain::notification::Outcome::{self, Accepted, PermanentFailure, TemporaryFailure, Unknown};
use reassure::domain::notification::{Content, Sms, Webhook};
use reassure::sandbox::{Behaviour, Options, Sandbox, Vendor};
use serde_json::{Value, json};

use super::{ID, WEBHOOK_SECRET, content, made, now, send, send_content};

const KINDS: [(&str, Vendor); 7] = [
    ("sendgrid", Vendor::Sendgrid),
    ("brevo_email", Vendor::BrevoEmail),
    ("resend", Vendor::Resend),
    ("twilio", Vendor::Twilio),
    ("brevo_sms", Vendor::BrevoSms),
    ("webhook", Vendor::Webhook),
    ("generic", Vendor::Generic),
];

fn strict() -> Options {
    Options { token: Some("k3y".to_owned()), webhook_secrets: vec![WEBHOOK_SECRET.to_owned()], ..Options::default() }
}

async fn always(behaviour: Behaviour) -> Sandbox {
    Sandbox::start(Options { plan: Arc::new(move |_| behaviour), ..strict() }).await.unwrap()
}

#[tokio::test]
async fn every_vendor_takes_what_we_send_and_it_is_written_down_as_it_came() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { directory: Some(directory.path().join("sent")), virtual_time: Arc::new(now), ..strict() };
    let sandbox = Sandbox::start(options).await.unwrap();
    for (kind, _) in KINDS {
        let provider = made(kind, sandbox.url(), json!({}));
        let answer = send(&*provider).await;
        assert_eq!(answer.outcome, Accepted, "{kind}: {answer:?}");
        assert_eq!(answer.provider_id.is_some(), kind != "webhook", "{kind}");
    }
    sandbox.received_at_least(7).await;
    let received = sandbox.received();
    for (at, (received, (_, vendor))) in received.iter().zip(KINDS).enumerate() {
        assert_eq!((received.vendor, received.key.as_str()), (vendor, ID));
        assert!(received.taken && !received.duplicate);
        let file = directory.path().join(format!("sent/{:06}.json", at + 1));
        let written: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(written["method"], "POST");
        assert_eq!(written["path"], received.path);
        assert_eq!(written["headers"]["x-notification-id"], ID);
        assert_eq!(written["body"], received.body);
        assert_eq!(written["virtual_time"], "2026-11-02T10:00:00Z");
        chrono::DateTime::parse_from_rfc3339(written["received_at"].as_str().unwrap()).unwrap();
    }
    assert_eq!(received[3].body, "To=%2B33612345678&From=Shop&Body=Your+parcel+is+on+its+way");
    assert_eq!(std::fs::read_dir(directory.path().join("sent")).unwrap().count(), 7, "nothing half written is left");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_wrong_credential_is_refused() {
    let options = Options {
        token: Some("another".to_owned()),
        webhook_secrets: vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()],
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    for (kind, _) in KINDS.iter().take(6) {
        let answer = send(&*made(kind, sandbox.url(), json!({}))).await;
        assert_eq!((answer.outcome, answer.status, answer.rest), (TemporaryFailure, Some(401), true), "{kind}");
    }
    assert!(sandbox.received().iter().all(|received| !received.taken));
}

async fn post(sandbox: &Sandbox, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    let mut request = reqwest::Client::new().post(format!("{}{path}", sandbox.url())).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

/// A path, headers, a body, and the status that they are answered with.
type Refusal<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[tokio::test]
async fn what_the_real_vendors_refuse_is_refused() {
    // the provider is made first: it chooses the process's cryptography
    let _ = made("resend", "http://localhost", json!({}));
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let bearer = ("authorization", "Bearer k");
    let key = ("api-key", "k");
    let twilio = "/2010-04-01/Accounts/AC1/Messages.json";
    let basic = ("authorization", "Basic QUMxOms="); // AC1:k
    let mail = r#"{"from":"a@b.example","to":["c@d.example"],"subject":"s","text":"t"}"#;
    let brevo = r#"{"sender":{"email":"a"},"to":[{"email":"b"}],"subject":"s","textContent":"t","headers":{"idempotencyKey":"no-uuid"}}"#;
    let signed = [("webhook-id", "m"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,x")];
    let unsigned = &signed[..2];
    let cases: [Refusal<'_>; 18] = [
        ("/nowhere", &[bearer], "{}", 404),
        ("/emails", &[], mail, 401),
        ("/emails", &[bearer], "not JSON", 400),
        ("/emails", &[bearer], r#"{"from":"a@b.example"}"#, 422),
        ("/emails", &[bearer, ("idempotency-key", "k")], mail, 200),
        ("/v3/mail/send", &[], "{}", 401),
        ("/v3/mail/send", &[bearer], "not JSON", 400),
        ("/v3/mail/send", &[bearer], r#"{"personalizations":[]}"#, 400),
        ("/v3/smtp/email", &[bearer], "{}", 401),
        ("/v3/smtp/email", &[key], r#"{"subject":"s"}"#, 400),
        ("/v3/smtp/email", &[key], brevo, 400),
        ("/v3/transactionalSMS/send", &[key], r#"{"sender":"Shop","recipient":"+336","content":"t"}"#, 400),
        (twilio, &[], "To=%2B33612345678&From=a&Body=b", 401),
        (twilio, &[basic], "To=12&From=a&Body=b", 400),
        (twilio, &[basic], "To=%2B33612345678&Body=b", 400),
        (twilio, &[basic], "To=%2B33612345678&From=a&Body=b", 201),
        ("/webhooks/shop", unsigned, "{}", 401),
        ("/webhooks/shop", &signed, "{}", 204),
    ];
    for (path, headers, body, status) in cases {
        assert_eq!(post(&sandbox, path, headers, body).await, status, "{path} {headers:?} {body}");
    }
}

#[tokio::test]
async fn a_key_is_honoured_where_the_vendor_honours_it() {
    let sandbox = Sandbox::start(strict()).await.unwrap();
    let expected = [
        // taken once: the same answer again, or the word for it
        ("resend", [true, false]),
        ("brevo_email", [true, false]),
        ("webhook", [true, false]),
        // taken twice: they know no key
        ("sendgrid", [true, true]),
        ("twilio", [true, true]),
        ("brevo_sms", [true, true]),
    ];
    for (kind, taken) in expected {
        let provider = made(kind, sandbox.url(), json!({}));
        let (first, second) = (send(&*provider).await, send(&*provider).await);
        assert_eq!((first.outcome, second.outcome), (Accepted, Accepted), "{kind}");
        let received = sandbox.received();
        let both = &received[received.len() - 2..];
        assert_eq!([both[0].taken, both[1].taken], taken, "{kind}");
        assert_eq!(both[1].duplicate, !taken[1], "{kind}");
        match kind {
            "resend" => assert_eq!(first.provider_id, second.provider_id),
            "brevo_email" => assert_eq!(second.detail.as_deref(), Some("duplicate_parameter")),
            "webhook" => {}
            _ => assert_ne!(first.provider_id, second.provider_id),
        }
    }
    let mut changed = content(reassure::domain::order::Channel::Email);
    let Content::Email(email) = &mut changed else { unreachable!() };
    email.subject.push('!');
    let answer = send_content(&*made("resend", sandbox.url(), json!({})), &changed).await;
    assert_eq!((answer.outcome, answer.detail.as_deref()), (PermanentFailure, Some("invalid_idempotent_request")));
}

#[tokio::test]
async fn it_misbehaves_on_request() {
    let by_contract = |kind: &str| if matches!(kind, "webhook") { Accepted } else { Unknown };
    for (kind, _) in KINDS {
        let cases: [(Behaviour, Outcome, Option<u16>, bool); 8] = [
            (Behaviour::TooManyRequests { retry_after: 9 }, TemporaryFailure, Some(429), false),
            (Behaviour::InternalError, TemporaryFailure, Some(500), false),
            (Behaviour::Unavailable, TemporaryFailure, Some(503), false),
            (Behaviour::Unauthorized, TemporaryFailure, Some(401), false),
            (Behaviour::Garbage, by_contract(kind), Some(200), kind == "webhook"),
            (Behaviour::ErrorInBody, by_contract(kind), Some(200), kind == "webhook"),
            (Behaviour::ResetTaken, Unknown, None, true),
            (Behaviour::ResetUnheard, Unknown, None, false),
        ];
        for (behaviour, outcome, status, taken) in cases {
            let sandbox = always(behaviour).await;
            let answer = send(&*made(kind, sandbox.url(), json!({}))).await;
            assert_eq!((answer.outcome, answer.status), (outcome, status), "{kind} {behaviour:?}: {answer:?}");
            let wait = matches!(behaviour, Behaviour::TooManyRequests { .. }).then_some(Duration::from_secs(9));
            assert_eq!(answer.retry_after, wait);
            let text = format!("{answer:?}");
            assert!(!text.contains("buyer") && !text.contains("336"), "{text}");
            let received = sandbox.received();
            assert_eq!(received.len(), usize::from(behaviour != Behaviour::ResetUnheard), "{kind} {behaviour:?}");
            assert_eq!(received.first().is_some_and(|received| received.taken), taken, "{kind} {behaviour:?}");
        }
    }
}

#[tokio::test]
async fn silence_ends_with_the_time_out_or_the_sandbox() {
    let sandbox = always(Behaviour::Hang).await;
    let provider = made("twilio", sandbox.url(), json!({ "timeout_seconds": 60 }));
    let attempt = tokio::spawn(async move { send(&*provider).await });
    sandbox.received_at_least(1).await;
    assert!(sandbox.received()[0].taken);
    sandbox.stop().await;
    let answer = attempt.await.unwrap();
    assert_eq!((answer.outcome, answer.detail.as_deref()), (Unknown, Some("connection_broken")));
}

/// The line breaks after the message was taken; the same key again brings it no second time.
#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key() {
    let plan = |call: &reassure::sandbox::Call<'_>| {
        if call.nth == 1 { Behaviour::ResetTaken } else { Behaviour::Answer }
    };
    for kind in ["resend", "brevo_email", "webhook"] {
        let sandbox = Sandbox::start(Options { plan: Arc::new(plan), ..strict() }).await.unwrap();
        let provider = made(kind, sandbox.url(), json!({}));
        assert_eq!(send(&*provider).await.outcome, Unknown, "{kind}");
        assert_eq!(send(&*provider).await.outcome, Accepted, "{kind}");
        let received = sandbox.received();
        let taken: Vec<(bool, bool)> = received.iter().map(|one| (one.taken, one.duplicate)).collect();
        assert_eq!(taken, [(true, false), (false, true)], "{kind}");
    }
}

#[tokio::test]
async fn memory_is_bounded_and_counts_go_on() {
    let sandbox = Sandbox::start(Options { keep: 3, ..strict() }).await.unwrap();
    let provider = made("twilio", sandbox.url(), json!({}));
    for nth in 0..5 {
        let sms = Content::Sms(Sms { from: "Shop".into(), to: "+33612345678".into(), text: format!("{nth}") });
        send_content(&*provider, &sms).await;
    }
    let last: Vec<String> = sandbox.received().into_iter().map(|one| one.body).collect();
    assert_eq!(sandbox.count(), 5);
    assert!(last.len() == 3 && last[2].ends_with("Body=4"), "{last:?}");
}

#[tokio::test]
async fn a_webhook_that_was_changed_on_its_way_is_refused() {
    let sandbox = Sandbox::start(strict()).await.unwrap();
    let provider = made("webhook", sandbox.url(), json!({}));
    let webhook = Content::Webhook(Webhook { body: r#"{"a":1}"#.into() });
    assert_eq!(send_content(&*provider, &webhook).await.outcome, Accepted);
    let sent = sandbox.received().remove(0);
    let header = |name: &str| sent.headers[name].clone();
    let (id, at, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let headers = [("webhook-id", &*id), ("webhook-timestamp", &*at), ("webhook-signature", &*signature)];
    assert_eq!(post(&sandbox, "/webhooks/shop", &headers, r#"{"a":1}"#).await, 204);
    assert_eq!(post(&sandbox, "/webhooks/shop", &headers, r#"{"a":2}"#).await, 401);
}
