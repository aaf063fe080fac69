//! When the storm guard would have held a rule: by the decision that the service takes.

use std::sync::Arc;

use chrono::Duration;
use reassure::domain::decision::Entry;
use reassure::domain::journey::Journey;
use reassure::domain::restraint::Budget;
use reassure::domain::shop::Shop;
use reassure::domain::storm::Guard;
use reassure::shops::Shops;
use reassure::simulate::storms::Storm;
use reassure::simulate::world::{Witness, World};
use serde_json::Value;

use super::command::simulate;
use super::{recorded, shops_with};
use crate::domain::story::{self, at};
use crate::generated::Recorded;

const DELAYS: &str = "
- rule: delay
  says: It comes later.
  on:
    - parcel.tracked: [delayed]
  message: delay
  channels: [email]
  once_per: event
  expires: 2d
";

/// Every shop with this guard, and no budget.
fn guarded(storm: Guard) -> Shops {
    let rules = story::own_rules(DELAYS);
    let budget = Budget { per_journey_day: 0, per_customer_day: 0 };
    shops_with(rules.for_shop(Arc::new(Shop { storm, budget, ..(*rules.shop).clone() })))
}

struct Nobody;

impl Witness for Nobody {
    fn decided(&mut self, _: &Journey, _: Entry) {}
}

/// An event of one order of many, each of a buyer of its own.
fn of_order(number: usize, what: &str, at: reassure::domain::time::Timestamp) -> Recorded {
    let event = match what {
        "placed" => story::placed(story::order(), at),
        what => story::event(what, what, at),
    };
    let text = String::from_utf8(reassure::envelope::encode(&event)).expect("JSON");
    let text = text.replace("\"R1\"", &format!("\"R{number}\"")).replace("\"A1\"", &format!("\"A-{number}\""));
    let text = text.replace("\"c-1\"", &format!("\"c-{number}\"")).replace("ada@", &format!("ada-{number}@"));
    let mut event = reassure::envelope::read_parked(text.as_bytes()).expect("an event");
    event.id = format!("{number} {what} {}", story::spell(at));
    Recorded { at, event }
}

/// An order an hour, each shipped a little later.
fn orders(count: usize) -> Vec<Recorded> {
    let hour = |number| Duration::hours(i64::try_from(number).expect("a small number"));
    let of = |number| {
        let placed = at("+0").plus(hour(number));
        [("placed", placed), ("ship S1 all A1", placed.plus(Duration::minutes(5)))]
            .map(|(what, at)| of_order(number, what, at))
    };
    (0..count).flat_map(of).collect()
}

/// The carrier says of each of them that it is late, ten seconds apart.
fn delays(count: usize, from: &str) -> Vec<Recorded> {
    let seconds = |number: usize| Duration::seconds(10 * i64::try_from(number).expect("a small number"));
    (0..count).map(|number| of_order(number, "scan A1 delayed", at(from).plus(seconds(number)))).collect()
}

#[test]
fn what_a_rule_says_beyond_its_mark_is_held_until_it_has_been_below_it_for_an_hour() {
    let shops = guarded(Guard { factor: 10, least: 20 });
    let mut world = World::new(&shops).expect("a world");
    // below its mark, and held still; above nothing, and not held any more
    let late = [("+61h30m", 7), ("+62h10m", 8)].map(|(when, number)| of_order(number, "scan A1 delayed", at(when)));
    for one in orders(60).into_iter().chain(delays(60, "+60h")).chain(late).chain(delays(60, "+70h")) {
        world.take(&recorded(one), &mut Nobody);
    }
    let storm = |from: &str, to: &str, held| Storm {
        shop: "atelier".to_owned(),
        rule: "delay".to_owned(),
        from: at(from),
        to: at(to),
        held,
        busiest: 60,
        mark: 20,
    };
    assert_eq!(world.into_storms(), [storm("+60h3m20s", "+62h", 41), storm("+70h3m20s", "+72h", 40)]);
}

#[test]
fn a_shop_without_a_guard_is_never_held() {
    let shops = guarded(Guard { factor: 0, least: 20 });
    let mut world = World::new(&shops).expect("a world");
    for one in orders(60).into_iter().chain(delays(60, "+60h")) {
        world.take(&recorded(one), &mut Nobody);
    }
    assert_eq!(world.into_storms(), []);
}

#[test]
fn it_is_told_in_every_form_and_of_both_rule_sets() {
    let lines: Vec<String> = orders(260).into_iter().chain(delays(260, "+261h")).map(|one| one.line()).collect();
    let lines = lines.join("\n");
    let (code, told, error) = simulate(&["-", "-o", "json"], &lines);
    assert_eq!((code, error.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&told).unwrap();
    let [storm] = told["storms"].as_array().unwrap().as_slice() else { panic!("{}", told["storms"]) };
    assert_eq!((&storm["shop"], &storm["rule"]), (&"atelier".into(), &"delay".into()));
    assert_eq!([&storm["mark"], &storm["busiest"], &storm["held"]], [200, 260, 60]);
    let (_, text, _) = simulate(&["-"], &lines);
    let row = text.lines().find(|line| line.starts_with("delay ") && line.contains("atelier")).expect(&text);
    assert_eq!(row.split_whitespace().rev().take(3).collect::<Vec<_>>(), ["200", "260", "60"]);
    let (_, page, _) = simulate(&["-", "-o", "html"], &lines);
    assert!(page.contains(r#""storms":[{"shop":"atelier","rule":"delay","from":"2026-"#));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.yaml"), DELAYS).unwrap();
    let (_, text, _) = simulate(&["-", "--against", folder.path().to_str().unwrap()], &lines);
    assert!(text.contains("\nA: delay") && text.contains("\nB: delay"), "{text}");
}
