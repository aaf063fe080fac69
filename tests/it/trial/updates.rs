//! `--update` takes the actual for the expected, and leaves the rest as it was written.

use reassure::domain::fault::Fault;
use reassure::trial::{self, Coverage, update::update};

use super::{ours, suite};

fn updated(text: &str) -> String {
    let (updated, faults) = tried(text);
    assert_eq!(faults, [], "{updated}");
    updated
}

/// The text as it is afterwards, and what could not be written.
fn tried(text: &str) -> (String, Vec<Fault>) {
    let bench = ours();
    let suite = suite(text, &bench);
    let mut coverage = Coverage::of(&bench.rules, [&suite]);
    let verdicts = trial::run(&suite, &|_| true, &mut coverage);
    update(text, &suite, &verdicts)
}

const WRITTEN: &str = "# what the care team has to say
rules:   [delay]     # spaced as they like it
tests:
  - test: Told
    # why it matters
    events:
      - { at: +1d, event: shipment.created }
      - { at: +2d,   event: parcel.tracked, status: delayed }
      - { at: +2d 1h, event: parcel.tracked, status: exception }
    expect:
      # the first word
      - {at: +2d, rule: delay, about: A1, send: [email,webhook]}
      # was never so
      - { at: +2d 2h, rule: delay, about: A1, send: [email] }

  # the next one
  - test: None
    expect: [{ at: +1d, rule: delay, send: [email] }]
  - expect: []
    test: Said
    events:
      - { at: +1d, event: order.cancelled }
    content:
      - rule: confirmation
        channel: sms
        text: nothing
      - rule: cancelled
        text: null   # yet
        channel: email
        subject: |
          Two
          lines
";

#[test]
fn what_is_as_expected_stays_as_it_was_written() {
    let text = WRITTEN.replace("  - test: None", "  - test: 'None'");
    insta::assert_snapshot!(updated(&text));
}

#[test]
fn what_was_updated_passes_and_is_not_changed_again() {
    let once = updated(WRITTEN);
    assert_ne!(once, WRITTEN);
    assert_eq!(updated(&once), once);
    let (told, _) = super::report_of(&once, &ours());
    assert!(told.lines().filter(|line| line.starts_with("FAIL")).count() == 1, "no confirmation goes by SMS:\n{told}");
}

const IN_BRACES: &str = "rules: [cancelled]
tests:
  - test: Said
    events: [{ at: +1d, event: order.cancelled }]
    content:
      - { rule: cancelled, channel: email, subject: null, text: null }  # both
      - { rule: cancelled, channel: email, lacks: ['subject: x'], subject: 'It''s, so', contains: [ORDER-1] }
      - {text: \"a \\\" b\", rule: cancelled, channel: email,
         subject: ~}
      - { channel: email, rule: cancelled, subject:}
";

#[test]
fn what_stands_in_braces_is_updated_where_it_stands() {
    let once = updated(IN_BRACES);
    let line = |number: usize| once.lines().nth(number - 1).unwrap();
    let subject = line(6).split_once("subject: ").and_then(|(_, rest)| rest.split_once(", text: ")).expect(&once).0;
    assert!(subject.starts_with('"') && line(6).ends_with("\" }  # both"), "{once}");
    let lacks = "      - { rule: cancelled, channel: email, lacks: ['subject: x'], subject: ";
    assert_eq!(line(7), format!("{lacks}{subject}, contains: [ORDER-1] }}"));
    assert!(
        line(8).starts_with("      - {text: \"") && line(8).ends_with("\", rule: cancelled, channel: email,"),
        "{once}"
    );
    assert_eq!(line(9), format!("         subject: {subject} }}"));
    assert_eq!(line(10), format!("      - {{ channel: email, rule: cancelled, subject: {subject} }}"));
    assert_eq!(updated(&once), once);
    let (told, _) = super::report_of(&once, &ours());
    assert!(told.starts_with("ok "), "{told}");
}

#[test]
fn what_cannot_be_written_is_told_with_its_place() {
    let places = |text: &str| {
        let (updated, faults) = tried(text);
        let told = faults.iter().map(|fault| fault.to_string().lines().next().unwrap().to_owned()).collect::<Vec<_>>();
        (updated, told)
    };
    let over_lines = IN_BRACES.replace("subject: 'It''s, so'", "subject: 'It''s\n        so'");
    let (rest, told) = places(&over_lines);
    assert_eq!(told, ["own.test.yaml:7:67: 'subject' stands within braces, where --update cannot write it"], "{rest}");
    assert!(rest.contains("'It''s\n        so'") && !rest.contains("null"), "the others are written: {rest}");
    let test =
        "rules: [cancelled]\ntests:\n  - { test: a, expect: [], events: [{ at: +1d, event: order.cancelled }] }\n";
    let (same, told) = places(test);
    assert_eq!(told, ["own.test.yaml:3:16: 'expect' stands within braces, where --update cannot write it"]);
    assert_eq!(same, test);
}
