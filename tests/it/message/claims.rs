//! What the messages say holds: no more is promised than is done, and nothing contradicts itself.

use reassure::domain::event::ParcelStatus;
use reassure::domain::journey::Scan;
use reassure::message::sample::{self as samples, Sample};

use super::{OURS, email, sample, text_message};

const LOCALES: [&str; 2] = ["fr-FR", "en-GB"];

fn in_locale(name: &str, locale: &str) -> Sample {
    let mut sample = sample(name);
    sample.journey.order.customer.locale = Some(locale.to_owned());
    sample
}

/// All that a reader sees of the message.
fn read(sample: &Sample, message: &str) -> String {
    let letter = email(sample, message);
    format!("{}\n{}\n{}\n{}", letter.subject, letter.text, letter.html, text_message(sample, message))
}

#[test]
fn no_more_is_promised_than_is_done() {
    for message in OURS.messages() {
        for name in samples::all().iter().map(|sample| sample.name) {
            for locale in LOCALES {
                let seen = read(&in_locale(name, locale), message).to_lowercase();
                for promise in ["chaque étape", "every step", "aussitôt", "at once should", "prévenu", "pressé"] {
                    assert!(!seen.contains(promise), "{message} of '{name}': '{promise}' in {seen}");
                }
            }
        }
    }
}

#[test]
fn a_cancellation_announces_no_other_mail() {
    for (locale, wanted) in [("fr-FR", "dans le délai que prévoit la loi"), ("en-GB", "within the time the law sets")]
    {
        let seen = read(&in_locale("cancelled_unpaid", locale), "cancelled");
        assert!(seen.contains(wanted) && !seen.contains("écrirons") && !seen.contains("we write"), "{seen}");
        let paid = read(&in_locale("cancelled", locale), "cancelled");
        assert!(!paid.contains(wanted) && paid.contains("370"), "{paid}");
    }
}

#[test]
fn what_is_damaged_is_not_merely_late() {
    for (locale, damaged, late) in [
        ("fr-FR", "en chemin", ["plus tard que prévu", "retard"]),
        ("en-GB", "damaged on the way", ["later than", "late"]),
    ] {
        let sample = in_locale("damaged", locale);
        let letter = email(&sample, "delay");
        for part in [&letter.text, &letter.html, &text_message(&sample, "delay")] {
            assert!(part.contains(damaged), "{part}");
            assert!(!late.iter().any(|late| part.contains(late)), "{part}");
        }
    }
}

#[test]
fn a_promise_put_off_before_anything_left_speaks_of_no_parcel() {
    for (locale, old, new, parcel) in [
        ("fr-FR", "mercredi 4 mars – vendredi 6 mars", "lundi 9 mars – mercredi 11 mars", "colis"),
        ("en-GB", "Wednesday 4 March – Friday 6 March", "Monday 9 March – Wednesday 11 March", "parcel"),
    ] {
        let letter = email(&in_locale("put_off", locale), "delay");
        for part in [&letter.text, &letter.html] {
            assert!(part.contains(old) && part.contains(new) && !part.contains(parcel), "{part}");
        }
    }
}

#[test]
fn part_of_an_order_is_not_the_first_of_it() {
    for locale in LOCALES {
        let seen = read(&in_locale("shipped_some", locale), "shipping");
        assert!(!seen.contains("première") && !seen.contains("first part"), "{seen}");
    }
}

#[test]
fn the_rest_follows_only_if_there_is_a_rest_to_come() {
    for (locale, follows) in [("fr-FR", "Le reste"), ("en-GB", "The rest")] {
        let mut sample = in_locale("delivered_in_part", locale);
        let seen = read(&sample, "delivered");
        assert!(seen.contains(follows) && !seen.contains("en route") && !seen.contains("on its way"), "{seen}");
        // the other parcel of two is lost
        sample.journey.shipments[0].extent = reassure::domain::event::Extent::All;
        let mut other = sample.journey.parcels[0].clone();
        other.key.waybill.tracking_number = "6A99999999999".to_owned();
        let lost = Scan { status: ParcelStatus::Lost, ..other.scans[0].clone() };
        other.scans = vec![lost];
        sample.journey.parcels.insert(0, other);
        assert!(!read(&sample, "delivered").contains(follows));
        sample.journey.parcels[0].scans[0].status = ParcelStatus::InTransit;
        assert!(read(&sample, "delivered").contains(follows));
    }
}

#[test]
fn silence_does_not_contradict_itself() {
    for (locale, subject, contradictions) in [
        (
            "fr-FR",
            "pas de nouvelles du transporteur depuis le mardi 3 mars",
            ["Inutile de vous libérer", "risque de ne pas"],
        ),
        ("en-GB", "no news from the carrier since Tuesday 3 March", ["no need to stay in", "may not arrive"]),
    ] {
        let mut sample = in_locale("shipped_all", locale);
        sample.journey.order.delivery.appointment = None;
        let letter = email(&sample, "silence");
        assert!(letter.subject.contains(subject), "{}", letter.subject);
        for line in contradictions {
            assert!(!letter.text.contains(line) && !letter.html.contains(line), "{}", letter.text);
        }
    }
}

#[test]
fn where_it_was_left_is_told_in_the_readers_words() {
    for (to, fr, en) in [
        ("recipient", "en main propre", "in person"),
        ("neighbour", "à un voisin", "to a neighbour"),
        ("letterbox", "dans votre boîte aux lettres", "in your letterbox"),
        ("locker", "dans une consigne", "in a parcel locker"),
        ("Reception", "à l’accueil", "at the reception desk"),
        ("caretaker", "au gardien", "to the caretaker"),
        ("safe place", "en lieu sûr", "in a safe place"),
        (
            "abri de jardin",
            "selon le transporteur\u{a0}: «\u{a0}abri de jardin\u{a0}»",
            "according to the carrier: “abri de jardin”",
        ),
    ] {
        for (locale, words) in LOCALES.into_iter().zip([fr, en]) {
            let mut sample = in_locale("delivered", locale);
            sample.journey.parcels[0].delivered_to = Some(to.to_owned());
            let letter = email(&sample, "delivered");
            assert!(letter.text.contains(words) && letter.html.contains(words), "{to}: {}", letter.text);
        }
    }
}

#[test]
fn every_line_of_the_order_is_confirmed_with_quantity_variant_and_price() {
    let text = email(&sample("placed"), "confirmation").text.replace(['\u{a0}', '\u{202f}'], " ");
    assert!(text.contains("\n- 2 × Plateau de douze fromages (Lait cru) : 129,90 € (64,95 € pièce)\n"), "{text}");
    assert!(text.contains("\n- 1 × Table d’appoint en chêne : 1 249,00 €"), "{text}");
}

#[test]
fn a_date_that_comes_nearer_again_is_no_delay() {
    for (locale, sooner, late) in [
        ("fr-FR", "plus tôt", ["retard", "plus tard", "excuses"]),
        ("en-GB", "sooner than", ["delay", "late", "sorry"]),
    ] {
        let mut sample = in_locale("delayed", locale);
        let parcel = &mut sample.journey.parcels[0];
        parcel.scans.pop();
        let eta = parcel.eta.as_mut().unwrap();
        let earlier = eta.before.replace(eta.window).unwrap();
        (eta.window, eta.reason) = (earlier, None);
        let letter = email(&sample, "delay");
        let text = text_message(&sample, "delay").replace("plus tot", "plus tôt");
        for part in [&letter.subject, &letter.text, &text] {
            assert!(part.contains(sooner), "{part}");
            assert!(!late.iter().any(|late| part.contains(late)), "{part}");
        }
        assert!(letter.text.contains(if locale == "fr-FR" { "jeudi 5 mars" } else { "Thursday 5 March" }));
    }
}

#[test]
fn what_the_store_has_ready_is_not_looked_for_at_the_pickup_point() {
    let mut sample = in_locale("held_in_store", "fr-FR");
    sample.journey.parcels = self::sample("held_as_chosen").journey.parcels;
    let store = sample.journey.order.delivery.point.clone();
    sample.journey.store_hold.as_mut().unwrap().notice.point = store;
    let letter = email(&sample, "pickup_chosen");
    assert!(letter.text.contains("Maison Orme Lyon") && !letter.text.contains("Tabac"), "{}", letter.text);
}

#[test]
fn a_point_of_which_only_the_name_is_known_is_told_by_its_name() {
    for locale in LOCALES {
        let mut sample = in_locale("held_as_chosen", locale);
        let hold = sample.journey.parcels[0].hold.as_mut().unwrap();
        for point in [&mut hold.notice.point, &mut sample.journey.order.delivery.point].into_iter().flatten() {
            let address = &mut point.address;
            (address.lines, address.postal_code, address.city) = Default::default();
        }
        let told = read(&sample, "pickup_chosen");
        assert!(told.contains("Tabac de la Place") && !told.contains("– –"), "{told}");
        let told = text_message(&sample, "pickup_chosen");
        let after = told.split_once("Tabac de la Place").unwrap().1;
        assert!(after.starts_with(", until") || after.starts_with(", jusqu'au"), "{told}");
    }
}
