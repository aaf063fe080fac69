//! Whom a rule speaks to: the buyer, the recipient of a present, the shop. Each has their own address,
//! wishes, budget and bounces.

use std::sync::Arc;

use reassure::domain::contact::{Recipient, reach_party};
use reassure::domain::decision::Reason;
use reassure::domain::order::{Channel, Order};
use reassure::domain::party::Party;
use reassure::domain::restraint::Budget;
use reassure::domain::rule;
use reassure::domain::spending::Elsewhere;
use serde_json::{Value, json};

use super::story::{Story, at, order, order_with, own_rules, own_rules_of, same, shop, shop_with};

const RULES: &str = "
- rule: buyer
  says: Yours comes.
  on:
    - parcel.tracked: [out_for_delivery]
  message: arriving
  channels: [email]
  once_per: event
  expires: 2d
- rule: gift
  says: A present comes.
  on:
    - parcel.tracked: [out_for_delivery]
  message: gift
  to: recipient
  channels: [email]
  otherwise: [sms]
  once_per: event
  expires: 2d
- rule: till
  says: The shop hears of it too.
  on:
    - parcel.tracked: [out_for_delivery]
  message: note
  to: shop
  channels: [webhook]
  once_per: event
  expires: 2d
- rule: after
  says: Only to a buyer who was told.
  on: support.contacted
  when: '\"gift\" in journey.told || journey.last_told == \"note\"'
  message: after
  channels: [email]
  once_per: event
  expires: 2d
";

fn present(changes: Value) -> Order {
    let louise = json!({ "gift": { "recipient": { "email": "louise@example.org", "phone": "+33639980002" } } });
    let mut order = json!(order_with(louise));
    super::shop::lay(changes, &mut order);
    serde_json::from_value(order).expect("an order")
}

fn comes(story: &mut Story) -> String {
    story.tell("+1h scan A1 out_for_delivery")
}

#[test]
fn each_is_reached_at_their_own_address() {
    let order = present(json!({}));
    let to = |party, channel| reach_party(party, &order, &shop(), channel);
    assert_eq!(to(Party::Buyer, Channel::Email), Ok(Recipient::Email("ada@example.org".into())));
    assert_eq!(to(Party::Recipient, Channel::Email), Ok(Recipient::Email("louise@example.org".into())));
    assert_eq!(to(Party::Recipient, Channel::Sms), Ok(Recipient::Phone("+33639980002".into())));
    assert_eq!(to(Party::Shop, Channel::Webhook), Ok(Recipient::Webhook));
    assert_eq!(
        reach_party(Party::Recipient, &super::story::order(), &shop(), Channel::Email),
        Err(Reason::RecipientMissing)
    );
    same(
        &comes(&mut Story::with(order, own_rules(RULES))),
        "+1h parcel.tracked buyer[A1] send email
         +1h parcel.tracked gift[A1] send email
         +1h parcel.tracked till[A1] send webhook",
    );
}

#[test]
fn each_has_wishes_of_their_own() {
    let declines = present(json!({ "gift": { "recipient": { "channels": ["sms"] } } }));
    let mut story = Story::with(declines, own_rules(RULES)).showing("buyer gift");
    same(
        &comes(&mut story),
        "+1h parcel.tracked buyer[A1] send email
         +1h parcel.tracked gift[A1] send sms -email:channel_declined",
    );
    let buyer_declines = present(json!({ "customer": { "channels": [] } }));
    let mut story = Story::with(buyer_declines, own_rules(RULES)).showing("gift");
    same(&comes(&mut story), "+1h parcel.tracked gift[A1] send email");
    // 9:00 in Paris is 3:00 in New York
    let far = present(json!({ "gift": { "recipient": { "time_zone": "America/New_York" } } }));
    let quiet = shop_with(json!({ "quiet_hours": { "email": "21:00-08:00" } }));
    let mut story = Story::with(far, own_rules_of(RULES, quiet)).showing("buyer gift");
    same(
        &comes(&mut story),
        "+1h parcel.tracked buyer[A1] send email
         +1h parcel.tracked gift[A1] until +5h",
    );
}

#[test]
fn each_has_a_budget_of_their_own_and_the_shop_has_none() {
    let mut shop = shop();
    shop.budget = Budget { per_journey_day: 0, per_customer_day: 1 };
    let rules = own_rules(RULES).for_shop(Arc::new(shop));
    let mut story = Story::with(present(json!({})), rules).showing("buyer gift till");
    story.elsewhere = Some(Elsewhere { buyer: Vec::new(), recipient: vec![at("+30m")] });
    same(
        &story.tell("+1h scan A1 out_for_delivery\n+2h scan A2 out_for_delivery"),
        "+1h parcel.tracked buyer[A1] send email
         +1h parcel.tracked gift[A1] until +23h
         +1h parcel.tracked till[A1] send webhook
         +2h parcel.tracked buyer[A2] until +23h
         +2h parcel.tracked gift[A2] until +23h
         +2h parcel.tracked till[A2] send webhook",
    );
}

#[test]
fn what_comes_back_from_one_keeps_nothing_from_the_other() {
    let mut story = Story::with(present(json!({})), own_rules(RULES)).showing("buyer gift");
    same(
        &story.tell(
            "+1h scan A1 out_for_delivery
             +2h receipt gift email bounced
             +3h scan A2 out_for_delivery",
        ),
        "+1h parcel.tracked buyer[A1] send email
         +1h parcel.tracked gift[A1] send email
         +3h parcel.tracked buyer[A2] send email
         +3h parcel.tracked gift[A2] send sms -email:address_bounced",
    );
}

/// The buyer who changes the card does not make a dead address well.
#[test]
fn a_present_that_names_the_same_address_once_more_makes_it_no_new_one() {
    let mut story = Story::with(present(json!({})), own_rules(RULES)).showing("gift");
    same(
        &story.tell(
            "+1h scan A1 out_for_delivery
             +2h receipt gift email bounced
             +3h update gift=Louise email=Louise@example.org
             +4h scan A2 out_for_delivery
             +5h update gift=Louise email=louise@new.example
             +6h scan A3 out_for_delivery",
        ),
        "+1h parcel.tracked gift[A1] send email
         +4h parcel.tracked gift[A2] no no_channel -email:address_bounced -sms:phone_missing
         +6h parcel.tracked gift[A3] send email",
    );
}

/// A condition that asks what the buyer was told must not count what somebody else was.
#[test]
fn what_others_are_told_the_buyer_has_not_been_told() {
    let mut story = Story::with(present(json!({})), own_rules(RULES)).showing("after");
    same(&story.tell("+1h scan A1 out_for_delivery\n+2h support"), "+2h support.contacted after no condition_false");
}

/// The same news for all three, and its end for the buyer; each rule speaks at moments of its own.
const NEWS: &str = "
- rule: buyer
  says: Late.
  on:
    - parcel.tracked: [delayed]
  message: delay
  channels: [email]
  once_per: event
  supersedes: [hint]
  expires: 2d
  priority: 40
- rule: gift
  says: The present is late.
  on:
    - parcel.tracked: [delayed, damaged]
  message: delay
  to: recipient
  channels: [email]
  once_per: event
  expires: 2d
- rule: till
  says: The shop hears of it too.
  on:
    - parcel.tracked: [damaged]
  message: delay
  to: shop
  channels: [webhook]
  once_per: event
  supersedes: [hint]
  expires: 2d
- rule: hint
  says: By the way.
  on: support.contacted
  message: hint
  channels: [email]
  once_per: event
  expires: 2d
- rule: end
  says: It is moving again.
  on:
    - parcel.tracked: [in_transit]
  only_if_told: [delay]
  message: recovery
  channels: [email]
  once_per: event
  expires: 2d
";

/// I4: nobody hears that a trouble is over of which only somebody else was told.
#[test]
fn what_one_was_told_is_not_answered_to_another() {
    let mut story = Story::with(present(json!({})), own_rules(NEWS)).showing("end");
    same(
        &story.tell(
            "+1h scan A1 damaged
             +2h scan A1 in_transit
             +3h scan A1 delayed
             +4h scan A1 in_transit",
        ),
        "+2h parcel.tracked end[A1] no not_told
         +4h parcel.tracked end[A1] send email",
    );
    // and it is taken back if only the buyer's own has been
    let told = "+1h scan A1 damaged\n+2h scan A1 delayed\n+3h scan A1 in_transit\n";
    let mut story = Story::with(present(json!({})), own_rules(NEWS)).showing("end");
    same(
        &story.tell(&format!("{told}+4h look end\n+4h withdraw buyer no_longer_true\n+4h look end")),
        "+3h parcel.tracked end[A1] send email
         +4h look end email:ok
         +4h look end email:not_told",
    );
}

/// What waits for the one is not pointless because the other has heard the same, or something newer.
#[test]
fn what_one_is_told_takes_nothing_from_another() {
    let quiet = shop_with(json!({ "quiet_hours": { "email": "21:00-08:00" } }));
    // 9:00 in Paris is 3:00 in New York
    let far = present(json!({ "gift": { "recipient": { "time_zone": "America/New_York" } } }));
    let mut story = Story::with(far, own_rules_of(NEWS, quiet.clone())).showing("buyer gift");
    same(
        &story.tell("+1h scan A1 delayed\n+6h wait"),
        "+1h parcel.tracked gift[A1] until +5h
         +1h parcel.tracked buyer[A1] send email
         +5h deferral gift[A1] send email",
    );
    let far = present(json!({ "customer": { "time_zone": "America/New_York" } }));
    let mut story = Story::with(far, own_rules_of(NEWS, quiet)).showing("hint till");
    same(
        &story.tell("+1h support\n+2h scan A1 damaged\n+6h wait"),
        "+1h support.contacted hint until +5h
         +2h parcel.tracked till[A1] send webhook
         +5h deferral hint send email",
    );
    // what lies in the outbox neither; the buyer's own news does
    let mut story = Story::with(present(json!({})), own_rules(NEWS)).showing("hint");
    same(
        &story.tell("+1h support\n+2h scan A1 damaged\n+3h look hint\n+4h scan A1 delayed\n+5h look hint"),
        "+1h support.contacted hint send email
         +3h look hint email:ok
         +5h look hint email:superseded",
    );
}

/// Shops that ask for a recipient of every order are given the buyer again.
#[test]
fn the_buyer_who_is_named_once_more_is_no_recipient() {
    let same_again =
        present(json!({ "gift": { "recipient": { "email": " Ada@Example.org ", "phone": "06 12 34 56 78" } } }));
    let mut story = Story::with(same_again, own_rules(RULES)).showing("gift");
    same(
        &comes(&mut story),
        "+1h parcel.tracked gift[A1] no no_channel -email:recipient_missing -sms:recipient_missing",
    );
    let own_number = present(json!({ "gift": { "recipient": { "email": "ada@example.org" } } }));
    let mut story = Story::with(own_number, own_rules(RULES)).showing("gift");
    same(&comes(&mut story), "+1h parcel.tracked gift[A1] send sms -email:recipient_missing");
}

/// Its giver is not where it goes.
#[test]
fn where_a_present_goes_is_not_the_buyers_clock() {
    let quiet = || shop_with(json!({ "quiet_hours": { "email": "21:00-08:00" } }));
    let overseas = json!({ "delivery": { "address": { "country": "NC" } } });
    let news = "+5h scan A1 out_for_delivery";
    // 14:00 in Paris is midnight in Nouméa
    let mut story = Story::with(present(overseas.clone()), own_rules_of(RULES, quiet())).showing("buyer gift");
    same(
        &story.tell(news),
        "+5h parcel.tracked buyer[A1] send email
         +5h parcel.tracked gift[A1] until +13h",
    );
    let mut story = Story::with(order_with(overseas), own_rules_of(RULES, quiet())).showing("buyer");
    same(&story.tell(news), "+5h parcel.tracked buyer[A1] until +13h");
}

/// Between the decision and the attempt the buyer may have thought better of it.
#[test]
fn a_recipient_who_has_been_taken_out_is_not_written_to() {
    let mut story = Story::with(present(json!({})), own_rules(RULES)).showing("gift buyer");
    same(
        &story
            .tell("+1h scan A1 out_for_delivery\n+1h look gift\n+2h update gift=Louise\n+2h look gift\n+2h look buyer"),
        "+1h parcel.tracked buyer[A1] send email
         +1h parcel.tracked gift[A1] send email
         +1h look gift email:ok
         +2h look gift email:recipient_missing
         +2h look buyer email:ok",
    );
}

#[test]
fn with_the_buyer_the_recipient_is_forgotten() {
    let mut story = Story::with(present(json!({})), own_rules(RULES));
    story.tell("+1h erased");
    assert_eq!(story.journey.order.gift.as_ref().map(|gift| gift.recipient.is_some()), Some(false));
    assert!(!json!(story.journey).to_string().contains("louise"));
}

#[test]
fn a_rule_that_speaks_to_nobody_or_by_the_wrong_way_is_refused() {
    for (from, to, fault) in [
        ("to: recipient", "to: friend", "to: nobody whom a rule can speak to"),
        ("otherwise: [sms]", "otherwise: [webhook]", "speaks to the recipient by another channel than email and sms"),
        ("to: shop\n  channels: [webhook]", "to: shop\n  channels: [email]", "by another channel than webhook"),
    ] {
        let faults = rule::parse("own.yaml", &RULES.replacen(from, to, 1)).expect_err(to);
        assert!(faults.iter().any(|known| known.to_string().contains(fault)), "{faults:?}");
    }
    assert!(rule::parse("own.yaml", RULES).is_ok());
    assert!(order().gift.is_none());
}
