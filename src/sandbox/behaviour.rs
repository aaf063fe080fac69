//! How a vendor can misbehave.

use axum::http::StatusCode;
use serde_json::json;

use super::contract::{Verdict, refusal};
use super::request::{Incoming, Vendor};

/// What a plan is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub vendor: Vendor,
    /// The notification's id.
    pub key: &'a str,
    /// The how-many-th request this is for the key, counted from 1.
    pub nth: u32,
}

/// How the vendor takes one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// By its contract.
    Answer,
    /// 429, with `Retry-After` in seconds.
    TooManyRequests { retry_after: u64 },
    /// 500
    InternalError,
    /// 503
    Unavailable,
    /// 401, as for a wrong credential.
    Unauthorized,
    /// Takes the message and never answers.
    Hang,
    /// Cuts the connection; the request is neither taken nor recorded.
    ResetUnheard,
    /// Takes the message, records it, and cuts the connection in place of an answer.
    ResetTaken,
    /// 200 with a page in place of JSON; not taken.
    Garbage,
    /// 200 with an error in its body; not taken.
    ErrorInBody,
}

impl Behaviour {
    /// The answer that is not by the contract; `None` if the contract decides.
    pub(super) fn misbehave(self, incoming: &Incoming) -> Option<Verdict> {
        let refuse = |status| Some(refusal(incoming.vendor, status));
        match self {
            Self::Answer | Self::Hang | Self::ResetTaken | Self::ResetUnheard => None,
            Self::TooManyRequests { retry_after } => refuse(StatusCode::TOO_MANY_REQUESTS)
                .map(|verdict| verdict.with("retry-after", retry_after.to_string())),
            Self::InternalError => refuse(StatusCode::INTERNAL_SERVER_ERROR),
            Self::Unavailable => refuse(StatusCode::SERVICE_UNAVAILABLE),
            Self::Unauthorized => refuse(StatusCode::UNAUTHORIZED),
            Self::Garbage => Some(
                Verdict::bare(StatusCode::OK)
                    .with("content-type", "text/html")
                    .saying("<html><body>It works!</body></html>"),
            ),
            Self::ErrorInBody => Some(
                Verdict::bare(StatusCode::OK)
                    .with("content-type", "application/json")
                    .saying(json!({ "error": "internal", "message": "not sent to buyer@example.com" }).to_string()),
            ),
        }
    }
}
