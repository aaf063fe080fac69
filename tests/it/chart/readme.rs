//! The chart's README, made from the remarks in `values.yaml`. To make it anew:
//! `REASSURE_UPDATE=1 cargo test --test it chart::readme`.

use serde_json::Value;

use super::{KUBERNETES, folder, read};

const BEGINNING: &str = "\
# The chart `reassure`

Every value, made from the remarks in `values.yaml`. How to begin is told in the project's README, under *On Kubernetes*;
`ci/` holds values of whole installations.

```sh
helm install shop helm/reassure -n care -f my-values.yaml
helm test shop -n care
```

For Kubernetes OLDEST and later; every resource is held to the schemas of OLDEST and NEWEST. `helm install` asks the cluster
which it is. `helm template` asks nobody and takes it for the one that helm was built for: that of an old helm is too old, one
that was built from source takes it for 1.20, and both refuse the chart. `--kube-version OLDEST.0` says which it is.
";

/// A value, and what is said of it.
struct Entry {
    path: Vec<String>,
    remark: String,
    /// Under which heading it stands.
    section: String,
}

/// The entries of the file in its order.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut path, mut remark, mut section) = (Vec::<(usize, String)>::new(), Vec::new(), String::new());
    for line in text.lines() {
        let written = line.trim();
        if let Some(title) = written.strip_prefix("## ") {
            section = title.to_owned();
        } else if let Some(words) = written.strip_prefix("# ") {
            remark.push(words);
        } else if let Some((key, _)) = written.split_once(':') {
            let indent = line.len() - line.trim_start().len();
            path.retain(|(above, _)| *above < indent);
            path.push((indent, key.to_owned()));
            let path = path.iter().map(|(_, key)| key.clone()).collect();
            entries.push(Entry { path, remark: std::mem::take(&mut remark).join(" "), section: section.clone() });
        } else {
            // what is said of the whole file is said of no value
            remark.clear();
        }
    }
    entries
}

fn made() -> String {
    let text = read(&folder().join("values.yaml"));
    let values: Value = serde_saphyr::from_str(&text).unwrap();
    let entries = entries(&text);
    let [oldest, newest] = KUBERNETES;
    let mut page = BEGINNING.replace("OLDEST", oldest).replace("NEWEST", newest);
    let mut section = "";
    for entry in entries.iter().filter(|entry| !entry.remark.is_empty()) {
        if entry.section != section {
            section = &entry.section;
            page += &format!("\n## {section}\n\n| value | default | |\n|---|---|---|\n");
        }
        // what is told apart below has no default of its own
        let below = |other: &&Entry| other.path.len() > entry.path.len() && other.path.starts_with(&entry.path);
        let told_apart = entries.iter().filter(below).any(|other| !other.remark.is_empty());
        let default = entry.path.iter().try_fold(&values, |at, key| at.get(key)).expect("a value");
        let default = if told_apart { String::new() } else { format!("`{default}`") };
        page += &format!("| `{}` | {default} | {} |\n", entry.path.join("."), entry.remark.replace('|', "\\|"));
    }
    page
}

#[test]
fn it_is_made_from_the_values_as_they_are() {
    let file = folder().join("README.md");
    let made = made();
    if std::env::var_os("REASSURE_UPDATE").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    assert_eq!(read(&file), made, "make it anew: REASSURE_UPDATE=1 cargo test --test it chart::readme");
}

#[test]
fn every_value_is_explained() {
    let entries = entries(&read(&folder().join("values.yaml")));
    for entry in &entries {
        // a part of what is explained as a whole, or a whole whose parts are
        let explained = entries.iter().any(|other| {
            (other.path.starts_with(&entry.path) || entry.path.starts_with(&other.path)) && !other.remark.is_empty()
        });
        assert!(explained, "{} has no remark", entry.path.join("."));
    }
    assert!(entries.len() > 60, "{}", entries.len());
}
