//! CloudEvents 1.0 over Kafka: structured JSON, and the binary mode.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::frame::{Frame, Moment, Parts, moment};
use super::{Limits, Refusal, explain, header};
use crate::domain::event::{Body, Event, EventType};
use crate::domain::fault::nearest;
use crate::domain::time::Timestamp;
use crate::ports::Record;

/// The attributes of an event beside its data, which stays unread until its type is known.
#[derive(Deserialize)]
struct Attributes<'a> {
    specversion: Option<String>,
    id: Option<String>,
    source: Option<String>,
    #[serde(rename = "type")]
    event_type: Option<String>,
    time: Option<String>,
    datacontenttype: Option<String>,
    traceparent: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    data_base64: Option<&'a RawValue>,
}

/// An event of a known type, with its data as text.
pub(super) struct Json<'a> {
    id: String,
    source: String,
    time: String,
    traceparent: Option<String>,
    event_type: EventType,
    data: &'a str,
}

/// Takes structured JSON apart.
pub(super) fn structured(value: &[u8]) -> Result<Json<'_>, Refusal> {
    let attributes: Attributes<'_> =
        serde_json::from_slice(value).map_err(|error| explain::attributes(value, &error))?;
    if attributes.data_base64.is_some() {
        return Err(Refusal::decode("invalid_field", "data_base64 is not read; put the data as JSON into data"));
    }
    let data = attributes.data.map(RawValue::get);
    frame(attributes, data)
}

/// Takes the binary mode apart: the attributes are headers, the value is the data.
pub(super) fn binary<'a>(record: &Record, value: &'a [u8]) -> Result<Json<'a>, Refusal> {
    let data = std::str::from_utf8(value).map_err(|_| Refusal::decode("malformed_json", "data is not UTF-8"))?;
    frame(attributes(record)?, Some(data))
}

/// The binary mode with data in Avro, which `data` reads once its type is known.
pub(super) fn binary_avro(
    record: &Record,
    data: impl FnOnce(EventType) -> Result<Value, Refusal>,
) -> Result<Parts, Refusal> {
    let attributes = Attributes { datacontenttype: None, ..attributes(record)? };
    let Json { id, source, time, traceparent, event_type, .. } = frame(attributes, Some("{}"))?;
    Ok(Parts { id, source, time: Moment::Text(time), event_type, traceparent, data: data(event_type)? })
}

fn attributes(record: &Record) -> Result<Attributes<'static>, Refusal> {
    let text = |name: &str| -> Result<Option<String>, Refusal> {
        match header(record, &[name]).map(std::str::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text.to_owned())),
            Some(Err(_)) => Err(Refusal::decode("invalid_field", format!("the header {name} is not UTF-8"))),
        }
    };
    Ok(Attributes {
        specversion: text("ce_specversion")?,
        id: text("ce_id")?,
        source: text("ce_source")?,
        event_type: text("ce_type")?,
        time: text("ce_time")?,
        datacontenttype: text("content-type")?,
        traceparent: None,
        data: None,
        data_base64: None,
    })
}

fn frame<'a>(attributes: Attributes<'_>, data: Option<&'a str>) -> Result<Json<'a>, Refusal> {
    let missing = |field: &str| Refusal::decode("missing_field", format!("{field} is missing; every event needs it"));
    let version = attributes.specversion.ok_or_else(|| missing("specversion"))?;
    if version != "1.0" {
        return Err(Refusal::decode("unsupported_version", "specversion is none that is read; it must be 1.0"));
    }
    let event_type = attributes.event_type.ok_or_else(|| missing("type"))?;
    let event_type = EventType::parse(&event_type).ok_or_else(|| unknown_type(&event_type))?;
    let id = attributes.id.ok_or_else(|| missing("id"))?;
    let source = attributes.source.ok_or_else(|| missing("source"))?;
    let time = attributes.time.ok_or_else(|| missing("time"))?;
    if attributes.datacontenttype.is_some_and(|kind| !is_json(&kind)) {
        return Err(Refusal::decode(
            "invalid_field",
            "datacontenttype is none that is read; it must be application/json",
        ));
    }
    let data = data.filter(|data| *data != "null").ok_or_else(|| missing("data"))?;
    Ok(Json { id, source, time, traceparent: attributes.traceparent, event_type, data })
}

pub(super) fn unknown_type(given: &str) -> Refusal {
    let names = || EventType::ALL.iter().map(|known| known.as_str());
    let hint = match nearest(given, names()) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("known are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Refusal::decode("unknown_type", format!("type is none that is known; {hint}"))
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

impl Frame for Json<'_> {
    fn id(&self) -> &str {
        &self.id
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    fn time(&self) -> Result<Timestamp, Refusal> {
        moment(&self.time)
    }

    fn bounds(&self, limits: &Limits) -> Result<(), Refusal> {
        if within(self.data.as_bytes(), limits) {
            return Ok(());
        }
        let Ok(data) = serde_json::from_str(self.data) else {
            return Ok(()); // reading the body tells what is wrong
        };
        explain::bounds(self.event_type, &data, limits)
    }

    fn body(&self) -> Result<Body, Refusal> {
        let mut reader = serde_json::Deserializer::from_str(self.data);
        let read = self.event_type.read(&mut reader);
        read.and_then(|body| reader.end().map(|()| body))
            .map_err(|error| explain::data_text(self.event_type, self.data, &error))
    }
}

/// Whether no text and no list of this JSON can be longer than allowed. Errs on the side of
/// `false`: what is doubtful is looked at closely, with the path at hand.
fn within(json: &[u8], limits: &Limits) -> bool {
    // a list of n elements takes at least n - 1 commas and n other characters
    if json.len() <= limits.max_text && json.len() < 2 * limits.max_items {
        return true;
    }
    let (mut commas, mut opened) = (0, None);
    let mut at = 0;
    while at < json.len() {
        match (json[at], opened) {
            (b'"', None) => opened = Some(at),
            (b'"', Some(start)) => {
                if at - start > limits.max_text {
                    return false;
                }
                opened = None;
            }
            (b'\\', Some(_)) => at += 1,
            (b',', None) => commas += 1,
            _ => {}
        }
        at += 1;
    }
    commas < limits.max_items
}

/// An event as structured CloudEvents JSON.
pub fn encode(event: &Event) -> Vec<u8> {
    #[derive(Serialize)]
    struct Structured<'a> {
        specversion: &'static str,
        id: &'a str,
        source: &'a str,
        #[serde(rename = "type")]
        event_type: &'static str,
        time: Timestamp,
        datacontenttype: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        traceparent: Option<&'a str>,
        data: &'a Body,
    }
    let structured = Structured {
        specversion: "1.0",
        id: &event.id,
        source: &event.source,
        event_type: event.body.event_type().as_str(),
        time: event.time,
        datacontenttype: "application/json",
        traceparent: event.traceparent.as_deref(),
        data: &event.body,
    };
    serde_json::to_vec(&structured).expect("an event has text keys only, so it is always JSON")
}
