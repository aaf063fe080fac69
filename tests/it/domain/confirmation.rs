//! How buyers wait for the confirmation.

use reassure::domain::confirmation::{Cause, Change, MOST_WAITED, Wait, change, wait};
use reassure::domain::journey::Journey;
use serde_json::json;

use super::story::{Story, at, order, order_with, shop};

fn cause(story: &Story) -> Option<Cause> {
    wait(&story.journey, &story.rules.shop).map(|wait| wait.cause)
}

fn without_contact() -> Story {
    Story::of(order_with(json!({ "customer": { "email": null, "phone": null } })))
}

fn at_once(before: Option<&Journey>, after: &Journey) -> Change {
    change(before, after, &shop(), at("+0"), at("+1m"))
}

#[test]
fn an_order_waits_from_the_moment_it_is_known() {
    let story = Story::of(order());
    assert_eq!(cause(&story), Some(Cause::Failing), "it is on its way");
    let wait = Wait { cause: Cause::Failing, by_webhook: false };
    assert_eq!(at_once(None, &story.journey), Change::Begins { wait, since: at("+0") });
    assert_eq!(at_once(Some(&story.journey), &story.journey), Change::None);
    // history that is read only now
    let late = at("+0").plus(MOST_WAITED);
    assert_eq!(change(None, &story.journey, &shop(), at("+0"), late), Change::None);
}

#[test]
fn who_left_no_contact_is_told_apart_and_a_webhook_reaches_the_shop_alone() {
    let story = without_contact();
    assert_eq!(cause(&story), Some(Cause::NoContact));
    let mut own = shop();
    own.providers.email = None;
    own.providers.sms = None;
    let waits = wait(&story.journey, &own).expect("it waits");
    assert_eq!(waits, Wait { cause: Cause::Failing, by_webhook: true }, "the shop writes to its customers itself");
}

#[test]
fn nobody_waits_for_the_confirmation_of_what_is_cancelled_or_forgotten() {
    for end in ["+1h cancelled", "+1h erased"] {
        let mut story = Story::of(order());
        let before = story.journey.clone();
        story.tell(end);
        assert_eq!(cause(&story), None, "{end}");
        assert_eq!(at_once(Some(&before), &story.journey), Change::Ends, "{end}");
        assert_eq!(at_once(None, &story.journey), Change::None, "{end}");
    }
}

#[test]
fn what_was_taken_back_is_not_on_its_way() {
    let mut story = Story::of(order());
    let before = story.journey.clone();
    story.tell("+1m withdraw confirmation expired");
    assert_eq!(cause(&story), Some(Cause::NotSent));
    let wait = Wait { cause: Cause::NotSent, by_webhook: false };
    assert_eq!(at_once(Some(&before), &story.journey), Change::GoesOn(wait));
}
