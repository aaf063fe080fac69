//! A schema registry over HTTP, by the API of Confluent's that others speak too (Apicurio below
//! `/apis/ccompat/v7`, Karapace, Redpanda).
//! (<https://docs.confluent.io/platform/current/schema-registry/develop/api.html>)
//!
//! What it says is kept by whoever asks: here one question is one exchange, with a deadline and a
//! bounded answer. Only what the registry itself says is not there is missing; whatever else goes
//! wrong is an outage, so that a wrong address or a proxy's page never costs a record.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, redirect};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::ports::{Registered, Registry, RegistryError, SchemaId};
use crate::secret::SecretSource;
use crate::tls::choose_cryptography;

/// No schema that we want to read is longer.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// The most schemas that one may refer to, over all steps.
const MOST_REFERENCES: usize = 64;

/// The registry's codes for what it does not have: a subject, a version, a schema.
const MISSING: [u64; 3] = [40401, 40402, 40403];

/// How to reach the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Without one, nothing that needs a registry is read.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// Sent as a bearer token.
    #[serde(default)]
    pub token: Option<SecretSource>,
    /// A file of PEM certificates to trust beside those of the system.
    #[serde(default)]
    pub certificates: Option<String>,
    /// No question takes longer.
    pub timeout_seconds: u64,
    /// Schemas kept in memory; those that were not needed for the longest time go first.
    pub schemas: usize,
}

/// A registry, ready to be asked.
pub struct HttpRegistry {
    client: Client,
    base: Url,
    timeout: Duration,
}

/// What the registry answers about a schema, as far as it is read.
#[derive(Deserialize)]
struct Found {
    schema: String,
    /// Left out for Avro.
    #[serde(default, rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: i64,
}

impl HttpRegistry {
    /// The registry of these settings; `None` if they name none.
    ///
    /// # Errors
    /// The setting that is wrong, and what would be right.
    pub fn new(settings: &Settings) -> Result<Option<Self>, (&'static str, String)> {
        let Some(url) = &settings.url else { return Ok(None) };
        let base = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| ("url", "is no address such as https://registry.example:8081".to_owned()))?;
        if settings.timeout_seconds == 0 {
            return Err(("timeout_seconds", "is 0; every question needs some time".to_owned()));
        }
        if settings.schemas == 0 {
            return Err(("schemas", "is 0; at least one schema must be kept to read with it".to_owned()));
        }
        choose_cryptography();
        let timeout = Duration::from_secs(settings.timeout_seconds);
        let mut headers = authorization(settings)?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.schemaregistry.v1+json, application/json"));
        let mut builder = Client::builder()
            .user_agent(concat!("reassure/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            // whoever redirects does not get the credentials
            .redirect(redirect::Policy::none())
            .default_headers(headers);
        for certificate in certificates(settings)? {
            builder = builder.add_root_certificate(certificate);
        }
        let client = builder.build().map_err(|error| ("url", format!("cannot be asked: {error}")))?;
        Ok(Some(Self { client, base, timeout }))
    }

    /// The status and the body of an answer.
    async fn get(&self, path: &[&str]) -> Result<(u16, Vec<u8>), RegistryError> {
        let broken = |error: reqwest::Error| unavailable(kind_of(&error));
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(unavailable("its address takes no path")),
        };
        let mut response = self.client.get(url).send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(match status {
                    200 => RegistryError::Unreadable(format!("is longer than {LONGEST_ANSWER} bytes")),
                    _ => unavailable(format!("it answers {status} at length")),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    async fn ask(&self, path: &[&str]) -> Result<Found, RegistryError> {
        let (status, body) = self.get(path).await?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|_| unavailable("its answer is no schema"));
        }
        let code = serde_json::from_slice::<Value>(&body).ok().and_then(|body| body.get("error_code")?.as_u64());
        let missing = status == 404
            && (code.is_some_and(|code| MISSING.contains(&code))
                || path.get(1) == Some(&"guids") && self.knows_no_guids().await?);
        Err(if missing { RegistryError::Missing } else { unavailable(format!("it answers {status}")) })
    }

    /// A registry from before GUIDs answers them as any path that it does not know. That it is a
    /// registry shows in an answer that all of them give.
    async fn knows_no_guids(&self) -> Result<bool, RegistryError> {
        let (status, body) = self.get(&["schemas", "types"]).await?;
        Ok(status == 200 && serde_json::from_slice::<Vec<String>>(&body).is_ok())
    }

    async fn whole(&self, id: SchemaId) -> Result<Registered, RegistryError> {
        let kind = match id {
            SchemaId::Number(_) => "ids",
            SchemaId::Guid(_) => "guids",
        };
        let found = self.ask(&["schemas", kind, &id.to_string()]).await?;
        let references = self.follow(found.references.unwrap_or_default()).await?;
        Ok(Registered { kind: found.kind.unwrap_or_else(|| "AVRO".to_owned()), text: found.schema, references })
    }

    /// All schemas that are referred to, each after those that it refers to itself.
    async fn follow(&self, references: Vec<Reference>) -> Result<Vec<String>, RegistryError> {
        /// To be asked for, or to be added once what it refers to has been.
        enum Step {
            Ask(Reference),
            Add(String),
        }
        let mut steps: Vec<Step> = references.into_iter().rev().map(Step::Ask).collect();
        let mut known = HashSet::new();
        let mut texts = Vec::new();
        while let Some(step) = steps.pop() {
            match step {
                Step::Add(text) => texts.push(text),
                Step::Ask(reference) => {
                    let version = reference.version.to_string();
                    if !known.insert((reference.subject.clone(), reference.version)) {
                        continue;
                    }
                    if known.len() > MOST_REFERENCES {
                        return Err(RegistryError::Unreadable(format!(
                            "refers to more than {MOST_REFERENCES} schemas"
                        )));
                    }
                    let found = self.ask(&["subjects", &reference.subject, "versions", &version]).await?;
                    steps.push(Step::Add(found.schema));
                    steps.extend(found.references.unwrap_or_default().into_iter().rev().map(Step::Ask));
                }
            }
        }
        Ok(texts)
    }
}

#[async_trait]
impl Registry for HttpRegistry {
    async fn schema(&self, id: SchemaId) -> Result<Registered, RegistryError> {
        let late = |_| unavailable("it takes too long");
        tokio::time::timeout(self.timeout, self.whole(id)).await.map_err(late)?
    }
}

fn unavailable(what: impl Into<String>) -> RegistryError {
    RegistryError::Unavailable(what.into())
}

/// The kind alone: the texts of these errors hold the address, which may hold credentials.
fn kind_of(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it takes too long"
    } else if error.is_connect() {
        "it cannot be reached"
    } else {
        "the connection broke"
    }
}

fn authorization(settings: &Settings) -> Result<HeaderMap, (&'static str, String)> {
    let read = |key: &'static str, secret: &SecretSource| secret.read().map_err(|error| (key, error));
    let value = match (&settings.user, &settings.password, &settings.token) {
        (None, None, None) => return Ok(HeaderMap::new()),
        (None, None, Some(token)) => format!("Bearer {}", read("token", token)?.expose()),
        (Some(user), Some(password), None) => {
            let password = read("password", password)?;
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose())))
        }
        (_, _, Some(_)) => return Err(("token", "stands beside a user or a password; set one way".to_owned())),
        (Some(_), None, None) => return Err(("user", "has no password; set registry.password".to_owned())),
        (None, Some(_), None) => return Err(("password", "has no user; set registry.user".to_owned())),
    };
    let wrong = |_| ("token", "cannot be sent in a header; it has line ends or other control characters".to_owned());
    let mut value = HeaderValue::from_str(&value).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

fn certificates(settings: &Settings) -> Result<Vec<Certificate>, (&'static str, String)> {
    let Some(path) = &settings.certificates else { return Ok(Vec::new()) };
    let pem = std::fs::read(path).map_err(|error| ("certificates", format!("cannot read {path}: {error}")))?;
    let found = Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| ("certificates", format!("{path} holds no PEM certificate")))
}
