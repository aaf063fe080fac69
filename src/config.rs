//! What the operator decides: read once, validated once, every fault reported with its place.

mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bus;
use crate::domain::fault::{Fault, nearest};
use crate::domain::order::Channel;
use crate::domain::retry::Policy;
use crate::domain::rule::RuleSet;
use crate::domain::shop::Shop;
use crate::message::Templates;
use crate::ports::Provider;
use crate::provider;
use crate::rules;
use crate::shops::Shops;
use crate::store::sqlite;

use source::Source;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub drain_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub listen: std::net::SocketAddr,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    pub max_bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    pub lease_seconds: u64,
    pub retry: Policy,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    #[serde(default)]
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownShops {
    Refuse,
    Serve,
}

/// The whole configuration, each part valid in itself.
#[derive(Clone, Debug)]
pub struct Settings {
    pub service: Service,
    pub log: Log,
    pub http: Http,
    pub bus: bus::BusSettings,
    pub events: Events,
    pub store: sqlite::Settings,
    pub dispatch: Dispatch,
    pub rules: Folder,
    pub templates: Folder,
    pub unknown_shops: UnknownShops,
    /// What every shop inherits.
    pub shop: Shop,
    pub shops: BTreeMap<String, Shop>,
    pub providers: BTreeMap<String, provider::Settings>,
}

const SECTIONS: [&str; 12] = [
    "service",
    "log",
    "http",
    "bus",
    "events",
    "store",
    "dispatch",
    "rules",
    "templates",
    "shops",
    "shop",
    "providers",
];

impl Settings {
    /// Reads the defaults, then `file`, then the environment.
    ///
    /// # Errors
    /// Every fault, with the place where it stands.
    pub fn load(file: Option<&Path>) -> Result<Self, Vec<Fault>> {
        let (source, mut tree) = Source::read(file)?;
        let mut faults = Vec::new();
        for name in tree.keys().filter(|name| !SECTIONS.contains(&name.as_str())) {
            let fault = source.fault(&[name], format!("there is no section '{name}'"));
            faults.push(Fault {
                suggestion: nearest(name, SECTIONS).map(|known| format!("did you mean '{known}'?")),
                ..fault
            });
        }
        let mut section = |name: &str| tree.remove(name).unwrap_or(Value::Object(serde_json::Map::new()));
        let mut shops = section("shops");
        let named = shops.as_object_mut().and_then(|shops| shops.remove("named")).unwrap_or_default();
        let base = section("shop");
        let mut reader = Reader { source: &source, faults: &mut faults };
        let unknown = shops.get("unknown").cloned().unwrap_or_default();
        for key in shops.as_object().into_iter().flat_map(|shops| shops.keys()).filter(|key| *key != "unknown") {
            let fault = reader.source.fault(&["shops", key], format!("there is no setting 'shops.{key}'"));
            reader.faults.push(fault.suggest(format!("a shop of your own is [shops.named.{key}]")));
        }
        let settings = (|| {
            let parts = (
                reader.part(&["service"], section("service")),
                reader.part(&["log"], section("log")),
                reader.part(&["http"], section("http")),
                reader.part(&["bus"], section("bus")),
                reader.part(&["events"], section("events")),
                reader.part(&["store"], section("store")),
                reader.part(&["dispatch"], section("dispatch")),
                reader.part(&["rules"], section("rules")),
                reader.part(&["templates"], section("templates")),
                reader.part(&["shops", "unknown"], unknown),
                reader.part(&["shop"], base.clone()),
            );
            let mut shops = BTreeMap::new();
            for (id, own) in named.as_object().into_iter().flatten() {
                let shop = reader.part(&["shops", "named", id], merged(&base, own));
                shops.extend(shop.map(|shop| (id.clone(), shop)));
            }
            let mut providers = BTreeMap::new();
            for (name, own) in section("providers").as_object().into_iter().flatten() {
                let provider = reader.part(&["providers", name], own.clone());
                providers.extend(provider.map(|provider| (name.clone(), provider)));
            }
            let group = parts.3.as_ref().map(|bus: &bus::BusSettings| bus.group.clone());
            Some(Self {
                service: parts.0?,
                log: parts.1?,
                http: parts.2?,
                bus: parts.3?,
                events: parts.4?,
                store: sqlite::Settings { group: group?, ..parts.5? },
                dispatch: parts.6?,
                rules: parts.7?,
                templates: parts.8?,
                unknown_shops: parts.9?,
                shop: parts.10?,
                shops,
                providers,
            })
        })();
        if let Some(settings) = &settings {
            settings.agree(&source, &mut faults);
        }
        match settings {
            Some(settings) if faults.is_empty() => Ok(settings),
            _ => Err(faults),
        }
    }

    /// What only shows once the parts are together.
    fn agree(&self, source: &Source, faults: &mut Vec<Fault>) {
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

/// `own` over `base`, tables merged key by key.
fn merged(base: &Value, own: &Value) -> Value {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            let mut all = base.clone();
            for (key, value) in own {
                let merged = base.get(key).map_or_else(|| value.clone(), |below| merged(below, value));
                all.insert(key.clone(), merged);
            }
            Value::Object(all)
        }
        _ => own.clone(),
    }
}

struct Reader<'a> {
    source: &'a Source,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    /// Reads one part; its unknown keys are all reported, of other faults the first.
    fn part<T: DeserializeOwned>(&mut self, path: &[&str], mut value: Value) -> Option<T> {
        let before = self.faults.len();
        loop {
            match serde_path_to_error::deserialize::<_, T>(&value) {
                Ok(part) if self.faults.len() == before => return Some(part),
                Ok(_) => return None,
                Err(error) => {
                    let inner: Vec<String> = error.path().iter().map(ToString::to_string).collect();
                    let message = error.inner().to_string();
                    let unknown = message
                        .strip_prefix("unknown field `")
                        .and_then(|rest| rest.split('`').next())
                        .map(str::to_owned);
                    self.report(path, &inner, &message, unknown.as_deref());
                    // without the unknown key the rest can be looked at
                    match unknown {
                        Some(key) if remove(&mut value, &inner, &key) => {}
                        _ => return None,
                    }
                }
            }
        }
    }

    fn report(&mut self, path: &[&str], inner: &[String], message: &str, unknown: Option<&str>) {
        let mut place: Vec<&str> = path.to_vec();
        place.extend(inner.iter().map(String::as_str).filter(|part| *part != "?"));
        if let Some(key) = unknown
            && place.last() != Some(&key)
        {
            place.push(key);
        }
        let name = place.join(".");
        let mut fault = match unknown {
            Some(_) => self.source.fault(&place, format!("there is no setting '{name}'")),
            None => self.source.fault(&place, format!("{name}: {message}")),
        };
        if let Some((key, known)) = unknown.zip(message.split_once("expected")) {
            let known: Vec<&str> = known.1.split('`').skip(1).step_by(2).collect();
            fault.suggestion = Some(match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("known here: {}", known.join(", ")),
            });
        }
        self.faults.push(fault);
    }
}

/// Takes `key` out of the table at `path`; `false` if it is not there.
fn remove(value: &mut Value, path: &[String], key: &str) -> bool {
    let table = match path {
        [parents @ .., last] if last == key => parents,
        whole => whole,
    };
    let mut at = value;
    for part in table.iter().filter(|part| *part != "?") {
        match at.get_mut(part) {
            Some(next) => at = next,
            None => return false,
        }
    }
    at.as_object_mut().is_some_and(|table| table.remove(key).is_some())
}

/// Everything that the configuration names, read and made: ready to run.
pub struct Loaded {
    pub settings: Settings,
    pub shops: Arc<Shops>,
    pub templates: Arc<Templates>,
    pub providers: Vec<(Arc<dyn Provider>, usize)>,
}

impl Loaded {
    /// The faults of the default rules and templates on their own.
    pub fn check_default_words() -> Vec<Fault> {
        let mut faults = rules::load(None).err().unwrap_or_default();
        match Templates::load(None) {
            Ok(templates) => faults.extend(templates.check()),
            Err(found) => faults.extend(found),
        }
        faults
    }

    /// Reads rules and templates, makes the providers, and holds all of it against each other.
    ///
    /// # Errors
    /// Every fault of every part.
    pub fn new(settings: Settings) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |found: Vec<Fault>| faults.extend(found);
        let rules = rules::load(settings.rules.folder.as_deref()).map_err(&mut keep).ok();
        let templates = Templates::load(settings.templates.folder.as_deref()).map_err(&mut keep).ok();
        let mut providers = Vec::new();
        for (name, own) in &settings.providers {
            match provider::build(name, own) {
                Ok(provider) => providers.push((provider, own.max_in_flight())),
                Err(found) => keep(found),
            }
        }
        if let (Some(rules), Some(templates)) = (&rules, &templates) {
            keep(templates.check());
            for rule in rules.iter().filter(|rule| !templates.messages().any(|known| known == rule.message)) {
                let place = settings
                    .rules
                    .folder
                    .as_ref()
                    .map_or("config/rules".to_owned(), |folder| folder.display().to_string());
                let hint = nearest(&rule.message, templates.messages());
                let fault = Fault::new(
                    place,
                    format!("the rule '{}' sends '{}', of which there are no templates", rule.name, rule.message),
                );
                keep(vec![Fault { suggestion: hint.map(|known| format!("did you mean '{known}'?")), ..fault }]);
            }
        }
        let (Some(rules), Some(templates)) = (rules, templates) else { return Err(faults) };
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = RuleSet::new(rules, Arc::new(settings.shop.clone()));
        let serve_unknown = settings.unknown_shops == UnknownShops::Serve;
        let shops = Shops::new(rules, settings.shops.clone(), serve_unknown);
        Ok(Self { settings, shops: Arc::new(shops), templates: Arc::new(templates), providers })
    }
}
