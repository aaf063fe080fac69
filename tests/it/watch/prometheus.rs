//! A Prometheus of one's own, which scrapes one service and evaluates rules.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::{Captures, Regex};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::form_urlencoded::Serializer;

use super::rules::files_of_rules;
use crate::service::harness::{LONG, read};
use crate::stack;

/// Drills do not wait for an hour: every duration of the rules is divided by this.
pub const FASTER: u64 = 60;

/// How often it scrapes and evaluates.
const EVERY: &str = "1s";

pub struct Prometheus {
    process: Child,
    address: String,
    folder: TempDir,
    /// The service's disk is the machine's, and how full that is is none of the drill's.
    shares_disk: bool,
}

/// The rules with their durations divided; numbers without a unit stay as they are.
fn faster(rules: &str) -> String {
    let durations = Regex::new(r"(for: |\[)(\d+)([mhd])").unwrap();
    let shorter = durations.replace_all(rules, |found: &Captures<'_>| {
        let seconds = match &found[3] {
            "m" => 60,
            "h" => 3_600,
            _ => 86_400,
        };
        let milliseconds = found[2].parse::<u64>().unwrap() * seconds * 1_000 / FASTER;
        format!("{}{milliseconds}ms", &found[1])
    });
    shorter.into_owned()
}

impl Prometheus {
    /// Scrapes the service at `target`; none where the tests go without.
    pub async fn watch(target: &str, shares_disk: bool) -> Option<Self> {
        let (program, _) = stack::prometheus()?;
        let folder = tempfile::tempdir().unwrap();
        for file in files_of_rules() {
            let name = file.file_name().unwrap();
            fs::write(folder.path().join(name), faster(&read(&file))).unwrap();
        }
        let config = format!(
            "global: {{ scrape_interval: {EVERY}, scrape_timeout: {EVERY}, evaluation_interval: {EVERY} }}\n\
             rule_files: ['{place}/*.yaml']\n\
             scrape_configs:\n  - job_name: reassure\n    static_configs:\n      \
             - {{ targets: ['{target}'], labels: {{ namespace: shop }} }}\n",
            place = folder.path().display(),
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        // it cannot choose a port by itself
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg(format!("--config.file={}/prometheus.yml", folder.path().display()))
            .arg(format!("--storage.tsdb.path={}/data", folder.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--storage.tsdb.retention.time=1d", "--query.lookback-delta=5s", "--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Self { process, address, folder, shares_disk };
        prometheus.until("it scrapes", async |it| !it.ask("up == 1").await.is_empty()).await;
        // until then nobody was there
        prometheus.falls_silent(&[]).await;
        Some(prometheus)
    }

    /// The answer of its API, below `/api/v1/`.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Option<Value> {
        let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mut stream = TcpStream::connect(&self.address).await.ok()?;
        // HTTP/1.0, so that the body is not cut into chunks
        stream.write_all(format!("GET /api/v1/{path}?{query} HTTP/1.0\r\n\r\n").as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok()?;
        let text = String::from_utf8(bytes).ok()?;
        serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
    }

    /// The series that an expression gives now, those that are no number left out.
    pub async fn ask(&self, expression: &str) -> Vec<Value> {
        let Some(answer) = self.get("query", &[("query", expression)]).await else { return Vec::new() };
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series.into_iter().filter(|one| one["value"][1] != "NaN").collect()
    }

    /// What an expression gave from `begin` to `end`, in seconds since 1970.
    pub async fn history(&self, expression: &str, begin: i64, end: i64, step: Duration) -> Vec<Value> {
        let (begin, end, step) = (begin.to_string(), end.to_string(), step.as_secs().to_string());
        let parameters = [("query", expression), ("start", &begin), ("end", &end), ("step", &step)];
        let answer = self.get("query_range", &parameters).await.expect("Prometheus answers");
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// The alerts that ring, as `name severity`; not that nobody is there, where this machine was too busy for the
    /// service to be asked.
    pub async fn ringing(&self) -> BTreeSet<String> {
        let firing = self.ask("ALERTS{alertstate=\"firing\"}").await;
        let of = |alert: &Value, label: &str| alert["metric"][label].as_str().unwrap_or_default().to_owned();
        let ringing = firing.iter().map(|alert| format!("{} {}", of(alert, "alertname"), of(alert, "severity")));
        let missed = !self.ask("min_over_time(up[1m]) == 0").await.is_empty();
        let is_of_the_machine = |name: &String| {
            self.shares_disk && name.starts_with("ReassureDiskNearlyFull")
                || missed && name.starts_with("ReassureNotReady")
        };
        ringing.filter(|name| !is_of_the_machine(name)).collect()
    }

    /// Waits until all of `expected` ring. Whatever else rings meanwhile must be among `may`.
    pub async fn rings(&mut self, expected: &[&str], may: &[&str]) {
        let end = Instant::now() + LONG;
        loop {
            let ringing = self.ringing().await;
            let odd: Vec<&String> =
                ringing.iter().filter(|one| !expected.iter().chain(may).any(|known| *known == one.as_str())).collect();
            assert!(odd.is_empty(), "these ring too: {odd:?}");
            if expected.iter().all(|one| ringing.contains(*one)) {
                return;
            }
            assert!(Instant::now() < end, "of {expected:?} only {ringing:?} ring");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Nothing rings over so many evaluations.
    pub async fn is_silent(&mut self, evaluations: u32) {
        let begin = self.evaluations().await;
        while self.evaluations().await < begin + u64::from(evaluations) {
            assert_eq!(self.ringing().await, BTreeSet::new());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until nothing rings any more but what `may` go on.
    pub async fn falls_silent(&mut self, may: &[&str]) {
        let is_allowed = |one: &String| may.contains(&one.as_str());
        self.until("it falls silent", async |it| it.ringing().await.iter().all(is_allowed)).await;
    }

    /// How often the first group of rules has been evaluated.
    async fn evaluations(&self) -> u64 {
        let answer = self.get("rules", &[]).await.unwrap_or_default();
        let last = answer["data"]["groups"][0]["lastEvaluation"].as_str().unwrap_or_default().to_owned();
        let at = chrono::DateTime::parse_from_rfc3339(&last).map_or(0, |at| at.timestamp_millis());
        u64::try_from(at.max(0)).unwrap() / 1_000
    }

    async fn until(&mut self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let end = Instant::now() + LONG;
        while !holds(self).await {
            let ended = self.process.try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < end, "it never happened: {what}\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn durations_are_divided_and_names_and_numbers_are_not() {
    let rules = "record: a:ratio5m\nexpr: rate(x[5m]) > 86400 and y[1d:]\nfor: 2m";
    assert_eq!(faster(rules), "record: a:ratio5m\nexpr: rate(x[5000ms]) > 86400 and y[1440000ms:]\nfor: 2000ms");
}
