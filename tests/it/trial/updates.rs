//! `--update` takes the actual for the expected, and leaves the rest as it was written.

use reassure::trial::{self, Coverage, update::update};

use super::{ours, suite};

fn updated(text: &str) -> String {
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
