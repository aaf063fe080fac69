//! What the configuration says of a provider, whichever its kind.

use serde::{Deserialize, Serialize};

use super::{brevo_email, brevo_sms, generic, resend, sendgrid, twilio, webhook};
use crate::domain::order::Channel;
use crate::ports::OnUnknown;

/// A provider, told apart by `kind`. How often a message is tried is not said here: that is the
/// dispatcher's, the same for every provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Settings {
    Sendgrid(sendgrid::Settings),
    BrevoEmail(brevo_email::Settings),
    Resend(resend::Settings),
    Twilio(twilio::Settings),
    BrevoSms(brevo_sms::Settings),
    Webhook(webhook::Settings),
    Generic(generic::Settings),
}

/// What every kind has.
macro_rules! of_each {
    ($settings:expr, $own:ident => $value:expr) => {
        match $settings {
            Settings::Sendgrid($own) => $value,
            Settings::BrevoEmail($own) => $value,
            Settings::Resend($own) => $value,
            Settings::Twilio($own) => $value,
            Settings::BrevoSms($own) => $value,
            Settings::Webhook($own) => $value,
            Settings::Generic($own) => $value,
        }
    };
}

impl Settings {
    pub fn channel(&self) -> Channel {
        match self {
            Self::Sendgrid(_) | Self::BrevoEmail(_) | Self::Resend(_) => Channel::Email,
            Self::Twilio(_) | Self::BrevoSms(_) => Channel::Sms,
            Self::Webhook(_) => Channel::Webhook,
            Self::Generic(own) => own.channel,
        }
    }

    /// The longest that one attempt may take, from looking up the host to the end of the answer.
    pub fn timeout_seconds(&self) -> u64 {
        of_each!(self, own => own.timeout_seconds)
    }

    /// How many attempts may be under way at once.
    pub fn max_in_flight(&self) -> usize {
        of_each!(self, own => own.max_in_flight)
    }

    /// The configured policy; else to try again where the same key is honoured, so that the
    /// customer sees one message, and to ask a person where it is not.
    pub fn on_unknown(&self) -> OnUnknown {
        of_each!(self, own => own.on_unknown).unwrap_or(match self {
            Self::Resend(_) | Self::BrevoEmail(_) | Self::Webhook(_) => OnUnknown::Retry,
            Self::Sendgrid(_) | Self::Twilio(_) | Self::BrevoSms(_) | Self::Generic(_) => OnUnknown::Hold,
        })
    }

    /// Whether the addresses behind the host's name are looked at before dialling.
    pub(super) fn is_guarded(&self) -> bool {
        matches!(self, Self::Webhook(own) if !own.allow_private_addresses)
    }
}
