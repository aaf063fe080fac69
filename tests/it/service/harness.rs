//! The world around the service, and the service as a process of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::{Outbound, Producer};
use reassure::sandbox::{Behaviour, Call, Options, Received, Sandbox, Vendor};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::events::{self, CARRIERS, ORDERS};

/// Long enough for a busy machine; a test that waits this long has failed.
pub const LONG: Duration = Duration::from_secs(60);

const BINARY: &str = env!("CARGO_BIN_EXE_reassure");
const WEBHOOK_SECRET: &str = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC0wMDAx";

type Plan = Box<dyn Fn(&Call<'_>) -> Behaviour + Send + Sync>;

/// A broker, providers and a folder; they outlive every process of the service.
pub struct World {
    pub folder: TempDir,
    pub broker: EmbeddedBroker,
    pub sandbox: Sandbox,
    producer: Producer,
    settings: BTreeMap<String, String>,
    plan: Arc<RwLock<Plan>>,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = EmbeddedBroker::start(&[(ORDERS, 4), (CARRIERS, 4)]).unwrap();
        let plan: Arc<RwLock<Plan>> = Arc::new(RwLock::new(Box::new(|_: &Call<'_>| Behaviour::Answer)));
        let planned = Arc::clone(&plan);
        let sandbox = Sandbox::start(Options {
            plan: Arc::new(move |call| planned.read().unwrap()(call)),
            token: Some("the-token".to_owned()),
            webhook_secrets: vec![WEBHOOK_SECRET.to_owned()],
            ..Options::default()
        });
        let sandbox = sandbox.await.unwrap();
        std::fs::write(folder.path().join("token"), "the-token\n").unwrap();
        std::fs::write(folder.path().join("webhook-secret"), WEBHOOK_SECRET).unwrap();
        let large = BTreeMap::from([("message.max.bytes".to_owned(), "20000000".to_owned())]);
        let producer = Producer::connect(&broker.bootstrap_servers(), LONG, &large).unwrap();
        let mut world = Self { folder, broker, sandbox, producer, settings: BTreeMap::new(), plan };
        world.set_defaults();
        world
    }

    fn set_defaults(&mut self) {
        let (brokers, url) = (self.broker.bootstrap_servers(), self.sandbox.url().to_owned());
        let place = self.folder.path().display().to_string();
        for (key, literal) in [
            ("service.drain_seconds", "5"),
            ("http.listen", "'127.0.0.1:0'"),
            ("bus.session_seconds", "6"),
            ("bus.drain_seconds", "2"),
            ("bus.properties.'heartbeat.interval.ms'", "'100'"),
            ("bus.properties.'fetch.wait.max.ms'", "'20'"),
            ("bus.properties.'reconnect.backoff.max.ms'", "'500'"),
            ("dispatch.lease_seconds", "7"),
            ("dispatch.retry.max_attempts", "4"),
            ("dispatch.retry.first_wait_seconds", "1"),
            ("dispatch.retry.longest_wait_seconds", "1"),
            ("shop.name", "'Lumen'"),
            ("shop.time_zone", "'Europe/Paris'"),
            ("shop.sender.email", "'hello@lumen.example'"),
            ("shop.sender.sms", "'Lumen'"),
            ("shop.brand.home_url", "'https://lumen.example'"),
            ("shop.legal.seller", "'Lumen SAS, Lyon'"),
            ("shop.providers.email", "'mail'"),
            ("shop.providers.sms", "'text'"),
            ("shop.providers.webhook", "'hook'"),
            ("shops.named.lumen.name", "'Lumen'"),
            ("providers.mail.kind", "'resend'"),
            ("providers.text.kind", "'brevo_sms'"),
            ("providers.text.on_unknown", "'retry'"),
            ("providers.hook.kind", "'webhook'"),
            ("providers.hook.allow_private_addresses", "true"),
        ] {
            self.set(key, literal);
        }
        self.set("bus.brokers", &format!("'{brokers}'"));
        self.set("store.path", &format!("'{place}/reassure.db'"));
        for name in ["mail", "text", "hook"] {
            let path = if name == "hook" { "/webhooks/lumen" } else { "" };
            self.set(&format!("providers.{name}.url"), &format!("'{url}{path}'"));
            self.set(&format!("providers.{name}.timeout_seconds"), "2");
            self.set(&format!("providers.{name}.max_in_flight"), "8");
        }
        for name in ["mail", "text"] {
            self.set(&format!("providers.{name}.api_key.file"), &format!("'{place}/token'"));
        }
        self.set("providers.hook.secrets", &format!("[{{ file = '{place}/webhook-secret' }}]"));
    }

    /// Sets a setting, as TOML writes its value; it holds from the next start on.
    pub fn set(&mut self, key: &str, literal: &str) {
        self.settings.insert(key.to_owned(), literal.to_owned());
    }

    pub fn unset(&mut self, key: &str) {
        self.settings.remove(key);
    }

    /// How the providers behave from now on.
    pub fn behave(&self, plan: impl Fn(&Call<'_>) -> Behaviour + Send + Sync + 'static) {
        *self.plan.write().unwrap() = Box::new(plan);
    }

    /// Writes the configuration as it stands.
    pub fn config(&self) -> PathBuf {
        let text: String = self.settings.iter().map(|(key, literal)| format!("{key} = {literal}\n")).collect();
        let file = self.folder.path().join("reassure.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Starts a process of the service, not waiting for it.
    pub fn start(&self) -> Service {
        let log = self.folder.path().join(format!("{:08x}.log", rand::random::<u32>()));
        let child = Command::new(BINARY)
            .args(["run", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Service { child, log, ended: false }
    }

    /// Starts the service and waits until it answers.
    pub async fn run(&self) -> Service {
        let mut service = self.start();
        service.address().await;
        service
    }

    /// Runs a command of the binary on this world's configuration.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(BINARY).args(arguments).arg("--config").arg(self.config()).output().unwrap()
    }

    pub async fn publish(&self, events: &[Value]) {
        let records: Vec<_> = events
            .iter()
            .map(|event| {
                let (topic, key) = events::place(event);
                (topic, key, serde_json::to_vec(event).unwrap())
            })
            .collect();
        let outbound: Vec<_> = records
            .iter()
            .map(|(topic, key, value)| Outbound {
                topic,
                key: Some(key.as_bytes()),
                value: Some(value),
                ..Outbound::default()
            })
            .collect();
        self.producer.publish_all(&outbound).await.unwrap();
    }

    pub async fn publish_raw(&self, record: Outbound<'_>) {
        self.producer.publish(record).await.unwrap();
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("reassure.db")
    }

    /// The first number that a query of the store gives.
    pub fn count(&self, sql: &str) -> i64 {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(self.store(), flags).unwrap();
        connection.busy_timeout(LONG).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// What the sink received, as messages: `confirmation` for `Z1` by `resend`.
    pub fn messages(&self) -> Vec<Message> {
        self.sandbox.received().into_iter().map(Message::new).collect()
    }

    /// Waits until something holds of what the sink received.
    pub async fn messages_until(&self, what: &str, holds: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        let end = Instant::now() + LONG;
        loop {
            let messages = self.messages();
            if holds(&messages) {
                return messages;
            }
            let got: Vec<String> = messages.iter().map(ToString::to_string).collect();
            assert!(Instant::now() < end, "it never happened: {what}; received:\n{}", got.join("\n"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Polls until it holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < end, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// A request that the sink received, read as the message that it carries.
#[derive(Clone, Debug)]
pub struct Message {
    pub order: String,
    pub name: String,
    pub vendor: Vendor,
    pub received: Received,
}

impl Message {
    fn new(received: Received) -> Self {
        let body: Value = serde_json::from_str(&received.body).unwrap_or_default();
        let name = match received.vendor {
            Vendor::Webhook => &body["type"],
            Vendor::BrevoSms => &body["tag"],
            _ => &body["tags"][0]["value"],
        };
        // orders of these tests are Z and figures, and nothing else is
        let order = received.body.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
            word.strip_prefix('Z').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        });
        Self {
            order: order.unwrap_or("?").to_owned(),
            name: name.as_str().unwrap_or("?").to_owned(),
            vendor: received.vendor,
            received,
        }
    }

    pub fn is(&self, order: &str, name: &str, vendor: Vendor) -> bool {
        self.order == order && self.name == name && self.vendor == vendor
    }
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Received { status, taken, received_at, key, .. } = &self.received;
        write!(f, "{received_at} {} {} {:?} {status} taken={taken} {key}", self.order, self.name, self.vendor)
    }
}

/// A process of the service. It ends with this; one that ended by itself is a fault.
pub struct Service {
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Service {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where it answers, once it does.
    pub async fn address(&mut self) -> String {
        let end = Instant::now() + LONG;
        loop {
            let log = self.log();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(ready) = lines.find(|line| line["message"] == "ready") {
                return ready["address"].as_str().unwrap().to_owned();
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
        let address = self.address().await;
        get(&address, path).await
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
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // a server that refuses the request may close before all of it was read
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}{}", text(&output.stdout), text(&output.stderr)))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
