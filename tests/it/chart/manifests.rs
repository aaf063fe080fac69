//! What is rendered is what Kubernetes and its operators take, to the last key.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Helm, KUBERNETES, cases, folder, read, smallest, stack, text};

/// A whole chart is seen when it changes.
#[test]
fn the_smallest_installation_is_as_it_was() {
    let Some(helm) = Helm::new() else { return };
    let rendered = helm.render(&smallest(), &[]).unwrap();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("smallest", rendered);
    });
}

#[test]
fn helm_finds_nothing_amiss() {
    let Some(helm) = Helm::new() else { return };
    let chart = folder().display().to_string();
    for (case, values) in cases() {
        let values = values.display().to_string();
        let told = helm.run(&["lint", "--strict", &chart, "--kube-version", "1.34.0", "-f", &values]);
        assert!(told.status.success(), "{case}: {}{}", text(&told.stdout), text(&told.stderr));
        assert!(!text(&told.stdout).contains("[WARNING]"), "{case}: {}", text(&told.stdout));
    }
}

#[test]
fn every_resource_is_one_that_kubernetes_knows_to_the_last_key() {
    let (Some(helm), Some(judge)) = (Helm::new(), stack::kubernetes()) else { return };
    let rendered = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (case, all) in helm.rendered() {
        // what the operators add is judged by their own definitions
        for own in all.iter().filter(|it| !is_custom(&it.0)) {
            let file = rendered.path().join(format!("{case}-{}.yaml", files.len()));
            std::fs::write(&file, own.0.to_string()).unwrap();
            files.push(file);
        }
    }
    assert!(files.len() > 30, "{} resources", files.len());
    for version in KUBERNETES {
        let mut command = Command::new(&judge);
        let told = command.args(["--strict", "-k", version]).args(&files).output().expect("kubernetes-validate");
        let (said, complained) = (text(&told.stdout), text(&told.stderr));
        assert!(told.status.success(), "Kubernetes {version}: {said}{complained}");
        let passed = said.lines().chain(complained.lines()).filter(|line| line.starts_with("INFO")).count();
        assert_eq!(passed, files.len(), "Kubernetes {version}: {said}{complained}");
    }
}

#[test]
fn every_resource_of_an_operator_is_as_its_definition_says() {
    let (Some(helm), Some(definitions)) = (Helm::new(), stack::operators()) else { return };
    let mut judged = Vec::new();
    for (case, all) in helm.rendered() {
        for resource in all.iter().filter(|it| is_custom(&it.0)) {
            let schema = definition(Path::new(&definitions), &resource.0);
            let judge = jsonschema::validator_for(&schema).unwrap();
            let faults: Vec<String> = judge.iter_errors(&resource.0).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{case}: {} {}: {faults:?}", resource.kind(), resource.name());
            judged.push(resource.kind().to_owned());
        }
    }
    for kind in ["ServiceMonitor", "ScaledObject"] {
        assert!(judged.iter().any(|judged| judged == kind), "no {kind} among {judged:?}");
    }
    let alerts = folder().join("alerts");
    assert_eq!(judged.iter().any(|kind| kind == "PrometheusRule"), alerts.is_dir(), "{judged:?}");
}

fn is_custom(resource: &Value) -> bool {
    let version = resource["apiVersion"].as_str().unwrap();
    ["monitoring.coreos.com/", "keda.sh/"].iter().any(|group| version.starts_with(group))
}

/// The schema of a resource's kind and version, out of the operator's definition of it.
fn definition(definitions: &Path, resource: &Value) -> Value {
    let (group, version) = resource["apiVersion"].as_str().unwrap().split_once('/').unwrap();
    let kind = resource["kind"].as_str().unwrap().to_lowercase();
    let defined: Value = serde_saphyr::from_str(&read(&definitions.join(format!("{group}_{kind}s.yaml")))).unwrap();
    let versions = defined["spec"]["versions"].as_array().unwrap();
    let mut schema = versions.iter().find(|it| it["name"] == version).unwrap()["schema"]["openAPIV3Schema"].clone();
    close(&mut schema);
    // Kubernetes knows what is in these itself
    schema["properties"]["metadata"] = serde_json::json!({ "type": "object" });
    schema
}

/// Refuses what is not named, as the server does when it is asked to be strict.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(parts) => {
            if parts.get("properties").is_some_and(Value::is_object) && !parts.contains_key("additionalProperties") {
                parts.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            parts.values_mut().for_each(close);
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}
