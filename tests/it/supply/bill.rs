//! The bill of materials: what others have made and is part of the program, as CycloneDX has it. It is made
//! from `Cargo.lock` and kept beside it; `REASSURE_WRITE_BILL=1 tests/run supply::bill` writes it anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::{Value, json};

use super::metadata;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/bill-of-materials.cdx.json");

/// The packages that end up in the program, and what builds it: everything but what only tests need.
fn parts(metadata: &Value) -> BTreeSet<&str> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let nodes: HashMap<&str, &Value> = nodes.iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let mut found = BTreeSet::new();
    let mut left = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = left.pop() {
        if !found.insert(id) {
            continue;
        }
        for needed in nodes[id]["deps"].as_array().unwrap() {
            let kinds = needed["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                left.push(needed["pkg"].as_str().unwrap());
            }
        }
    }
    found
}

/// SHA-256 of what was downloaded, by name and version.
fn checksums() -> BTreeMap<(String, String), String> {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let packages = lock["package"].as_array().unwrap().iter();
    packages.filter_map(|it| Some(((text(it, "name")?, text(it, "version")?), text(it, "checksum")?))).collect()
}

fn bill() -> String {
    let metadata = metadata();
    let (parts, checksums) = (parts(&metadata), checksums());
    let packages = metadata["packages"].as_array().unwrap().iter();
    let mut components: Vec<Value> = packages
        .filter(|package| parts.contains(package["id"].as_str().unwrap()) && !package["source"].is_null())
        .map(|package| {
            let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
            let purl = format!("pkg:cargo/{name}@{version}");
            let checksum = &checksums[&(name.to_owned(), version.to_owned())];
            json!({
                "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
                "hashes": [{ "alg": "SHA-256", "content": checksum }],
                "licenses": [{ "expression": package["license"].as_str().unwrap_or_default().replace('/', " OR ") }],
            })
        })
        .collect();
    components.sort_by_key(|component| component["purl"].as_str().unwrap().to_owned());
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let bill = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": name, "name": name, "version": version,
            "licenses": [{ "expression": env!("CARGO_PKG_LICENSE") }],
        } },
        "components": components,
    });
    format!("{:#}\n", bill)
}

#[test]
fn the_bill_of_materials_is_of_what_is_built() {
    let bill = bill();
    if std::env::var_os("REASSURE_WRITE_BILL").is_some() {
        std::fs::write(FILE, &bill).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(kept == bill, "schemas/bill-of-materials.cdx.json is stale: REASSURE_WRITE_BILL=1 tests/run supply::bill");
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let names: BTreeSet<&str> =
        kept["components"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains("rdkafka-sys") && names.contains("rusqlite"), "what is linked is there");
    assert!(!names.contains("insta"), "what only tests need is not");
}
