//! Receipts are authenticated by each provider's own scheme (promise 18), and read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reassure::domain::decision::NotificationId;
use reassure::domain::order::Channel;
use reassure::domain::receipt::{Receipt, Received};
use reassure::domain::time::Timestamp;
use reassure::ports::{Callback, Heard, Notice, Outgoing, Provider, Unheard};
use reassure::provider::receipt::mark;
use reassure::provider::webhook::Key;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use super::raw::{Act, Raw, http};
use super::{ID, SecretFile, WEBHOOK_SECRET, content, made, now, send};

/// The mark of the journey that every message of these tests is of.
fn own_mark() -> String {
    let id = NotificationId(ID.to_owned());
    let content = content(Channel::Sms);
    let (shop, order_id) = ("shop-fr", "20418");
    let outgoing = Outgoing { id: &id, message: "m", shop, order_id, content: &content, traceparent: None, now: now() };
    mark(&outgoing).expect("short enough")
}

fn read(provider: &dyn Provider, query: &str, headers: &[(&str, String)], body: &str) -> Result<Heard, Unheard> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let callback = Callback { query, headers: &headers, body: body.as_bytes() };
    provider.receipts().expect("its receipts are set up").read(&callback, now())
}

#[track_caller]
fn heard(found: Result<Heard, Unheard>, channel: Channel, receipts: &[Receipt], others: usize) {
    let heard = found.expect("it is signed");
    let told: Vec<_> = heard.notices.iter().map(|notice| notice.received.receipt).collect();
    assert_eq!((told.as_slice(), heard.others), (receipts, others));
    for Notice { key, received } in &heard.notices {
        assert_eq!((&*key.shop, &*key.order_id), ("shop-fr", "20418"));
        assert_eq!((&*received.notification.0, received.channel), (ID, channel));
        assert!(received.at <= now(), "nothing was heard in the future");
    }
}

/// Nothing is listened to without each of `headers`, with another in its place, or with another body.
#[track_caller]
fn is_guarded(provider: &dyn Provider, query: &str, headers: &[(&str, String)], body: &str) {
    assert!(read(provider, query, headers, body).is_ok());
    let tampered = body.replacen("delivered", "complained", 1);
    assert_eq!(read(provider, query, headers, &tampered), Err(Unheard::Unsigned), "with another body");
    for at in 0..headers.len() {
        let mut fewer = headers.to_vec();
        fewer.remove(at);
        assert_eq!(read(provider, query, &fewer, body), Err(Unheard::Unsigned), "without {}", headers[at].0);
        let mut other = headers.to_vec();
        other[at].1 = other[at].1.replace(['1', 'A', 'k'], "2");
        assert_ne!(other, headers);
        assert_eq!(read(provider, query, &other, body), Err(Unheard::Unsigned), "with another {}", headers[at].0);
    }
}

const PUBLISHED_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";

/// The vector that SendGrid's own libraries are tested with.
#[test]
fn sendgrids_published_vector_holds() {
    let sendgrid = made("sendgrid", "https://api.sendgrid.com", json!({ "receipts": { "public_key": PUBLISHED_KEY } }));
    let body = concat!(
        r#"[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","#,
        r#""sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","#,
        r#""sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","#,
        r#""smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]"#,
        "\r\n"
    );
    let signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
    let headers = [
        ("x-twilio-email-event-webhook-signature", signature.to_owned()),
        ("x-twilio-email-event-webhook-timestamp", "1600112502".to_owned()),
    ];
    assert_eq!(read(&*sendgrid, "", &headers, body), Ok(Heard { notices: Vec::new(), others: 1 }));
    assert_eq!(read(&*sendgrid, "", &headers, &body.replace("dropped", "droppes")), Err(Unheard::Unsigned));
}

#[test]
fn sendgrid() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).expect("a key");
    let prefix = &STANDARD.decode(PUBLISHED_KEY).expect("base64")[..26];
    let public = STANDARD.encode([prefix, pair.public_key().as_ref()].concat());
    let sendgrid = made("sendgrid", "https://api.sendgrid.com", json!({ "receipts": { "public_key": public } }));
    let event = |more: Value| {
        let mut event = json!({
            "email": "buyer@example.com", "notification": ID, "journey": own_mark(), "timestamp": 1_793_000_000,
        });
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        event
    };
    let body = json!([
        event(json!({ "event": "processed" })),
        event(json!({ "event": "delivered" })),
        event(json!({ "event": "bounce", "type": "bounce", "reason": "550 buyer@example.com" })),
        event(json!({ "event": "bounce", "type": "blocked" })),
        event(json!({ "event": "dropped", "reason": "Bounced Address" })),
        event(json!({ "event": "dropped", "reason": "Spam Reporting Address" })),
        event(json!({ "event": "spamreport" })),
        event(json!({ "event": "open" })),
        event(json!({ "event": "delivered", "journey": "of somebody else's" })),
    ])
    .to_string();
    let signed = |body: &str| {
        let signature = pair.sign(&random, format!("1793000010{body}").as_bytes()).expect("a signature");
        [
            ("x-twilio-email-event-webhook-signature", STANDARD.encode(signature)),
            ("x-twilio-email-event-webhook-timestamp", "1793000010".to_owned()),
        ]
    };
    let headers = signed(&body);
    use Receipt::{Bounced, Complained, Delivered, Failed};
    heard(
        read(&*sendgrid, "", &headers, &body),
        Channel::Email,
        &[Delivered, Bounced, Failed, Bounced, Failed, Complained],
        3,
    );
    is_guarded(&*sendgrid, "", &headers, &body);
    assert_eq!(read(&*sendgrid, "", &signed("no JSON"), "no JSON"), Err(Unheard::Unreadable));
    // eight hours late, as some come: it is true all the same
    let late = json!([event(json!({ "event": "delivered", "timestamp": 1_761_000_000 }))]).to_string();
    heard(read(&*sendgrid, "", &signed(&late), &late), Channel::Email, &[Delivered], 0);
}

#[test]
fn resend_while_its_secret_is_changed_for_another() {
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let secrets = [WEBHOOK_SECRET, other].map(SecretFile::holding);
    let sources: Vec<Value> = secrets.iter().map(SecretFile::source).collect();
    let resend = made("resend", "https://api.resend.com", json!({ "receipts": { "secrets": sources } }));
    let event = |name: &str, bounce: Option<&str>| {
        json!({
            "type": name,
            "created_at": "2026-11-02T09:59:00.000Z",
            "data": {
                "email_id": "e-1", "to": ["buyer@example.com"], "bounce": { "type": bounce },
                "tags": { "message": "m", "notification": ID, "journey": own_mark() },
            },
        })
        .to_string()
    };
    let signed = |body: &str, secret: &str| {
        let signature = Key::parse(secret).expect("a key").sign("msg_1", 1_793_000_000, body.as_bytes());
        [
            ("svix-id", "msg_1".to_owned()),
            ("svix-timestamp", "1793000000".to_owned()),
            ("svix-signature", format!("v1,AAAA {signature}")),
        ]
    };
    for (name, bounce, receipts, others) in [
        ("email.delivered", None, vec![Receipt::Delivered], 0),
        ("email.bounced", Some("Permanent"), vec![Receipt::Bounced], 0),
        ("email.bounced", None, vec![Receipt::Bounced], 0),
        ("email.bounced", Some("Transient"), vec![Receipt::Failed], 0),
        ("email.failed", None, vec![Receipt::Failed], 0),
        ("email.complained", None, vec![Receipt::Complained], 0),
        ("email.opened", None, vec![], 1),
        ("email.sent", None, vec![], 1),
    ] {
        let body = event(name, bounce);
        for secret in [WEBHOOK_SECRET, other] {
            heard(read(&*resend, "", &signed(&body, secret), &body), Channel::Email, &receipts, others);
        }
    }
    let body = event("email.delivered", None);
    is_guarded(&*resend, "", &signed(&body, other), &body);
    let strangers = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(read(&*resend, "", &signed(&body, strangers), &body), Err(Unheard::Unsigned));
    // as the reference writes tags, beside the examples
    let listed = body.replace(
        &json!({ "journey": own_mark(), "message": "m", "notification": ID }).to_string(),
        &json!([{ "name": "notification", "value": ID }, { "name": "journey", "value": own_mark() }]).to_string(),
    );
    assert_ne!(listed, body);
    heard(read(&*resend, "", &signed(&listed, other), &listed), Channel::Email, &[Receipt::Delivered], 0);
}

#[test]
fn brevo_email() {
    let token = SecretFile::holding("a-token");
    let brevo = made("brevo_email", "https://api.brevo.com", json!({ "receipts": { "token": token.source() } }));
    let bearer = [("authorization", "Bearer a-token".to_owned())];
    for (name, receipts, others) in [
        ("delivered", vec![Receipt::Delivered], 0),
        ("hard_bounce", vec![Receipt::Bounced], 0),
        ("invalid_email", vec![Receipt::Bounced], 0),
        ("soft_bounce", vec![Receipt::Failed], 0),
        ("blocked", vec![Receipt::Failed], 0),
        ("spam", vec![Receipt::Complained], 0),
        ("request", vec![], 1),
        ("unique_opened", vec![], 1),
    ] {
        let custom = format!("{ID}|{}", own_mark());
        let body = json!({ "event": name, "email": "buyer@example.com", "ts_event": 1_793_000_000, "X-Mailin-custom": custom });
        heard(read(&*brevo, "", &bearer, &body.to_string()), Channel::Email, &receipts, others);
        heard(read(&*brevo, "", &bearer, &json!([body]).to_string()), Channel::Email, &receipts, others);
    }
    for wrong in ["Bearer a-tokem", "Bearer ", "a-token", ""] {
        let headers = [("authorization", wrong.to_owned())];
        assert_eq!(read(&*brevo, "", &headers, "{}"), Err(Unheard::Unsigned), "{wrong}");
    }
}

#[test]
fn twilios_published_vector_holds() {
    let token = SecretFile::holding("12345");
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let twilio =
        made("twilio", "https://api.twilio.com", json!({ "receipts": { "url": url, "auth_token": token.source() } }));
    let form = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309";
    let headers = [("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=".to_owned())];
    assert_eq!(read(&*twilio, "foo=1&bar=2", &headers, form), Ok(Heard { notices: Vec::new(), others: 1 }));
    assert_eq!(read(&*twilio, "foo=1&bar=3", &headers, form), Err(Unheard::Unsigned));
    assert_eq!(read(&*twilio, "foo=1&bar=2", &headers, &form.replace("1234&", "1235&")), Err(Unheard::Unsigned));
    assert_eq!(read(&*twilio, "foo=1&bar=2", &[], form), Err(Unheard::Unsigned));
}

#[test]
fn twilio() {
    let url = "https://reassure.example/receipts/text";
    let twilio = made("twilio", "https://api.twilio.com", json!({ "receipts": { "url": url } }));
    let query = format!("notification={ID}&journey={}", own_mark());
    for (status, error, receipts, others) in [
        ("delivered", "", vec![Receipt::Delivered], 0),
        ("undelivered", "30003", vec![Receipt::Failed], 0),
        ("undelivered", "30005", vec![Receipt::Bounced], 0),
        ("failed", "30006", vec![Receipt::Bounced], 0),
        ("failed", "", vec![Receipt::Failed], 0),
        ("sent", "", vec![], 1),
    ] {
        let form = format!("MessageStatus={status}&ErrorCode={error}&MessageSid=SM1");
        // by the account's token, over the fields in the order of their names
        let signed = format!("{url}?{query}ErrorCode{error}MessageSidSM1MessageStatus{status}");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"k3y");
        let headers = [("x-twilio-signature", STANDARD.encode(ring::hmac::sign(&key, signed.as_bytes())))];
        heard(read(&*twilio, &query, &headers, &form), Channel::Sms, &receipts, others);
        assert_eq!(read(&*twilio, &format!("{query}0"), &headers, &form), Err(Unheard::Unsigned));
    }
}

#[tokio::test]
async fn brevo_sms_is_told_an_address_that_only_we_can_have_given() {
    let secret = SecretFile::holding("nobody guesses this");
    let receipts =
        json!({ "receipts": { "url": "https://reassure.example/receipts/text", "secret": secret.source() } });
    let server = Raw::start(Act::Answer(http(201, &[], r#"{"messageId":1}"#))).await;
    let brevo = made("brevo_sms", &server.url(), receipts);
    send(&*brevo).await;
    let request = server.requests().remove(0);
    let sent: Value = serde_json::from_str(request.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    let query = sent["webUrl"].as_str().and_then(|url| url.split_once('?')).expect("a query").1.to_owned();
    for (status, receipts, others) in [
        ("delivered", vec![Receipt::Delivered], 0),
        ("hard_bounce", vec![Receipt::Bounced], 0),
        ("softBounce", vec![Receipt::Failed], 0),
        ("rejected", vec![Receipt::Failed], 0),
        ("sent", vec![], 1),
    ] {
        let body = json!({ "msg_status": status, "to": "33612345678", "ts_event": 1_793_000_000 }).to_string();
        heard(read(&*brevo, &query, &[], &body), Channel::Sms, &receipts, others);
    }
    let body = json!({ "msg_status": "delivered" }).to_string();
    for wrong in [query.replace(ID, "ntf_of_another"), query.replace("signature=", "signature=A"), String::new()] {
        assert_eq!(read(&*brevo, &wrong, &[], &body), Err(Unheard::Unsigned), "{wrong}");
    }
}

#[test]
fn a_receipt_of_the_future_is_of_now() {
    let token = SecretFile::holding("a-token");
    let brevo = made("brevo_email", "https://api.brevo.com", json!({ "receipts": { "token": token.source() } }));
    let body = json!({ "event": "delivered", "ts_event": 4_000_000_000_i64, "X-Mailin-custom": format!("{ID}|{}", own_mark()) });
    let bearer = [("authorization", "Bearer a-token".to_owned())];
    let heard = read(&*brevo, "", &bearer, &body.to_string()).expect("it is signed");
    let at: Vec<Timestamp> = heard.notices.into_iter().map(|Notice { received: Received { at, .. }, .. }| at).collect();
    assert_eq!(at, [now()]);
}

#[test]
fn without_what_verifies_them_none_are_taken_in() {
    for kind in ["sendgrid", "resend", "brevo_email", "brevo_sms", "twilio", "webhook", "generic"] {
        assert!(made(kind, "https://api.example", json!({})).receipts().is_none(), "{kind}");
    }
}
