//! From a record's bytes to an event, and back. Pure: no I/O, no clock.
//!
//! Three shapes are read: CloudEvents 1.0 as structured JSON, CloudEvents in binary mode (its
//! attributes as `ce_*` headers, JSON as the value), and Avro single-object encoding. What cannot
//! be read is refused with a stable code and a text that names the field and what would be right.
//! Such texts end up in logs and in headers of dead letters, so they are made of names that we
//! know and never of anything the record holds (I9).

pub mod avro;
pub mod cloudevents;
mod explain;
mod outcome;
mod validate;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::event::{Body, Event};
use crate::domain::time::{Timestamp, reading_in};
use crate::ports::{InboxKey, Record};

pub use avro::encode_avro;
pub use cloudevents::encode;
pub use outcome::{Format, encode_report};

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

/// A record that became an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    pub event: Event,
    /// How many of its times named no zone and were read in the shop's.
    pub zoneless: u32,
}

/// Why a record did not become an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `decode` (it cannot be read) or `validate` (it says what cannot be).
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

    pub fn is_tombstone(&self) -> bool {
        self.cause == Self::TOMBSTONE
    }

    fn decode(cause: &'static str, detail: impl Into<String>) -> Self {
        Self { stage: "decode", cause, detail: detail.into() }
    }

    fn validate(cause: &'static str, detail: impl Into<String>) -> Self {
        Self { stage: "validate", cause, detail: detail.into() }
    }
}

/// Reads a record as the event that it holds. `zone_of` tells a shop's time zone, or `None` if
/// there is no such shop; `now` bounds how far ahead an event's time may be.
///
/// # Errors
/// Why it is not an event.
pub fn decode(
    record: &Record,
    zone_of: &dyn Fn(&str) -> Option<Tz>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decoded, Refusal> {
    let Some(value) = record.value.as_deref() else {
        return Err(Refusal::decode(Refusal::TOMBSTONE, "the record has no value"));
    };
    if value.len() > limits.max_bytes {
        let detail = format!("the value is longer than {} bytes; send it smaller", limits.max_bytes);
        return Err(Refusal::decode("too_large", detail));
    }
    let mut decoded = match Shape::of(record, value)? {
        Shape::Structured => settle(&cloudevents::structured(value)?, zone_of, limits)?,
        Shape::Binary => settle(&cloudevents::binary(record, value)?, zone_of, limits)?,
        Shape::Avro => settle(&avro::single_object(value)?, zone_of, limits)?,
    };
    validate::event(&decoded.event, now)?;
    if decoded.event.traceparent.is_none() {
        decoded.event.traceparent = header(record, &["traceparent", "ce_traceparent"])
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .filter(|text| is_traceparent(text))
            .map(str::to_owned);
    }
    Ok(decoded)
}

/// How an event is wrapped.
enum Shape {
    Structured,
    Binary,
    Avro,
}

impl Shape {
    /// What the headers say counts; without them, what the value begins with.
    fn of(record: &Record, value: &[u8]) -> Result<Self, Refusal> {
        let content_type = header(record, &["content-type"]);
        let structured = b"application/cloudevents";
        if content_type
            .is_some_and(|it| it.len() >= structured.len() && it[..structured.len()].eq_ignore_ascii_case(structured))
        {
            return Ok(Self::Structured);
        }
        if header(record, &["ce_specversion", "ce_id"]).is_some() {
            return Ok(Self::Binary);
        }
        if value.starts_with(&avro::MAGIC) {
            return Ok(Self::Avro);
        }
        if value.trim_ascii_start().first() == Some(&b'{') {
            return Ok(Self::Structured);
        }
        let known = "CloudEvents 1.0 (structured JSON, or binary with ce_* headers) or Avro single-object encoding";
        Err(Refusal::decode("unknown_format", format!("the value is in no known format; send {known}")))
    }
}

/// An event taken out of its wrapping, its body not read yet.
trait Frame {
    fn id(&self) -> &str;
    fn source(&self) -> &str;
    fn traceparent(&self) -> Option<&str>;
    /// When it happened, read in the zone of the enclosing [`reading_in`].
    fn time(&self) -> Result<Timestamp, Refusal>;
    /// Bounds on what [`Frame::body`] would read.
    fn bounds(&self, limits: &Limits) -> Result<(), Refusal>;
    /// What happened, its times read in the zone of the enclosing [`reading_in`].
    fn body(&self) -> Result<Body, Refusal>;
}

/// Reads the body, twice if a time of it names no zone: most events name theirs, so looking for
/// the shop ahead of every reading would cost more.
fn settle<F: Frame>(frame: &F, zone_of: &dyn Fn(&str) -> Option<Tz>, limits: &Limits) -> Result<Decoded, Refusal> {
    frame.bounds(limits)?;
    let (body, zoneless_in_body) = reading_in(Tz::UTC, || frame.body());
    let body = body?;
    validate::identifier("data.shop", body.shop(), validate::NAME)?;
    let zone = zone_of(body.shop()).ok_or_else(|| {
        Refusal::validate("unknown_shop", "data.shop: no such shop is configured; add it, or correct the event")
    })?;
    let (read, zoneless) = reading_in(zone, || {
        let body = if zoneless_in_body > 0 { frame.body()? } else { body };
        Ok((frame.time()?, body))
    });
    let (time, body) = read?;
    let event = Event {
        id: frame.id().to_owned(),
        source: frame.source().to_owned(),
        time,
        traceparent: frame.traceparent().filter(|text| is_traceparent(text)).map(str::to_owned),
        body,
    };
    Ok(Decoded { event, zoneless })
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

/// By what a repetition of the event is known (I1). The length of the source goes in first, so
/// that no two pairs run together.
pub fn inbox_key(event: &Event) -> InboxKey {
    let mut hash = Sha256::new();
    hash.update((event.source.len() as u64).to_le_bytes());
    hash.update(event.source.as_bytes());
    hash.update(event.id.as_bytes());
    let digest = hash.finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    InboxKey(key)
}
