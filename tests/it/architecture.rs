//! The modules keep to what they may know (see the crate's documentation).

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

#[test]
fn adapters_do_not_know_each_other() {
    assert_eq!(
        trespasses(&["store"], &["crate::bus", "crate::provider", "crate::ingest", "crate::dispatch", "crate::config"]),
        Vec::<String>::new()
    );
    assert_eq!(
        trespasses(&["bus"], &["crate::store", "crate::provider", "crate::ingest", "crate::dispatch", "crate::config"]),
        Vec::<String>::new()
    );
    assert_eq!(
        trespasses(&["provider"], &["crate::store", "crate::bus", "crate::ingest", "crate::dispatch", "crate::config"]),
        Vec::<String>::new()
    );
    let others = ["crate::store", "crate::bus", "crate::provider", "crate::ingest", "crate::dispatch", "crate::config"];
    assert_eq!(trespasses(&["registry"], &others), Vec::<String>::new());
}

#[test]
fn the_middle_names_no_adapter() {
    assert_eq!(
        trespasses(
            &[
                "envelope",
                "ingest",
                "dispatch",
                "message",
                "http",
                "ports",
                "outcome",
                "dead_letter",
                "publish",
                "simulate",
                "privacy",
                "retention"
            ],
            &["crate::store", "crate::bus", "crate::provider", "crate::registry", "crate::app"]
        ),
        Vec::<String>::new()
    );
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
