//! What waits to be collected: where, when it is open, until when, what to bring.

use chrono::{Datelike, Duration, Weekday as ChronoDay};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::order::point;
use super::{Clock, Day, Line, Moment, Point, Source};
use crate::domain::event::ParcelStatus;
use crate::domain::journey::{self, HoldKind};
use crate::domain::order::{self as domain, DeliveryMethod, Weekday};

/// How many days of opening hours a message shows: a week has every kind of day.
const DAYS_SHOWN: i64 = 7;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Hold<'a> {
    pub is_chosen: bool,
    pub is_imposed: bool,
    /// It waits in the shop's own store.
    pub is_store: bool,
    pub since: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Point<'a>>,
    /// The next days, from today; empty where the hours are not known.
    pub hours: Vec<OpenDay>,
    /// The last moment at which it can be collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Less than two days are left.
    pub is_urgent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Line<'a>>,
    pub id_required: bool,
    /// When the carrier stood at the door in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted_at: Option<Moment>,
}

/// A real date with its opening hours.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OpenDay {
    pub on: Day,
    /// Empty: closed.
    pub stretches: Vec<Stretch>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Stretch {
    pub opens: Clock,
    pub closes: Clock,
}

/// What the letter's parcel (or the order, in the store) waits for.
pub(super) fn of<'a>(source: &Source<'a>) -> Option<Hold<'a>> {
    let letter = source.letter;
    let of_parcel = source.parcel.and_then(|parcel| parcel.hold.as_ref());
    let in_store = of_parcel.is_none();
    let hold: &'a journey::Hold = of_parcel.or(letter.journey.store_hold.as_ref())?;
    let delivery = &letter.journey.order.delivery;
    // a chosen point is known from the order even if the carrier's notice does not name it
    let place =
        hold.notice.point.as_ref().or_else(|| delivery.point.as_ref().filter(|_| hold.kind == HoldKind::Chosen));
    Some(Hold {
        is_chosen: hold.kind == HoldKind::Chosen,
        is_imposed: hold.kind == HoldKind::Imposed,
        is_store: in_store || delivery.method == DeliveryMethod::Store,
        since: Moment(hold.since),
        point: place.map(|place| point(source, place)),
        hours: place.map_or_else(Vec::new, |place| opening_days(source, place)),
        until: hold.notice.until.map(Moment),
        is_urgent: hold.notice.until.is_some_and(|until| until.since(letter.now) < Duration::hours(48)),
        code: hold.notice.code.as_ref().and_then(|code| Line::new(code, None)),
        id_required: hold.notice.id_required.unwrap_or(false),
        attempted_at: source.parcel.and_then(|parcel| {
            let failed = |scan: &&journey::Scan| scan.status == ParcelStatus::AttemptFailed;
            parcel.scans.iter().rev().find(failed).map(|scan| Moment(scan.at))
        }),
    })
}

impl Hold<'_> {
    /// The clock on the wall where it waits. A point in the shop's country goes by the shop's
    /// clock even while the customer travels; elsewhere the customer's is the better guess.
    pub(super) fn zone(&self, source: &Source<'_>) -> Tz {
        match &self.point {
            Some(place) if !place.address.is_abroad => source.letter.shop.time_zone,
            _ => source.zone,
        }
    }
}

/// The next days with the hours of their weekday, none after the last day it can be collected.
fn opening_days(source: &Source<'_>, place: &domain::Point) -> Vec<OpenDay> {
    if place.opening_hours.is_empty() {
        return Vec::new();
    }
    let same_country = place.address.country.eq_ignore_ascii_case(&source.letter.shop.country);
    let zone = if same_country { source.letter.shop.time_zone } else { source.zone };
    let today = source.letter.now.day_in(zone);
    let parcel_until = source.parcel.and_then(|parcel| parcel.hold.as_ref()).and_then(|hold| hold.notice.until);
    let until = parcel_until.filter(|until| *until >= source.letter.now).map(|until| until.day_in(zone));
    (0..DAYS_SHOWN)
        .filter_map(|ahead| today.checked_add_signed(Duration::days(ahead)))
        .filter(|day| until.is_none_or(|until| *day <= until))
        .map(|day| OpenDay {
            on: Day(day),
            stretches: place
                .opening_hours
                .iter()
                .filter(|hours| same_weekday(hours.day, day.weekday()))
                .filter_map(|hours| {
                    Some(Stretch { opens: Clock::new(&hours.opens)?, closes: Clock::new(&hours.closes)? })
                })
                .collect(),
        })
        .collect()
}

fn same_weekday(day: Weekday, of: ChronoDay) -> bool {
    let day = match day {
        Weekday::Monday => ChronoDay::Mon,
        Weekday::Tuesday => ChronoDay::Tue,
        Weekday::Wednesday => ChronoDay::Wed,
        Weekday::Thursday => ChronoDay::Thu,
        Weekday::Friday => ChronoDay::Fri,
        Weekday::Saturday => ChronoDay::Sat,
        Weekday::Sunday => ChronoDay::Sun,
    };
    day == of
}
