//! The image, whose steps `tests/image` does for real: what the Dockerfile says fits the program and the chart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::super::service::harness::{read, text};

/// What the image brings along beside the program: glibc, its loader and the unwinder.
const BROUGHT: [&str; 5] = ["linux-vdso", "ld-linux", "libc.so", "libm.so", "libgcc_s.so"];

fn file(name: &str) -> String {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

fn instructions(verb: &str) -> Vec<String> {
    let text = file("Dockerfile");
    let of_verb = text.lines().filter_map(|line| line.strip_prefix(verb)?.strip_prefix(' '));
    of_verb.map(str::to_owned).collect()
}

#[test]
fn the_program_needs_nothing_that_the_image_does_not_have() {
    let told = Command::new("ldd").arg(env!("CARGO_BIN_EXE_reassure")).output().unwrap();
    let needed = text(&told.stdout);
    assert!(needed.contains("libc.so"), "{needed}{}", text(&told.stderr));
    // where zlib's headers are installed it is linked from outside, unless this is said
    let is_inside = instructions("ENV").iter().any(|it| it == "LIBZ_SYS_STATIC=1");
    let foreign = needed.lines().filter(|line| !BROUGHT.iter().any(|name| line.contains(name)));
    let foreign: Vec<&str> = foreign.filter(|line| !(is_inside && line.contains("libz.so"))).collect();
    assert_eq!(foreign, Vec::<&str>::new());
}

#[test]
fn what_the_program_is_built_from_is_copied_and_let_through() {
    let copied: BTreeSet<String> = instructions("COPY")
        .iter()
        .filter(|it| !it.starts_with("--from"))
        .flat_map(|it| {
            let mut parts: Vec<&str> = it.split(' ').collect();
            parts.pop();
            parts.into_iter().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let ignored = file(".dockerignore");
    let let_through = ignored.lines().filter_map(|line| line.strip_prefix('!'));
    assert_eq!(let_through.map(str::to_owned).collect::<BTreeSet<_>>(), copied);

    let mut named = 0;
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for place in source.split("$CARGO_MANIFEST_DIR/").skip(1) {
            let folder = place.split('/').next().unwrap();
            assert!(copied.contains(folder), "{folder} is not copied");
            named += 1;
        }
    }
    assert!(named > 2, "{named}");
}

fn sources(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_code = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|it| it == "rs");
    entries.filter(is_code).flat_map(|path| if path.is_dir() { sources(&path) } else { vec![read(&path)] }).collect()
}

#[test]
fn it_is_built_with_the_rust_that_the_project_asks_for() {
    let asked = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(instructions("FROM")[0], format!("rust:{asked}-slim-bookworm AS build"));
}

/// No root, and the same user as the chart has its volumes for.
#[test]
fn it_runs_as_the_user_of_the_chart() {
    let values: Value = serde_saphyr::from_str(&file("helm/reassure/values.yaml")).unwrap();
    let user = &values["podSecurityContext"];
    assert_eq!(instructions("USER"), [format!("{}:{}", user["runAsUser"], user["runAsGroup"])]);
    assert_ne!(user["runAsUser"], 0);
    assert_eq!(instructions("ENTRYPOINT"), [r#"["/usr/local/bin/reassure"]"#]);
    assert_eq!(instructions("CMD"), [r#"["run"]"#]);
}
