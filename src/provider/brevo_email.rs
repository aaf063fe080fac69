//! Brevo, for e-mail: `POST /v3/smtp/email`, the key in the header `api-key`, 201 with a
//! `messageId`.
//!
//! The key of idempotency stands in the JSON, at `headers.idempotencyKey`, and must be a UUID
//! (developers.brevo.com/docs/heterogenous-versions-batch-emails). It is remembered for 30
//! minutes by that page and for 15 by the changelog of 2021: later repeats are sent again. A
//! repeat within that time is refused as `duplicate_parameter`, which says that the first was
//! taken. Errors are `{code, message}`.
//!
//! Receipts are not signed; a webhook of Brevo's shows the token that it was given
//! (developers.brevo.com/docs/secured-webhooks).

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::answer;
use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use super::receipt::{self, Gathered};
use crate::domain::decision::NotificationId;
use crate::domain::notification::{Content, Email};
use crate::domain::order::Channel;
use crate::domain::receipt::Receipt;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, Callback, Heard, OnUnknown, Outgoing, Receipts, Unheard};
use crate::secret::{Secret, SecretSource};

/// Names longer than this are refused (the reference of `POST /v3/smtp/email`).
const LONGEST_NAME: usize = 70;

/// Between the notification's id and the journey's mark; in neither.
const SEPARATOR: char = '|';

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
    /// With it, a transactional webhook of Brevo's can be pointed to `/receipts/<provider>`.
    #[serde(default)]
    pub receipts: Option<ReceiptSettings>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSettings {
    /// The bearer token that the webhook was given.
    pub token: SecretSource,
}

/// Brevo's host, for its SMS too.
pub(super) fn default_url() -> String {
    "https://api.brevo.com".to_owned()
}

pub(super) struct BrevoEmail {
    url: Url,
    api_key: HeaderValue,
    receipts: Option<BearerEvents>,
}

/// Receipts, with a token beside them.
struct BearerEvents(Secret);

impl BrevoEmail {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "/v3/smtp/email");
        let api_key = check.secret_header("api_key", "", &settings.api_key);
        let token = settings.receipts.as_ref().map(|receipts| check.secret("receipts.token", &receipts.token));
        Some(Self { url: url?, api_key: api_key?, receipts: token.flatten().map(BearerEvents) })
    }
}

impl Contract for BrevoEmail {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let Content::Email(email) = outgoing.content else { return Err(answer::never_sent("wrong_channel")) };
        Ok(exchange
            .post(&self.url)
            .header("api-key", self.api_key.clone())
            .header("accept", "application/json")
            .json(&body(email, outgoing)))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.receipts.as_ref().map(|receipts| receipts as &dyn Receipts)
    }
}

impl Receipts for BearerEvents {
    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<Heard, Unheard> {
        let token = callback.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if !receipt::is_same(token.as_bytes(), self.0.expose().as_bytes()) {
            return Err(Unheard::Unsigned);
        }
        let mut gathered = Gathered::new(Channel::Email, now);
        for event in receipt::events(callback.body)? {
            let (notification, mark) =
                receipt::text(&event, "/X-Mailin-custom").split_once(SEPARATOR).unwrap_or_default();
            gathered.add(meaning(&event), notification, mark, receipt::seconds(&event, "/ts_event"));
        }
        Ok(gathered.done())
    }
}

/// What an event says of a message (developers.brevo.com/docs/transactional-webhooks).
fn meaning(event: &Value) -> Option<Receipt> {
    match receipt::text(event, "/event") {
        "delivered" => Some(Receipt::Delivered),
        "hard_bounce" | "invalid_email" => Some(Receipt::Bounced),
        "soft_bounce" | "blocked" | "error" => Some(Receipt::Failed),
        "spam" | "complaint" => Some(Receipt::Complained),
        _ => None,
    }
}

fn body(email: &Email, outgoing: &Outgoing<'_>) -> Value {
    let mut body = json!({
        "sender": mailbox(&email.from_name, &email.from),
        "to": [mailbox(email.to_name.as_deref().unwrap_or_default(), &email.to)],
        "subject": email.subject,
        "headers": {
            "idempotencyKey": idempotency_key(outgoing.id),
            // comes back with every receipt
            "X-Mailin-custom": receipt::mark(outgoing).map_or_else(|| outgoing.id.0.clone(), |mark| {
                format!("{}{SEPARATOR}{mark}", outgoing.id)
            }),
        },
        "tags": [outgoing.message],
    });
    for (field, value) in [("htmlContent", &email.html), ("textContent", &email.text)] {
        if !value.is_empty() {
            body[field] = json!(value);
        }
    }
    if let Some(reply_to) = &email.reply_to {
        body["replyTo"] = json!({ "email": reply_to });
    }
    body
}

fn mailbox(name: &str, address: &str) -> Value {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    if name.is_empty() { json!({ "email": address }) } else { json!({ "email": address, "name": name }) }
}

/// The notification's id as the UUID that Brevo insists on: the same on every replica and at
/// every attempt. It is marked as version 4, the one that the changelog recommends.
pub fn idempotency_key(id: &NotificationId) -> String {
    let digest = Sha256::digest(id.0.as_bytes());
    let mut hex = String::with_capacity(36);
    for (at, byte) in digest.iter().take(16).enumerate() {
        let byte = match at {
            6 => (byte & 0x0f) | 0x40,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if matches!(at, 4 | 6 | 8 | 10) {
            hex.push('-');
        }
        hex.push_str(&format!("{byte:02x}"));
    }
    hex
}

/// What Brevo's reply to an e-mail means.
pub fn classify(reply: &Reply, now: Timestamp) -> Answer {
    match (reply.status, error_code(reply).as_deref()) {
        (400..=499, Some(code @ ("duplicate_parameter" | "duplicate_request"))) => {
            answer::already_accepted(reply, code)
        }
        _ => classify_any(reply, now),
    }
}

/// What is common to Brevo's e-mail and SMS.
pub(super) fn classify_any(reply: &Reply, now: Timestamp) -> Answer {
    if answer::is_success(reply) {
        return match reply.json().as_ref().and_then(|body| answer::provider_id(body.get("messageId")?)) {
            Some(id) => answer::accepted(reply, Some(id)),
            None => answer::unclear(reply, "answer_without_id"),
        };
    }
    let code = error_code(reply);
    match (reply.status, code.as_deref()) {
        // 402 is "not enough credit", and some of the account's faults come as a 400
        (402, _) | (400, Some("not_enough_credits" | "account_under_validation" | "permission_denied")) => {
            answer::resting(reply, code, now)
        }
        (429, _) => {
            let mut answer = answer::resting(reply, code, now);
            if answer.retry_after.is_none() {
                // developers.brevo.com/docs/limit-headers: what is left of the window
                answer.retry_after = reply.header("x-sib-ratelimit-reset").and_then(answer::seconds);
            }
            answer
        }
        _ => answer::by_status(reply, code, now),
    }
}

fn error_code(reply: &Reply) -> Option<String> {
    answer::word_code(reply.json()?.get("code")?)
}
