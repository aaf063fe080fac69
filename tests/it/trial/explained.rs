//! What a failing test tells: the decisions side by side, and why.

use super::{bench_of, ours, report_of};

#[test]
fn a_difference_is_shown_with_every_value_behind_it() {
    let (told, _) = report_of(
        "rules: [delay]
tests:
  - test: An hour is enough
    events:
      - { at: +1d, event: shipment.created }
      - { at: +2d, event: parcel.eta_changed, eta: +4d 1h }
    expect:
      - { at: +2d, rule: delay, about: A1, send: [email, webhook] }
      - { at: +3d, rule: delay, about: A1, send: [email] }
",
        &ours(),
    );
    insta::assert_snapshot!(told);
}

#[test]
fn what_a_message_does_not_say_is_shown() {
    let (told, _) = report_of(
        "rules: [cancelled]
tests:
  - test: The reason
    events:
      - { at: +1d, event: order.cancelled, reason: out of stock }
    content:
      - { rule: cancelled, channel: sms, contains: [out of stock] }
      - { rule: cancelled, channel: email, lacks: [out of stock] }
      - { rule: cancelled, channel: email, subject: Sold out }
",
        &ours(),
    );
    insta::assert_snapshot!(told);
}

#[test]
fn coverage_names_what_no_test_has_shown() {
    let bench = bench_of(
        "- rule: own
  says: It is.
  on:
    - parcel.tracked: [delayed, lost]
    - order.updated
  at: 4h after promise
  when: \"order.express ? order.total > 10.0 : !(order.total > 20.0 || order.items.exists(item, item.bulky))\"
  message: delay
  channels: [email]
  once_per: event
  expires: 1d
",
    );
    let (_, coverage) = report_of(
        "rules: [own]
tests:
  - test: Once
    until: +1h
    events:
      - { at: +1h, event: parcel.tracked, status: lost }
    expect_partly: []
",
        &bench,
    );
    insta::assert_snapshot!(reassure::trial::report::coverage(&coverage, Default::default()));
}
