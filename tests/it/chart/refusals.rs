//! Values with which the service could not run, or not as it was meant, are refused with the reason.

use super::{Helm, cases, smallest};

/// Arguments of Helm beside the smallest values, and what the complaint names.
const REFUSED: [(&[&str], &[&str]); 30] = [
    // the schema: slips
    (&["--set", "replicas=3"], &["replicas", "not allowed"]),
    (&["--set", "pods.replica=3"], &["pods", "replica", "not allowed"]),
    (&["--set", "config.buss.group=x"], &["config", "buss", "not allowed"]),
    (&["--set-json", "image.tag=1.0"], &["image/tag", "want string"]),
    (&["--set", "image.digest=latest"], &["digest", "pattern"]),
    (&["--set", "existingSecret=7"], &["existingSecret", "string"]),
    (&["--set", "config.service.drain_seconds=20s"], &["drain_seconds", "integer"]),
    (&["--set-json", "config.bus.topics=[]"], &["config/bus/topics", "minItems"]),
    (&["--set", "config.http.listen=everywhere"], &["listen", "pattern"]),
    (&["--set", "config.store.kind=mysql"], &["kind", "postgres", "sqlite"]),
    (&["--set", "graceMarginSeconds=0"], &["graceMarginSeconds", "5"]),
    (&["--set", "pods.kind=DaemonSet"], &["kind", "StatefulSet"]),
    (&["--set", "pods.topologySpread.zone=maybe"], &["zone", "DoNotSchedule"]),
    (&["--set", "storage.size=much"], &["size", "pattern"]),
    // the schema: one or the other
    (&["--set", "pods.autoscaling.kind={hpa,keda}"], &["autoscaling", "kind"]),
    (&["--set", "folders.rules.files.a=b,folders.rules.volume.emptyDir.medium=Memory"], &["rules", "maxProperties"]),
    (&["--set", "split.ingest.replicas=2"], &["split", "dispatch", "http"]),
    // the parts held against each other
    (&["--set", "pods.replicas=13"], &["pods.replicas is 13", "12 partitions"]),
    (&["--set", "pods.autoscaling.kind=hpa,pods.autoscaling.maxReplicas=13"], &["maxReplicas is 13", "12 partitions"]),
    (&["--set", "pods.autoscaling.kind=keda,pods.autoscaling.maxReplicas=13"], &["maxReplicas is 13", "12 partitions"]),
    (&["--set", "pods.autoscaling.kind=hpa,pods.autoscaling.minReplicas=7"], &["minReplicas is above maxReplicas"]),
    (
        &["--set-json", r#"split={"ingest":{"replicas":13},"dispatch":{"replicas":99},"http":{}}"#],
        &["split.ingest.replicas is 13"],
    ),
    (
        &["--set-json", r#"split={"ingest":{},"dispatch":{"autoscaling":{"kind":"keda"}},"http":{}}"#],
        &["split.dispatch.autoscaling.kind", "use hpa"],
    ),
    (&["--set", "config.store.kind=sqlite"], &["StatefulSet", "replicas 1"]),
    (&["--set", "config.store.url="], &["config.store.url"]),
    (&["--set", "config.shops=null"], &["config.shops.named"]),
    (&["--set", "config.rules.folder=/own,folders.rules.files.a=b"], &["config.rules.folder", "folders.rules"]),
    (&["--set", "config.service.roles={ingest}"], &["config.service.roles", "split"]),
    (&["--set", "config.bus.instance=one"], &["config.bus.instance"]),
    (&["--set", "config.http.listen=127.0.0.1:8080"], &["config.http.listen", "loopback"]),
];

#[test]
fn what_could_not_run_is_refused_and_the_reason_is_told() {
    let Some(helm) = Helm::new() else { return };
    for (values, named) in REFUSED {
        let told = helm.render(&smallest(), values).expect_err(&format!("{values:?} is taken"));
        for word in named {
            assert!(told.contains(word), "{values:?} does not tell of '{word}': {told}");
        }
    }
}

#[test]
fn what_is_missing_is_told_all_at_once() {
    let Some(helm) = Helm::new() else { return };
    let told = helm.render(std::path::Path::new("/dev/null"), &[]).expect_err("it goes without anything");
    assert!(told.contains("config.store.url") && told.contains("config.shops.named"), "{told}");
}

/// What is refused is refused for its fault and not for itself.
#[test]
fn the_cases_are_taken_with_what_may_be_said_beside_them() {
    let Some(helm) = Helm::new() else { return };
    for (case, values) in cases() {
        helm.render(&values, &["--set", "global.anything=1"]).unwrap_or_else(|told| panic!("{case}: {told}"));
    }
    helm.render(&smallest(), &["--set", "pods.replicas=12"]).unwrap();
    // what sends is not bound by partitions
    let apart = r#"split={"ingest":{"replicas":12},"dispatch":{"replicas":99},"http":{"replicas":0}}"#;
    helm.render(&smallest(), &["--set-json", apart]).unwrap();
}
