//! The service as a process of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::LONG;

/// A process of the service. It ends with this; one that ended by itself is a fault.
pub struct Service {
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Service {
    /// Starts `binary` with this configuration, not waiting for it.
    pub fn start(mut binary: Command, config: &Path) -> Self {
        let name = config.file_stem().unwrap_or_default().to_string_lossy();
        let log = config.with_file_name(format!("{name}-{:08x}.log", rand::random::<u32>()));
        let child = binary
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log, ended: false }
    }

    /// Starts the binary under test with this configuration.
    pub fn of(config: &Path) -> Self {
        Self::start(Command::new(super::BINARY), config)
    }

    /// That of its configuration, and something that no other process has.
    pub fn name(&self) -> String {
        self.log.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where it answers, once it does.
    pub async fn address(&mut self) -> String {
        self.place("address").await
    }

    /// Where it answers the API, once it does.
    pub async fn api(&mut self) -> String {
        self.place("api").await
    }

    async fn place(&mut self, which: &str) -> String {
        let end = Instant::now() + LONG;
        loop {
            let log = self.log();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(ready) = lines.find(|line| line["message"] == "ready") {
                return ready[which].as_str().unwrap().to_owned();
            }
            let status = self.child.try_wait().unwrap();
            assert!(status.is_none() && Instant::now() < end, "the service did not start ({status:?}):\n{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.ended = true;
    }

    /// `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.child.id())).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, at most so long.
    pub async fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.ended = true;
                return status;
            }
            assert!(Instant::now() < end, "it did not end within {limit:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let address = if path.starts_with("/api/") { self.api().await } else { self.address().await };
        get(&address, path).await
    }

    /// Posts what a provider tells.
    pub async fn post(&mut self, path: &str, headers: &[(&str, String)], body: &str) -> Answer {
        let address = self.api().await;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}");
        ask(&address, &format!("{head}content-length: {length}\r\n\r\n{body}")).await
    }

    /// The value of a metric, its labels as Prometheus writes them; 0 if it is not there yet.
    pub async fn metric(&mut self, name: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let early = if self.ended { None } else { self.child.try_wait().unwrap() };
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the service\n{}", self.log());
        } else {
            assert!(early.is_none(), "the service ended by itself: {early:?}\n{}", self.log());
        }
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// A request by hand, so that its path can be anything.
pub async fn get(address: &str, path: &str) -> Answer {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")).await
}

/// A request, written out.
pub async fn ask(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // a server that refuses the request may close before all of it was sent, or read
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}
