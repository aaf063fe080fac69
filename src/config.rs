//! What the operator decides: read once, validated once, every fault reported with its place.

mod agree;
mod change;
mod files;
mod inherit;
mod loaded;
mod reader;
mod restraint;
mod served;
mod service;
mod source;
mod topics;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::adapter;
use crate::bus;
use crate::domain::confirmation;
use crate::domain::fault::{Fault, nearest};
use crate::domain::retry::Policy;
use crate::domain::shop::Shop;
use crate::domain::time::Timestamp;
use crate::envelope;
use crate::http::access;
use crate::ports::Stream;
use crate::provider;
use crate::registry;
use crate::retention;
use crate::store;
use crate::telemetry;

pub use files::Files;
pub use loaded::Loaded;
pub use service::{Role, Service};
pub use topics::{Adapters, Topic};

use reader::Reader;
use source::Source;

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
    pub level: LogLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
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
    /// By the names of topics; those that are not named show their format themselves.
    #[serde(skip)]
    pub topics: BTreeMap<String, Topic>,
}

/// What of our own work is published, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// The topic of outcomes; without it, none are written.
    #[serde(default)]
    pub outcomes: Option<String>,
    pub format: envelope::Encoding,
    /// The `source` of the outcomes' CloudEvents.
    pub source: String,
    /// The topic of dead letters; without it, they are kept in the store.
    #[serde(default)]
    pub dead_letters: Option<String>,
}

impl Outgoing {
    /// The topic of each stream that is published.
    pub fn topics(&self) -> BTreeMap<Stream, String> {
        let named = [(Stream::Outcomes, &self.outcomes), (Stream::DeadLetters, &self.dead_letters)];
        named.into_iter().filter_map(|(stream, topic)| Some((stream, topic.clone()?))).collect()
    }
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

/// When a confirmation is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// So long after the order reached the bus a provider must have accepted it.
    pub objective_seconds: u32,
}

impl Confirmation {
    /// The orders that are missed at `now` have waited since a moment from the first of these on and
    /// before the second.
    pub fn missed_at(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let objective = chrono::Duration::seconds(self.objective_seconds.into());
        (now.plus(-confirmation::MOST_WAITED), now.plus(-objective))
    }
}

/// How changes are noticed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// How often files are looked at; 0: only when a SIGHUP asks for it.
    pub poll_seconds: u64,
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
    pub tracing: telemetry::export::Settings,
    pub http: Http,
    pub api: access::Settings,
    pub bus: bus::BusSettings,
    pub events: Events,
    pub registry: registry::Settings,
    pub adapters: adapter::library::Settings,
    pub outgoing: Outgoing,
    pub store: store::Settings,
    pub retention: retention::Settings,
    pub dispatch: Dispatch,
    pub confirmation: Confirmation,
    pub reload: Reload,
    pub rules: Folder,
    pub templates: Folder,
    pub restraint: restraint::Restraint,
    pub unknown_shops: UnknownShops,
    /// What single shops change of rules and templates: a folder for each.
    pub shops_folder: Option<PathBuf>,
    /// What every shop inherits.
    pub shop: Shop,
    pub shops: BTreeMap<String, Shop>,
    pub providers: BTreeMap<String, provider::Settings>,
    source: Source,
}

const SECTIONS: [&str; 21] = [
    "service",
    "log",
    "tracing",
    "http",
    "api",
    "bus",
    "events",
    "registry",
    "adapters",
    "outgoing",
    "store",
    "retention",
    "dispatch",
    "confirmation",
    "reload",
    "rules",
    "templates",
    "restraint",
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
        let (settings, faults) = Self::read(file)?;
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    /// The defaults alone, which serve no shop: for what tries something out without a configuration.
    ///
    /// # Errors
    /// None that a user could cause.
    pub fn bare() -> Result<Self, Vec<Fault>> {
        Self::read(None).map(|(settings, _)| settings)
    }

    /// Reads what can be read, with the defaults in place of the rest, so that all of it can be
    /// looked at; and every fault.
    ///
    /// # Errors
    /// A file that is none, or no TOML.
    fn read(file: Option<&Path>) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let (source, mut tree) = Source::read(file)?;
        let defaults = Source::defaults();
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
        let mut reader = Reader { source: &source, defaults: &defaults, faults: &mut faults };
        let setting_of_all = |key: &str| ["unknown", "folder"].contains(&key);
        for key in shops.as_object().into_iter().flat_map(|shops| shops.keys()).filter(|key| !setting_of_all(key)) {
            let fault = reader.source.fault(&["shops", key], format!("there is no setting 'shops.{key}'"));
            reader.faults.push(fault.suggest(format!("a shop of your own is [shops.named.{key}]")));
        }
        let read = (|| {
            let service = reader.part_or(&["service"], section("service"))?;
            let log = reader.part_or(&["log"], section("log"))?;
            let tracing = reader.part_or(&["tracing"], section("tracing"))?;
            let http = reader.part_or(&["http"], section("http"))?;
            let api = reader.part_or(&["api"], section("api"))?;
            let bus: bus::BusSettings = reader.part_or(&["bus"], section("bus"))?;
            let mut events = section("events");
            let all_topics = events.as_object_mut().and_then(|events| events.remove("topics")).unwrap_or_default();
            let mut events: Events = reader.part_or(&["events"], events)?;
            for (name, own) in all_topics.as_object().into_iter().flatten() {
                let topic = reader.part(&["events", "topics", name], own.clone());
                events.topics.extend(topic.map(|topic| (name.clone(), topic)));
            }
            let registry = reader.part_or(&["registry"], section("registry"))?;
            let adapters = reader.part_or(&["adapters"], section("adapters"))?;
            let outgoing = reader.part_or(&["outgoing"], section("outgoing"))?;
            let store = store_of(&mut reader, section("store"), &bus.group);
            let retention = reader.part_or(&["retention"], section("retention"))?;
            let dispatch = reader.part_or(&["dispatch"], section("dispatch"))?;
            let confirmation = reader.part_or(&["confirmation"], section("confirmation"))?;
            let reload = reader.part_or(&["reload"], section("reload"))?;
            let rules = reader.part_or(&["rules"], section("rules"))?;
            let templates = reader.part_or(&["templates"], section("templates"))?;
            let restraint = reader.part_or(&["restraint"], section("restraint"))?;
            let mut of_all = |key: &str| shops.as_object_mut().and_then(|shops| shops.remove(key)).unwrap_or_default();
            let unknown_shops = reader.part_or(&["shops", "unknown"], of_all("unknown"))?;
            let shops_folder = reader.part_or(&["shops", "folder"], of_all("folder"))?;
            let base_is_sound = reader.part::<Shop>(&["shop"], base.clone()).is_some();
            // the faults of what every shop inherits are told once, not for each shop
            let base = if base_is_sound { base } else { defaults["shop"].clone() };
            let shop = serde_json::from_value(base.clone()).ok()?;
            let mut shops = BTreeMap::new();
            for (id, own) in named.as_object().into_iter().flatten() {
                let shop = inherit::shop(&mut reader, id, &base, own);
                shops.extend(shop.map(|shop| (id.clone(), shop)));
            }
            let mut providers = BTreeMap::new();
            let all = section("providers");
            for (name, own) in all.as_object().into_iter().flatten() {
                let provider = reader.part(&["providers", name], own.clone());
                providers.extend(provider.map(|provider| (name.clone(), provider)));
            }
            let unread = Unread {
                shops: !base_is_sound || shops.len() < named.as_object().map_or(0, serde_json::Map::len),
                base: !base_is_sound,
                providers: all.as_object().into_iter().flat_map(|all| all.keys()).cloned().collect(),
            };
            let settings = Self {
                service,
                log,
                tracing,
                http,
                api,
                store,
                bus,
                events,
                registry,
                adapters,
                outgoing,
                retention,
                dispatch,
                confirmation,
                reload,
                rules,
                templates,
                restraint,
                unknown_shops,
                shops_folder,
                shop,
                shops,
                providers,
                source: source.clone(),
            };
            Some((settings, unread))
        })();
        // the defaults are part of the program, and whole
        let Some((settings, unread)) = read else { return Err(faults) };
        settings.agree(&unread, &mut faults);
        Ok((settings, faults))
    }
}

/// The store that is chosen, its offsets those of the consumer group.
fn store_of(reader: &mut Reader<'_>, mut section: Value, group: &str) -> store::Settings {
    let kind = section.as_object_mut().and_then(|section| section.remove("kind")).unwrap_or_default();
    let group = group.to_owned();
    match kind.as_str() {
        Some("postgres") => {
            let settings: Option<store::postgres::Settings> = reader.part(&["store"], section);
            for (name, what) in settings.iter().flat_map(store::postgres::Settings::faults) {
                reader.faults.push(reader.source.fault(&["store", name], format!("store.{name} {what}")));
            }
            let settings = settings.unwrap_or_default();
            store::Settings::Postgres(Box::new(store::postgres::Settings { group, ..settings }))
        }
        other => {
            if other != Some("sqlite") {
                let what = "store.kind: is none of sqlite, postgres".to_owned();
                let hint = other.and_then(|kind| nearest(kind, store::Settings::KINDS));
                let fault = reader.source.fault(&["store", "kind"], what);
                reader.faults.push(Fault { suggestion: hint.map(|kind| format!("did you mean '{kind}'?")), ..fault });
                return store::Settings::Sqlite(store::sqlite::Settings { group, ..Default::default() });
            }
            let settings: Option<store::sqlite::Settings> = reader.part(&["store"], section);
            for (name, what) in settings.iter().flat_map(store::sqlite::Settings::faults) {
                reader.faults.push(reader.source.fault(&["store", name], format!("store.{name} {what}")));
            }
            let settings = settings.unwrap_or_default();
            store::Settings::Sqlite(store::sqlite::Settings { group, ..settings })
        }
    }
}

/// What could not be read, and so cannot be held against the rest.
struct Unread {
    /// Some shop.
    shops: bool,
    /// What every shop inherits.
    base: bool,
    /// The names of all providers, read or not.
    providers: Vec<String>,
}
