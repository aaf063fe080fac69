//! TLS, passwords and tokens, each as it should be and each as it should not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reassure::bus::oauth::{Endpoint, OAuth};
use reassure::bus::producer::{Outbound, Producer};
use reassure::bus::{self, BusSettings};
use reassure::secret::SecretSource;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::bus::{LONG, Offsets, eventually, records, start};
use super::super::service::harness::{Ground, World, eventually as holds};
use super::super::stack::{self, Guarded};
use super::{Admin, unique};

const PASSWORD: &str = "open-sesame";

/// A broker behind TLS, a topic on it, and a folder for secrets.
struct Safe {
    broker: Guarded,
    admin: Admin,
    topic: String,
    folder: TempDir,
}

impl Safe {
    async fn new() -> Option<Self> {
        let (brokers, broker) = (stack::kafka()?, stack::guarded_kafka()?);
        let (admin, topic) = (Admin::new(&brokers), unique("safe"));
        admin.create(&topic, 1).await;
        Some(Self { broker, admin, topic, folder: tempfile::tempdir().unwrap() })
    }

    fn settings(&self, brokers: &str, properties: &[(&str, &str)]) -> BusSettings {
        let mut settings = self.admin.settings(&self.topic);
        settings.brokers = brokers.to_owned();
        let all = [("ssl.ca.location", &*self.broker.file("authority.pem"))];
        for (name, value) in all.iter().chain(properties) {
            settings.properties.insert((*name).to_owned(), (*value).to_owned());
        }
        settings
    }

    fn secret(&self, text: &str) -> SecretSource {
        let path = self.folder.path().join(unique("secret"));
        std::fs::write(&path, text).unwrap();
        SecretSource::File(path.display().to_string())
    }

    fn by_password(&self, mechanism: &str, password: &str) -> BusSettings {
        let properties =
            [("security.protocol", "sasl_ssl"), ("sasl.mechanism", mechanism), ("sasl.username", "reassure")];
        let mut settings = self.settings(&self.broker.named, &properties);
        settings.secret_properties = BTreeMap::from([("sasl.password".to_owned(), self.secret(password))]);
        settings
    }

    fn by_token(&self, oauth: OAuth) -> BusSettings {
        BusSettings { oauth: Some(oauth), ..self.settings(&self.broker.named, &[]) }
    }

    /// Both ways: a record is published and read.
    async fn passes(&self, settings: BusSettings) {
        let producer = Producer::of(&settings, LONG).unwrap();
        let hello = Outbound { topic: &self.topic, value: Some(b"7"), ..Outbound::default() };
        producer.publish(hello).await.unwrap();
        let mut bus = start(&settings, &Offsets::default());
        records(&mut bus, 1).await;
        assert_eq!(bus.handle.unreached(), None);
        bus.handle.stop(LONG).await;
    }

    /// It says what to look at, and not what is secret.
    async fn is_refused(&self, settings: BusSettings, advice: &str) {
        let bus = start(&settings, &Offsets::default());
        let why = || bus.handle.unreached().unwrap_or_default();
        eventually("the refusal is told", || why().contains(advice)).await;
        assert!(!why().contains("wrong-word"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_a_broker_that_is_trusted() {
    let Some(safe) = Safe::new().await else { return };
    safe.passes(safe.settings(&safe.broker.tls, &[("security.protocol", "ssl")])).await;
    let stranger = safe.broker.file("stranger-authority.pem");
    let trusting_another = [("security.protocol", "ssl"), ("ssl.ca.location", &*stranger)];
    safe.is_refused(safe.settings(&safe.broker.tls, &trusting_another), "ssl.ca.location").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_wants_a_certificate_is_shown_one() {
    let Some(safe) = Safe::new().await else { return };
    let (certificate, key) = (safe.broker.file("client.pem"), safe.broker.file("client.key"));
    let shown =
        [("security.protocol", "ssl"), ("ssl.certificate.location", &*certificate), ("ssl.key.location", &*key)];
    safe.passes(safe.settings(&safe.broker.mutual, &shown)).await;
    safe.is_refused(safe.settings(&safe.broker.mutual, &[("security.protocol", "ssl")]), "ssl.certificate.location")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_password_are_taken_in_each_mechanism() {
    let Some(safe) = Safe::new().await else { return };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        safe.passes(safe.by_password(mechanism, PASSWORD)).await;
        safe.is_refused(safe.by_password(mechanism, "wrong-word"), "sasl.password").await;
    }
}

/// A token as Kafka's validator for developers takes it: unsigned.
fn token(seconds: i64) -> String {
    let now = chrono::Utc::now().timestamp();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "sub": "reassure", "iat": now - 1, "exp": now + seconds });
    format!("{}.{}.", part(json!({ "alg": "none" })), part(claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_read_from_a_file() {
    let Some(safe) = Safe::new().await else { return };
    let file = |token: &str| match safe.secret(token) {
        SecretSource::File(path) => OAuth::File(path),
        SecretSource::Env(_) => unreachable!(),
    };
    safe.passes(safe.by_token(file(&token(3600)))).await;
    for refused in [token(-60), "wrong-word".to_owned()] {
        safe.is_refused(safe.by_token(file(&refused)), "bus.oauth").await;
    }
}

/// Gives tokens for one client; keeps what it was asked.
async fn issuer(asked: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let answer = move |headers: HeaderMap, body: String| {
        let expected = format!("Basic {}", STANDARD.encode(format!("shop:{PASSWORD}")));
        let known = headers.get("authorization").is_some_and(|given| *given == *expected);
        asked.lock().unwrap().push(body);
        let refused = (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })));
        let granted = json!({ "access_token": token(3600), "token_type": "bearer", "expires_in": 3600 });
        async move { if known { (StatusCode::OK, Json(granted)) } else { refused } }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/token", post(answer))).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_fetched_for_client_credentials() {
    let Some(safe) = Safe::new().await else { return };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let address = issuer(Arc::clone(&asked)).await;
    let endpoint = |secret: &str| {
        OAuth::Endpoint(Endpoint {
            url: format!("http://{address}/token"),
            client_id: "shop".to_owned(),
            client_secret: safe.secret(secret),
            scope: Some("kafka read".to_owned()),
        })
    };
    safe.passes(safe.by_token(endpoint(PASSWORD))).await;
    assert_eq!(asked.lock().unwrap()[0], "grant_type=client_credentials&scope=kafka+read");
    safe.is_refused(safe.by_token(endpoint("wrong-word")), "bus.oauth").await;
}

#[tokio::test]
async fn a_secret_does_not_go_to_an_endpoint_in_the_clear() {
    let endpoint = |url: &str| {
        let client_secret = SecretSource::Env("NOWHERE".to_owned());
        OAuth::Endpoint(Endpoint { url: url.to_owned(), client_id: "shop".to_owned(), client_secret, scope: None })
    };
    let mut settings = BusSettings { topics: vec!["orders".to_owned()], ..BusSettings::default() };
    for (url, fault) in [("http://login.example/token", "https"), ("login.example", "no web address")] {
        settings.oauth = Some(endpoint(url));
        let Err(error) = bus::start(&settings, Offsets::default().of()) else { panic!("{url} is taken") };
        assert!(error.contains(fault), "{error}");
    }
    for url in ["https://login.example/token", "http://127.0.0.1:1/token", "http://[::1]:1/token"] {
        assert_eq!(endpoint(url).fault(), None);
    }
}

/// What an operator sees who has mistyped the password: not ready, with what to look at.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_keeps_the_service_from_being_ready_and_says_so() {
    let Some(safe) = Safe::new().await else { return };
    let ground = Ground { brokers: safe.broker.named.clone(), prefix: format!("{}.", safe.topic) };
    let mut world = World::on(ground).await;
    std::fs::write(world.folder.path().join("password"), "wrong-word").unwrap();
    for (name, value) in [
        ("security.protocol", "sasl_ssl"),
        ("ssl.ca.location", &*safe.broker.file("authority.pem")),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "reassure"),
    ] {
        world.set(&format!("bus.properties.'{name}'"), &format!("'{value}'"));
    }
    let password = format!("'{}/password'", world.folder.path().display());
    world.set("bus.secret_properties.'sasl.password'.file", &password);
    let mut service = world.run().await;
    holds("the service is not ready and says why", async || {
        let answer = service.get("/readyz").await;
        answer.status == 503 && answer.body.contains("sasl.password")
    })
    .await;
    let log = service.log();
    assert!(log.contains("check sasl.mechanism"), "{log}");
    assert!(!log.contains("wrong-word"), "{log}");
    assert_eq!(service.get("/livez").await.status, 200);
    tokio::time::timeout(Duration::from_secs(30), async { service.kill() }).await.unwrap();
}
