//! What only shows once all parts of the configuration are together.

use super::source::Source;
use super::{Settings, UnknownShops};
use crate::domain::fault::{Fault, nearest};
use crate::domain::order::Channel;
use crate::domain::shop::Shop;

impl Settings {
    /// Holds the parts against each other.
    pub(super) fn agree(&self, source: &Source, faults: &mut Vec<Fault>) {
        for (name, provider) in &self.providers {
            // an attempt must end before another process may take the message over
            if self.dispatch.lease_seconds < provider.timeout_seconds() + 5 {
                let what = format!(
                    "dispatch.lease_seconds is {}, but an attempt at '{name}' may take {} seconds",
                    self.dispatch.lease_seconds,
                    provider.timeout_seconds()
                );
                let right = format!("make it at least {}", provider.timeout_seconds() + 5);
                faults.push(source.fault(&["dispatch", "lease_seconds"], what).suggest(right));
            }
        }
        let mut served: Vec<(Vec<&str>, &Shop)> =
            self.shops.iter().map(|(id, shop)| (vec!["shops", "named", id.as_str()], shop)).collect();
        if self.unknown_shops == UnknownShops::Serve {
            served.push((vec!["shop"], &self.shop));
        }
        if served.is_empty() {
            let right = "add [shops.named.<id>], or set shops.unknown = \"serve\"";
            faults.push(
                source.fault(&["shops"], "no shop is served: every event would be refused".to_owned()).suggest(right),
            );
        }
        for (path, shop) in served {
            self.agree_shop(&path, shop, source, faults);
        }
    }

    fn agree_shop(&self, path: &[&str], shop: &Shop, source: &Source, faults: &mut Vec<Fault>) {
        let at = |key: &[&'static str]| -> Vec<String> {
            path.iter().map(|part| (*part).to_owned()).chain(key.iter().map(|part| (*part).to_owned())).collect()
        };
        let mut fault = |key: &[&'static str], what: String| {
            let place = at(key);
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            faults.push(source.fault(&place, format!("{}: {what}", place.join("."))));
        };
        if shop.name.trim().is_empty() {
            fault(&["name"], "is empty; customers must know who writes".to_owned());
        }
        if shop.legal.seller.trim().is_empty() {
            fault(&["legal", "seller"], "is empty; a confirmation names the seller".to_owned());
        }
        if shop.providers.email.is_some() && !shop.sender.email.contains('@') {
            fault(&["sender", "email"], "is no e-mail address; e-mails must come from one".to_owned());
        }
        if shop.providers.sms.is_some() && shop.sender.sms.trim().is_empty() {
            fault(&["sender", "sms"], "is empty; text messages must come from a name or a number".to_owned());
        }
        if !shop.brand.home_url.starts_with("http") {
            fault(&["brand", "home_url"], "is no web address".to_owned());
        }
        let channels = [(Channel::Email, "email"), (Channel::Sms, "sms"), (Channel::Webhook, "webhook")];
        if channels.iter().all(|(channel, _)| shop.providers.of(*channel).is_none()) {
            fault(&["providers"], "names no provider for any channel: nothing could be sent".to_owned());
        }
        for (channel, key) in channels {
            let Some(name) = shop.providers.of(channel) else { continue };
            match self.providers.get(name) {
                None => {
                    let hint = nearest(name, self.providers.keys().map(String::as_str));
                    let hint = hint
                        .map_or_else(|| format!("add [providers.{name}]"), |known| format!("did you mean '{known}'?"));
                    fault(&["providers", key], format!("there is no provider '{name}'; {hint}"));
                }
                Some(provider) if provider.channel() != channel => {
                    fault(&["providers", key], format!("'{name}' carries {}, not {channel}", provider.channel()));
                }
                Some(_) => {}
            }
        }
    }
}
