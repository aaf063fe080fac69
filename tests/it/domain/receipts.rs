//! What is heard of messages afterwards, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::escalation::{HELD, RULES, told};
use super::story::{Story, order, own_rules, own_rules_of, same, shop, shop_with};

#[test]
fn an_address_that_a_message_came_back_from_is_used_no_more_until_there_is_another() {
    told(
        "+3h receipt held email bounced
         +4h scan A1 delayed
         +5h customer email=ada@new.example
         +6h scan A1 delayed
         +6h30m wait",
        "+3h receipt held[A1] send sms
         +4h parcel.tracked late[A1] no no_channel -email:address_bounced
         +6h parcel.tracked late[A1] send email",
    );
}

#[test]
fn an_address_that_is_given_once_more_is_no_new_one() {
    told(
        "+3h receipt held email bounced
         +4h customer email=Ada@Example.org
         +5h customer email=ADA@example.org name=Ada
         +6h scan A1 delayed
         +7h customer email=ada@new.example
         +8h scan A1 delayed
         +8h30m wait",
        "+3h receipt held[A1] send sms
         +6h parcel.tracked late[A1] no no_channel -email:address_bounced
         +8h parcel.tracked late[A1] send email",
    );
    let texts = own_rules(
        "- rule: late
  says: Late.
  on:
    - parcel.tracked: [delayed]
  message: late
  channels: [sms]
  once_per: event
  expires: 1d",
    );
    same(
        &Story::with(order(), texts).tell(
            "+1h scan A1 delayed
             +2h receipt late sms bounced
             +3h customer phone=06.12.34.56.78 email=ada@new.example
             +4h scan A1 delayed
             +5h customer phone=+33612345679
             +6h scan A1 delayed",
        ),
        "+1h parcel.tracked late[A1] send sms
         +4h parcel.tracked late[A1] no no_channel -sms:address_bounced
         +6h parcel.tracked late[A1] send sms",
    );
}

#[test]
fn a_receipt_of_a_message_that_nobody_sent_changes_nothing() {
    // I1
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell(HELD);
    let mut stranger = story.sent[0].clone();
    stranger.id.0 = "ntf_of_another_order".to_owned();
    let before = story.journey.clone();
    story.hear(&stranger, "bounced");
    assert_eq!(story.journey, before);
    story.hear(&story.sent[0].clone(), "delivered");
    let once = story.journey.clone();
    assert_ne!(once, before);
    story.hear(&story.sent[0].clone(), "delivered");
    assert_eq!(story.journey, once, "what is told twice changes nothing");
}

/// One thing that happens, and what it may be of.
fn happening() -> impl Strategy<Value = String> {
    let receipt = prop::sample::select(vec!["accepted", "delivered", "bounced", "failed", "complained"]);
    prop_oneof![
        prop::sample::select(vec!["held_at_pickup", "delayed", "collected", "in_transit"])
            .prop_map(|status| format!("scan A1 {status} until=+9d")),
        receipt.prop_map(|receipt| format!("receipt held email {receipt}")),
        Just("customer channels=email".to_owned()),
        Just("customer channels=email,sms".to_owned()),
        Just("cancelled".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// At most one text message for each turn, never at a quiet hour, never when it is untrue, and
    /// never with a key that was there before (I2, I4).
    #[test]
    fn however_receipts_come(happenings in prop::collection::vec((0_u32..200, happening()), 1..12)) {
        let quiet = shop_with(json!({ "quiet_hours": { "sms": "21:00-08:00" } }));
        let zone = shop().time_zone;
        let mut story = Story::with(order(), own_rules_of(RULES, quiet)).showing("held");
        story.tell("+1h ship S1 all A1\n+2h scan A1 held_at_pickup until=+9d");
        let mut hours = 2;
        for (after, what) in happenings {
            hours += after % 24;
            story.tell(&format!("+{hours}h {what}"));
        }
        story.tell("+60d wait");
        let mut keys = BTreeSet::new();
        for sent in &story.sent {
            prop_assert!(keys.insert(sent.id.clone()), "two of the key {}", sent.id);
            if sent.channel.as_str() == "sms" {
                let hour = sent.decided_at.in_zone(zone).format("%H").to_string().parse::<u32>().expect("an hour");
                prop_assert!((8..21).contains(&hour), "an SMS at {hour}");
                prop_assert!(sent.decided_at < sent.expires_at);
            }
        }
        for told in story.journey.told.iter().filter(|told| told.rule.as_str() == "held") {
            let texts = story.sent.iter().filter(|sent| sent.channel.as_str() == "sms" && told.notifications.contains(&sent.id));
            prop_assert!(texts.count() <= 1);
        }
        prop_assert!(story.journey.deferred.is_empty(), "nothing waits for ever");
    }
}
