//! Deadlines by calendars, opening hours and thresholds, in stories.

use reassure::domain::rule::{Deadline, Wait};
use reassure::domain::shop::Shop;
use reassure::domain::threshold::Thresholds;
use serde_json::{Value, json};

use super::story::{Story, order, order_with, own_rules_of, same, shop_with};

fn rule(at: &str) -> String {
    format!(
        "- rule: waits\n  says: S.\n  at: {at}\n  message: silence\n  channels: [email]\n  once_per: event\n  expires: 1d\n"
    )
}

#[track_caller]
fn waits(shop: Value, at: &str, script: &str, expected: &str) {
    let rules = own_rules_of(&rule(at), shop_with(shop));
    same(&Story::with(order_with(json!({})), rules).tell(script), expected);
}

#[test]
fn working_days_are_those_of_the_shop_and_carrier_days_those_of_the_carrier() {
    // the story begins on a Monday at eight; the promise ends on Friday
    waits(
        json!({}),
        "1 working day after promise",
        "+9d wait",
        "+0 order.placed waits until +7d
         +7d deadline waits send email",
    );
    let carriers = json!({ "carriers": { "colissimo": { "calendar": {
        "working_days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"], "closed": ["2026-03-07"]
    } } } });
    let script = "+3d ship S1 all A1
                  +4d scan A1 in_transit
                  +10d wait";
    waits(
        carriers,
        "2 carrier days after last_scan",
        script,
        "+3d shipment.created waits[A1] until +7d
         +8d deadline waits[A1] send email",
    );
    // a carrier of which nothing is known works when the shop does
    waits(
        json!({ "calendar": { "closed": ["2026-03-09"] } }),
        "2 carrier days after last_scan",
        script,
        "+3d shipment.created waits[A1] until +8d
         +9d deadline waits[A1] send email",
    );
}

/// A hold at a point that closes at eight on the start's clock, seven days a week but Sunday.
fn at_the_point(hours: &Value) -> reassure::domain::order::Order {
    order_with(json!({ "delivery": { "method": "pickup_point", "point": {
        "name": "Point", "address": { "country": "FR", "postal_code": "69002" }, "opening_hours": hours
    } } }))
}

fn each_day(opens: &str, closes: &str) -> Value {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    json!(days.map(|day| json!({ "day": day, "opens": opens, "closes": closes })))
}

#[test]
fn the_reminder_is_counted_back_over_the_days_on_which_the_place_opens() {
    let script = "+1d ship S1 all A1
                  +2d scan A1 held_at_pickup until=+7d2h
                  +8d wait";
    let told = |hours: &Value| {
        let mut story = Story::of(at_the_point(hours)).showing("pickup_reminder");
        story.tell(script)
    };
    // it ends on Monday at eleven in Paris: with a Sunday between, the last day before is Saturday
    same(
        &told(&each_day("09:00", "19:00")),
        "+2d parcel.tracked pickup_reminder[A1] until +3d2h
         +2d parcel.tracked pickup_reminder[A1] until +5d2h
         +3d2h deadline pickup_reminder[A1] send email+webhook
         +3d2h deadline pickup_reminder[A1] until +3d22h
         +3d22h deferral pickup_reminder[A1] no expired
         +5d2h deadline pickup_reminder[A1] send email+webhook+sms",
    );
    // it opens in the afternoon only, so that Monday is no day to collect it
    same(
        &told(&each_day("14:00", "19:00")),
        "+2d parcel.tracked pickup_reminder[A1] until +2d10h
         +2d parcel.tracked pickup_reminder[A1] until +4d10h
         +2d10h deadline pickup_reminder[A1] no condition_false
         +4d10h deadline pickup_reminder[A1] send email+webhook+sms",
    );
    // hours that cannot be read: plain days
    same(
        &told(&each_day("matin", "soir")),
        "+2d parcel.tracked pickup_reminder[A1] until +4d2h
         +2d parcel.tracked pickup_reminder[A1] until +6d2h
         +4d2h deadline pickup_reminder[A1] send email+webhook
         +4d2h deadline pickup_reminder[A1] until +4d22h
         +4d22h deferral pickup_reminder[A1] no expired
         +6d2h deadline pickup_reminder[A1] send email+webhook+sms",
    );
}

#[test]
fn open_hours_are_the_last_ones() {
    let rules = own_rules_of(&rule("3 open hours before hold_until"), shop_with(json!({})));
    let mut story = Story::with(at_the_point(&each_day("09:00", "19:00")), rules);
    same(
        &story.tell(
            "+1d ship S1 all A1
             +2d scan A1 held_at_pickup until=+7d2h
             +8d wait",
        ),
        "+2d parcel.tracked waits[A1] until +5d9h
         +5d9h deadline waits[A1] send email",
    );
}

fn thresholds() -> Value {
    json!({ "thresholds": { "silence": [
        { "carrier": "chronopost", "after": "6h" },
        { "service": "Express 24 h", "after": "12h" },
        { "concerns": ["perishable", "urgent"], "after": "1d" },
        { "lane": "FR > CH", "after": "2d" },
        { "lane": "FR > FR", "after": "3 working days" },
        { "after": "5d" }
    ] } })
}

#[test]
fn the_first_row_of_a_threshold_that_fits_is_taken() {
    let until = |changes: Value, expected: &str| {
        let rules = own_rules_of(&rule("silence after last_scan"), shop_with(thresholds()));
        let told = Story::with(order_with(changes), rules).tell("+1d ship S1 all A1");
        same(&told, &format!("+1d shipment.created waits[A1] until {expected}"));
    };
    until(json!({}), "+6d");
    until(json!({ "delivery": { "address": { "country": "FR" } } }), "+4d");
    until(json!({ "delivery": { "address": { "country": "ch" } } }), "+3d");
    until(json!({ "delivery": { "address": { "country": "ch" }, "express": true } }), "+2d");
    until(json!({ "delivery": { "service": "express 24 H ", "express": true } }), "+1d12h");
    until(json!({ "concerns": ["perishable"] }), "+2d");
    let mut other = thresholds();
    other["thresholds"]["silence"][0]["carrier"] = json!("colissimo");
    let rules = own_rules_of(&rule("silence after last_scan"), shop_with(other));
    let told = Story::with(order(), rules).tell("+1d ship S1 all A1");
    same(&told, "+1d shipment.created waits[A1] until +1d6h");
}

#[test]
fn what_a_deadline_set_going_is_taken_back_once_the_deadline_moves() {
    let rules = own_rules_of(&rule("silence after last_scan"), shop_with(json!({})));
    let mut story = Story::with(order(), rules);
    same(
        &story.tell(
            "+1d ship S1 all A1
             +4d look waits
             +4d1h scan A1 in_transit
             +4d2h look waits",
        ),
        "+1d shipment.created waits[A1] until +4d
         +4d deadline waits[A1] send email
         +4d look waits email:ok
         +4d2h look waits email:deadline_moved",
    );
}

#[test]
fn waits_are_written_as_they_are_read() {
    for text in ["1d 12h", "1 working day", "2 carrier days", "3 open days", "1 open hour", "5 open hours"] {
        assert_eq!(Wait::parse(text).map(|wait| wait.to_string()).as_deref(), Ok(text));
    }
    for (text, what) in [
        ("0 working days", "'0' in '0 working days' is no number from 1 to 366"),
        ("many open days", "'many' in 'many open days' is no number from 1 to 366"),
        (
            "2 busy days",
            "'busy' in '2 busy days' is no unit of time; write it as 30s, 15m, 36h, 2d or 1d 12h, or by a calendar as 2 working days, 1 carrier day, 2 open days or 3 open hours",
        ),
        (
            "2 working weeks",
            "'working' in '2 working weeks' is no unit of time; write it as 30s, 15m, 36h, 2d or 1d 12h, or by a calendar as 2 working days, 1 carrier day, 2 open days or 3 open hours",
        ),
    ] {
        assert_eq!(Wait::parse(text), Err(what.to_owned()));
    }
}

#[test]
fn a_deadline_that_makes_no_sense_is_refused() {
    let wrong = |text: &str| match Deadline::parse(text) {
        Ok(deadline) => format!("{deadline:?}"),
        Err((what, right)) => format!("{what} / {}", right.unwrap_or_default()),
    };
    same(
        &[
            wrong("2 open days before promise"),
            wrong("2 open days after hold_until"),
            wrong("1 carrier day after promise"),
            wrong("silence before last_scan"),
        ]
        .join("\n"),
        "'2 open days before promise': open days and hours lead to the end of a hold / write it as '1 open day before hold_until'
         '2 open days after hold_until': open days and hours lead to the end of a hold / write it as '1 open day before hold_until'
         '1 carrier day after promise': an order may have several carriers / count working days, or from last_scan or hold_until
         'silence before last_scan': a threshold is how long to wait after something / write 'after', or say how long before",
    );
}

#[test]
fn a_threshold_answers_everybody_and_has_no_row_in_vain() {
    let fault = |rows: Value| {
        let thresholds: Thresholds = serde_json::from_value(json!({ "late": rows })).expect("rows");
        thresholds.fault().map(|(_, what)| what.to_owned())
    };
    assert_eq!(fault(json!([{ "after": "1h" }])), None);
    assert!(fault(json!([])).is_some_and(|what| what.starts_with("nothing fits the rest")));
    assert!(fault(json!([{ "lane": "FR > *", "after": "1h" }])).is_some_and(|what| what.starts_with("nothing fits")));
    assert!(
        fault(json!([{ "after": "1h" }, { "carrier": "ups", "after": "2h" }]))
            .is_some_and(|what| what.ends_with("put it last"))
    );
    assert!(fault(json!([{ "after": "1 open day" }])).is_some_and(|what| what.starts_with("open days")));
    let shop = |changes: Value| -> Result<Shop, String> {
        let mut shop = serde_json::to_value(shop_with(json!({}))).expect("a shop");
        shop["thresholds"] = changes;
        serde_json::from_value(shop).map_err(|error| error.to_string())
    };
    let lane = shop(json!({ "late": [{ "lane": "france", "after": "1h" }] }));
    assert_eq!(lane.err().as_deref(), Some("'france' is no lane; write it as \"FR > DE\" or \"FR > *\""));
}
