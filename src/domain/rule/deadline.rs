//! The moments that rules wait for: `4h after promise`, `2 working days after last_scan`,
//! `1 open day before hold_until`, `silence after last_scan`.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::domain::fault::nearest;
use crate::domain::time::{parse_span, spell_span};

/// A moment that a deadline counts from. It exists only while it makes sense to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The order was placed.
    Placed,
    /// The latest end of the promise, while the order has not arrived.
    Promise,
    /// The parcel's last scan, while it is under way.
    LastScan,
    /// The last moment to collect it, while it waits.
    HoldUntil,
    /// The whole order was delivered or collected.
    Arrival,
    /// The beginning of the appointment, while the order has not arrived.
    Appointment,
}

impl Anchor {
    pub const ALL: [Self; 6] =
        [Self::Placed, Self::Promise, Self::LastScan, Self::HoldUntil, Self::Arrival, Self::Appointment];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Promise => "promise",
            Self::LastScan => "last_scan",
            Self::HoldUntil => "hold_until",
            Self::Arrival => "arrival",
            Self::Appointment => "appointment",
        }
    }

    /// It is a moment of the order as a whole, not of each parcel.
    pub fn is_of_order(self) -> bool {
        matches!(self, Self::Placed | Self::Promise | Self::Arrival | Self::Appointment)
    }
}

/// How long to wait, and by which clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Wait {
    /// As time passes.
    Span(Duration),
    /// Days on which the shop works.
    WorkingDays(u32),
    /// Days on which the carrier works; the shop's, where a carrier has no calendar.
    CarrierDays(u32),
    /// Days on which the place opens where it waits; plain days, where its hours are not known.
    OpenDays(u32),
    /// Opening hours of that place; as time passes, where they are not known.
    OpenHours(Duration),
}

/// Nobody waits for more days than this.
const MOST_DAYS: u32 = 366;

impl Wait {
    /// Reads `36h`, `2 working days`, `1 carrier day`, `2 open days` or `3 open hours`.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [number, kind, unit] = *words.as_slice() else { return parse_span(text).map(Self::Span) };
        let count = || match number.parse() {
            Ok(count @ 1..=MOST_DAYS) => Ok(count),
            _ => Err(format!("'{number}' in '{text}' is no number from 1 to {MOST_DAYS}")),
        };
        match (kind, unit) {
            ("working", "day" | "days") => count().map(Self::WorkingDays),
            ("carrier", "day" | "days") => count().map(Self::CarrierDays),
            ("open", "day" | "days") => count().map(Self::OpenDays),
            ("open", "hour" | "hours") => count().map(|hours| Self::OpenHours(Duration::hours(hours.into()))),
            _ => parse_span(text).map(Self::Span).map_err(|what| {
                format!("{what}, or by a calendar as 2 working days, 1 carrier day, 2 open days or 3 open hours")
            }),
        }
    }

    /// It is counted over the opening hours of a place.
    pub fn is_of_place(&self) -> bool {
        matches!(self, Self::OpenDays(_) | Self::OpenHours(_))
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let many = |count: u32| if count == 1 { "" } else { "s" };
        match self {
            Self::Span(span) => f.write_str(&spell_span(*span)),
            Self::WorkingDays(days) => write!(f, "{days} working day{}", many(*days)),
            Self::CarrierDays(days) => write!(f, "{days} carrier day{}", many(*days)),
            Self::OpenDays(days) => write!(f, "{days} open day{}", many(*days)),
            Self::OpenHours(span) => {
                write!(f, "{} open hour{}", span.num_hours(), if span.num_hours() == 1 { "" } else { "s" })
            }
        }
    }
}

impl TryFrom<String> for Wait {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Wait> for String {
    fn from(wait: Wait) -> Self {
        wait.to_string()
    }
}

/// How far a deadline is from its anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distance {
    Wait(Wait),
    /// What the shop says under this name, for the order and parcel that it is about.
    Threshold(String),
}

/// A moment at which a rule is looked at: so long before or after an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub distance: Distance,
    pub is_before: bool,
    pub anchor: Anchor,
}

/// What is wrong with a deadline, and what would be right.
pub type Wrong = (String, Option<String>);

impl Deadline {
    /// Reads `4h after promise`, `1 open day before hold_until` or `silence after last_scan`.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let position = words.iter().position(|word| ["after", "before"].contains(word));
        let Some((position, [anchor])) = position.map(|position| (position, &words[position + 1..])) else {
            let right =
                "write it as '4h after promise', '2 working days after last_scan' or '1 open day before hold_until'";
            return Err((format!("'{text}' is no deadline"), Some(right.to_owned())));
        };
        let is_before = words[position] == "before";
        let distance = match words[..position] {
            [name] if name.starts_with(|c: char| c.is_ascii_lowercase()) => Distance::Threshold(name.to_owned()),
            _ => Distance::Wait(Wait::parse(&words[..position].join(" ")).map_err(|what| (what, None))?),
        };
        let Some(anchor) = Anchor::ALL.into_iter().find(|known| known.as_str() == *anchor) else {
            let names = Anchor::ALL.map(Anchor::as_str);
            let hint = nearest(anchor, names)
                .map_or_else(|| format!("known: {}", names.join(", ")), |name| format!("did you mean '{name}'?"));
            return Err((format!("there is no '{anchor}' to count from"), Some(hint)));
        };
        let deadline = Self { distance, is_before, anchor };
        deadline.agree(text)?;
        Ok(deadline)
    }

    /// Open days and hours are those that are left to collect it, carrier days those of a parcel.
    fn agree(&self, text: &str) -> Result<(), Wrong> {
        let wrong = |what: &str, right: &str| Err((format!("'{text}': {what}"), Some(right.to_owned())));
        match &self.distance {
            Distance::Wait(wait) if wait.is_of_place() && !(self.is_before && self.anchor == Anchor::HoldUntil) => {
                wrong("open days and hours lead to the end of a hold", "write it as '1 open day before hold_until'")
            }
            Distance::Wait(Wait::CarrierDays(_)) if self.anchor.is_of_order() => {
                wrong("an order may have several carriers", "count working days, or from last_scan or hold_until")
            }
            Distance::Threshold(_) if self.is_before => {
                wrong("a threshold is how long to wait after something", "write 'after', or say how long before")
            }
            _ => Ok(()),
        }
    }

    /// The threshold that it waits for.
    pub fn threshold(&self) -> Option<&str> {
        match &self.distance {
            Distance::Threshold(name) => Some(name),
            Distance::Wait(_) => None,
        }
    }
}
