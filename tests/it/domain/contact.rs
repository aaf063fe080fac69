//! Who can be reached, who does not want to be, and the second look right before an attempt.

use serde_json::{Value, json};

use super::story::{Story, order, order_with, own_rules, same, story};

/// What the confirmation (e-mail and webhook, else SMS) makes of a customer.
#[track_caller]
fn confirms(customer: Value, expected: &str) {
    story(order_with(json!({ "customer": customer })), "confirmation", "+1m wait", expected);
}

#[test]
fn channels_are_skipped_with_a_reason() {
    confirms(json!({}), "+0 order.placed confirmation send email+webhook");
    confirms(json!({ "channels": ["email"] }), "+0 order.placed confirmation send email+webhook");
    confirms(json!({ "channels": ["sms"] }), "+0 order.placed confirmation send webhook+sms -email:channel_declined");
    confirms(
        json!({ "channels": [] }),
        "+0 order.placed confirmation send webhook -email:channel_declined -sms:channel_declined",
    );
    confirms(json!({ "email": null }), "+0 order.placed confirmation send webhook+sms -email:email_missing");
    confirms(json!({ "email": " \t" }), "+0 order.placed confirmation send webhook+sms -email:email_missing");
    confirms(json!({ "email": "ada@localhost" }), "+0 order.placed confirmation send webhook+sms -email:email_invalid");
    confirms(json!({ "email": "ada" }), "+0 order.placed confirmation send webhook+sms -email:email_invalid");
    confirms(
        json!({ "email": "ada@example.org, eve@example.org" }),
        "+0 order.placed confirmation send webhook+sms -email:email_invalid",
    );
    confirms(
        json!({ "email": "\"a b\"@example.org" }),
        "+0 order.placed confirmation send webhook+sms -email:email_invalid",
    );
    confirms(
        json!({ "email": null, "phone": null }),
        "+0 order.placed confirmation send webhook -email:email_missing -sms:phone_missing",
    );
    confirms(
        json!({ "email": null, "phone": "123" }),
        "+0 order.placed confirmation send webhook -email:email_missing -sms:phone_invalid",
    );
    confirms(
        json!({ "email": null, "phone": "06 12 34 56 78" }),
        "+0 order.placed confirmation send webhook+sms -email:email_missing",
    );
    confirms(
        json!({ "email": null, "phone": "+33 (0)6 12 34 56 78" }),
        "+0 order.placed confirmation send webhook+sms -email:email_missing",
    );
}

#[test]
fn without_any_channel_there_is_a_decision_all_the_same() {
    let rules = own_rules(
        "- rule: hello
  says: Hello.
  on: order.placed
  message: hello
  channels: [email]
  otherwise: [sms]
  once_per: order
  expires: 1d",
    );
    let silent = order_with(json!({ "customer": { "email": null, "channels": ["email"] } }));
    same(
        &Story::with(silent, rules).told(),
        "+0 order.placed hello no no_channel -email:email_missing -sms:channel_declined",
    );
}

#[test]
fn an_order_that_was_placed_after_the_erasure_is_spoken_of() {
    // I3: the erasure is read again, or comes late
    let mut story = Story::of(order());
    story.tell("+1h@-1h erased");
    assert!(!story.journey.erased);
    story.tell("+2h erased");
    assert!(story.journey.erased);
}

#[test]
fn nothing_is_sent_to_the_erased_and_nothing_is_kept_of_them() {
    let gift = order_with(json!({
        "delivery": { "address": { "name": "Ada Lovelace", "lines": ["1 rue Ada"], "city": "Lyon" } },
        "gift": { "recipient_name": "Ada Byron" },
        "order_url": "https://atelier.example/orders/1?key=opensesame",
    }));
    let mut told = Story::of(gift);
    same(
        &told.tell(
            "+1d ship S1 all A1
             +2d scan A1 delayed
             +3d erased
             +3d1h erased
             +3d2h customer email=ada@example.org name=Ada
             +3d3h update gift=Ada method=home url=https://atelier.example/?key=opensesame
             +4d scan A1 delivered to=Ada
             +9d wait",
        ),
        "+0 order.placed confirmation send email+webhook
         +0 order.placed promise_missed_urgent until +4d2h
         +0 order.placed promise_missed until +4d2h
         +1d shipment.created shipping[S1] send email+webhook
         +1d shipment.created silence[A1] until +3d
         +2d parcel.tracked delay[A1] send email+webhook
         +3d2h customer.updated confirmation no customer_erased
         +3d3h order.updated promise_moved no customer_erased
         +4d parcel.tracked delivered[A1] no customer_erased",
    );
    assert!(told.journey.timers.is_empty(), "nothing is waited for");
    let kept = serde_json::to_string(&told.journey).expect("JSON");
    for personal in ["Ada", "ada@", "612345678", "Byron", "opensesame"] {
        assert!(!kept.contains(personal), "'{personal}' is still there: {kept}");
    }
}

#[test]
fn a_second_look_finds_what_is_no_longer_true() {
    // I4
    let mut told = Story::of(order()).showing("delay look");
    same(
        &told.tell(
            "+1d ship S1 all A1
             +2d scan A1 delayed
             +2d look delay
             +2d1h scan A1 delivered
             +2d1h look delay",
        ),
        "+2d parcel.tracked delay[A1] send email+webhook
         +2d look delay email:ok webhook:ok
         +2d1h look delay email:no_longer_true webhook:no_longer_true",
    );
    let mut told = Story::of(order()).showing("shipping look");
    same(
        &told.tell(
            "+1d ship S1 all A1
             +2d23h59m look shipping
             +3d look shipping",
        ),
        "+1d shipment.created shipping[S1] send email+webhook
         +2d23h59m look shipping email:ok webhook:ok
         +3d look shipping email:expired webhook:expired",
    );
    let mut told = Story::of(order()).showing("shipping look");
    same(
        &told.tell(
            "+1d ship S1 all A1
             +1d1h customer channels=sms
             +1d1h look shipping
             +1d2h customer channels=email
             +1d2h look shipping
             +1d3h erased
             +1d3h look shipping",
        ),
        "+1d shipment.created shipping[S1] send email+webhook
         +1d1h look shipping email:channel_declined webhook:ok
         +1d2h look shipping email:ok webhook:ok
         +1d3h look shipping email:customer_erased webhook:customer_erased",
    );
}

#[test]
fn a_rule_that_was_taken_out_speaks_no_more() {
    let mut told = Story::of(order()).showing("look");
    told.tell("+1d ship S1 all A1");
    told.rules = own_rules(
        "- rule: other
  says: Another.
  on: order.confirmed
  message: other
  channels: [email]
  once_per: order
  expires: 1d",
    );
    same(&told.tell("+1d1m look shipping"), "+1d1m look shipping email:rule_gone webhook:rule_gone");
    told.tell("+9d wait");
    assert!(told.journey.timers.is_empty(), "the deadlines of the rules are gone with them");
}

#[test]
fn what_was_withdrawn_can_be_told_when_it_is_true_again() {
    story(
        order(),
        "delivered",
        "+1d ship S1 all A1
         +2d scan A1 delivered
         +2d1m scan A1 attempt_failed
         +2d2m withdraw delivered no_longer_true
         +3d scan A1 delivered",
        "+2d parcel.tracked delivered[A1] send email+webhook
         +2d2m attempt delivered[A1] no no_longer_true
         +2d2m attempt delivered[A1] no no_longer_true
         +3d parcel.tracked delivered[A1] send email+webhook",
    );
}

#[test]
fn notifications_have_a_key_of_their_own_for_life() {
    // I2
    let script = "+1d ship S1 all A1 A2
                  +2d scan A1 delayed
                  +2d1h scan A1 in_transit
                  +3d scan A1 delayed
                  +4d scan A1 delivered
                  +4d scan A2 delivered
                  +9d wait";
    let (mut first, mut second) = (Story::of(order()), Story::of(order()));
    first.tell(script);
    second.tell(script);
    let ids = |story: &Story| story.sent.iter().map(|sent| sent.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&second), "the same on every replica");
    let mut unique = ids(&first);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), first.sent.len(), "and never the same twice");
    assert_eq!(first.sent[0].id.0, "ntf_18f45110b80b90102d27bca1ba9bd3e9");
}
