//! What must not be said at all, or not by that channel: switched off, without consent, to an
//! address that must not be written to, or told by the carrier already.

use std::sync::Arc;

use reassure::domain::restraint::{Restraints, Suppressions, Switch};
use serde_json::{Value, json};

use super::story::{Story, at, order, order_with, own_rules, same};

const RULES: &str = "
- rule: hello
  says: Hello.
  on: support.contacted
  message: hello
  channels: [email, sms]
  once_per: event
  expires: 1d
- rule: offer
  says: More of it.
  on: order.preparing
  message: offer
  channels: [email, webhook]
  otherwise: [sms]
  once_per: order
  purpose: marketing
  expires: 1d
- rule: arrived
  says: There.
  on:
    - parcel.tracked: [delivered]
  message: arrived
  channels: [email]
  once_per: parcel
  unless_carrier_told: true
  expires: 1d
";

fn switch(names: Value) -> Switch {
    let mut switch = json!({ "until": at("+1d"), "why": "a strike" });
    switch.as_object_mut().expect("a map").extend(names.as_object().expect("a map").clone());
    serde_json::from_value(switch).expect("a switch")
}

/// What `hello` comes to on two days, switched off by `names`, for an order to Lyon.
#[track_caller]
fn switched(names: Value, expected: &str) {
    let rules = own_rules(RULES)
        .with_restraints(&Arc::new(Restraints { switches: vec![switch(names)], ..Restraints::default() }));
    let home = order_with(json!({ "delivery": { "address": { "country": "fr", "city": "Lyon" } } }));
    same(
        &Story::with(home, rules).tell(
            "+23h59m support
             +1d support",
        ),
        expected,
    );
}

#[test]
fn a_switch_turns_off_what_matches_all_that_it_names_and_for_its_time_only() {
    let off = "+23h59m support.contacted hello no switched_off
               +1d support.contacted hello send email+sms";
    let on = "+23h59m support.contacted hello send email+sms
              +1d support.contacted hello send email+sms";
    switched(json!({ "rule": "hello" }), off);
    switched(json!({ "rule": "offer" }), on);
    switched(json!({ "shop": "atelier" }), off);
    switched(json!({ "shop": "another" }), on);
    switched(json!({ "country": "FR" }), off);
    switched(json!({ "country": "BE" }), on);
    switched(json!({ "rule": "hello", "country": "BE" }), on);
    switched(
        json!({ "channel": "sms" }),
        "+23h59m support.contacted hello send email -sms:switched_off
         +1d support.contacted hello send email+sms",
    );
    switched(json!({ "channel": "webhook" }), on);
}

/// I4: what was decided before and has not left is taken back.
#[test]
fn what_lies_in_the_outbox_does_not_leave_while_it_is_switched_off() {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell("+1h support");
    let off = |names: Value| Restraints { switches: vec![switch(names)], ..Restraints::default() };
    story.rules = own_rules(RULES).with_restraints(&Arc::new(off(json!({ "channel": "sms" }))));
    story.tell("+2h look hello");
    story.rules = own_rules(RULES).with_restraints(&Arc::new(off(json!({ "rule": "hello" }))));
    story.tell(
        "+3h look hello
         +1d look hello
         +1d1h look hello",
    );
    same(
        &story.told(),
        "+1h support.contacted hello send email+sms
         +2h look hello email:ok sms:switched_off
         +3h look hello email:switched_off sms:switched_off
         +1d look hello email:ok sms:ok
         +1d1h look hello email:expired sms:expired",
    );
}

#[test]
fn what_sells_needs_consent_on_the_channel() {
    let offer = |customer: Value| {
        let mut story = Story::with(order_with(json!({ "customer": customer })), own_rules(RULES));
        story.tell("+1h preparing")
    };
    same(&offer(json!({})), "+1h order.preparing offer send webhook -email:no_consent -sms:no_consent");
    same(&offer(json!({ "marketing": ["email"] })), "+1h order.preparing offer send email+webhook");
    same(&offer(json!({ "marketing": ["sms"] })), "+1h order.preparing offer send webhook+sms -email:no_consent");
    same(
        &offer(json!({ "marketing": ["email"], "channels": [] })),
        "+1h order.preparing offer send webhook -email:channel_declined -sms:channel_declined",
    );
}

#[test]
fn consent_can_be_given_later_and_taken_back_before_it_leaves() {
    let mut story = Story::with(order(), own_rules(RULES));
    same(
        &story.tell(
            "+1h customer marketing=email,sms
             +2h preparing
             +2h look offer
             +3h customer marketing=sms
             +3h look offer",
        ),
        "+2h order.preparing offer send email+webhook
         +2h look offer email:ok webhook:ok
         +3h look offer email:no_consent webhook:ok",
    );
    // an older word does not undo a newer one (I3)
    story.tell("+4h@+2h customer marketing=email");
    assert_eq!(story.journey.order.customer.marketing.as_ref().map(Vec::len), Some(1));
    assert!(story.tell("+4h look offer").ends_with("email:no_consent webhook:ok"));
}

#[test]
fn addresses_on_the_list_are_not_written_to() {
    let listed = |entries: &[&str]| {
        let mut suppressed = Suppressions::default();
        for entry in entries {
            assert!(suppressed.add(entry), "{entry}");
        }
        let rules = own_rules(RULES).with_restraints(&Arc::new(Restraints { suppressed, ..Restraints::default() }));
        Story::with(order_with(json!({ "customer": { "email": "Ada@Example.org" } })), rules).tell(
            "+1h support
             +1h look hello",
        )
    };
    let by_sms = "+1h support.contacted hello send sms -email:address_suppressed
                  +1h look hello sms:ok";
    same(&listed(&["ada@example.org"]), by_sms);
    same(&listed(&[" ADA@EXAMPLE.ORG "]), by_sms);
    // printf ada@example.org | sha256sum
    same(&listed(&["cfe00dde46ef942601ffafb9e2825e802858b460e586b8305b344c1eb826357d"]), by_sms);
    same(
        &listed(&["+33612345678", "somebody@example.org"]),
        "+1h support.contacted hello send email -sms:address_suppressed
         +1h look hello email:ok",
    );
    let mut list = Suppressions::default();
    for wrong in ["", "ada", "+33", "+33 6 12", "0612345678", &"g".repeat(64), &"é".repeat(32)] {
        assert!(!list.add(wrong), "{wrong}");
    }
    assert_eq!(list, Suppressions::default());
    list.add("ada@example.org");
    assert!(!format!("{list:?}").contains("ada"), "I9");
}

#[test]
fn an_address_that_is_listed_later_is_not_written_to_any_more() {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell("+1h support");
    let mut suppressed = Suppressions::default();
    suppressed.add("ada@example.org");
    story.rules = own_rules(RULES).with_restraints(&Arc::new(Restraints { suppressed, ..Restraints::default() }));
    assert!(story.tell("+2h look hello").ends_with("+2h look hello email:address_suppressed sms:ok"));
}

#[test]
fn what_the_carrier_has_told_is_not_told_again_where_the_rule_says_so() {
    same(
        &Story::with(order(), own_rules(RULES)).tell(
            "+1h scan A1 delivered notified=true
             +2h scan A2 delivered notified=false
             +3h scan A3 delivered",
        ),
        "+1h parcel.tracked arrived[A1] no carrier_told
         +2h parcel.tracked arrived[A2] send email
         +3h parcel.tracked arrived[A3] send email",
    );
}

/// S4 of the domain: the most complete information, even if the carrier has told.
#[test]
fn a_pickup_is_told_whatever_the_carrier_has_told() {
    super::story::story(
        order(),
        "pickup_imposed",
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup until=+9d notified=true",
        "+2d parcel.tracked pickup_imposed[A1] send email+sms+webhook",
    );
    super::story::story(
        super::story::collected_at("pickup_point"),
        "pickup_chosen",
        "+1d ship S1 all A1
         +2d scan A1 held_at_pickup until=+9d notified=true",
        "+2d parcel.tracked pickup_chosen[A1] send email+sms+webhook",
    );
}

#[test]
fn what_is_misspelt_is_a_fault() {
    for (wrong, what) in [
        ("purpose: selling", "purpose: service or marketing is needed"),
        ("unless_carrier_told: perhaps", "unless_carrier_told: true or false is needed"),
        ("beyond_budget: 3", "beyond_budget: true or false is needed"),
    ] {
        let text = RULES.replacen("  expires", &format!("  {wrong}\n  expires"), 1);
        let faults = reassure::domain::rule::parse("own.yaml", &text).expect_err("a fault");
        assert_eq!(faults.iter().map(|fault| &*fault.what).collect::<Vec<_>>(), [what]);
    }
}

/// Nobody has heard of the problem, so nobody is told of its end.
#[test]
fn a_recovery_does_not_leave_if_what_it_answers_was_taken_back() {
    let mut story = Story::of(order()).showing("delay recovery");
    same(
        &story.tell(
            "+1d ship S1 all A1
             +1d1h scan A1 in_transit
             +2d scan A1 delayed
             +2d1h scan A1 in_transit
             +2d1h look recovery
             +2d1h look delay
             +2d1h withdraw delay no_longer_true
             +2d1h look recovery",
        ),
        "+1d1h parcel.tracked recovery[A1] no not_told
         +2d parcel.tracked delay[A1] send email+webhook
         +2d1h parcel.tracked recovery[A1] send email+webhook
         +2d1h look recovery email:ok webhook:ok
         +2d1h look delay email:no_longer_true webhook:no_longer_true
         +2d1h attempt delay[A1] no no_longer_true
         +2d1h attempt delay[A1] no no_longer_true
         +2d1h look recovery email:not_told webhook:not_told",
    );
}

/// Where what it answers is held in a storm, it must not be heard first.
#[test]
fn a_recovery_names_what_it_answers() {
    let mut story = Story::of(order());
    story.tell(
        "+1d ship S1 all A1
         +1d1h scan A1 in_transit
         +2d scan A1 delayed",
    );
    let delay: Vec<_> = story.last_of("delay").iter().map(|sent| sent.id.clone()).collect();
    story.tell("+2d1h scan A1 in_transit");
    assert_eq!(delay.len(), 2, "by e-mail and webhook");
    assert!(story.last_of("recovery").iter().all(|sent| sent.follows == delay));
    assert!(story.last_of("shipping").iter().all(|sent| sent.follows.is_empty()), "it answers nothing");
}
