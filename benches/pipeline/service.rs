//! The service under test: `reassure run`, built as it is released, in a process of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::events::SHOP;
use super::sink::get;
use super::stock::Stock;
use super::traffic::Topics;

const SETTINGS: &str = r#"
[log]
format = "text"
level = "warn"
[http]
listen = "127.0.0.1:{port}"
[api]
listen = "127.0.0.1:0"
[bus]
brokers = "{brokers}"
group = "{group}"
topics = ["{orders}", "{scans}"]
# the embedded broker answers a fetch that waits only when its wait ends; others at once
properties = { "fetch.wait.max.ms" = "10" }
{store}
[shop]
name = "Bench"
locale = "en-GB"
time_zone = "Europe/Paris"
# so many messages of a shop without a history are a storm, and would be held
[shop.storm]
factor = 0
[shop.sender]
email = "shop@bench.example"
email_name = "Bench"
reply_to = "care@bench.example"
[shop.contact]
email = "care@bench.example"
phone = "+33 1 00 00 00 00"
help_url = "https://bench.example/help"
[shop.brand]
home_url = "https://bench.example"
[shop.legal]
seller = "Bench SAS, 12 rue des Lampes, 69002 Lyon"
[shop.providers]
email = "mail"
[shops.named.{shop}]
[providers.mail]
kind = "resend"
url = "{sink}"
api_key = { file = "{folder}/token" }
"#;

/// Where a service finds its world.
pub struct Place<'a> {
    pub folder: &'a Path,
    pub store: &'a Stock,
    pub brokers: &'a str,
    pub topics: &'a Topics,
    pub group: &'a str,
    pub sink: &'a str,
}

/// Writes the configuration; returns its file and the port of its HTTP server.
pub fn configure(place: &Place<'_>) -> (PathBuf, u16) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("an address").port();
    let text = SETTINGS
        .replace("{port}", &port.to_string())
        .replace("{brokers}", place.brokers)
        .replace("{group}", place.group)
        .replace("{orders}", &place.topics.orders)
        .replace("{scans}", &place.topics.scans)
        .replace("{shop}", SHOP)
        .replace("{sink}", place.sink)
        .replace("{store}", &place.store.settings(place.folder))
        .replace("{folder}", &place.folder.display().to_string());
    let file = place.folder.join(format!("{port}.toml"));
    std::fs::write(place.folder.join("token"), "bench").expect("a file in the folder of the bench");
    std::fs::write(&file, text).expect("a file in the folder of the bench");
    (file, port)
}

/// Processor time of the whole machine so far, in seconds.
pub fn machine_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("the machine's stat");
    let fields: Vec<f64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).map_while(|it| it.parse().ok()).collect();
    // user, nice, system, idle, waiting, interrupts of two kinds, stolen: all but the two that rest
    fields.iter().enumerate().filter(|(at, _)| !matches!(at, 3 | 4) && *at < 8).map(|(_, ticks)| ticks).sum::<f64>()
        / 100.0
}

/// Replicas of the service.
pub struct Services(Vec<Service>);

impl Services {
    pub fn start(place: &Place<'_>, replicas: usize) -> Self {
        Self((0..replicas).map(|_| Service::start(place)).collect())
    }

    /// Of one of them.
    pub fn config(&self) -> &Path {
        &self.0[0].config
    }

    pub fn ready_after(&self) -> Duration {
        self.0.iter().map(|service| service.ready_after).max().unwrap_or_default()
    }

    pub fn processor_seconds(&self) -> f64 {
        self.0.iter().map(Service::processor_seconds).sum()
    }

    /// What they read from files and wrote to them so far, in KiB.
    pub fn transferred_kib(&self) -> (f64, f64) {
        self.0.iter().map(Service::transferred_kib).fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
    }

    /// Of the one that held the most.
    pub fn peak_mib(&self) -> f64 {
        self.0.iter().map(Service::peak_mib).fold(0.0, f64::max)
    }

    pub fn stop(self) {
        self.0.into_iter().for_each(Service::stop);
    }
}

/// The service, running.
struct Service {
    child: Child,
    config: PathBuf,
    /// From the start of the process to its readiness.
    ready_after: Duration,
}

impl Service {
    fn start(place: &Place<'_>) -> Self {
        let (file, port) = configure(place);
        let begin = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_reassure"))
            .args(["run", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the service starts");
        let mut service = Self { child, config: file, ready_after: Duration::ZERO };
        while get(port, "/readyz").is_none() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the service does not become ready");
            if let Ok(Some(status)) = service.child.try_wait() {
                panic!("the service ended: {status}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        service.ready_after = begin.elapsed();
        service
    }

    /// Processor time so far, of user and system, in seconds.
    fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the service's stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
        // the kernel counts in hundredths of a second for every program, whatever its own tick
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Bytes of the calls `read` and `write` and their kin, in KiB: of files, as sockets are sent to and received from.
    fn transferred_kib(&self) -> (f64, f64) {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).expect("its transfers");
        let bytes = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().parse::<f64>().unwrap_or(0.0)
        };
        (bytes("rchar:") / 1024.0, bytes("wchar:") / 1024.0)
    }

    /// The most memory that it ever held, in MiB.
    fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    /// Asks it to stop as Kubernetes does, and waits.
    fn stop(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
