//! What the recipient of a present reads.

use reassure::message::sample::{self, for_recipient};

use super::{OURS, email, text_message};

/// Neither what it cost nor what it is, whatever the journey.
#[test]
fn the_recipient_of_a_present_learns_neither_its_price_nor_what_it_is() {
    for sample in sample::all() {
        let sample = for_recipient(sample, "gift_arriving");
        let letter = email(&sample, "gift_arriving");
        let all = [letter.subject, letter.html, letter.text, text_message(&sample, "gift_arriving")].concat();
        assert!(!all.contains('€') && !all.contains("EUR"), "{}: a price", sample.name);
        for item in &sample.journey.order.items {
            assert!(!all.contains(&item.name), "{}: {}", sample.name, item.name);
        }
        if let Some(url) = &sample.journey.order.order_url {
            assert!(!all.contains(url), "{}: the buyer's account", sample.name);
        }
    }
}

/// A message that would tell it cannot be used for them: `check` says so, with its place.
#[test]
fn a_message_that_would_tell_is_found_before_it_is_sent() {
    assert_eq!(OURS.check_for_recipient("gift_arriving"), []);
    let faults = OURS.check_for_recipient("confirmation");
    assert!(faults.iter().any(|fault| fault.file.contains("confirmation")), "{faults:?}");
}
