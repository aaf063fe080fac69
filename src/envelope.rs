//! From a record's bytes to events, and back. Pure: no I/O, no clock.
//!
//! How a topic's records are wrapped is configured or detected ([`Format`]): CloudEvents 1.0 as
//! structured JSON or in binary mode, Avro under Confluent's framing or as a single object,
//! Debezium's outbox, plain JSON, and whatever an adapter maps. What cannot be read is refused
//! with a stable code and a text that names the field and what would be right. Such texts end up
//! in logs and in headers of dead letters, so they are made of names that we know and never of
//! anything the record holds (I9).

pub mod avro;
pub mod cloudevents;
pub mod confluent;
mod conform;
mod explain;
mod foreign;
pub mod format;
mod frame;
mod outcome;
mod validate;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smallvec::{SmallVec, smallvec};

use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::ports::{Record, SchemaId};

pub use avro::encode_avro;
pub use cloudevents::encode;
pub use confluent::WriterSchema;
pub use format::{Format, Formats};

use format::Shape;
use frame::settle;
pub use outcome::{Encoding, encode_report};

/// How much of a record is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest value.
    pub max_bytes: usize,
    /// The longest text within an event, in bytes.
    pub max_text: usize,
    /// The longest list within an event.
    pub max_items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 1024 * 1024, max_text: 8 * 1024, max_items: 500 }
    }
}

/// An event out of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    pub event: Event,
    /// How many of its times named no zone and were read in the shop's.
    pub zoneless: u32,
}

/// The events of one record: one, as a rule, which then takes no list of its own. None if an
/// adapter says that the record tells nothing we want to know.
pub type Events = SmallVec<[Decoded; 1]>;

/// Turns a payload that is not ours into events.
pub trait Adapt: Send + Sync {
    /// Canonical events as structured CloudEvents JSON (objects with specversion, id, source,
    /// type, time and data); none if the payload is ignored on purpose. A repetition of the
    /// record must give the same ids (I1).
    ///
    /// # Errors
    /// Why the payload cannot be adapted, in words that hold nothing of it (I9).
    fn adapt(&self, payload: &Value, record: &Record) -> Result<Vec<Value>, Refusal>;
}

/// Why a record did not become an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `decode` (it cannot be read), `adapt` (it cannot be mapped) or `validate` (it says what
    /// cannot be).
    pub stage: &'static str,
    /// A stable code, for metrics and for finding dead letters.
    pub cause: &'static str,
    /// The field, what is wrong with it and what would be right; no value of the record (I9).
    pub detail: String,
}

impl Refusal {
    /// The cause of a record without a value, which is no fault: publishers of compacted topics
    /// send them. It is counted, not kept.
    pub const TOMBSTONE: &'static str = "tombstone";

    /// The cause of a record with a code that its adapter does not know yet.
    pub const UNMAPPED_CODE: &'static str = "unmapped_code";

    pub fn is_tombstone(&self) -> bool {
        self.cause == Self::TOMBSTONE
    }

    /// It cannot be read.
    pub fn decode(cause: &'static str, detail: impl Into<String>) -> Self {
        Self { stage: "decode", cause, detail: detail.into() }
    }

    /// It says what cannot be.
    pub fn validate(cause: &'static str, detail: impl Into<String>) -> Self {
        Self { stage: "validate", cause, detail: detail.into() }
    }
}

/// What is known while a record is read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub format: &'a Format,
    /// The schema of the [`schema_id`] that the record names.
    pub schema: Option<&'a WriterSchema>,
    /// A shop's time zone, or `None` if there is no such shop.
    pub zone_of: &'a dyn Fn(&str) -> Option<Tz>,
    pub limits: &'a Limits,
    /// Bounds how far ahead an event's time may be.
    pub now: Timestamp,
}

/// The schema in a registry that must be known before the record can be read.
pub fn schema_id(record: &Record, format: &Format, limits: &Limits) -> Option<SchemaId> {
    let value = record.value.as_deref().filter(|value| value.len() <= limits.max_bytes)?;
    let id = confluent::id(record, value)?;
    Shape::of(record, value, format).is_ok_and(|shape| shape.may_be_registered()).then_some(id)
}

/// Reads a record as the events that it holds: all of them, or none.
///
/// # Errors
/// Why it is not an event.
pub fn decode(record: &Record, reading: &Reading<'_>) -> Result<Events, Refusal> {
    let limits = reading.limits;
    let Some(value) = record.value.as_deref() else {
        return Err(Refusal::decode(Refusal::TOMBSTONE, "the record has no value"));
    };
    if value.len() > limits.max_bytes {
        let detail = format!("the value is longer than {} bytes; send it smaller", limits.max_bytes);
        return Err(Refusal::decode("too_large", detail));
    }
    let zone_of = reading.zone_of;
    let decoded = match Shape::of(record, value, reading.format)? {
        Shape::Structured => settle(&cloudevents::structured(value)?, zone_of, limits)?,
        Shape::Binary => settle(&cloudevents::binary(record, value)?, zone_of, limits)?,
        Shape::BinaryAvro => {
            let schema = confluent::schema(reading.schema)?;
            let datum = confluent::datum(record, value);
            settle(&cloudevents::binary_avro(record, |kind| schema.data(datum, kind))?, zone_of, limits)?
        }
        Shape::SingleObject => settle(&avro::single_object(value)?, zone_of, limits)?,
        Shape::Confluent => {
            let schema = confluent::schema(reading.schema)?;
            settle(&schema.event(confluent::datum(record, value))?, zone_of, limits)?
        }
        Shape::Outbox(mapping) => {
            let wrapped = foreign::payload(record, value, reading.schema)?;
            match foreign::outbox(wrapped)? {
                foreign::Outbox::Event(text) => settle(&cloudevents::structured(text.as_bytes())?, zone_of, limits)?,
                foreign::Outbox::Row(row) => settle(&foreign::row(record, row, mapping)?, zone_of, limits)?,
            }
        }
        Shape::Json(mapping) => {
            let payload = foreign::payload(record, value, reading.schema)?;
            settle(&foreign::json(record, payload, mapping)?, zone_of, limits)?
        }
        Shape::Adapted(adapter) => {
            let payload = foreign::payload(record, value, reading.schema)?;
            let events = adapter.adapt(&payload, record)?;
            return events.iter().map(|event| adapted(event, record, reading)).collect();
        }
    };
    Ok(smallvec![finish(decoded, record, reading.now)?])
}

/// One of the events that an adapter made, held to what holds for all.
fn adapted(event: &Value, record: &Record, reading: &Reading<'_>) -> Result<Decoded, Refusal> {
    let text = event.to_string();
    let decoded = settle(&cloudevents::structured(text.as_bytes())?, reading.zone_of, reading.limits)?;
    finish(decoded, record, reading.now)
}

fn finish(mut decoded: Decoded, record: &Record, now: Timestamp) -> Result<Decoded, Refusal> {
    validate::event(&decoded.event, now)?;
    if decoded.event.traceparent.is_none() {
        decoded.event.traceparent = traceparent(record).map(str::to_owned);
    }
    Ok(decoded)
}

/// The W3C trace context that the record's headers name, if it is one.
pub fn traceparent(record: &Record) -> Option<&str> {
    let text = std::str::from_utf8(header(record, &["traceparent", "ce_traceparent"])?).ok()?;
    is_traceparent(text).then_some(text)
}

/// The first header of one of these names, whatever its case.
fn header<'a>(record: &'a Record, names: &[&str]) -> Option<&'a [u8]> {
    let named = |name: &str| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
    record.headers.iter().find(|(name, _)| named(name)).map(|(_, value)| value.as_ref())
}

/// Whether `text` is a W3C `traceparent` that a receiver would accept.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let some = |part: &str| part.bytes().any(|b| b != b'0');
    match parts.as_slice() {
        [version, trace, span, flags] => {
            hex(version, 2)
                && *version != "ff"
                && hex(trace, 32)
                && some(trace)
                && hex(span, 16)
                && some(span)
                && hex(flags, 2)
        }
        _ => false,
    }
}

/// Reads an event that was parked: it had been read and checked before.
///
/// # Errors
/// Where it is broken; the store has changed it.
pub fn read_parked(value: &[u8]) -> Result<Event, String> {
    let limits = Limits { max_bytes: 1 << 30, max_text: 1 << 30, max_items: 1 << 30 };
    cloudevents::structured(value)
        .and_then(|frame| settle(&frame, &|_| Some(Tz::UTC), &limits))
        .map(|decoded| decoded.event)
        .map_err(|refusal| refusal.detail)
}
