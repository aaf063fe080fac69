//! Brevo, for SMS: `POST /v3/transactionalSMS/send`, the key in the header `api-key`, 201 with a
//! `messageId` that is a number (developers.brevo.com, changelog: the older path
//! `/v3/transactionalSMS/sms` is deprecated). It knows no key of idempotency.

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::brevo_email::{self, default_url};
use super::check::Check;
use super::exchange::{Exchange, Reply};
use super::{Contract, answer, default_max_in_flight, default_timeout_seconds};
use crate::domain::notification::{Content, Sms};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, OnUnknown, Outgoing};
use crate::secret::SecretSource;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
}

pub(super) struct BrevoSms {
    url: Url,
    api_key: HeaderValue,
}

impl BrevoSms {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "/v3/transactionalSMS/send");
        let api_key = check.secret_header("api_key", "", &settings.api_key);
        Some(Self { url: url?, api_key: api_key? })
    }
}

impl Contract for BrevoSms {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let Content::Sms(sms) = outgoing.content else { return Err(answer::never_sent("wrong_channel")) };
        Ok(exchange
            .post(&self.url)
            .header("api-key", self.api_key.clone())
            .header("accept", "application/json")
            .json(&body(sms, outgoing)))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }
}

fn body(sms: &Sms, outgoing: &Outgoing<'_>) -> Value {
    json!({
        // the country code and the number, without the plus sign
        "recipient": sms.to.trim_start_matches('+'),
        "sender": sms.from,
        "content": sms.text,
        // not `marketing`: that one appends a stop code and keeps hours of its own
        "type": "transactional",
        "tag": outgoing.message,
        // otherwise Brevo writes what it does not know in plain letters: é becomes e
        "unicodeEnabled": !sms.text.chars().all(fits_gsm),
    })
}

/// The GSM 03.38 alphabet, in which an SMS holds 160 characters and not 70.
fn fits_gsm(character: char) -> bool {
    matches!(character, ' '..='~' if character != '`')
        || "\n\r\u{c}£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€".contains(character)
}

/// What Brevo's reply to an SMS means.
pub fn classify(reply: &Reply, now: Timestamp) -> Answer {
    brevo_email::classify_any(reply, now)
}
