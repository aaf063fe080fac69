//! What is to be published, and when.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::domain::time::{Timestamp, reading_in};

/// One record of the play.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    pub at: Timestamp,
    pub topic: &'static str,
    pub key: String,
    pub value: Vec<u8>,
    /// The journey it is about, where the event says so: shop and order.
    pub journey: Option<(String, String)>,
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
    tracking_number: Option<String>,
    customer_id: Option<String>,
}

/// The cue of an event. What cannot be read is published all the same, right after `before`:
/// that is what dead letters are for.
pub fn cue(line: &[u8], before: Timestamp) -> Cue {
    let peek: Option<Peek> = serde_json::from_slice(line).ok();
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
        value: line.to_vec(),
        journey: data.and_then(|data| Some((data.shop.clone()?, data.order_id.clone()?))),
    }
}

/// Reads a file of events, one JSON object a line, in the order in which they are to be played.
///
/// # Errors
/// A file that cannot be read, or holds nothing.
pub fn read(file: &Path) -> anyhow::Result<Vec<Cue>> {
    let text = std::fs::read(file).with_context(|| format!("the events of {}", file.display()))?;
    let mut cues: Vec<Cue> = Vec::new();
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        let before = cues.last().map_or(Timestamp::from_millis(0), |cue| cue.at);
        cues.push(cue(line, before));
    }
    anyhow::ensure!(!cues.is_empty(), "{} holds no event", file.display());
    cues.sort_by_key(|cue| cue.at);
    Ok(cues)
}
