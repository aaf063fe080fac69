//! The world around the service, and the service as a process of its own.

mod collector;
mod message;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use chrono::Timelike as _;
use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::{Outbound, Producer};
use reassure::sandbox::{Behaviour, Call, Options, Sandbox};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

use super::events::{self, CARRIERS, ORDERS};

pub use collector::{Collector, Told};
pub use message::Message;
pub use process::{Answer, Service, ask, get};

/// Long enough for a busy machine; a test that waits this long has failed.
pub const LONG: Duration = Duration::from_secs(180);

pub const BINARY: &str = env!("CARGO_BIN_EXE_reassure");
const WEBHOOK_SECRET: &str = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldC0wMDAx";

type Plan = Box<dyn Fn(&Call<'_>) -> Behaviour + Send + Sync>;

/// A broker whose topics exist.
pub struct Ground {
    pub brokers: String,
    /// Before the name of each topic and group, where worlds share a broker.
    pub prefix: String,
}

impl Ground {
    /// The name of this world's own place in a database that worlds share.
    pub fn schema(&self) -> String {
        self.prefix.trim_end_matches('.').replace('-', "_")
    }
}

/// A broker, providers and a folder; they outlive every process of the service.
pub struct World {
    pub folder: TempDir,
    embedded: Option<EmbeddedBroker>,
    pub sandbox: Sandbox,
    pub ground: Ground,
    producer: Producer,
    settings: BTreeMap<String, String>,
    plan: Arc<RwLock<Plan>>,
}

impl World {
    /// On an embedded broker and a file.
    pub async fn new() -> Self {
        let broker = EmbeddedBroker::start(&[(ORDERS, 4), (CARRIERS, 4)]).unwrap();
        let ground = Ground { brokers: broker.bootstrap_servers(), prefix: String::new() };
        Self { embedded: Some(broker), ..Self::on(ground).await }
    }

    /// On another broker, and a file until another store is set.
    pub async fn on(ground: Ground) -> Self {
        let folder = tempfile::tempdir().unwrap();
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
        let large = [("message.max.bytes", "20000000"), ("reconnect.backoff.max.ms", "500")];
        let large = large.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let producer = Producer::connect(&ground.brokers, LONG, &large).unwrap();
        let mut world = Self { folder, embedded: None, sandbox, ground, producer, settings: BTreeMap::new(), plan };
        world.set_defaults();
        world
    }

    fn set_defaults(&mut self) {
        let url = self.sandbox.url().to_owned();
        let place = self.folder.path().display().to_string();
        for (key, literal) in [
            ("service.drain_seconds", "5"),
            ("http.listen", "'127.0.0.1:0'"),
            ("api.listen", "'127.0.0.1:0'"),
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
            // the tests run at any hour
            ("shop.quiet_hours.sms", "'none'"),
            ("shops.named.lumen.name", "'Lumen'"),
            ("providers.mail.kind", "'resend'"),
            ("providers.text.kind", "'brevo_sms'"),
            ("providers.text.on_unknown", "'retry'"),
            ("providers.hook.kind", "'webhook'"),
            ("providers.hook.allow_private_addresses", "true"),
        ] {
            self.set(key, literal);
        }
        let (orders, carriers) = (self.topic(ORDERS), self.topic(CARRIERS));
        self.set("bus.brokers", &format!("'{}'", self.ground.brokers));
        self.set("bus.topics", &format!("['{orders}', '{carriers}']"));
        self.set("bus.group", &format!("'{}reassure'", self.ground.prefix));
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

    /// Gives the shop rules of its own.
    pub fn own_rules(&mut self, rules: &str) {
        let shops = self.folder.path().join("shops");
        std::fs::create_dir_all(shops.join("lumen/rules")).unwrap();
        std::fs::write(shops.join("lumen/rules/own.yaml"), rules).unwrap();
        self.set("shops.folder", &format!("'{}'", shops.display()));
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
        self.config_with("reassure", &[])
    }

    /// Writes it under a name of its own, with settings of its own.
    pub fn config_with(&self, name: &str, own: &[(&str, String)]) -> PathBuf {
        let mut settings = self.settings.clone();
        settings.extend(own.iter().map(|(key, literal)| ((*key).to_owned(), literal.clone())));
        let text: String = settings.iter().map(|(key, literal)| format!("{key} = {literal}\n")).collect();
        let file = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&file, text).unwrap();
        file
    }

    /// The embedded broker, in a world that stands on one.
    pub fn broker(&self) -> &EmbeddedBroker {
        self.embedded.as_ref().expect("the broker is embedded")
    }

    /// The name that a topic has here.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.ground.prefix)
    }

    /// Starts a process of the service, not waiting for it.
    pub fn start(&self) -> Service {
        Service::start(Command::new(BINARY), &self.config())
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
                (self.topic(topic), key, serde_json::to_vec(event).unwrap())
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
        // a broker that is restarted on a busy machine may be away for longer than a producer waits;
        // what is published twice for it is a repetition like any other
        let begun = Instant::now();
        while let Err(error) = self.producer.publish_all(&outbound).await {
            assert!(begun.elapsed() < LONG, "{error}");
        }
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

    /// What the sink received since it was last asked so.
    pub fn take(&self) -> Vec<Message> {
        self.sandbox.take().into_iter().map(Message::new).collect()
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

/// Some counts are of an hour of the clock, or of a day: what is to count together must not begin at the end of one.
pub async fn early_in_the_hour() {
    eventually("an hour with some minutes left", async || chrono::Utc::now().minute() < 58).await;
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
