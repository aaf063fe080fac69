//! `reassure simulate`, as it is called.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reassure::domain::decision::Reason;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::generated::{Stream, seed};

/// The exit status, standard output and standard error.
pub fn simulate(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reassure"))
        .arg("simulate")
        .args(arguments)
        .env_remove("REASSURE_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A recording with its lines in any order.
fn recording() -> String {
    let mut lines: Vec<String> = Stream::new(5, 60, 20).map(|recorded| recorded.line()).collect();
    lines.reverse();
    lines.join("\n")
}

/// I9: recipients are orders; no address is anywhere in what is told.
#[test]
fn it_tells_what_would_have_been_sent_and_no_address() {
    let recording = recording();
    for form in ["text", "json", "html"] {
        let (code, told, error) = simulate(&["-", "-o", form, "--then", "30d"], &recording);
        assert_eq!((code, error.as_str()), (0, ""), "{form}");
        for personal in ["example.org", "+33639980001", "Camille", "rue des Essais"] {
            assert!(!told.contains(personal), "{personal} in {form}");
        }
        assert!(told.contains("confirmation") && told.contains("G-000000"), "{form}: {told}");
    }
    let (_, told, _) = simulate(&["-", "-o", "json"], &recording);
    let told: Value = serde_json::from_str(&told).unwrap();
    let sent: u64 = told["rules"].as_array().unwrap().iter().map(|rule| rule["sent"].as_u64().unwrap()).sum();
    assert_eq!(told["sendings"].as_array().map(|all| all.len() as u64), Some(sent));
    let events = &told["events"];
    let ends = ["applied", "duplicate", "waiting", "after_the_end"].map(|end| events[end].as_u64().unwrap());
    assert_eq!(ends.iter().sum::<u64>(), events["read"].as_u64().unwrap(), "{events}");
}

/// Every event of a file is read. `REASSURE_RECORDING` names one to keep, `REASSURE_JOURNEYS` how
/// many journeys it holds.
#[test]
fn a_recording_is_played_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("REASSURE_RECORDING").map(std::path::PathBuf::from);
    let file = kept.unwrap_or_else(|| folder.path().join("recording.ndjson"));
    let journeys = std::env::var("REASSURE_JOURNEYS").map_or(200, |text| text.parse().unwrap());
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    let mut events = 0_u64;
    for recorded in Stream::new(seed(), journeys, (journeys / 30).max(1)) {
        writeln!(out, "{}", recorded.line()).unwrap();
        events += 1;
    }
    drop(out);
    let (code, told, error) = simulate(&[file.to_str().unwrap(), "-o", "json"], "");
    assert_eq!((code, error.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["events"]["read"], events);
}

#[test]
fn it_compares_with_other_rules() {
    let folder = tempfile::tempdir().unwrap();
    let only = "- rule: confirmation\n  says: Thanks.\n  on: order.placed\n  message: confirmation\n  channels: [sms]\n  once_per: order\n  expires: 3d\n";
    std::fs::write(folder.path().join("one.yaml"), only).unwrap();
    let against = folder.path().to_str().unwrap();
    let (code, told, error) = simulate(&["-", "--against", against], &recording());
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(told.contains("A against B:"), "{told}");
    assert!(told.contains("in B by sms: confirmation"), "{told}");
    assert!(told.contains("only A: shipping"), "{told}");
}

#[test]
fn the_page_needs_nothing_from_the_network() {
    let (_, page, _) = simulate(&["-", "-o", "html"], &recording());
    // only its own script runs, and nothing in it may ask anybody
    let (_, script) = page.split_once("<script>").unwrap();
    let digest = STANDARD.encode(Sha256::digest(script.split_once("</script>").unwrap().0));
    let policy = format!("default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'");
    assert!(page.contains(&policy), "{}", &page[..600]);
    assert!(page.starts_with("<!doctype html>"));
    for outside in ["<link", "src=", "@import", "url(", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// People of customer care read the page: it says why in the words of `explain` and `lookup`.
#[test]
fn the_page_says_why_in_words() {
    let (_, told, _) = simulate(&["-", "-o", "json"], &recording());
    let told: Value = serde_json::from_str(&told).unwrap();
    let rules = told["rules"].as_array().unwrap().iter();
    let ids: Vec<&String> = rules.flat_map(|rule| rule["not_sent"].as_object().unwrap().keys()).collect();
    assert!(!ids.is_empty());
    let (_, page, _) = simulate(&["-", "-o", "html"], &recording());
    let words = page.lines().find_map(|line| line.strip_prefix("const inWords = ")?.strip_suffix(';')).unwrap();
    let words: Value = serde_json::from_str(words).unwrap();
    for id in ids {
        let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == id).unwrap();
        assert_eq!(words[id], reason.in_words());
    }
    assert!(page.contains("inWords[reason]"));
}

#[test]
fn what_is_no_event_is_counted_and_a_wrong_call_is_told() {
    let (code, told, _) = simulate(&["-"], "{\"specversion\":\"1.0\"}\nno json\n");
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("1 malformed_json, 1 no_time"), "{told}");
    let (code, _, error) = simulate(&["-", "--from", "17"], "");
    assert_eq!(code, 2);
    assert!(error.contains("a file has no offsets"), "{error}");
    let (code, _, error) = simulate(&["-", "--from", "yesterday"], "");
    assert_eq!(code, 2);
    assert!(error.contains("write it as an offset, or as a time"), "{error}");
    let (code, _, error) = simulate(&["-", "--rules", "/none/such"], "");
    assert_eq!(code, 2, "{error}");
    let output = Command::new(env!("CARGO_BIN_EXE_reassure")).args(["check", "-o", "html"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for ignored in [&["demo", "-o", "json"][..], &["demo", "--once", "-c", "/none/such"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_reassure")).args(ignored).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains("brings its own configuration"), "{error}");
    }
}

/// `--from` and `--to` cut by the time of recording.
#[test]
fn a_part_of_a_recording_can_be_played() {
    let read = |arguments: &[&str]| {
        let (_, told, _) = simulate(&[&["-", "-o", "json"], arguments].concat(), &recording());
        let told: Value = serde_json::from_str(&told).unwrap();
        told["events"]["read"].as_u64().unwrap()
    };
    let middle = "2026-03-05T00:00:00Z";
    let (all, before, after) = (read(&[]), read(&["--to", middle]), read(&["--from", middle]));
    assert!(before > 0 && after > 0, "{before} and {after}");
    assert_eq!(before + after, all);
}
