//! Brevo, for SMS: `POST /v3/transactionalSMS/send`, the key in the header `api-key`, 201 with a
//! `messageId` that is a number (developers.brevo.com, changelog: the older path
//! `/v3/transactionalSMS/sms` is deprecated). It knows no key of idempotency.
//!
//! Receipts go to the address that a message names in `webUrl`, and are not signed; so the address
//! itself is: it bears a signature of ours over whose message it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::answer;
use super::brevo_email::{self, default_url};
use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use super::receipt::{self, Gathered};
use crate::domain::notification::{Content, Sms};
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
    /// With it, Brevo tells what became of each message.
    #[serde(default)]
    pub receipts: Option<ReceiptSettings>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSettings {
    /// Where `/receipts/<provider>` is found from outside. Whose message it is, and a signature, are added.
    pub url: String,
    /// What signs the address; any text that nobody can guess.
    pub secret: SecretSource,
}

pub(super) struct BrevoSms {
    url: Url,
    api_key: HeaderValue,
    receipts: Option<SignedAddress>,
}

/// An address for receipts that only we can have given out.
struct SignedAddress {
    url: Url,
    key: hmac::Key,
}

impl SignedAddress {
    fn new(settings: &ReceiptSettings, check: &mut Check) -> Option<Self> {
        let url = check.callback("receipts.url", &settings.url);
        let secret = check.secret("receipts.secret", &settings.secret)?;
        Some(Self { url: url?, key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()) })
    }

    fn of(&self, outgoing: &Outgoing<'_>) -> Option<Url> {
        let mark = receipt::mark(outgoing)?;
        let signature = hmac::sign(&self.key, signed(&outgoing.id.0, &mark).as_bytes());
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("notification", &outgoing.id.0)
            .append_pair("journey", &mark)
            .append_pair("signature", &URL_SAFE_NO_PAD.encode(signature));
        Some(url)
    }
}

fn signed(notification: &str, mark: &str) -> String {
    format!("{notification}.{mark}")
}

impl BrevoSms {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "/v3/transactionalSMS/send");
        let api_key = check.secret_header("api_key", "", &settings.api_key);
        let receipts = settings.receipts.as_ref().and_then(|receipts| SignedAddress::new(receipts, check));
        Some(Self { url: url?, api_key: api_key?, receipts })
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
            .json(&body(sms, outgoing, self.receipts.as_ref())))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.receipts.as_ref().map(|receipts| receipts as &dyn Receipts)
    }
}

impl Receipts for SignedAddress {
    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<Heard, Unheard> {
        let [notification, mark, signature] =
            ["notification", "journey", "signature"].map(|name| receipt::field(callback.query.as_bytes(), name));
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Unheard::Unsigned)?;
        hmac::verify(&self.key, signed(&notification, &mark).as_bytes(), &signature).map_err(|_| Unheard::Unsigned)?;
        let mut gathered = Gathered::new(Channel::Sms, now);
        for event in receipt::events(callback.body)? {
            gathered.add(meaning(&event), &notification, &mark, receipt::seconds(&event, "/ts_event"));
        }
        Ok(gathered.done())
    }
}

/// What an event says of a message (developers.brevo.com/docs/transactional-webhooks); the reference
/// writes the statuses with `_`, some examples in one word.
fn meaning(event: &Value) -> Option<Receipt> {
    match receipt::text(event, "/msg_status").to_ascii_lowercase().replace('_', "").as_str() {
        "delivered" => Some(Receipt::Delivered),
        "hardbounce" => Some(Receipt::Bounced),
        "softbounce" | "rejected" | "blacklisted" | "skip" => Some(Receipt::Failed),
        _ => None,
    }
}

fn body(sms: &Sms, outgoing: &Outgoing<'_>, receipts: Option<&SignedAddress>) -> Value {
    let mut body = json!({
        // the country code and the number, without the plus sign
        "recipient": sms.to.trim_start_matches('+'),
        "sender": sms.from,
        "content": sms.text,
        // not `marketing`: that one appends a stop code and keeps hours of its own
        "type": "transactional",
        "tag": outgoing.message,
        // otherwise Brevo writes what it does not know in plain letters: é becomes e
        "unicodeEnabled": !sms.text.chars().all(fits_gsm),
    });
    if let Some(url) = receipts.and_then(|receipts| receipts.of(outgoing)) {
        body["webUrl"] = json!(url.as_str());
    }
    body
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
