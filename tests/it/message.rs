//! What customers read.

mod claims;
mod faults;
mod formats;
mod presents;
mod safety;
mod snapshots;
mod text_messages;

use std::sync::LazyLock;

use reassure::domain::contact::Recipient;
use reassure::domain::notification::{Content, Email};
use reassure::domain::order::Channel;
use reassure::message::sample::{self, Sample};
use reassure::message::{Letter, Templates, Unwritable};

static OURS: LazyLock<Templates> =
    LazyLock::new(|| Templates::load(None).unwrap_or_else(|faults| panic!("{faults:#?}")));

fn sample(name: &str) -> Sample {
    sample::named(name).unwrap_or_else(|| panic!("no sample '{name}'"))
}

fn try_write(templates: &Templates, sample: &Sample, message: &str, channel: Channel) -> Result<Content, Unwritable> {
    let recipient = match channel {
        Channel::Email => Recipient::Email("camille.moreau@example.com".into()),
        Channel::Sms => Recipient::Phone("+33612345678".into()),
        Channel::Webhook => Recipient::Webhook,
    };
    templates.write(&Letter {
        shop_id: "maison-orme",
        shop: &sample.shop,
        journey: &sample.journey,
        subject: &sample.subject,
        message,
        channel,
        recipient: &recipient,
        notification: &sample::notification(),
        now: sample.now,
    })
}

fn email(sample: &Sample, message: &str) -> Email {
    match try_write(&OURS, sample, message, Channel::Email) {
        Ok(Content::Email(email)) => email,
        other => panic!("{message} of '{}': {other:?}", sample.name),
    }
}

fn text_message(sample: &Sample, message: &str) -> String {
    match try_write(&OURS, sample, message, Channel::Sms) {
        Ok(Content::Sms(sms)) => sms.text,
        other => panic!("{message} of '{}': {other:?}", sample.name),
    }
}

fn webhook(sample: &Sample, message: &str) -> serde_json::Value {
    match try_write(&OURS, sample, message, Channel::Webhook) {
        Ok(Content::Webhook(webhook)) => serde_json::from_str(&webhook.body).unwrap(),
        other => panic!("{message} of '{}': {other:?}", sample.name),
    }
}
