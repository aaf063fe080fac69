//! A shop's templates lie over those that every shop inherits, file by file.

use std::sync::Arc;

use reassure::domain::contact::Recipient;
use reassure::domain::decision::NotificationId;
use reassure::domain::notification::{Content, Email};
use reassure::domain::order::Channel;
use reassure::message::{Letter, sample};
use reassure::shops::Served;

use super::Street;

fn email(shop: &Served, message: &str, locale: &str) -> Email {
    let mut sample = sample::named("placed").unwrap();
    sample.journey.order.customer.locale = Some(locale.to_owned());
    let written = shop.templates.write(&Letter {
        shop_id: "saule",
        shop: &sample.shop,
        journey: &sample.journey,
        subject: &sample.subject,
        message,
        channel: Channel::Email,
        recipient: &Recipient::Email("camille@example.com".into()),
        notification: &NotificationId("ntf_0".to_owned()),
        now: sample.now,
    });
    match written {
        Ok(Content::Email(email)) => email,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_part_is_replaced_and_the_rest_inherited() {
    let street = Street::new();
    street.write("shops/saule/templates/confirmation/fr/subject.hbs", "C’est noté : {{order.id}}");
    let (orme, saule) = (street.shop("orme"), street.shop("saule"));
    let (theirs, ours) = (email(&orme, "confirmation", "fr"), email(&saule, "confirmation", "fr"));
    assert!(ours.subject.starts_with("C’est noté : "), "{}", ours.subject);
    assert_ne!(theirs.subject, ours.subject);
    assert_eq!(theirs.text, ours.text);
    let in_english = |shop| email(shop, "confirmation", "en");
    assert_eq!(in_english(&orme), in_english(&saule));
    assert_eq!(email(&orme, "cancelled", "fr"), email(&saule, "cancelled", "fr"));
}

#[test]
fn a_partial_that_is_replaced_shows_in_every_message_that_uses_it() {
    let street = Street::new();
    street.write("shops/saule/templates/layout/en/greeting.hbs", "Dear friend of ours,");
    let (orme, saule) = (street.shop("orme"), street.shop("saule"));
    for message in ["confirmation", "cancelled"] {
        let (theirs, ours) = (email(&orme, message, "en"), email(&saule, message, "en"));
        for (theirs, ours) in [(theirs.html, ours.html), (theirs.text, ours.text)] {
            assert!(ours.contains("Dear friend of ours,") && !theirs.contains("Dear friend"), "{message}: {ours}");
        }
        assert_eq!(email(&orme, message, "fr"), email(&saule, message, "fr"), "another locale");
    }
}

#[test]
fn what_nobody_changes_is_there_once() {
    let street = Street::new();
    street.write("shops/saule/rules/own.yaml", "- rule: delay\n  off: true\n");
    let loaded = street.load().unwrap_or_else(|faults| panic!("{faults:#?}"));
    let templates = |id| &loaded.shops.get(id).unwrap().templates;
    assert!(Arc::ptr_eq(templates("orme"), templates("saule")));
}

#[test]
fn a_locale_and_a_message_of_ones_own() {
    let street = Street::new();
    for (part, text) in [("subject", "Salut"), ("html", "<p>{{order.id}}</p>"), ("text", "{{order.id}}"), ("sms", "ok")]
    {
        street.write(&format!("shops/saule/templates/thanks/en/{part}.hbs"), text);
    }
    // in French too, or not at all: customers of the shop read it
    let missing = street.faults();
    assert!(
        missing.contains("…/shops/saule/templates/thanks/fr/subject.hbs: 'thanks' has no subject.hbs in 'fr'"),
        "{missing}"
    );
    assert_eq!(missing.matches("'thanks' has no").count(), 4, "{missing}");
}

#[test]
fn faults_are_told_with_their_place_and_their_shop() {
    let street = Street::new();
    street.write("shops/saule/templates/confirmation/fr/text.hbs", "{{order.id}}\n{{ordre.id}}\n");
    let told = street.faults();
    assert!(
        told.contains(
            "…/shops/saule/templates/confirmation/fr/text.hbs:2:1: there is no 'ordre'\n    did you mean 'order'?"
        ),
        "{told}"
    );
    // the inherited message lacks what it must say, by what this shop put in the place of a partial
    let street = Street::new();
    street.write("shops/saule/templates/layout/address.hbs", "{{delivery.adress}}");
    let told = street.faults();
    assert!(
        told.contains("…/shops/saule/templates/layout/address.hbs:1:1: there is no 'delivery' in 'hold.point.address'"),
        "{told}"
    );
    let street = Street::new();
    street.write("shops/saule/templates/layout/frame.hbs", "<p>{{> @partial-block}}{{> nowhere}}</p>");
    let told = street.faults();
    assert!(told.contains("…/shops/saule/templates/layout/frame.hbs:1"), "{told}");
    assert!(told.contains("there is no partial 'nowhere'"), "{told}");
    let street = Street::new();
    street.write("shops/saule/templates/layout/en/legal_text.hbs", "");
    let told = street.faults();
    assert!(
        told.contains("config/templates/confirmation/en/text.hbs") && told.contains("in the shop 'saule'"),
        "{told}"
    );
}
