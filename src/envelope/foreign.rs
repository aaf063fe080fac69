//! Payloads that are no CloudEvents: plain JSON and the records of Debezium's outbox, taken apart
//! as the topic's mapping says.
//!
//! The outbox event router puts the row's id into the header `id`, its aggregate's id into the key
//! and its payload into the value: as the text that the column holds, as JSON (`expand.json.payload`),
//! or, once further columns are placed into the envelope, as the field `payload` beside them. Kafka
//! Connect's JSON converter may put `schema` and `payload` around all of it.
//! (<https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html>)

use serde_json::Value;

use super::confluent::{self, WriterSchema};
use super::format::{Mapping, Origin, header_text};
use super::frame::{Moment, Parts};
use super::{Refusal, cloudevents, explain};
use crate::domain::event::EventType;
use crate::ports::Record;

/// The payload as JSON, whether it came as JSON or as Avro whose schema is in a registry.
pub fn payload(record: &Record, value: &[u8], schema: Option<&WriterSchema>) -> Result<Value, Refusal> {
    match confluent::id(record, value) {
        Some(_) => confluent::schema(schema)?.json(confluent::datum(record, value)),
        None => serde_json::from_slice(value).map_err(|error| explain::json("the value", &error)),
    }
}

/// What an outbox record holds.
pub enum Outbox {
    /// The payload is a CloudEvent already.
    Event(String),
    Row(Row),
}

/// A row of the outbox.
pub struct Row {
    /// The payload, or the envelope with the payload and what was placed beside it.
    whole: Value,
    data: Value,
}

/// Takes off what the connector's converters put around a payload.
pub fn outbox(value: Value) -> Result<Outbox, Refusal> {
    let whole = opened(unwrapped(value))?;
    let data = match whole.get("payload") {
        Some(payload) => opened(payload.clone())?,
        None => whole.clone(),
    };
    Ok(if data.get("specversion").is_some() {
        Outbox::Event(data.to_string())
    } else {
        Outbox::Row(Row { whole, data })
    })
}

/// Without the `schema` and `payload` of Connect's JSON converter.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::Object(mut wrapped) if wrapped.len() == 2 && wrapped.contains_key("schema") => {
            match wrapped.remove("payload") {
                Some(payload) => payload,
                None => Value::Object(wrapped),
            }
        }
        value => value,
    }
}

/// The JSON within a text, if it is one.
fn opened(value: Value) -> Result<Value, Refusal> {
    match value {
        Value::String(text) => serde_json::from_str(&text).map_err(|error| explain::json("the payload", &error)),
        value => Ok(value),
    }
}

/// The event of an outbox row.
pub fn row(record: &Record, row: Row, mapping: &Mapping) -> Result<Parts, Refusal> {
    let Row { whole, data } = row;
    Origins { record, payload: &whole, mapping }.parts(data)
}

/// The event of a JSON payload.
pub fn json(record: &Record, payload: Value, mapping: &Mapping) -> Result<Parts, Refusal> {
    let data = match &mapping.data {
        None => payload.clone(),
        Some(pointer) => payload.pointer(pointer).cloned().ok_or_else(|| {
            Refusal::decode("missing_field", format!("{pointer} is missing; the topic's data is there"))
        })?,
    };
    Origins { record, payload: &payload, mapping }.parts(data)
}

struct Origins<'a> {
    record: &'a Record,
    payload: &'a Value,
    mapping: &'a Mapping,
}

impl Origins<'_> {
    fn parts(&self, data: Value) -> Result<Parts, Refusal> {
        Ok(Parts {
            event_type: self.event_type()?,
            id: match &self.mapping.id {
                Some(origin) => self.required("id", origin)?,
                None => self.place(),
            },
            source: match &self.mapping.source {
                Some(origin) => self.required("source", origin)?,
                None => format!("/{}", self.record.partition.topic),
            },
            time: self.time()?,
            traceparent: None,
            data,
        })
    }

    fn event_type(&self) -> Result<EventType, Refusal> {
        let origins = &self.mapping.event_type;
        let given = origins.iter().find_map(|origin| self.text(origin)).ok_or_else(|| {
            let places: Vec<String> = origins.iter().map(place_of).collect();
            Refusal::decode("missing_field", format!("type is missing; it is looked for in {}", places.join(", ")))
        })?;
        match self.mapping.types.get(&given) {
            Some(event_type) => Ok(*event_type),
            None => EventType::parse(&given).ok_or_else(|| cloudevents::unknown_type(&given)),
        }
    }

    fn time(&self) -> Result<Moment, Refusal> {
        let Some(origin) = &self.mapping.time else {
            let none = || Refusal::decode("missing_field", "the record has no timestamp; set the topic's time");
            return self.record.timestamp.map(Moment::Millis).ok_or_else(none);
        };
        let text = self.required("time", origin)?;
        // as far as text goes, numbers are milliseconds, as they are in Avro's
        Ok(text.parse().map_or(Moment::Text(text), Moment::Millis))
    }

    fn required(&self, part: &str, origin: &Origin) -> Result<String, Refusal> {
        self.text(origin).ok_or_else(|| {
            let place = place_of(origin);
            Refusal::decode("missing_field", format!("{part} is missing; it is looked for in {place}"))
        })
    }

    fn text(&self, origin: &Origin) -> Option<String> {
        match origin {
            Origin::Fixed(text) => Some(text.clone()),
            Origin::Header(name) => header_text(self.record, name),
            Origin::Field(pointer) => match self.payload.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
        }
    }

    /// Where the record stands, which is the same whenever it is read again; with its timestamp,
    /// because a topic that is made anew counts from the start again.
    fn place(&self) -> String {
        let Record { partition, offset, timestamp, .. } = self.record;
        format!("{}/{}/{offset}@{}", partition.topic, partition.number, timestamp.unwrap_or_default())
    }
}

fn place_of(origin: &Origin) -> String {
    match origin {
        Origin::Fixed(_) => "the configuration".to_owned(),
        Origin::Header(name) => format!("the header {name}"),
        Origin::Field(pointer) => format!("the field {pointer}"),
    }
}
