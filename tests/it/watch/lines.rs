//! The log says what its specification lists and nothing else, in every line of the code and in those of
//! a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use reassure::bus::producer::Outbound;
use reassure::sandbox::Behaviour;
use reassure::telemetry::log::{ALWAYS, FIELDS, Field, Kind};
use serde_json::Value;

use crate::service::events::{ORDERS, cancelled, placed, scan, shipped};
use crate::service::harness::{LONG, World, eventually, read};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The arguments of a call that begins behind `code`'s first bracket.
fn arguments(code: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for c in code.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().unwrap().push(c);
    }
    arguments.into_iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// The fields that a line of the code names, before its message.
fn fields(code: &str) -> Vec<String> {
    let named = arguments(code).into_iter().take_while(|it| !it.starts_with('"'));
    named
        .filter(|it| !it.starts_with("target:"))
        .map(|it| it.split([' ', '=', '.']).next().unwrap().trim_start_matches(['%', '?']).to_owned())
        .collect()
}

#[test]
fn every_line_of_the_code_has_fields_of_the_specification_alone_and_all_of_them_are_used() {
    let known: BTreeSet<&str> = FIELDS.iter().map(|field| field.name).collect();
    assert_eq!(known.len(), FIELDS.len(), "each once");
    assert!(FIELDS.is_sorted_by_key(|field| field.name));
    let mut used = BTreeSet::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        if file.extension().is_none_or(|it| it != "rs") {
            continue;
        }
        let code = read(&file);
        for level in ["error", "warn", "info", "debug", "trace"] {
            for (at, macro_name) in code.match_indices(&format!("tracing::{level}!(")) {
                for field in fields(&code[at + macro_name.len()..]) {
                    assert!(known.contains(&*field), "{}: '{field}' is not in src/telemetry/log.rs", file.display());
                    used.insert(field);
                }
            }
        }
    }
    assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Text => value.is_string(),
        Kind::Number => value.is_number(),
        Kind::Flag => value.is_boolean(),
        Kind::Time => value.as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
    }
}

/// Trouble of many kinds, and what is said of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_what_is_specified_each_field_once_and_one_line_for_a_fault() {
    let mut world = World::new().await;
    world.set("dispatch.retry.max_attempts", "2");
    // nobody is there: the library that would send has words of its own for it
    world.set("tracing.endpoint", "'http://127.0.0.1:9'");
    world.set("tracing.ratio", "1.0");
    world.behave(|call| match call.key.bytes().map(u32::from).sum::<u32>() % 2 {
        0 => Behaviour::InternalError,
        _ => Behaviour::Answer,
    });
    let mut service = world.run().await;
    for n in 1..=6 {
        let order = format!("Z{n}");
        world.publish(&[placed(&order), shipped(&order), scan(&order, "puzzled", 5), cancelled(&order)]).await;
    }
    for value in [b"{".as_slice(), b"{\"type\":\"order.lost\"}"] {
        world.publish_raw(Outbound { topic: ORDERS, value: Some(value), ..Outbound::default() }).await;
    }
    let dead = "reassure_backlog{kind=\"dead_records\"}";
    eventually("what cannot be read is put aside", async || service.metric(dead).await == 2.0).await;
    let pending = "reassure_backlog{kind=\"pending_notifications\"}";
    eventually("nothing is under way", async || service.metric(pending).await == 0.0).await;
    let given_up = service.metric("reassure_backlog{kind=\"dead_notifications\"}").await;
    assert!(given_up > 0.0);
    assert_eq!(service.get("/api/nothing").await.status, 404);
    service.signal("HUP");
    service.signal("TERM");
    assert!(service.ended_within(LONG).await.success());

    let specified: BTreeMap<&str, &Field> = ALWAYS.iter().chain(FIELDS).map(|field| (field.name, field)).collect();
    let mut said: BTreeMap<String, f64> = BTreeMap::new();
    for line in service.log().lines() {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for (name, value) in fields.as_object().unwrap() {
            let field = specified.get(&**name).unwrap_or_else(|| panic!("'{name}' is not specified: {line}"));
            assert!(is_of(field.kind, value), "'{name}' is no {}: {line}", field.kind.as_str());
            // read as a table, a second one would hide the first
            assert_eq!(line.matches(&format!("\"{name}\":")).count(), 1, "'{name}': {line}");
        }
        for field in ALWAYS {
            assert!(fields.get(field.name).is_some(), "'{}' is missing: {line}", field.name);
        }
        *said.entry(fields["message"].as_str().unwrap().to_owned()).or_default() += 1.0;
    }
    assert_eq!(said["the collector takes no spans; they are lost until it does"], 1.0, "{said:#?}");
    assert_eq!(said["a record could not be read; it waits with the dead letters"], 2.0, "{said:#?}");
    assert_eq!(said["a message waits for a person with the dead letters"], given_up, "{said:#?}");
}
