//! Dates, times and sums as a reader writes them, and whose words a customer gets.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::NaiveDate;
use chrono_tz::Tz;
use reassure::domain::order::Amount;
use reassure::domain::time::{Timestamp, Window};
use reassure::message::format::{Formats, formats};
use reassure::message::locale::choose;
use reassure::message::sample::Sample;

use super::{email, sample, text_message};

/// Blanks that do not break are visible, so that the table can be read.
fn visible(text: &str) -> String {
    text.replace('\u{a0}', "⍽").replace('\u{202f}', "⌴")
}

fn table(locales: &[&str], show: impl Fn(&Formats) -> String) -> String {
    let mut table = String::new();
    for locale in locales {
        writeln!(table, "{locale}: {}", visible(&show(&formats(locale).unwrap()))).unwrap();
    }
    table
}

#[test]
fn dates_and_times() {
    let day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
    let seen = table(&["fr", "fr-CA", "en", "en-US", "en-GB", "de", "not a locale"], |formats| {
        let parts = [formats.date(day), formats.day(day), formats.day_short(day), formats.time(14, 30)];
        parts.map(Option::unwrap).join(" | ")
    });
    insta::assert_snapshot!(seen, @r#"
    fr: lundi 2 mars 2026 | lundi 2 mars | 2 mars | 14:30
    fr-CA: lundi 2 mars 2026 | lundi 2 mars | 2 mars | 14 h 30
    en: Monday, March 2, 2026 | Monday, March 2 | Mar 2 | 2:30⌴PM
    en-US: Monday, March 2, 2026 | Monday, March 2 | Mar 2 | 2:30⌴PM
    en-GB: Monday, 2 March 2026 | Monday 2 March | 2 Mar | 14:30
    de: Montag, 2. März 2026 | Montag, 2. März | 2. März | 14:30
    not a locale: Monday, March 2, 2026 | Monday, March 2 | Mar 2 | 2:30⌴PM
    "#);
}

#[test]
fn windows() {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let windows = [
        ("2026-03-02T08:00:00+01:00", "2026-03-02T13:00:00+01:00"),
        ("2026-03-02T00:00:00+01:00", "2026-03-02T23:59:59+01:00"),
        ("2026-03-02T08:00:00+01:00", "2026-03-04T18:00:00+01:00"),
        ("2026-03-02T08:00:00+01:00", "2026-03-02T08:00:00+01:00"),
        // the wrong way round: still a day, never a panic
        ("2026-03-04T08:00:00+01:00", "2026-03-02T18:00:00+01:00"),
    ];
    let seen = table(&["fr", "en-US"], |formats| {
        let show = |(from, to): (&str, &str)| {
            let window = Window { earliest: at(from), latest: at(to) };
            formats.window(window, Tz::Europe__Paris, false).unwrap()
        };
        windows.map(show).join(" | ")
    });
    insta::assert_snapshot!(seen, @r#"
    fr: lundi 2 mars, 08:00 – 13:00 | lundi 2 mars | lundi 2 mars – mercredi 4 mars | lundi 2 mars, 08:00 | mercredi 4 mars, 08:00
    en-US: Monday, March 2, 8:00⌴AM – 1:00⌴PM | Monday, March 2 | Monday, March 2 – Wednesday, March 4 | Monday, March 2, 8:00⌴AM | Wednesday, March 4, 8:00⌴AM
    "#);
}

#[test]
fn money() {
    let sums = [
        ("129.90", "EUR"),
        ("1249", "EUR"),
        ("-20", "EUR"),
        ("9.99", "GBP"),
        ("5", "USD"),
        ("5", "CAD"),
        ("1200", "JPY"),
        ("1.2345", "KWD"),
        ("0.005", "EUR"),
        ("3", "CHF"),
        ("999999999999.9999", "EUR"),
    ];
    let seen = table(&["fr", "fr-CA", "en", "en-US", "en-GB", "en-CA", "de", "nl"], |formats| {
        sums.map(|(amount, currency)| formats.money(Amount::parse(amount).unwrap(), currency)).join(" | ")
    });
    insta::assert_snapshot!(seen, @r#"
    fr: 129,90⍽€ | 1⌴249,00⍽€ | -20,00⍽€ | 9,99⍽£ | 5,00⍽$US | 5,00⍽$CA | 1⌴200⍽JPY | 1,235⍽KWD | 0,01⍽€ | 3,00⍽CHF | 1⌴000⌴000⌴000⌴000,00⍽€
    fr-CA: 129,90⍽€ | 1⍽249,00⍽€ | -20,00⍽€ | 9,99⍽£ | 5,00⍽$⍽US | 5,00⍽$ | 1⍽200⍽JPY | 1,235⍽KWD | 0,01⍽€ | 3,00⍽CHF | 1⍽000⍽000⍽000⍽000,00⍽€
    en: €129.90 | €1,249.00 | -€20.00 | £9.99 | $5.00 | CA$5.00 | ¥1,200 | KWD⍽1.235 | €0.01 | CHF⍽3.00 | €1,000,000,000,000.00
    en-US: €129.90 | €1,249.00 | -€20.00 | £9.99 | $5.00 | CA$5.00 | ¥1,200 | KWD⍽1.235 | €0.01 | CHF⍽3.00 | €1,000,000,000,000.00
    en-GB: €129.90 | €1,249.00 | -€20.00 | £9.99 | US$5.00 | CA$5.00 | ¥1,200 | KWD⍽1.235 | €0.01 | CHF⍽3.00 | €1,000,000,000,000.00
    en-CA: €129.90 | €1,249.00 | -€20.00 | £9.99 | US$5.00 | $5.00 | ¥1,200 | KWD⍽1.235 | €0.01 | CHF⍽3.00 | €1,000,000,000,000.00
    de: 129,90⍽€ | 1.249,00⍽€ | -20,00⍽€ | 9,99⍽£ | 5,00⍽US$ | 5,00⍽CA$ | 1.200⍽JPY | 1,235⍽KWD | 0,01⍽€ | 3,00⍽CHF | 1.000.000.000.000,00⍽€
    nl: €⍽129,90 | €⍽1.249,00 | €⍽-20,00 | £⍽9,99 | US$⍽5,00 | CA$⍽5,00 | JPY⍽1.200 | KWD⍽1,235 | €⍽0,01 | CHF⍽3,00 | €⍽1.000.000.000.000,00
    "#);
}

#[test]
fn plurals() {
    let seen = table(&["fr", "en", "pl"], |formats| [0, 1, 2, 5].map(|count| formats.plural(count)).join(" "));
    insta::assert_snapshot!(seen, @r#"
    fr: one one other other
    en: other one other other
    pl: many one few many
    "#);
}

#[test]
fn whose_words() {
    let have: BTreeSet<&str> = ["fr", "en", "fr-BE"].into();
    let mut seen = String::new();
    for (customer, shop) in [
        (Some("fr-CA"), "en"),
        (Some("fr-be"), "en"),
        (Some("fr_FR.UTF-8"), "en"),
        (Some("en-GB"), "fr"),
        (Some("de-DE"), "fr-FR"),
        (Some("de-DE"), "it"),
        (None, "fr-CH"),
        (Some(""), "en-US"),
        (Some("no such thing"), "fr"),
        (Some("ar-EG-u-ca-islamic"), "xx"),
    ] {
        let choice = choose(customer, shop, &have).unwrap();
        writeln!(seen, "{customer:?}, shop {shop}: {} with the dates of {}", choice.words, choice.formats).unwrap();
    }
    insta::assert_snapshot!(seen, @r#"
    Some("fr-CA"), shop en: fr with the dates of fr-CA
    Some("fr-be"), shop en: fr-BE with the dates of fr-BE
    Some("fr_FR.UTF-8"), shop en: fr with the dates of fr-FR
    Some("en-GB"), shop fr: en with the dates of en-GB
    Some("de-DE"), shop fr-FR: fr with the dates of fr-FR
    Some("de-DE"), shop it: en with the dates of en
    None, shop fr-CH: fr with the dates of fr-CH
    Some(""), shop en-US: en with the dates of en-US
    Some("no such thing"), shop fr: fr with the dates of fr
    Some("ar-EG-u-ca-islamic"), shop xx: en with the dates of en
    "#);
    assert_eq!(choose(Some("de"), "it", &BTreeSet::new()), None);
    assert_eq!(choose(Some("de"), "it", &["pt"].into()).unwrap().words, "pt");
}

#[test]
fn the_clock_is_the_customers() {
    let mut sample = sample("delivered");
    assert!(email(&sample, "delivered").text.contains("11:05"));
    sample.journey.order.customer.time_zone = Some("America/Guadeloupe".to_owned());
    assert!(email(&sample, "delivered").text.contains("06:05"));
    sample.journey.order.customer.time_zone = Some("Nowhere/Land".to_owned());
    assert!(email(&sample, "delivered").text.contains("11:05"));
}

#[test]
fn what_is_to_be_collected_goes_by_the_clock_there() {
    let mut sample = sample("held_as_chosen");
    sample.journey.order.customer.time_zone = Some("Asia/Tokyo".to_owned());
    let letter = email(&sample, "pickup_chosen");
    assert!(letter.text.contains("samedi 14 mars 2026 inclus"), "{}", letter.text);
    assert!(letter.text.contains("jeudi 5 mars\u{a0}: 07:30 – 19:30"), "{}", letter.text);
}

#[test]
fn opening_hours_are_of_real_days_up_to_the_last() {
    let mut sample = sample("held_as_chosen");
    let hold = sample.journey.parcels[0].hold.as_mut().unwrap();
    hold.notice.until = Some(Timestamp::parse("2026-03-08T12:00:00+01:00").unwrap());
    let text = email(&sample, "pickup_chosen").text;
    let hours: Vec<&str> = text.lines().filter(|line| line.contains("mars\u{a0}: ") && line.len() < 50).collect();
    assert_eq!(hours.len(), 4, "{hours:?}");
    assert_eq!(hours[3], "dimanche 8 mars\u{a0}: fermé");
}

/// The mail of a hold at a pickup point, on which the clock stands at `now`.
fn held(now: &str, until: &str) -> Sample {
    let mut sample = sample("held_as_chosen");
    sample.now = Timestamp::parse(now).unwrap();
    sample.journey.parcels[0].hold.as_mut().unwrap().notice.until = Some(Timestamp::parse(until).unwrap());
    sample
}

#[test]
fn opening_hours_end_with_the_hold() {
    let sample = held("2026-03-05T20:00:00+01:00", "2026-03-06T16:00:00+01:00");
    let letter = email(&sample, "pickup_reminder");
    // today is over, and on the last day it closes before the place does
    assert!(!letter.text.contains("jeudi 5 mars\u{a0}:"), "{}", letter.text);
    assert!(letter.text.contains("vendredi 6 mars\u{a0}: 07:30 – 16:00"), "{}", letter.text);
    assert!(!letter.text.contains("samedi 7 mars"), "{}", letter.text);
    assert_eq!(visible(&letter.subject), "À retirer jusqu’au vendredi 6 mars, 16:00⍽: votre commande FR-20418");
    assert!(letter.text.contains("jusqu’au vendredi 6 mars, 16:00."), "{}", letter.text);

    let mut in_store = self::sample("held_in_store");
    let hold = in_store.journey.store_hold.as_mut().unwrap();
    hold.notice.until = Some(Timestamp::parse("2026-03-06T23:59:59+01:00").unwrap());
    let text = email(&in_store, "pickup_chosen").text;
    assert!(text.contains("vendredi 6 mars 2026 inclus"), "{text}");
    assert!(text.contains("vendredi 6 mars\u{a0}: 07:30 – 19:30") && !text.contains("samedi 7 mars"), "{text}");
}

#[test]
fn a_day_is_given_whole_only_if_it_can_be_used_whole() {
    for (until, shown) in [
        ("2026-03-14T17:59:00+01:00", "samedi 14 mars, 17:59"),
        ("2026-03-14T18:00:00+01:00", "samedi 14 mars inclus"),
        ("2026-03-14T23:59:59+01:00", "samedi 14 mars inclus"),
        // a Sunday, when it is closed
        ("2026-03-08T12:00:00+01:00", "dimanche 8 mars, 12:00"),
        ("2026-03-08T23:59:59+01:00", "dimanche 8 mars inclus"),
    ] {
        let letter = email(&held("2026-03-05T10:00:00+01:00", until), "pickup_reminder");
        assert_eq!(visible(&letter.subject), format!("À retirer jusqu’au {shown}⍽: votre commande FR-20418"));
    }
}

#[test]
fn a_text_message_names_the_next_day_that_is_open() {
    // a Saturday evening, before a Sunday on which it is closed
    let sample = held("2026-03-07T19:00:00+01:00", "2026-03-14T18:00:00+01:00");
    let text = text_message(&sample, "pickup_chosen");
    assert!(text.ends_with("Ouvert 9 mars : 07:30-12:30, 14:00-19:30."), "{text}");
    // nothing is open any more until the end
    let text = text_message(&held("2026-03-07T19:00:00+01:00", "2026-03-08T18:00:00+01:00"), "pickup_chosen");
    assert!(!text.contains("Ouvert") && !text.contains("fermé"), "{text}");
}

#[test]
fn hours_past_midnight_are_no_shorter_for_it() {
    let mut sample = held("2026-03-05T22:00:00+01:00", "2026-03-14T18:00:00+01:00");
    let point = sample.journey.parcels[0].hold.as_mut().unwrap().notice.point.as_mut().unwrap();
    for hours in &mut point.opening_hours {
        (hours.opens, hours.closes) = ("18:00".to_owned(), "00:00".to_owned());
    }
    let text = text_message(&sample, "pickup_chosen");
    assert!(
        text.ends_with("jusqu'au 14 mars 18:00. Code K7F-204. Pièce d'identité demandée. Ouvert 5 mars : 18:00-00:00."),
        "{text}"
    );
}
