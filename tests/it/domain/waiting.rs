//! From the order to the parcel's departure, and what ends a journey.

use serde_json::json;

use super::story::{Story, at, order, order_with, placed, rules, same, story};

#[test]
fn an_order_is_confirmed_once() {
    story(
        order(),
        "confirmation",
        "+1h confirmed
         +2h again
         +3h customer phone=+33698765432",
        "+0 order.placed confirmation send email+webhook
         +1h order.confirmed confirmation no already_told
         +2h order.confirmed confirmation no already_told
         +3h customer.updated confirmation no already_told",
    );
}

#[test]
fn a_contact_that_comes_late_still_brings_the_confirmation() {
    let nobody = order_with(json!({ "customer": { "email": null, "phone": null, "channels": ["email", "sms"] } }));
    let mut told = Story::with(nobody, without_webhook()).showing("confirmation");
    same(
        &told.tell(
            "+1h confirmed
             +2h customer name=Ada
             +3h customer email=ada@example.org
             +4h customer phone=+33612345678",
        ),
        "+0 order.placed confirmation no no_channel -email:email_missing -webhook:webhook_missing -sms:phone_missing
         +1h order.confirmed confirmation no no_channel -email:email_missing -webhook:webhook_missing -sms:phone_missing
         +2h customer.updated confirmation no no_channel -email:email_missing -webhook:webhook_missing -sms:phone_missing
         +3h customer.updated confirmation send email -webhook:webhook_missing
         +4h customer.updated confirmation no already_told",
    );
}

#[test]
fn a_contact_that_comes_after_three_days_is_too_late() {
    let nobody = order_with(json!({ "customer": { "email": null, "phone": null } }));
    let mut told = Story::with(nobody, without_webhook()).showing("confirmation");
    same(
        &told.tell("+3d1m customer email=ada@example.org"),
        "+0 order.placed confirmation no no_channel -email:email_missing -webhook:webhook_missing -sms:phone_missing
         +3d1m customer.updated confirmation no condition_false",
    );
}

#[test]
fn orders_imported_long_after_confirm_nothing() {
    let mut told = Story::placed(placed(order(), at("-90d")), rules(), at("+0"));
    same(
        &told.tell(
            "+0@-89d ship S1 all A1
             +0@-88d scan A1 in_transit
             +0@-87d scan A1 delayed
             +0@-86d scan A1 delivered
             +9d wait",
        ),
        "+0 order.placed confirmation no condition_false
         +0 order.placed promise_missed_urgent until +4d4h
         +0 order.placed promise_missed until +4d4h
         +0 shipment.created shipping[S1] no expired
         +0 shipment.created silence[A1] until -86d
         +0 deadline silence[A1] no expired
         +0 parcel.tracked recovery[A1] no not_told
         +0 deadline silence[A1] no expired
         +0 parcel.tracked delay[A1] no expired
         +0 deadline silence[A1] no expired
         +0 parcel.tracked delivered[A1] no expired
         +0 parcel.tracked usage until -83d
         +0 deadline usage no condition_false",
    );
}

#[test]
fn each_shipment_is_told_once() {
    story(
        order(),
        "shipping",
        "+1d ship S1 some A1 A2
         +1d again
         +1d ship S1 some A1 A2
         +2d ship S2 last A3
         +3d scan A1 delivered
         +3d scan A2 delivered
         +3d scan A3 delivered
         +4d@+3d ship S3 all A1",
        "+1d shipment.created shipping[S1] until +1d30m
         +1d shipment.created shipping[S1] no already_told
         +1d shipment.created shipping[S1] no already_told
         +1d30m deferral shipping[S1] send email+webhook
         +2d shipment.created shipping[S2] send email+webhook
         +4d shipment.created shipping[S3] no no_longer_true",
    );
}

#[test]
fn every_parcel_is_delivered_and_the_order_arrives_with_the_last() {
    story(
        order_with(
            json!({ "items": [{ "sku": "CUP", "name": "Cup", "quantity": 1, "unit_price": "5", "usage": "By hand." }] }),
        ),
        "delivered usage",
        "+1d ship S1 some A1 A2
         +2d scan A1 delivered to=neighbour
         +2d1h scan A1 delivered code=AGAIN
         +3d scan A2 delivered
         +3d ship S2 last A3
         +5d scan A3 delivered
         +9d wait",
        "+2d parcel.tracked delivered[A1] until +2d15m
         +2d15m deferral delivered[A1] send email+webhook
         +2d1h parcel.tracked delivered[A1] no already_told
         +3d parcel.tracked delivered[A2] send email+webhook
         +5d parcel.tracked delivered[A3] send email+webhook
         +5d parcel.tracked usage until +8d
         +8d deadline usage send email+webhook",
    );
}

#[test]
fn an_order_collected_is_told_once_whoever_says_so() {
    story(
        order_with(json!({ "delivery": { "method": "pickup_point" } })),
        "collected",
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup
         +3d scan A1 collected
         +3d1h collected",
        "+3d parcel.tracked collected[A1] send email+webhook
         +3d1h order.collected collected no already_told",
    );
}

#[test]
fn usage_is_told_only_of_what_has_something_to_tell() {
    let with_guide = json!({ "items": [{
        "sku": "OAK", "name": "Table", "quantity": 1, "unit_price": "5", "guide_url": "https://atelier.example/oak"
    }] });
    let script = "+1d ship S1 all A1
                  +2d scan A1 delivered
                  +9d wait";
    story(
        order_with(with_guide),
        "usage",
        script,
        "+2d parcel.tracked usage until +5d
         +5d deadline usage send email+webhook",
    );
    story(
        order(),
        "usage",
        script,
        "+2d parcel.tracked usage until +5d
         +5d deadline usage no condition_false",
    );
}

#[test]
fn a_cancelled_order_whose_parcel_still_moves() {
    let mut told = Story::of(order());
    same(
        &told.tell(
            "+1d ship S1 all A1
             +2d cancelled
             +2d1h cancelled
             +3d scan A1 in_transit
             +3d1h scan A1 delayed
             +9d scan A1 out_for_delivery
             +10d scan A1 delivered
             +20d wait",
        ),
        "+0 order.placed confirmation send email+webhook
         +0 order.placed promise_missed_urgent until +4d4h
         +0 order.placed promise_missed until +4d4h
         +1d shipment.created shipping[S1] send email+webhook
         +1d shipment.created silence[A1] until +4d
         +2d order.cancelled cancelled send email+webhook
         +2d1h order.cancelled cancelled no already_told
         +3d parcel.tracked recovery[A1] no not_told
         +3d1h parcel.tracked delay[A1] no no_longer_true
         +9d parcel.tracked arriving[A1] no condition_false
         +9d parcel.tracked gift_arriving[A1] no condition_false
         +9d parcel.tracked recovery[A1] no not_told
         +10d parcel.tracked delivered[A1] send email+webhook",
    );
    assert!(told.journey.timers.is_empty(), "a cancelled order waits for nothing");
}

#[test]
fn a_parcel_that_comes_back_without_having_arrived() {
    story(
        order(),
        "delivered returned recovery delay silence",
        "+1d ship S1 all A1
         +2d scan A1 attempt_failed
         +3d scan A1 refused
         +4d scan A1 returning
         +8d scan A1 returned
         +9d scan A1 returned code=AGAIN",
        "+1d shipment.created silence[A1] until +4d
         +3d parcel.tracked returned[A1] send email+webhook
         +4d parcel.tracked returned[A1] no already_told
         +8d parcel.tracked returned[A1] no already_told
         +9d parcel.tracked returned[A1] no already_told",
    );
}

#[test]
fn goods_that_travel_back_after_delivery_are_no_news() {
    story(
        order(),
        "delivered returned recovery delay",
        "+1d ship S1 all A1
         +2d scan A1 delivered
         +5d scan A1 picked_up
         +6d scan A1 delayed
         +6d1h eta A1 +9d
         +7d scan A1 returned
         +8d scan A1 delivered",
        "+2d parcel.tracked delivered[A1] send email+webhook
         +5d parcel.tracked recovery[A1/1] no return_leg
         +6d parcel.tracked delay[A1/1] no return_leg
         +6d1h parcel.eta_changed delay[A1/1] no return_leg
         +7d parcel.tracked returned[A1/1] no return_leg
         +8d parcel.tracked delivered[A1/1] no return_leg",
    );
}

#[test]
fn lost_then_found() {
    story(
        order(),
        "lost recovery delivered silence",
        "+1d ship S1 all A1
         +2d scan A1 lost
         +2d1h scan A1 lost code=L2
         +3d scan A1 in_transit
         +4d scan A1 lost
         +5d scan A1 delivered",
        "+1d shipment.created silence[A1] until +4d
         +2d parcel.tracked lost[A1] send email+webhook
         +2d1h parcel.tracked lost[A1] no already_told
         +3d parcel.tracked recovery[A1] send email+webhook
         +3d parcel.tracked silence[A1] until +6d
         +4d parcel.tracked lost[A1] send email+webhook
         +5d parcel.tracked delivered[A1] send email+webhook",
    );
}

#[test]
fn the_scans_of_a_replaced_number_are_old_news() {
    story(
        order(),
        "shipping delay returned recovery delivered lost",
        "+1d ship S1 all A1
         +2d scan A1 delayed
         +2d2h replace S1 A1 B1
         +2d3h scan A1 lost
         +2d4h scan A1 returned
         +3d scan B1 in_transit
         +4d scan B1 delivered
         +5d@+1d replace S1 A1 B1",
        "+1d shipment.created shipping[S1] send email+webhook
         +2d parcel.tracked delay[A1] send email+webhook
         +2d3h parcel.tracked lost[A1] no old_news
         +2d4h parcel.tracked returned[A1] no old_news
         +3d parcel.tracked recovery[B1] send email+webhook
         +4d parcel.tracked delivered[B1] send email+webhook",
    );
}

#[test]
fn a_number_that_is_given_again_begins_a_new_life() {
    story(
        order(),
        "shipping delivered returned",
        "+1d ship S1 some A1
         +2d scan A1 delivered
         +3d ship S2 last A1
         +3d1h@+2d12h scan A1 delivered code=LATE
         +4d scan A1 in_transit
         +5d scan A1 delivered",
        "+1d shipment.created shipping[S1] until +1d30m
         +1d30m deferral shipping[S1] send email+webhook
         +2d parcel.tracked delivered[A1] send email+webhook
         +3d shipment.created shipping[S2] send email+webhook
         +3d1h parcel.tracked delivered[A1/1] no old_news
         +5d parcel.tracked delivered[A1/1] send email+webhook",
    );
}

#[test]
fn what_happened_before_delivery_is_old_news_after_it() {
    story(
        order(),
        "delay delivered returned lost recovery",
        "+1d ship S1 all A1
         +4d scan A1 delivered
         +4d1h@+2d scan A1 delayed
         +4d1h@+3d scan A1 in_transit
         +4d1h@+3d5h scan A1 lost
         +4d1h@+3d6h eta A1 +7d",
        "+4d parcel.tracked delivered[A1] send email+webhook
         +4d1h parcel.tracked delay[A1] no old_news
         +4d1h parcel.tracked recovery[A1] no old_news
         +4d1h parcel.tracked lost[A1] no old_news
         +4d1h parcel.eta_changed delay[A1] no no_longer_true",
    );
}

#[test]
fn scans_of_one_moment_stand_in_the_order_of_the_way() {
    // carriers that know days only say everything of a day at midnight
    story(
        order(),
        "delay delivered recovery returned lost",
        "+1d ship S1 all A1 A2
         +3d scan A1 delivered
         +3d scan A1 delayed
         +3d scan A1 out_for_delivery
         +3d scan A2 exception
         +3d scan A2 in_transit
         +3d scan A2 delivered",
        "+3d parcel.tracked delivered[A1] until +3d15m
         +3d parcel.tracked delay[A1] no old_news
         +3d parcel.tracked recovery[A1] no old_news
         +3d parcel.tracked delay[A2] send email+webhook
         +3d parcel.tracked recovery[A2] no old_news
         +3d parcel.tracked delivered[A2] send email+webhook
         +3d parcel.tracked delivered[A1] no folded",
    );
}

#[test]
fn a_status_that_no_vocabulary_lists_changes_nothing() {
    story(
        order(),
        "delay delivered recovery returned",
        "+1d ship S1 all A1
         +2d scan A1 teleported
         +3d scan A1 delivered
         +3d1h scan A1 beamed
         +3d2h scan A1 delivered code=AGAIN
         +4d scan A2 beamed
         +4d1h@+3d scan A2 delivered",
        "+3d parcel.tracked delivered[A1] send email+webhook
         +3d2h parcel.tracked delivered[A1] no already_told
         +4d1h parcel.tracked delivered[A2] send email+webhook",
    );
}

/// The default rules, of a shop that has no webhook.
fn without_webhook() -> reassure::domain::rule::RuleSet {
    let mut shop = super::story::shop();
    shop.providers.webhook = None;
    rules().for_shop(std::sync::Arc::new(shop))
}
