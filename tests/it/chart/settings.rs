//! What the chart tells the service is what the service understands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::manifest::{Manifest, Pod, named, variables};
use super::{Helm, folder, read, text};

const BINARY: &str = env!("CARGO_BIN_EXE_reassure");

/// A container on this machine: what is mounted lies below a folder, and paths lead there.
pub struct Laid {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Laid {
    pub fn out(pod: Pod<'_>, container: &Value, all: &[Manifest]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mounts = pod.lay_out(container, all, root.path());
        let there = |path: &str| root.path().join(path.trim_start_matches('/'));
        let config = there("/etc/reassure/config/reassure.toml");
        let mut settings = read(&config);
        for (path, foreign) in &mounts {
            if *foreign {
                fill(path, &there(path), &settings);
            }
        }
        for (path, _) in mounts.iter().filter(|(path, _)| path != "/tmp") {
            settings = settings.replace(&format!("\"{path}"), &format!("\"{}", there(path).display()));
        }
        std::fs::write(&config, settings).unwrap();
        let known = variables(container, "care", "shop-reassure-0").into_iter();
        let own = known.map(|(name, value)| match name.as_str() {
            "REASSURE_CONFIG" => (name, there(&value).display().to_string()),
            _ => (name, value),
        });
        let variables = own.collect();
        Self { root, variables }
    }

    /// Another secret in the place of the one that stands for it.
    pub fn keep(&self, name: &str, secret: &str) {
        std::fs::write(self.root.path().join("run/secrets/reassure").join(name), secret).unwrap();
    }

    /// The service itself.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg(verb).current_dir(self.root.path()).env_clear().envs(self.variables.iter().cloned());
        command
    }
}

/// What others put there: the default templates, and a secret for each file that is named.
fn fill(path: &str, folder: &Path, settings: &str) {
    if path == "/etc/reassure/templates" {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates"), folder);
    }
    let files = settings.split('"').filter_map(|text| text.strip_prefix(path)?.strip_prefix('/'));
    for name in files {
        let text = match name {
            name if name.ends_with(".txt") => "ada@client.example\n",
            "master-key" => "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
            _ => "0123456789abcdef0123456789abcdef",
        };
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            std::fs::copy(&entry, &target).unwrap();
        }
    }
}

#[test]
fn the_service_finds_no_fault_in_what_is_mounted_in_any_container() {
    let Some(helm) = Helm::new() else { return };
    for (case, all) in helm.rendered() {
        for manifest in all {
            let Some(pod) = manifest.pod() else { continue };
            // others check what needs the folders, too
            for container in pod.containers().filter(|it| it["args"] == serde_json::json!(["run"])) {
                let told = Laid::out(pod, container, all).command("check").output().unwrap();
                let (said, complained) = (text(&told.stdout), text(&told.stderr));
                assert!(told.status.success(), "{case}, {}: {said}{complained}", manifest.name());
            }
        }
    }
}

/// It is seen when the service does not know a setting: the test above can fail.
#[test]
fn a_setting_that_the_service_does_not_know_is_found() {
    let Some(helm) = Helm::new() else { return };
    let all = helm.manifests(&super::smallest(), &["--set", "config.store.conections=3"]);
    let pod = named(&all, "Deployment", "shop-reassure").pod().unwrap();
    let told = Laid::out(pod, pod.containers().next().unwrap(), &all).command("check").output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    assert!(text(&told.stderr).contains("did you mean 'connections'?"), "{}", text(&told.stderr));
}

#[test]
fn what_the_chart_repeats_of_the_defaults_is_the_same_and_no_section_is_missing() {
    let yaml = |file: PathBuf| -> Value { serde_saphyr::from_str(&read(&file)).unwrap() };
    let defaults: toml::Table =
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.toml")).parse().unwrap();
    let defaults = serde_json::to_value(defaults).unwrap();
    let own = yaml(folder().join("values.yaml"));
    for place in ["/service/drain_seconds", "/bus/group", "/bus/topics"] {
        assert_eq!(own["config"].pointer(place), defaults.pointer(place), "{place}");
    }
    let schema: Value = serde_json::from_str(&read(&folder().join("values.schema.json"))).unwrap();
    let names = |table: &Value| table.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&schema["properties"]["config"]["properties"]), names(&defaults));
}

/// Every value has its place in the schema, and the schema names none that is not there.
#[test]
fn the_schema_and_the_values_name_the_same() {
    let values: Value = serde_saphyr::from_str(&read(&folder().join("values.yaml"))).unwrap();
    let schema: Value = serde_json::from_str(&read(&folder().join("values.schema.json"))).unwrap();
    let pods = &schema["definitions"]["pods"];
    let mut pairs = vec![(&values, &schema), (&values["pods"], pods)];
    while let Some((values, schema)) = pairs.pop() {
        let Some(properties) = schema["properties"].as_object() else { continue };
        for (name, within) in properties.iter().filter(|(name, _)| *name != "global" && *name != "config") {
            let value = values.get(name).unwrap_or_else(|| panic!("'{name}' of the schema is no value"));
            // folders and roles are named when they are wanted
            if within["additionalProperties"] == Value::Bool(false)
                && value.as_object().is_some_and(|it| !it.is_empty())
            {
                pairs.push((value, within));
            }
        }
        for name in values.as_object().unwrap().keys() {
            assert!(properties.contains_key(name), "'{name}' has no place in the schema");
        }
    }
}
