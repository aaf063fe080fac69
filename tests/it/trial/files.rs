//! Test files as people write them: what is wrong is named with its place and what would be right.

use reassure::trial;

use super::{ours, report_of};

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let faults = trial::parse("own.test.yaml", text, None, &ours()).err().unwrap_or_default();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "{told:?} does not say {expected:?}");
    }
}

/// A file with one test of these lines.
fn file(lines: &str) -> String {
    format!("rules: [delay]\ntests:\n  - test: one\n{lines}\n")
}

#[test]
fn mistakes_are_named_with_their_place() {
    refused("rules: [dealy]\ntests: []\n", &["own.test.yaml:1:8: there is no rule 'dealy'\n    did you mean 'delay'?"]);
    refused("rules: [delay]\n", &["the file has no 'tests'"]);
    refused(
        &file("    exepct: []"),
        &["own.test.yaml:4:5: a test has no 'exepct'\n    did you mean 'expect'?", "expects nothing"],
    );
    let event = |event: &str| file(&format!("    events:\n      - {event}\n    expect: []"));
    refused(
        &event("{ at: +1d, event: parcel.traked }"),
        &["own.test.yaml:5:20: there is no event 'parcel.traked'; did you mean 'parcel.tracked'?"],
    );
    refused(
        &event("{ at: +1d, event: parcel.tracked, statsu: lost }"),
        &["own.test.yaml:5:43: parcel.tracked has no 'statsu'; did you mean 'status'?"],
    );
    refused(
        &event("{ at: soon, event: order.cancelled }"),
        &["own.test.yaml:5:11: 'soon' is no moment; write it as +1d 12h, day 2 09:00"],
    );
    refused(&event("{ event: order.cancelled }"), &["it has no 'at'"]);
    refused(&event("{ at: +1d, providers: gone }"), &["they are 'away' or 'back'"]);
    let two = "{ at: +2d, event: order.cancelled }\n      - { at: +1d, event: order.refunded }";
    refused(&event(two), &["they must stand in the order of 'at'"]);
    let expected = |one: &str| file(&format!("    expect:\n      - {one}"));
    refused(
        &expected("{ at: +1d, rule: delay, send: [emial] }"),
        &["send: there is no 'emial'\n    did you mean 'email'?"],
    );
    refused(
        &expected("{ at: +1d, rule: delay, suppress: old_new }"),
        &["suppress: there is no 'old_new'\n    did you mean 'old_news'?"],
    );
    refused(&expected("{ at: +1d, rule: delay }"), &["one of 'send', 'defer', 'suppress' and 'withdraw'"]);
    refused(&expected("{ rule: delay, send: [email] }"), &["'expect_partly' may leave them out"]);
    refused(
        &expected("{ at: +1d, rule: lost, send: [email] }"),
        &["'lost' is not under test\n    name it in 'rules', or say 'of: all'"],
    );
    refused(
        &file("    given: { metod: home }\n    expect: []"),
        &["own.test.yaml:4:14: given: order.placed has no 'metod'; did you mean 'method'?"],
    );
    let given = |key: &str| file(&format!("    given: {{ {key}: fr }}\n    expect: []"));
    refused(&given("locale"), &["has no 'locale'; did you mean 'customer: { locale: … }'?"]);
    refused(&given("earliest"), &["has no 'earliest'; did you mean 'promise: { earliest: … }'?"]);
    refused(
        &given("weather"),
        &["has no 'weather'; known: concerns, country, currency, customer, delivery, express, "],
    );
    refused(&file("    shop: { hight_value: 1 }\n    expect: []"), &["shop: unknown field `hight_value`"]);
    refused(&file("    shop: my-shop\n    expect: []"), &["shop: the configuration has no shop 'my-shop'"]);
    refused(
        &file("    told_elsewhere: { recipent: +1h }\n    expect: []"),
        &["told_elsewhere has no 'recipent'\n    did you mean 'recipient'?"],
    );
    refused(&file("    zone: Paris\n    expect: []"), &["zone: a name of the IANA database is needed"]);
    refused("tests: 1", &["tests: a list is needed, not a number", "the file has no 'rules'"]);
    refused("- rules", &["a file of tests is a mapping, not a list", "no 'rules'", "no 'tests'"]);
    refused("rules: [\n", &["not a file of tests"]);
}

#[test]
fn decisions_may_be_expected_in_part() {
    let text = |expected: &str| {
        file(&format!(
            "    events:\n      - {{ at: +1d, event: shipment.created }}\n      - {{ at: +2d, event: parcel.tracked, status: lost }}\n    of: all\n    expect_partly: {expected}"
        ))
    };
    let (told, _) = report_of(&text("[{ rule: shipping }, { rule: lost, send: [email, webhook] }]"), &ours());
    assert_eq!(told, "ok   one\n");
    // in their order
    let (told, _) = report_of(&text("[{ rule: lost }, { rule: shipping }]"), &ours());
    assert!(told.contains("- { rule: shipping }"), "{told}");
}

#[test]
fn time_is_simulated_through_a_change_of_clocks() {
    // clocks go forward on 29 March 2026: 'day 2 09:00' is 23 hours after 'day 1 09:00'
    let (told, _) = report_of(
        "rules: [promise_missed]
starts: 2026-03-28 09:00
given: { promise: day 2 09:00 }
tests:
  - test: By the clock on the wall
    events:
      - { at: day 1 10:00, event: order.confirmed }
    expect:
      - { at: day 1 09:00, rule: promise_missed, defer: +1d }
      - { at: day 2 10:00, rule: promise_missed, suppress: condition_false }
",
        &ours(),
    );
    assert_eq!(told, "ok   By the clock on the wall\n");
}
