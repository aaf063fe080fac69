//! What a shop leaves out of what it would inherit, and shops that are none.

use reassure::domain::order::{Channel, Concern};

use super::Street;

#[test]
fn what_is_unset_is_not_inherited() {
    let street = Street::new();
    street.say("unset = [\"providers.sms\", \"packaging\"]");
    let (orme, saule) = (street.shop("orme").rules.shop, street.shop("saule").rules.shop);
    assert_eq!(
        (orme.providers.of(Channel::Sms), orme.packaging.as_deref()),
        (Some("text"), Some("recycled cardboard"))
    );
    assert_eq!((saule.providers.of(Channel::Sms), saule.packaging.as_deref()), (None, None));
    assert_eq!(saule.providers.of(Channel::Email), Some("mail"));
}

#[test]
fn what_cannot_be_unset_is_told() {
    for (unset, expected) in [
        (
            "[\"providers.smss\"]",
            "…/reassure.toml:13: shops.named.saule.unset: 'providers.smss' is not inherited\n    \
             did you mean 'providers.sms'?",
        ),
        ("[\"name\"]", ""),
        ("[\"locale\"]", "…/reassure.toml:11: shops.named.saule: missing field `locale`"),
        ("\"packaging\"", "…/reassure.toml:13: shops.named.saule.unset: "),
        (
            "[\"providers.sms\", \"providers.email\"]",
            "…/reassure.toml:8: shops.named.saule.providers: names no provider for any channel: nothing could be sent",
        ),
    ] {
        let street = Street::new();
        street.say(&format!("unset = {unset}"));
        let told = street.faults();
        assert!(told.starts_with(expected) && told.is_empty() == expected.is_empty(), "{unset}: {told}");
    }
}

#[test]
fn a_folder_of_no_shop_and_a_folder_that_no_shop_has_are_told() {
    let street = Street::new();
    street.write("shops/suale/rules/own.yaml", "[]");
    street.write("shops/saule/template/confirmation/fr/subject.hbs", "Bonjour");
    street.write("shops/..data/rules/own.yaml", "hidden");
    assert_eq!(street.faults(), "…/shops/suale: there is no shop 'suale'\n    did you mean 'saule'?");
    std::fs::remove_dir_all(street.path().join("shops/suale")).unwrap();
    assert_eq!(
        street.faults(),
        "…/shops/saule/template: a shop has no folder 'template'\n    did you mean 'templates'?"
    );
}

#[test]
fn a_folder_that_cannot_be_read_is_told_by_its_setting() {
    let street = Street::new();
    std::fs::remove_dir_all(street.path().join("shops")).unwrap();
    let told = |line: u32, section: &str| {
        format!(
            "…/reassure.toml:{line}: {section}.folder: '…/{section}' cannot be read: No such file or directory (os error 2)\n    \
             name a folder that is there and may be read, or leave the setting out"
        )
    };
    assert_eq!(street.faults(), told(2, "shops"));
    let text = std::fs::read_to_string(street.path().join("reassure.toml")).unwrap();
    let place = street.path().display();
    street.write(
        "reassure.toml",
        &format!("rules.folder = \"{place}/rules\"\ntemplates.folder = \"{place}/templates\"{text}"),
    );
    assert_eq!(street.faults(), [told(1, "rules"), told(2, "templates"), told(3, "shops")].join("\n"));
}

#[test]
fn a_shop_that_is_served_without_a_name_may_have_a_folder() {
    let street = Street::new();
    street.write("shops/charme/rules/own.yaml", "- rule: delay\n  off: true\n");
    assert!(street.faults().contains("there is no shop 'charme'\n    add [shops.named.charme]"));
    let text = std::fs::read_to_string(street.path().join("reassure.toml")).unwrap();
    street.write("reassure.toml", &format!("shops.unknown = \"serve\"\n{text}"));
    let count = |id| street.shop(id).rules.iter().count();
    assert_eq!(count("charme") + 1, count("anybody"));
    assert_eq!(street.shop("charme").rules.shop.name, "Orme");
}

#[test]
fn a_shop_worries_about_what_it_says_and_inherits_the_rest() {
    let street = Street::new();
    street.say("[shops.named.saule.concerns]\nvalue = \"order.total >= 80.0\"");
    let (orme, saule) = (street.shop("orme").rules.shop, street.shop("saule").rules.shop);
    let mut sample = reassure::message::sample::named("bare").unwrap();
    sample.journey.order.totals.total = serde_json::from_str("\"99.00\"").unwrap();
    sample.journey.order.gift = Some(Default::default());
    let raised = |shop: &reassure::domain::shop::Shop| shop.concerns.raised_by(&sample.journey, shop);
    assert_eq!(raised(&orme), [Concern::Cherished]);
    assert_eq!(raised(&saule), [Concern::Value, Concern::Cherished]);
    street.say("unset = [\"concerns.cherished\"]");
    assert_eq!(raised(&street.shop("saule").rules.shop), [Concern::Value]);
}

#[test]
fn what_a_concern_cannot_ask_is_told_where_it_stands() {
    for (key, condition, expected) in [
        ("value", "order.totl >= 80.0", "value: there is no field 'totl'; did you mean 'total'?"),
        ("urgent", "now > order.placed_at", "urgent: 'now' is not known; known here: order, shop"),
        ("bulky", "order.total >=", "bulky: not a condition: "),
        ("urgent", "order.promise.latest > order.placed_at", "urgent: cannot be evaluated with the sample 'bare': "),
        ("value", "order.total", "value: cannot be evaluated with the sample 'placed': it is neither true nor false"),
    ] {
        let street = Street::new();
        street.say(&format!("[shops.named.saule.concerns]\n{key} = \"{condition}\""));
        let told = street.faults();
        let expected = format!("…/reassure.toml:14: shops.named.saule.concerns.{expected}");
        assert!(told.starts_with(&expected), "{condition}: {told}");
    }
    let street = Street::new();
    street.say("[shops.named.saule.concerns]\nvaleu = \"true\"");
    assert_eq!(
        street.faults(),
        "…/reassure.toml:14: there is no setting 'shops.named.saule.concerns.valeu'\n    did you mean 'value'?"
    );
}
