//! Tokens for Kafka's OAUTHBEARER. The library would fetch them by itself only with curl, which it
//! is built without; it asks us instead, whenever one is about to expire.

use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::ConsumerContext;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use url::{Host, Url};

use crate::clock::Clock;
use crate::secret::SecretSource;
use crate::tls::choose_cryptography;

/// No fetch takes longer; the library asks again ten seconds after a failure.
const DEADLINE: Duration = Duration::from_secs(10);
/// For how long a token is taken that does not say when it expires.
const UNSAID_SECONDS: i64 = 300;
/// An answer longer than this is not a token.
const MOST_BYTES: usize = 64 * 1024;

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuth {
    /// A file that somebody keeps fresh, such as a projected service account token of Kubernetes.
    File(String),
    /// An endpoint that gives them for client credentials (RFC 6749, section 4.4).
    Endpoint(Endpoint),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `https`, or `http` on this machine: the secret goes there.
    pub url: String,
    pub client_id: String,
    pub client_secret: SecretSource,
    /// Words separated by blanks, where the endpoint wants them.
    #[serde(default)]
    pub scope: Option<String>,
}

impl OAuth {
    /// What is wrong with the settings, with the key it is wrong in.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        match self {
            Self::File(path) => path.is_empty().then(|| ("file", "names no file".to_owned())),
            Self::Endpoint(endpoint) => endpoint.address().err().map(|what| ("endpoint", what)),
        }
    }
}

impl Endpoint {
    fn address(&self) -> Result<Url, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("url is no web address: {error}"))?;
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if here => Ok(url),
            _ => Err("url must begin with https: the client's secret goes there".to_owned()),
        }
    }
}

/// Gets tokens for a client of Kafka.
pub(super) struct Tokens {
    source: OAuth,
    http: reqwest::Client,
}

impl Tokens {
    pub fn new(source: &OAuth) -> Result<Self, String> {
        if let Some((key, what)) = source.fault() {
            return Err(format!("bus.oauth.{key}: {what}"));
        }
        choose_cryptography();
        // whoever redirects does not get the secret
        let http = reqwest::Client::builder().timeout(DEADLINE).redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| format!("no HTTP client for bus.oauth: {error}"))?;
        Ok(Self { source: source.clone(), http })
    }

    /// A token, for the library. Waits, at most as long as the deadline.
    pub fn get(&self) -> Result<OAuthToken, String> {
        let token = match &self.source {
            OAuth::File(path) => read(path),
            OAuth::Endpoint(endpoint) => self.fetch(endpoint),
        };
        token.inspect_err(|error| tracing::warn!(error, "no token for Kafka; it is asked for again"))
    }

    /// On a thread and a runtime of its own: the library asks from any thread, and seldom.
    fn fetch(&self, endpoint: &Endpoint) -> Result<OAuthToken, String> {
        let secret = endpoint.client_secret.read()?;
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(endpoint.scope.as_deref().map(|scope| ("scope", scope)));
        let request = self.http.post(endpoint.address()?).basic_auth(&endpoint.client_id, Some(secret.expose()));
        let request = request.form(&form);
        let (sender, receiver) = mpsc::sync_channel(1);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let fetching = std::thread::Builder::new().name("token".to_owned()).spawn(move || {
            let answer = runtime.block_on(async {
                let mut response = request.send().await?;
                let mut body = Vec::new();
                while let Some(chunk) = response.chunk().await?.filter(|_| body.len() <= MOST_BYTES) {
                    body.extend_from_slice(&chunk);
                }
                Ok((response.status(), body))
            });
            // nobody waits any more if this fails
            let _ = sender.send(answer);
        });
        fetching.map_err(|error| error.to_string())?;
        let answer: Result<_, reqwest::Error> =
            receiver.recv_timeout(DEADLINE + Duration::from_secs(1)).map_err(|_| "the token endpoint took too long")?;
        let (status, body) = answer.map_err(|error| {
            format!("the token endpoint cannot be reached: {}; check bus.oauth.endpoint.url", error.without_url())
        })?;
        if body.len() > MOST_BYTES {
            return Err("the token endpoint's answer is too long to be a token".to_owned());
        }
        let granted: Granted = serde_json::from_slice(&body).unwrap_or_default();
        match granted.access_token {
            Some(token) if status.is_success() => told(token, granted.expires_in),
            _ => {
                // a word of RFC 6749, section 5.2; anything else might repeat what is secret
                let code = granted
                    .error
                    .filter(|code| code.len() < 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
                Err(format!(
                    "the token endpoint refuses with {} {}; check bus.oauth.endpoint: client_id, client_secret, scope",
                    status.as_u16(),
                    code.as_deref().unwrap_or("and no reason")
                ))
            }
        }
    }
}

/// The context of a client that needs nothing but its tokens.
pub(super) struct Bearer(Option<Tokens>);

impl Bearer {
    pub fn of(source: Option<&OAuth>) -> Result<Self, String> {
        Ok(Self(source.map(Tokens::new).transpose()?))
    }
}

impl ClientContext for Bearer {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token_of(self.0.as_ref())
    }
}

impl ConsumerContext for Bearer {}

/// What every context answers the library.
pub(super) fn token_of(tokens: Option<&Tokens>) -> Result<OAuthToken, Box<dyn Error>> {
    Ok(tokens.ok_or("OAUTHBEARER needs [bus.oauth]")?.get()?)
}

fn read(path: &str) -> Result<OAuthToken, String> {
    let token = SecretSource::File(path.to_owned()).read()?;
    told(token.expose().to_owned(), None).map_err(|what| format!("{what}; is {path} kept fresh?"))
}

#[derive(Default, Deserialize)]
struct Granted {
    access_token: Option<String>,
    expires_in: Option<i64>,
    error: Option<String>,
}

/// What a token says of itself, where it is a JWT.
#[derive(Default, Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
}

fn told(token: String, expires_in: Option<i64>) -> Result<OAuthToken, String> {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Claims = payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
    let now = Clock::system().now().millis();
    #[allow(clippy::cast_possible_truncation, reason = "seconds since 1970; beyond the range it saturates")]
    let said = claims.exp.map(|seconds| (seconds * 1000.0) as i64);
    let until = said.unwrap_or_else(|| now.saturating_add(expires_in.unwrap_or(UNSAID_SECONDS).saturating_mul(1000)));
    if until <= now {
        return Err("the token for Kafka has expired".to_owned());
    }
    // only a name in the library's own log
    let principal_name = claims.sub.unwrap_or_else(|| "reassure".to_owned());
    Ok(OAuthToken { token, principal_name, lifetime_ms: until })
}
