//! What others have made and is used: under which licences, from where, and with which known faults. `deny.toml`
//! says what may be; `cargo deny check` says the same, and fetches the newest advisories.

mod advisories;
mod bill;
mod image;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What `deny.toml` allows.
struct Allowed(toml::Table);

impl Allowed {
    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
        Self(std::fs::read_to_string(file).unwrap().parse().unwrap())
    }

    fn list(&self, section: &str, key: &str) -> Vec<&str> {
        self.0[section][key].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
    }

    /// Whether an expression of SPDX can be met by what is allowed: `OR` lets us choose.
    fn meets(&self, expression: &str) -> bool {
        // an older way to write OR
        let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let mut words = spaced.split_whitespace().peekable();
        let met = any(&mut words, &self.list("licenses", "allow"));
        met && words.next().is_none()
    }
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    match words.next() {
        Some("(") => {
            let met = any(words, allowed);
            words.next_if_eq(&")").is_some() && met
        }
        Some(licence) if words.next_if_eq(&"WITH").is_some() => {
            let whole = format!("{licence} WITH {}", words.next().unwrap_or_default());
            allowed.contains(&whole.as_str())
        }
        Some(licence) => allowed.contains(&licence),
        None => false,
    }
}

/// What cargo knows of what is built for this machine.
fn metadata() -> Value {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let told = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

fn packages() -> Vec<Value> {
    let mut told = metadata();
    let packages: Vec<Value> = serde_json::from_value(told["packages"].take()).unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    packages
}

#[test]
fn every_package_is_under_a_licence_that_is_allowed() {
    let allowed = Allowed::read();
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(allowed.meets(licence), "{} is under '{licence}'", package["name"]);
    }
}

#[test]
fn every_package_comes_from_the_registry() {
    let allowed = Allowed::read();
    let registries = allowed.list("sources", "allow-registry");
    for package in packages().iter().filter(|package| package["name"] != env!("CARGO_PKG_NAME")) {
        let source = package["source"].as_str().unwrap_or("a folder");
        let registry = source.strip_prefix("registry+").unwrap_or_default();
        assert!(registries.contains(&registry), "{} comes from {source}", package["name"]);
    }
}

#[test]
fn an_expression_is_met_by_what_is_allowed_and_nothing_else() {
    let allowed = Allowed::read();
    for met in
        ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR MIT", "(GPL-3.0 OR MIT) AND ISC", "Apache-2.0 WITH LLVM-exception OR X"]
    {
        assert!(allowed.meets(met), "{met}");
    }
    for refused in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT GPL-3.0", "(MIT", "GPL-3.0 OR MIT AND X", "MIT WITH exception"]
    {
        assert!(!allowed.meets(refused), "{refused}");
    }
}
