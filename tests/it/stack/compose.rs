//! The same stack from images: nothing here can run it, so its text is held to the scripts'.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::super::service::harness::{read, text};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compose.yaml");

fn line_with<'a>(text: &'a str, word: &str) -> &'a str {
    text.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("no line with {word}"))
}

#[test]
fn the_images_are_of_the_versions_that_the_scripts_start() {
    let composed: Value = serde_saphyr::from_str(&read(Path::new(FILE))).unwrap();
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack");
    let services = composed["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["kafka", "postgres", "registry"]);

    let version = |name: &str| composed["services"][name]["image"].as_str().unwrap().rsplit(':').next().unwrap();
    let pom = read(&stack.join("pom.xml"));
    assert_eq!(line_with(&pom, "<version>4").trim(), format!("<version>{}</version>", version("kafka")));
    assert_eq!(line_with(&read(&stack.join("registry")), "version="), format!("version={}", version("registry")));
}

#[test]
fn every_service_listens_on_loopback_where_the_variables_say() {
    let text = read(Path::new(FILE));
    let composed: Value = serde_saphyr::from_str(&text).unwrap();
    for (name, variable) in [
        ("kafka", "REASSURE_TEST_KAFKA="),
        ("postgres", "REASSURE_TEST_POSTGRES="),
        ("registry", "REASSURE_TEST_REGISTRY="),
    ] {
        let ports = composed["services"][name]["ports"].as_array().unwrap();
        let [port] = ports.as_slice() else { panic!("{name} has one port, not {ports:?}") };
        let (place, _inside) = port.as_str().unwrap().rsplit_once(':').unwrap();
        assert!(place.starts_with("127.0.0.1:"), "{name} is open to the network: {place}");
        assert!(line_with(&text, variable).contains(place), "{variable} does not lead to {place}");
    }
}

/// Docker's own reading, where its client is there; it needs no engine.
#[test]
fn docker_can_read_it() {
    let compose = |arguments: &[&str]| Command::new("docker").arg("compose").args(arguments).output();
    if !compose(&["version"]).is_ok_and(|version| version.status.success()) {
        eprintln!("no docker compose here; the other tests read the file");
        return;
    }
    let read = compose(&["-f", FILE, "config", "--quiet"]).unwrap();
    assert!(read.status.success(), "{}", text(&read.stderr));
}
