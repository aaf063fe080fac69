//! Several parcels, one message.

use reassure::domain::step::{Input, step};

use super::story::{Story, order, own_rules, same};

const RULES: &str = "
- rule: delivered
  says: There.
  on:
    - parcel.tracked: [delivered]
  message: delivered
  channels: [email, sms]
  once_per: parcel
  fold: 2h
  valid_while: parcel.status == 'delivered'
  expires: 1d
- rule: returned
  says: Back.
  on:
    - parcel.tracked: [returning]
  message: returned
  channels: [email]
  once_per: parcel
  supersedes: [delivered]
  expires: 1d
";

fn told(script: &str) -> Story {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell(script);
    story
}

#[test]
fn what_comes_within_the_window_is_said_in_one_message() {
    let story = told(
        "+1h ship S1 all A1 A2 A3 A4
         +1d scan A1 delivered
         +1d1h scan A2 delivered
         +1d1h30m scan A3 delivered
         +1d5h scan A4 delivered
         +1d6h scan A2 delivered code=AGAIN",
    );
    same(
        &story.told(),
        "+1d parcel.tracked delivered[A1] until +1d2h
         +1d1h parcel.tracked delivered[A2] until +1d2h
         +1d1h30m parcel.tracked delivered[A3] until +1d2h
         +1d2h deferral delivered[A1] send email+sms
         +1d2h deferral delivered[A2] no folded
         +1d2h deferral delivered[A3] no folded
         +1d5h parcel.tracked delivered[A4] send email+sms
         +1d6h parcel.tracked delivered[A2] no already_told",
    );
    assert_eq!(story.sent.len(), 4, "two messages by two channels");
    let subjects = |at: usize| story.journey.told_by(&story.sent[at].id).count();
    assert_eq!((subjects(0), subjects(1), subjects(2)), (3, 3, 1));
    assert_eq!(story.journey.wakes_at(), None);
}

#[test]
fn nothing_waits_if_nothing_more_can_come() {
    same(
        &told(
            "+1h ship S1 all A1 A2
             +1d scan A1 delivered
             +1d30m scan A2 delivered",
        )
        .told(),
        "+1d parcel.tracked delivered[A1] until +1d2h
         +1d30m parcel.tracked delivered[A2] send email+sms
         +1d30m parcel.tracked delivered[A1] no folded",
    );
    same(
        &told(
            "+1h ship S1 all A1
             +1d scan A1 delivered",
        )
        .told(),
        "+1d parcel.tracked delivered[A1] send email+sms",
    );
}

/// I4: what is no longer true of one is not said of it, and does not hold back the others.
#[test]
fn what_is_gathered_is_looked_at_again_one_by_one() {
    same(
        &told(
            "+1h ship S1 all A1 A2 A3
             +1d scan A1 delivered
             +1d30m scan A2 delivered
             +1d1h scan A2 held_at_pickup until=+9d
             +2d wait",
        )
        .told(),
        "+1d parcel.tracked delivered[A1] until +1d2h
         +1d30m parcel.tracked delivered[A2] until +1d2h
         +1d2h deferral delivered[A1] send email+sms
         +1d2h deferral delivered[A2] no no_longer_true",
    );
}

/// I4: a message that tells of several must be true of each when it leaves.
#[test]
fn a_message_of_several_is_taken_back_as_a_whole() {
    let mut story = told(
        "+1h ship S1 all A1 A2
         +1d scan A1 delivered
         +1d30m scan A2 delivered",
    );
    let before = story.told().len();
    story.tell(
        "+1d40m look delivered
         +1d50m scan A1 held_at_pickup until=+9d
         +1d50m look delivered
         +1d50m withdraw delivered no_longer_true",
    );
    same(
        story.told()[before..].trim(),
        "
         +1d40m look delivered email:ok sms:ok
         +1d50m look delivered email:no_longer_true sms:no_longer_true
         +1d50m attempt delivered[A1] no no_longer_true
         +1d50m attempt delivered[A2] no no_longer_true
         +1d50m attempt delivered[A1] no no_longer_true
         +1d50m attempt delivered[A2] no no_longer_true",
    );
    assert!(story.journey.told.iter().all(|told| told.withdrawn), "neither has been heard of");
}

#[test]
fn what_could_not_be_written_was_told_of_none() {
    let story = told(
        "+1h ship S1 all A1 A2
         +1d scan A1 delivered
         +1d30m scan A2 delivered",
    );
    let mut last = story.steps.into_iter().last().expect("a step");
    assert_eq!(last.journey.told.len(), 2);
    for notification in last.notifications.clone() {
        last.refuse(&notification.id, "no words");
    }
    assert_eq!((last.journey.told.len(), last.notifications.len()), (0, 0));
}

/// I2: another replica comes to the same keys.
#[test]
fn the_key_is_that_of_the_first() {
    let mut story = told(
        "+1h ship S1 all A1 A2 A3
         +1d scan A1 delivered
         +1d1h scan A2 delivered",
    );
    story.now = super::story::at("+1d2h");
    let one = step(&story.journey, Input::Due, &story.rules, story.now).expect("room");
    let other = step(&story.journey, Input::Due, &story.rules, story.now).expect("room");
    assert_eq!(one.notifications, other.notifications);
    assert_eq!(one.notifications.len(), 2);
}
