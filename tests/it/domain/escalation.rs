//! E-mail, then SMS: when a message is said once more on another channel, and when it is not.

use reassure::domain::order::Channel;
use serde_json::json;

use super::story::{Story, order, order_with, own_rules, own_rules_of, same, shop_with};

pub const RULES: &str = "
- rule: held
  says: It waits.
  on:
    - parcel.tracked: [held_at_pickup]
  message: held
  channels: [email, webhook]
  otherwise: [sms]
  escalate: { to: sms, after: 4h, unless: delivered }
  once_per: parcel
  valid_while: hold != null
  expires: 1d
- rule: last_call
  says: Not for long.
  at: 3d before hold_until
  message: last_call
  channels: [email]
  otherwise: [sms]
  escalate: { to: sms, at: 1d before hold_until }
  once_per: parcel
  valid_while: hold != null
  expires: 3d
- rule: late
  says: Late.
  on:
    - parcel.tracked: [delayed]
  message: late
  channels: [email]
  escalate: { to: sms, after: 1h, unless: delivered, concerns: [urgent] }
  once_per: event
  supersedes: [held]
  expires: 1d
";

pub const HELD: &str = "+1h ship S1 all A1
    +2h scan A1 held_at_pickup
    ";

#[track_caller]
pub fn told(rest: &str, expected: &str) {
    let mut story = Story::with(order(), own_rules(RULES)).showing("held late last_call look");
    same(&story.tell(&format!("{HELD}{rest}")), expected);
}

#[test]
fn what_is_not_known_to_have_arrived_goes_on_to_the_next_channel_once() {
    told(
        "+9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] send sms",
    );
}

#[test]
fn what_has_arrived_does_not() {
    told(
        "+3h receipt held email delivered
         +3h receipt held email delivered
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +3h receipt held[A1] no delivered",
    );
    // a provider that tells no more has taken it
    told(
        "+2h receipt held email accepted
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +2h receipt held[A1] no delivered",
    );
}

#[test]
fn what_never_arrives_goes_on_at_once() {
    for failure in ["bounced", "failed"] {
        told(
            &format!(
                "+3h receipt held email {failure}
                 +3h receipt held email {failure}
                 +9d wait"
            ),
            "+2h parcel.tracked held[A1] send email+webhook
             +2h parcel.tracked held[A1] until +6h
             +3h receipt held[A1] send sms",
        );
    }
}

#[test]
fn who_calls_it_unwanted_is_left_alone() {
    told(
        "+3h receipt held email complained
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +3h receipt held[A1] no complained",
    );
}

#[test]
fn what_is_no_longer_true_does_not_go_on() {
    // I4
    told(
        "+5h scan A1 collected
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] no no_longer_true",
    );
    told(
        "+5h scan A1 collected
         +5h receipt held email bounced",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +5h receipt held[A1] no no_longer_true",
    );
    told(
        "+5h scan A1 delayed
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +5h parcel.tracked late[A1] send email
         +5h parcel.tracked held[A1] no superseded",
    );
}

#[test]
fn a_second_look_at_what_goes_on_holds_it_to_the_same() {
    // I4
    told(
        "+6h look held
         +6h scan A1 collected
         +6h look held",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] send sms
         +6h look held sms:ok
         +6h look held sms:no_longer_true",
    );
}

#[test]
fn what_is_taken_back_does_not_go_on_unless_it_was_the_channel_that_was_refused() {
    told(
        "+3h withdraw held no_longer_true
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +3h attempt held[A1] no no_longer_true
         +3h attempt held[A1] no no_longer_true",
    );
    told(
        "+3h customer channels=sms
         +3h withdraw held channel_declined
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +3h attempt held[A1] no channel_declined
         +3h attempt held[A1] send sms
         +3h attempt held[A1] no channel_declined",
    );
}

#[test]
fn a_channel_that_cannot_be_used_is_skipped_when_the_first_is_sent() {
    for (customer, why) in [
        (json!({ "phone": null }), "phone_missing"),
        (json!({ "phone": "1" }), "phone_invalid"),
        (json!({ "channels": ["email"] }), "channel_declined"),
    ] {
        let order = order_with(json!({ "customer": customer }));
        let mut story = Story::with(order, own_rules(RULES)).showing("held");
        let expected = format!("+2h parcel.tracked held[A1] send email+webhook -sms:{why}");
        same(&story.tell(&format!("{HELD}+9d wait")), &expected);
    }
    // who is reached by SMS alone has been told there already
    let order = order_with(json!({ "customer": { "email": null } }));
    let mut story = Story::with(order, own_rules(RULES)).showing("held");
    same(&story.tell(&format!("{HELD}+9d wait")), "+2h parcel.tracked held[A1] send webhook+sms -email:email_missing");
}

#[test]
fn what_the_customer_refuses_meanwhile_is_not_used() {
    told(
        "+3h customer channels=email
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] no no_channel -sms:channel_declined",
    );
}

#[test]
fn who_is_forgotten_hears_nothing_more() {
    told(
        "+3h erased
         +9d wait",
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] no customer_erased",
    );
}

#[test]
fn at_night_it_waits_for_the_morning_and_may_be_spared_until_then() {
    // it is nine in the morning in Paris at the start
    let night = shop_with(json!({ "quiet_hours": { "sms": "14:00-20:00" } }));
    let mut story = Story::with(order(), own_rules_of(RULES, night.clone())).showing("held");
    same(
        &story.tell(&format!("{HELD}+9d wait")),
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] until +11h
         +11h deferral held[A1] send sms",
    );
    let mut story = Story::with(order(), own_rules_of(RULES, night.clone())).showing("held");
    same(
        &story.tell(&format!("{HELD}+8h receipt held email delivered\n+9d wait")),
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] until +11h
         +8h receipt held[A1] no delivered",
    );
    let rules = RULES.replacen("  once_per: parcel\n", "  once_per: parcel\n  quiet_hours: ignore\n", 1);
    let mut story = Story::with(order(), own_rules_of(&rules, night)).showing("held");
    same(
        &story.tell(&format!("{HELD}+9d wait")),
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] send sms",
    );
}

#[test]
fn it_keeps_within_the_budget_and_counts_towards_it() {
    let shop = shop_with(json!({ "budget": { "per_journey_day": 1 } }));
    let rules = RULES.replacen("expires: 1d", "expires: 3d", 1);
    let mut story = Story::with(order(), own_rules_of(&rules, shop)).showing("held");
    same(
        &story.tell(&format!("{HELD}+9d wait")),
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] until +23h
         +23h deferral held[A1] send sms",
    );
    let shop = shop_with(json!({ "budget": { "per_journey_day": 2 } }));
    let mut story = Story::with(order(), own_rules_of(&rules, shop)).showing("held late");
    same(
        &story.tell(&format!("{HELD}+6h30m scan A1 delayed\n+7h wait")),
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] send sms
         +6h30m parcel.tracked late[A1] until +23h",
    );
}

#[test]
fn a_distance_to_other_messages_is_none_to_itself() {
    let rules = RULES.replacen("  once_per: parcel\n", "  once_per: parcel\n  not_within: { 6h: any }\n", 1);
    let mut story = Story::with(order(), own_rules(&rules)).showing("held");
    same(
        &story.tell(&format!("{HELD}+9d wait")),
        "+2h parcel.tracked held[A1] send email+webhook
         +2h parcel.tracked held[A1] until +6h
         +6h deferral held[A1] send sms",
    );
}

#[test]
fn only_for_orders_of_the_concerns_that_are_named() {
    let late = "+1h ship S1 all A1\n+2h scan A1 delayed\n+9d wait";
    let mut story = Story::with(order(), own_rules(RULES)).showing("late");
    same(&story.tell(late), "+2h parcel.tracked late[A1] send email");
    let urgent = order_with(json!({ "delivery": { "express": true } }));
    let mut story = Story::with(urgent, own_rules(RULES)).showing("late");
    same(
        &story.tell(late),
        "+2h parcel.tracked late[A1] send email
         +2h parcel.tracked late[A1] until +3h
         +3h deferral late[A1] send sms",
    );
}

#[test]
fn as_the_deadline_nears_it_is_said_again_whatever_has_arrived() {
    let script = "+1h ship S1 all A1\n+2h scan A1 held_at_pickup until=+9d\n";
    let mut story = Story::with(order(), own_rules(RULES)).showing("last_call");
    same(
        &story.tell(&format!("{script}+6d receipt last_call email delivered\n+10d wait")),
        "+2h parcel.tracked last_call[A1] until +6d
         +6d deadline last_call[A1] send email
         +6d deadline last_call[A1] until +8d
         +8d deferral last_call[A1] send sms",
    );
    // a deadline that moves takes it along, as long as it is news
    let mut story = Story::with(order(), own_rules(&RULES.replace("expires: 3d", "expires: 9d"))).showing("last_call");
    same(
        &story.tell(&format!("{script}+7d scan A1 held_at_pickup until=+11d\n+12d wait")),
        "+2h parcel.tracked last_call[A1] until +6d
         +6d deadline last_call[A1] send email
         +6d deadline last_call[A1] until +8d
         +8d deadline last_call[A1] no already_told
         +8d deferral last_call[A1] until +10d
         +10d deferral last_call[A1] send sms",
    );
}

#[test]
fn a_rule_that_escalates_no_more_does_not() {
    for (without, why) in [(RULES.replace("  escalate:", "  # escalate:"), "rule_gone"), (String::new(), "rule_gone")] {
        let mut story = Story::with(order(), own_rules(RULES)).showing("held");
        story.tell(HELD);
        story.rules = if without.is_empty() {
            own_rules(&RULES.replace("rule: held", "rule: other"))
        } else {
            own_rules(&without)
        };
        same(
            &story.tell("+9d wait"),
            &format!(
                "+2h parcel.tracked held[A1] send email+webhook
                 +2h parcel.tracked held[A1] until +6h
                 +6h deferral held[A1] no {why}"
            ),
        );
    }
}

#[test]
fn faults_are_told() {
    let fault = |line: &str| {
        let text = RULES.replacen("{ to: sms, after: 4h, unless: delivered }", line, 1);
        let faults = reassure::domain::rule::parse("own.yaml", &text).expect_err(line);
        faults.iter().map(|fault| fault.what.clone()).collect::<Vec<_>>().join("; ")
    };
    for (line, expected) in [
        ("sms", "escalate: a mapping is needed"),
        ("{ after: 4h }", "escalate: 'to' says on which channel"),
        ("{ to: webhook, after: 4h }", "escalate: 'to' is email or sms: a channel that a person reads"),
        ("{ to: email, after: 4h }", "the rule 'held' escalates to email, which it uses at once"),
        ("{ to: sms }", "escalate: 'after' or 'at' says when"),
        ("{ to: sms, after: soon }", "escalate: after: "),
        ("{ to: sms, after: 24h }", "the rule 'held' escalates when its message is no news any more"),
        ("{ to: sms, at: silence after last_scan }", "escalate: at: say how long, not which threshold"),
        ("{ to: sms, at: 1d before lunch }", "escalate: at: there is no 'lunch' to count from"),
        ("{ to: sms, after: 4h, unless: opened }", "escalate: 'unless' can only be delivered"),
        ("{ to: sms, after: 4h, concerns: [fast] }", "escalate: concerns: a list of concerns is needed"),
        ("{ to: sms, afer: 4h }", "escalate has no 'afer'"),
    ] {
        let told = fault(line);
        assert!(told.starts_with(expected), "{line}: {told}");
    }
    let webhook = RULES.replacen("channels: [email, webhook]\n  otherwise: [sms]", "channels: [webhook]", 1);
    let faults = reassure::domain::rule::parse("own.yaml", &webhook).expect_err("nothing to escalate from");
    assert!(faults[0].what.contains("no other channel that a person reads"), "{}", faults[0].what);
}

/// Where the first is held in a storm, it must not be said by another way round it.
#[test]
fn what_goes_on_to_another_channel_names_what_it_goes_on_from() {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell(HELD);
    let first: Vec<_> = story.last_of("held").iter().map(|sent| (sent.id.clone(), sent.channel)).collect();
    story.tell("+9h wait");
    let again: Vec<_> = story.last_of("held").into_iter().filter(|sent| sent.channel == Channel::Sms).collect();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].follows, [first[0].0.clone()], "the e-mail, for which it waited: {first:?}");
}
