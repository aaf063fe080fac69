//! I10: a journey stays small, whatever is said of it; and quick, however many parcels it has.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use reassure::domain::apply::{Full, MOST_PARCELS, MOST_PROMISES, MOST_SCANS};
use reassure::domain::decision::Reason;
use reassure::domain::event::Event;
use reassure::domain::step::{Input, MOST_TOLD, step};

use super::story::{Story, at, event, order, own_rules, same};

fn refused(story: &Story, event: &Event) -> bool {
    let before = story.journey.clone();
    let refused = matches!(step(&story.journey, Input::Event(event), &story.rules, story.now), Err(Full));
    assert_eq!(before, story.journey);
    refused
}

#[test]
fn parcels_and_shipments_are_bounded() {
    let mut story = Story::of(order());
    for number in 0..MOST_PARCELS {
        story.tell(&format!("+1d ship S{number} some B{number}"));
    }
    assert_eq!(story.journey.parcels.len(), MOST_PARCELS);
    for what in ["ship S9 last C1", "ship X last", "replace S1 B1 C1", "scan C1 in_transit", "eta C1 +3d"] {
        assert!(refused(&story, &event(what, "more", at("+2d"))), "{what}");
    }
    for what in ["ship S9 last B9", "replace S1 B1 B2", "scan B1 in_transit", "eta B1 +3d", "cancelled"] {
        assert!(!refused(&story, &event(what, "known", at("+2d"))), "{what}");
    }
}

#[test]
fn two_hundred_parcels_are_quick() {
    let mut story = Story::of(order());
    for number in 0..MOST_PARCELS {
        story.tell(&format!("+1d ship S{number} some B{number}"));
    }
    let begin = Instant::now();
    for number in 0..20 {
        story.take(Input::Event(&event(&format!("scan B{number} in_transit"), "scan", at("+1d1h"))));
    }
    // some milliseconds each without optimisation; it was a second when every timer met every other
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[test]
fn scans_and_arrivals_of_a_number_are_bounded() {
    let mut story = Story::of(order());
    story.tell("+1h ship S1 all A1");
    let mut script = String::new();
    for minute in 0..MOST_SCANS + 50 {
        writeln!(script, "+{}m scan A1 in_transit eta=+{}h", minute + 120, minute + 96).expect("a line");
    }
    story.tell(&script);
    let parcel = &story.journey.parcels[0];
    assert_eq!((parcel.scans.len(), parcel.etas.len()), (MOST_SCANS, MOST_SCANS));
    assert_eq!(parcel.scans[0].at, at("+120m"), "the first is kept");
    assert_eq!(parcel.last_scan_at(), at(&format!("+{}m", MOST_SCANS + 169)), "and the last");
}

#[test]
fn promises_are_bounded_and_the_first_stays_the_yardstick() {
    let mut story = Story::of(order());
    for hour in 1..MOST_PROMISES + 20 {
        story.tell(&format!("+{hour}h update promise=+{}h", hour + 200));
    }
    assert_eq!(story.journey.promises.len(), MOST_PROMISES);
    assert_eq!(story.journey.first_promise(), order().promise);
    assert_eq!(
        story.journey.order.promise.map(|promise| promise.latest),
        Some(at(&format!("+{}h", MOST_PROMISES + 219)))
    );
}

#[test]
fn rules_that_run_wild_are_stopped() {
    let rules = own_rules(
        "- rule: echo
  says: Everything.
  on: parcel.tracked
  message: echo
  channels: [email]
  once_per: event
  beyond_budget: true
  expires: 9d",
    );
    let mut story = Story::with(order(), rules);
    for minute in 1..MOST_TOLD + 3 {
        story.take(Input::Event(&event("scan A1 in_transit", &format!("e{minute}"), at(&format!("+{minute}m")))));
    }
    assert_eq!((story.journey.told.len(), story.sent.len()), (MOST_TOLD, MOST_TOLD));
    assert!(story.told().ends_with(Reason::EnoughTold.as_str()));
}

#[test]
fn what_could_not_be_written_was_never_told() {
    let mut story = Story::of(order()).showing("confirmation");
    let placed = story.steps.remove(0);
    let mut refused = placed;
    let ids: Vec<_> = refused.notifications.iter().map(|sent| sent.id.clone()).collect();
    refused.refuse(&ids[0], "no subject");
    assert_eq!(refused.journey.told.len(), 1, "the webhook is left");
    refused.refuse(&ids[1], "no body");
    refused.refuse(&ids[1], "twice is as good as once");
    assert_eq!((refused.journey.told.len(), refused.notifications.len()), (0, 0));
    let decisions = &refused.entry.as_ref().expect("an entry").decisions;
    assert_eq!(
        serde_json::to_value(&decisions[0]).expect("JSON"),
        serde_json::json!({
            "rule": "confirmation", "message": "confirmation", "subject": "order", "verdict": "suppress",
            "reason": "unrenderable", "detail": "no body",
            "skipped": [
                { "channel": "email", "reason": "unrenderable" }, { "channel": "webhook", "reason": "unrenderable" }
            ]
        })
    );
    story.journey = refused.journey;
    story.sent.clear();
    same(
        &story.tell("+1h confirmed"),
        "+0 order.placed confirmation send email+webhook
         +1h order.confirmed confirmation send email+webhook",
    );
    assert_eq!(story.sent[0].id, ids[0], "nothing was sent under that key");
}
