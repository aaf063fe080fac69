//! `POST /receipts/<provider>`: what a provider tells of its messages afterwards.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::{Facts, away, problem};
use crate::ports::{Callback, Unheard};

/// No callback is longer: SendGrid, which gathers most, posts at most 768 KiB.
pub const MOST_BYTES: usize = 1024 * 1024;

/// Callbacks that are read at a time: whoever can reach this may send one before it is known who they are (I10).
const MOST_AT_ONCE: usize = 64;

/// Who comes when so many are there waits, within the deadline of an answer.
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MOST_AT_ONCE))
}

pub async fn in_turn(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let _place = places.acquire_owned().await;
    next.run(request).await
}

/// Listens to what the provider has signed. Any answer but a 2xx makes the provider tell it again.
pub async fn receive(
    State(facts): State<Facts>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(provider) = facts.providers.get(&name) else {
        return problem(StatusCode::NOT_FOUND, "no such provider", "its name is that of [providers.<name>]");
    };
    let Some(receipts) = provider.receipts() else {
        return problem(StatusCode::NOT_FOUND, "its receipts are not taken in", "set `receipts` of the provider");
    };
    let count = |what: &str, times: usize| {
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        facts.metrics.receipts.with_label_values(&[provider.name(), what]).inc_by(times);
    };
    let Ok(body) = body else {
        count("refused", 1);
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "too long", "at most 1 MiB at a time");
    };
    let headers: Vec<(String, String)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let query = query.unwrap_or_default();
    let callback = Callback { query: &query, headers: &headers, body: &body };
    let heard = match receipts.read(&callback, facts.clock.now()) {
        Ok(heard) => heard,
        Err(why) => {
            count("refused", 1);
            return match why {
                Unheard::Unsigned => problem(
                    StatusCode::UNAUTHORIZED,
                    "the signature does not hold",
                    "is it the key of this provider, and the address as the provider was given it?",
                ),
                Unheard::Unreadable => {
                    problem(StatusCode::BAD_REQUEST, "it cannot be read", "the provider's own JSON is needed")
                }
            };
        }
    };
    count("ignored", heard.others);
    match facts.receipts.take(provider.name(), &heard.notices).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => away(&error),
    }
}
