//! Days on which somebody works and hours at which somebody opens; time counted over them.
//!
//! A count begins where work is possible: a moment on a free day counts, forwards, as the first
//! moment of the next working day and, backwards, as the end of the last one. So it ends on a
//! working day too, and a later beginning never leads to an earlier end.

mod holidays;
mod hours;

use std::collections::BTreeSet;

use chrono::{Days, Duration, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::order::Weekday;
use super::time::{Timestamp, in_zone};

pub use holidays::Holidays;
pub use hours::Hours;

/// Nobody closes for longer than this many days in a row; where a calendar does, plain days count.
const LONGEST_BREAK: u64 = 60;

/// The days on which a shop or a carrier works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    pub working_days: WorkingDays,
    pub holidays: Holidays,
    /// Days off of its own.
    pub closed: BTreeSet<NaiveDate>,
}

/// The weekdays on which work is done; at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Weekday>", into = "Vec<Weekday>")]
pub struct WorkingDays(Vec<Weekday>);

impl Default for WorkingDays {
    fn default() -> Self {
        use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        Self(vec![Monday, Tuesday, Wednesday, Thursday, Friday])
    }
}

impl TryFrom<Vec<Weekday>> for WorkingDays {
    type Error = &'static str;

    fn try_from(days: Vec<Weekday>) -> Result<Self, Self::Error> {
        if days.is_empty() { Err("name at least one day of the week, such as \"monday\"") } else { Ok(Self(days)) }
    }
}

impl From<WorkingDays> for Vec<Weekday> {
    fn from(days: WorkingDays) -> Self {
        days.0
    }
}

impl Calendar {
    /// Whether it is a day of work.
    pub fn works_on(&self, day: NaiveDate) -> bool {
        self.working_days.0.contains(&Weekday::of(day)) && !self.closed.contains(&day) && !self.holidays.include(day)
    }

    /// `count` working days after `from`, at the same time of day on the clocks of `zone`.
    pub fn days_after(&self, from: Timestamp, count: u32, zone: Tz) -> Timestamp {
        Local::of(from, zone).count(count, Direction::Forwards, |day| self.works_on(day)).moment(zone)
    }

    /// `count` working days before `until`, at the same time of day on the clocks of `zone`.
    pub fn days_before(&self, until: Timestamp, count: u32, zone: Tz) -> Timestamp {
        Local::of(until, zone).count(count, Direction::Backwards, |day| self.works_on(day)).moment(zone)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Forwards,
    Backwards,
}

/// A local day and how much of it has passed: from none to all of it.
#[derive(Clone, Copy)]
struct Local {
    day: NaiveDate,
    passed: Duration,
}

impl Local {
    fn of(moment: Timestamp, zone: Tz) -> Self {
        let reading = moment.in_zone(zone).naive_local();
        Self { day: reading.date(), passed: reading.time() - NaiveTime::MIN }
    }

    fn moment(self, zone: Tz) -> Timestamp {
        moment(self.day, self.passed, zone)
    }

    /// So many days on (or back) that are `open`, beginning with this one if it is.
    fn count(self, count: u32, direction: Direction, open: impl Fn(NaiveDate) -> bool) -> Self {
        let next = |day: NaiveDate| {
            let step = |ahead| match direction {
                Direction::Forwards => day.checked_add_days(Days::new(ahead)),
                Direction::Backwards => day.checked_sub_days(Days::new(ahead)),
            };
            (1..=LONGEST_BREAK).filter_map(step).find(|day| open(*day)).or_else(|| step(1)).unwrap_or(day)
        };
        let begin = match direction {
            _ if open(self.day) => self,
            Direction::Forwards => Self { day: next(self.day), passed: Duration::zero() },
            Direction::Backwards => Self { day: next(self.day), passed: Duration::days(1) },
        };
        Self { day: (0..count).fold(begin.day, |day, _| next(day)), ..begin }
    }
}

/// The moment at which so much of a local day has passed on the clock.
fn moment(day: NaiveDate, passed: Duration, zone: Tz) -> Timestamp {
    let reading: NaiveDateTime = day.and_time(NaiveTime::MIN);
    Timestamp(in_zone(reading.checked_add_signed(passed).unwrap_or(reading), zone))
}
