//! The leaves of what a template sees. Whatever comes from an event passes through here once,
//! so that no template has to remember to make it safe.

use std::borrow::Cow;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::order::Amount;
use crate::domain::time::{Timestamp, Window};

/// Text on one line: without control characters (a line break could begin a mail header) and
/// without the invisible ones that turn the direction of what follows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Line<'a>(Cow<'a, str>);

/// Longer than any name, and too short to be a document.
const LINE_LIMIT: usize = 600;

impl<'a> Line<'a> {
    /// The text made safe; `None` if nothing remains.
    pub fn new(text: &'a str, width: Option<usize>) -> Option<Self> {
        let clean = clip(one_line(text), width.unwrap_or(LINE_LIMIT));
        (!clean.is_empty()).then_some(Self(clean))
    }

    /// As [`Line::new`], where a template needs something in any case.
    pub fn or_dash(text: &'a str, width: Option<usize>) -> Self {
        Self::new(text, width).unwrap_or(Self(Cow::Borrowed("–")))
    }
}

/// Breaks a line, hides or turns text: nothing that a name, a product or an address needs.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The text with every unsafe character and run of blanks as one blank, trimmed.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let plain = !text.contains("  ") && !text.starts_with(' ') && !text.ends_with(' ') && !text.chars().any(is_unsafe);
    if plain {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c == ' ' || is_unsafe(c) {
            if !clean.ends_with(' ') && !clean.is_empty() {
                clean.push(' ');
            }
        } else {
            clean.push(c);
        }
    }
    clean.truncate(clean.trim_end().len());
    Cow::Owned(clean)
}

/// At most `limit` characters, cut between words and ended with an ellipsis.
pub fn clip(text: Cow<'_, str>, limit: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(limit) else { return text };
    let room = text.char_indices().nth(limit.saturating_sub(1)).map_or(end, |(at, _)| at);
    let kept = &text[..room];
    // a single endless word is cut where the room ends
    let word_end = if text[room..].starts_with(' ') { room } else { kept.rfind(' ').unwrap_or(room) };
    let kept = kept[..word_end].trim_end_matches([' ', ',', ';', ':', '-']);
    Cow::Owned(format!("{kept}…"))
}

/// An address that may be clicked on: `http` or `https`, and nothing that could end an attribute.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Link<'a>(&'a str);

impl<'a> Link<'a> {
    /// The address if it is one that may be shown; anything else is as good as missing.
    pub fn new(url: &'a str) -> Option<Self> {
        let url = url.trim();
        let rest = ["https://", "http://"].into_iter().find_map(|scheme| {
            url.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &url[scheme.len()..])
        })?;
        let odd =
            |c: char| c.is_whitespace() || is_unsafe(c) || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\' | '{' | '}');
        let has_host = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
        (has_host && url.len() <= 2000 && !url.contains(odd)).then_some(Self(url))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A moment, for the helpers `date`, `day`, `day_short` and `time`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Moment(pub Timestamp);

/// A calendar day, for the helpers `date`, `day` and `day_short`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Day(pub NaiveDate);

/// From and until, for the helpers `window` and `window_short`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Span {
    pub earliest: Moment,
    pub latest: Moment,
}

impl From<Window> for Span {
    fn from(window: Window) -> Self {
        Self { earliest: Moment(window.earliest), latest: Moment(window.latest) }
    }
}

/// A reading of a clock on the wall, `09:30`, for the helper `clock`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Clock(pub String);

impl Clock {
    pub fn at(hour: u32, minute: u32) -> Self {
        Self(format!("{hour:02}:{minute:02}"))
    }

    /// `None` unless it is `HH:MM`. `24:00` is how some write the end of a day.
    pub fn new(text: &str) -> Option<Self> {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
        let real = (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
        real.then(|| Self(format!("{:02}:{minute:02}", hour % 24)))
    }
}

/// A sum with its currency, for the helper `money`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Money<'a> {
    pub amount: Amount,
    /// ISO 4217.
    pub currency: &'a str,
}
