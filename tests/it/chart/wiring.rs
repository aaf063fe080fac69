//! What refers to something finds it, and nothing else; what a pod may do is as little as it needs.

use serde_json::{Value, json};

use super::manifest::{Manifest, named, variables};
use super::{Helm, folder, smallest};

#[test]
fn what_selects_pods_finds_those_of_the_service_and_no_others() {
    let Some(helm) = Helm::new() else { return };
    for (case, all) in helm.rendered() {
        for manifest in all {
            let selector = match manifest.kind() {
                "Service" => &manifest.0["spec"]["selector"],
                "PodDisruptionBudget" | "Deployment" | "StatefulSet" => &manifest.0["spec"]["selector"]["matchLabels"],
                "NetworkPolicy" => &manifest.0["spec"]["podSelector"]["matchLabels"],
                _ => continue,
            };
            let selector = selector.as_object().unwrap();
            let found: Vec<&Manifest> =
                all.iter().filter(|it| it.pod().is_some_and(|pod| pod.is_selected_by(selector))).collect();
            let place = format!("{case}: {} {}", manifest.kind(), manifest.name());
            assert!(!found.is_empty(), "{place} finds nothing");
            assert!(found.iter().all(|it| it.is_workload()), "{place} finds more than the service");
            if manifest.is_workload() {
                assert_eq!(found.len(), 1, "{place} finds the pods of another");
            }
            for port in manifest.0["spec"]["ports"].as_array().into_iter().flatten() {
                let target = &port["targetPort"];
                assert!(found.iter().all(|it| it.pod().unwrap().has_port(target)), "{place}: no port {target}");
            }
        }
        let monitors = all.iter().filter(|it| it.kind() == "ServiceMonitor");
        for selector in monitors.map(|it| it.0["spec"]["selector"]["matchLabels"].as_object().unwrap()) {
            let labels = |it: &Manifest| it.0["metadata"]["labels"].clone();
            let services = all.iter().filter(|it| it.kind() == "Service");
            let found = services.filter(|it| selector.iter().all(|(key, value)| labels(it)[key] == *value)).count();
            assert_eq!(found, 1, "{case}: each pod is to be scraped once");
        }
    }
}

#[test]
fn no_container_may_more_than_it_must() {
    let Some(helm) = Helm::new() else { return };
    for (case, all) in helm.rendered() {
        for (manifest, pod) in all.iter().filter_map(|it| Some((it, it.pod()?))) {
            let place = format!("{case}: {} {}", manifest.kind(), manifest.name());
            assert_eq!(pod.spec["automountServiceAccountToken"], false, "{place}");
            assert_eq!(pod.spec["enableServiceLinks"], false, "{place}");
            let security = &pod.spec["securityContext"];
            assert_eq!(security["runAsNonRoot"], true, "{place}");
            assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{place}");
            for container in pod.containers() {
                let security = &container["securityContext"];
                assert_eq!(security["readOnlyRootFilesystem"], true, "{place}");
                assert_eq!(security["allowPrivilegeEscalation"], false, "{place}");
                assert_eq!(security["capabilities"]["drop"], json!(["ALL"]), "{place}");
            }
        }
    }
}

#[test]
fn a_pod_is_given_longer_to_end_than_it_takes_to_drain() {
    let Some(helm) = Helm::new() else { return };
    for drain in [1, 20, 300] {
        let all = helm.manifests(&smallest(), &["--set", &format!("config.service.drain_seconds={drain}")]);
        let pod = named(&all, "Deployment", "shop-reassure").pod().unwrap();
        assert_eq!(pod.spec["terminationGracePeriodSeconds"], drain + 10);
    }
}

#[test]
fn pods_are_replaced_when_the_configuration_changes_and_left_alone_when_rules_do() {
    let Some(helm) = Helm::new() else { return };
    let checksum = |more: &[&str]| {
        let all = helm.manifests(&smallest(), more);
        let pod = named(&all, "Deployment", "shop-reassure").pod().unwrap();
        pod.metadata["annotations"]["checksum/config"].clone()
    };
    let before = checksum(&["--set", "folders.rules.files.a=one"]);
    assert!(before.is_string());
    assert_eq!(checksum(&["--set", "folders.rules.files.a=two"]), before);
    assert_ne!(checksum(&["--set", "folders.rules.files.a=one,config.dispatch.lease_seconds=90"]), before);
    assert_eq!(checksum(&["--set", "rollOnConfigChange=false"]), Value::Null);
}

/// A name that two pods share would throw one of them out of the group.
#[test]
fn only_pods_that_keep_their_names_are_static_members() {
    let Some(helm) = Helm::new() else { return };
    for (case, all) in helm.rendered() {
        for manifest in all.iter().filter(|it| it.is_workload()) {
            let variables = variables(&manifest.pod().unwrap().spec["containers"][0], "care", "shop-reassure-0");
            let instance = variables.get("REASSURE__BUS__INSTANCE").map(String::as_str);
            let kept = (manifest.kind() == "StatefulSet").then_some("care.shop-reassure-0");
            assert_eq!(instance, kept, "{case}: {}", manifest.name());
        }
    }
}

/// Whatever lies in the folders is brought to those who read it, and nothing is where nobody asked for it.
#[test]
fn every_alert_and_every_dashboard_of_the_folders_arrives() {
    let Some(helm) = Helm::new() else { return };
    for (case, all) in helm.rendered() {
        let asked = case.starts_with("split");
        let there = |name: &str, extension: &str| {
            let files = std::fs::read_dir(folder().join(name)).into_iter().flatten().flatten();
            let files = files.filter(|file| file.path().extension().is_some_and(|it| it == extension)).count();
            if asked { files } else { 0 }
        };
        assert_eq!(all.iter().filter(|it| it.kind() == "PrometheusRule").count(), there("alerts", "yaml"), "{case}");
        let dashboards = all.iter().filter(|it| it.0["metadata"]["labels"]["grafana_dashboard"] == "1");
        let texts = dashboards.flat_map(|it| it.0["data"].as_object().unwrap().values());
        let read = texts.map(|text| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap());
        assert_eq!(read.filter(|it| it["title"].is_string()).count(), there("dashboards", "json"), "{case}");
    }
}

/// Who is called has no folder of the chart at hand.
#[test]
fn the_alerts_link_to_where_the_runbooks_can_be_read() {
    let Some(helm) = Helm::new() else { return };
    let (_, all) = helm.rendered().iter().find(|(case, _)| case.starts_with("split")).unwrap();
    let groups = all.iter().filter_map(|it| it.0["spec"]["groups"].as_array()).flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let alerts: Vec<&Value> = rules.filter(|rule| rule["alert"].is_string()).collect();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let expected = format!("https://git.example/reassure/runbooks/{}.md", alert["alert"].as_str().unwrap());
        assert_eq!(alert["annotations"]["runbook_url"], expected);
    }
}

/// On an installation the hooks come before everything else.
#[test]
fn the_migration_needs_nothing_of_the_release_but_what_it_brings() {
    let Some(helm) = Helm::new() else { return };
    for (case, all) in helm.rendered() {
        let hook = |it: &Manifest| it.0["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade";
        let (before, after): (Vec<Manifest>, Vec<Manifest>) = all.iter().cloned().partition(hook);
        assert_eq!(before.is_empty(), case.starts_with("sqlite"), "{case}");
        for pod in before.iter().filter_map(Manifest::pod) {
            let root = tempfile::tempdir().unwrap();
            // a ConfigMap that is not among them is missed
            pod.lay_out(pod.containers().next().unwrap(), &before, root.path());
            assert!(pod.spec.get("serviceAccountName").is_none(), "{case}: the account comes later");
        }
        for told in before.iter().filter(|it| it.kind() == "ConfigMap") {
            let own = after.iter().find(|it| it.kind() == "ConfigMap" && it.0["data"] == told.0["data"]);
            assert!(own.is_some(), "{case}: the migration is told something else than the service");
        }
    }
}
