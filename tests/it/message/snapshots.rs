//! Every message as it is read, in every locale and on every channel.

use super::{OURS, email, sample, text_message, webhook};
use reassure::message::sample as samples;
use reassure::message::sms;

/// Which journeys show what a message can say.
fn shown(message: &str) -> &'static [&'static str] {
    match message {
        "confirmation" => &["placed", "for_store", "bare"],
        "shipping" => &["shipped_all", "shipped_some", "shipped_last", "shipped_together", "valuable", "bare_parcel"],
        "arriving" => &[
            "out_for_delivery",
            "appointment",
            "valuable",
            "perishable",
            "bulky",
            "urgent",
            "cherished",
            "bare_parcel",
        ],
        "delay" => &[
            "delayed",
            "delayed_without_a_date",
            "damaged",
            "put_off",
            "valuable",
            "perishable",
            "bulky",
            "urgent",
            "cherished",
        ],
        "promise_missed" => &["overdue"],
        "silence" | "recovery" => &["shipped_all", "bare_parcel"],
        "pickup_chosen" => &["held_as_chosen", "held_in_store", "bare_parcel"],
        "pickup_imposed" => &["held_as_imposed", "bare_parcel"],
        "pickup_reminder" => &["held_as_chosen"],
        "delivered" => &["delivered", "delivered_in_part", "delivered_together", "bare"],
        "usage" => &["delivered", "bare"],
        "collected" => &["collected", "collected_in_store"],
        "cancelled" => &["cancelled", "cancelled_unpaid", "bare"],
        "returned" => &["returned"],
        "lost" => &["lost"],
        "gift_arriving" => &["out_for_delivery", "perishable", "bare_parcel"],
        other => panic!("no sample shows '{other}'"),
    }
}

/// The page without its style sheet, which is the same in all.
fn without_style(html: &str) -> String {
    let (before, rest) = html.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    format!("{before}<style>…</style>{after}")
}

#[test]
fn every_message_reads_as_it_should() {
    for message in OURS.messages() {
        for (index, name) in shown(message).iter().enumerate() {
            for locale in ["fr-FR", "en-GB"] {
                let mut sample = sample(name);
                sample.journey.order.customer.locale = Some(locale.to_owned());
                if message == "gift_arriving" {
                    sample = samples::for_recipient(sample, message);
                }
                let letter = email(&sample, message);
                let text = text_message(&sample, message);
                let size = sms::size(&text);
                let mut seen = format!(
                    "SUBJECT {}\n\nTEXT\n{}\nSMS ({} segments)\n{text}\n",
                    letter.subject, letter.text, size.segments
                );
                // the first sample has everything; the others differ in words, not in markup
                if index == 0 {
                    let document = serde_json::to_string_pretty(&webhook(&sample, message)).unwrap();
                    seen.push_str(&format!("\nWEBHOOK\n{document}\n\nHTML\n{}", without_style(&letter.html)));
                }
                insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                    insta::assert_snapshot!(format!("{message}.{name}.{locale}"), seen);
                });
            }
        }
    }
}

#[test]
fn every_message_can_be_written_from_every_journey() {
    let faults: Vec<String> = OURS.check().iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn there_are_words_for_every_message() {
    let expected = [
        "arriving",
        "cancelled",
        "collected",
        "confirmation",
        "delay",
        "delivered",
        "gift_arriving",
        "lost",
        "pickup_chosen",
        "pickup_imposed",
        "pickup_reminder",
        "promise_missed",
        "recovery",
        "returned",
        "shipping",
        "silence",
        "usage",
    ];
    assert_eq!(OURS.messages().collect::<Vec<_>>(), expected);
}

#[test]
fn service_mail_does_not_watch_or_advertise() {
    for message in OURS.messages() {
        for sample in samples::all() {
            let letter = email(&sample, message);
            let html = letter.html.to_lowercase();
            assert!(!html.contains("unsubscribe") && !html.contains("désabonn"), "{message}: an opt-out");
            assert!(!html.contains(r#"width="1""#) && !html.contains(r#"height="1""#), "{message}: a pixel");
            assert!(
                html.matches("<img").count() == html.matches(" alt=\"").count(),
                "{message}: an image without words"
            );
            assert!(html.contains(r#"name="color-scheme""#) && html.contains("<html lang="), "{message}");
            let text = text_message(&sample, message).to_lowercase();
            assert!(!text.contains("stop"), "{message}: an opt-out makes it marketing");
        }
    }
}

#[test]
fn french_punctuation_keeps_to_its_word() {
    for message in OURS.messages() {
        for sample in samples::all() {
            let letter = email(&sample, message);
            for part in [&letter.subject, &letter.text] {
                for mark in [" :", " ;", " !", " ?", " »", "« "] {
                    // the shop's own words are the shop's own
                    assert!(!part.contains(mark), "{message} of '{}': '{mark}' in {part}", sample.name);
                }
            }
        }
    }
}

#[test]
fn ours_cost_two_text_messages_at_most() {
    for message in OURS.messages() {
        for name in shown(message) {
            for locale in ["fr-FR", "en-GB"] {
                let mut sample = sample(name);
                sample.journey.order.customer.locale = Some(locale.to_owned());
                let text = text_message(&sample, message);
                let size = sms::size(&text);
                assert!(size.is_gsm && size.segments <= 2, "{message} {locale}: {size:?} {text}");
            }
        }
    }
}

#[test]
fn a_shipment_raises_only_its_own_concerns() {
    assert!(!email(&sample("shipped_some"), "shipping").text.contains("Dégagez le passage"));
    let rest = email(&sample("shipped_last"), "shipping").text;
    assert!(rest.contains("Dégagez le passage") && !rest.contains("au frais"), "{rest}");
}

#[test]
fn a_day_that_is_over_is_not_spoken_of_as_if_it_lay_ahead() {
    let mut sample = sample("overdue");
    assert!(!email(&sample, "promise_missed").text.contains("rendez-vous"));
    assert!(email(&sample, "promise_missed").text.contains("dimanche 8 mars"));
    sample.now = reassure::domain::time::Timestamp::parse("2026-03-09T09:00:00+01:00").unwrap();
    assert!(!email(&sample, "promise_missed").text.contains("dimanche 8 mars"));
}
