//! What each answer of each provider comes to: one table per provider, tried as a pure function
//! and over the wire (promise 16).

use std::time::Duration;

use reassure::domain::notification::Outcome::{self, Accepted, PermanentFailure, TemporaryFailure, Unknown};
use reassure::ports::Answer;
use reassure::provider::exchange::Reply;

use super::raw::{Act, Raw, http};
use super::tables;
use super::{made, now, send};

/// A line of a table.
pub struct Case {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    expected: Answer,
}

/// The answer, and what it comes to.
pub fn case(status: u16, body: &'static str, outcome: Outcome) -> Case {
    let expected =
        Answer { outcome, status: Some(status), provider_id: None, detail: None, retry_after: None, rest: false };
    Case { status, headers: Vec::new(), body, expected }
}

pub fn accepted(status: u16, body: &'static str) -> Case {
    case(status, body, Accepted)
}

pub fn temporary(status: u16, body: &'static str) -> Case {
    case(status, body, TemporaryFailure)
}

pub fn permanent(status: u16, body: &'static str) -> Case {
    case(status, body, PermanentFailure)
}

pub fn unknown(status: u16, body: &'static str) -> Case {
    case(status, body, Unknown)
}

impl Case {
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn id(mut self, id: &str) -> Self {
        self.expected.provider_id = Some(id.to_owned());
        self
    }

    pub fn detail(mut self, detail: &str) -> Self {
        self.expected.detail = Some(detail.to_owned());
        self
    }

    pub fn wait(mut self, seconds: u64) -> Self {
        self.expected.retry_after = Some(Duration::from_secs(seconds));
        self
    }

    pub fn rest(mut self) -> Self {
        self.expected.rest = true;
        self
    }
}

async fn hold(kind: &str, table: Vec<Case>, classify: impl Fn(&Reply) -> Answer) {
    assert!(table.len() >= 20, "{kind}: the table has shrunk");
    for case in table {
        let what = format!("{kind}: {} {:?} {:?}", case.status, case.headers, case.body);
        assert_eq!(classify(&Reply::new(case.status, &case.headers, case.body)), case.expected, "pure: {what}");
        let server = Raw::start(Act::Answer(http(case.status, &case.headers, case.body))).await;
        let answer = send(&*made(kind, &server.url(), serde_json::json!({}))).await;
        assert_eq!(answer, case.expected, "on the wire: {what}");
        assert_eq!(server.requests().len(), 1, "one attempt is one request: {what}");
    }
}

#[tokio::test]
async fn sendgrid() {
    hold("sendgrid", tables::sendgrid(), |reply| reassure::provider::sendgrid::classify(reply, now())).await;
}

#[tokio::test]
async fn resend() {
    hold("resend", tables::resend(), |reply| reassure::provider::resend::classify(reply, now())).await;
}

#[tokio::test]
async fn brevo_email() {
    hold("brevo_email", tables::brevo_email(), |reply| reassure::provider::brevo_email::classify(reply, now())).await;
}

#[tokio::test]
async fn brevo_sms() {
    hold("brevo_sms", tables::brevo_sms(), |reply| reassure::provider::brevo_sms::classify(reply, now())).await;
}

#[tokio::test]
async fn twilio() {
    hold("twilio", tables::twilio(), |reply| reassure::provider::twilio::classify(reply, now())).await;
}

#[tokio::test]
async fn webhook() {
    hold("webhook", tables::webhook(), |reply| reassure::provider::webhook::classify(reply, now())).await;
}

#[tokio::test]
async fn generic() {
    let secret = super::secret_for("generic");
    let settings = serde_json::from_value(super::least("generic", "http://localhost", &secret)).unwrap();
    let reassure::provider::Settings::Generic(settings) = settings else { unreachable!() };
    hold("generic", tables::generic(), |reply| reassure::provider::generic::classify(&settings, reply, now())).await;
}

#[test]
fn nothing_of_a_vendors_text_is_kept() {
    let address = r#"{"code": "buyer@example.com", "name": "33612345678", "id": "buyer 1", "message": "buyer@example.com",
                      "errors": [{"field": "buyer@example.com", "message": "+33612345678"}], "sid": " ", "messageId": []}"#;
    let number = r#"{"code": "to33612345678", "name": "to.33612345678", "errors": [{"field": "to_33612345678"}]}"#;
    let classify = [
        reassure::provider::sendgrid::classify,
        reassure::provider::resend::classify,
        reassure::provider::brevo_email::classify,
        reassure::provider::brevo_sms::classify,
        reassure::provider::twilio::classify,
        reassure::provider::webhook::classify,
    ];
    for classify in classify {
        for body in [address, number] {
            for status in [200, 201, 202, 400, 401, 409, 429, 500] {
                let answer = format!("{:?}", classify(&Reply::new(status, &[], body), now()));
                assert!(!answer.contains("buyer") && !answer.contains("336"), "{answer}");
            }
        }
    }
}

#[test]
fn a_detail_is_short() {
    let body = format!(r#"{{"name": "{}"}}"#, "x".repeat(500));
    let answer = reassure::provider::resend::classify(&Reply::new(422, &[], body), now());
    assert_eq!(answer.detail, Some("x".repeat(60)));
}
