//! How much is enough for one day.

use std::sync::Arc;

use reassure::domain::decision::{Reason, Verdict};
use reassure::domain::restraint::Budget;
use reassure::domain::rule::RuleSet;
use reassure::domain::spending::Elsewhere;
use reassure::domain::time::Timestamp;
use serde_json::json;

use super::story::{Story, at, order, order_with, own_rules, rules, same, shop};

fn enough(rules: &RuleSet, per_journey_day: u32) -> RuleSet {
    let mut shop = shop();
    shop.budget = Budget { per_journey_day, per_customer_day: 0 };
    rules.for_shop(Arc::new(shop))
}

const RULES: &str = "
- rule: delay
  says: Late.
  on: support.contacted
  message: delay
  channels: [email]
  once_per: event
  expires: 1d
  priority: 60
- rule: hint
  says: By the way.
  on: order.preparing
  message: hint
  channels: [email]
  once_per: order
  expires: 3d
  priority: 10
- rule: delivered
  says: There.
  on:
    - parcel.tracked: [delivered]
  message: delivered
  channels: [email]
  once_per: parcel
  expires: 2d
  priority: 75
- rule: hold
  says: It waits.
  on:
    - parcel.tracked: [held_at_pickup]
  message: hold
  channels: [email]
  once_per: parcel
  beyond_budget: true
  expires: 1d
  priority: 80
";

// the stories begin on a Monday at 9:00 in Paris, where 8:00 of the next day is 23 hours later

#[test]
fn what_exceeds_the_day_waits_for_the_next_morning_the_most_pressing_first() {
    let mut story = Story::with(order(), enough(&own_rules(RULES), 2));
    same(
        &story.tell(
            "+1h scan A1 delivered
             +2h scan A2 delivered
             +3h preparing
             +4h scan A3 delivered
             +5h scan A4 delivered
             +6h scan A5 held_at_pickup
             +4d wait",
        ),
        "+1h parcel.tracked delivered[A1] send email
         +2h parcel.tracked delivered[A2] send email
         +3h order.preparing hint until +23h
         +4h parcel.tracked delivered[A3] until +23h
         +5h parcel.tracked delivered[A4] until +23h
         +6h parcel.tracked hold[A5] send email
         +23h deferral delivered[A3] send email
         +23h deferral delivered[A4] send email
         +23h deferral hint until +1d23h
         +1d23h deferral hint send email",
    );
}

#[test]
fn what_is_no_news_tomorrow_is_not_kept() {
    let mut story = Story::with(order(), enough(&own_rules(&RULES.replace("expires: 1d\n", "expires: 12h\n")), 1));
    same(
        &story.tell(
            "+1h scan A1 delivered
             +2h support",
        ),
        "+1h parcel.tracked delivered[A1] send email
         +2h support.contacted delay no budget_spent",
    );
}

#[test]
fn the_day_is_the_customers() {
    // 9:00 in Paris is 3:00 in New York: the day there ends six hours later, and 8:00 is five hours off
    let far = order_with(json!({ "customer": { "time_zone": "America/New_York" } }));
    let mut story = Story::with(far, enough(&own_rules(RULES), 1));
    same(
        &story.tell(
            "+1h scan A1 delivered
             +16h scan A2 delivered
             +2d wait",
        ),
        "+1h parcel.tracked delivered[A1] send email
         +16h parcel.tracked delivered[A2] until +1d5h
         +1d5h deferral delivered[A2] send email",
    );
    let mut near = Story::with(order(), enough(&own_rules(RULES), 1));
    same(
        &near.tell(
            "+1h scan A1 delivered
             +16h scan A2 delivered",
        ),
        "+1h parcel.tracked delivered[A1] send email
         +16h parcel.tracked delivered[A2] send email",
    );
}

#[test]
fn what_was_taken_back_does_not_count() {
    let mut story = Story::with(order(), enough(&own_rules(RULES), 1));
    same(
        &story.tell(
            "+1h scan A1 delivered
             +1h withdraw delivered no_longer_true
             +2h scan A2 delivered",
        ),
        "+1h parcel.tracked delivered[A1] send email
         +1h attempt delivered[A1] no no_longer_true
         +2h parcel.tracked delivered[A2] send email",
    );
}

/// Neither the reference for later nor a deadline may wait for a budget.
#[test]
fn of_the_default_rules_those_that_cannot_wait_do_not() {
    let rules = enough(&rules(), 1);
    let beyond: Vec<&str> = rules.iter().filter(|rule| rule.beyond_budget).map(|rule| rule.name.as_str()).collect();
    assert_eq!(beyond, ["confirmation", "cancelled", "pickup_chosen", "pickup_imposed", "pickup_reminder"]);
    let mut story = Story::with(order(), rules).showing("shipping delay pickup_imposed");
    same(
        &story.tell(
            "+1h ship S1 all A1
             +2h scan A1 delayed
             +3h scan A1 held_at_pickup until=+9d
             +2d wait",
        ),
        "+1h shipment.created shipping[S1] send email+webhook
         +2h parcel.tracked delay[A1] until +23h
         +3h parcel.tracked pickup_imposed[A1] send email+sms+webhook
         +3h parcel.tracked delay[A1] no superseded",
    );
    assert!(story.now >= at("+2d"));
}

fn for_all_orders(per_customer_day: u32, yaml: &str) -> Story {
    let mut shop = shop();
    shop.budget = Budget { per_journey_day: 0, per_customer_day };
    Story::with(order(), own_rules(yaml).for_shop(Arc::new(shop)))
}

fn told<const N: usize>(buyer: [Timestamp; N]) -> Option<Elsewhere> {
    Some(Elsewhere { buyer: buyer.into(), recipient: Vec::new() })
}

#[test]
fn what_other_orders_have_told_counts_for_the_day() {
    let mut story = for_all_orders(3, RULES);
    // yesterday evening does not count
    story.elsewhere = told([at("-12h"), at("-30m"), at("+10m")]);
    same(
        &story.tell(
            "+1h scan A1 delivered
             +2h scan A2 delivered
             +3h scan A3 held_at_pickup
             +4h support
             +2d wait",
        ),
        "+1h parcel.tracked delivered[A1] send email
         +2h parcel.tracked delivered[A2] until +23h
         +3h parcel.tracked hold[A3] send email
         +4h support.contacted delay until +23h
         +23h deferral delivered[A2] send email
         +23h deferral delay send email",
    );
    let reasons = |story: &Story| {
        let decisions = story.steps.iter().filter_map(|step| step.entry.as_ref()).flat_map(|entry| &entry.decisions);
        let deferred = decisions.filter_map(|decision| match decision.verdict {
            Verdict::Defer { reason, .. } | Verdict::Suppress { reason, .. } => Some(reason),
            Verdict::Send { .. } => None,
        });
        deferred.collect::<Vec<_>>()
    };
    assert_eq!(reasons(&story), [Reason::CustomerBudgetSpent, Reason::CustomerBudgetSpent]);
    let mut late = for_all_orders(1, &RULES.replace("expires: 1d\n", "expires: 12h\n"));
    late.elsewhere = told([at("-1h")]);
    same(&late.tell("+2h support"), "+2h support.contacted delay no customer_budget_spent");
}

/// Only then are the other orders looked up: for whoever says nothing, or cannot wait, it costs nothing.
#[test]
fn it_asks_what_others_have_told_only_where_that_decides() {
    let asks = |story: &Story| story.steps.last().is_some_and(|step| step.asks_elsewhere);
    for (what, expected) in
        [("+1h scan A1 in_transit", false), ("+1h scan A1 held_at_pickup", false), ("+1h scan A1 delivered", true)]
    {
        let mut story = for_all_orders(3, RULES);
        story.tell(what);
        assert_eq!(asks(&story), expected, "{what}");
        let mut known = for_all_orders(3, RULES);
        known.elsewhere = told([]);
        known.tell(what);
        assert!(!asks(&known), "it is known by then");
        let mut unlimited = for_all_orders(0, RULES);
        unlimited.tell(what);
        assert!(!asks(&unlimited), "there is no such budget");
    }
}

/// A webhook rings nowhere: what programs are told takes nothing from what people are, nor waits for it.
#[test]
fn what_goes_by_webhook_alone_neither_counts_nor_waits() {
    let programs = RULES.replacen("channels: [email]", "channels: [webhook]", 1);
    let mut story = Story::with(order(), enough(&own_rules(&programs), 1));
    same(
        &story.tell(
            "+1h support
             +2h scan A1 delivered
             +3h scan A2 delivered
             +4h support",
        ),
        "+1h support.contacted delay send webhook
         +2h parcel.tracked delivered[A1] send email
         +3h parcel.tracked delivered[A2] until +23h
         +4h support.contacted delay send webhook",
    );
    let mut story = for_all_orders(1, &programs);
    story.tell("+1h support");
    assert!(!story.steps.last().is_some_and(|step| step.asks_elsewhere), "nor is anything looked up for it");
}

/// What a channel says when its quiet hours are over is heard that day, whatever was said the day before.
#[test]
fn what_rings_on_the_next_day_counts_there() {
    let mut shop = shop();
    shop.budget = Budget { per_journey_day: 1, per_customer_day: 0 };
    shop.quiet_hours.sms = "21:00-08:00".to_owned().try_into().expect("hours");
    let both = RULES.replacen("channels: [email]", "channels: [email, sms]", 1);
    let mut story = Story::with(order(), own_rules(&both).for_shop(Arc::new(shop)));
    same(
        &story.tell(
            "+13h support
             +1d scan A1 delivered
             +3d wait",
        ),
        "+13h support.contacted delay send email -sms:quiet_hours
         +13h support.contacted delay until +23h
         +23h deferral delay send sms
         +1d parcel.tracked delivered[A1] until +1d23h
         +1d23h deferral delivered[A1] send email",
    );
    // where the whole message has waited, it is heard once
    let mut shop = super::story::shop();
    shop.budget = Budget { per_journey_day: 2, per_customer_day: 0 };
    let night = || "21:00-08:00".to_owned().try_into().expect("hours");
    (shop.quiet_hours.sms, shop.quiet_hours.email) = (night(), night());
    let mut story = Story::with(order(), own_rules(&both).for_shop(Arc::new(shop)));
    same(
        &story.tell(
            "+13h support
             +1d scan A1 delivered",
        ),
        "+13h support.contacted delay until +23h
         +23h deferral delay send email+sms
         +1d parcel.tracked delivered[A1] send email",
    );
}

/// What is folded into one message is one message.
#[test]
fn a_message_about_several_parcels_counts_once() {
    let folding = RULES.replace("once_per: parcel\n  expires: 2d", "once_per: parcel\n  fold: 2h\n  expires: 2d");
    let mut story = for_all_orders(2, &folding);
    story.elsewhere = told([]);
    same(
        &story.tell(
            "+1h ship S1 all A1 A2 A3
             +2h scan A1 delivered
             +3h scan A2 delivered
             +5h support",
        ),
        "+2h parcel.tracked delivered[A1] until +4h
         +3h parcel.tracked delivered[A2] until +4h
         +4h deferral delivered[A1] send email
         +4h deferral delivered[A2] no folded
         +5h support.contacted delay send email",
    );
}
