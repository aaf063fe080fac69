//! One resource of what was rendered, and what a pod's container would find there.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

/// A resource.
#[derive(Clone, Debug)]
pub struct Manifest(pub Value);

impl Manifest {
    /// Every document of a text.
    pub fn all(text: &str) -> Vec<Self> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("documents of YAML");
        documents.into_iter().filter(|document| !document.is_null()).map(Self).collect()
    }

    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap()
    }

    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap()
    }

    /// The pod that this is, or makes.
    pub fn pod(&self) -> Option<Pod<'_>> {
        match self.kind() {
            "Pod" => Some(Pod { metadata: &self.0["metadata"], spec: &self.0["spec"], claims: &Value::Null }),
            "Deployment" | "StatefulSet" | "Job" => {
                let (template, claims) = (&self.0["spec"]["template"], &self.0["spec"]["volumeClaimTemplates"]);
                Some(Pod { metadata: &template["metadata"], spec: &template["spec"], claims })
            }
            _ => None,
        }
    }

    /// It runs the service.
    pub fn is_workload(&self) -> bool {
        ["Deployment", "StatefulSet"].contains(&self.kind())
    }
}

/// The one of that kind and name.
pub fn named<'a>(all: &'a [Manifest], kind: &str, name: &str) -> &'a Manifest {
    let found = all.iter().find(|it| it.kind() == kind && it.name() == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// A pod, or the template of one.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    pub metadata: &'a Value,
    pub spec: &'a Value,
    /// The volumes that are made for each pod of its own.
    claims: &'a Value,
}

impl<'a> Pod<'a> {
    pub fn containers(&self) -> impl Iterator<Item = &'a Value> {
        self.spec["containers"].as_array().unwrap().iter()
    }

    /// It has all of these labels.
    pub fn is_selected_by(&self, labels: &Map<String, Value>) -> bool {
        labels.iter().all(|(key, value)| self.metadata["labels"].get(key) == Some(value))
    }

    /// The port of that name or number.
    pub fn has_port(&self, wanted: &Value) -> bool {
        let mut ports = self.containers().flat_map(|container| container["ports"].as_array().into_iter().flatten());
        ports.any(|port| port["name"] == *wanted || port["containerPort"] == *wanted)
    }

    /// Lays out below `root` what the ConfigMaps of `all` put into `container`. Returns, of each
    /// mount, the path and whether something else than a ConfigMap is to be found there.
    pub fn lay_out(&self, container: &Value, all: &[Manifest], root: &Path) -> Vec<(String, bool)> {
        let mut mounts = Vec::new();
        for mount in container["volumeMounts"].as_array().unwrap() {
            let path = mount["mountPath"].as_str().unwrap();
            assert!(mount.get("subPath").is_none(), "{path}: what is mounted by a subPath is never updated");
            let claims = self.claims.as_array().into_iter().flatten();
            let claimed = claims.filter(|it| it["metadata"]["name"] == mount["name"]);
            let volumes = self.spec["volumes"].as_array().unwrap().iter().filter(|it| it["name"] == mount["name"]);
            let volume = volumes.chain(claimed).next();
            let volume = volume.unwrap_or_else(|| panic!("{path}: there is no volume {}", mount["name"]));
            let folder = root.join(path.trim_start_matches('/'));
            std::fs::create_dir_all(&folder).unwrap();
            let from = volume["configMap"]["name"].as_str();
            mounts.push((path.to_owned(), from.is_none()));
            let Some(from) = from else { continue };
            for (file, text) in files(&named(all, "ConfigMap", from).0["data"], &volume["configMap"]) {
                let file = folder.join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, text).unwrap();
            }
        }
        mounts
    }
}

/// What stands in a mounted ConfigMap, by paths.
fn files(data: &Value, volume: &Value) -> BTreeMap<String, String> {
    let texts = data.as_object().unwrap();
    let text = |key: &str| texts[key].as_str().unwrap().to_owned();
    match volume["items"].as_array() {
        None => texts.keys().map(|key| (key.clone(), text(key))).collect(),
        Some(items) => {
            assert_eq!(items.len(), texts.len(), "every key is mounted");
            let path = |item: &Value| item["path"].as_str().unwrap().to_owned();
            items.iter().map(|item| (path(item), text(item["key"].as_str().unwrap()))).collect()
        }
    }
}

/// The variables of a container, as Kubernetes would expand them for a pod `pod` in `namespace`.
pub fn variables(container: &Value, namespace: &str, pod: &str) -> BTreeMap<String, String> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        let mut value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.namespace") => namespace.to_owned(),
            Some("metadata.name") => pod.to_owned(),
            Some(other) => panic!("{other} is not known here"),
            None => variable["value"].as_str().unwrap().to_owned(),
        };
        for (name, before) in &known {
            value = value.replace(&format!("$({name})"), before);
        }
        known.insert(variable["name"].as_str().unwrap().to_owned(), value);
    }
    known
}
