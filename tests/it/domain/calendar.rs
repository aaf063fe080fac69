//! Working days, public holidays and opening hours, and time counted over them.

use chrono::{Duration, NaiveDate, TimeZone};
use chrono_tz::{Europe, TZ_VARIANTS, Tz};
use proptest::prelude::*;
use reassure::domain::calendar::{Calendar, Holidays, Hours};
use reassure::domain::order::{OpeningHours, Point, Weekday};
use reassure::domain::time::Timestamp;
use serde_json::{Value, json};

fn day(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

/// A moment on the clocks of Paris.
fn paris(text: &str) -> Timestamp {
    let local = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect(text);
    Timestamp(Europe::Paris.from_local_datetime(&local).earliest().expect("a clock shows it").to_utc())
}

fn spell(at: Timestamp) -> String {
    at.in_zone(Europe::Paris).format("%a %Y-%m-%d %H:%M").to_string()
}

fn calendar(says: Value) -> Calendar {
    serde_json::from_value(says).expect("a calendar")
}

#[test]
fn public_holidays_are_those_of_the_country_and_of_alsace_moselle() {
    let france: Holidays = "FR".parse().expect("France");
    let of_2027 = ["01-01", "03-29", "05-01", "05-06", "05-08", "05-17", "07-14", "08-15", "11-01", "11-11", "12-25"];
    let found: Vec<String> = (0..365)
        .map(|ahead| day("2027-01-01") + chrono::Days::new(ahead))
        .filter(|day| france.include(*day))
        .map(|day| day.format("%m-%d").to_string())
        .collect();
    assert_eq!(found, of_2027);
    let strasbourg: Holidays = "FR-67".parse().expect("Alsace");
    // Good Fridays, as a calendar on the wall gives them
    for friday in ["2024-03-29", "2025-04-18", "2026-04-03", "2027-03-26", "2038-04-23", "2049-04-16"] {
        assert!(strasbourg.include(day(friday)) && !france.include(day(friday)), "{friday}");
    }
    assert!(strasbourg.include(day("2026-12-26")) && !france.include(day("2026-12-26")));
    assert!(strasbourg.include(day("2026-07-14")));
    assert!(Holidays::at("fr", "57000").include(day("2026-12-26")));
    assert!(!Holidays::at("FR", "75001").include(day("2026-12-26")));
    assert!(!Holidays::at("DE", "67655").include(day("2026-07-14")));
    for name in ["FR", "FR-57", "DE", "none"] {
        assert_eq!(name.parse::<Holidays>().map(|holidays| holidays.to_string()), Ok(name.to_owned()));
    }
    for name in ["", "fr", "FR-75", "DE-67", "XX"] {
        let wrong = name.parse::<Holidays>().expect_err(name);
        assert!(wrong.contains("such as \"FR\""), "{wrong}");
    }
}

#[test]
fn working_days_leave_out_what_nobody_works() {
    let shop = calendar(json!({
        "working_days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "holidays": "FR", "closed": ["2026-12-24"]
    }));
    let after = |from: &str, count| spell(shop.days_after(paris(from), count, Europe::Paris));
    let before = |until: &str, count| spell(shop.days_before(paris(until), count, Europe::Paris));
    assert_eq!(after("2026-03-02 15:00", 1), "Tue 2026-03-03 15:00");
    assert_eq!(after("2026-03-06 15:00", 1), "Mon 2026-03-09 15:00");
    // on a day off, the count begins with the next day of work
    assert_eq!(after("2026-03-07 15:00", 1), "Tue 2026-03-10 00:00");
    // the eve is the shop's own, Christmas everybody's, then a weekend
    assert_eq!(after("2026-12-23 18:00", 1), "Mon 2026-12-28 18:00");
    assert_eq!(before("2026-12-28 18:00", 1), "Wed 2026-12-23 18:00");
    // a deadline on a Sunday is the end of Friday: one day before that is the end of Thursday
    assert_eq!(before("2026-03-08 12:00", 1), "Fri 2026-03-06 00:00");
    // the clocks go forward on Sunday the 29th: the time of day stays
    assert_eq!(after("2026-03-27 02:30", 1), "Mon 2026-03-30 02:30");
}

fn point(hours: &[(Weekday, &str, &str)]) -> Point {
    let hours = hours.iter().map(|(day, opens, closes)| OpeningHours {
        day: *day,
        opens: (*opens).to_owned(),
        closes: (*closes).to_owned(),
    });
    let mut point = Point { opening_hours: hours.collect(), ..Point::default() };
    point.address.country = "FR".to_owned();
    point.address.postal_code = "69002".to_owned();
    point
}

/// Closed on Sundays and Mondays, at noon, and on Saturday afternoons.
fn bakery() -> Point {
    use Weekday::{Friday, Saturday, Thursday, Tuesday, Wednesday};
    let mut hours = vec![(Saturday, "08:00", "12:00")];
    for day in [Tuesday, Wednesday, Thursday, Friday] {
        hours.extend([(day, "08:00", "12:00"), (day, "15:00", "19:00")]);
    }
    point(&hours)
}

#[test]
fn open_days_and_hours_are_counted_back_over_what_is_left_to_act() {
    let hours = Hours::of(&bakery(), Europe::Paris).expect("hours");
    let days = |until: &str, count| hours.days_before(paris(until), count).map(spell);
    let opens = |until: &str, count| hours.hours_before(paris(until), Duration::hours(count)).map(spell);
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(days("2026-03-06 19:00", 1), some("Thu 2026-03-05 19:00"));
    // it ends on a Monday, when nobody opens: that is Saturday noon, and a day before Friday noon
    assert_eq!(days("2026-03-09 23:59", 1), some("Fri 2026-03-06 12:00"));
    assert_eq!(days("2026-03-10 10:00", 1), some("Sat 2026-03-07 10:00"));
    // before it opens on Tuesday: the last chance was Saturday noon
    assert_eq!(days("2026-03-10 07:00", 1), some("Fri 2026-03-06 12:00"));
    assert_eq!(opens("2026-03-06 19:00", 3), some("Fri 2026-03-06 16:00"));
    assert_eq!(opens("2026-03-06 19:00", 6), some("Fri 2026-03-06 10:00"));
    assert_eq!(opens("2026-03-09 23:59", 3), some("Sat 2026-03-07 09:00"));
    assert_eq!(opens("2026-03-10 09:00", 4), some("Sat 2026-03-07 09:00"));
    // Easter Monday and Christmas are no days to collect
    assert_eq!(opens("2026-12-25 19:00", 1), some("Thu 2026-12-24 18:00"));
    assert_eq!(days("2026-12-25 19:00", 1), some("Wed 2026-12-23 19:00"));
}

#[test]
fn hours_may_go_past_midnight_and_through_the_night() {
    let locker = point(&[(Weekday::Friday, "00:00", "24:00"), (Weekday::Saturday, "20:00", "02:00")]);
    let hours = Hours::of(&locker, Europe::Paris).expect("hours");
    let opens = |until: &str, count| hours.hours_before(paris(until), Duration::hours(count)).map(spell);
    assert_eq!(opens("2026-03-08 12:00", 3), Some("Sat 2026-03-07 23:00".to_owned()));
    assert_eq!(opens("2026-03-08 12:00", 7), Some("Fri 2026-03-06 23:00".to_owned()));
    assert_eq!(hours.days_before(paris("2026-03-08 01:00"), 1).map(spell), Some("Sat 2026-03-07 01:00".to_owned()));
    // in the night in which the clocks go forward, six hours on the wall are five
    assert_eq!(opens("2026-03-29 12:00", 4), Some("Sat 2026-03-28 22:00".to_owned()));
}

#[test]
fn hours_that_nobody_can_read_are_no_hours() {
    assert!(Hours::of(&point(&[]), Europe::Paris).is_none());
    for (opens, closes) in [("8h", "12:00"), ("08:00", "midi"), ("25:00", "26:00"), ("08:00", "24:30")] {
        assert!(Hours::of(&point(&[(Weekday::Monday, opens, closes)]), Europe::Paris).is_none(), "{opens} {closes}");
    }
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(TZ_VARIANTS.to_vec())
}

/// A moment of the years that the public holidays know.
fn moment() -> impl Strategy<Value = Timestamp> {
    (1_000_000_000_000_i64..3_300_000_000_000).prop_map(Timestamp::from_millis)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A later beginning never ends earlier, a count ends on a day of work, and lasts at least its
    /// days (an hour or two less, where clocks go forward).
    #[test]
    fn working_days_are_counted_in_order(zone in zone(), from in moment(), later in 0..500_000_i64, count in 1..9_u32) {
        let shop = calendar(json!({ "holidays": "FR-67", "closed": ["2026-12-24"] }));
        let end = shop.days_after(from, count, zone);
        let other = shop.days_after(from.plus(Duration::seconds(later)), count, zone);
        // what a clock shows twice or never it shows once at the end of the count
        let slack = Duration::hours(25);
        prop_assert!(other.plus(slack) >= end, "{from} {end} {other}");
        prop_assert!(end.since(from) >= Duration::days(i64::from(count)) - slack);
        prop_assert!(shop.works_on(end.day_in(zone)) || end.in_zone(zone).time() < chrono::NaiveTime::from_hms_opt(3, 0, 0).expect("three"));
    }

    /// What is counted back leaves at least that much time to act, and never lies after the end.
    #[test]
    fn open_time_is_left(zone in zone(), until in moment(), count in 1..6_u32) {
        let hours = Hours::of(&bakery(), zone).expect("hours");
        let by_days = hours.days_before(until, count).expect("it opens");
        let by_hours = hours.hours_before(until, Duration::hours(i64::from(count))).expect("it opens");
        prop_assert!(by_days < until && by_hours < until);
        // eight hours a day at most
        prop_assert!(hours.hours_before(until, Duration::hours(8 * i64::from(count) + 4)).expect("it opens") <= by_days.plus(Duration::hours(28)));
    }
}
