//! SendGrid v3, for e-mail: `POST /v3/mail/send`, a bearer key, 202 with the id in the header
//! `X-Message-Id` and an empty body. It knows no key of idempotency; the notification's id goes
//! along as a custom argument and comes back with every receipt.
//!
//! Errors are `{errors: [{field, message}]}` without codes
//! (twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors). 403 stands for
//! a block of the account there, and 401 also for used-up credits; 429 tells its end as a moment
//! in `X-RateLimit-Reset` (the same site, `…/rate-limits`).
//!
//! Receipts are signed with ECDSA on P-256 over the timestamp's header and the raw body (the same site,
//! `/for-developers/tracking-events/getting-started-event-webhook-security-features`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::answer;
use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use super::receipt::{self, Gathered};
use crate::domain::notification::{Content, Email};
use crate::domain::order::Channel;
use crate::domain::receipt::Receipt;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, Callback, Heard, OnUnknown, Outgoing, Receipts, Unheard};
use crate::secret::SecretSource;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `https://api.eu.sendgrid.com` for accounts whose data stay in the EU.
    #[serde(default = "default_url")]
    pub url: String,
    pub api_key: SecretSource,
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: usize,
    #[serde(default)]
    pub on_unknown: Option<OnUnknown>,
    /// With it, SendGrid's Event Webhook can be pointed to `/receipts/<provider>`.
    #[serde(default)]
    pub receipts: Option<ReceiptSettings>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSettings {
    /// The verification key of the Signed Event Webhook; no secret.
    pub public_key: String,
}

fn default_url() -> String {
    "https://api.sendgrid.com".to_owned()
}

pub(super) struct Sendgrid {
    url: Url,
    authorization: HeaderValue,
    receipts: Option<SignedEvents>,
}

/// Receipts, signed.
struct SignedEvents(UnparsedPublicKey<Vec<u8>>);

/// How every public key of the curve P-256 begins in DER; its point follows, uncompressed.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl SignedEvents {
    fn new(settings: &ReceiptSettings, check: &mut Check) -> Option<Self> {
        let lines = settings.public_key.lines().filter(|line| !line.starts_with("-----"));
        let key = STANDARD.decode(lines.map(str::trim).collect::<String>()).unwrap_or_default();
        match key.strip_prefix(&P256) {
            Some(point) if point.len() == 65 => {
                Some(Self(UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point.to_vec())))
            }
            _ => {
                let right = "copy the verification key from Mail Settings, Event Webhook";
                check.fault_with("`receipts.public_key` is no public key of the curve P-256 in base64", right);
                None
            }
        }
    }
}

impl Sendgrid {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "/v3/mail/send");
        let authorization = check.secret_header("api_key", "Bearer ", &settings.api_key);
        let receipts = settings.receipts.as_ref().and_then(|receipts| SignedEvents::new(receipts, check));
        Some(Self { url: url?, authorization: authorization?, receipts })
    }
}

impl Contract for Sendgrid {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let Content::Email(email) = outgoing.content else { return Err(answer::never_sent("wrong_channel")) };
        Ok(exchange.post(&self.url).header(AUTHORIZATION, self.authorization.clone()).json(&body(email, outgoing)))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.receipts.as_ref().map(|receipts| receipts as &dyn Receipts)
    }
}

impl Receipts for SignedEvents {
    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<Heard, Unheard> {
        let signature = STANDARD.decode(callback.header("x-twilio-email-event-webhook-signature"));
        let signed = [callback.header("x-twilio-email-event-webhook-timestamp").as_bytes(), callback.body].concat();
        let holds = signature.is_ok_and(|signature| self.0.verify(&signed, &signature).is_ok());
        if !holds {
            return Err(Unheard::Unsigned);
        }
        let mut gathered = Gathered::new(Channel::Email, now);
        for event in receipt::events(callback.body)? {
            let text = |pointer| receipt::text(&event, pointer);
            gathered.add(
                meaning(&event),
                text("/notification"),
                text("/journey"),
                receipt::seconds(&event, "/timestamp"),
            );
        }
        Ok(gathered.done())
    }
}

/// What an event says of a message (…/tracking-events/event).
fn meaning(event: &Value) -> Option<Receipt> {
    match (receipt::text(event, "/event"), receipt::text(event, "/type"), receipt::text(event, "/reason")) {
        ("delivered", ..) => Some(Receipt::Delivered),
        // `blocked` says that this message was not wanted now, not that nobody lives there
        ("bounce", "blocked", _) => Some(Receipt::Failed),
        ("bounce", ..) | ("dropped", _, "Bounced Address" | "Invalid") => Some(Receipt::Bounced),
        ("dropped", ..) => Some(Receipt::Failed),
        ("spamreport", ..) => Some(Receipt::Complained),
        _ => None,
    }
}

fn body(email: &Email, outgoing: &Outgoing<'_>) -> Value {
    // the plain part must come first, and an empty part is refused
    let content: Vec<Value> = [("text/plain", &email.text), ("text/html", &email.html)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(kind, value)| json!({ "type": kind, "value": value }))
        .collect();
    let mut body = json!({
        "personalizations": [{ "to": [mailbox(email.to_name.as_deref().unwrap_or_default(), &email.to)] }],
        "from": mailbox(&email.from_name, &email.from),
        "subject": email.subject,
        "content": content,
        "categories": [outgoing.message],
        // they come back with every receipt
        "custom_args": { "notification": outgoing.id, "shop": outgoing.shop, "journey": receipt::mark(outgoing).unwrap_or_default() },
        // service mail: no open pixel, and links that lead where they say
        "tracking_settings": {
            "click_tracking": { "enable": false, "enable_text": false },
            "open_tracking": { "enable": false },
        },
    });
    if let Some(reply_to) = &email.reply_to {
        body["reply_to"] = json!({ "email": reply_to });
    }
    body
}

fn mailbox(name: &str, address: &str) -> Value {
    if name.is_empty() { json!({ "email": address }) } else { json!({ "email": address, "name": name }) }
}

/// What SendGrid's reply means.
pub fn classify(reply: &Reply, now: Timestamp) -> Answer {
    // the status alone says it; the body is empty, so nothing in it can be wrong
    if reply.status == 202 {
        let id = reply.header("x-message-id").and_then(|id| answer::provider_id(&json!(id)));
        return answer::accepted(reply, id);
    }
    // 200 is what the sandbox mode says, which sends nothing, and what strangers say
    if answer::is_success(reply) {
        return answer::unclear(reply, "status_unexpected");
    }
    // the field that is wrong is a path in our own request, the message beside it is not copied
    let field = reply.json().as_ref().and_then(|body| answer::word_code(body.pointer("/errors/0/field")?));
    if reply.status != 429 {
        return answer::by_status(reply, field, now);
    }
    let mut answer = answer::resting(reply, field, now);
    if answer.retry_after.is_none() {
        answer.retry_after = reply
            .header("x-ratelimit-reset")
            .and_then(|moment| moment.trim().parse::<i64>().ok())
            .map(|moment| answer::until(Timestamp::from_millis(moment.saturating_mul(1000)), now));
    }
    answer
}
