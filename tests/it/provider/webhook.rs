//! Signatures interoperate (promise 18).

use reassure::domain::notification::{Content, Outcome, Webhook};
use reassure::provider::webhook::{Key, signatures};
use serde_json::json;

use super::raw::{Act, Raw, http};
use super::{ID, SecretFile, WEBHOOK_SECRET, made, now, send, send_content};

/// The vectors that the scheme's own libraries and Svix publish.
const VECTORS: [(&str, &str, i64, &str, &str); 2] = [
    (
        "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ),
    (
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
];

#[test]
fn the_published_vectors_hold() {
    for (secret, id, seconds, body, signature) in VECTORS {
        assert_eq!(Key::parse(secret).unwrap().sign(id, seconds, body.as_bytes()), signature);
        let prefixed = Key::parse(&format!("whsec_{secret}")).unwrap();
        assert_eq!(prefixed.sign(id, seconds, body.as_bytes()), signature);
    }
}

#[test]
fn whatever_is_changed_changes_the_signature() {
    let (secret, id, seconds, body, signature) = VECTORS[0];
    let key = Key::parse(secret).unwrap();
    assert_ne!(key.sign("msg_other", seconds, body.as_bytes()), signature);
    assert_ne!(key.sign(id, seconds + 1, body.as_bytes()), signature);
    assert_ne!(key.sign(id, seconds, body.replace("test", "tost").as_bytes()), signature);
    assert_ne!(Key::parse(VECTORS[1].0).unwrap().sign(id, seconds, body.as_bytes()), signature);
}

#[test]
fn while_a_secret_is_changed_both_sign() {
    let keys = [Key::parse(VECTORS[0].0).unwrap(), Key::parse(VECTORS[1].0).unwrap()];
    let (_, id, seconds, body, signature) = VECTORS[0];
    let both = signatures(&keys, id, seconds, body.as_bytes());
    let other = keys[1].sign(id, seconds, body.as_bytes());
    assert_eq!(both, format!("{signature} {other}"));
}

#[test]
fn a_secret_that_the_scheme_does_not_know_is_refused() {
    for (secret, why) in [
        ("whsec_not base64!", "base64"),
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o", "base64"),
        ("whsec_AAAA", "3 bytes"),
        ("", "0 bytes"),
    ] {
        let error = Key::parse(secret).err().unwrap();
        assert!(error.contains(why), "{error}");
        assert!(secret.is_empty() || !error.contains(secret.trim_start_matches("whsec_")), "{error}");
    }
}

#[tokio::test]
async fn on_the_wire_the_attempt_is_signed_by_every_secret() {
    let server = Raw::start(Act::Answer(http(200, &[], ""))).await;
    let (old, new) = (SecretFile::holding(WEBHOOK_SECRET), SecretFile::holding(VECTORS[1].0));
    let provider = made("webhook", &server.url(), json!({ "secrets": [old.source(), new.source()] }));
    assert_eq!(send(&*provider).await.outcome, Outcome::Accepted);

    let request = &server.requests()[0];
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| *key == name).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let seconds = now().0.timestamp();
    assert!(head.starts_with("POST /webhooks/shop HTTP/1.1\r\n"), "{head}");
    assert_eq!(header("webhook-id"), [ID]);
    assert_eq!(header("webhook-timestamp"), [seconds.to_string()]);
    let expected =
        [WEBHOOK_SECRET, VECTORS[1].0].map(|secret| Key::parse(secret).unwrap().sign(ID, seconds, body.as_bytes()));
    assert_eq!(header("webhook-signature"), [expected.join(" ")]);
    assert_eq!(header("content-type"), ["application/json"]);
    assert_eq!(body, r#"{"test": 2432232314}"#, "the bytes that were signed");
}

#[tokio::test]
async fn a_payload_that_receivers_need_not_take_is_not_sent() {
    let server = Raw::start(Act::Answer(http(200, &[], ""))).await;
    let provider = made("webhook", &server.url(), json!({}));
    let of_length = |length: usize| Content::Webhook(Webhook { body: format!("\"{}\"", "x".repeat(length - 2)) });
    let answer = send_content(&*provider, &of_length(20_000)).await;
    assert_eq!((answer.outcome, answer.detail.as_deref()), (Outcome::PermanentFailure, Some("payload_too_long")));
    assert!(server.requests().is_empty());
    assert_eq!(send_content(&*provider, &of_length(19_999)).await.outcome, Outcome::Accepted);
}
