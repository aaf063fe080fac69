//! Twilio, for SMS: `POST /2010-04-01/Accounts/{Sid}/Messages.json` as a form, Basic
//! authentication, 201 with a `sid`. It knows no key of idempotency.
//!
//! Errors are `{code, message, more_info, status}`; the code says more than the status
//! (twilio.com/docs/api/errors).
//!
//! Receipts are signed with the account's token over the address that Twilio was given, its query as it
//! comes, and the form's fields in the order of their names (twilio.com/docs/usage/security).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use ring::hmac;
use serde::{Deserialize, Serialize};
use url::Url;

use super::answer;
use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use super::receipt::{self, Gathered};
use crate::domain::notification::Content;
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
    /// `AC…`: whose account, in the path.
    pub account_sid: String,
    /// `SK…`, where an API key signs in for the account; then `auth_token` is the key's secret.
    #[serde(default)]
    pub key_sid: Option<String>,
    pub auth_token: SecretSource,
    /// `MG…`: a messaging service that chooses the sender, in place of the shop's.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
    /// With it, Twilio tells what became of each message.
    #[serde(default)]
    pub receipts: Option<ReceiptSettings>,
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: usize,
    #[serde(default)]
    pub on_unknown: Option<OnUnknown>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSettings {
    /// Where `/receipts/<provider>` is found from outside. Whose message it is is added to it.
    pub url: String,
    /// The account's own token, where an API key signs in for the account.
    #[serde(default)]
    pub auth_token: Option<SecretSource>,
}

fn default_url() -> String {
    "https://api.twilio.com".to_owned()
}

pub(super) struct Twilio {
    url: Url,
    authorization: HeaderValue,
    messaging_service_sid: Option<String>,
    receipts: Option<SignedForms>,
}

/// Receipts, signed.
struct SignedForms {
    /// The address that Twilio is given.
    url: Url,
    key: hmac::Key,
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
        let receipts = settings.receipts.as_ref().and_then(|receipts| SignedForms::new(receipts, settings, check));
        Some(Self {
            url: url?,
            authorization: authorization?,
            messaging_service_sid: settings.messaging_service_sid.clone(),
            receipts,
        })
    }
}

impl SignedForms {
    fn new(own: &ReceiptSettings, settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.callback("receipts.url", &own.url);
        if own.auth_token.is_none() && settings.key_sid.is_some() {
            check
                .fault("`receipts.auth_token` is missing: receipts are signed with the account's token, not the key's");
        }
        let token = check.secret("receipts.auth_token", own.auth_token.as_ref().unwrap_or(&settings.auth_token))?;
        Some(Self { url: url?, key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.expose().as_bytes()) })
    }

    fn of(&self, outgoing: &Outgoing<'_>) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("notification", &outgoing.id.0);
        if let Some(mark) = receipt::mark(outgoing) {
            url.query_pairs_mut().append_pair("journey", &mark);
        }
        url
    }
}

impl Receipts for SignedForms {
    fn read(&self, callback: &Callback<'_>, now: Timestamp) -> Result<Heard, Unheard> {
        let mut address = self.url.clone();
        address.set_query(None);
        let mut fields: Vec<_> = url::form_urlencoded::parse(callback.body).collect();
        fields.sort();
        let fields: String = fields.into_iter().flat_map(|(name, value)| [name, value]).collect();
        let question = if callback.query.is_empty() { "" } else { "?" };
        let signed = format!("{address}{question}{}{fields}", callback.query);
        let signature = STANDARD.decode(callback.header("x-twilio-signature")).map_err(|_| Unheard::Unsigned)?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).map_err(|_| Unheard::Unsigned)?;
        let [notification, mark] =
            ["notification", "journey"].map(|name| receipt::field(callback.query.as_bytes(), name));
        let [status, error] = ["MessageStatus", "ErrorCode"].map(|name| receipt::field(callback.body, name));
        let mut gathered = Gathered::new(Channel::Sms, now);
        gathered.add(meaning(&status, &error), &notification, &mark, None);
        Ok(gathered.done())
    }
}

/// What a status says of a message (twilio.com/docs/messaging/guides/track-outbound-message-status).
fn meaning(status: &str, error: &str) -> Option<Receipt> {
    match (status, error) {
        ("delivered" | "read", _) => Some(Receipt::Delivered),
        // unknown destination, and a landline or a number out of reach for good
        ("undelivered" | "failed", "30005" | "30006" | "21614") => Some(Receipt::Bounced),
        ("undelivered" | "failed", _) => Some(Receipt::Failed),
        _ => None,
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
        let callback = self.receipts.as_ref().map(|receipts| receipts.of(outgoing));
        let mut form = vec![("To", &*sms.to), sender, ("Body", sms.text.as_str())];
        form.extend(callback.as_ref().map(|callback| ("StatusCallback", callback.as_str())));
        Ok(exchange.post(&self.url).header(AUTHORIZATION, self.authorization.clone()).form(&form))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        self.receipts.as_ref().map(|receipts| receipts as &dyn Receipts)
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
