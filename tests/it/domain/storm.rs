//! What is a storm, and what is only a good day.

use proptest::prelude::*;
use reassure::domain::storm::{Busiest, Guard, HISTORY_HOURS, Hour, Judgement, Past, Standing, ThisHour};
use reassure::domain::time::Timestamp;

const GUARD: Guard = Guard { factor: 10, least: 200 };
const WEEK: i64 = 7 * 24;

fn now() -> Timestamp {
    Timestamp::parse("2026-03-02T09:20:00Z").unwrap()
}

/// The hour so many hours before this one.
fn ago(hours: i64) -> Hour {
    Hour(Hour::of(now()).0 - hours)
}

fn later(minutes: i64) -> Timestamp {
    now().plus(chrono::Duration::minutes(minutes))
}

/// So many messages and so many orders in the busiest hour of the history, and of the last week.
fn past(messages: (u64, u64), orders: (u64, u64)) -> Past {
    let busiest = |(before, lately): (u64, u64)| Busiest { before, lately };
    Past { messages: busiest(messages), orders: busiest(orders) }
}

fn judge(past: &Past, messages: u64, orders: u64) -> Judgement {
    GUARD.judge(past, ThisHour { messages, orders }, None, now())
}

/// The most that may leave.
fn mark(past: &Past, orders: u64) -> u64 {
    let mark = GUARD.mark(past, orders, None, now());
    assert_eq!(judge(past, mark, orders), Judgement::Calm, "the mark itself is not beyond it");
    let until = Some(Timestamp::parse("2026-03-02T11:00:00Z").unwrap());
    assert_eq!(judge(past, mark + 1, orders), Judgement::Storm { mark, until });
    mark
}

#[test]
fn a_rule_is_measured_by_its_own_busiest_hour() {
    assert_eq!(mark(&past((40, 35), (100, 100)), 90), 400);
}

#[test]
fn below_the_least_nothing_is_a_storm() {
    assert_eq!(mark(&past((1, 0), (100, 100)), 90), 200);
    assert_eq!(mark(&Past::default(), 0), 200, "a shop without anything");
}

#[test]
fn a_flash_sale_holds_no_confirmation_nor_what_follows_from_it() {
    // 15 orders in the busiest hour so far, and 5,000 in this one
    let confirmations = past((15, 15), (15, 15));
    assert_eq!(judge(&confirmations, 5_000, 5_000), Judgement::Calm);
    // all of them shipped the next morning within an hour, while orders are as ever
    let shipping = past((15, 15), (15, 5_000));
    assert_eq!(judge(&shipping, 5_000, 3), Judgement::Calm);
    // and two weeks later they are history, no more
    assert_eq!(mark(&past((15, 5_000), (15, 15)), 3), 200);
}

#[test]
fn a_flood_of_false_scans_is_held_however_many_events_it_brings() {
    let delays = past((30, 28), (1_000, 1_000));
    assert_eq!(mark(&delays, 800), 300);
    assert!(matches!(judge(&delays, 10_000, 800), Judgement::Storm { mark: 300, .. }));
}

#[test]
fn a_storm_is_not_its_own_history() {
    // it has gone on for three days: what it said lately is no measure
    assert_eq!(mark(&past((30, 9_000), (1_000, 1_000)), 800), 300);
}

#[test]
fn what_has_no_history_is_measured_by_the_orders() {
    // a new rule of a shop that is not new
    assert_eq!(mark(&past((0, 0), (1_000, 900)), 800), 1_000);
    assert_eq!(mark(&past((0, 0), (1_000, 2_500)), 800), 2_500);
    // a new shop: a day's parcels may all leave within an hour
    assert_eq!(mark(&past((0, 0), (0, 400)), 100), 4_000);
    assert_eq!(mark(&past((0, 0), (0, 0)), 700), 7_000, "its first hour");
}

#[test]
fn messages_of_a_time_without_orders_are_a_history_too() {
    assert_eq!(mark(&past((50, 0), (0, 0)), 0), 500);
}

#[test]
fn history_ends_a_week_ago_and_begins_four_weeks_ago() {
    let hours = [(ago(0), 1), (ago(1), 2), (ago(WEEK), 3), (ago(WEEK + 1), 4), (ago(HISTORY_HOURS), 5)];
    let beyond = [(ago(HISTORY_HOURS + 1), 99), (ago(-1), 99)];
    let all = hours.into_iter().chain(beyond);
    assert_eq!(Busiest::of(all, ago(0)), Busiest { before: 5, lately: 3 });
}

#[test]
fn a_storm_is_over_after_an_hour_below_the_mark() {
    let usual = past((40, 35), (100, 100));
    let Judgement::Storm { until: Some(until), .. } = judge(&usual, 401, 0) else { panic!("a storm") };
    let standing = Standing { holds_until: until, granted: None };
    let at =
        |minutes: i64, messages| GUARD.judge(&usual, ThisHour { messages, orders: 0 }, Some(&standing), later(minutes));
    // 9:20 is when it passed the mark; all of the next hour is held, however little it is
    assert_eq!(at(0, 1), Judgement::Storm { mark: 400, until: None });
    assert_eq!(at(99, 1), Judgement::Storm { mark: 400, until: None });
    assert_eq!(at(100, 1), Judgement::Calm);
    // or it goes on
    let further = Some(Timestamp::parse("2026-03-02T12:00:00Z").unwrap());
    assert_eq!(at(60, 401), Judgement::Storm { mark: 400, until: further });
}

#[test]
fn what_a_person_let_go_is_history_for_four_weeks() {
    let usual = past((40, 35), (100, 100));
    let standing = Standing { holds_until: now(), granted: Some((now(), 900)) };
    let mark = |minutes: i64| GUARD.mark(&usual, 0, Some(&standing), later(minutes));
    assert_eq!(mark(0), 9_000);
    assert_eq!(mark(HISTORY_HOURS * 60), 9_000);
    assert_eq!(mark((HISTORY_HOURS + 1) * 60), 400);
}

#[test]
fn a_factor_of_zero_holds_nothing() {
    let off = Guard { factor: 0, least: 1 };
    let standing = Standing { holds_until: later(60), granted: None };
    let hour = ThisHour { messages: u64::MAX, orders: 0 };
    assert_eq!(off.judge(&Past::default(), hour, Some(&standing), now()), Judgement::Calm);
}

proptest! {
    /// However the counts are, nothing overflows; more orders never lower the mark, nor does more history.
    #[test]
    fn the_mark_rises_with_orders_and_with_history(
        messages in any::<u64>(), before in any::<u64>(), lately in any::<u64>(), orders in any::<u64>(),
        more in any::<u64>(), factor in 1_u32.., least in any::<u32>(),
    ) {
        let guard = Guard { factor, least };
        let of = |messages, orders| guard.mark(&past((messages, 0), (before, lately)), orders, None, now());
        prop_assert!(of(messages, orders) >= u64::from(least));
        prop_assert!(of(messages, orders.saturating_add(more)) >= of(messages, orders));
        if messages > 0 {
            prop_assert!(of(messages.saturating_add(more), orders) >= of(messages, orders));
        }
    }
}
