//! Hours in which a channel keeps quiet, by the clock of whom it would wake.

use std::fmt;

use chrono::{Days, Duration, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::calendar::Holidays;
use super::order::{Channel, Weekday};
use super::time::{Timestamp, moments_of, parse_clock};

/// Hours in which a channel keeps quiet, of every day, of one day of the week or of public holidays:
/// `21:00-08:00, sunday, saturday 19:00-24:00, holidays`. A stretch that ends no later than it begins
/// ends the next day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours(Vec<Stretch>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    on: On,
    /// How much of the day has passed when it begins and when it ends, the latter the next day if more
    /// than a day.
    begins: Duration,
    ends: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    EveryDay,
    Weekday(Weekday),
    Holidays,
}

/// More stretches than this do not follow on one another.
const MOST_IN_A_ROW: usize = 64;

impl QuietHours {
    /// When the quiet ends that `now` falls into, on the clocks of `zone`; `None` if it does not. In
    /// the hour that clocks repeat it lasts to the last moment at which they show its end, and in the
    /// one that they skip to the moment at which they do.
    pub fn end(&self, now: Timestamp, zone: Tz, holidays: Holidays) -> Option<Timestamp> {
        let mut end = None;
        for _ in 0..MOST_IN_A_ROW {
            match self.end_of_one(end.unwrap_or(now), zone, holidays) {
                None => break,
                later => end = later,
            }
        }
        end
    }

    fn end_of_one(&self, now: Timestamp, zone: Tz, holidays: Holidays) -> Option<Timestamp> {
        let today = now.day_in(zone);
        // one that began yesterday may go past midnight
        let days = [today.checked_sub_days(Days::new(1)), Some(today)];
        let spans = days.into_iter().flatten().flat_map(|day| {
            let of_day = self.0.iter().filter(move |stretch| stretch.on.includes(day, holidays));
            of_day.map(move |stretch| {
                let reading = |passed| moments_of(day.and_time(NaiveTime::MIN) + passed, zone);
                (reading(stretch.begins).0, reading(stretch.ends).1)
            })
        });
        spans.filter(|(begins, ends)| *begins <= now && now < *ends).map(|(_, ends)| ends).max()
    }

    /// Some hour of an ordinary week is not quiet.
    fn ends_at_all(&self) -> bool {
        let monday = NaiveDate::from_ymd_opt(2001, 1, 1).unwrap_or_default();
        let minute = |of_week: i64| {
            let midnight = monday.and_time(NaiveTime::MIN).and_utc();
            Timestamp(midnight + Duration::minutes(of_week))
        };
        (0..7 * 24 * 60).any(|of_week| self.end_of_one(minute(of_week), Tz::UTC, Holidays::default()).is_none())
    }
}

impl On {
    fn includes(self, day: NaiveDate, holidays: Holidays) -> bool {
        match self {
            Self::EveryDay => true,
            Self::Weekday(weekday) => Weekday::of(day) == weekday,
            Self::Holidays => holidays.include(day),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "holidays" {
            return Some(Self::Holidays);
        }
        serde_json::from_value(serde_json::Value::String(text.to_owned())).ok().map(Self::Weekday)
    }
}

impl Stretch {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (on, hours) = match *words.as_slice() {
            [hours] if hours.contains('-') => (On::EveryDay, Some(hours)),
            [day] => (On::parse(day)?, None),
            [day, hours] => (On::parse(day)?, Some(hours)),
            _ => return None,
        };
        let Some(hours) = hours else { return Some(Self { on, begins: Duration::zero(), ends: Duration::days(1) }) };
        let (begins, ends) = hours.split_once('-')?;
        let (begins, ends) = (parse_clock(begins)?, parse_clock(ends)?);
        Some(Self { on, begins, ends: if ends > begins { ends } else { ends + Duration::days(1) } })
    }
}

impl TryFrom<String> for QuietHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(Self::default());
        }
        let wrong = |part: &str| {
            format!("'{part}' are no quiet hours; write them as \"21:00-08:00, sunday, holidays\", or \"none\"")
        };
        let stretches: Result<Vec<_>, _> =
            text.split(',').map(|part| Stretch::parse(part.trim()).ok_or_else(|| wrong(part.trim()))).collect();
        let quiet = Self(stretches?);
        if quiet.ends_at_all() { Ok(quiet) } else { Err(format!("'{text}' never ends: nothing would ever be sent")) }
    }
}

impl From<QuietHours> for String {
    fn from(quiet: QuietHours) -> Self {
        quiet.to_string()
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, stretch) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            let day = Duration::days(1);
            let clock = |passed: Duration| format!("{:02}:{:02}", passed.num_hours(), passed.num_minutes() % 60);
            let ends = if stretch.ends > day { stretch.ends - day } else { stretch.ends };
            let hours = format!("{}-{}", clock(stretch.begins), clock(ends));
            match stretch.on {
                On::EveryDay => f.write_str(&hours)?,
                On::Holidays => write!(f, "holidays {hours}")?,
                On::Weekday(weekday) => write!(f, "{} {hours}", weekday.as_str())?,
            }
        }
        Ok(())
    }
}

/// The quiet hours of the channels that a person hears. A webhook wakes nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quiet {
    pub email: QuietHours,
    pub sms: QuietHours,
}

impl Quiet {
    pub fn of(&self, channel: Channel) -> Option<&QuietHours> {
        match channel {
            Channel::Email => Some(&self.email),
            Channel::Sms => Some(&self.sms),
            Channel::Webhook => None,
        }
    }
}
