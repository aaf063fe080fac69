//! Any other service with an HTTP API, described in the configuration: the request as templates,
//! and which statuses, and which values in the answer, mean what.
//!
//! ```toml
//! [providers.gateway]
//! kind = "generic"
//! channel = "sms"
//! url = "https://sms.example/v1/messages"
//! headers.authorization = { prefix = "Bearer ", secret = { env = "GATEWAY_KEY" } }
//! headers.content-type = "application/json"
//! body = '{"to": {{json to}}, "text": {{json text}}, "reference": {{json id}}}'
//! success = { pointer = "/messages/0/status", equals = "0", temporary = ["1", "5"] }
//! id = { pointer = "/messages/0/message-id" }
//! ```

mod template;

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use self::template::Templates;
use super::answer;
use super::check::Check;
use super::contract::Contract;
use super::exchange::{Exchange, Reply, default_max_in_flight, default_timeout_seconds};
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;
use crate::ports::{Answer, OnUnknown, Outgoing};
use crate::secret::SecretSource;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub channel: Channel,
    #[serde(default = "default_method")]
    pub method: String,
    pub url: String,
    /// A text is a template, like the body; a secret is named by its file or variable.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderSource>,
    /// A Handlebars template over `id`, `message`, `shop`, `channel` and the content: for e-mail
    /// `from`, `from_name`, `reply_to`, `to`, `to_name`, `subject`, `html`, `text`; for SMS
    /// `from`, `to`, `text`; for webhooks `body`. `{{json x}}` writes JSON, `{{form x}}` a form's
    /// value; nothing else is escaped.
    pub body: String,
    #[serde(default)]
    pub success: Success,
    /// Where the service's own id of the message is.
    #[serde(default)]
    pub id: Option<Place>,
    /// Where the code of an error is; only codes are kept, never texts.
    #[serde(default)]
    pub error_code: Option<Place>,
    /// Statuses to try again at, whatever they mean elsewhere.
    #[serde(default)]
    pub temporary_statuses: Vec<u16>,
    /// Statuses to give up at.
    #[serde(default)]
    pub permanent_statuses: Vec<u16>,
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    #[serde(default = "default_max_in_flight")]
    pub max_in_flight: usize,
    #[serde(default)]
    pub on_unknown: Option<OnUnknown>,
}

fn default_method() -> String {
    "POST".to_owned()
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HeaderSource {
    Template(String),
    Secret(SecretHeader),
}

/// A header with a secret in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretHeader {
    /// Stands before the secret: `Bearer `, with its blank.
    #[serde(default)]
    pub prefix: String,
    /// Makes it Basic authentication: this user, the secret as the password.
    #[serde(default)]
    pub basic_user: Option<String>,
    pub secret: SecretSource,
}

/// How an answer says yes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Success {
    /// None named: any 2xx.
    #[serde(default)]
    pub statuses: Vec<u16>,
    /// A place in the JSON answer that must exist for a yes, …
    #[serde(default)]
    pub pointer: Option<String>,
    /// … and what must stand there, if that matters.
    #[serde(default)]
    pub equals: Option<Value>,
    /// What may stand there instead and is worth another try; anything else is a no for good.
    #[serde(default)]
    pub temporary: Vec<Value>,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A JSON pointer into the body: `/data/id`.
    Pointer(String),
    Header(String),
}

pub(super) struct Generic {
    method: Method,
    url: Url,
    secret_headers: HeaderMap,
    templates: Templates,
    settings: Settings,
}

impl Generic {
    pub fn new(settings: &Settings, check: &mut Check) -> Option<Self> {
        let url = check.url(&settings.url, "");
        let method = match settings.method.as_str() {
            "POST" => Some(Method::POST),
            "PUT" => Some(Method::PUT),
            "PATCH" => Some(Method::PATCH),
            _ => {
                check.fault("`method` must be POST, PUT or PATCH");
                None
            }
        };
        let mut secret_headers = HeaderMap::new();
        let mut texts = Vec::new();
        for (name, source) in &settings.headers {
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                check.fault(format!("`headers`: {name:?} is no name of a header"));
                continue;
            };
            match source {
                HeaderSource::Template(text) => texts.push((header, text.as_str())),
                HeaderSource::Secret(secret) => {
                    let field = format!("headers.{name}");
                    let value = match &secret.basic_user {
                        Some(user) => check.basic_header(&field, user, &secret.secret),
                        None => check.secret_header(&field, &secret.prefix, &secret.secret),
                    };
                    secret_headers.extend(value.map(|value| (header, value)));
                }
            }
        }
        check_places(settings, check);
        let templates = Templates::new(settings.channel, &settings.body, &texts)
            .map_err(|faults| faults.into_iter().for_each(|fault| check.fault(fault)))
            .ok();
        Some(Self { method: method?, url: url?, secret_headers, templates: templates?, settings: settings.clone() })
    }
}

fn check_places(settings: &Settings, check: &mut Check) {
    let places = [("id", &settings.id), ("error_code", &settings.error_code)];
    let mut pointers: Vec<(String, &str)> = Vec::new();
    for (field, place) in places {
        match place {
            Some(Place::Pointer(pointer)) => pointers.push((format!("{field}.pointer"), pointer)),
            Some(Place::Header(name)) if HeaderName::from_bytes(name.as_bytes()).is_err() => {
                check.fault(format!("`{field}.header`: {name:?} is no name of a header"));
            }
            Some(Place::Header(_)) | None => {}
        }
    }
    pointers.extend(settings.success.pointer.as_deref().map(|pointer| ("success.pointer".to_owned(), pointer)));
    for (field, pointer) in pointers {
        if !pointer.is_empty() && !pointer.starts_with('/') {
            check.fault_with(format!("`{field}` is no JSON pointer"), "it begins with a slash: /data/id");
        }
    }
    if settings.success.pointer.is_none()
        && (settings.success.equals.is_some() || !settings.success.temporary.is_empty())
    {
        check.fault("`success.equals` and `success.temporary` need `success.pointer`: where to look");
    }
    let statuses = [&settings.success.statuses, &settings.temporary_statuses, &settings.permanent_statuses];
    for status in statuses.into_iter().flatten() {
        if !(100..600).contains(status) {
            check.fault(format!("{status} is no HTTP status"));
        }
        if statuses.iter().filter(|list| list.contains(status)).count() > 1 {
            check.fault(format!("the status {status} is given two meanings"));
        }
    }
}

impl Contract for Generic {
    fn channel(&self) -> Channel {
        self.settings.channel
    }

    fn request(&self, exchange: &Exchange, outgoing: &Outgoing<'_>) -> Result<RequestBuilder, Answer> {
        let rendered = self.templates.render(outgoing).map_err(|()| answer::never_sent("template_failed"))?;
        let mut headers = self.secret_headers.clone();
        for (name, value) in rendered.headers {
            let value = HeaderValue::from_str(&value).map_err(|_| answer::never_sent("header_invalid"))?;
            headers.insert(name, value);
        }
        Ok(exchange.request(self.method.clone(), &self.url).headers(headers).body(rendered.body))
    }

    fn classify(&self, reply: &Reply, now: Timestamp) -> Answer {
        classify(&self.settings, reply, now)
    }
}

/// What the service's reply means, by the settings.
pub fn classify(settings: &Settings, reply: &Reply, now: Timestamp) -> Answer {
    let body = reply.json();
    let code = settings.error_code.as_ref().and_then(|place| code_of(&look(place, reply, body.as_ref())?));
    let success = &settings.success;
    let is_success =
        if success.statuses.is_empty() { answer::is_success(reply) } else { success.statuses.contains(&reply.status) };
    if is_success {
        return classify_success(settings, reply, body.as_ref(), code, now);
    }
    if settings.temporary_statuses.contains(&reply.status) {
        return answer::temporary(reply, code, now);
    }
    if settings.permanent_statuses.contains(&reply.status) {
        return answer::permanent(reply, code);
    }
    if answer::is_success(reply) {
        // a 2xx that is not among the named ones: nobody knows what it means
        return answer::unclear(reply, "status_unexpected");
    }
    answer::by_status(reply, code, now)
}

/// The status says yes; the body may still say no.
fn classify_success(
    settings: &Settings,
    reply: &Reply,
    body: Option<&Value>,
    code: Option<String>,
    now: Timestamp,
) -> Answer {
    let success = &settings.success;
    if let Some(pointer) = &success.pointer {
        let Some(body) = body else { return answer::unclear(reply, "answer_unreadable") };
        let found = body.pointer(pointer);
        let is_yes = match &success.equals {
            Some(wanted) => found == Some(wanted),
            None => found.is_some_and(|found| !found.is_null()),
        };
        if !is_yes {
            let code = code.or_else(|| code_of(found?)).or_else(|| Some("answer_says_no".to_owned()));
            return if found.is_some_and(|found| success.temporary.contains(found)) {
                answer::temporary(reply, code, now)
            } else {
                answer::permanent(reply, code)
            };
        }
    }
    match &settings.id {
        None => answer::accepted(reply, None),
        Some(place) => match look(place, reply, body).as_ref().and_then(answer::provider_id) {
            Some(id) => answer::accepted(reply, Some(id)),
            None => answer::unclear(reply, "answer_without_id"),
        },
    }
}

fn look(place: &Place, reply: &Reply, body: Option<&Value>) -> Option<Value> {
    match place {
        Place::Pointer(pointer) => body?.pointer(pointer).cloned(),
        Place::Header(name) => reply.header(name).map(Value::from),
    }
}

fn code_of(value: &Value) -> Option<String> {
    answer::number_code(value).or_else(|| answer::word_code(value))
}
