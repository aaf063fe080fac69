//! What waits to be collected: where, when it is open, until when, what to bring.

use chrono::{Duration, NaiveDate, Timelike};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use super::order::point;
use super::{Clock, Day, Line, Moment, Point, Source};
use crate::domain::event::ParcelStatus;
use crate::domain::journey::{self, HoldKind, Subject};
use crate::domain::order::{self as domain, DeliveryMethod, Weekday};
use crate::domain::time::Timestamp;

/// How many days of opening hours a message shows: a week has every kind of day.
const DAYS_SHOWN: i64 = 7;

/// Where the hours are not known, a moment from this hour on means the whole day.
const EVENING: u32 = 20;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Hold<'a> {
    pub is_chosen: bool,
    pub is_imposed: bool,
    /// It waits in the shop's own store.
    pub is_store: bool,
    pub since: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Point<'a>>,
    /// The next days, from today, with what is left of their hours until the last moment; empty
    /// where the hours are not known.
    pub hours: Vec<OpenDay>,
    /// The first of these days that is not closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_open: Option<OpenDay>,
    /// The last moment at which it can be collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// That moment does not cut its day short: the day says it all.
    pub until_is_whole_day: bool,
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
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OpenDay {
    pub on: Day,
    /// Empty: closed.
    pub stretches: Vec<Stretch>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Stretch {
    pub opens: Clock,
    pub closes: Clock,
}

impl Stretch {
    /// When it closes, on a clock that goes on past midnight no further than `24:00`.
    fn end(&self) -> Clock {
        if self.closes > self.opens { self.closes.clone() } else { Clock::at(24, 0) }
    }
}

/// What the letter's parcel (or the order, in the store) waits for.
pub(super) fn of<'a>(source: &Source<'a>) -> Option<Hold<'a>> {
    let letter = source.letter;
    let of_parcel = source.parcel.and_then(|parcel| parcel.hold.as_ref());
    let of_store = letter.journey.store_hold.as_ref();
    // a letter about the order is about what the store has said, whatever its parcels do
    let in_store = of_store.is_some() && (of_parcel.is_none() || *letter.subject == Subject::Order);
    let hold: &'a journey::Hold = if in_store { of_store } else { of_parcel }?;
    let delivery = &letter.journey.order.delivery;
    // a chosen point is known from the order even if the carrier's notice does not name it
    let place =
        hold.notice.point.as_ref().or_else(|| delivery.point.as_ref().filter(|_| hold.kind == HoldKind::Chosen));
    let until = hold.notice.until;
    let hours = place.map_or_else(Vec::new, |place| opening_days(source, place, until));
    Some(Hold {
        is_chosen: hold.kind == HoldKind::Chosen,
        is_imposed: hold.kind == HoldKind::Imposed,
        is_store: in_store || delivery.method == DeliveryMethod::Store,
        since: Moment(hold.since),
        point: place.map(|place| point(source, place)),
        next_open: hours.iter().find(|day| !day.stretches.is_empty()).cloned(),
        hours,
        until: until.map(Moment),
        until_is_whole_day: until.is_some_and(|until| is_whole_day(source, place, until)),
        is_urgent: until.is_some_and(|until| until.since(letter.now) < Duration::hours(48)),
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

/// The clock on the wall of a place: see [`Hold::zone`].
fn zone_at(source: &Source<'_>, place: Option<&domain::Point>) -> Tz {
    let country = place.map(|place| place.address.country.as_str()).unwrap_or_default();
    let abroad = !country.is_empty() && !country.eq_ignore_ascii_case(&source.letter.shop.country);
    if place.is_some() && !abroad { source.letter.shop.time_zone } else { source.zone }
}

/// The next days with the hours of their weekday, from now until the last moment at which it can
/// be collected.
fn opening_days(source: &Source<'_>, place: &domain::Point, until: Option<Timestamp>) -> Vec<OpenDay> {
    if place.opening_hours.is_empty() {
        return Vec::new();
    }
    let zone = zone_at(source, Some(place));
    let reading = |moment: Timestamp| {
        let there = moment.in_zone(zone);
        (there.date_naive(), Clock::at(there.hour(), there.minute()))
    };
    let now = reading(source.letter.now);
    let last = until.map(reading);
    (0..DAYS_SHOWN)
        .filter_map(|ahead| now.0.checked_add_signed(Duration::days(ahead)))
        .filter(|day| last.as_ref().is_none_or(|(last, _)| day <= last))
        .filter_map(|day| {
            let whole = stretches(place, day);
            let mut left = whole.clone();
            if day == now.0 {
                left.retain(|stretch| stretch.end() > now.1);
            }
            if let Some((_, at)) = last.as_ref().filter(|(last, _)| *last == day) {
                left.retain(|stretch| stretch.opens < *at);
                for stretch in left.iter_mut().filter(|stretch| stretch.end() > *at) {
                    stretch.closes = at.clone();
                }
            }
            // a day on which all is over by now is not "closed", it is no day to go
            (whole.is_empty() || !left.is_empty()).then_some(OpenDay { on: Day(day), stretches: left })
        })
        .collect()
}

/// The opening hours of a day, as they come.
fn stretches(place: &domain::Point, day: NaiveDate) -> Vec<Stretch> {
    let hours = place.opening_hours.iter().filter(|hours| hours.day == Weekday::of(day));
    let stretch = |hours: &domain::OpeningHours| {
        Some(Stretch { opens: Clock::new(&hours.opens)?, closes: Clock::new(&hours.closes)? })
    };
    hours.filter_map(stretch).collect()
}

/// At that moment the place has closed for the day, as far as its hours are known.
fn is_whole_day(source: &Source<'_>, place: Option<&domain::Point>, until: Timestamp) -> bool {
    let there = until.in_zone(zone_at(source, place));
    let at = Clock::at(there.hour(), there.minute());
    let of_day = place.map(|place| stretches(place, there.date_naive())).unwrap_or_default();
    match of_day.into_iter().map(|stretch| stretch.end()).max() {
        Some(closes) => closes <= at,
        None => there.hour() >= EVENING,
    }
}
