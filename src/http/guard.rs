//! What every request to the API must pass: who asks, what they may, how often and how much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::access::{Access, Caller, Right, Stranger};
use super::connection::Peer;
use super::limit::{Asker, Limit};
use super::problem;
use crate::telemetry::Metrics;

/// What an operation was done to, for the log.
#[derive(Clone, Debug)]
pub struct Object(pub String);

/// Stands before the API.
#[derive(Clone)]
pub struct Guard {
    pub access: Arc<Access>,
    pub limit: Arc<Limit>,
    pub max_body_bytes: usize,
    pub metrics: Metrics,
}

/// Lets a request through, or says why not and what to do.
pub async fn guard(
    State(guard): State<Guard>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let response = match guard.admit(peer, request).await {
        Ok((request, caller)) => run(request, &caller, next).await,
        Err(refusal) => refusal,
    };
    guard.metrics.api_answers.with_label_values(&[response.status().as_str()]).inc();
    response
}

impl Guard {
    async fn admit(&self, Peer(peer): Peer, request: Request) -> Result<(Request, Caller), Response> {
        let (mut parts, body) = request.into_parts();
        let now = Instant::now();
        let address = peer.ip().to_canonical();
        let caller = self.access.caller(&parts.headers, address).map_err(|stranger| {
            // a stranger's guesses use up what their address may ask, and never a caller's allowance
            self.limit.take(Asker::at(address), now).map_or_else(later, |()| unknown(stranger))
        })?;
        self.limit.take(Asker::Known(caller.name.clone()), now).map_err(later)?;
        let needed = needed(&parts.method);
        if caller.may < Some(needed) {
            return Err(not_allowed(&caller, needed));
        }
        if needed == Right::Operate && is_from_another_site(&parts) {
            let right =
                "a page of another site asked for it; operations are asked for by programs and by pages of this one";
            return Err(problem(StatusCode::FORBIDDEN, "not from there", right));
        }
        let body = to_bytes(body, self.max_body_bytes).await.map_err(|_| {
            let right = format!("send at most {} bytes (api.max_body_bytes), and all of them", self.max_body_bytes);
            problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or broke off", &right)
        })?;
        parts.extensions.insert(caller.clone());
        Ok((Request::from_parts(parts, Body::from(body)), caller))
    }
}

/// Answers, and notes who has operated on what.
async fn run(request: Request, caller: &Caller, next: Next) -> Response {
    if needed(request.method()) == Right::Read {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let mut operation = Operation { by: &caller.name, route, ended: None };
    let response = next.run(request).await;
    operation.ended = Some((response.status(), response.extensions().get::<Object>().cloned()));
    response
}

/// Something that was asked for. It is noted however it ends: who hangs up, or waits longer than an answer may
/// take, may have had it done all the same.
struct Operation<'a> {
    by: &'a str,
    route: String,
    /// `None`: nobody waited for it.
    ended: Option<(StatusCode, Option<Object>)>,
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let (by, operation) = (self.by, &*self.route);
        match &self.ended {
            Some((status, object)) => tracing::info!(
                by,
                operation,
                object = object.as_ref().map(|object| &*object.0),
                status = status.as_u16(),
                "an operation was asked for"
            ),
            None => tracing::warn!(by, operation, "an operation was asked for and not waited for; it may be done"),
        }
    }
}

/// What is safe by HTTP's own definition only looks.
fn needed(method: &Method) -> Right {
    if method.is_safe() { Right::Read } else { Right::Operate }
}

/// Browsers say where a request comes from; others do not.
fn is_from_another_site(parts: &Parts) -> bool {
    parts.headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

fn unknown(stranger: Stranger) -> Response {
    let detail = match stranger {
        Stranger::Nameless => {
            "send `Authorization: Bearer <token>` with a token of [api.tokens], or come through the proxy"
        }
        Stranger::WrongToken => {
            "what Authorization holds is no token of [api.tokens]; is it a new one? Restart the service"
        }
        Stranger::AnotherHost => {
            let detail =
                "without [api.tokens] or [api.proxy] the API is for this machine, asked for as 127.0.0.1 or localhost";
            return problem(StatusCode::FORBIDDEN, "not from here", detail);
        }
    };
    let mut response = problem(StatusCode::UNAUTHORIZED, "who asks?", detail);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"reassure\""));
    response
}

fn not_allowed(caller: &Caller, needed: Right) -> Response {
    let has = caller.may.map_or("nothing", Right::as_str);
    let right = match caller.name.strip_prefix("token:") {
        Some(name) => format!("api.tokens.{name}.may must be \"{}\"; it is \"{has}\"", needed.as_str()),
        None => format!("one of your groups must be in api.proxy.{}; you may {has}", needed.as_str()),
    };
    problem(StatusCode::FORBIDDEN, "not allowed", &right)
}

fn later(wait: Duration) -> Response {
    let seconds = wait.as_secs_f64().ceil().max(1.0);
    let detail = format!("ask again in {seconds} s; api.requests_per_minute says how often");
    let mut response = problem(StatusCode::TOO_MANY_REQUESTS, "too many requests", &detail);
    if let Ok(seconds) = HeaderValue::from_str(&seconds.to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
