//! The Helm chart: what it renders is what Kubernetes takes and the service understands.

mod manifest;
mod manifests;
mod migration;
mod readme;
mod refusals;
mod settings;
mod wiring;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::service::harness::{read, text};
use super::stack;
use manifest::Manifest;

/// The oldest Kubernetes that the chart is for, and the newest that its manifests are held to.
const KUBERNETES: [&str; 2] = ["1.27", "1.37"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/reassure")
}

/// The smallest values with which the chart can be installed.
fn smallest() -> PathBuf {
    folder().join("ci/smallest-values.yaml")
}

/// The values that the chart is tried with, by their names.
fn cases() -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(folder().join("ci")).unwrap().map(|file| file.unwrap().path());
    let mut cases: Vec<_> =
        files.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path)).collect();
    cases.sort();
    assert!(cases.len() >= 4, "{cases:?}");
    cases
}

/// Helm, if it is there.
struct Helm(String);

impl Helm {
    fn new() -> Option<Self> {
        stack::helm().map(Self)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.0);
        // of the machine it reads nothing
        command.env("HELM_CONFIG_HOME", "/nonexistent").env("HELM_DATA_HOME", "/nonexistent");
        command.args(arguments).output().expect("helm")
    }

    /// What comes of these values, with `more` arguments: text of several documents, or what was
    /// complained of.
    fn render(&self, values: &Path, more: &[&str]) -> Result<String, String> {
        let (chart, values) = (folder(), values.display().to_string());
        let chart = chart.display().to_string();
        let given = ["template", "shop", &chart, "--namespace", "care", "--kube-version", "1.34.0", "-f", &values];
        let rendered = self.run(&[&given[..], more].concat());
        if rendered.status.success() { Ok(text(&rendered.stdout)) } else { Err(text(&rendered.stderr)) }
    }

    /// Every case that the chart is tried with, rendered once for all tests.
    fn rendered(&self) -> &'static [(String, Vec<Manifest>)] {
        static ALL: OnceLock<Vec<(String, Vec<Manifest>)>> = OnceLock::new();
        let case = |(case, values): (String, PathBuf)| (case, self.manifests(&values, &[]));
        ALL.get_or_init(|| cases().into_iter().map(case).collect())
    }

    fn manifests(&self, values: &Path, more: &[&str]) -> Vec<Manifest> {
        Manifest::all(&self.render(values, more).unwrap_or_else(|told| panic!("{}: {told}", values.display())))
    }
}

#[test]
fn the_chart_is_of_this_version() {
    let chart: serde_json::Value = serde_saphyr::from_str(&read(&folder().join("Chart.yaml"))).unwrap();
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["kubeVersion"], format!(">={}.0-0", KUBERNETES[0]));
}

#[test]
fn an_older_kubernetes_is_refused() {
    let Some(helm) = Helm::new() else { return };
    let of = |version: &str| helm.render(&smallest(), &["--kube-version", version]);
    assert!(of(&format!("{}.0", KUBERNETES[0])).is_ok());
    let told = of("1.26.15").unwrap_err();
    assert!(told.contains("incompatible with Kubernetes v1.26.15"), "{told}");
}
