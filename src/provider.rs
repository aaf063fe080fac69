//! The services that take messages: e-mail, SMS and webhooks, spoken to over HTTP.
//!
//! One file per vendor says how a message becomes a request and what each answer means; all
//! that they have in common (deadlines, a bounded answer, what a broken connection means) is in
//! [`exchange`] and [`answer`]. A vendor's `classify` is pure, so that its table of answers can
//! be tried without a network.

pub mod address;
pub mod answer;
pub mod exchange;

pub mod brevo_email;
pub mod brevo_sms;
pub mod generic;
pub mod receipt;
pub mod resend;
pub mod sendgrid;
pub mod twilio;
pub mod webhook;

mod check;
mod contract;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::fault::Fault;
use crate::ports::Provider;

use self::contract::{Contract, Endpoint};
use self::exchange::Exchange;
pub use self::settings::Settings;

/// Makes the provider that `settings` describe, reading its secrets.
///
/// # Errors
/// Everything that is wrong with the settings, not only the first.
pub fn build(name: &str, settings: &Settings) -> Result<Arc<dyn Provider>, Vec<Fault>> {
    let mut check = check::Check::new(name);
    check.limits(settings.timeout_seconds(), settings.max_in_flight());
    match settings {
        Settings::Sendgrid(own) => finish(name, settings, sendgrid::Sendgrid::new(own, &mut check), check),
        Settings::BrevoEmail(own) => finish(name, settings, brevo_email::BrevoEmail::new(own, &mut check), check),
        Settings::Resend(own) => finish(name, settings, resend::Resend::new(own, &mut check), check),
        Settings::Twilio(own) => finish(name, settings, twilio::Twilio::new(own, &mut check), check),
        Settings::BrevoSms(own) => finish(name, settings, brevo_sms::BrevoSms::new(own, &mut check), check),
        Settings::Webhook(own) => finish(name, settings, webhook::Webhook::new(own, &mut check), check),
        Settings::Generic(own) => finish(name, settings, generic::Generic::new(own, &mut check), check),
    }
}

fn finish<C: Contract>(
    name: &str,
    settings: &Settings,
    contract: Option<C>,
    mut check: check::Check,
) -> Result<Arc<dyn Provider>, Vec<Fault>> {
    let Some(contract) = contract.filter(|_| check.is_clean()) else { return Err(check.into_faults()) };
    let limits = exchange::Limits {
        timeout: Duration::from_secs(settings.timeout_seconds()),
        idle_connections: settings.max_in_flight(),
        guarded: settings.is_guarded(),
        direct: check.stays_inside(),
    };
    match Exchange::new(&limits) {
        Ok(exchange) => {
            Ok(Arc::new(Endpoint { name: name.to_owned(), on_unknown: settings.on_unknown(), exchange, contract }))
        }
        Err(error) => {
            check.fault(format!("no HTTP client can be made: {error}"));
            Err(check.into_faults())
        }
    }
}
