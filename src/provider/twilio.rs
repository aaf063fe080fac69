//! Twilio, for SMS: `POST /2010-04-01/Accounts/{Sid}/Messages.json` as a form, Basic
//! authentication, 201 with a `sid`. It knows no key of idempotency.
//!
//! Errors are `{code, message, more_info, status}`; the code says more than the status
//! (twilio.com/docs/api/errors).

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::check::Check;
use super::exchange::{Exchange, Reply};
use super::{Contract, answer, default_max_in_flight, default_timeout_seconds};
use crate::domain::notification::Content;
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, OnUnknown, Outgoing};
use crate::secret::SecretSource;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default = "default_url")]
    pub url: String,
    /// `AC…`: whose account, in the path.
    pub account_sid: String,
    /// `SK…`, where an API key signs in for the account; then `auth_token` is the key's secret.
    #[serde(default)]
    pub key_sid: Option<String>,
    pub auth_token: SecretSource,
    /// `MG…`: a messaging service that chooses the sender, in place of the shop's.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
    /// Where Twilio tells what became of a message. The notification's id is added to it.
    #[serde(default)]
    pub status_callback: Option<String>,
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: usize,
    #[serde(default)]
    pub on_unknown: Option<OnUnknown>,
}

fn default_url() -> String {
    "https://api.twilio.com".to_owned()
}

pub(super) struct Twilio {
    url: Url,
    authorization: HeaderValue,
    messaging_service_sid: Option<String>,
    status_callback: Option<Url>,
}

impl Twilio {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        for (field, prefix, sid) in [
            ("account_sid", "AC", Some(&settings.account_sid)),
            ("key_sid", "SK", settings.key_sid.as_ref()),
            ("messaging_service_sid", "MG", settings.messaging_service_sid.as_ref()),
        ] {
            if sid.is_some_and(|sid| !is_sid(sid, prefix)) {
                check.fault(format!("`{field}` must be {prefix} and 32 hexadecimal figures"));
            }
        }
        let path = format!("/2010-04-01/Accounts/{}/Messages.json", settings.account_sid);
        let url = check.url(&settings.url, &path);
        let user = settings.key_sid.as_ref().unwrap_or(&settings.account_sid);
        let authorization = check.basic_header("auth_token", user, &settings.auth_token);
        let status_callback = match &settings.status_callback {
            Some(callback) => match Url::parse(callback) {
                Ok(callback) => Some(callback),
                Err(error) => {
                    check.fault(format!("`status_callback` is no web address: {error}"));
                    None
                }
            },
            None => None,
        };
        Some(Self {
            url: url?,
            authorization: authorization?,
            messaging_service_sid: settings.messaging_service_sid.clone(),
            status_callback,
        })
    }
}

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Contract for Twilio {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let Content::Sms(sms) = outgoing.content else { return Err(answer::never_sent("wrong_channel")) };
        let sender = match &self.messaging_service_sid {
            Some(sid) => ("MessagingServiceSid", sid.as_str()),
            None => ("From", sms.from.as_str()),
        };
        let callback = self.status_callback.clone().map(|mut callback| {
            callback.query_pairs_mut().append_pair("notification", &outgoing.id.0);
            callback
        });
        let mut form = vec![("To", &*sms.to), sender, ("Body", sms.text.as_str())];
        form.extend(callback.as_ref().map(|callback| ("StatusCallback", callback.as_str())));
        Ok(exchange.post(&self.url).header(AUTHORIZATION, self.authorization.clone()).form(&form))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }
}

/// What Twilio's reply means.
pub fn classify(reply: &Reply, now: Timestamp) -> Answer {
    let body = reply.json();
    if answer::is_success(reply) {
        let Some(body) = body else { return answer::unclear(reply, "answer_unreadable") };
        let error = body.get("error_code").and_then(answer::number_code);
        // taken and refused in one breath, as some senders are
        if matches!(body.get("status").and_then(|status| status.as_str()), Some("failed" | "undelivered")) {
            return answer::permanent(reply, error.or_else(|| Some("failed".to_owned())));
        }
        return match body.get("sid").and_then(answer::provider_id) {
            Some(sid) => answer::accepted(reply, Some(sid)),
            None => answer::unclear(reply, "answer_without_id"),
        };
    }
    let code = body.as_ref().and_then(|body| answer::number_code(body.get("code")?));
    match code.as_deref() {
        // concurrency and rate; the sender's queue is full (4 hours' worth); daily limit
        Some("14107" | "20429" | "21611" | "30001" | "63038") => answer::resting(reply, code, now),
        // not authenticated, account not active or suspended
        Some("10001" | "20003" | "20005" | "30002" | "20008") => answer::resting(reply, code, now),
        // of this recipient or text, whatever the status: region, number, opted out, route, body
        Some("21211" | "21408" | "21610" | "21612" | "21614" | "21617") => answer::permanent(reply, code),
        _ => answer::by_status(reply, code, now),
    }
}
