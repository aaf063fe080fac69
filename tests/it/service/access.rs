//! Who may ask the API, and what is told to those who may not. Every refusal over real HTTP.

use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;

use super::events::placed;
use super::harness::{Answer, Service, World, ask, eventually, get, read};

const READER: &str = "reader-0123456789abcdef0123456789";
const OPERATOR: &str = "operator-0123456789abcdef01234567";
const RELOAD: &str = "/api/config/reload";

/// A world whose API asks for tokens.
async fn guarded() -> World {
    let mut world = World::new().await;
    for (name, may, token) in [("reader", "read", READER), ("ops", "operate", OPERATOR)] {
        let file = world.folder.path().join(format!("api-{name}"));
        std::fs::write(&file, format!("{token}\n")).unwrap();
        world.set(&format!("api.tokens.{name}.may"), &format!("'{may}'"));
        world.set(&format!("api.tokens.{name}.token"), &format!("{{ file = '{}' }}", file.display()));
    }
    world
}

/// A request with these headers beside those that it needs.
async fn request(service: &mut Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let address = service.api().await;
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str(&format!("host: {address}\r\n"));
    }
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    ask(&address, &format!("{text}\r\n")).await
}

/// It is a problem that says what to do.
fn problem(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["status"], status);
    assert!(body["detail"].as_str().unwrap().contains(says), "{body}");
    hardened(answer);
}

fn hardened(answer: &Answer) {
    for manner in [
        "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "cache-control: no-store",
    ] {
        assert_eq!(answer.head.matches(manner).count(), 1, "{manner} in {}", answer.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_api_is_for_this_machine_alone() {
    let world = World::new().await;
    let mut service = world.run().await;
    let api = service.api().await;
    let answer = service.get("/api/config").await;
    assert_eq!(answer.status, 200);
    hardened(&answer);
    let port = api.rsplit_once(':').unwrap().1.to_owned();
    for host in [format!("localhost:{port}"), format!("[::1]:{port}"), "127.0.0.1".to_owned()] {
        assert_eq!(request(&mut service, "GET", "/api/config", &[("host", &host)]).await.status, 200, "{host}");
    }
    // a page that has its own name lead to this machine
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""] {
        let answer = request(&mut service, "GET", "/api/config", &[("host", host)]).await;
        problem(&answer, 403, "asked for as 127.0.0.1 or localhost");
    }
    assert_eq!(request(&mut service, "POST", RELOAD, &[]).await.status, 202);
    eventually("it is told who did it", async || service.log().contains("\"by\":\"local\"")).await;
    // the probes stand apart, and are hardened too
    let probes = service.address().await;
    assert_eq!(get(&probes, "/api/config").await.status, 404);
    for path in ["/livez", "/metrics", "/nothing"] {
        hardened(&get(&probes, path).await);
    }
    assert_eq!(get(&api, "/metrics").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_who_asks_and_what_they_may() {
    let world = guarded().await;
    let mut service = world.run().await;
    let bearer = |token: &str| format!("Bearer {token}");
    let (reader, operator) = (bearer(READER), bearer(OPERATOR));
    let answer = request(&mut service, "GET", "/api/config", &[]).await;
    problem(&answer, 401, "Authorization: Bearer");
    assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
    let almost = format!("{}0", &READER[..READER.len() - 1]);
    for wrong in [bearer("guess"), bearer(&almost), format!("Basic {READER}"), READER.to_owned(), "Bearer".to_owned()] {
        let answer = request(&mut service, "GET", "/api/config", &[("authorization", &wrong)]).await;
        problem(&answer, 401, "no token of [api.tokens]");
    }
    // what is not there is told to those alone who may ask
    problem(&request(&mut service, "GET", "/api/nothing", &[]).await, 401, "Bearer");
    let known = [("authorization", &*reader)];
    problem(&request(&mut service, "GET", "/api/nothing", &known).await, 404, "/api/journeys");
    problem(&request(&mut service, "DELETE", "/api/config", &known).await, 403, "operate");
    assert_eq!(request(&mut service, "GET", "/api/config", &known).await.status, 200);
    problem(&request(&mut service, "POST", RELOAD, &known).await, 403, "api.tokens.reader.may must be \"operate\"");
    let known = [("authorization", &*operator)];
    assert_eq!(request(&mut service, "GET", "/api/config", &known).await.status, 200);
    assert_eq!(request(&mut service, "POST", RELOAD, &known).await.status, 202);
    problem(&request(&mut service, "DELETE", "/api/config", &known).await, 405, "GET /api/config");
    problem(&request(&mut service, "POST", "/api/dead-letters/77/redrive", &known).await, 404, "GET /api/dead-letters");
    // a page of another site, in the browser of somebody who may
    let elsewhere = [("authorization", &*operator), ("sec-fetch-site", "cross-site")];
    problem(&request(&mut service, "POST", RELOAD, &elsewhere).await, 403, "another site");
    let told = |log: &str| {
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"] == "an operation was asked for").collect::<Vec<_>>()
    };
    eventually("operations are told", async || told(&service.log()).len() == 3).await;
    let operations = told(&service.log());
    assert!(operations.iter().all(|line| line["by"] == "token:ops"), "{operations:?}");
    assert_eq!((&operations[0]["operation"], &operations[0]["status"]), (&RELOAD.into(), &202.into()));
    assert!(!service.log().contains(OPERATOR) && !service.log().contains(READER), "never a token");
    assert_eq!(service.metric("reassure_api_answers_total{status=\"401\"}").await, 7.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_puts_a_dead_letter_back_or_away() {
    let world = guarded().await;
    world.behave(|_| reassure::sandbox::Behaviour::InternalError);
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    let known = format!("Bearer {OPERATOR}");
    let known = [("authorization", &*known)];
    let letters = async |service: &mut Service| {
        let answer = request(service, "GET", "/api/dead-letters", &known).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        body["dead_letters"].as_array().unwrap().clone()
    };
    eventually("it is given up", async || letters(&mut service).await.len() == 2).await;
    world.behave(|_| reassure::sandbox::Behaviour::Answer);
    for (letter, deed) in letters(&mut service).await.iter().zip(["redrive", "drop"]) {
        let id = letter["id"].as_str().unwrap();
        let answer = request(&mut service, "POST", &format!("/api/dead-letters/{id}/{deed}"), &known).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        eventually("it is told what was done", async || service.log().contains(&format!("\"object\":\"{id}\""))).await;
    }
    eventually("nothing waits any more", async || letters(&mut service).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_believed_from_its_own_address_alone() {
    let mut world = guarded().await;
    let proxy = |addresses: &str| {
        format!(
            "{{ addresses = ['{addresses}'], user = 'X-Auth-Request-Email', groups = 'X-Auth-Request-Groups', \
             read = ['care'], operate = ['leads'] }}"
        )
    };
    world.set("api.proxy", &proxy("127.0.0.0/8"));
    let mut service = world.run().await;
    let user = ("x-auth-request-email", "ada@lumen.example");
    let of = |groups: &'static str| [user, ("x-auth-request-groups", groups)];
    assert_eq!(request(&mut service, "GET", "/api/config", &of("all, care")).await.status, 200);
    problem(&request(&mut service, "POST", RELOAD, &of("care")).await, 403, "api.proxy.operate");
    assert_eq!(request(&mut service, "POST", RELOAD, &of("care,leads")).await.status, 202);
    problem(&request(&mut service, "GET", "/api/config", &of("leaders")).await, 403, "you may nothing");
    problem(&request(&mut service, "GET", "/api/config", &[user]).await, 403, "you may nothing");
    problem(&request(&mut service, "GET", "/api/config", &[("x-auth-request-groups", "leads")]).await, 401, "proxy");
    // somebody has added theirs to the proxy's
    let doubled = [user, ("x-auth-request-email", "eve@lumen.example"), ("x-auth-request-groups", "leads")];
    problem(&request(&mut service, "GET", "/api/config", &doubled).await, 401, "proxy");
    // who shows a token is judged by it
    let both = [user, ("x-auth-request-groups", "leads"), ("authorization", "Bearer guess")];
    problem(&request(&mut service, "GET", "/api/config", &both).await, 401, "no token");
    eventually("it is told who did it", async || service.log().contains("\"by\":\"user:ada@lumen.example\"")).await;
    drop(service);
    world.set("api.proxy", &proxy("192.0.2.0/24"));
    let mut service = world.run().await;
    problem(&request(&mut service, "GET", "/api/config", &of("leads")).await, 401, "proxy");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_too_often_or_sends_too_much() {
    let mut world = guarded().await;
    world.set("api.requests_per_minute", "5");
    world.set("api.max_body_bytes", "1_000");
    let mut service = world.run().await;
    let mut refused = 0;
    for _ in 0..30 {
        let answer = request(&mut service, "GET", "/api/config", &[("authorization", "Bearer guess")]).await;
        if answer.status == 429 {
            problem(&answer, 429, "api.requests_per_minute");
            assert!(answer.head.contains("retry-after: "), "{}", answer.head);
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
    // a stranger's guesses are not at the cost of who is known
    let known = format!("Bearer {OPERATOR}");
    for (length, status) in [(1_000, 202), (1_001, 413)] {
        let (body, length) = ("x".repeat(length), length.to_string());
        let address = service.api().await;
        let head = format!("POST {RELOAD} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: {known}\r\n");
        let answer = ask(&address, &format!("{head}content-length: {length}\r\n\r\n{body}")).await;
        assert_eq!(answer.status, status);
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let answer = ask(&address, &chunked).await;
        assert_eq!(answer.status, status);
        if status == 413 {
            problem(&answer, 413, "api.max_body_bytes");
        }
    }
    // four by now: the fifth is the last, the sixth is too many
    assert_eq!(request(&mut service, "GET", "/api/config", &[("authorization", &known)]).await.status, 200);
    let mut last = 200;
    for _ in 0..5 {
        last = last.max(request(&mut service, "GET", "/api/config", &[("authorization", &known)]).await.status);
    }
    assert_eq!(last, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_speaks_tls_where_it_has_a_certificate() {
    let mut world = guarded().await;
    let folder = world.folder.path().display().to_string();
    let made = Command::new("tests/stack/certificates").arg(&folder).status().unwrap();
    assert!(made.success());
    world.set("api.tls", &format!("{{ certificate = '{folder}/broker.pem', key = '{folder}/broker.key' }}"));
    let mut service = world.run().await;
    let authority = std::fs::read(format!("{folder}/authority.pem")).unwrap();
    reassure::tls::choose_cryptography();
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
        .build()
        .unwrap();
    let address = service.api().await;
    // one that only dawdles
    let _silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    let answer = client.get(format!("https://{address}/api/config")).bearer_auth(READER).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    let strange = reqwest::Client::new();
    assert!(strange.get(format!("https://{address}/api/config")).send().await.is_err(), "it is not one of all");
    assert_eq!(get(&address, "/api/config").await.status, 0, "in plain text it says nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_noted_even_if_nobody_waits_for_its_answer() {
    let mut world = guarded().await;
    world.set("store.busy_timeout_ms", "60000");
    let mut service = world.run().await;
    // it is not answered in time while the store is locked, and carried out all the same once it is not
    let mut other = Connection::open(world.store()).unwrap();
    let lock = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let operator = [("authorization", &*format!("Bearer {OPERATOR}"))];
    problem(&request(&mut service, "POST", "/api/dead-letters/1/drop", &operator).await, 503, "is the store slow?");
    let noted = |log: String| {
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.into_iter().find(|line| line["operation"] == "/api/dead-letters/{id}/drop")
    };
    eventually("it is told", async || noted(service.log()).is_some()).await;
    drop(lock);
    let line = noted(service.log()).unwrap();
    assert_eq!((&line["by"], &line["level"]), (&"token:ops".into(), &"WARN".into()), "{line}");
}

/// Method and path of every route of the API, as the code has them: what is added is held to this as well.
fn routes() -> Vec<(&'static str, String)> {
    let code = ["src/http/api.rs", "src/http/privacy.rs"].map(|file| read(Path::new(file))).concat();
    let routes = code.split(".route(\"/api/").skip(1).map(|route| {
        let (path, rest) = route.split_once("\", ").unwrap();
        let method = if rest.starts_with("get(") { "GET" } else { "POST" };
        assert!(method == "GET" || rest.starts_with("post("), "{route}");
        let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        (method, format!("/api/{}", parts.join("/")))
    });
    routes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_who_it_is_and_every_change_for_the_right_to_operate() {
    let world = guarded().await;
    let mut service = world.run().await;
    let routes = routes();
    assert!(routes.len() >= 14, "{routes:?}");
    let reader = ("authorization", format!("Bearer {READER}"));
    for (method, path) in &routes {
        problem(&request(&mut service, method, path, &[]).await, 401, "Bearer");
        let answer = request(&mut service, method, path, &[(reader.0, &reader.1)]).await;
        match *method {
            "GET" => assert!(matches!(answer.status, 200 | 404), "{path}: {answer:?}"),
            _ => problem(&answer, 403, "must be \"operate\""),
        }
    }
    assert!(!service.log().contains("an operation was asked for"), "none was let through");
}
