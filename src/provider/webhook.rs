//! Webhooks by the Standard Webhooks scheme
//! (github.com/standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`).
//!
//! What is signed is `id.timestamp.body`. The id is the notification's and stays the same over
//! retries, so that a receiver can tell a repeat; the timestamp is the attempt's. While a secret
//! is changed for another, both sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use url::Url;

use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use super::{address, answer};
use crate::domain::notification::Content;
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, OnUnknown, Outgoing};
use crate::secret::SecretSource;

/// Payloads stay below 20 kB, which every receiver takes.
pub const LONGEST_PAYLOAD: usize = 20_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    /// The secret, as `whsec_` and base64; two of them while one is changed for another.
    pub secrets: Vec<SecretSource>,
    /// Lets the URL lead to this machine or into the cluster: for sandboxes, and for receivers
    /// that live beside the service.
    #[serde(default)]
    pub allow_private_addresses: bool,
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: usize,
    #[serde(default)]
    pub on_unknown: Option<OnUnknown>,
}

pub(super) struct Webhook {
    url: Url,
    keys: Vec<Key>,
}

/// A key that signs.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Reads a secret as it is handed out: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub fn parse(secret: &str) -> Result<Self, String> {
        let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
        let bytes = STANDARD.decode(encoded).map_err(|_| "is not `whsec_` and base64".to_owned())?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(format!("holds {} bytes; the scheme wants 24 to 64", bytes.len()));
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| "is no key for HMAC-SHA256".to_owned())
    }

    /// `v1,` and the signature in base64.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// One signature for each key, separated by blanks: a receiver takes any that it knows.
pub fn signatures(keys: &[Key], id: &str, seconds: i64, body: &[u8]) -> String {
    keys.iter().map(|key| key.sign(id, seconds, body)).collect::<Vec<_>>().join(" ")
}

impl Webhook {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "");
        if let Some(url) = url.as_ref().filter(|_| !settings.allow_private_addresses) {
            if url.scheme() != "https" {
                check.fault_with("`url` must begin with https://", "or set `allow_private_addresses` for a sandbox");
            }
            if let Err(refused) = address::admit_literal(url) {
                check.fault_with(format!("`url`: {refused}"), "set `allow_private_addresses` if that is meant");
            }
        }
        if settings.secrets.is_empty() {
            check.fault("`secrets` is empty: receivers could not tell our webhooks from anybody's");
        }
        let keys = keys("secrets", &settings.secrets, check);
        Some(Self { url: url?, keys })
    }
}

/// The keys of the secrets that the setting `field` names.
pub(super) fn keys(field: &str, secrets: &[SecretSource], check: &mut Check) -> Vec<Key> {
    let mut keys = Vec::new();
    for (at, source) in secrets.iter().enumerate() {
        let Some(secret) = check.secret(&format!("{field}[{at}]"), source) else { continue };
        match Key::parse(secret.expose()) {
            Ok(key) => keys.push(key),
            Err(error) => check.fault(format!("`{field}[{at}]` {error}")),
        }
    }
    keys
}

impl Contract for Webhook {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let Content::Webhook(webhook) = outgoing.content else { return Err(answer::never_sent("wrong_channel")) };
        if webhook.body.len() >= LONGEST_PAYLOAD {
            return Err(answer::never_sent("payload_too_long"));
        }
        let (id, seconds) = (outgoing.id.0.as_str(), outgoing.now.0.timestamp());
        Ok(exchange
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures(&self.keys, id, seconds, webhook.body.as_bytes()))
            .body(webhook.body.clone()))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(reply, now)
    }
}

/// What a receiver's reply means. Any 2xx is a yes, whatever stands in its body.
pub fn classify(reply: &Reply, now: Timestamp) -> Answer {
    match reply.status {
        200..=299 => answer::accepted(reply, None),
        // the receiver wants no more of them
        410 => answer::permanent(reply, Some("endpoint_gone".to_owned())),
        // the scheme has the sender slow down at these
        429 | 502 | 504 => answer::resting(reply, None, now),
        _ => answer::by_status(reply, None, now),
    }
}
