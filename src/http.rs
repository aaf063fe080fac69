//! What the service answers over HTTP: probes and metrics to whoever can reach it, and the API, on
//! a port of its own, to those who are known.

pub mod access;
pub mod api;
pub mod connection;
mod guard;
pub mod limit;
mod privacy;
mod receipts;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use connection::Bounds;

use crate::clock::Clock;
use crate::config::{Confirmation, Role};
use crate::domain::confirmation::Cause;
use crate::domain::time::Timestamp;
use crate::ingest::{Progress, Receipts};
use crate::ports::{Backlog, Connections, Provider, Space, Store, StoreError, Storm};
use crate::publish::Outlet;
use crate::reload::Status;
use crate::shops::InForce;
use crate::telemetry::Metrics;

/// No answer takes longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the answers are made from.
#[derive(Clone)]
pub struct Facts {
    pub store: Arc<dyn Store>,
    pub metrics: Metrics,
    pub clock: Clock,
    pub progress: Progress,
    /// Fills in what only the bus knows, right before the metrics are read.
    pub refresh: Arc<dyn Fn(&Metrics) + Send + Sync>,
    /// Why no broker has taken us since the start.
    pub unreached: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// By their names, for what they tell afterwards.
    pub providers: Arc<BTreeMap<String, Arc<dyn Provider>>>,
    pub receipts: Receipts,
    pub shops: InForce,
    pub outlet: Outlet,
    pub confirmation: Confirmation,
    pub roles: BTreeSet<Role>,
    /// Which configuration is in force.
    pub config: watch::Receiver<Status>,
    /// Asks for a look at the configuration.
    pub reload: Arc<Notify>,
    /// The service is about to end and takes nothing new.
    pub stopping: watch::Receiver<bool>,
}

/// Serves probes and metrics until `end` is told.
pub async fn serve(listener: TcpListener, facts: Facts, end: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(|| async {
            problem(
                StatusCode::NOT_FOUND,
                "there is nothing here",
                "known: /livez, /readyz, /metrics; the API has an address of its own (api.listen)",
            )
        })
        .layer(from_fn(bounded))
        .with_state(facts);
    connection::serve(listener, router, Bounds::default(), end).await;
}

/// Listens on `address`, which is that of `setting`.
///
/// # Errors
/// That of the operating system, with the address in it.
pub async fn listen(address: SocketAddr, setting: &str) -> std::io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| std::io::Error::new(error.kind(), format!("cannot listen on {address} ({setting}): {error}")))
}

/// What every answer says to a browser: run nothing, show it nowhere, keep nothing, ask nobody.
const MANNERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

async fn bounded(request: Request, next: Next) -> Response {
    let mut response = tokio::time::timeout(DEADLINE, next.run(request)).await.unwrap_or_else(|_| {
        problem(StatusCode::SERVICE_UNAVAILABLE, "it took too long", "try again; is the store slow?")
    });
    response.headers_mut().extend(MANNERS);
    response
}

async fn ready(State(facts): State<Facts>) -> Response {
    if *facts.stopping.borrow() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "it finishes what is under way");
    }
    if !facts.progress.store_works() {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store takes no writes",
            "intake waits for it; see the log",
        );
    }
    // only until the first contact: whoever waits for receipts must not be cut off because Kafka is
    if let Some(why) = (facts.unreached)() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "Kafka has not been reached", &why);
    }
    if !facts.progress.registry_works() {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "the schema registry does not answer",
            "records wait for their schemas; see the log",
        );
    }
    match facts.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => away(&error),
    }
}

async fn metrics(State(facts): State<Facts>) -> Response {
    let now = facts.clock.now();
    (facts.refresh)(&facts.metrics);
    let failed = |operation: &str| facts.metrics.store_errors.with_label_values(&[operation, "unavailable"]).inc();
    match facts.store.backlog(now).await {
        Ok(backlog) => show(&facts.metrics, &backlog, now),
        Err(_) => failed("backlog"),
    }
    match facts.store.space().await {
        Ok(space) => show_space(&facts.metrics, space),
        Err(_) => failed("space"),
    }
    facts.store.connections().iter().for_each(|pool| show_connections(&facts.metrics, pool));
    let (from, to) = facts.confirmation.missed_at(now);
    match facts.store.unconfirmed(from, to).await {
        Ok(counts) => show_unconfirmed(&facts, counts),
        Err(_) => failed("unconfirmed"),
    }
    match facts.store.storms(now).await {
        Ok(storms) => show_storms(&facts, &storms, now),
        Err(_) => failed("storms"),
    }
    let works = facts.progress.store_works() && facts.progress.registry_works();
    let is_ready = i64::from(works && !*facts.stopping.borrow());
    for role in &facts.roles {
        facts.metrics.ready.with_label_values(&[role.as_str()]).set(is_ready);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], facts.metrics.render()).into_response()
}

fn show(metrics: &Metrics, backlog: &Backlog, now: Timestamp) {
    #[allow(clippy::cast_precision_loss, reason = "a gauge; nobody has 2^53 messages")]
    let gauge = |kind: &str, count: u64| metrics.backlog.with_label_values(&[kind]).set(count as f64);
    gauge("pending_notifications", backlog.pending);
    gauge("held_notifications", backlog.held);
    gauge("dead_notifications", backlog.dead_notifications);
    gauge("dead_records", backlog.dead_records);
    gauge("publications", backlog.publications);
    gauge("parked_events", backlog.parked);
    gauge("timers", backlog.timers);
    let age =
        |at: Option<Timestamp>| at.and_then(|at| now.since(at).to_std().ok()).map_or(0.0, |age| age.as_secs_f64());
    metrics.oldest_due.set(age(backlog.oldest_due));
    metrics.timers_overdue.set(age(backlog.next_wake));
    let dead = |kind: &str, since| metrics.oldest_dead.with_label_values(&[kind]).set(age(since));
    dead("held_notifications", backlog.oldest_held);
    dead("dead_notifications", backlog.oldest_dead_notification);
    dead("dead_records", backlog.oldest_dead_record);
}

fn show_space(metrics: &Metrics, space: Option<Space>) {
    let Some(space) = space else { return };
    for (gauge, bytes) in
        [(&metrics.store_size, space.used), (&metrics.disk_size, space.disk), (&metrics.disk_free, space.free)]
    {
        gauge.with_label_values::<&str>(&[]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

fn show_connections(metrics: &Metrics, of: &Connections) {
    let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let connections = |state: &str| metrics.connections.with_label_values(&[of.pool, state]);
    connections("in_use").set(whole(of.in_use));
    connections("idle").set(whole(of.open.saturating_sub(of.in_use)));
    metrics.waiting_calls.with_label_values(&[of.pool]).set(whole(of.waiting));
    // one scrape at a time counts; two at once may count a little twice, never less
    let given = metrics.connections_given.with_label_values(&[of.pool]);
    given.inc_by(of.given.saturating_sub(given.get()));
    let waited = metrics.connection_waits.with_label_values(&[of.pool]);
    waited.inc_by((of.waited.as_secs_f64() - waited.get()).max(0.0));
}

fn show_unconfirmed(facts: &Facts, counts: Vec<(String, Cause, u64)>) {
    let shops = facts.shops.get();
    let mut shown: BTreeMap<(&str, Cause), u64> = BTreeMap::new();
    for (shop, cause, count) in &counts {
        *shown.entry((facts.metrics.shops.label(shops.label(shop)), *cause)).or_default() += count;
    }
    let gauge = &facts.metrics.confirmations_missing;
    gauge.reset();
    for ((shop, cause), count) in shown {
        gauge.with_label_values(&[shop, cause.as_str()]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

fn show_storms(facts: &Facts, storms: &[Storm], now: Timestamp) {
    let shops = facts.shops.get();
    let (held, raging) = (&facts.metrics.storm_held, &facts.metrics.storm_raging);
    held.reset();
    raging.reset();
    for storm in storms {
        // a shop that is known by no name shares its label with the others
        let labels = [facts.metrics.shops.label(shops.label(&storm.shop)), facts.metrics.rules.label(&storm.rule)];
        held.with_label_values(&labels).add(i64::try_from(storm.held).unwrap_or(i64::MAX));
        if storm.rages(now) {
            raging.with_label_values(&labels).set(1);
        }
    }
}

/// A problem as RFC 9457 writes it.
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({ "type": "about:blank", "status": status.as_u16(), "title": title, "detail": detail });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

fn away(error: &StoreError) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer", &error.to_string())
}

fn unreadable() -> Response {
    problem(StatusCode::BAD_REQUEST, "the path cannot be read", "its parts are UTF-8, percent-encoded")
}
