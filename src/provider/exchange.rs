//! One request and its answer: with deadlines, a bounded answer and no redirects, and with the
//! one distinction on which everything else rests: whether the request had left.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;
use url::Url;

use super::address::{Guard, Refused};
use super::answer;
use crate::ports::{Answer, Outgoing};
use crate::tls::choose_cryptography;

/// No vendor's answer that we need is longer.
pub const LONGEST_ANSWER: usize = 64 * 1024;

/// The notification's id goes along on every request: vendors ignore it, and whoever looks at
/// the traffic on its way (an egress proxy, a sandbox) can tell what belongs together.
pub const NOTIFICATION_HEADER: &str = "x-notification-id";

/// The first quarter of the time-out, at most this, is for connecting. It ends before the
/// time-out does, so that a host that does not pick up is never mistaken for one that may have
/// taken the message.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// A connection that is closed by the other side just as a request goes out leaves us not
/// knowing. The common servers close idle ones after five seconds or more: ours go before.
const LONGEST_IDLE: Duration = Duration::from_secs(4);

/// What `timeout_seconds` is where the settings do not say.
pub(super) fn default_timeout_seconds() -> u64 {
    15
}

/// What `max_in_flight` is where the settings do not say.
pub(super) fn default_max_in_flight() -> usize {
    32
}

/// What bounds the exchanges with one provider.
pub struct Limits {
    pub timeout: Duration,
    pub idle_connections: usize,
    /// Refuse to dial addresses that are not public.
    pub guarded: bool,
    /// Ignore the environment's proxy, which could not reach the host.
    pub direct: bool,
}

/// A client for one provider.
pub struct Exchange {
    client: Client,
    pub timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The body is not whole.
    pub flaw: Option<Flaw>,
}

/// Why a body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    TooLong,
    TimedOut,
    Broken,
}

impl Flaw {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "answer_too_long",
            Self::TimedOut => "answer_timed_out",
            Self::Broken => "answer_broken",
        }
    }
}

impl Reply {
    /// A reply for tables and tests.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers
            .iter()
            .filter_map(|(name, value)| {
                Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
            })
            .collect();
        Self { status, headers, body: body.into(), flaw: None }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, if it is JSON. An object that has its end is all there, whatever became of the
    /// connection after it.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Exchange {
    /// # Errors
    /// Why no client can be made: most likely there are no root certificates.
    pub fn new(limits: &Limits) -> Result<Self, String> {
        choose_cryptography();
        let mut builder = Client::builder()
            .user_agent(concat!("reassure/", env!("CARGO_PKG_VERSION")))
            .timeout(limits.timeout)
            .connect_timeout((limits.timeout / 4).min(LONGEST_CONNECT))
            .pool_idle_timeout(LONGEST_IDLE)
            .pool_max_idle_per_host(limits.idle_connections)
            // whoever redirects gets neither the message nor the credentials
            .redirect(redirect::Policy::none())
            // every attempt is the dispatcher's, counted and recorded
            .retry(reqwest::retry::never())
            .referer(false);
        if limits.guarded {
            builder = builder.dns_resolver(Arc::new(Guard::system()));
        }
        // a proxy would look the name up itself, past the guard
        if limits.guarded || limits.direct {
            builder = builder.no_proxy();
        }
        // the whole chain of causes: the outermost says only "builder error"
        let client = builder.build().map_err(|error| chain(&error))?;
        Ok(Self { client, timeout: limits.timeout })
    }

    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    pub fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.client.request(method, url.clone())
    }

    /// Sends the request and reads its answer.
    ///
    /// # Errors
    /// The end that the attempt comes to without a status.
    pub async fn carry_out(&self, request: RequestBuilder, outgoing: &Outgoing<'_>) -> Result<Reply, Answer> {
        let mut request = request.header(NOTIFICATION_HEADER, outgoing.id.0.as_str());
        if let Some(parent) = outgoing.traceparent.filter(|parent| HeaderValue::from_str(parent).is_ok()) {
            request = request.header("traceparent", parent);
        }
        let mut response = request.send().await.map_err(|error| without_status(&error))?;
        let mut reply = Reply {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: Vec::new(),
            flaw: None,
        };
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if reply.body.len() + chunk.len() > LONGEST_ANSWER => {
                    reply.flaw = Some(Flaw::TooLong);
                    break;
                }
                Ok(Some(chunk)) => reply.body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    reply.flaw = Some(if error.is_timeout() { Flaw::TimedOut } else { Flaw::Broken });
                    break;
                }
            }
        }
        Ok(reply)
    }
}

/// What it means that there is no status. The texts of these errors hold the URL, and some
/// vendors' URLs hold keys: only the kind is told.
fn without_status(error: &reqwest::Error) -> Answer {
    if error.is_builder() {
        return answer::never_sent("request_invalid");
    }
    if error.is_connect() {
        if causes(error).any(|cause| cause.is::<Refused>()) {
            // like wrong credentials: of the endpoint, not of the message
            return answer::not_yet_sent("address_refused", true);
        }
        let code = if error.is_dns() {
            "host_not_found"
        } else if error.is_timeout() {
            "connect_timed_out"
        } else if causes(error)
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(|cause| cause.kind() == std::io::ErrorKind::ConnectionRefused)
        {
            "connection_refused"
        } else {
            "connect_failed"
        };
        return answer::not_yet_sent(code, false);
    }
    answer::no_answer(if error.is_timeout() { "timed_out" } else { "connection_broken" })
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

fn chain(error: &reqwest::Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
