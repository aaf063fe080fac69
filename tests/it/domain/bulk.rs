//! Bulk corrections, and history that is read again, reach nobody.

use reassure::domain::step::Input;
use serde_json::json;

use super::story::{Story, at, event, order_with, placed, rules};

/// What the orders of last week came to; some were delivered, some are on their way.
const LAST_WEEK: &str = "
    +1h confirmed
    +1d ship S1 all A1 A2 eta=+3d
    +1d2h scan A1 picked_up
    +2d scan A1 in_transit
    +2d scan A2 delayed
    +2d4h scan A2 in_transit
    +3d scan A1 delivered to=letterbox
    +3d scan A2 held_at_pickup until=+9d";

const USEFUL: &str = r#"[{ "sku": "CUP", "name": "Cup", "quantity": 1, "unit_price": "5", "usage": "By hand." }]"#;

fn order() -> reassure::domain::order::Order {
    order_with(json!({ "items": serde_json::from_str::<serde_json::Value>(USEFUL).expect("items") }))
}

/// A warehouse system is repaired and says everything once more, with new ids, corrected words and
/// the times at which it happened.
#[test]
fn a_thousand_corrections_at_once_send_nothing() {
    let corrections = [
        "shipped ship S1 all A1 A2 eta=+3d",
        "scanned scan A1 picked_up code=FIXED",
        "scanned scan A1 in_transit code=FIXED",
        "scanned scan A2 delayed code=FIXED",
        "scanned scan A2 exception code=FIXED",
        "scanned scan A2 in_transit code=FIXED",
        "scanned scan A1 delivered to=neighbour",
        "expected eta A2 +4d",
    ];
    for number in 0..1_000_i64 {
        let mut story = Story::of(order());
        let told_until = ["+1d", "+2d", "+2d4h", "+3d"][usize::try_from(number % 4).expect("below four")];
        for line in LAST_WEEK.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if at(line.split(' ').next().expect("a moment")) <= at(told_until) {
                story.tell(line);
            }
        }
        story.pass(at("+20d"));
        let before = story.sent.len();
        for (nth, correction) in (0_i64..).zip(corrections) {
            let (_, what) = correction.split_once(' ').expect("a name and what happens");
            let happened = at("+1d").plus(chrono::Duration::hours(6 * nth + number % 5));
            story.take(Input::Event(&event(what, &format!("fix-{number}-{nth}"), happened)));
        }
        story.pass(at("+20d1h"));
        let sent: Vec<_> = story.sent[before..].iter().map(|sent| (sent.rule.as_str(), sent.channel)).collect();
        assert_eq!(sent, [], "order {number} of those told until {told_until}:\n{}", story.told());
    }
}

/// I1: the topic is read from its start into a fresh group; the journeys are known.
#[test]
fn a_replay_changes_nothing_and_sends_nothing() {
    let mut story = Story::of(order());
    let mut events = vec![placed(order(), at("+0"))];
    for line in LAST_WEEK.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (when, what) = line.split_once(' ').expect("a line");
        let event = event(what, when, at(when));
        story.pass(event.time);
        story.take(Input::Event(&event));
        events.push(event);
    }
    story.pass(at("+20d"));
    let (journey, sent) = (story.journey.clone(), story.sent.len());
    assert!(sent > 3, "there was something to tell");
    for event in &events {
        story.take(Input::Event(event));
    }
    assert_eq!((&story.journey, story.sent.len()), (&journey, sent));
}

/// The same into an empty store: the history is learnt, and none of it is news.
#[test]
fn a_replay_into_an_empty_store_sends_nothing_of_what_is_past() {
    let mut story = Story::placed(placed(order(), at("+0")), rules(), at("+20d"));
    for line in LAST_WEEK.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (when, what) = line.split_once(' ').expect("a line");
        story.take(Input::Event(&event(what, when, at(when))));
        story.pass(at("+20d"));
    }
    story.pass(at("+21d"));
    let sent: Vec<_> = story.sent.iter().map(|sent| (sent.rule.as_str(), sent.channel)).collect();
    assert_eq!(sent, [], "{}", story.told());
}
