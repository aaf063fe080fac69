//! Resend, for e-mail: `POST /emails`, a bearer key, 200 with an `id`.
//!
//! The key of idempotency goes into the header `Idempotency-Key` and is honoured for 24 hours
//! (resend.com/docs/dashboard/emails/idempotency-keys). Errors are `{statusCode, name, message}`;
//! their names are those of resend.com/docs/api-reference/errors.
//!
//! Receipts are signed by the scheme of Standard Webhooks, in headers of Svix
//! (resend.com/docs/dashboard/webhooks/verify-webhooks-requests).

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::answer;
use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use super::receipt::{self, Gathered};
use super::webhook::{self, Key};
use crate::domain::notification::{Content, Email};
use crate::domain::order::Channel;
use crate::domain::receipt::Receipt;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, Callback, Heard, OnUnknown, Outgoing, Receipts, Unheard};
use crate::secret::SecretSource;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default = "default_url")]
    pub url: String,
    pub api_key: SecretSource,
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: usize,
    #[serde(default)]
    pub on_unknown: Option<OnUnknown>,
    /// With it, a webhook of Resend's can be pointed to `/receipts/<provider>`.
    #[serde(default)]
    pub receipts: Option<ReceiptSettings>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSettings {
    /// The webhook's signing secret, `whsec_…`; two of them while one is changed for another.
    pub secrets: Vec<SecretSource>,
}

fn default_url() -> String {
    "https://api.resend.com".to_owned()
}

pub(super) struct Resend {
    url: Url,
    authorization: HeaderValue,
    receipts: Option<SignedEvents>,
}

/// Receipts, signed with any of these.
struct SignedEvents(Vec<Key>);

impl Resend {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "/emails");
        let authorization = check.secret_header("api_key", "Bearer ", &settings.api_key);
        let receipts = settings.receipts.as_ref();
        let receipts = receipts.map(|own| SignedEvents(webhook::keys("receipts.secrets", &own.secrets, check)));
        Some(Self { url: url?, authorization: authorization?, receipts })
    }
}

impl Contract for Resend {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let Content::Email(email) = outgoing.content else { return Err(answer::never_sent("wrong_channel")) };
        Ok(exchange
            .post(&self.url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header("idempotency-key", outgoing.id.0.as_str())
            .json(&body(email, outgoing)))
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
        let [id, seconds, given] = ["svix-id", "svix-timestamp", "svix-signature"].map(|name| callback.header(name));
        let seconds = seconds.parse().map_err(|_| Unheard::Unsigned)?;
        let signs = |key: &Key| {
            let signature = key.sign(id, seconds, callback.body);
            given.split(' ').any(|given| receipt::is_same(given.as_bytes(), signature.as_bytes()))
        };
        if !self.0.iter().any(signs) {
            return Err(Unheard::Unsigned);
        }
        let mut gathered = Gathered::new(Channel::Email, now);
        for event in receipt::events(callback.body)? {
            let at = receipt::text(&event, "/created_at").parse().ok().map(Timestamp);
            gathered.add(meaning(&event), tagged(&event, "notification"), tagged(&event, "journey"), at);
        }
        Ok(gathered.done())
    }
}

/// What an event says of a message (resend.com/docs/dashboard/webhooks/event-types).
fn meaning(event: &Value) -> Option<Receipt> {
    match receipt::text(event, "/type") {
        "email.delivered" => Some(Receipt::Delivered),
        "email.bounced" if receipt::text(event, "/data/bounce/type") == "Transient" => Some(Receipt::Failed),
        "email.bounced" => Some(Receipt::Bounced),
        "email.failed" | "email.suppressed" => Some(Receipt::Failed),
        "email.complained" => Some(Receipt::Complained),
        _ => None,
    }
}

/// A tag of the message. The reference has a list of names and values, the examples an object.
fn tagged<'a>(event: &'a Value, name: &str) -> &'a str {
    let value = match event.pointer("/data/tags") {
        Some(Value::Array(tags)) => tags.iter().find(|tag| tag["name"] == name).map(|tag| &tag["value"]),
        Some(tags) => tags.get(name),
        None => None,
    };
    value.and_then(Value::as_str).unwrap_or_default()
}

/// The same bytes at every attempt: under one key, Resend refuses a body that has changed.
fn body(email: &Email, outgoing: &Outgoing<'_>) -> serde_json::Value {
    let mut body = json!({
        "from": mailbox(&email.from_name, &email.from),
        "to": [mailbox(email.to_name.as_deref().unwrap_or_default(), &email.to)],
        "subject": email.subject,
        "tags": [
            { "name": "message", "value": tag(outgoing.message) },
            { "name": "notification", "value": tag(&outgoing.id.0) },
        ],
    });
    if let (Some(tags), Some(mark)) = (body["tags"].as_array_mut(), receipt::mark(outgoing)) {
        tags.push(json!({ "name": "journey", "value": mark }));
    }
    for (field, value) in [("html", &email.html), ("text", &email.text)] {
        if !value.is_empty() {
            body[field] = json!(value);
        }
    }
    if let Some(reply_to) = &email.reply_to {
        body["reply_to"] = json!(reply_to);
    }
    body
}

/// `Name <address>`, the name quoted where RFC 5322 wants it to be. What could begin a new
/// header or a second mailbox does not survive.
fn mailbox(name: &str, address: &str) -> String {
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    let name = name.trim();
    if name.is_empty() {
        return address.to_owned();
    }
    if name.chars().all(|character| character.is_alphanumeric() || " '-_!&+".contains(character)) {
        return format!("{name} <{address}>");
    }
    format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Tags are ASCII letters, figures, `_` and `-`, at most 256 of them.
fn tag(text: &str) -> String {
    text.chars()
        .take(256)
        .map(|character| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' })
        .collect()
}

/// What Resend's reply means.
pub fn classify(reply: &Reply, now: Timestamp) -> Answer {
    let body = reply.json();
    if answer::is_success(reply) {
        return match body.as_ref().and_then(|body| answer::provider_id(body.get("id")?)) {
            Some(id) => answer::accepted(reply, Some(id)),
            None => answer::unclear(reply, "answer_without_id"),
        };
    }
    let code = body.as_ref().and_then(|body| answer::word_code(body.get("name")?));
    match (reply.status, code.as_deref()) {
        // the first request under this key is still being worked on
        (409, Some("concurrent_idempotent_requests")) => answer::temporary(reply, code, now),
        // Something else was sent under this key. It was not this message, and trying again
        // cannot change that: a person has to look.
        (409, Some("invalid_idempotent_request")) => answer::permanent(reply, code),
        (429, _) => {
            let mut answer = answer::resting(reply, code, now);
            if answer.retry_after.is_none() {
                answer.retry_after = reply.header("ratelimit-reset").and_then(answer::seconds);
            }
            answer
        }
        _ => answer::by_status(reply, code, now),
    }
}
