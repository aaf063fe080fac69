//! What is known after events in any order, where no message shows it.

use reassure::domain::apply::News;
use reassure::domain::event::{Extent, Line};
use reassure::domain::order::DeliveryMethod;

use serde_json::json;

use super::story::{Story, at, order, order_with};

/// What each line was to the journey, in order.
fn news(story: &mut Story, script: &str) -> Vec<News> {
    let before = story.steps.len();
    story.tell(script);
    let events = story.steps[before..].iter().filter(|step| {
        let cause = step.entry.as_ref().map(|entry| &entry.cause);
        matches!(cause, Some(reassure::domain::decision::Cause::Event { .. }))
    });
    events.map(|step| step.news).collect()
}

#[test]
fn an_order_is_updated_field_by_field() {
    // I3
    let mut story = Story::of(order());
    let told = news(
        &mut story,
        "+1d@+10h update url=new
         +1d@+5h update url=old item=SAUCER
         +1d@+7h update method=store
         +1d@+7h again
         +1d@+6h update method=home
         +1d@+7h update method=pickup_point
         +1d@-1h update item=RIM promise=+1d",
    );
    assert_eq!(
        told,
        [News::Fresh, News::Fresh, News::Fresh, News::Known, News::Old, News::Fresh, News::Old],
        "of two words of one moment the later to arrive counts; what was said before the order was placed is old"
    );
    let order = &story.journey.order;
    assert_eq!(order.order_url.as_deref(), Some("new"));
    assert_eq!(order.items[0].sku, "SAUCER");
    assert_eq!(order.delivery.method, DeliveryMethod::PickupPoint);
    assert_eq!(order.promise, super::story::order().promise);
    assert_eq!(story.journey.first_promise(), order.promise);
}

#[test]
fn a_repetition_changes_nothing_and_says_nothing() {
    // I1: even of what counts however often it happens
    let mut story = Story::of(order());
    story.tell(
        "+1h support
         +2h repeated
         +3h ship S1 all A1
         +4h repeated",
    );
    let news: Vec<News> = story.steps.iter().map(|step| step.news).collect();
    assert_eq!(news, [News::Fresh, News::Fresh, News::Repeated, News::Fresh, News::Repeated]);
    assert_eq!(story.journey.support_contacts, 1);
    for pair in story.steps[1..].chunks(2) {
        let [first, repeated] = pair else { panic!("in pairs") };
        assert_eq!(first.journey, repeated.journey);
        assert!(repeated.entry.is_none() && repeated.notifications.is_empty());
    }
    let stored = serde_json::to_string(&story.journey).expect("plain data");
    assert_eq!(serde_json::from_str::<reassure::domain::journey::Journey>(&stored).expect("a journey"), story.journey);
}

#[test]
fn a_contact_that_is_given_back_stays() {
    // I3: the newest word counts, even if it says what was known before
    let mut story = Story::of(order());
    let told = news(
        &mut story,
        "+5h customer email=ada@example.org
         +6h@+3h customer email=eve@example.org
         +7h customer email=none phone=none",
    );
    assert_eq!(told, [News::Known, News::Old, News::Known]);
    assert_eq!(story.journey.order.customer.email.as_deref(), Some("ada@example.org"));
}

#[test]
fn the_newest_word_on_a_shipment_counts() {
    let mut story = Story::of(order());
    let told = news(
        &mut story,
        "+5h ship S1 some A1
         +6h ship S1 last A1
         +7h@+2h ship S1 all A1 A2",
    );
    assert_eq!(told, [News::Fresh, News::Known, News::Known]);
    let shipment = &story.journey.shipments[0];
    assert_eq!((shipment.extent, shipment.created_at), (Extent::Last, at("+2h")));
    assert_eq!(story.journey.parcels.len(), 2);
}

#[test]
fn what_a_shipment_carries_follows_from_its_items_where_nobody_says_it() {
    let items = serde_json::json!([
        { "sku": "CUP", "name": "Cup", "quantity": 2, "unit_price": "20.00" },
        { "sku": "RIM", "name": "Rim", "quantity": 1, "unit_price": "10.00" },
    ]);
    let extents = |shipments: &[&[(&str, u32)]]| -> Vec<Extent> {
        let mut story = Story::of(super::story::order_with(serde_json::json!({ "items": items })));
        for (number, lines) in shipments.iter().enumerate() {
            story.tell(&format!("+{}h ship S{number} by_items A{number}", number + 1));
            let line = |(sku, quantity): &(&str, u32)| Line { sku: (*sku).to_owned(), quantity: *quantity };
            story.journey.shipments[number].items = lines.iter().map(line).collect();
        }
        story.journey.shipments.iter().map(|shipment| story.journey.extent_of(shipment)).collect()
    };
    assert_eq!(extents(&[&[("CUP", 2), ("RIM", 1)]]), [Extent::All]);
    assert_eq!(extents(&[&[("CUP", 1)], &[("RIM", 1)]]), [Extent::Some, Extent::Some]);
    assert_eq!(extents(&[&[("CUP", 1)], &[("RIM", 1)], &[("CUP", 1)]]), [Extent::Some, Extent::Some, Extent::Last]);
    assert_eq!(extents(&[&[]]), [Extent::All], "nothing is said of items");
    assert_eq!(extents(&[&[("POT", 1)]]), [Extent::All], "the order does not know that item");
}

#[test]
fn a_number_that_two_shipments_gave_keeps_both() {
    // the late word splits the number's life in two, as it would have, had it come in time
    let mut story = Story::of(order());
    story.tell(
        "+1d ship S1 some A1
         +3d ship S2 last A1
         +4d@+2d scan A1 delivered",
    );
    let lives: Vec<_> =
        story.journey.parcels.iter().map(|life| (life.shipment_id.as_deref(), life.scans.len())).collect();
    assert_eq!(lives, [(Some("S1"), 1), (Some("S2"), 0)]);
}

#[test]
fn an_arrival_belongs_to_the_life_in_which_it_was_announced() {
    let mut story = Story::of(order());
    story.tell(
        "+1d ship S1 some A1 eta=+2d
         +2d scan A1 delivered
         +3d ship S2 last A1 eta=+5d
         +3d1h@+1d1h eta A1 +3d
         +4d ship S3 last A1
         +4d1h@+3d12h eta A1 +6d",
    );
    let etas: Vec<_> =
        story.journey.parcels.iter().map(|life| life.eta.as_ref().map(|eta| eta.window.latest)).collect();
    assert_eq!(etas, [Some(at("+3d")), Some(at("+6d"))]);
}

#[test]
fn a_deadline_that_moves_later_is_left_to_wake_early() {
    // a write spared for every scan of a parcel that is under way
    let mut story = Story::of(order_with(json!({ "promise": null })));
    story.tell(
        "+1d ship S1 all A1
         +1d1h scan A1 in_transit",
    );
    let wakes = || story.steps.iter().rev().map(|step| step.journey.wakes_at());
    assert_eq!(wakes().take(2).collect::<Vec<_>>(), [Some(at("+4d")); 2]);
    story.tell("+4d1m wait");
    let woken = story.steps.last().expect("a step");
    assert_eq!(woken.entry, None, "it lies an hour later by now");
    assert_eq!(woken.journey.wakes_at(), Some(at("+4d1h")));
}
