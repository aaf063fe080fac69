//! The providers against the wire, and the stand-ins that other tests rely on.

mod address;
mod contents;
mod generic;
mod golden;
mod raw;
mod receipts;
mod sandbox;
mod settings;
mod tables;
mod transport;
mod webhook;

use std::io::Write as _;
use std::sync::Arc;

use reassure::domain::decision::NotificationId;
use reassure::domain::notification::{Content, Email, Sms, Webhook};
use reassure::domain::order::Channel;
use reassure::domain::time::Timestamp;
use reassure::ports::{Answer, Outgoing, Provider};
use reassure::provider::{self, Settings};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// The moment at which every attempt of these tests is made.
pub fn now() -> Timestamp {
    Timestamp::parse("2026-11-02T10:00:00Z").unwrap()
}

/// A secret in a file, as a configuration names it.
pub struct SecretFile(NamedTempFile);

impl SecretFile {
    pub fn holding(secret: &str) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        writeln!(file, "{secret}").unwrap();
        Self(file)
    }

    pub fn source(&self) -> Value {
        json!({ "file": self.0.path() })
    }
}

pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub const WEBHOOK_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The least that each kind has to be told; webhooks may reach this machine.
pub fn least(kind: &str, url: &str, secret: &SecretFile) -> Value {
    let mut settings = json!({ "kind": kind, "url": url });
    let own = match kind {
        "sendgrid" | "resend" | "brevo_email" | "brevo_sms" => json!({ "api_key": secret.source() }),
        "twilio" => json!({ "account_sid": ACCOUNT, "auth_token": secret.source() }),
        "webhook" => json!({
            "url": format!("{url}/webhooks/shop"),
            "secrets": [secret.source()],
            "allow_private_addresses": true,
        }),
        "generic" => json!({
            "url": format!("{url}/generic/messages"),
            "channel": "sms",
            "headers": { "content-type": "application/json" },
            "body": r#"{"to": {{json to}}, "text": {{json text}}}"#,
            "id": { "pointer": "/id" },
        }),
        other => panic!("no kind {other}"),
    };
    settings.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    settings
}

pub fn secret_for(kind: &str) -> SecretFile {
    SecretFile::holding(if kind == "webhook" { WEBHOOK_SECRET } else { "k3y" })
}

/// A provider of that kind against that URL, with `more` settings.
pub fn made(kind: &str, url: &str, more: Value) -> Arc<dyn Provider> {
    let secret = secret_for(kind);
    let mut settings = least(kind, url, &secret);
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let settings: Settings = serde_json::from_value(settings).unwrap();
    provider::build("under_test", &settings).unwrap()
}

pub fn content(channel: Channel) -> Content {
    match channel {
        Channel::Email => Content::Email(Email {
            from: "shop@example.com".into(),
            from_name: "Zoë, Inc.".into(),
            reply_to: Some("care@example.com".into()),
            to: "buyer@example.com".into(),
            to_name: Some("Jo \"J\" Doe".into()),
            subject: "Your parcel is on its way".into(),
            html: "<p>It is on its way</p>".into(),
            text: "It is on its way".into(),
        }),
        Channel::Sms => Content::Sms(Sms {
            from: "Shop".into(),
            to: "+33612345678".into(),
            text: "Your parcel is on its way".into(),
        }),
        Channel::Webhook => Content::Webhook(Webhook { body: r#"{"test": 2432232314}"#.into() }),
    }
}

pub const ID: &str = "ntf_00112233445566778899aabbccddeeff";

/// One attempt with the content that the provider's channel wants.
pub async fn send(provider: &dyn Provider) -> Answer {
    send_content(provider, &content(provider.channel())).await
}

pub async fn send_content(provider: &dyn Provider, content: &Content) -> Answer {
    let id = NotificationId(ID.to_owned());
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let outgoing = Outgoing {
        order_id: "20418",
        id: &id,
        message: "parcel_shipped",
        shop: "shop-fr",
        content,
        traceparent: Some(traceparent),
        now: now(),
    };
    provider.send(outgoing).await
}
