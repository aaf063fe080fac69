//! The migration: before the service, beside others, and again.

use std::process::Stdio;

use super::manifest::named;
use super::settings::Laid;
use super::{Helm, smallest, stack, text};

#[test]
fn jobs_that_come_at_the_same_time_make_the_schema_once() {
    let (Some(helm), Some(url)) = (Helm::new(), stack::postgres()) else { return };
    let schema = format!("chart_{}", std::process::id());
    // the stack's password stands in its URL, where ours may not
    let url = url.replacen("reassure:reassure@", "reassure@", 1);
    let given = format!("config.store.url={url},config.store.schema={schema}");
    let all = helm.manifests(&smallest(), &["--set", &given]);
    let job = named(&all, "Job", "shop-reassure-migrate");
    let pod = job.pod().unwrap();
    let container = pod.containers().next().unwrap();
    let verb = container["args"][0].as_str().unwrap();
    let laid = Laid::out(pod, container, &all);
    laid.keep("database-password", "reassure");

    let begin = || laid.command(verb).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let together = [begin(), begin(), begin()];
    let after = together.map(|job| job.wait_with_output().unwrap());
    for done in after.iter().chain([&begin().wait_with_output().unwrap()]) {
        assert!(done.status.success(), "{}", text(&done.stderr));
        assert!(text(&done.stdout).contains("is up to date"), "{}", text(&done.stdout));
    }
}
