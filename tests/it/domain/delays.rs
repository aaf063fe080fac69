//! Late, silent, moving again.

use serde_json::json;

use super::story::{Story, order, order_with, same, story};

fn urgent() -> reassure::domain::order::Order {
    order_with(json!({ "delivery": { "express": true } }))
}

const SHOWN: &str = "delay recovery silence";

#[test]
fn a_delay_is_told_once_and_its_end_too_and_a_second_one_again() {
    story(
        order(),
        "delay recovery",
        "+1d ship S1 all A1
         +1d1h scan A1 in_transit
         +2d scan A1 delayed
         +2d1h scan A1 exception
         +2d2h scan A1 in_transit
         +2d3h scan A1 out_for_delivery
         +3d scan A1 damaged
         +3d1h scan A1 in_transit
         +3d2h scan A1 delivered",
        "+1d1h parcel.tracked recovery[A1] no not_told
         +2d parcel.tracked delay[A1] send email+webhook
         +2d1h parcel.tracked delay[A1] no already_told
         +2d2h parcel.tracked recovery[A1] send email+webhook
         +2d3h parcel.tracked recovery[A1] no not_told
         +3d parcel.tracked delay[A1] send email+webhook
         +3d1h parcel.tracked recovery[A1] send email+webhook",
    );
}

#[test]
fn an_arrival_that_moves_by_less_than_two_hours_is_no_delay() {
    story(
        order(),
        "delay",
        "+1d ship S1 all A1 eta=+3d
         +1d1h eta A1 +4d
         +1d2h eta A1 +4d1h59m
         +1d3h eta A1 +4d1h59m
         +1d4h eta A1 +4d2h
         +1d5h eta A1 +5d
         +1d6h@+1d eta A1 +9d",
        "+1d1h parcel.eta_changed delay[A1] no condition_false
         +1d2h parcel.eta_changed delay[A1] no condition_false
         +1d3h parcel.eta_changed delay[A1] no already_told
         +1d4h parcel.eta_changed delay[A1] send email+webhook
         +1d5h parcel.eta_changed delay[A1] no already_told
         +1d6h parcel.eta_changed delay[A1] no old_news",
    );
    let without_promise = order_with(json!({ "promise": null }));
    story(
        without_promise,
        "delay",
        "+1d ship S1 all A1
         +1d1h eta A1 +4d
         +1d2h eta A1 +4d1h
         +1d3h eta A1 +4d4h",
        "+1d1h parcel.eta_changed delay[A1] no condition_false
         +1d2h parcel.eta_changed delay[A1] no condition_false
         +1d3h parcel.eta_changed delay[A1] send email+webhook",
    );
}

#[test]
fn a_missed_promise_is_told_unless_something_else_was() {
    story(
        order(),
        "promise_missed promise_missed_urgent",
        "+5d wait",
        "+0 order.placed promise_missed_urgent until +4d4h
         +0 order.placed promise_missed until +4d4h
         +4d4h deadline promise_missed_urgent no condition_false
         +4d4h deadline promise_missed send email+webhook",
    );
    story(
        urgent(),
        "promise_missed promise_missed_urgent",
        "+5d wait",
        "+0 order.placed promise_missed_urgent until +4d1h
         +0 order.placed promise_missed until +4d1h
         +4d1h deadline promise_missed_urgent send email+sms+webhook
         +4d1h deadline promise_missed no condition_false",
    );
    let cheese = order_with(json!({ "items": [
        { "sku": "BRIE", "name": "Brie", "quantity": 1, "unit_price": "5", "perishable": true }
    ] }));
    story(
        cheese,
        "promise_missed promise_missed_urgent",
        "+5d wait",
        "+0 order.placed promise_missed_urgent until +4d1h
         +0 order.placed promise_missed until +4d1h
         +4d1h deadline promise_missed_urgent send email+sms+webhook
         +4d1h deadline promise_missed no condition_false",
    );
    story(
        order(),
        "promise_missed delay",
        "+1d ship S1 all A1
         +3d scan A1 delayed
         +5d wait",
        "+0 order.placed promise_missed until +4d4h
         +3d parcel.tracked delay[A1] send email+webhook
         +4d4h deadline promise_missed no condition_false",
    );
    // a delay of days ago without a new date: by now the buyer wonders
    story(
        order(),
        "promise_missed delay",
        "+1d ship S1 all A1
         +2d scan A1 delayed
         +5d wait",
        "+0 order.placed promise_missed until +4d4h
         +2d parcel.tracked delay[A1] send email+webhook
         +4d4h deadline promise_missed send email+webhook",
    );
    story(
        order_with(json!({ "delivery": { "method": "pickup_point" } })),
        "promise_missed",
        "+1d ship S1 all A1
         +4d scan A1 held_at_pickup
         +5d wait",
        "+0 order.placed promise_missed until +4d4h
         +4d4h deadline promise_missed no no_longer_true",
    );
    story(
        order(),
        "promise_missed",
        "+1d ship S1 all A1
         +4d1h scan A1 delivered
         +5d wait",
        "+0 order.placed promise_missed until +4d4h",
    );
}

#[test]
fn a_new_promise_moves_the_deadline_and_the_first_stays_the_yardstick() {
    let mut told = Story::of(order()).showing("promise_missed delay");
    same(
        &told.tell(
            "+1d update promise=+6d
             +1d1h@+12h update promise=+5d
             +2d ship S1 all A1
             +2d1h eta A1 +6d
             +4d12h wait
             +7d wait",
        ),
        "+0 order.placed promise_missed until +4d4h
         +2d1h parcel.eta_changed delay[A1] no condition_false
         +6d4h deadline promise_missed send email+webhook",
    );
    assert_eq!(told.journey.first_promise().map(|promise| promise.latest), Some(super::story::at("+4d")));
}

#[test]
fn silence_is_told_after_three_days_and_each_scan_puts_it_off() {
    story(
        order_with(json!({ "promise": null })),
        "silence",
        "+1d ship S1 all A1
         +2d scan A1 in_transit
         +4d scan A1 in_transit
         +4d1h scan A1 teleported
         +9d wait",
        "+1d shipment.created silence[A1] until +4d
         +7d1h deadline silence[A1] send email+webhook",
    );
}

#[test]
fn silence_is_told_after_a_day_of_what_cannot_wait() {
    let urgent = order_with(json!({ "delivery": { "express": true }, "promise": null }));
    story(
        urgent,
        "silence recovery",
        "+1d ship S1 all A1
         +1d2h scan A1 in_transit
         +5d scan A1 in_transit
         +9d wait",
        "+1d shipment.created silence[A1] until +2d
         +1d2h parcel.tracked recovery[A1] no not_told
         +2d2h deadline silence[A1] send email+webhook
         +5d parcel.tracked recovery[A1] send email+webhook
         +6d deadline silence[A1] send email+webhook",
    );
}

#[test]
fn silence_is_told_again_after_it_moved() {
    story(
        order_with(json!({ "promise": null })),
        SHOWN,
        "+1d ship S1 all A1
         +5d scan A1 in_transit
         +9d scan A1 in_transit
         +13d scan A1 delivered",
        "+1d shipment.created silence[A1] until +4d
         +4d deadline silence[A1] send email+webhook
         +5d parcel.tracked recovery[A1] send email+webhook
         +8d deadline silence[A1] send email+webhook
         +9d parcel.tracked recovery[A1] send email+webhook
         +12d deadline silence[A1] send email+webhook",
    );
}

#[test]
fn customs_take_their_time() {
    story(
        order_with(json!({ "promise": null })),
        "silence",
        "+1d ship S1 all A1
         +2d scan A1 in_customs
         +8d scan A1 in_transit
         +13d wait",
        "+1d shipment.created silence[A1] until +4d
         +5d deadline silence[A1] no condition_false
         +11d deadline silence[A1] send email+webhook",
    );
}

#[test]
fn nobody_hears_of_the_end_of_what_they_were_not_told() {
    story(
        order(),
        "delay recovery",
        "+1d ship S1 all A1 A2
         +2d scan A1 delayed
         +2d1h scan A2 in_transit
         +2d2h withdraw delay no_longer_true
         +2d3h scan A1 in_transit
         +3d scan A1 delayed
         +3d1h scan A1 in_transit",
        "+2d parcel.tracked delay[A1] send email+webhook
         +2d1h parcel.tracked recovery[A2] no not_told
         +2d2h attempt delay[A1] no no_longer_true
         +2d2h attempt delay[A1] no no_longer_true
         +2d3h parcel.tracked recovery[A1] no not_told
         +3d parcel.tracked delay[A1] send email+webhook
         +3d1h parcel.tracked recovery[A1] send email+webhook",
    );
}

#[test]
fn the_end_of_a_missed_promise_is_told_once_however_many_parcels_there_are() {
    story(
        order(),
        "promise_missed recovery",
        "+1d ship S1 all A1 A2 A3
         +3d scan A1 announced
         +3d scan A2 announced
         +3d scan A3 announced
         +5d scan A1 in_transit
         +5d1h scan A2 in_transit
         +5d2h scan A3 in_transit
         +6d scan A3 delayed
         +6d1h scan A3 in_transit",
        "+0 order.placed promise_missed until +4d4h
         +4d4h deadline promise_missed send email+webhook
         +5d parcel.tracked recovery[A1] send email+webhook
         +5d1h parcel.tracked recovery[A2] no not_told
         +5d2h parcel.tracked recovery[A3] no not_told
         +6d1h parcel.tracked recovery[A3] send email+webhook",
    );
}

#[test]
fn a_number_that_replaces_another_ends_its_troubles() {
    story(
        order(),
        "delay recovery",
        "+1d ship S1 all A1
         +2d scan A1 exception
         +2d1h replace S1 A1 B1
         +2d2h scan B1 in_transit",
        "+2d parcel.tracked delay[A1] send email+webhook
         +2d2h parcel.tracked recovery[B1] send email+webhook",
    );
}

#[test]
fn corrections_of_old_events_send_nothing() {
    story(
        order(),
        "delay delivered recovery shipping",
        "+1d ship S1 all A1
         +2d scan A1 in_transit
         +5d@+2d1h scan A1 delayed
         +5d@+2d2h eta A1 +9d
         +5d@+2d12h scan A1 in_transit
         +8d@+5d scan A1 delivered",
        "+1d shipment.created shipping[S1] send email+webhook
         +2d parcel.tracked recovery[A1] no not_told
         +5d parcel.tracked delay[A1] no expired
         +5d parcel.eta_changed delay[A1] no expired
         +5d parcel.tracked recovery[A1] no expired
         +8d parcel.tracked delivered[A1] no expired",
    );
}

#[test]
fn a_date_that_moves_again_is_told_again_and_a_shift_is_no_standstill() {
    story(
        order(),
        "delay delay_again recovery promise_missed",
        "+1d ship S1 all A1
         +1d4h scan A1 in_transit
         +1d5h eta A1 +6d
         +1d8h scan A1 in_transit
         +2d eta A1 +6d4h
         +3d eta A1 +8d
         +5d wait",
        "+0 order.placed promise_missed until +4d4h
         +1d4h parcel.tracked recovery[A1] no not_told
         +1d5h parcel.eta_changed delay[A1] send email+webhook
         +1d5h parcel.eta_changed delay_again[A1] no condition_false
         +1d8h parcel.tracked recovery[A1] no condition_false
         +2d parcel.eta_changed delay[A1] no already_told
         +2d parcel.eta_changed delay_again[A1] no condition_false
         +3d parcel.eta_changed delay[A1] no already_told
         +3d parcel.eta_changed delay_again[A1] send email+webhook
         +4d4h deadline promise_missed no condition_false",
    );
}

#[test]
fn the_shop_moves_its_promise() {
    story(
        order(),
        "promise_moved promise_missed",
        "+1d update promise=+5d
         +2d update promise=+5d1h
         +6d wait",
        "+0 order.placed promise_missed until +4d4h
         +1d order.updated promise_moved send email+webhook
         +2d order.updated promise_moved no condition_false
         +5d5h deadline promise_missed send email+webhook",
    );
}
