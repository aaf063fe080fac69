//! Moments, windows and the spelled-out durations of rules and configuration.

use std::cell::Cell;
use std::fmt;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment. On the wire RFC 3339 with a zone; Avro's `timestamp-millis` is read too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent, description = "A moment, as RFC 3339 writes it.")]
pub struct Timestamp(#[schemars(with = "DateTime<Utc>")] pub DateTime<Utc>);

thread_local! {
    /// The zone for times that come without one, and how many did; set by [`reading_in`] alone.
    static READING: Cell<(Tz, u32)> = const { Cell::new((Tz::UTC, 0)) };
}

/// Runs `decode` with `zone` as the zone of every time that names none.
/// Returns what it decoded and how many times named none.
pub fn reading_in<T>(zone: Tz, decode: impl FnOnce() -> T) -> (T, u32) {
    let outer = READING.replace((zone, 0));
    let decoded = decode();
    let (_, zoneless) = READING.replace(outer);
    (decoded, zoneless)
}

impl Timestamp {
    /// Reads RFC 3339; without a zone, in the zone of the enclosing [`reading_in`] (else UTC).
    /// In the hour that clocks repeat the first reading is taken, in the one they skip the
    /// first moment after it.
    ///
    /// # Errors
    /// The text, if it is no date and time.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::within(moment.with_timezone(&Utc)));
        }
        let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .ok_or_else(|| "not a date and time as RFC 3339 writes it".to_owned())?;
        let (zone, zoneless) = READING.get();
        READING.set((zone, zoneless + 1));
        Ok(Self::within(in_zone(local, zone)))
    }

    /// The same moment on the clocks of `zone`.
    pub fn in_zone(self, zone: Tz) -> DateTime<Tz> {
        self.0.with_timezone(&zone)
    }

    /// The calendar day of the moment in `zone`.
    pub fn day_in(self, zone: Tz) -> NaiveDate {
        self.in_zone(zone).date_naive()
    }

    /// Milliseconds since 1970, as the store keeps it.
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// From milliseconds since 1970; out of range becomes the nearest end.
    pub fn from_millis(millis: i64) -> Self {
        let end = if millis < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Self::within(Utc.timestamp_millis_opt(millis).single().unwrap_or(end))
    }

    /// Later by `span` (earlier, if it is negative), staying within what can be represented.
    pub fn plus(self, span: Duration) -> Self {
        let end = if span < Duration::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Self::within(self.0.checked_add_signed(span).unwrap_or(end))
    }

    /// The moment, or the nearest whose year has the four figures that RFC 3339 knows, on every
    /// clock of the world: what is written must be read again.
    fn within(moment: DateTime<Utc>) -> Self {
        let day = |year, month, day| {
            NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
        };
        Self(moment.clamp(day(0, 1, 2), day(9999, 12, 31)))
    }

    /// How long after `earlier`; negative if before it.
    pub fn since(self, earlier: Self) -> Duration {
        self.0 - earlier.0
    }
}

/// The moment of a local clock reading (see [`Timestamp::parse`] for the hours that daylight
/// saving repeats or skips).
pub fn in_zone(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    moments_of(local, zone).0.0
}

/// The first and the last moment at which the clocks of `zone` show `local`; where they skip it,
/// both are the moment at which they do.
pub fn moments_of(local: NaiveDateTime, zone: Tz) -> (Timestamp, Timestamp) {
    let shown = zone.from_local_datetime(&local);
    match (shown.earliest(), shown.latest()) {
        (Some(first), Some(last)) => (Timestamp::within(first.to_utc()), Timestamp::within(last.to_utc())),
        _ => {
            let skips = Timestamp::within(skips(local, zone));
            (skips, skips)
        }
    }
}

/// The moment, to the second, at which the clocks of `zone` skip over `local`.
fn skips(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let shows = |second: i64| DateTime::from_timestamp(second, 0).map(|utc| utc.with_timezone(&zone).naive_local());
    // no clock is a day away from UTC, and none skips more than a day
    let (mut before, mut after) = (local.and_utc().timestamp() - 172_800, local.and_utc().timestamp() + 172_800);
    while after - before > 1 {
        let middle = i64::midpoint(before, after);
        if shows(middle).is_some_and(|shown| shown < local) { before = middle } else { after = middle }
    }
    DateTime::from_timestamp(after, 0).unwrap_or_else(|| local.and_utc())
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time as RFC 3339 writes it, such as 2026-03-02T09:30:00+01:00")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_millis(millis))
            }
            fn visit_u64<E: Error>(self, millis: u64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A span of moments, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    pub earliest: Timestamp,
    pub latest: Timestamp,
}

/// Reads `90s`, `15m`, `36h`, `2d` or `2 days`, and sums such as `1d 12h`.
///
/// # Errors
/// What is wrong and what would be right.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let right = "write it as 30s, 15m, 36h, 2d or 1d 12h";
    let mut total = Duration::zero();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("an empty duration; {right}"));
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number: i64 = number
            .parse()
            .ok()
            .filter(|n| *n <= 1_000_000)
            .ok_or_else(|| format!("'{text}' is no duration; {right}"))?;
        total += match unit {
            "s" | "second" | "seconds" => Duration::seconds(number),
            "m" | "min" | "minute" | "minutes" => Duration::minutes(number),
            "h" | "hour" | "hours" => Duration::hours(number),
            "d" | "day" | "days" => Duration::days(number),
            _ => return Err(format!("'{unit}' in '{text}' is no unit of time; {right}")),
        };
        rest = tail.trim_start();
    }
    Ok(total)
}

/// Reads a time of day as `HH:MM`, from `00:00` to `24:00`: how much of the day has passed then.
pub fn parse_clock(text: &str) -> Option<Duration> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    let real = minute < 60 && (hour < 24 || (hour, minute) == (24, 0));
    real.then(|| Duration::minutes(i64::from(hour) * 60 + i64::from(minute)))
}

/// As few units as will do: `36h`, `2d`, `1d 12h`.
pub fn spell_span(span: Duration) -> String {
    let mut seconds = span.num_seconds().abs();
    let mut parts = Vec::new();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if seconds >= size {
            parts.push(format!("{}{unit}", seconds / size));
            seconds %= size;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}
