//! An event taken out of its wrapping, and how it becomes one of ours.

use chrono_tz::Tz;
use serde_json::Value;

use super::{Decoded, Limits, Refusal, explain, is_traceparent, validate};
use crate::domain::event::{Body, Event, EventType};
use crate::domain::time::{Timestamp, reading_in};

/// An event taken out of its wrapping, its body not read yet.
pub(super) trait Frame {
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
pub(super) fn settle<F: Frame>(
    frame: &F,
    zone_of: &dyn Fn(&str) -> Option<Tz>,
    limits: &Limits,
) -> Result<Decoded, Refusal> {
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

/// When an event happened, as it was written.
pub(super) enum Moment {
    /// Milliseconds since 1970.
    Millis(i64),
    Text(String),
}

/// An event whose data has been read as JSON, whatever it was written as.
pub(super) struct Parts {
    pub id: String,
    pub source: String,
    pub time: Moment,
    pub event_type: EventType,
    pub traceparent: Option<String>,
    pub data: Value,
}

impl Frame for Parts {
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
        match &self.time {
            Moment::Millis(millis) => Ok(Timestamp::from_millis(*millis)),
            Moment::Text(text) => moment(text),
        }
    }

    fn bounds(&self, limits: &Limits) -> Result<(), Refusal> {
        explain::bounds(self.event_type, &self.data, limits)
    }

    fn body(&self) -> Result<Body, Refusal> {
        self.event_type.read(&self.data).map_err(|_| explain::data(self.event_type, &self.data))
    }
}

/// Reads the time of an event, in the zone of the enclosing [`reading_in`].
pub(super) fn moment(text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).map_err(|_| {
        let right = "write it as RFC 3339 does, such as 2026-03-02T09:30:00+01:00";
        Refusal::decode("invalid_field", format!("time is not a date and time; {right}"))
    })
}
