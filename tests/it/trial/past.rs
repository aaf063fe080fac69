//! The past of a journey, taken back out of what is kept: `explain` and `rules test --from`.

use std::sync::Arc;

use reassure::domain::decision::Cause;
use reassure::domain::decision::Entry;
use reassure::domain::journey::Journey;
use reassure::domain::party::Party;
use reassure::domain::reasons::Reasons;
use reassure::domain::view::Scene;
use reassure::explain::{self, Choice};
use reassure::ports::{State, Story, Timeline};
use reassure::replay::Replay;
use reassure::trial::run::{Run, Written};
use reassure::trial::{self, Bench, Suite, report};

use super::{ours, report_of, suite};

fn all(bench: &Bench) -> Vec<Suite> {
    let texts = reassure::rules::tests(None).expect("the tests are part of the program");
    texts.iter().map(|(file, text)| trial::parse(file, text, None, bench).expect("tests without a fault")).collect()
}

/// What the store would keep of a test.
fn timeline(run: &Run) -> Option<Timeline> {
    let story = |written: &Written| Story {
        id: written.notification.id.clone(),
        rule: written.notification.rule.to_string(),
        message: written.notification.message.clone(),
        to: Party::default(),
        channel: written.notification.channel,
        provider: "mail".to_owned(),
        decided_at: written.at,
        state: State::Accepted,
        reason: None,
        due_at: None,
        content: Some(written.content.clone()),
        erased: false,
        attempts: Vec::new(),
        receipts: Vec::new(),
    };
    Some(Timeline {
        journey: Arc::new(run.journey.clone()?),
        unconfirmed: None,
        version: 1,
        entries: run.entries.clone(),
        notifications: run.written.iter().map(story).collect(),
    })
}

/// In every test of the default set, the values that are told afterwards are those of then.
#[test]
fn the_journey_is_rebuilt_as_it_was_at_each_decision() {
    let bench = ours();
    let (mut compared, mut wrong) = (0, Vec::new());
    for suite in all(&bench) {
        for one in &suite.trials {
            let run = trial::run::run(one);
            let journey: &Journey = run.journey.as_ref().expect("a journey");
            let replay = Replay::new(journey, &run.entries);
            let mut decided = run.decided.iter();
            for (index, entry) in run.entries.iter().enumerate() {
                let then = replay.as_of(index, &one.rules.shop).expect("the beginning is kept");
                for decision in &entry.decisions {
                    let was = decided.next().expect("as many decisions");
                    let (Some(expected), Some(rule)) = (&was.reasons, one.rules.get(&decision.rule)) else { continue };
                    if !replay.replaced(index).is_empty() {
                        continue;
                    }
                    let event = replay.event(entry);
                    let scene = Scene {
                        journey: &then,
                        shop: &one.rules.shop,
                        subject: &decision.subject,
                        event: event.as_ref(),
                        now: entry.at,
                    };
                    let found = match entry.cause {
                        Cause::Deferral { .. } | Cause::Receipt { .. } => Reasons::before_attempt(rule, scene),
                        _ => Reasons::of(rule, scene),
                    };
                    if found != *expected {
                        wrong.push(format!("{}: {}: {entry:#?}\n{found:#?}\n{expected:#?}", suite.file, one.name));
                    }
                    compared += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 100, "only {compared}");
}

/// A test file that is made of a journey passes, as long as the rules are the same.
#[test]
fn a_journey_that_became_a_test_comes_to_the_same() {
    let bench = ours();
    let mut wrong = Vec::new();
    for suite in all(&bench) {
        for one in suite.trials.iter().filter(|one| one.expected.is_some()) {
            let run = trial::run::run(one);
            let made = trial::from::write(&timeline(&run).expect("a journey"), &one.rules);
            if !Replay::new(run.journey.as_ref().expect("a journey"), &run.entries).replaced(0).is_empty() {
                continue;
            }
            let (told, _) = report_of(&made, &bench);
            if !told.starts_with("ok ") {
                wrong.push(format!("{}: {}\n{made}\n{told}", suite.file, one.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

const TROUBLE: &str = "rules: [delay]
given:
  customer: { name: Grace Hopper, email: grace@navy.example, phone: '+33698765432', id: GH-7 }
  delivery: { address: { name: Grace Hopper, lines: [7 Compiler Lane], city: Arlington, postal_code: '22201', country: US } }
  totals: { taxes: [{ label: Howard's tax, amount: '1.00' }] }
  items: [{ sku: SECRET-SKU, name: A private thing, unit_price: '12.00' }]
  gift: { recipient_name: Howard Aiken, recipient: { name: Howard Aiken, email: howard@mark.example, phone: '+33687654321' } }
tests:
  - test: one
    events:
      - { at: +1d, event: shipment.created, shipment: SHIP-99, parcels: [6A99887766554] }
      - at: +2d
        event: parcel.tracked
        parcel: 6A99887766554
        status: held_at_pickup
        place: Arlington
        text: Left with Mrs Aiken
        hold: { until: +9d, code: '731 902', point: { name: Chez Howard, address: { lines: [1 Mark Street], city: Arlington } } }
      - { at: +2d 1h, happened: +2d 0h 30m, event: parcel.eta_changed, parcel: 6A99887766554, eta: +6d, reason: Mrs Aiken was out }
      - { at: +3d, event: customer.updated, customer: { phone: '+33611111111' } }
    expect: []
";

fn trouble() -> (Bench, Timeline) {
    let bench = ours();
    let suite = suite(TROUBLE, &bench);
    let run = trial::run::run(&suite.trials[0]);
    let timeline = timeline(&run).expect("a journey");
    (bench, timeline)
}

#[test]
fn nothing_of_a_person_is_left_in_a_test_file() {
    let (bench, timeline) = trouble();
    let made = trial::from::write(&timeline, &bench.rules);
    insta::assert_snapshot!(made);
    for personal in [
        "Grace",
        "Hopper",
        "grace",
        "698765432",
        "687654321",
        "howard@",
        "611111111",
        "GH-7",
        "Compiler",
        "22201",
        "Arlington",
        "SECRET",
        "private",
        "Howard",
        "Aiken",
        "SHIP-99",
        "6A998",
        "731",
        "Mark Street",
    ] {
        assert!(!made.contains(personal), "{personal}:\n{made}");
    }
}

#[test]
fn a_decision_is_explained_with_what_would_have_had_to_differ() {
    let (bench, timeline) = trouble();
    let choice = Choice { rule: Some("delay".to_owned()), ..Choice::default() };
    let explained = explain::explain(&timeline, &bench.rules, &choice);
    let told: Vec<String> =
        explained.iter().map(|one| explain::write(one, chrono_tz::Tz::UTC, report::Style::default(), true)).collect();
    insta::assert_snapshot!(told.join("\n"));
    // the facts that rules see hold nothing of a person (I9)
    let json = serde_json::to_string(&explained).expect("JSON");
    for personal in ["Grace", "grace@", "698765432", "Compiler", "Howard", "731"] {
        assert!(!json.contains(personal), "{personal}:\n{json}");
    }
}

#[test]
fn the_last_decision_of_each_rule_or_those_of_a_moment() {
    let (bench, timeline) = trouble();
    let rules = |choice: &Choice| -> Vec<String> {
        explain::explain(&timeline, &bench.rules, choice).iter().map(|one| one.decision.rule.to_string()).collect()
    };
    let all = rules(&Choice::default());
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert_eq!(all.len(), once.len());
    assert!(all.contains(&"pickup_imposed".to_owned()) && all.contains(&"delay".to_owned()), "{all:?}");
    let at = Choice { at: Some("2026-03-04 08:00".to_owned()), ..Choice::default() };
    let of_moment = rules(&at);
    assert!(
        of_moment.contains(&"pickup_imposed".to_owned()) && !of_moment.contains(&"confirmation".to_owned()),
        "{of_moment:?}"
    );
    assert!(rules(&Choice { rule: Some("nothing".to_owned()), ..Choice::default() }).is_empty());
}

/// Rules that have changed since, and rules that are gone, are no reason to tell a tale.
#[test]
fn what_is_not_as_it_was_then_is_said() {
    let (_, mut timeline) = trouble();
    let bench = super::bench_of(
        "- { rule: delay, says: Other., on: parcel.eta_changed, when: parcel.late_by_hours >= 1.0, message: delay, channels: [email], once_per: parcel, expires: 1d }",
    );
    let explained = explain::explain(&timeline, &bench.rules, &Choice::default());
    let of = |rule: &str| explained.iter().find(|one| one.decision.rule.as_str() == rule).expect(rule);
    assert!(
        of("delay").caveats.iter().any(|caveat| caveat.contains("would come to something else")),
        "{:#?}",
        of("delay")
    );
    assert!(of("confirmation").caveats.iter().any(|caveat| caveat.contains("no rule 'confirmation' any more")));
    assert!(of("pickup_imposed").caveats.iter().any(|caveat| caveat.contains("the phone number")));
    // without its beginning
    let entries: Vec<Entry> = timeline.entries.split_off(1);
    timeline.entries = entries;
    let explained = explain::explain(&timeline, &bench.rules, &Choice::default());
    assert!(explained.iter().all(|one| one.caveats.iter().any(|caveat| caveat.contains("as it stands now"))));
}
