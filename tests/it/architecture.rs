//! The modules keep to what they may know (see the crate's documentation).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the source folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn module(name: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![root.join(format!("{name}.rs"))];
    if root.join(name).is_dir() {
        files.extend(sources(&root.join(name)));
    }
    files
}

/// Every line of `modules` that holds one of `forbidden`, as `file:line: text`.
fn trespasses(modules: &[&str], forbidden: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in modules.iter().flat_map(|name| module(name)) {
        let text = fs::read_to_string(&file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if forbidden.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn the_domain_knows_no_io_no_clock_and_no_chance() {
    let outside = [
        "tokio",
        "rdkafka",
        "reqwest",
        "rusqlite",
        "axum",
        "tracing",
        "prometheus",
        "rand::",
        "std::fs",
        "std::net",
        "std::env",
        "std::io",
        "Utc::now",
        "Instant::now",
        "SystemTime",
        "crate::ports",
        "crate::store",
        "crate::bus",
        "crate::provider",
        "crate::ingest",
        "crate::dispatch",
        "crate::config",
        "crate::message",
    ];
    assert_eq!(trespasses(&["domain"], &outside), Vec::<String>::new());
}

/// What speaks to the world outside, each in its own words.
const ADAPTERS: [&str; 4] = ["bus", "provider", "registry", "store"];

/// What puts the parts together, from the settings of each, or is a world around them.
const WHO_NAMES_THEM: [&str; 7] = ["app", "cli", "config", "demo", "lib", "main", "sandbox"];

#[test]
fn adapters_do_not_know_each_other() {
    for adapter in ADAPTERS {
        let others = ADAPTERS.iter().filter(|other| **other != adapter).chain(&["ingest", "dispatch", "config", "app"]);
        let others: Vec<String> = others.map(|other| format!("crate::{other}")).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        assert_eq!(trespasses(&[adapter], &others), Vec::<String>::new());
    }
}

#[test]
fn the_middle_names_no_adapter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = fs::read_dir(root).expect("the source folder").flatten();
    let all = all.map(|entry| entry.path().file_stem().unwrap_or_default().to_string_lossy().into_owned());
    let middle: BTreeSet<String> =
        all.filter(|name| !ADAPTERS.contains(&&**name) && !WHO_NAMES_THEM.contains(&&**name)).collect();
    let middle: Vec<&str> = middle.iter().map(String::as_str).collect();
    let adapters = ["crate::store", "crate::bus", "crate::provider", "crate::registry", "crate::app"];
    assert_eq!(trespasses(&middle, &adapters), Vec::<String>::new());
}

#[test]
fn no_file_has_become_a_warehouse() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let long: Vec<String> = ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .filter_map(|file| {
            let lines = fs::read_to_string(&file).expect("a source file").lines().count();
            (lines > 400).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert_eq!(long, Vec::<String>::new());
}
