//! What waits to be collected: chosen, imposed, and the reminders.

use super::story::{Story, collected_at, order, same, story};

const SHOWN: &str = "pickup_chosen pickup_imposed pickup_reminder collected";

#[test]
fn a_pickup_point_that_the_buyer_chose() {
    story(
        collected_at("pickup_point"),
        SHOWN,
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup until=+9d
         +2d1h scan A1 held_at_pickup code=AGAIN
         +12d wait",
        "+2d parcel.tracked pickup_chosen[A1] send email+sms+webhook
         +2d parcel.tracked pickup_imposed[A1] no condition_false
         +2d parcel.tracked pickup_reminder[A1] until +6d
         +2d parcel.tracked pickup_reminder[A1] until +8d
         +2d1h parcel.tracked pickup_chosen[A1] no already_told
         +2d1h parcel.tracked pickup_imposed[A1] no condition_false
         +6d deadline pickup_reminder[A1] send email+webhook
         +6d deadline pickup_reminder[A1] until +6d20h
         +6d20h deferral pickup_reminder[A1] no expired
         +8d deadline pickup_reminder[A1] send email+webhook+sms",
    );
}

#[test]
fn a_hold_that_nobody_chose() {
    story(
        order(),
        SHOWN,
        "+1d ship S1 all A1
         +2d scan A1 attempt_failed
         +2d1h scan A1 held_at_pickup
         +2d2h scan A1 held_at_pickup until=+4d
         +4d wait",
        "+2d1h parcel.tracked pickup_chosen[A1] no condition_false
         +2d1h parcel.tracked pickup_imposed[A1] send email+sms+webhook
         +2d2h parcel.tracked pickup_chosen[A1] no condition_false
         +2d2h parcel.tracked pickup_imposed[A1] no already_told
         +2d2h parcel.tracked pickup_reminder[A1] until +1d
         +2d2h parcel.tracked pickup_reminder[A1] until +3d
         +2d2h deadline pickup_reminder[A1] no condition_false
         +3d deadline pickup_reminder[A1] send email+webhook+sms",
    );
}

#[test]
fn a_store_of_the_shop() {
    story(
        collected_at("store"),
        SHOWN,
        "+1d ready until=+8d
         +1d again
         +6d collected
         +9d wait",
        "+1d order.ready_for_collection pickup_chosen send email+sms+webhook
         +1d order.ready_for_collection pickup_reminder until +5d
         +1d order.ready_for_collection pickup_reminder until +7d
         +1d order.ready_for_collection pickup_chosen no already_told
         +5d deadline pickup_reminder send email+webhook
         +5d deadline pickup_reminder until +5d20h
         +5d20h deferral pickup_reminder no expired
         +6d order.collected collected send email+webhook",
    );
}

#[test]
fn no_reminder_on_the_heels_of_the_first_notice() {
    story(
        collected_at("pickup_point"),
        SHOWN,
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup until=+3d12h
         +4d wait",
        "+2d parcel.tracked pickup_chosen[A1] send email+sms+webhook
         +2d parcel.tracked pickup_imposed[A1] no condition_false
         +2d parcel.tracked pickup_reminder[A1] until +12h
         +2d parcel.tracked pickup_reminder[A1] until +2d12h
         +2d deadline pickup_reminder[A1] no condition_false
         +2d12h deadline pickup_reminder[A1] no condition_false",
    );
}

#[test]
fn a_hold_that_is_extended_is_reminded_of_anew() {
    story(
        collected_at("pickup_point"),
        SHOWN,
        "+1d ship S1 all A1 A2
         +2d scan A1 held_at_pickup until=+9d
         +2d scan A2 held_at_pickup until=+9d
         +8d12h scan A1 held_at_pickup until=+16d
         +20d wait",
        "+2d parcel.tracked pickup_chosen[A1] send email+sms+webhook
         +2d parcel.tracked pickup_imposed[A1] no condition_false
         +2d parcel.tracked pickup_reminder[A1] until +6d
         +2d parcel.tracked pickup_reminder[A1] until +8d
         +2d parcel.tracked pickup_chosen[A2] send email+sms+webhook
         +2d parcel.tracked pickup_imposed[A2] no condition_false
         +2d parcel.tracked pickup_reminder[A2] until +6d
         +2d parcel.tracked pickup_reminder[A2] until +8d
         +6d deadline pickup_reminder[A1] send email+webhook
         +6d deadline pickup_reminder[A1] until +6d20h
         +6d deadline pickup_reminder[A2] send email+webhook
         +6d deadline pickup_reminder[A2] until +6d20h
         +6d20h deferral pickup_reminder[A1] no expired
         +6d20h deferral pickup_reminder[A2] no expired
         +8d deadline pickup_reminder[A1] send email+webhook+sms
         +8d deadline pickup_reminder[A2] send email+webhook+sms
         +8d12h parcel.tracked pickup_chosen[A1] no already_told
         +8d12h parcel.tracked pickup_imposed[A1] no condition_false
         +13d deadline pickup_reminder[A1] send email+webhook
         +13d deadline pickup_reminder[A1] until +13d20h
         +13d20h deferral pickup_reminder[A1] no expired
         +15d deadline pickup_reminder[A1] send email+webhook+sms",
    );
}

#[test]
fn no_reminder_after_collection() {
    story(
        collected_at("pickup_point"),
        SHOWN,
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup until=+9d
         +7d scan A1 collected
         +12d wait",
        "+2d parcel.tracked pickup_chosen[A1] send email+sms+webhook
         +2d parcel.tracked pickup_imposed[A1] no condition_false
         +2d parcel.tracked pickup_reminder[A1] until +6d
         +2d parcel.tracked pickup_reminder[A1] until +8d
         +6d deadline pickup_reminder[A1] send email+webhook
         +6d deadline pickup_reminder[A1] until +6d20h
         +6d20h deferral pickup_reminder[A1] no expired
         +7d parcel.tracked collected[A1] send email+webhook",
    );
}

#[test]
fn no_reminder_once_it_goes_back() {
    story(
        collected_at("pickup_point"),
        "pickup_chosen pickup_reminder returned",
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup until=+9d
         +7d scan A1 returning
         +12d wait",
        "+2d parcel.tracked pickup_chosen[A1] send email+sms+webhook
         +2d parcel.tracked pickup_reminder[A1] until +6d
         +2d parcel.tracked pickup_reminder[A1] until +8d
         +6d deadline pickup_reminder[A1] send email+webhook
         +6d deadline pickup_reminder[A1] until +6d20h
         +6d20h deferral pickup_reminder[A1] no expired
         +7d parcel.tracked returned[A1] send email+webhook",
    );
}

#[test]
fn a_hold_that_is_over_when_it_is_heard_of() {
    story(
        order(),
        SHOWN,
        "+1d ship S1 all A1
         +5d@+4d scan A1 held_at_pickup until=+4d12h
         +6d wait",
        "+5d parcel.tracked pickup_chosen[A1] no condition_false
         +5d parcel.tracked pickup_imposed[A1] no no_longer_true
         +5d parcel.tracked pickup_reminder[A1] until +1d12h
         +5d parcel.tracked pickup_reminder[A1] until +3d12h
         +5d deadline pickup_reminder[A1] no no_longer_true
         +5d deadline pickup_reminder[A1] no no_longer_true",
    );
}

#[test]
fn nobody_is_called_to_collect_what_was_cancelled() {
    let mut told = Story::of(collected_at("store")).showing(SHOWN);
    same(
        &told.tell(
            "+1d cancelled
             +2d ready until=+8d
             +9d wait",
        ),
        "+2d order.ready_for_collection pickup_chosen no no_longer_true",
    );
    assert!(told.journey.timers.is_empty());
    story(
        collected_at("pickup_point"),
        SHOWN,
        "+1d ship S1 all A1
         +1d1h cancelled
         +2d scan A1 held_at_pickup until=+9d
         +12d wait",
        "+2d parcel.tracked pickup_chosen[A1] no no_longer_true
         +2d parcel.tracked pickup_imposed[A1] no condition_false",
    );
}

#[test]
fn a_store_hold_outlives_neither_collection_nor_an_older_word() {
    let mut told = Story::of(collected_at("store")).showing(SHOWN);
    same(
        &told.tell(
            "+2d ready until=+9d
             +2d1h@+1d ready until=+4d
             +3d collected
             +3d1h@+2d12h ready until=+12d
             +3d2h ready until=+20d
             +25d wait",
        ),
        "+2d order.ready_for_collection pickup_chosen send email+sms+webhook
         +2d order.ready_for_collection pickup_reminder until +6d
         +2d order.ready_for_collection pickup_reminder until +8d
         +2d1h order.ready_for_collection pickup_chosen no old_news
         +3d order.collected collected send email+webhook
         +3d1h order.ready_for_collection pickup_chosen no old_news
         +3d2h order.ready_for_collection pickup_chosen no old_news",
    );
    assert_eq!(told.journey.store_hold, None);
}

#[test]
fn the_way_of_delivery_is_changed_after_the_hold_was_heard_of() {
    story(
        order(),
        SHOWN,
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup
         +2d1h@+1d update method=pickup_point
         +3d scan A1 held_at_pickup code=AGAIN",
        "+2d parcel.tracked pickup_chosen[A1] no condition_false
         +2d parcel.tracked pickup_imposed[A1] send email+sms+webhook
         +3d parcel.tracked pickup_chosen[A1] send email+sms+webhook
         +3d parcel.tracked pickup_imposed[A1] no condition_false",
    );
}
