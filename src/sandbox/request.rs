//! A request as it came, and whose it is.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::provider::exchange::NOTIFICATION_HEADER;

/// Which vendor a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Sendgrid,
    BrevoEmail,
    Resend,
    Twilio,
    BrevoSms,
    Webhook,
    Generic,
    /// A path of none of them.
    Unknown,
}

impl Vendor {
    /// Whatever stands before a vendor's own path is the base that a caller was given.
    fn of(path: &str) -> Self {
        let is = |own: &str| path.ends_with(own);
        match path {
            _ if path.starts_with("/webhooks/") => Self::Webhook,
            _ if path.starts_with("/generic/") => Self::Generic,
            _ if is("/v3/mail/send") => Self::Sendgrid,
            _ if is("/v3/smtp/email") => Self::BrevoEmail,
            _ if is("/v3/transactionalSMS/send") => Self::BrevoSms,
            _ if is("/emails") => Self::Resend,
            _ if path.contains("/2010-04-01/Accounts/") && is("/Messages.json") => Self::Twilio,
            _ => Self::Unknown,
        }
    }
}

pub(super) struct Incoming {
    pub vendor: Vendor,
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub json: Option<Value>,
    /// The notification's id, from wherever this vendor's requests carry it.
    pub key: String,
}

impl Incoming {
    pub fn new(head: &Parts, body: &Bytes) -> Self {
        let vendor = Vendor::of(head.uri.path());
        let json: Option<Value> = if vendor == Vendor::Twilio { None } else { serde_json::from_slice(body).ok() };
        let mut incoming = Self {
            vendor,
            method: head.method.to_string(),
            path: head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            headers: head.headers.clone(),
            body: body.clone(),
            json,
            key: String::new(),
        };
        incoming.key = incoming.find_key();
        incoming
    }

    fn find_key(&self) -> String {
        let place = match self.vendor {
            Vendor::Sendgrid => self.text("/custom_args/notification"),
            Vendor::BrevoEmail => self.text("/headers/X-Mailin-custom").and_then(|text| text.split('|').next()),
            Vendor::Resend => self.header("idempotency-key"),
            Vendor::Webhook => self.header("webhook-id"),
            Vendor::Twilio | Vendor::BrevoSms | Vendor::Generic | Vendor::Unknown => None,
        };
        match place.or_else(|| self.header(NOTIFICATION_HEADER)) {
            Some(key) => key.to_owned(),
            None => self.digest().iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
    }

    /// The text at a place of the JSON body, unless it is empty.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.json.as_ref()?.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// The value of a form's field, unless it is empty.
    pub fn form(&self, field: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body)
            .find(|(name, _)| name == field)
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.is_empty())
    }

    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }
}
