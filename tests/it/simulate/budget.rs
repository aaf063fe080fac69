//! The budget that a customer's orders share, over whole streams, in the intake of the service.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Result, ensure};
use reassure::domain::decision::{Entry, Reason, Verdict};
use reassure::domain::journey::Journey;
use reassure::domain::quiet::Quiet;
use reassure::domain::restraint::Budget;
use reassure::domain::rule::RuleSet;
use reassure::domain::shop::Shop;
use reassure::domain::time::Timestamp;
use reassure::domain::zone;
use reassure::shops::Shops;
use reassure::simulate::world::{Witness, World};

use super::{recorded, shops_with};
use crate::domain::story::{self, at};
use crate::generated::{Recorded, always_together};

/// To one customer on one day.
const MOST: u32 = 3;

/// Keeps when each address was told something, by whichever order, and by each order. How much of it was
/// on one day is counted by the clock of whom the order speaks to.
struct Eye {
    rules: RuleSet,
    times: HashMap<String, Vec<Timestamp>>,
    fault: Option<String>,
    reasons: BTreeMap<Reason, u32>,
    told: Vec<String>,
}

impl Eye {
    fn new(rules: &RuleSet) -> Self {
        let (rules, times) = (rules.clone(), HashMap::new());
        Self { rules, times, fault: None, reasons: BTreeMap::new(), told: Vec::new() }
    }
}

impl Witness for Eye {
    fn decided(&mut self, journey: &Journey, entry: Entry) {
        let order = &journey.order;
        for decision in &entry.decisions {
            match &decision.verdict {
                Verdict::Send { .. } => {
                    self.told.push(format!("{} {} {}", story::spell(entry.at), journey.key.order_id, decision.rule));
                    let Some(rule) = self.rules.get(&decision.rule).filter(|rule| !rule.beyond_budget) else {
                        continue;
                    };
                    let zone = zone::of_party(rule.to, order, &self.rules.shop);
                    let day = entry.at.day_in(zone);
                    let address = rule.to.person(order).and_then(|person| person.email.clone()).unwrap_or("".into());
                    let Budget { per_journey_day, per_customer_day } = self.rules.shop.budget;
                    let of_order = format!("{} to the {}", journey.key.order_id, rule.to.as_str());
                    for (whose, most) in [(address.0, per_customer_day), (of_order, per_journey_day)] {
                        let times = self.times.entry(whose).or_default();
                        times.push(entry.at);
                        let count = times.iter().filter(|at| at.day_in(zone) == day).count();
                        if most > 0 && u32::try_from(count).expect("few") > most {
                            let all = self.told.join("\n");
                            self.fault.get_or_insert_with(|| format!("more than {most} on {day}:\n{all}"));
                        }
                    }
                }
                Verdict::Defer { reason, .. } | Verdict::Suppress { reason, .. } => {
                    *self.reasons.entry(*reason).or_default() += 1;
                }
            }
        }
    }
}

fn with_budget(rules: &RuleSet, per_customer_day: u32) -> Shops {
    let mut shop = (*rules.shop).clone();
    shop.budget = Budget { per_journey_day: 0, per_customer_day };
    shops_with(rules.for_shop(Arc::new(shop)))
}

fn live(shops: &Shops, events: &[Recorded]) -> Result<Eye> {
    let mut eye = Eye::new(shops.rules("any").expect("rules"));
    let mut world = World::new(shops)?;
    for one in events {
        world.take(&recorded(one.clone()), &mut eye);
    }
    world.pass(world.now().plus(chrono::Duration::days(60)), &mut eye);
    Ok(eye)
}

/// Never more than the budget per customer and day, whichever of their orders speaks.
#[test]
fn no_customer_is_told_more_than_is_enough_for_a_day() {
    let hours = || "21:00-08:00".to_owned().try_into().expect("hours");
    let quiet = Quiet { email: hours(), sms: hours() };
    let shops = [(Quiet::default(), 0), (quiet, MOST - 1)].map(|(quiet_hours, per_journey_day)| {
        let budget = Budget { per_journey_day, per_customer_day: MOST };
        let shop = Shop { budget, quiet_hours, ..(*story::rules().shop).clone() };
        shops_with(story::rules().for_shop(Arc::new(shop)))
    });
    let waited = Cell::new(0);
    always_together(1_000, 3, |case| {
        // what waits for the end of the night is heard on another day
        let eye = live(&shops[usize::from(case.chance % 2 == 0)], &case.events)?;
        waited.set(waited.get() + eye.reasons.get(&Reason::CustomerBudgetSpent).copied().unwrap_or_default());
        ensure!(eye.fault.is_none(), "{}", eye.fault.unwrap_or_default());
        Ok(())
    });
    assert!(waited.get() > 200, "only {} messages had to wait: the budget is hardly tried", waited.get());
}

/// What happens to an order of one customer.
fn of_order(order: &str, script: &[(&str, &str)]) -> Vec<Recorded> {
    let happened = script.iter().map(|(when, what)| {
        let event = match *what {
            "placed" => story::placed(story::order(), at(when)),
            what => story::event(what, what, at(when)),
        };
        let text = String::from_utf8(reassure::envelope::encode(&event)).expect("JSON");
        let text = text.replace("R1", order).replace("\"A1\"", &format!("\"A-{order}\""));
        let mut event = reassure::envelope::read_parked(text.as_bytes()).expect("an event");
        event.id = format!("{order} {when} {what}");
        Recorded { at: at(when), event }
    });
    happened.collect()
}

/// The same happens to two orders of one customer, at the same moments.
fn twins(script: &[(&str, &str)]) -> Vec<Recorded> {
    let mut both = [of_order("R1", script), of_order("R2", script)].concat();
    both.sort_by_key(|one| one.at);
    both
}

#[test]
fn of_two_orders_that_speak_on_one_day_the_second_waits_for_the_morning() {
    let events = twins(&[("+0", "placed"), ("+1h", "ship S1 all A1")]);
    let told = |most: u32| {
        let mut told = live(&with_budget(&story::rules(), most), &events).expect("a world").told;
        told.retain(|line| line.contains("shipping") || line.contains("confirmation"));
        told
    };
    let confirmed = ["+0 R1 confirmation", "+0 R2 confirmation"];
    assert_eq!(told(0), [&confirmed[..], &["+1h R1 shipping", "+1h R2 shipping"]].concat());
    // the morning is at 8:00 of the next day, the story begins at 9:00
    assert_eq!(told(1), [&confirmed[..], &["+1h R1 shipping", "+23h R2 shipping"]].concat());
}

/// One event that is about all orders of a customer is one batch: what the first has just said counts
/// for the second.
#[test]
fn two_orders_that_speak_in_one_batch_share_what_is_left() {
    let rules = story::own_rules(
        "
- rule: moved
  says: We have your new address.
  on: customer.updated
  message: delay
  channels: [email]
  once_per: event
  expires: 2d
",
    );
    let mut events = twins(&[("+0", "placed")]);
    let event = story::event("customer phone=+33612345679", "moved", at("+1h"));
    events.push(Recorded { at: at("+1h"), event });
    let told = |most: u32| live(&with_budget(&rules, most), &events).expect("a world").told;
    assert_eq!(told(2), ["+1h R1 moved", "+1h R2 moved"]);
    assert_eq!(told(1), ["+1h R1 moved", "+23h R2 moved"]);
}

/// As in the store: what had been told goes with the customer's wish to be forgotten.
#[test]
fn who_was_forgotten_and_orders_again_begins_anew() {
    let first = of_order("R1", &[("+0", "placed"), ("+1h", "ship S1 all A1"), ("+2h", "erased")]);
    let second = of_order("R2", &[("+3h", "placed"), ("+4h", "ship S1 all A1")]);
    let mut told = live(&with_budget(&story::rules(), 1), &[first, second].concat()).expect("a world").told;
    told.retain(|line| line.ends_with("shipping"));
    assert_eq!(told, ["+1h R1 shipping", "+4h R2 shipping"]);
}
