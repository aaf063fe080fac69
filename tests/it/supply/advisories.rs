//! Known faults of what is used: `Cargo.lock` is held to RustSec's advisories as `advisories.toml` has them, by their
//! numbers and version ranges alone, so that a machine without a network finds them too. What came after the list was
//! read is for `cargo deny check advisories`, which fetches it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::process::Command;

use chrono::{NaiveDate, Utc};
use semver::{Version, VersionReq};
use serde::Deserialize;

use super::super::service::harness::{read, text};
use super::Allowed;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/supply/advisories.toml");

/// What RustSec's list says of the packages that are used.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// Its last day when it was read.
    until: NaiveDate,
    /// The packages that it does not name.
    none: BTreeSet<String>,
    /// The advisories of those that it does.
    advisories: BTreeMap<String, BTreeMap<Number, Advisory>>,
}

/// `RUSTSEC-2026-0001`
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
struct Number(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
    /// For what is no hole by itself: `unsound`, `unmaintained`.
    informational: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Version,
    /// None for what is in this repository.
    source: Option<String>,
}

/// How a file of RustSec's begins.
#[derive(Deserialize)]
struct Head {
    advisory: About,
    versions: Advisory,
}

#[derive(Deserialize)]
struct About {
    id: Number,
    informational: Option<String>,
    withdrawn: Option<String>,
}

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_number = |part: &str| part.len() == 4 && part.bytes().all(|it| it.is_ascii_digit());
        match parts[..] {
            ["RUSTSEC", year, number] if is_number(year) && is_number(number) => Ok(Self(text)),
            _ => Err(format!("'{text}' is no number of an advisory: RUSTSEC-, the year, and four digits")),
        }
    }
}

impl Advisory {
    /// A version before a release counts as affected unless a range names one of its kind, as ranges do.
    fn affects(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|range| range.matches(version))
    }

    fn mended(&self) -> String {
        match &self.patched[..] {
            [] => format!("which no version mends{}", quoted(&self.unaffected, "; not affected: ")),
            ranges => quoted(ranges, "mended in "),
        }
    }
}

fn quoted(ranges: &[VersionReq], before: &str) -> String {
    let ranges: Vec<String> = ranges.iter().map(|range| format!("\"{range}\"")).collect();
    if ranges.is_empty() { String::new() } else { format!("{before}{}", ranges.join(", ")) }
}

impl Lock {
    fn kept() -> Self {
        toml::from_str(&read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"))).unwrap()
    }

    fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.package.iter().filter(|package| package.source.is_some())
    }
}

impl Known {
    fn kept() -> Self {
        toml::from_str(&read(Path::new(FILE))).unwrap_or_else(|error| panic!("{FILE}: {error}"))
    }

    /// The part of a clone of RustSec's list that is about `packages`.
    fn of(clone: &Path, until: NaiveDate, packages: BTreeSet<String>) -> Self {
        assert!(clone.join("crates").is_dir(), "{} is no clone of RustSec's list", clone.display());
        let told = packages.into_iter().map(|package| {
            let advisories = advisories(&clone.join("crates").join(&package));
            (package, advisories)
        });
        let (none, named): (Vec<_>, Vec<_>) = told.partition(|(_, advisories)| advisories.is_empty());
        Self {
            until,
            none: none.into_iter().map(|(package, _)| package).collect(),
            advisories: named.into_iter().collect(),
        }
    }

    /// One line for each package of `lock` at a version with a fault, apart from what was looked at and let be.
    fn faults(&self, lock: &Lock, ignored: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        for Package { name, version, .. } in lock.foreign() {
            for (number, advisory) in self.advisories.get(name).into_iter().flatten() {
                if advisory.affects(version) && !ignored.contains(&number.0.as_str()) {
                    let (number, mended) = (&number.0, advisory.mended());
                    faults.push(format!(
                        "{name} {version}: {number} (https://rustsec.org/advisories/{number}.html), {mended}"
                    ));
                }
            }
        }
        faults
    }

    /// The packages of `lock` that nobody has looked for in the list.
    fn unknown<'a>(&self, lock: &'a Lock) -> BTreeSet<&'a str> {
        let names = lock.foreign().map(|package| package.name.as_str());
        names.filter(|name| !self.none.contains(*name) && !self.advisories.contains_key(*name)).collect()
    }

    fn age(&self) -> String {
        let days = (Utc::now().date_naive() - self.until).num_days();
        format!("tests/it/supply/advisories.toml ends on {}, {days} days ago", self.until)
    }
}

/// What is said in one folder of RustSec's, without what it has taken back.
fn advisories(folder: &Path) -> BTreeMap<Number, Advisory> {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    let heads = files.map(|path| {
        let file = read(&path);
        let head = file.strip_prefix("```toml\n").and_then(|rest| rest.split_once("\n```"));
        let (head, _) = head.unwrap_or_else(|| panic!("{} does not begin with TOML", path.display()));
        toml::from_str::<Head>(head).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    heads
        .filter(|head| head.advisory.withdrawn.is_none())
        .map(|Head { advisory: About { id, informational, .. }, versions }| {
            (id, Advisory { informational, ..versions })
        })
        .collect()
}

/// The file itself.
impl Display for Known {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What RustSec (rustsec.org) says of the packages of Cargo.lock: numbers and version ranges alone."
        )?;
        writeln!(f, "# Written from a clone of its list: REASSURE_ADVISORIES=<clone> tests/run supply::advisories\n")?;
        writeln!(f, "until = \"{}\"\n\n# not named there\nnone = [", self.until)?;
        let mut line = String::from("   ");
        for package in &self.none {
            let word = format!(" \"{package}\",");
            if line.len() + word.len() > 120 {
                writeln!(f, "{line}")?;
                line.truncate(3);
            }
            line += &word;
        }
        writeln!(f, "{line}\n]")?;
        for (package, advisories) in &self.advisories {
            writeln!(f, "\n[advisories.{package}]")?;
            for (Number(number), Advisory { patched, unaffected, informational }) in advisories {
                write!(f, "{number} = {{ patched = [{}]", quoted(patched, ""))?;
                if !unaffected.is_empty() {
                    write!(f, ", unaffected = [{}]", quoted(unaffected, ""))?;
                }
                if let Some(kind) = informational {
                    write!(f, ", informational = \"{kind}\"")?;
                }
                writeln!(f, " }}")?;
            }
        }
        Ok(())
    }
}

#[test]
fn no_package_is_used_at_a_version_with_a_known_fault() {
    let (known, Allowed(deny)) = (Known::kept(), Allowed::read());
    let ignored = deny["advisories"]["ignore"].as_array().unwrap().iter();
    let ignored: Vec<&str> = ignored.map(|it| it.as_str().unwrap_or_else(|| it["id"].as_str().unwrap())).collect();
    let faults = known.faults(&Lock::kept(), &ignored);
    println!("{}", known.age());
    assert!(
        faults.is_empty(),
        "{}\n`cargo update -p <package>`, or `ignore` it in deny.toml and say why there; {}",
        faults.join("\n"),
        known.age()
    );
}

#[test]
fn every_package_has_been_looked_for() {
    let known = Known::kept();
    let lock = Lock::kept();
    let unknown = known.unknown(&lock);
    let age = known.age();
    assert!(unknown.is_empty(), "not looked for: {unknown:?}; .github/SECURITY.md says how it is done; {age}");
}

#[test]
fn the_list_is_kept_as_it_is_written() {
    if let Some(clone) = std::env::var_os("REASSURE_ADVISORIES") {
        let last = Command::new("git").arg("-C").arg(&clone).args(["log", "-1", "--format=%cs"]).output().unwrap();
        let until = text(&last.stdout).trim().parse().unwrap_or_else(|_| panic!("{}", text(&last.stderr)));
        let packages = Lock::kept().foreign().map(|package| package.name.clone()).collect();
        std::fs::write(FILE, Known::of(Path::new(&clone), until, packages).to_string()).unwrap();
    }
    assert!(
        Known::kept().to_string() == read(Path::new(FILE)),
        "{FILE} is in another order or form than it is written in"
    );
}

const KNOWN: &str = r#"
    until = "2026-01-31"
    none = ["quiet"]
    [advisories.leaky]
    RUSTSEC-2025-0001 = { patched = [">=1.2.3, <2.0.0", ">=2.0.1"], unaffected = ["<1.0.0"] }
    [advisories.lonely]
    RUSTSEC-2025-0002 = { patched = [], unaffected = [">=3.0.0"], informational = "unmaintained" }
"#;

fn locked(name: &str, version: &str) -> Lock {
    let source = "registry+https://github.com/rust-lang/crates.io-index";
    let lock = format!("[[package]]\nname = '{name}'\nversion = '{version}'\nsource = '{source}'");
    // of the name of one with a fault, but our own
    toml::from_str(&format!("{lock}\n[[package]]\nname = 'leaky'\nversion = '1.0.0'")).unwrap()
}

#[test]
fn a_version_with_a_fault_is_told_and_no_other() {
    let known: Known = toml::from_str(KNOWN).unwrap();
    for (version, is_told) in [
        ("0.9.9", false),
        ("1.0.0", true),
        ("1.2.2", true),
        ("1.2.3", false),
        ("1.9.0+of.c.5", false),
        ("2.0.0", true),
        ("2.0.1", false),
        ("2.1.0-beta.1", true),
    ] {
        assert_eq!(known.faults(&locked("leaky", version), &[]).len(), usize::from(is_told), "{version}");
    }
    assert_eq!(
        known.faults(&locked("leaky", "1.2.2"), &[]),
        ["leaky 1.2.2: RUSTSEC-2025-0001 (https://rustsec.org/advisories/RUSTSEC-2025-0001.html), \
          mended in \">=1.2.3, <2.0.0\", \">=2.0.1\""]
    );
    assert!(
        known.faults(&locked("lonely", "2.0.0"), &[])[0].ends_with("which no version mends; not affected: \">=3.0.0\"")
    );
    assert_eq!(known.faults(&locked("leaky", "1.2.2"), &["RUSTSEC-2025-0001"]), [""; 0]);
    assert_eq!(known.faults(&locked("leaky", "1.2.2"), &["RUSTSEC-2025-0002"]).len(), 1);
    assert_eq!(known.unknown(&locked("quiet", "1.0.0")), BTreeSet::new());
    assert_eq!(known.unknown(&locked("leaky", "1.0.0")), BTreeSet::new());
    assert_eq!(known.unknown(&locked("new", "1.0.0")), BTreeSet::from(["new"]));
}

#[test]
fn a_list_that_cannot_be_read_is_refused() {
    for (right, wrong) in [
        ("RUSTSEC-2025-0001", "CVE-2025-0001"),
        ("RUSTSEC-2025-0001", "RUSTSEC-2025-01"),
        ("RUSTSEC-2025-0001", "RUSTSEC-2025-0001-1"),
        (">=2.0.1", "from 2.0.1"),
        ("<1.0.0", ""),
        ("patched = []", "mended = []"),
        ("2026-01-31", "January"),
    ] {
        let changed = KNOWN.replace(right, wrong);
        assert!(changed != KNOWN && toml::from_str::<Known>(&changed).is_err(), "{wrong}");
    }
}

#[test]
fn the_list_is_written_from_a_clone_of_rustsecs() {
    let clone = tempfile::tempdir().unwrap();
    let known: Known = toml::from_str(KNOWN).unwrap();
    for (package, number, more, versions) in [
        ("leaky", "2025-0001", "", "patched = ['>= 1.2.3, < 2.0.0', '>= 2.0.1']\nunaffected = ['< 1.0.0']"),
        ("leaky", "2025-0003", "withdrawn = '2025-02-01'", "patched = []"),
        ("lonely", "2025-0002", "informational = 'unmaintained'", "patched = []\nunaffected = ['>= 3.0.0']"),
        ("unused", "2025-0004", "", "patched = []"),
    ] {
        let folder = clone.path().join("crates").join(package);
        std::fs::create_dir_all(&folder).unwrap();
        let head =
            format!("[advisory]\nid = 'RUSTSEC-{number}'\npackage = '{package}'\n{more}\n\n[versions]\n{versions}");
        std::fs::write(folder.join(format!("{number}.md")), format!("```toml\n{head}\n```\n\n# What it is\n")).unwrap();
    }
    let packages = ["leaky", "lonely", "quiet"].map(str::to_owned).into();
    let written = Known::of(clone.path(), known.until, packages).to_string();
    assert_eq!(written, known.to_string());
    assert_eq!(toml::from_str::<Known>(&written).unwrap().to_string(), written);
}
