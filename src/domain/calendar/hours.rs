//! The opening hours of a place, as time to act in.

use chrono::{Days, Duration, NaiveDate};
use chrono_tz::Tz;

use super::{Direction, Holidays, LONGEST_BREAK, Local, moment};
use crate::domain::order::{Point, Weekday};
use crate::domain::time::{Timestamp, parse_clock};

/// When a place is open. On public holidays it is taken to be closed: who comes a day too early
/// has lost nothing.
#[derive(Debug)]
pub struct Hours {
    /// Weekday, minute of the day at which it opens, and at which it closes: the next day, if past 24 h.
    stretches: Vec<(Weekday, Duration, Duration)>,
    holidays: Holidays,
    zone: Tz,
}

impl Hours {
    /// The hours of `point`, on the clocks of `zone`; `None` if it tells none or one that cannot be
    /// read, so that nobody comes to a closed door.
    pub fn of(point: &Point, zone: Tz) -> Option<Self> {
        let stretches: Option<Vec<_>> = point
            .opening_hours
            .iter()
            .map(|hours| {
                let (opens, closes) = (parse_clock(&hours.opens)?, parse_clock(&hours.closes)?);
                Some((hours.day, opens, if closes > opens { closes } else { closes + Duration::days(1) }))
            })
            .collect();
        let holidays = Holidays::at(&point.address.country, &point.address.postal_code);
        stretches.filter(|stretches| !stretches.is_empty()).map(|stretches| Self { stretches, holidays, zone })
    }

    /// When so much time to act is left until `until`: counted backwards over the hours alone.
    /// `None` if the place hardly opens.
    pub fn hours_before(&self, until: Timestamp, mut left: Duration) -> Option<Timestamp> {
        let mut end = until;
        for day in self.days_back_from(until) {
            let mut stretches = self.on(day);
            stretches.sort_unstable();
            for (opens, closes) in stretches.into_iter().rev() {
                let closes = closes.min(end);
                if opens >= closes {
                    continue;
                }
                if closes.since(opens) >= left {
                    return Some(closes.plus(-left));
                }
                left -= closes.since(opens);
                end = opens;
            }
        }
        None
    }

    /// When so many days on which it opens are left until `until`. Where that is a closed time, it
    /// counts as the last moment before it at which the place was open. `None` if the place hardly
    /// opens.
    pub fn days_before(&self, until: Timestamp, count: u32) -> Option<Timestamp> {
        let last = |day| {
            let open = self.on(day).into_iter().filter(|(opens, _)| *opens < until);
            open.map(|(_, closes)| closes.min(until)).max().map(|last| (day, last))
        };
        let (day, last) = self.days_back_from(until).find_map(last)?;
        // hours past midnight belong to the day on which it opened
        let passed = last.in_zone(self.zone).naive_local() - day.and_time(chrono::NaiveTime::MIN);
        let back = Local { day, passed }.count(count, Direction::Backwards, |day| self.opens_on(day));
        Some(back.moment(self.zone))
    }

    fn opens_on(&self, day: NaiveDate) -> bool {
        self.stretches.iter().any(|(weekday, ..)| *weekday == Weekday::of(day)) && !self.holidays.include(day)
    }

    /// From when to when it is open, where it opens on that day.
    fn on(&self, day: NaiveDate) -> Vec<(Timestamp, Timestamp)> {
        let of_day = self.stretches.iter().filter(|(weekday, ..)| self.opens_on(day) && *weekday == Weekday::of(day));
        of_day.map(|(_, opens, closes)| (moment(day, *opens, self.zone), moment(day, *closes, self.zone))).collect()
    }

    fn days_back_from(&self, until: Timestamp) -> impl Iterator<Item = NaiveDate> {
        let last = until.day_in(self.zone);
        (0..=LONGEST_BREAK).filter_map(move |back| last.checked_sub_days(Days::new(back)))
    }
}
