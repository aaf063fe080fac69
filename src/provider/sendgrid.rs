//! SendGrid v3, for e-mail: `POST /v3/mail/send`, a bearer key, 202 with the id in the header
//! `X-Message-Id` and an empty body. It knows no key of idempotency; the notification's id goes
//! along as a custom argument and comes back with every receipt.
//!
//! Errors are `{errors: [{field, message}]}` without codes
//! (twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors). 403 stands for
//! a block of the account there, and 401 also for used-up credits; 429 tells its end as a moment
//! in `X-RateLimit-Reset` (the same site, `…/rate-limits`).

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::check::Check;
use super::exchange::{Exchange, Reply};
use super::{Contract, answer, default_max_in_flight, default_timeout_seconds};
use crate::domain::notification::{Content, Email};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, OnUnknown, Outgoing};
use crate::secret::SecretSource;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
}

fn default_url() -> String {
    "https://api.sendgrid.com".to_owned()
}

pub(super) struct Sendgrid {
    url: Url,
    authorization: HeaderValue,
}

impl Sendgrid {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "/v3/mail/send");
        let authorization = check.secret_header("api_key", "Bearer ", &settings.api_key);
        Some(Self { url: url?, authorization: authorization? })
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
        "custom_args": { "notification": outgoing.id, "shop": outgoing.shop },
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
