//! How much is enough for one day.

use std::sync::Arc;

use reassure::domain::restraint::Budget;
use reassure::domain::rule::RuleSet;
use serde_json::json;

use super::story::{Story, at, order, order_with, own_rules, rules, same, shop};

fn enough(rules: &RuleSet, per_journey_day: u32) -> RuleSet {
    let mut shop = shop();
    shop.budget = Budget { per_journey_day };
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
