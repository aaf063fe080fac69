//! What holds of every story. The invariants are those of `lib.rs`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use reassure::domain::apply::{News, apply, begin};
use reassure::domain::decision::{Decision, Reason, Verdict};
use reassure::domain::event::{Body, Event, EventType, ParcelStatus, Waybill};
use reassure::domain::journey::{Journey, Phase, Timer};
use reassure::domain::parcel::Facts;
use reassure::domain::step::{Input, step, still_holds};
use reassure::domain::time::Timestamp;
use serde_json::json;

use super::story::{Story, at, event, order_with, placed, rules};

/// Marks what must not show.
const SECRET: &str = "Zaphod";

fn order() -> reassure::domain::order::Order {
    order_with(json!({
        "customer": { "name": SECRET, "email": "Zaphod@example.org" },
        "delivery": { "address": { "name": SECRET, "lines": [SECRET], "city": "Lyon" } },
        "gift": { "recipient_name": SECRET, "recipient": { "name": SECRET, "email": "Zaphod@example.net" } },
        "items": [{ "sku": "CUP", "name": "Cup", "quantity": 1, "unit_price": "5", "usage": "By hand." }]
    }))
}

/// Anything that can happen to the order, as a line of a story.
fn line() -> impl Strategy<Value = String> {
    let number = || prop::sample::select(vec!["A1", "A2", "A3"]);
    let shipment = || prop::sample::select(vec!["S1", "S2", "S3"]);
    let extent = prop::sample::select(vec!["all", "some", "last"]);
    let status = prop::sample::select(ParcelStatus::ALL.to_vec());
    let rest = prop::sample::select(vec!["", " code=X", " until=+6d", " eta=+3d", " eta=+5d", " to=neighbour"]);
    let plain = vec![
        "confirmed",
        "preparing",
        "packed",
        "collected",
        "refunded",
        "support",
        "ready until=+6d",
        "ready until=+9d",
        "update promise=+3d",
        "update promise=+6d",
        "update method=pickup_point",
        "update method=home url=u",
        "update item=SAUCER gift=Zaphod",
        "customer email=Zaphod@example.com",
        "customer phone=none name=Zaphod",
        "customer channels=sms",
        "customer email=Zaphod@example.org channels=email,sms",
    ];
    prop_oneof![
        12 => (number(), status, rest).prop_map(|(number, status, rest)| {
            format!("scan {number} {}{rest}", status.as_str())
        }),
        5 => (shipment(), extent, number(), number(), any::<bool>()).prop_map(|(shipment, extent, one, other, eta)| {
            format!("ship {shipment} {extent} {one} {other}{}", if eta { " eta=+4d" } else { "" })
        }),
        3 => (number(), 2..6_u8).prop_map(|(number, day)| format!("eta {number} +{day}d")),
        1 => (shipment(), number(), number()).prop_map(|(id, old, new)| format!("replace {id} {old} {new}")),
        6 => prop::sample::select(plain).prop_map(str::to_owned),
        1 => Just("cancelled".to_owned()),
        1 => Just("erased".to_owned()),
    ]
}

/// A line and how many hours after the start it happened.
#[derive(Clone, Debug)]
struct Happening(i64, String);

impl Happening {
    fn event(&self) -> Event {
        event(&self.1, &format!("e{}", self.0), at(&format!("+{}h", self.0)))
    }
}

/// What happens, seven hours apart, in any order of arrival.
fn arrivals() -> impl Strategy<Value = Vec<Happening>> {
    let happening = |(index, line): (usize, String)| Happening(7 * (1 + i64::try_from(index).expect("few")), line);
    prop::collection::vec(line(), 1..24)
        .prop_map(move |lines| lines.into_iter().enumerate().map(happening).collect::<Vec<_>>())
        .prop_shuffle()
}

fn events(of: &[Happening]) -> Vec<Event> {
    of.iter().map(Happening::event).collect()
}

fn journey() -> Journey {
    let event = placed(order(), at("+0"));
    let Body::OrderPlaced(data) = &event.body else { unreachable!("an order") };
    begin(data, event.time)
}

fn knowing<'a>(events: impl IntoIterator<Item = &'a Event>) -> Journey {
    let mut journey = journey();
    for event in events {
        apply(&mut journey, event).expect("room");
    }
    journey
}

/// How far along a phase is. What is lost or comes back counts as under way: what completes the
/// history may show that it was found, or is goods that had been delivered before.
fn progress(phase: Phase) -> u8 {
    match phase {
        Phase::Confirmation => 0,
        Phase::Preparation => 1,
        Phase::Shipping | Phase::Delay | Phase::Returned | Phase::Lost => 2,
        Phase::PickupHold => 3,
        Phase::Delivery | Phase::Usage | Phase::Cancelled => 4,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    /// I1: what comes again is no news and changes nothing.
    #[test]
    fn what_is_known_is_no_news_again(arrived in arrivals()) {
        let events = events(&arrived);
        let mut known = knowing(&events);
        let before = known.clone();
        for event in events.iter().filter(|event| event.body.event_type() != EventType::SupportContacted) {
            let applied = apply(&mut known, event).expect("room");
            prop_assert_ne!(applied.news, News::Fresh, "{:?}", event);
            prop_assert_eq!(&known, &before, "{:?}", event);
        }
    }

    /// I3: the facts do not depend on the order in which they arrived.
    #[test]
    fn any_order_of_arrival_ends_in_the_same_facts(arrived in arrivals()) {
        let mut happened = arrived.clone();
        happened.sort_by_key(|happening| happening.0);
        prop_assert_eq!(knowing(&events(&happened)), knowing(&events(&arrived)));
    }

    /// I3: the phase never moves back because of something that is older than what is known.
    #[test]
    fn old_news_never_moves_the_phase_back(arrived in arrivals()) {
        let mut known = journey();
        for event in &events(&arrived) {
            let before = known.phase(at("+7d"));
            let last_words = known.outbound().filter_map(|parcel| parcel.latest().map(|scan| scan.at)).min();
            let lives = known.parcels.len();
            let news = apply(&mut known, event).expect("room").news;
            let after = known.phase(at("+7d"));
            // it may show, though, that a number has had another life
            let is_older = last_words.is_none_or(|last| event.time < last) && known.parcels.len() == lives;
            if news == News::Old && is_older {
                prop_assert!(progress(after) >= progress(before), "{before:?} → {after:?} by {event:?}");
            }
        }
    }

    /// The lives of a waybill can be taken apart and put together again.
    #[test]
    fn lives_survive_being_gathered(arrived in arrivals()) {
        let known = knowing(&events(&arrived));
        let waybills: BTreeSet<&Waybill> = known.parcels.iter().map(|parcel| &parcel.key.waybill).collect();
        for waybill in waybills {
            let lives: Vec<_> = known.parcels.iter().filter(|parcel| parcel.key.waybill == *waybill).cloned().collect();
            let again = Facts::gather(lives.iter()).lives(waybill, known.hold_kind(), known.first_promise());
            prop_assert_eq!(lives, again);
        }
    }

    /// I2, I4, I8, I9, I10, for every step of a story whose events arrive in any order.
    #[test]
    fn every_step_keeps_its_promises(arrived in arrivals(), pause in 0..9_i64) {
        let mut story = Story::with(order(), rules());
        let mut ids = BTreeSet::new();
        for event in &events(&arrived) {
            let now = story.now.max(event.time);
            story.pass(now.plus(chrono::Duration::hours(pause)));
            let waiting = story.journey.deferred.clone();
            story.take(Input::Event(event));
            let taken = story.steps.last().expect("a step");
            let status = match &event.body {
                Body::ParcelTracked(data) => Some(data.status),
                _ => None,
            };
            let triggered = story.rules.triggered_by(event.body.event_type(), status).map(|rule| rule.name.clone());
            let entry = taken.entry.as_ref().expect("every event has an entry");
            // to wait for a deadline is no answer to the event, and what was held back had one before
            let waited = |one: &Decision| waiting.iter().any(|it| (&it.rule, &it.subject) == (&one.rule, &one.subject));
            let decided = entry.decisions.iter().filter(|one| match &one.verdict {
                Verdict::Defer { reason, .. } => *reason != Reason::AwaitingDeadline,
                Verdict::Suppress { reason: Reason::Folded | Reason::Superseded, .. } => !waited(one),
                Verdict::Suppress { .. } | Verdict::Send { .. } => true,
            });
            prop_assert_eq!(
                triggered.collect::<Vec<_>>(),
                decided.map(|one| one.rule.clone()).collect::<Vec<_>>(),
                "I8: one decision for each rule"
            );
        }
        story.pass(at("+60d"));
        for taken in &story.steps {
            for sent in &taken.notifications {
                prop_assert!(ids.insert(sent.id.clone()), "I2: {sent:?} has the key of another");
                prop_assert_eq!(still_holds(&taken.journey, sent, &story.rules, sent.decided_at), Ok(()), "I4");
            }
            let deadlines: BTreeMap<_, &Timer> =
                taken.journey.timers.iter().map(|timer| ((&timer.rule, timer.index, &timer.subject), timer)).collect();
            prop_assert_eq!(deadlines.len(), taken.journey.timers.len(), "one timer for a deadline");
            let entry = serde_json::to_string(&taken.entry).expect("JSON");
            prop_assert!(!entry.contains(SECRET), "I9: {entry}");
            prop_assert!(!format!("{taken:?}").contains(SECRET), "I9");
        }
        prop_assert!(!format!("{:?}{:?}{:?}", events(&arrived), story.journey, story.sent).contains(SECRET), "I9");
        let lives = story.journey.parcels.len() + 1;
        prop_assert!(story.journey.fired.len() <= lives * 8, "I10: {} deadlines", story.journey.fired.len());
    }

    /// I2: another replica comes to the same keys; I1: a deadline decides once.
    #[test]
    fn two_replicas_decide_alike(arrived in arrivals()) {
        let mut story = Story::with(order(), rules());
        for event in &events(&arrived) {
            story.pass(story.now.max(event.time));
            let one = step(&story.journey, Input::Event(event), &story.rules, story.now).expect("room");
            let other = step(&story.journey, Input::Event(event), &story.rules, story.now).expect("room");
            prop_assert_eq!(&one.notifications, &other.notifications);
            if let Some(due) = one.journey.wakes_at() {
                let now: Timestamp = due.max(story.now);
                let first = step(&one.journey, Input::Due, &story.rules, now).expect("room");
                let waits = |journey: &Journey| (journey.timers.clone(), journey.deferred.clone());
                prop_assert!(waits(&first.journey) != waits(&one.journey), "it is decided or moves");
                let mut woken = first.journey;
                while woken.wakes_at().is_some_and(|at| at <= now) {
                    woken = step(&woken, Input::Due, &story.rules, now).expect("room").journey;
                }
                let again = step(&woken, Input::Due, &story.rules, now).expect("room");
                prop_assert_eq!((again.entry, &again.journey), (None, &woken), "nothing waits any more");
            }
            story.take(Input::Event(event));
        }
    }
}
