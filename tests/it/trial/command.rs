//! The command as a person or a build server calls it.

use std::path::Path;
use std::process::{Command, Output};

fn rules_test(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reassure"))
        .args(["rules", "test"])
        .args(arguments)
        .current_dir(folder)
        .env_remove("REASSURE_CONFIG")
        .output()
        .expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const FILE: &str = "rules: [cancelled]
tests:
  - test: Told <once>
    events: [{ at: +1d, event: order.cancelled }]
    expect: [{ at: +1d, rule: cancelled, send: [email, webhook] }]
  - test: Told never
    events: [{ at: +1d, event: order.cancelled }]
    expect: []
";

#[test]
fn failures_are_told_to_people_and_to_build_servers() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("my.test.yaml"), FILE).expect("a file");
    let all = rules_test(folder.path(), &["my.test.yaml", "--junit", "all.xml"]);
    assert_eq!(all.status.code(), Some(1));
    let told = text(&all.stdout);
    assert!(told.contains("ok   Told <once>") && told.contains("FAIL Told never  my.test.yaml:6"), "{told}");
    assert!(told.contains("+ { at: +1d, rule: cancelled, send: [email, webhook] }"), "{told}");
    assert!(told.ends_with("\n1 passed, 1 failed\n") && !told.contains('\u{1b}'), "{told}");
    let xml = std::fs::read_to_string(folder.path().join("all.xml")).expect("XML");
    assert!(xml.contains(r#"<testsuites name="rules" tests="2" failures="1">"#), "{xml}");
    assert!(xml.contains(r#"name="Told &lt;once&gt;" file="my.test.yaml" line="3"/>"#), "{xml}");
    assert_eq!(xml.matches("<failure").count(), 1, "{xml}");

    // one of them alone
    let once = rules_test(folder.path(), &["my.test.yaml", "--run", "<o.ce>$"]);
    assert_eq!((once.status.code(), text(&once.stdout).contains("1 passed, 0 failed")), (Some(0), true));
    assert_eq!(rules_test(folder.path(), &["my.test.yaml", "--run", "("]).status.code(), Some(2));

    let json = rules_test(folder.path(), &["my.test.yaml", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((&json["passed"], &json["failed"]), (&serde_json::json!(1), &serde_json::json!(1)));
    assert_eq!(json["files"][0]["tests"][1]["decisions"][0]["change"], "surplus");

    // taken for what is expected from now on
    assert_eq!(rules_test(folder.path(), &["my.test.yaml", "--update"]).status.code(), Some(0));
    assert_eq!(rules_test(folder.path(), &["my.test.yaml"]).status.code(), Some(0));
    let little = rules_test(folder.path(), &["my.test.yaml", "--coverage", "--coverage-min", "100"]);
    assert_eq!(little.status.code(), Some(1));
    assert!(text(&little.stdout).contains("2 of 3"), "{}", text(&little.stdout));
    assert!(text(&little.stderr).contains("below 100 %"), "{}", text(&little.stderr));
}

#[test]
fn an_update_that_leaves_something_out_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let braces = "rules: [cancelled]\ntests: [{ test: Told, events: [], expect: [{ at: +1d, rule: cancelled, send: [email] }] }]\n";
    std::fs::write(folder.path().join("my.test.yaml"), braces).expect("a file");
    let left = rules_test(folder.path(), &["my.test.yaml", "--update"]);
    assert_eq!(left.status.code(), Some(2));
    let told = text(&left.stderr);
    assert!(
        told.starts_with("my.test.yaml:2:35: 'expect' stands within braces") && told.contains("line of its own"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("my.test.yaml")).expect("the file"), braces);
}

#[test]
fn a_wrong_file_is_a_wrong_call() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("my.test.yaml"), "rules: [cancelld]\ntests: []\n").expect("a file");
    let wrong = rules_test(folder.path(), &["my.test.yaml"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("my.test.yaml:1:8: there is no rule 'cancelld'"), "{}", text(&wrong.stderr));
    assert_eq!(rules_test(folder.path(), &["none.test.yaml"]).status.code(), Some(2));
}

/// Without any file, the default set is tried, and none of it is left unshown.
#[test]
fn the_default_set_is_tried_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = rules_test(folder.path(), &["--coverage", "--coverage-min", "100"]);
    assert_eq!(all.status.code(), Some(0), "{}", text(&all.stdout));
    assert!(text(&all.stdout).contains("coverage 100.0 %"));
}
