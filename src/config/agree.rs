//! What only shows once all parts of the configuration are together.

use std::collections::BTreeSet;

use super::{Role, Settings, UnknownShops, Unread};
use crate::bus::oauth::OAuth;
use crate::domain::fault::{Fault, nearest};
use crate::domain::order::Channel;
use crate::domain::shop::Shop;
use crate::message::sample::{self, Sample};
use crate::store;

impl Settings {
    /// Places the fault of a provider where the provider is described.
    pub(super) fn place(&self, provider: &str, fault: Fault) -> Fault {
        let what = format!("providers.{provider}: {}", fault.what);
        Fault { suggestion: fault.suggestion, ..self.source.fault(&["providers", provider], what) }
    }

    /// A fault of the setting at `path`.
    pub(super) fn place_in(&self, path: &[&str], what: &str) -> Fault {
        self.source.fault(path, format!("{}: {what}", path.join(".")))
    }

    /// Holds the parts against each other.
    pub(super) fn agree(&self, unread: &Unread, faults: &mut Vec<Fault>) {
        let source = &self.source;
        // an attempt must end before another process may take the message over
        let slowest = self.providers.iter().max_by_key(|(_, provider)| provider.timeout_seconds());
        if let Some((name, seconds)) = slowest.map(|(name, provider)| (name, provider.timeout_seconds()))
            && self.dispatch.lease_seconds < seconds + 5
        {
            let lease = self.dispatch.lease_seconds;
            let what =
                format!("dispatch.lease_seconds is {lease}, but an attempt at '{name}' may take {seconds} seconds");
            let right = format!("make it at least {}", seconds + 5);
            faults.push(source.fault(&["dispatch", "lease_seconds"], what).suggest(right));
        }
        if let Some((key, what)) = self.bus.oauth.as_ref().and_then(OAuth::fault) {
            faults.push(source.fault(&["bus", "oauth", key], format!("bus.oauth.{key}: {what}")));
        }
        self.agree_outgoing(faults);
        self.agree_roles(faults);
        let mut served: Vec<(Vec<&str>, &Shop)> =
            self.shops.iter().map(|(id, shop)| (vec!["shops", "named", id.as_str()], shop)).collect();
        if self.unknown_shops == UnknownShops::Serve {
            served.push((vec!["shop"], &self.shop));
        }
        if unread.base {
            // the shops stand on the defaults, of which they are not to be told
            return;
        }
        if served.is_empty() && !unread.shops {
            let right = "add [shops.named.<id>], or set shops.unknown = \"serve\"";
            faults.push(
                source.fault(&["shops"], "no shop is served: every event would be refused".to_owned()).suggest(right),
            );
        }
        let known = || self.shops.keys().map(String::as_str);
        if let Some(shop) = self.adapters.shop.as_deref()
            && self.unknown_shops == UnknownShops::Refuse
            && !unread.shops
            && !self.shops.contains_key(shop)
        {
            let what = format!("adapters.shop is '{shop}', which is no shop that is served");
            let hint = nearest(shop, known()).map(|near| format!("did you mean '{near}'?"));
            let right = hint.unwrap_or_else(|| format!("add [shops.named.{shop}]"));
            faults.push(source.fault(&["adapters", "shop"], what).suggest(right));
        }
        let samples = sample::extremes();
        for (path, shop) in served {
            self.agree_shop(&path, shop, unread, faults);
            self.agree_concerns(&path, shop, &samples, faults);
        }
    }

    /// What this process does must be something, and what its store lets it do alone.
    fn agree_roles(&self, faults: &mut Vec<Fault>) {
        let roles = &self.service.roles;
        let mut fault = |what: &str, right: &str| {
            let what = format!("service.roles: {what}");
            faults.push(self.source.fault(&["service", "roles"], what).suggest(right));
        };
        if roles.is_empty() {
            fault("names nothing to do", "name some of ingest, dispatch, http");
        }
        let whole = self.service.has(Role::Ingest) && self.service.has(Role::Dispatch);
        if !whole && !roles.is_empty() && matches!(self.store, store::Settings::Sqlite(_)) {
            fault("the work is shared out, and store.kind is sqlite, for one process", "store.kind = \"postgres\"");
        }
        if self.service.has(Role::Http) {
            for (path, what) in self.api.faults() {
                faults.push(self.place_in(&[&["api"], &*path].concat(), &what));
            }
            if self.api.listen == self.http.listen && self.api.listen.port() != 0 {
                faults.push(self.place_in(&["api", "listen"], "is that of http.listen; each needs a port of its own"));
            }
        }
    }

    /// What is published must not come back as an event.
    fn agree_outgoing(&self, faults: &mut Vec<Fault>) {
        let mut fault = |key: &str, what: &str, right: &str| {
            let what = format!("outgoing.{key}: {what}");
            faults.push(self.source.fault(&["outgoing", key], what).suggest(right));
        };
        let outgoing = &self.outgoing;
        for (key, topic) in [("outcomes", &outgoing.outcomes), ("dead_letters", &outgoing.dead_letters)] {
            let Some(topic) = topic else { continue };
            if !is_topic(topic) {
                fault(key, "is no name of a topic", "up to 249 letters, digits, dots, dashes and underscores");
            }
            if self.bus.topics.contains(topic) {
                fault(key, "is one of bus.topics: what is published would be read as events", "name another topic");
            }
        }
        if outgoing.outcomes.is_some() && outgoing.outcomes == outgoing.dead_letters {
            fault("dead_letters", "is the topic of the outcomes", "name another topic");
        }
        if outgoing.source.trim().is_empty() {
            fault("source", "is empty; readers tell deployments by it", "such as /reassure/europe");
        }
    }

    /// What a concern asks must have an answer, of the order with everything and of that with nothing.
    fn agree_concerns(&self, path: &[&str], shop: &Shop, samples: &[Sample], faults: &mut Vec<Fault>) {
        let mut told = BTreeSet::new();
        for sample in samples {
            for (concern, why) in shop.concerns.faults(&sample.journey, shop) {
                if told.insert(concern) {
                    let place = [path, &["concerns", concern.as_str()]].concat();
                    let what = format!("cannot be evaluated with the sample '{}': {why}", sample.name);
                    faults.push(self.place_in(&place, &what));
                }
            }
        }
    }

    fn agree_shop(&self, path: &[&str], shop: &Shop, unread: &Unread, faults: &mut Vec<Fault>) {
        let at = |key: &[&'static str]| -> Vec<String> {
            path.iter().map(|part| (*part).to_owned()).chain(key.iter().map(|part| (*part).to_owned())).collect()
        };
        let mut fault = |key: &[&'static str], what: String| {
            let place = at(key);
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            faults.push(self.source.fault(&place, format!("{}: {what}", place.join("."))));
        };
        if shop.name.trim().is_empty() {
            fault(&["name"], "is empty; customers must know who writes".to_owned());
        }
        if shop.locale.parse::<icu_locale_core::Locale>().is_err() {
            fault(&["locale"], "is no locale by BCP 47, such as fr or en-GB".to_owned());
        }
        if shop.country.parse::<rlibphonenumber::Region>().is_err() {
            fault(&["country"], "is no country by ISO 3166-1, such as FR".to_owned());
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
        if let Some((name, what)) = shop.thresholds.fault() {
            fault(&["thresholds"], format!("of '{name}', {what}"));
        }
        let channels = [(Channel::Email, "email"), (Channel::Sms, "sms"), (Channel::Webhook, "webhook")];
        if channels.iter().all(|(channel, _)| shop.providers.of(*channel).is_none()) {
            fault(&["providers"], "names no provider for any channel: nothing could be sent".to_owned());
        }
        for (channel, key) in channels {
            let Some(name) = shop.providers.of(channel) else { continue };
            match self.providers.get(name) {
                None if unread.providers.iter().any(|known| known == name) => {}
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

/// Whether Kafka allows a topic of that name.
fn is_topic(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=249).contains(&name.len()) && name.chars().all(allowed) && name != "." && name != ".."
}
