//! What the operator says of the records of a topic: how they are wrapped, and where the parts of
//! an event are in those that are no CloudEvents.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Settings;
use crate::domain::event::EventType;
use crate::domain::fault::{Fault, nearest};
use crate::envelope::format::{Mapping, Origin};
use crate::envelope::{Adapt, Format, Formats};

/// Adapters by their names.
pub type Adapters = BTreeMap<String, Arc<dyn Adapt>>;

/// How the records of one topic are wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    #[serde(default)]
    pub format: Name,
    #[serde(default, rename = "type")]
    pub event_type: Option<Origin>,
    /// The publisher's types, each with ours.
    #[serde(default)]
    pub types: BTreeMap<String, String>,
    #[serde(default)]
    pub id: Option<Origin>,
    #[serde(default)]
    pub time: Option<Origin>,
    #[serde(default)]
    pub source: Option<Origin>,
    #[serde(default)]
    pub data: Option<String>,
}

/// The name of a format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Name {
    #[default]
    Detect,
    CloudEvents,
    ConfluentAvro,
    Avro,
    Debezium,
    Json,
    Adapter(String),
}

const NAMES: &str = "detect, cloudevents, confluent_avro, avro, debezium, json and adapter:<name>";

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.as_str() {
            "detect" => Self::Detect,
            "cloudevents" => Self::CloudEvents,
            "confluent_avro" => Self::ConfluentAvro,
            "avro" => Self::Avro,
            "debezium" => Self::Debezium,
            "json" => Self::Json,
            other => match other.strip_prefix("adapter:").map(str::trim).filter(|name| !name.is_empty()) {
                Some(name) => Self::Adapter(name.to_owned()),
                None => return Err(D::Error::custom(format!("there is no format '{other}'; known are {NAMES}"))),
            },
        })
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RIGHT: &str = "a text that is the same for all, { header = \"…\" } or { field = \"/…\" }";
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Origin;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(RIGHT)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Origin, E> {
                Ok(Origin::Fixed(text.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut table: A) -> Result<Origin, A::Error> {
                let entry = table.next_entry::<String, Value>()?;
                let more = table.next_entry::<String, Value>()?.is_some();
                let entry = entry.filter(|_| !more);
                match entry.as_ref().and_then(|(kind, text)| Some((kind.as_str(), text.as_str()?))) {
                    Some(("header", name)) if !name.is_empty() => Ok(Origin::Header(name.to_owned())),
                    Some(("field", pointer)) if pointer.starts_with('/') => Ok(Origin::Field(pointer.to_owned())),
                    Some(("field", _)) => Err(A::Error::custom("a field is a JSON pointer, such as \"/meta/id\"")),
                    _ => Err(A::Error::custom(format!("expected {RIGHT}"))),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl Settings {
    /// The formats of all topics, their adapters looked up.
    ///
    /// # Errors
    /// What does not go together.
    pub fn formats(&self, adapters: &Adapters) -> Result<Formats, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut formats = Vec::new();
        for (name, topic) in &self.events.topics {
            let mut check = Check { settings: self, name, faults: &mut faults };
            check.is_read();
            formats.extend(check.format(topic, adapters).map(|format| (name.clone(), format)));
        }
        if faults.is_empty() { Ok(Formats::new(formats)) } else { Err(faults) }
    }
}

struct Check<'a> {
    settings: &'a Settings,
    name: &'a str,
    faults: &'a mut Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, key: &[&str], what: &str, right: impl Into<String>) {
        let path = [&["events", "topics", self.name], key].concat();
        let what = format!("events.topics.\"{}\": {what}", self.name);
        self.faults.push(self.settings.source.fault(&path, what).suggest(right));
    }

    fn is_read(&mut self) {
        let topics = &self.settings.bus.topics;
        if !topics.iter().any(|topic| topic == self.name) {
            let right = match nearest(self.name, topics.iter().map(String::as_str)) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "add it to bus.topics".to_owned(),
            };
            self.fault(&[], "no topic of that name is read", right);
        }
    }

    fn format(&mut self, topic: &Topic, adapters: &Adapters) -> Option<Format> {
        let before = self.faults.len();
        let format = match &topic.format {
            Name::Detect => Format::Detect,
            Name::CloudEvents => Format::CloudEvents,
            Name::ConfluentAvro => {
                if self.settings.registry.url.is_none() {
                    self.fault(&["format"], "confluent_avro needs a registry", "set registry.url");
                }
                Format::ConfluentAvro
            }
            Name::Avro => Format::Avro,
            Name::Debezium => {
                if topic.data.is_some() {
                    self.fault(&["data"], "'data' goes with json only", "debezium's is its payload");
                }
                Format::Debezium(self.mapping(topic, Mapping::debezium()))
            }
            Name::Json => {
                if topic.event_type.is_none() {
                    let right = "add type = \"order.placed\", { header = \"…\" } or { field = \"/…\" }";
                    self.fault(&[], "json does not say its type", right);
                }
                Format::Json(self.mapping(topic, Mapping::default()))
            }
            Name::Adapter(name) => match adapters.get(name) {
                Some(adapter) => Format::Adapter(Arc::clone(adapter)),
                None => {
                    let known = adapters.keys().map(String::as_str);
                    let right = nearest(name, known.clone()).map(|near| format!("did you mean 'adapter:{near}'?"));
                    let known = || format!("known are {}", known.collect::<Vec<_>>().join(", "));
                    self.fault(&["format"], &format!("there is no adapter '{name}'"), right.unwrap_or_else(known));
                    return None;
                }
            },
        };
        if !matches!(format, Format::Debezium(_) | Format::Json(_)) {
            self.without_mapping(topic);
        }
        (self.faults.len() == before).then_some(format)
    }

    fn mapping(&mut self, topic: &Topic, default: Mapping) -> Mapping {
        for (key, origin, why) in [
            ("id", &topic.id, "each event has an id of its own"),
            ("time", &topic.time, "each event has a time of its own"),
        ] {
            if let Some(Origin::Fixed(_)) = origin {
                self.fault(&[key], &format!("'{key}' is fixed; {why}"), "name a header or a field");
            }
        }
        if topic.data.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
            self.fault(&["data"], "'data' is no JSON pointer", "write it as \"/payload\"");
        }
        let mut types = BTreeMap::new();
        for (theirs, ours) in &topic.types {
            match EventType::parse(ours) {
                Some(event_type) => {
                    types.insert(theirs.clone(), event_type);
                }
                None => self.unknown_type(&["types", theirs], ours),
            }
        }
        if let Some(Origin::Fixed(fixed)) = &topic.event_type
            && EventType::parse(fixed).is_none()
            && !types.contains_key(fixed)
        {
            self.unknown_type(&["type"], fixed);
        }
        Mapping {
            event_type: topic.event_type.clone().map_or(default.event_type, |origin| vec![origin]),
            types,
            id: topic.id.clone().or(default.id),
            time: topic.time.clone(),
            source: topic.source.clone(),
            data: topic.data.clone(),
        }
    }

    fn unknown_type(&mut self, key: &[&str], given: &str) {
        let names = || EventType::ALL.iter().map(|known| known.as_str());
        let right = match nearest(given, names()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("known are {}", names().collect::<Vec<_>>().join(", ")),
        };
        self.fault(key, &format!("'{given}' is no type of an event"), right);
    }

    /// What only payloads without attributes of their own need.
    fn without_mapping(&mut self, topic: &Topic) {
        let given = [
            ("type", topic.event_type.is_some()),
            ("types", !topic.types.is_empty()),
            ("id", topic.id.is_some()),
            ("time", topic.time.is_some()),
            ("source", topic.source.is_some()),
            ("data", topic.data.is_some()),
        ];
        for (key, _) in given.iter().filter(|(_, given)| *given) {
            self.fault(&[key], &format!("'{key}' goes with json and debezium only"), "take it out, or set the format");
        }
    }
}
