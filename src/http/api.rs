//! The API: what is known of journeys, what waits for a person, and what can be done about it. Beside
//! it, what providers tell of messages.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::access::{Access, Settings};
use super::connection::{self, Bounds};
use super::guard::{Guard, Object, guard};
use super::limit::Limit;
use super::tls::{self, TlsListener};
use super::{Facts, away, bounded, privacy, problem, receipts, unreadable};
use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::ports::{Ruling, StoreError};
use crate::timeline;

/// No list is longer.
const MOST_LISTED: usize = 1_000;

const KNOWN: &str = "known: GET /api/config, /api/unconfirmed, /api/dead-letters, /api/journeys/{shop}/{order}, \
    /api/storms; POST /api/config/reload, /api/dead-letters/{id}/redrive and /drop, /api/storms/{shop}/{rule}/release and /drop, \
    /api/customers/{shop}/{customer}/export and /erase, /api/journeys/{shop}/{order}/export and /erase";

/// The API, listening.
pub struct Api {
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    router: Router,
}

impl Api {
    /// Serves `facts` on `listener` to those whom `access` knows.
    ///
    /// # Errors
    /// A certificate that cannot be used, and the setting.
    pub fn new(listener: TcpListener, settings: &Settings, access: Arc<Access>, facts: Facts) -> anyhow::Result<Self> {
        let tls = settings.tls.as_ref().map(tls::config).transpose();
        let tls = tls.map_err(|(key, what)| anyhow::anyhow!("api.tls.{key}: {what}"))?;
        let guarded = Guard {
            access,
            limit: Arc::new(Limit::new(settings.requests_per_minute)),
            max_body_bytes: settings.max_body_bytes,
            metrics: facts.metrics.clone(),
        };
        let mut router = Router::new()
            .route("/api/journeys/{shop}/{order}", get(journey))
            .route("/api/config", get(config))
            .route("/api/config/reload", post(reload))
            .route("/api/unconfirmed", get(unconfirmed))
            .route("/api/storms", get(storms))
            .route("/api/storms/{shop}/{rule}/release", post(release))
            .route("/api/storms/{shop}/{rule}/drop", post(drop_held))
            .route("/api/dead-letters", get(dead_letters))
            .route("/api/dead-letters/{id}/redrive", post(redrive))
            .route("/api/dead-letters/{id}/drop", post(drop_letter))
            .merge(privacy::routes())
            .fallback(|| async { problem(StatusCode::NOT_FOUND, "there is nothing here", KNOWN) })
            .method_not_allowed_fallback(|| async { problem(StatusCode::METHOD_NOT_ALLOWED, "not in that way", KNOWN) })
            .layer(from_fn_with_state(guarded, guard))
            // providers are known by their signatures
            .route(
                "/receipts/{provider}",
                post(receipts::receive)
                    .layer(DefaultBodyLimit::max(receipts::MOST_BYTES))
                    .layer(from_fn_with_state(receipts::places(), receipts::in_turn)),
            )
            .layer(from_fn(bounded))
            .with_state(facts);
        if tls.is_some() {
            router = router.layer(from_fn(only_encrypted));
        }
        Ok(Self { listener, tls, router })
    }

    /// Serves until `end` is told.
    pub async fn serve(self, end: watch::Receiver<bool>) {
        let Self { listener, tls, router } = self;
        match tls {
            None => connection::serve(listener, router, Bounds::default(), end).await,
            Some(tls) => connection::serve(TlsListener::new(listener, tls), router, Bounds::default(), end).await,
        }
    }
}

/// A browser that was here comes back encrypted.
async fn only_encrypted(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let value = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    response
}

/// The orders whose confirmation is missing, the longest wait first.
async fn unconfirmed(State(facts): State<Facts>) -> Response {
    let (from, to) = facts.confirmation.missed_at(facts.clock.now());
    match facts.store.unconfirmed_orders(from, to, MOST_LISTED).await {
        Ok(orders) => axum::Json(json!({ "unconfirmed": orders })).into_response(),
        Err(error) => away(&error),
    }
}

async fn journey(State(facts): State<Facts>, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    let Ok(Path((shop, order_id))) = path else { return unreadable() };
    let key = JourneyKey { shop, order_id };
    match facts.store.timeline(&key).await {
        Ok(Some(found)) => axum::Json(timeline::json(&found, facts.clock.now())).into_response(),
        Ok(None) => {
            problem(StatusCode::NOT_FOUND, "no such journey", "no order of that shop and number has been placed here")
        }
        Err(error) => away(&error),
    }
}

/// The hash of what is in force, and why what stands in the files is not.
async fn config(State(facts): State<Facts>) -> Response {
    let status = facts.config.borrow().clone();
    axum::Json(status).into_response()
}

/// Has the files of the configuration looked at; what came of it is told by `/api/config`.
async fn reload(State(facts): State<Facts>) -> Response {
    facts.reload.notify_one();
    (StatusCode::ACCEPTED, axum::Json(json!({ "asked": true, "see": "/api/config" }))).into_response()
}

/// The rules that are held, and those of which something still is.
async fn storms(State(facts): State<Facts>) -> Response {
    let now = facts.clock.now();
    match facts.store.storms(now).await {
        Ok(storms) => {
            let shown: Vec<_> = storms.iter().take(MOST_LISTED).map(|storm| storm.shown(now)).collect();
            axum::Json(json!({ "storms": shown })).into_response()
        }
        Err(error) => away(&error),
    }
}

/// Which rule, of which shop.
type Voice = Result<Path<(String, String)>, PathRejection>;

async fn release(State(facts): State<Facts>, path: Voice) -> Response {
    rule_on(&facts, path, Ruling::Release).await
}

async fn drop_held(State(facts): State<Facts>, path: Voice) -> Response {
    rule_on(&facts, path, Ruling::Drop).await
}

/// Says what becomes of all that is held of a rule; it is carried out from then on.
async fn rule_on(facts: &Facts, path: Voice, ruling: Ruling) -> Response {
    let Ok(Path((shop, rule))) = path else { return unreadable() };
    let object = Object(format!("{shop}/{rule}"));
    match facts.store.rule_on(&shop, &rule, ruling, facts.clock.now()).await {
        Ok(Some(count)) => {
            let told = json!({ "shop": shop, "rule": rule, "ruling": ruling, "ruled": count });
            (axum::Extension(object), axum::Json(told)).into_response()
        }
        Ok(None) => problem(StatusCode::NOT_FOUND, "no such storm", "GET /api/storms lists those that hold something"),
        Err(error) => away(&error),
    }
}

/// What waits for a person in the store, oldest first.
async fn dead_letters(State(facts): State<Facts>) -> Response {
    match facts.store.dead_letters(MOST_LISTED).await {
        Ok(letters) => axum::Json(json!({ "dead_letters": letters })).into_response(),
        Err(error) => away(&error),
    }
}

/// Which letter: a record's number, or a notification's id.
type Letter = Result<Path<String>, PathRejection>;

/// Puts a letter back to work.
async fn redrive(State(facts): State<Facts>, path: Letter) -> Response {
    let Ok(Path(id)) = path else { return unreadable() };
    let redriven = match id.parse::<i64>() {
        Ok(record) => facts.store.redrive_record(record).await,
        Err(_) => facts.store.redrive_notification(&NotificationId(id.clone()), facts.clock.now()).await,
    };
    of_letter(id, "put_back", redriven)
}

/// Puts a letter away for good.
async fn drop_letter(State(facts): State<Facts>, path: Letter) -> Response {
    let Ok(Path(id)) = path else { return unreadable() };
    let dropped = match id.parse::<i64>() {
        Ok(record) => facts.store.drop_record(record).await,
        Err(_) => facts.store.drop_notification(&NotificationId(id.clone())).await,
    };
    of_letter(id, "dropped", dropped)
}

fn of_letter(id: String, what: &str, done: Result<bool, StoreError>) -> Response {
    match done {
        Ok(true) => (axum::Extension(Object(id.clone())), axum::Json(json!({ what: id }))).into_response(),
        Ok(false) => problem(StatusCode::NOT_FOUND, "no such letter", "GET /api/dead-letters lists those that wait"),
        Err(error) => away(&error),
    }
}
