//! Two rule sets over the same events: what differs, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use reassure::domain::journey::Subject;
use reassure::simulate::difference::Kind;
use reassure::simulate::report::Report;
use reassure::simulate::{Recorded, Simulation};

use super::{recorded, shops};
use crate::domain::story::{at, event, order, placed};
use crate::generated::Stream;

const RULES: &str = r#"
- rule: confirmation
  says: It is in good hands.
  on: order.placed
  message: confirmation
  channels: [email]
  once_per: order
  expires: 3d
- rule: delivered
  says: It is there.
  on:
    - parcel.tracked: [delivered]
  message: delivered
  channels: [email, sms]
  once_per: parcel
  expires: 2d
- rule: silence
  says: Nothing is heard of it.
  at: 48h after last_scan
  message: silence
  channels: [email]
  once_per: parcel
  valid_while: "!parcel.over"
  expires: 2d
"#;

fn simulate(a: &str, b: &str, events: &[Recorded]) -> Report {
    let (a, b) = (shops(Some(a)), shops(Some(b)));
    let mut simulation = Simulation::new(&a, Some(&b), 100).expect("metrics");
    for batch in events.chunks(7) {
        simulation.play(batch);
    }
    simulation.pass(simulation.now().plus(chrono::Duration::days(10)));
    simulation.finish(BTreeMap::new())
}

fn story() -> Vec<Recorded> {
    let told = |after: &str, what: &str| (at(after), event(what, after, at(after)));
    let placed = placed(order(), at("+0"));
    [
        (at("+0"), placed),
        told("+1d", "ship S1 all A1"),
        told("+1d2h", "scan A1 in_transit"),
        told("+5d", "scan A1 delivered"),
    ]
    .into_iter()
    .map(|(at, event)| Recorded { at, event: Arc::new(event) })
    .collect()
}

#[test]
fn the_same_rules_do_not_differ() {
    let events: Vec<Recorded> = Stream::new(11, 300, 100).map(recorded).collect();
    let report = simulate(RULES, RULES, &events);
    let difference = report.difference.expect("two rule sets");
    assert_eq!((difference.journeys, difference.examples.len()), (0, 0));
    assert!(difference.rules.values().all(|rule| rule.is_none()), "{:?}", difference.rules);
    let same: u64 = difference.rules.values().map(|rule| rule.same).sum();
    assert_eq!(same, report.rules.sent());
    assert!(same > 500, "{same}");
}

#[test]
fn each_kind_of_difference_is_told_apart() {
    let kinds = |changed: &str| {
        let difference = simulate(RULES, changed, &story()).difference.expect("two rule sets");
        let messages = difference.examples.into_iter().flat_map(|journey| journey.messages);
        let told = |message: reassure::simulate::difference::Differing| {
            let rule = message.a.as_ref().or(message.b.as_ref()).map(|sending| sending.rule.to_string());
            (rule.unwrap_or_default(), message.kind)
        };
        messages.map(told).collect::<Vec<_>>()
    };
    let of = |rule: &str, kind: Kind| vec![(rule.to_owned(), kind)];
    assert_eq!(kinds(&RULES.replace("48h", "60h")), of("silence", Kind::OtherTime));
    assert_eq!(kinds(&RULES.replace("[email, sms]", "[sms]")), of("delivered", Kind::OtherChannels));
    assert_eq!(kinds(&RULES.replace("message: delivered", "message: arrived")), of("delivered", Kind::OtherMessage));
    assert_eq!(kinds(&RULES.replace("48h", "9d")), of("silence", Kind::OnlyA));
    let both = kinds(&RULES.replace("rule: delivered", "rule: arrived"));
    assert_eq!(both, vec![("delivered".to_owned(), Kind::OnlyA), ("arrived".to_owned(), Kind::OnlyB)]);
}

/// Deadlines fall due at their own time, between the events and after the last.
#[test]
fn the_clock_is_virtual() {
    let shops = shops(Some(RULES));
    let mut simulation = Simulation::new(&shops, None, 100).expect("metrics");
    simulation.play(&story());
    let report = simulation.finish(BTreeMap::new());
    let told: Vec<(String, Subject)> =
        report.rules.sendings.iter().map(|sent| (format!("{} {}", sent.rule, sent.at), sent.about.clone())).collect();
    let moments: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(
        moments,
        [format!("confirmation {}", at("+0")), format!("silence {}", at("+3d2h")), format!("delivered {}", at("+5d"))]
    );
}
