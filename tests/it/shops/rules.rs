//! A shop's rules lie over those that every shop inherits.

use std::collections::BTreeSet;

use reassure::domain::rule::{Rule, RuleName};
use reassure::shops::Served;

use super::Street;

const SHIPPING: &str = "
- rule: shipping
  says: Ours is on its way.
  on: shipment.created
  message: shipping
  channels: [sms]
  once_per: order
  expires: 2h
";

const THANKS: &str = "
- rule: thanks
  says: A word of thanks.
  on: order.collected
  message: usage
  channels: [email]
  once_per: order
  expires: 1d
";

fn rule<'a>(shop: &'a Served, name: &str) -> Option<&'a Rule> {
    shop.rules.get(&RuleName::from(name))
}

fn names(shop: &Served) -> BTreeSet<&str> {
    shop.rules.iter().map(|rule| rule.name.as_str()).collect()
}

#[test]
fn a_rule_of_the_same_name_takes_the_place_and_a_new_one_is_added() {
    let street = Street::new();
    street.write("shops/saule/rules/own.yaml", &format!("{SHIPPING}{THANKS}"));
    let loaded = street.load().unwrap_or_else(|faults| panic!("{faults:#?}"));
    let (orme, saule) = (loaded.shops.get("orme").unwrap(), loaded.shops.get("saule").unwrap());
    assert_eq!(rule(saule, "shipping").unwrap().says, "Ours is on its way.");
    assert_ne!(rule(orme, "shipping").unwrap().says, "Ours is on its way.");
    let added: Vec<_> = names(saule).difference(&names(orme)).copied().collect();
    assert_eq!(added, ["thanks"]);
    // what is not changed is shared: a thousand shops must cost little
    let delay = |shop| std::ptr::from_ref(rule(shop, "delay").unwrap());
    assert_eq!(delay(orme), delay(saule));
}

#[test]
fn a_rule_that_is_off_is_not_there_and_what_waits_for_its_message_stays() {
    let street = Street::new();
    street.write("shops/saule/rules/own.yaml", "- rule: delay\n  off: true\n  says: Ours are never late.\n");
    let saule = street.shop("saule");
    assert!(rule(&saule, "delay").is_none());
    assert!(rule(&saule, "recovery").is_some(), "which waits for a delay, among others");
    assert!(rule(&street.shop("orme"), "delay").is_some());
}

#[test]
fn faults_are_told_with_their_place() {
    for (rules, expected) in [
        (
            "\n- rule: delya\n  off: true\n",
            "…/shops/saule/rules/own.yaml:2:3: the rule 'delya' is off, but no rule of that name is inherited\n    \
             did you mean 'delay'?",
        ),
        (
            "- rule: delay\n  off: false\n",
            "…/shops/saule/rules/own.yaml:2:8: off: only true can be said; a rule without it is on",
        ),
        (
            "- rule: delay\n  off: true\n  expires: 3d\n",
            "…/shops/saule/rules/own.yaml:3:3: a rule that is off has no 'expires'\n    leave it out, or leave 'off' out",
        ),
        (
            &format!("{SHIPPING}- rule: shipping\n  off: true\n"),
            "…/shops/saule/rules/own.yaml:9:3: the rule 'shipping' stands in …/shops/saule/rules/own.yaml already",
        ),
        (
            &SHIPPING.replace("message: shipping", "message: shiping"),
            "…/shops/saule/rules/own.yaml:2:3: the rule 'shipping' sends 'shiping', of which there are no templates\n    \
             did you mean 'shipping'?",
        ),
        (
            &format!("{SHIPPING}  only_if_told: [delya]\n"),
            "…/shops/saule/rules/own.yaml:2:3: the rule 'shipping' has 'delya' in 'only_if_told', which no rule \
             sends\n    did you mean 'delay'?",
        ),
    ] {
        let street = Street::new();
        street.write("shops/saule/rules/own.yaml", rules);
        assert_eq!(street.faults(), expected, "{rules}");
    }
}

#[test]
fn what_every_shop_inherits_has_no_rule_that_is_off() {
    let street = Street::new();
    let folder = street.path().join("rules");
    street.write("rules/all.yaml", &format!("{SHIPPING}- rule: delay\n  off: true\n"));
    let faults = reassure::rules::load(Some(&folder)).expect_err("a fault");
    assert!(faults[0].to_string().contains("all.yaml:9:3: the rule 'delay' is off, but no rule"), "{faults:#?}");
}

/// Tests stand beside the rules that they try, and `check` reads them too.
#[test]
fn the_tests_beside_the_rules_are_checked() {
    let check = |street: &Street| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_reassure"))
            .args(["check", "--config"])
            .arg(street.path().join("reassure.toml"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).replace(&street.path().display().to_string(), "…");
        (output.status.code(), told)
    };
    let street = Street::new();
    street.write("shops/saule/rules/own.yaml", THANKS);
    let test = "rules: [thanks]\ntests:\n  - test: Thanked\n    events: [{ at: +1d, event: order.collected }]\n    expect: []\n";
    street.write("shops/saule/rules/own.test.yaml", test);
    assert_eq!(check(&street), (Some(0), String::new()));
    street.write("shops/saule/rules/own.test.yaml", &test.replace("order.collected", "order.colected"));
    let (code, told) = check(&street);
    assert_eq!(code, Some(2));
    assert!(told.starts_with("…/shops/saule/rules/own.test.yaml:4:"), "{told}");
    assert!(told.contains("did you mean 'order.collected'?"), "{told}");
    street.write("shops/saule/rules/own.test.yaml", &test.replace("[thanks]", "[tanks]"));
    assert!(check(&street).1.contains("own.test.yaml:1:8: there is no rule 'tanks'"), "{}", check(&street).1);

    // and beside the rules of every shop
    street.write("shops/saule/rules/own.test.yaml", test);
    street.write("rules/own.yaml", SHIPPING);
    street.write("rules/own.test.yaml", "rules: [shiping]\ntests: []\n");
    let text = std::fs::read_to_string(street.path().join("reassure.toml")).unwrap();
    street.write("reassure.toml", &format!("rules.folder = \"{}/rules\"\n{text}", street.path().display()));
    let (code, told) = check(&street);
    assert_eq!(code, Some(2));
    assert!(told.starts_with("…/rules/own.test.yaml:1:8: there is no rule 'shiping'"), "{told}");
}

/// What a shop adds is tried as what every shop inherits is, where the test names the shop.
#[test]
fn a_rule_of_a_single_shop_can_be_tested() {
    let street = Street::new();
    street.write("shops/saule/rules/own.yaml", THANKS);
    let test = "shop: saule\nrules: [thanks]\ntests:\n  - test: Thanked\n    events: [{ at: +1d, event: order.collected }]\n    \
                expect: [{ at: +1d, rule: thanks, send: [email] }]\n";
    let tried = |test: &str| {
        street.write("shops/saule/rules/own.test.yaml", test);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_reassure"))
            .args(["rules", "test", "--coverage", "--config"])
            .args([street.path().join("reassure.toml"), street.path().join("shops/saule/rules/own.test.yaml")])
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    };
    let (code, told) = tried(test);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("1 passed, 0 failed") && told.contains("never suppressed"), "{told}");
    assert_eq!(tried(&test.replace("send: [email]", "send: [sms]")).0, Some(1));
}

/// Without names of files, all tests are tried: those beside the rules of every shop, and those beside what
/// a shop changes of them, which are of that shop and speak for no other.
#[test]
fn the_tests_of_single_shops_are_tried_with_the_others() {
    let street = Street::new();
    let said = |rule: &str, channel: &str| {
        format!(
            "rules: [{rule}]\ntests:\n  - test: Said by {channel}\n    events: [{{ at: +1d, event: shipment.created }}]\n    \
             expect: [{{ at: +1d, rule: {rule}, about: S1, send: [{channel}] }}]\n"
        )
    };
    let by_email = SHIPPING.replace("[sms]", "[email]");
    street.write("rules/own.yaml", &by_email);
    street.write("rules/own.test.yaml", &said("shipping", "email"));
    street.write("shops/saule/rules/own.yaml", &format!("{SHIPPING}  when: order.total > 1.0\n"));
    street.write("shops/saule/rules/own.test.yaml", &said("shipping", "sms"));
    let text = std::fs::read_to_string(street.path().join("reassure.toml")).unwrap();
    street.write("reassure.toml", &format!("rules.folder = \"{}/rules\"\n{text}", street.path().display()));
    let tried = |file: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_reassure"));
        command.args(["rules", "test", "--coverage", "--config"]).arg(street.path().join("reassure.toml"));
        let output = command.args(file.map(|file| street.path().join(file))).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, told) = tried(None);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("rules/own.test.yaml\n") && told.contains("2 passed, 0 failed"), "{told}");
    // each has shown nothing of the other
    let lines: Vec<&str> = told.lines().map(str::trim).filter(|line| line.starts_with("shipping")).collect();
    assert_eq!(lines, ["shipping            2 of 3", "shipping (saule)    3 of 5"], "{told}");
    // alone, it comes to the same
    let (code, told) = tried(Some("shops/saule/rules/own.test.yaml"));
    assert!(code == Some(0) && told.contains("1 passed, 0 failed") && !told.contains("shipping  "), "{told}");
    street.write("shops/saule/rules/own.test.yaml", &said("shipping", "email"));
    assert_eq!(tried(None).0, Some(1));
}
