//! Moments as tests write them: `+1d 12h` and `day 2 09:00` count from the test's start, anything
//! else is a date and time.

use chrono::{Duration, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use crate::domain::time::{Timestamp, in_zone, parse_span, reading_in, spell_span};

/// What the moments of a test are read and written against.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub start: Timestamp,
    pub zone: Tz,
    pub manner: Manner,
}

/// How moments are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// `+1d 12h`
    Relative,
    /// `day 2 09:00`
    Days,
    /// `2026-03-03 09:00`
    Dates,
}

impl Manner {
    /// The manner in which `text` is written.
    pub fn of(text: &str) -> Self {
        match text.trim_start() {
            text if text.starts_with("day ") => Self::Days,
            text if text.starts_with(['+', '-', '0']) => Self::Relative,
            _ => Self::Dates,
        }
    }
}

impl Frame {
    /// Reads a moment.
    ///
    /// # Errors
    /// What would be right.
    pub fn read(&self, text: &str) -> Result<Timestamp, String> {
        let text = text.trim();
        let wrong = || format!("'{text}' is no moment; write it as +1d 12h, day 2 09:00 or 2026-03-02 09:00");
        if let Some(span) = text.strip_prefix(['+', '-']) {
            let span = if span.trim() == "0" { Duration::zero() } else { parse_span(span).map_err(|_| wrong())? };
            return Ok(self.start.plus(if text.starts_with('-') { -span } else { span }));
        }
        if text == "0" {
            return Ok(self.start);
        }
        if let Some(rest) = text.strip_prefix("day ") {
            let (day, clock) = rest.trim().split_once(' ').ok_or_else(wrong)?;
            let day: i64 = day.parse().ok().filter(|day| (-3650..=3650).contains(day)).ok_or_else(wrong)?;
            let clock = NaiveTime::parse_from_str(clock.trim(), "%H:%M").map_err(|_| wrong())?;
            let first = self.start.day_in(self.zone);
            return Ok(Timestamp(in_zone((first + Duration::days(day - 1)).and_time(clock), self.zone)));
        }
        read_date(text, self.zone).ok_or_else(wrong)
    }

    /// Writes a moment so that it is read back as the same.
    pub fn spell(&self, at: Timestamp) -> String {
        let local = at.in_zone(self.zone).naive_local();
        let written = match self.manner {
            Manner::Relative => self.relative(at),
            Manner::Days => {
                let day = (local.date() - self.start.day_in(self.zone)).num_days() + 1;
                format!("day {day} {}", local.format("%H:%M"))
            }
            Manner::Dates => local.format("%Y-%m-%d %H:%M").to_string(),
        };
        // a clock reading says nothing of seconds, nor of which of two hours that clocks repeat
        if self.read(&written) == Ok(at) { written } else { self.exact(at) }
    }

    fn relative(&self, at: Timestamp) -> String {
        let since = at.since(self.start);
        let sign = if since < Duration::zero() { '-' } else { '+' };
        if since.is_zero() { "+0".to_owned() } else { format!("{sign}{}", spell_span(since)) }
    }

    fn exact(&self, at: Timestamp) -> String {
        let relative = self.relative(at);
        if self.read(&relative) == Ok(at) { relative } else { at.to_string() }
    }
}

/// A date and time, read in `zone` where it names none.
pub fn read_date(text: &str, zone: Tz) -> Option<Timestamp> {
    if let Ok(local) = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M") {
        return Some(Timestamp(in_zone(local, zone)));
    }
    reading_in(zone, || Timestamp::parse(text.trim())).0.ok()
}
