//! What there is to worry about in an order, by the shop's own conditions.

use reassure::domain::condition::Condition;
use reassure::domain::order::Concern;
use reassure::domain::order::Concern::{Bulky, Cherished, Perishable, Urgent, Value};
use serde_json::{Value as Json, json};

use super::story::{Story, at, order, order_with, own_rules_of, shop, shop_with};

const RULES: &str = "
- rule: hello
  says: Hello.
  on: order.placed
  message: confirmation
  channels: [email]
  once_per: order
  expires: 1d";

/// What the order comes to in a shop with these `[shop.concerns]` laid over the default.
fn raised(order: Json, concerns: Json) -> Vec<Concern> {
    let shop = shop_with(json!({ "concerns": concerns }));
    Story::with(order_with(order), own_rules_of(RULES, shop)).journey.concerns
}

#[test]
fn each_concern_has_its_default() {
    let item = |more: Json| {
        let mut item = json!({ "sku": "A", "name": "A", "quantity": 1, "unit_price": "5" });
        super::shop::lay(more, &mut item);
        json!({ "items": [{ "sku": "B", "name": "B", "quantity": 1, "unit_price": "5" }, item] })
    };
    let soon = json!({ "promise": { "earliest": at("+1d"), "latest": at("+1d12h") } });
    let later = json!({ "promise": { "earliest": at("+1d"), "latest": at("+1d13h") } });
    for (changes, expected) in [
        (json!({}), None),
        (json!({ "totals": { "total": "299.99" } }), None),
        (json!({ "totals": { "total": "300.00" } }), Some(Value)),
        (item(json!({ "perishable": true })), Some(Perishable)),
        (item(json!({ "cold_chain": true })), Some(Perishable)),
        (item(json!({ "best_before": "2026-03-18" })), Some(Perishable)),
        (item(json!({ "bulky": true })), Some(Bulky)),
        (json!({ "delivery": { "express": true } }), Some(Urgent)),
        (soon, Some(Urgent)),
        (later, None),
        (json!({ "promise": null }), None),
        (json!({ "gift": {} }), Some(Cherished)),
        (json!({ "concerns": ["cherished"] }), Some(Cherished)),
    ] {
        assert_eq!(raised(changes.clone(), json!({})), Vec::from_iter(expected), "{changes}");
    }
}

#[test]
fn a_shop_has_its_own_idea_of_each() {
    let valuable = json!({ "value": "order.total >= (order.currency == 'JPY' ? 50000.0 : 40.0)" });
    assert_eq!(raised(json!({}), valuable.clone()), [Value]);
    assert_eq!(raised(json!({ "currency": "JPY" }), valuable), []);
    let furniture = json!({ "bulky": "order.items.exists(item, item.category == 'furniture')" });
    let table =
        json!({ "items": [{ "sku": "T", "name": "T", "quantity": 1, "unit_price": "5", "category": "furniture" }] });
    assert_eq!(raised(table, furniture), [Bulky]);
    let at_home = json!({ "urgent": "shop.country == 'FR' && order.method == 'home'" });
    assert_eq!(raised(json!({}), at_home), [Urgent]);
}

/// What is asked of an order that lacks it raises nothing, and stands in the way of nothing.
#[test]
fn what_cannot_be_evaluated_raises_nothing() {
    let careless = json!({ "urgent": "order.promise.latest - order.placed_at < duration('999h')", "value": "true" });
    assert_eq!(raised(json!({ "promise": null }), careless.clone()), [Value]);
    assert_eq!(raised(json!({}), careless), [Value, Urgent]);
}

/// Asked once for each word on the order, and kept: neither the rest of the journey nor a change of the
/// configuration asks again.
#[test]
fn it_stays_with_the_journey_until_the_order_changes() {
    let mut story = Story::with(order(), own_rules_of(RULES, shop()));
    assert_eq!(story.journey.concerns, []);
    story.rules = story.rules.for_shop(std::sync::Arc::new(shop_with(json!({ "concerns": { "value": "true" } }))));
    story.tell(
        "+1d ship S1 all A1
         +2d scan A1 in_transit",
    );
    assert_eq!(story.journey.concerns, []);
    story.tell("+2d1h update gift=Ada");
    assert_eq!(story.journey.concerns, [Value, Cherished]);
    let stored = serde_json::to_string(&story.journey).expect("plain data");
    let again: reassure::domain::journey::Journey = serde_json::from_str(&stored).expect("a journey");
    assert_eq!(again.concerns, story.journey.concerns);
}

/// A concern must not come and go with the clock or with what becomes of the parcel.
#[test]
fn it_is_asked_of_the_order_alone() {
    for (condition, what, right) in [
        ("now > order.placed_at", "'now' is not known", "known here: order, shop"),
        ("parcel.status == 'delayed'", "'parcel' is not known", "known here: order, shop"),
        ("order.totl >= 300.0", "there is no field 'totl'", "did you mean 'total'?"),
        ("order.items.exists(item, item.bulk)", "there is no field 'bulk'", "did you mean 'bulky'?"),
    ] {
        let flaws = Condition::of_order(condition).expect_err(condition);
        assert_eq!((&*flaws[0].what, flaws[0].suggestion.as_deref()), (what, Some(right)), "{condition}");
    }
    let flaws = Condition::of_order("'value' in order.concerns").expect_err("a circle");
    assert_eq!(flaws[0].what, "'order.concerns' is what follows from it");
}

/// Each of them makes the shop speak sooner than it would of an order that raises none.
#[test]
fn each_tightens_every_default_threshold() {
    let due = |changes: Json| {
        let mut story = Story::of(order_with(changes));
        story.tell("+1h ship S1 all A1");
        let first = |rule: &str| {
            let timers = story.journey.timers.iter().filter(|timer| timer.rule.as_str() == rule);
            timers.map(|timer| timer.due).min().expect(rule)
        };
        (first("silence"), first("promise_missed"))
    };
    let (silence, missed) = due(json!({}));
    for concern in Concern::ALL {
        let (sooner_silence, sooner_missed) = due(json!({ "concerns": [concern] }));
        assert!(sooner_silence < silence && sooner_missed < missed, "{concern:?}");
    }
}
