//! What is to be published, and when.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::event::{Reference, Waybill};
use crate::domain::time::{Timestamp, reading_in};

/// One record of the play.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    pub at: Timestamp,
    pub topic: &'static str,
    pub key: String,
    pub value: Vec<u8>,
    /// What it is about, where the event says so: the shop, and how the journey is found.
    pub about: Option<(String, Reference)>,
}

/// As much of an event as it takes to publish it.
#[derive(Deserialize)]
struct Peek {
    #[serde(rename = "type", default)]
    event_type: String,
    time: Option<String>,
    /// When it was recorded, if later than it happened: it is published then (the CloudEvents
    /// extension of that name).
    recordedtime: Option<String>,
    #[serde(default)]
    data: PeekData,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PeekData {
    shop: Option<String>,
    order_id: Option<String>,
    carrier: Option<String>,
    tracking_number: Option<String>,
    customer_id: Option<String>,
}

impl PeekData {
    /// What the event is about, as far as it says.
    fn reference(&self) -> Option<Reference> {
        let waybill = || {
            let (carrier, tracking_number) = (self.carrier.clone()?, self.tracking_number.clone()?);
            Some(Reference::Parcel(Waybill { carrier, tracking_number }))
        };
        let customer = || self.customer_id.clone().map(Reference::Customer);
        self.order_id.clone().map(Reference::Order).or_else(waybill).or_else(customer)
    }
}

/// The cue of an event. What cannot be read is published all the same, right after `before`:
/// that is what dead letters are for.
pub fn cue(event: &[u8], before: Timestamp) -> Cue {
    let peek: Option<Peek> = serde_json::from_slice(event).ok();
    let data = peek.as_ref().map(|peek| &peek.data);
    let zone = super::stories::zone(data.and_then(|data| data.shop.as_deref()).unwrap_or_default());
    let said = peek.as_ref().and_then(|peek| peek.recordedtime.as_ref().or(peek.time.as_ref()));
    let at = said.and_then(|text| reading_in(zone, || Timestamp::parse(text)).0.ok()).unwrap_or(before);
    let of_carrier = peek.as_ref().is_some_and(|peek| peek.event_type.starts_with("parcel."));
    let key = data.and_then(|data| {
        let by_number = data.tracking_number.as_ref().filter(|_| of_carrier);
        by_number.or(data.order_id.as_ref()).or(data.customer_id.as_ref()).cloned()
    });
    Cue {
        at,
        topic: if of_carrier { "reassure.carriers" } else { "reassure.orders" },
        key: key.unwrap_or_default(),
        value: event.to_vec(),
        about: data.and_then(|data| Some((data.shop.clone()?, data.reference()?))),
    }
}

/// Reads a file of events, JSON objects one after the other, in the order in which they are to be
/// played: each at its own time, those of one time as they stand in the file.
///
/// # Errors
/// A file that cannot be read, or holds nothing.
pub fn read(file: &Path) -> anyhow::Result<Vec<Cue>> {
    let text = std::fs::read(file).with_context(|| format!("the events of {}", file.display()))?;
    let mut cues: Vec<Cue> = Vec::new();
    for event in events(&text) {
        let before = cues.last().map_or(Timestamp::from_millis(0), |cue| cue.at);
        cues.push(cue(event, before));
    }
    let first = cues.iter().map(|cue| cue.at).find(|at| *at > Timestamp::from_millis(0));
    anyhow::ensure!(!cues.is_empty(), "{} holds no event", file.display());
    // what stands before the first time that can be read is played with it
    for cue in cues.iter_mut().take_while(|cue| cue.at == Timestamp::from_millis(0)) {
        cue.at = first.unwrap_or(cue.at);
    }
    cues.sort_by_key(|cue| cue.at);
    Ok(cues)
}

/// The JSON values of a text, however they are spread over lines; what is none, line by line.
fn events(text: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        let whole = matches!(values.next(), Some(Ok(_))).then(|| values.byte_offset()).filter(|_| rest[0] == b'{');
        let end = whole.unwrap_or_else(|| rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
        found.push(rest[..end].trim_ascii());
        rest = rest[end..].trim_ascii_start();
    }
    found
}
