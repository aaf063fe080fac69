//! When not to speak: what waits for a better moment, and what becomes of it.

use reassure::domain::decision::Reason;
use reassure::domain::journey::{Deferred, Subject};
use reassure::domain::order::Channel;
use reassure::domain::step::{Input, step};

use super::story::{Story, at, order, own_rules, same};

const RULES: &str = "
- rule: delay
  says: Late.
  on:
    - parcel.tracked: [delayed]
  message: delay
  channels: [email]
  once_per: parcel
  valid_while: parcel.status == 'delayed'
  expires: 1d
- rule: silence
  says: Quiet.
  on: support.contacted
  message: silence
  channels: [email]
  once_per: event
  not_within:
    6h: [delay]
    1h: any
  valid_while: '!journey.arrived'
  expires: 12h
- rule: delivered
  says: There.
  on:
    - parcel.tracked: [delivered]
  message: delivered
  channels: [email, sms]
  once_per: parcel
  supersedes: [delay, silence]
  expires: 1d
";

fn told(script: &str) -> String {
    Story::with(order(), own_rules(RULES)).tell(script)
}

#[test]
fn after_a_message_another_waits_its_time_and_is_decided_anew() {
    same(
        &told(
            "+1h ship S1 all A1
             +2h scan A1 delayed
             +3h support
             +4h support
             +9h wait",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence until +8h
         +4h support.contacted silence until +8h
         +4h support.contacted silence no superseded
         +8h deferral silence send email",
    );
}

#[test]
fn what_is_over_when_the_wait_ends_is_not_said() {
    same(
        &told(
            "+1h ship S1 some A1
             +2h scan A1 delayed
             +3h support
             +4h ship S2 last A2
             +5h scan A2 in_transit
             +6h collected
             +9h wait",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence until +8h
         +8h deferral silence no no_longer_true",
    );
}

#[test]
fn what_would_be_no_news_when_the_wait_ends_is_not_kept() {
    let rules = RULES.replace("6h: [delay]", "13h: [delay]");
    let mut story = Story::with(order(), own_rules(&rules));
    same(
        &story.tell(
            "+1h ship S1 all A1
             +2h scan A1 delayed
             +3h support",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence no cooling_down",
    );
    assert_eq!(story.journey.deferred, []);
}

#[test]
fn one_wait_may_follow_another() {
    same(
        &told(
            "+1h ship S1 some A1 A2 A3
             +2h scan A1 delayed
             +3h support
             +7h30m scan A2 delayed
             +15h wait",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence until +8h
         +7h30m parcel.tracked delay[A2] send email
         +8h deferral silence until +13h30m
         +13h30m deferral silence send email",
    );
}

#[test]
fn the_newer_message_takes_the_place_of_what_waits() {
    same(
        &told(
            "+1h ship S1 all A1
             +2h scan A1 delayed
             +3h support
             +4h scan A1 delivered
             +9h wait",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence until +8h
         +4h parcel.tracked delivered[A1] send email+sms
         +4h parcel.tracked silence no superseded",
    );
    // of the two parcels, one is still under way
    same(
        &told(
            "+1h ship S1 all A1 A2
             +2h scan A1 delayed
             +3h support
             +4h scan A1 delivered
             +9h wait",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence until +8h
         +4h parcel.tracked delivered[A1] send email+sms
         +8h deferral silence send email",
    );
}

/// I4: what lies in the outbox is taken back too.
#[test]
fn a_second_look_finds_what_has_been_superseded() {
    let mut story = Story::with(order(), own_rules(&RULES.replace("valid_while: parcel.status == 'delayed'", "")));
    let script = "+1h ship S1 all A1 A2
         +2h scan A1 delayed
         +2h look delay
         +2h scan A2 delivered
         +2h look delay
         +2h scan A1 delivered
         +2h look delay
         +2h look delivered
         +2h withdraw delivered no_longer_true
         +2h look delay";
    same(
        &story.tell(script),
        "+2h parcel.tracked delay[A1] send email
         +2h look delay email:ok
         +2h parcel.tracked delivered[A2] send email+sms
         +2h look delay email:ok
         +2h parcel.tracked delivered[A1] send email+sms
         +2h look delay email:superseded
         +2h look delivered email:ok sms:ok
         +2h attempt delivered[A1] no no_longer_true
         +2h attempt delivered[A1] no no_longer_true
         +2h look delay email:ok",
    );
}

/// I4: of two rules of one moment the later takes the place of the earlier at once, and the more
/// pressing silences the other.
#[test]
fn of_one_moment_only_what_is_not_superseded_is_said() {
    let rules = |first: &str, second: &str| {
        let rule = |name: &str, supersedes: &str, priority: u8| {
            format!(
                "
- rule: {name}
  says: It.
  on:
    - parcel.tracked: [delayed]
  message: {name}
  channels: [email]
  once_per: event
  supersedes: [{supersedes}]
  expires: 1d
  priority: {priority}
"
            )
        };
        own_rules(&(rule("delay", first, 60) + &rule("silence", second, 50)))
    };
    let script = "+1h ship S1 all A1
                  +2h scan A1 delayed";
    for (first, second, outcome) in [
        ("collected", "delay", "+2h parcel.tracked delay[A1] no superseded\n+2h parcel.tracked silence[A1] send email"),
        (
            "silence",
            "collected",
            "+2h parcel.tracked delay[A1] send email\n+2h parcel.tracked silence[A1] no superseded",
        ),
        // each of the other: the more pressing decides
        ("silence", "delay", "+2h parcel.tracked delay[A1] send email\n+2h parcel.tracked silence[A1] no superseded"),
    ] {
        same(&Story::with(order(), rules(first, second)).tell(script), outcome);
    }
}

#[test]
fn a_rule_that_is_gone_says_nothing_of_what_it_held_back() {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell(
        "+1h ship S1 all A1
         +2h scan A1 delayed
         +3h support",
    );
    story.rules = own_rules(RULES.split("- rule: silence").next().expect("the rules before it"));
    story.tell("+9h wait");
    assert!(story.told().ends_with("+8h deferral silence no rule_gone"), "{}", story.told());
    assert_eq!(story.journey.wakes_at(), None);
}

#[test]
fn the_erased_are_not_told_what_was_held_back() {
    same(
        &told(
            "+1h ship S1 all A1
             +2h scan A1 delayed
             +3h support
             +4h erased
             +9h wait",
        ),
        "+2h parcel.tracked delay[A1] send email
         +3h support.contacted silence until +8h
         +8h deferral silence no customer_erased",
    );
}

/// I2: one message, whose channels speak at different times, is told once.
#[test]
fn channels_that_waited_join_what_the_others_have_said() {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell(
        "+1h ship S1 all A1
         +2h scan A1 delivered",
    );
    let parcel = Subject::Parcel(story.journey.parcels[0].key.clone());
    story.journey.told[0].notifications.pop();
    let sms = story.sent.pop().expect("the text message");
    story.journey.deferred.push(Deferred {
        rule: "delivered".into(),
        message: "delivered".to_owned(),
        once_key: parcel.to_string(),
        subject: parcel,
        since: at("+2h"),
        until: at("+8h"),
        reason: Reason::CoolingDown,
        channels: vec![Channel::Sms],
        escalates: Vec::new(),
    });
    story.tell(
        "+3h scan A1 delivered code=AGAIN
         +9h wait",
    );
    same(
        &story.told(),
        "+2h parcel.tracked delivered[A1] send email+sms
         +3h parcel.tracked delivered[A1] no already_told
         +8h deferral delivered[A1] send sms",
    );
    assert_eq!(story.journey.told.len(), 1);
    assert_eq!(story.journey.told[0].notifications.len(), 2);
    assert_eq!(story.sent.last().map(|sent| &sent.id), Some(&sms.id), "the key that it would have had");
}

#[test]
fn of_what_waits_for_one_moment_the_most_pressing_comes_first() {
    let rules = "
- rule: first
  says: First.
  on: order.placed
  message: first
  channels: [email]
  once_per: order
  expires: 9d
- rule: small
  says: Small.
  on: order.confirmed
  message: small
  channels: [email]
  once_per: order
  not_within: { 1d: [first] }
  expires: 9d
  priority: 10
- rule: big
  says: Big.
  on: order.packed
  message: big
  channels: [email]
  once_per: order
  not_within: { 1d: [first] }
  expires: 9d
  priority: 90
";
    let mut story = Story::with(order(), own_rules(rules));
    same(
        &story.tell(
            "+1h confirmed
             +2h packed
             +2d wait",
        ),
        "+0 order.placed first send email
         +1h order.confirmed small until +1d
         +2h order.packed big until +1d
         +1d deferral big send email
         +1d deferral small send email",
    );
    let again = step(&story.journey, Input::Due, &story.rules, story.now).expect("room");
    assert_eq!(again.entry, None, "nothing waits any more");
}

#[test]
fn what_is_held_back_survives_the_store() {
    let mut story = Story::with(order(), own_rules(RULES));
    story.tell(
        "+1h ship S1 all A1
         +2h scan A1 delayed
         +3h support",
    );
    let kept = serde_json::to_string(&story.journey).expect("JSON");
    assert_eq!(serde_json::from_str::<reassure::domain::journey::Journey>(&kept).expect("a journey"), story.journey);
    assert_eq!(story.journey.deferred.len(), 1);
}

#[test]
fn what_is_misspelt_is_a_fault() {
    let faults = |key: &str| {
        let text = format!(
            "- rule: hello
  says: Hello.
  on: order.placed
  message: hello
  channels: [email]
  once_per: order
  expires: 1d
  {key}"
        );
        let found = reassure::domain::rule::parse("own.yaml", &text).expect_err("a fault");
        found.iter().map(|fault| fault.what.clone()).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(faults("not_within: 6h"), "not_within: spans are needed, such as '6h: [delay]' or '1h: any'");
    assert_eq!(faults("not_within: {}"), "not_within: spans are needed, such as '6h: [delay]' or '1h: any'");
    assert_eq!(faults("not_within: { 6h: [] }"), "not_within: a list of names is needed");
    assert!(faults("not_within: { soon: [hello] }").starts_with("not_within: 'soon' is no duration"));
    assert_eq!(faults("supersedes: []"), "supersedes: a list of names is needed");
}
