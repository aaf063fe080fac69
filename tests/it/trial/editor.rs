//! The schemas for editors take what the readers take, and refuse what these refuse.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn schema(name: &str) -> Value {
    let text = std::fs::read_to_string(root("schemas/editor").join(name)).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

fn validator(name: &str) -> Validator {
    jsonschema::validator_for(&schema(name)).expect("a sound schema")
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

fn faults(validator: &Validator, text: &str) -> Vec<String> {
    validator.iter_errors(&yaml(text)).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_default_rule_and_test_fits_and_names_its_schema() {
    let (rules, tests) = (validator("rules.json"), validator("tests.json"));
    let mut seen = 0;
    for entry in std::fs::read_dir(root("config/rules")).expect("the rules").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        let is_test = name.ends_with(".test.yaml");
        let schema = if is_test { "tests" } else { "rules" };
        let first = format!("# yaml-language-server: $schema=../../schemas/editor/{schema}.json\n");
        assert!(text.starts_with(&first), "{name} does not begin with {first}");
        assert_eq!(faults(if is_test { &tests } else { &rules }, &text), Vec::<String>::new(), "{name}");
        seen += 1;
    }
    assert!(seen > 30, "only {seen} files");
}

/// Every key is told, so that an editor can tell it.
#[test]
fn every_key_has_its_word_and_its_kind() {
    fn look(path: &str, schema: &Value, bare: &mut Vec<String>) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let told = value["description"].as_str().is_some_and(|told| !told.is_empty());
            let kinds = ["type", "enum", "anyOf", "$ref", "const"];
            if !told || !kinds.iter().any(|kind| value.get(kind).is_some()) {
                bare.push(format!("{path}.{key}"));
            }
        }
    }
    let mut bare = Vec::new();
    for kind in ["then", "else"] {
        look("rule", &schema("rules.json")["items"][kind], &mut bare);
    }
    let tests = schema("tests.json");
    look("file", &tests, &mut bare);
    for name in ["Test", "Decision", "Content"] {
        look(name, &tests["$defs"][name], &mut bare);
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn known_mistakes_are_refused() {
    let rules = validator("rules.json");
    let right = "- { rule: own, says: It is., on: order.placed, message: delay, channels: [email], once_per: order, expires: 1d }";
    assert_eq!(faults(&rules, right), Vec::<String>::new());
    for (from, to) in [
        ("says: It is., ", ""),
        ("rule: own", "rule: Own Rule"),
        ("on: order.placed", "on: order.plcaed"),
        ("on: order.placed", "on: { parcel.tracked: [losst] }"),
        ("on: order.placed", "on: { order.placed: [lost] }"),
        ("channels: [email]", "channels: [emial]"),
        ("once_per: order", "once_per: week"),
        ("expires: 1d", "expires: soon"),
        ("expires: 1d", "expires: 1d, priority: 256"),
        ("expires: 1d", "expires: 1d, valid_whlie: journey.arrived"),
    ] {
        assert!(right.contains(from), "{from}");
        assert!(!faults(&rules, &right.replace(from, to)).is_empty(), "{to}");
        // and by the reader too
        let read = reassure::domain::rule::parse("own.yaml", &right.replace(from, to));
        assert!(read.is_err(), "{to} is read");
    }
    // what a shop does without
    assert_eq!(faults(&rules, "[{ rule: delay, off: true, says: Never late. }]"), Vec::<String>::new());
    for wrong in ["{ rule: delay, off: false }", "{ off: true }", "{ rule: delay, off: true, expires: 1d }"] {
        let file = format!("[{wrong}]");
        assert!(!faults(&rules, &file).is_empty(), "{wrong}");
        assert!(reassure::domain::rule::parse_changes("own.yaml", &file).is_err(), "{wrong} is read");
    }
    let tests = validator("tests.json");
    let right = "rules: [delay]\ntests:\n  - test: one\n    events:\n      - { at: +1d, event: parcel.tracked, status: lost }\n    expect:\n      - { at: +2d, rule: delay, send: [email] }\n";
    assert_eq!(faults(&tests, right), Vec::<String>::new());
    let bench = super::ours();
    for (from, to) in [
        ("rules: [delay]\n", ""),
        ("test: one", "tset: one"),
        ("at: +1d", "at: soon"),
        ("parcel.tracked", "parcel.traked"),
        ("status: lost", "statsu: lost"),
        ("status: lost", "status: losst"),
        ("status: lost", "extent: all"),
        ("send: [email]", "send: [emial]"),
        ("send: [email]", "suppress: old_new"),
        ("send: [email]", "sned: [email]"),
        ("at: +2d, ", ""),
    ] {
        assert!(right.contains(from), "{from}");
        assert!(!faults(&tests, &right.replace(from, to)).is_empty(), "{to}");
        if to != "status: losst" {
            // a status that no vocabulary lists is kept as unknown: only the editor can doubt it
            assert!(
                reassure::trial::parse("own.test.yaml", &right.replace(from, to), None, &bench).is_err(),
                "{to} is read"
            );
        }
    }
}

/// `check` tells the nearest name, however deep the path and whatever it names.
#[test]
fn the_nearest_name_is_told() {
    let rule = |key: &str| {
        let mut keys = vec![
            ("on", "on: order.placed"),
            ("when", "when: 'true'"),
            ("channels", "channels: [email]"),
            ("once_per", "once_per: order"),
        ];
        let name = key.split(':').next().unwrap_or_default();
        keys.retain(|(known, _)| *known != name);
        let rest: Vec<&str> = keys.iter().map(|(_, text)| *text).collect();
        format!("- {{ rule: own, says: It is., {key}, {}, message: delay, expires: 1d }}", rest.join(", "))
    };
    for (key, expected) in [
        ("when: \"order.promise.latset > now\"", "latest"),
        ("when: \"order.items.exists(item, item.bulkey)\"", "bulky"),
        ("when: \"jurney.arrived\"", "journey"),
        ("when: \"journey.last_tolld == 'delay'\"", "last_told"),
        ("when: \"order.first_promise.earliset > now\"", "earliest"),
        ("on: parcel.traked", "parcel.tracked"),
        ("on: { parcel.tracked: [in_transt] }", "in_transit"),
        ("at: 4h after promiss", "promise"),
        ("channels: [emal]", "email"),
        ("valid_wihle: 'true'", "valid_while"),
        ("when: \"order.items.exist(item, item.bulky)\"", "exists"),
        ("when: \"sise(order.items) > 2\"", "size"),
        ("when: \"now - order.placed_at < duraton('72h')\"", "duration"),
    ] {
        let faults = reassure::domain::rule::parse("own.yaml", &rule(key)).err().unwrap_or_default();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|told| told.contains(expected)), "{key}: {told:?} does not name {expected}");
    }
}
