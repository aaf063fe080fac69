//! The vendors' contracts, from their side: what they refuse, and how they say yes.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ledger::{Memory, Taken};
use super::request::{Incoming, Vendor};
use crate::provider::webhook::{Key, LONGEST_PAYLOAD};

/// What the sandbox was told to expect.
pub(super) struct Rules {
    pub token: Option<String>,
    pub webhook_keys: Vec<Key>,
}

/// An answer, and what the vendor did.
pub(super) struct Verdict {
    pub status: StatusCode,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub taken: bool,
    pub duplicate: bool,
}

impl Verdict {
    pub fn bare(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), taken: false, duplicate: false }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn saying(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    fn json(status: StatusCode, body: &Value) -> Self {
        Self::bare(status).with("content-type", "application/json").saying(body.to_string())
    }

    fn taken(mut self) -> Self {
        self.taken = true;
        self
    }

    fn repeated(mut self) -> Self {
        self.duplicate = true;
        self
    }
}

/// How a vendor takes a request, by its contract.
pub(super) fn judge(rules: &Rules, incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let vendor = incoming.vendor;
    if vendor == Vendor::Unknown {
        return refusal(vendor, StatusCode::NOT_FOUND);
    }
    if incoming.method != "POST" && vendor != Vendor::Generic {
        return refusal(vendor, StatusCode::METHOD_NOT_ALLOWED);
    }
    if !is_authentic(rules, incoming) {
        return refusal(vendor, StatusCode::UNAUTHORIZED);
    }
    if incoming.json.is_none() && !matches!(vendor, Vendor::Twilio | Vendor::Generic) {
        return refusal(vendor, StatusCode::BAD_REQUEST);
    }
    match vendor {
        Vendor::Sendgrid => sendgrid(incoming, memory),
        Vendor::BrevoEmail => brevo_email(incoming, memory),
        Vendor::BrevoSms => brevo_sms(incoming, memory),
        Vendor::Resend => resend(incoming, memory),
        Vendor::Twilio => twilio(incoming, memory),
        Vendor::Webhook => webhook(incoming, memory),
        Vendor::Generic | Vendor::Unknown => generic(incoming, memory),
    }
}

fn is_authentic(rules: &Rules, incoming: &Incoming) -> bool {
    let matches = |token: &str| rules.token.as_deref().map_or(!token.is_empty(), |wanted| token == wanted);
    let authorization = incoming.header("authorization").unwrap_or_default();
    match incoming.vendor {
        Vendor::Sendgrid | Vendor::Resend => authorization.strip_prefix("Bearer ").is_some_and(matches),
        Vendor::BrevoEmail | Vendor::BrevoSms => incoming.header("api-key").is_some_and(matches),
        Vendor::Twilio => authorization
            .strip_prefix("Basic ")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .and_then(|decoded| String::from_utf8(decoded).ok())
            .and_then(|decoded| {
                let (user, password) = decoded.split_once(':')?;
                let is_of_account = incoming.path.contains(user) || user.starts_with("SK");
                Some(is_of_account && matches(password))
            })
            .unwrap_or(false),
        Vendor::Webhook => is_signed(&rules.webhook_keys, incoming),
        Vendor::Generic | Vendor::Unknown => true,
    }
}

fn is_signed(keys: &[Key], incoming: &Incoming) -> bool {
    let (Some(id), Some(timestamp), Some(signatures)) = (
        incoming.header("webhook-id"),
        incoming.header("webhook-timestamp").and_then(|text| text.parse::<i64>().ok()),
        incoming.header("webhook-signature"),
    ) else {
        return false;
    };
    if keys.is_empty() {
        return signatures.split(' ').any(|signature| signature.starts_with("v1,"));
    }
    keys.iter().any(|key| {
        let expected = key.sign(id, timestamp, &incoming.body);
        signatures.split(' ').any(|signature| signature == expected)
    })
}

/// A refusal in the vendor's own form. The texts repeat a recipient's address, as the real ones
/// do: none of it may turn up in what we keep of an answer.
pub(super) fn refusal(vendor: Vendor, status: StatusCode) -> Verdict {
    let text = "cannot be done for buyer@example.com, +33612345678";
    let (word, number) = match status.as_u16() {
        400 => ("bad_request", 20001),
        401 => ("unauthorized", 20003),
        404 => ("not_found", 20404),
        405 => ("method_not_allowed", 20004),
        413 => ("payload_too_large", 20413),
        422 => ("validation_error", 20422),
        429 => ("rate_limit_exceeded", 20429),
        503 => ("service_unavailable", 20503),
        _ => ("internal_server_error", 20500),
    };
    refuse_with(vendor, status, word, number, text)
}

fn refuse_with(vendor: Vendor, status: StatusCode, word: &str, number: u32, text: &str) -> Verdict {
    let body = match vendor {
        Vendor::Sendgrid => json!({ "errors": [{ "message": text, "field": null, "help": null }] }),
        Vendor::Resend => json!({ "statusCode": status.as_u16(), "name": word, "message": text }),
        Vendor::Twilio => json!({
            "code": number,
            "message": text,
            "more_info": format!("https://www.twilio.com/docs/errors/{number}"),
            "status": status.as_u16(),
        }),
        _ => json!({ "code": word, "message": text }),
    };
    Verdict::json(status, &body)
}

fn missing(incoming: &Incoming, pointers: &[&'static str]) -> Option<&'static str> {
    pointers.iter().find(|pointer| incoming.text(pointer).is_none()).copied()
}

fn sendgrid(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let needed = ["/personalizations/0/to/0/email", "/from/email", "/subject", "/content/0/value"];
    if let Some(pointer) = missing(incoming, &needed) {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        let error = json!({ "message": "The parameter is required.", "field": field, "help": null });
        return Verdict::json(StatusCode::BAD_REQUEST, &json!({ "errors": [error] }));
    }
    if incoming.text("/content/1/type") == Some("text/plain") {
        let error = json!({ "message": "text/plain must come first.", "field": "content", "help": null });
        return Verdict::json(StatusCode::BAD_REQUEST, &json!({ "errors": [error] }));
    }
    let id = name(memory, 22);
    Verdict::bare(StatusCode::ACCEPTED).with("x-message-id", id).taken()
}

fn brevo_email(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let bad = |word| refuse_with(incoming.vendor, StatusCode::BAD_REQUEST, word, 0, "buyer@example.com is not right");
    if missing(incoming, &["/sender/email", "/to/0/email", "/subject"]).is_some()
        || (incoming.text("/htmlContent").is_none() && incoming.text("/textContent").is_none())
    {
        return bad("missing_parameter");
    }
    let key = incoming.text("/headers/idempotencyKey");
    if key.is_some_and(|key| !is_uuid(key)) {
        return bad("invalid_parameter");
    }
    if key.is_some_and(|key| memory.taken(incoming.vendor, key).is_some()) {
        return bad("duplicate_parameter").repeated();
    }
    let id = format!("<{}@smtp-relay.mailin.fr>", name(memory, 16));
    if let Some(key) = key {
        memory.take(incoming.vendor, key, Taken { id: id.clone(), digest: incoming.digest() });
    }
    Verdict::json(StatusCode::CREATED, &json!({ "messageId": id })).taken()
}

fn brevo_sms(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let bad = |word| refuse_with(incoming.vendor, StatusCode::BAD_REQUEST, word, 0, "33612345678 is not right");
    let (Some(recipient), Some(sender), Some(_)) =
        (incoming.text("/recipient"), incoming.text("/sender"), incoming.text("/content"))
    else {
        return bad("missing_parameter");
    };
    let is_figures = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = sender.len() <= 11 || (sender.len() <= 15 && is_figures(sender));
    if !is_figures(recipient) || !fits || !matches!(incoming.text("/type"), None | Some("transactional" | "marketing"))
    {
        return bad("invalid_parameter");
    }
    Verdict::json(StatusCode::CREATED, &json!({ "messageId": 1_511_882_900_000_000 + memory.next_message() })).taken()
}

fn resend(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let vendor = incoming.vendor;
    let refuse = |status, word| refuse_with(vendor, status, word, 0, "buyer@example.com is not right");
    let key = incoming.header("idempotency-key");
    if key.is_some_and(|key| key.len() > 256) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_idempotency_key");
    }
    let has_recipient = incoming.text("/to").is_some() || incoming.text("/to/0").is_some();
    let has_body = incoming.text("/html").is_some() || incoming.text("/text").is_some();
    if missing(incoming, &["/from", "/subject"]).is_some() || !has_recipient || !has_body {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "missing_required_field");
    }
    if let Some(known) = key.and_then(|key| memory.taken(vendor, key)) {
        if known.digest != incoming.digest() {
            return refuse(StatusCode::CONFLICT, "invalid_idempotent_request");
        }
        return Verdict::json(StatusCode::OK, &json!({ "id": known.id })).repeated();
    }
    let id = uuid(memory);
    if let Some(key) = key {
        memory.take(vendor, key, Taken { id: id.clone(), digest: incoming.digest() });
    }
    Verdict::json(StatusCode::OK, &json!({ "id": id })).taken()
}

fn twilio(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let refuse =
        |number| refuse_with(incoming.vendor, StatusCode::BAD_REQUEST, "", number, "+33612345678 is not right");
    let (to, body) = (incoming.form("To"), incoming.form("Body"));
    let sender = incoming.form("From").or_else(|| incoming.form("MessagingServiceSid"));
    match (to.as_deref(), sender, &body) {
        (None, ..) => return refuse(21604),
        (_, None, _) => return refuse(21603),
        (.., None) => return refuse(21602),
        (Some(to), ..) if !to.starts_with('+') || to.len() < 8 => return refuse(21211),
        _ => {}
    }
    if body.is_some_and(|body| body.chars().count() > 1600) {
        return refuse(21617);
    }
    let sid = format!("SM{}", name(memory, 32));
    let answer = json!({ "sid": sid, "status": "queued", "to": to, "error_code": null, "error_message": null });
    Verdict::json(StatusCode::CREATED, &answer).taken()
}

/// A receiver that keeps to the scheme: it knows an id again and does nothing twice.
fn webhook(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    if incoming.body.len() >= LONGEST_PAYLOAD {
        return refusal(incoming.vendor, StatusCode::PAYLOAD_TOO_LARGE);
    }
    once(incoming, memory, Verdict::bare(StatusCode::NO_CONTENT))
}

fn generic(incoming: &Incoming, memory: &mut Memory) -> Verdict {
    let id = name(memory, 16);
    let answer = Verdict::json(StatusCode::OK, &json!({ "id": id, "status": "0" }));
    if incoming.header("idempotency-key").is_some() { once(incoming, memory, answer) } else { answer.taken() }
}

fn once(incoming: &Incoming, memory: &mut Memory, answer: Verdict) -> Verdict {
    if memory.taken(incoming.vendor, &incoming.key).is_some() {
        return answer.repeated();
    }
    memory.take(incoming.vendor, &incoming.key, Taken { id: String::new(), digest: incoming.digest() });
    answer.taken()
}

/// So many hexadecimal figures that no other message has.
fn name(memory: &mut Memory, length: usize) -> String {
    let digest = Sha256::digest(memory.next_message().to_be_bytes());
    digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).take(length).map(char::from).collect()
}

fn uuid(memory: &mut Memory) -> String {
    let name = name(memory, 32);
    [&name[..8], &name[8..12], &name[12..16], &name[16..20], &name[20..]].join("-")
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, character)| match at {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}
