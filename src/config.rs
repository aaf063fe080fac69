//! What the operator decides: read once, validated once, every fault reported with its place.

mod agree;
mod loaded;
mod reader;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bus;
use crate::domain::fault::{Fault, nearest};
use crate::domain::retry::Policy;
use crate::domain::shop::Shop;
use crate::provider;
use crate::store::sqlite;

pub use loaded::Loaded;

use reader::Reader;
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
