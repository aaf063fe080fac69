//! What a text message costs, and what is given up when it would cost too much.

use reassure::message::sms::{self, Size};

use super::{sample, text_message};

#[test]
fn segments() {
    let repeat = |c: &str, times| c.repeat(times);
    for (what, text, is_gsm, units, segments) in [
        ("nothing", String::new(), true, 0, 1),
        ("a full one", repeat("a", 160), true, 160, 1),
        ("one more", repeat("a", 161), true, 161, 2),
        ("two full ones", repeat("a", 306), true, 306, 2),
        ("three", repeat("a", 307), true, 307, 3),
        ("é costs one", repeat("é", 160), true, 160, 1),
        ("€ costs two", repeat("€", 80), true, 160, 1),
        ("€ is not torn", repeat("€", 81), true, 162, 2),
        ("€ is not torn: 76 of them fill a part", repeat("€", 153), true, 306, 3),
        ("ê is outside", format!("ê{}", repeat("a", 69)), false, 70, 1),
        ("and makes all dear", format!("ê{}", repeat("a", 70)), false, 71, 2),
        ("a second part of 67", repeat("ê", 134), false, 134, 2),
        ("a third", repeat("ê", 135), false, 135, 3),
        ("an emoji costs two", repeat("🎁", 35), false, 70, 1),
        ("and is not torn", repeat("🎁", 67), false, 134, 3),
        ("the extension table", "[]{}~\\^|".to_owned(), true, 16, 1),
    ] {
        assert_eq!(sms::size(&text), Size { is_gsm, units, segments }, "{what}");
    }
}

#[test]
fn french_stays_cheap() {
    for (text, expected) in [
        ("L’œuvre arrive : « c’est prêt »…", "L'oeuvre arrive : \"c'est pret\"..."),
        ("Noël à l’hôtel – façade nº 3", "Noel à l'hotel - facade no 3"),
        ("Ça, déjà là", "Ça, déjà là"),
        ("1\u{202f}249,00\u{a0}€", "1 249,00 €"),
        // one character without a replacement, and the letters might as well stay what they are
        ("Crêpes 🎁\u{a0}!", "Crêpes 🎁 !"),
        ("Zażółć", "Zażółć"),
    ] {
        assert_eq!(sms::to_gsm(text), expected);
    }
}

#[test]
fn long_names_are_shortened_before_anything_else() {
    let mut sample = sample("held_as_chosen");
    let point = sample.journey.parcels[0].hold.as_mut().unwrap().notice.point.as_mut().unwrap();
    point.name = "Relais ".repeat(200);
    point.address.lines = vec!["rue du ".repeat(100).as_str().into(), "étage".into()];
    let text = text_message(&sample, "pickup_chosen");
    assert!(sms::size(&text).segments <= sms::MOST_SEGMENTS, "{text}");
    for whole in ["FR-20418", "K7F-204", "14 mars inclus", "Lyon"] {
        assert!(text.contains(whole), "'{whole}' is missing in {text}");
    }
    // cut between words
    assert!(text.contains("Relais..."), "{text}");
}

#[test]
fn a_link_is_whole_or_not_there() {
    let mut sample = sample("shipped_all");
    let long = format!("https://tracking.example/{}", "x".repeat(300));
    sample.journey.parcels[0].tracking_url = Some(long);
    let text = text_message(&sample, "shipping");
    assert!(!text.contains("tracking.example") && text.contains("6A12345678901"), "{text}");
}
