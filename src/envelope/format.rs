//! How the records of a topic are wrapped: as the operator says, or as they show themselves.
//!
//! Detected is what cannot be mistaken for anything else: a content type of CloudEvents, `ce_*`
//! headers, Confluent's framing (a first byte 0, or a GUID in a header), the two bytes of a single
//! object, and a JSON object, which is then a structured CloudEvent or refused. Never guessed are
//! Debezium's outbox, plain JSON and adapters: nothing in them says what they are, and a wrong
//! guess would make events of what is none.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Adapt, Refusal, avro, confluent, header};
use crate::domain::event::EventType;
use crate::ports::Record;

/// How the records of a topic are wrapped.
#[derive(Clone, Default)]
pub enum Format {
    /// Whatever shows itself: see [the module](self).
    #[default]
    Detect,
    /// CloudEvents, structured or binary; the binary mode with JSON or with Avro under Confluent's
    /// framing.
    CloudEvents,
    /// An Avro record of ours, its writer's schema in a registry.
    ConfluentAvro,
    /// Avro single-object encoding with a schema of `schemas/avro`.
    Avro,
    /// The records of Debezium's outbox event router.
    Debezium(Mapping),
    /// JSON whose parts are where the mapping says.
    Json(Mapping),
    /// A payload that an adapter makes events of.
    Adapter(Arc<dyn Adapt>),
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detect => f.write_str("Detect"),
            Self::CloudEvents => f.write_str("CloudEvents"),
            Self::ConfluentAvro => f.write_str("ConfluentAvro"),
            Self::Avro => f.write_str("Avro"),
            Self::Debezium(mapping) => f.debug_tuple("Debezium").field(mapping).finish(),
            Self::Json(mapping) => f.debug_tuple("Json").field(mapping).finish(),
            Self::Adapter(_) => f.write_str("Adapter"),
        }
    }
}

/// Where the parts of an event come from in a record that is no CloudEvent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// The first that is there.
    pub event_type: Vec<Origin>,
    /// The publisher's words for the types, where they are not ours.
    pub types: BTreeMap<String, EventType>,
    /// Without one, the record is known by its place in the topic.
    pub id: Option<Origin>,
    /// Without one, the record's timestamp.
    pub time: Option<Origin>,
    /// Without one, the topic.
    pub source: Option<Origin>,
    /// A JSON pointer (RFC 6901) to the data; without one, the whole payload.
    pub data: Option<String>,
}

/// Where one part comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The same for every record.
    Fixed(String),
    /// A header of that name, whatever its case.
    Header(String),
    /// A JSON pointer (RFC 6901) into the payload.
    Field(String),
}

impl Mapping {
    /// What Debezium's event router does unless it is told otherwise: the event's id in the
    /// header `id`; the type, if it is handed on at all, in a header or a field `eventType` (the
    /// name in Debezium's documentation) or `type` (the column's).
    pub fn debezium() -> Self {
        let header = |name: &str| Origin::Header(name.to_owned());
        let field = |name: &str| Origin::Field(format!("/{name}"));
        Self {
            event_type: vec![header("eventType"), header("type"), field("eventType"), field("type")],
            id: Some(header("id")),
            ..Self::default()
        }
    }
}

/// The formats of all topics.
#[derive(Clone, Debug, Default)]
pub struct Formats(HashMap<String, Format>);

impl Formats {
    pub fn new(formats: impl IntoIterator<Item = (String, Format)>) -> Self {
        Self(formats.into_iter().collect())
    }

    /// The format of a topic; one that is not named is looked at record by record.
    pub fn of(&self, topic: &str) -> &Format {
        self.0.get(topic).unwrap_or(&Format::Detect)
    }
}

/// How one record is wrapped.
pub(super) enum Shape<'a> {
    Structured,
    Binary,
    BinaryAvro,
    SingleObject,
    Confluent,
    Outbox(&'a Mapping),
    Json(&'a Mapping),
    Adapted(&'a dyn Adapt),
}

impl<'a> Shape<'a> {
    /// What the headers say counts; without them, what the value begins with.
    pub fn of(record: &Record, value: &[u8], format: &'a Format) -> Result<Self, Refusal> {
        let is_object = || value.trim_ascii_start().first() == Some(&b'{');
        match format {
            Format::Debezium(mapping) => return Ok(Self::Outbox(mapping)),
            Format::Json(mapping) => return Ok(Self::Json(mapping)),
            Format::Adapter(adapter) => return Ok(Self::Adapted(&**adapter)),
            Format::ConfluentAvro if confluent::id(record, value).is_some() => return Ok(Self::Confluent),
            Format::Avro if value.starts_with(&avro::MAGIC) => return Ok(Self::SingleObject),
            Format::ConfluentAvro => {
                return Err(unknown("Confluent's framing: a byte 0 and 4 bytes of the schema's id"));
            }
            Format::Avro => return Err(unknown("Avro single-object encoding: C3 01 and 8 bytes of fingerprint")),
            Format::Detect | Format::CloudEvents => {}
        }
        let content_type = header(record, &["content-type"]).unwrap_or_default();
        if begins_with(content_type, b"application/cloudevents") {
            return Ok(Self::Structured);
        }
        if header(record, &["ce_specversion", "ce_id"]).is_some() {
            return Ok(if begins_with(content_type, b"application/avro") { Self::BinaryAvro } else { Self::Binary });
        }
        if matches!(format, Format::Detect) {
            if confluent::id(record, value).is_some() {
                return Ok(Self::Confluent);
            }
            if value.starts_with(&avro::MAGIC) {
                return Ok(Self::SingleObject);
            }
        }
        if is_object() {
            return Ok(Self::Structured);
        }
        let known = "CloudEvents 1.0 (structured JSON, or binary with ce_* headers)";
        match format {
            Format::Detect => Err(unknown(&format!(
                "{known} or Avro (single-object, or with Confluent's framing), or name the topic's format in events.topics"
            ))),
            _ => Err(unknown(known)),
        }
    }

    /// Whether its value can be one whose schema is in a registry.
    pub fn may_be_registered(&self) -> bool {
        !matches!(self, Self::Structured | Self::Binary | Self::SingleObject)
    }
}

fn unknown(right: &str) -> Refusal {
    Refusal::decode("unknown_format", format!("the value is in no known format; send {right}"))
}

fn begins_with(text: &[u8], prefix: &[u8]) -> bool {
    text.len() >= prefix.len() && text[..prefix.len()].eq_ignore_ascii_case(prefix)
}

/// The text of a header; what a JSON converter wrote with quotes is taken out of them.
pub(super) fn header_text(record: &Record, name: &str) -> Option<String> {
    let text = std::str::from_utf8(header(record, &[name])?).ok()?;
    match serde_json::from_str(text) {
        Ok(Value::String(quoted)) => Some(quoted),
        _ => Some(text.to_owned()),
    }
}
