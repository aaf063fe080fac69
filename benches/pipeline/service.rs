//! The service under test: `reassure run`, built as it is released, in a process of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::events::{ORDERS, SCANS, SHOP};
use super::sink::get;

const SETTINGS: &str = r#"
[log]
format = "text"
level = "warn"
[http]
listen = "127.0.0.1:{port}"
[bus]
brokers = "{brokers}"
group = "{group}"
topics = ["{orders}", "{scans}"]
# the embedded broker answers a fetch that waits only when its wait ends; others at once
properties = { "fetch.wait.max.ms" = "10" }
[store]
path = "{store}"
[shop]
name = "Bench"
locale = "en-GB"
time_zone = "Europe/Paris"
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
    pub store: &'a Path,
    pub brokers: &'a str,
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
        .replace("{orders}", ORDERS)
        .replace("{scans}", SCANS)
        .replace("{shop}", SHOP)
        .replace("{sink}", place.sink)
        .replace("{store}", &place.store.display().to_string())
        .replace("{folder}", &place.folder.display().to_string());
    let file = place.folder.join("reassure.toml");
    std::fs::write(place.folder.join("token"), "bench").expect("a file in the folder of the bench");
    std::fs::write(&file, text).expect("a file in the folder of the bench");
    (file, port)
}

/// The service, running.
pub struct Service {
    child: Child,
    /// From the start of the process to its readiness.
    pub ready_after: Duration,
}

impl Service {
    pub fn start(place: &Place<'_>) -> Self {
        let (file, port) = configure(place);
        let begin = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_reassure"))
            .args(["run", "--config"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the service starts");
        let mut service = Self { child, ready_after: Duration::ZERO };
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
    pub fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the service's stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
        // the kernel counts in hundredths of a second for every program, whatever its own tick
        (ticks(11) + ticks(12)) / 100.0
    }

    /// The most memory that it ever held, in MiB.
    pub fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    /// Asks it to stop as Kubernetes does, and waits.
    pub fn stop(mut self) {
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

/// How far a service has come, read from the offsets in its store.
pub struct Progress {
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub fn of(store: &Path, group: &str) -> Self {
        let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let connection = rusqlite::Connection::open(store).expect("the store");
        connection.busy_timeout(Duration::from_secs(5)).expect("an option of the store");
        let (group, sum, end) = (group.to_owned(), Arc::clone(&done), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Acquire) {
                let mut query = connection
                    .prepare_cached("SELECT coalesce(sum(next), 0) FROM offsets WHERE group_name = ?1")
                    .expect("a query");
                let next: i64 = query.query_row([&group], |row| row.get(0)).unwrap_or(0);
                sum.fetch_max(u64::try_from(next).unwrap_or(0), Ordering::AcqRel);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Self { done, stop, thread: Some(thread) }
    }

    pub fn records(&self) -> usize {
        usize::try_from(self.done.load(Ordering::Acquire)).expect("a count of records")
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
