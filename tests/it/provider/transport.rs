//! What happens below HTTP, and what it means: whether the request had left (promise 7).

use std::time::Instant;

use reassure::domain::notification::Outcome::{self, Accepted, TemporaryFailure, Unknown};
use reassure::domain::order::Channel;
use reassure::ports::{Answer, OnUnknown};
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

use super::raw::{Act, Raw, http};
use super::{content, made, send, send_content};

const KINDS: [&str; 7] = ["sendgrid", "brevo_email", "resend", "twilio", "brevo_sms", "webhook", "generic"];

#[track_caller]
fn assert_ends(answer: &Answer, outcome: Outcome, status: Option<u16>, detail: Option<&str>) {
    assert_eq!((answer.outcome, answer.status, answer.detail.as_deref()), (outcome, status, detail), "{answer:?}");
    assert!(!answer.rest && answer.provider_id.is_none(), "{answer:?}");
}

#[tokio::test]
async fn nobody_listens() {
    // bound and not listening, so that nobody else gets the port meanwhile
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    for kind in KINDS {
        let answer = send(&*made(kind, &url, json!({}))).await;
        assert_ends(&answer, TemporaryFailure, None, Some("connection_refused"));
    }
}

#[tokio::test]
async fn no_such_host() {
    let answer = send(&*made("resend", "https://no-such-host.invalid", json!({}))).await;
    assert_ends(&answer, TemporaryFailure, None, Some("host_not_found"));
}

/// A line on which nobody shakes hands is no line: nothing of the message has left.
#[tokio::test]
async fn the_handshake_never_ends() {
    let server = Raw::start(Act::Hold).await;
    let url = format!("https://{}", server.address);
    let answer = send(&*made("resend", &url, json!({ "timeout_seconds": 1 }))).await;
    assert_ends(&answer, TemporaryFailure, None, Some("connect_timed_out"));
}

#[tokio::test]
async fn something_else_than_tls_answers() {
    let server = Raw::start(Act::Answer(http(200, &[], ""))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let closing = tokio::spawn(async move {
        // hangs up on the first
        drop(listener.accept().await);
    });
    let answer = send(&*made("resend", &url, json!({}))).await;
    assert_ends(&answer, TemporaryFailure, None, Some("connect_failed"));
    closing.await.unwrap();
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_line_is_cut_after_the_request_left() {
    let server = Raw::start(Act::Reset).await;
    for (done, kind) in KINDS.iter().enumerate() {
        let answer = send(&*made(kind, &server.url(), json!({}))).await;
        assert_ends(&answer, Unknown, None, Some("connection_broken"));
        assert_eq!(server.requests().len(), done + 1, "one attempt is one request");
    }
}

#[tokio::test]
async fn the_line_is_closed_in_place_of_an_answer() {
    for bytes in [&b""[..], b"HTTP/1.1 20", b"no HTTP at all\r\n\r\n"] {
        let server = Raw::start(Act::Answer(bytes.to_vec())).await;
        let answer = send(&*made("twilio", &server.url(), json!({}))).await;
        assert_ends(&answer, Unknown, None, Some("connection_broken"));
    }
}

#[tokio::test]
async fn no_answer_comes() {
    let mut attempts = Vec::new();
    for kind in KINDS {
        attempts.push(tokio::spawn(async move {
            // silence, and a head that never ends
            let acts = [Act::AnswerAndHold(Vec::new()), Act::AnswerAndHold(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec())];
            for act in acts {
                let server = Raw::start(act).await;
                let began = Instant::now();
                let answer = send(&*made(kind, &server.url(), json!({ "timeout_seconds": 1 }))).await;
                assert_ends(&answer, Unknown, None, Some("timed_out"));
                assert_eq!(server.requests().len(), 1);
                assert!(began.elapsed().as_secs() < 5, "the attempt is bounded by its time-out");
            }
        }));
    }
    for attempt in attempts {
        attempt.await.unwrap();
    }
}

/// A body that trickles: the status is there, the id is not.
#[tokio::test]
async fn the_answer_never_ends() {
    let begun = |status: u16| {
        format!("HTTP/1.1 {status} Begun\r\ncontent-length: 1000\r\n\r\n{{\"id\": \"m-1\", \"sid\"").into_bytes()
    };
    let slow = json!({ "timeout_seconds": 1 });

    let server = Raw::start(Act::AnswerAndHold(begun(200))).await;
    let answer = send(&*made("resend", &server.url(), slow.clone())).await;
    assert_ends(&answer, Unknown, Some(200), Some("answer_timed_out"));
    // a status that says all there is to say is enough
    let answer = send(&*made("webhook", &server.url(), slow.clone())).await;
    assert_ends(&answer, Accepted, Some(200), None);

    // an object with its end is an answer, though the line stays open
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"id\": \"m-1\"}".to_vec();
    let server = Raw::start(Act::AnswerAndHold(whole)).await;
    let answer = send(&*made("resend", &server.url(), slow.clone())).await;
    assert_eq!((answer.outcome, answer.provider_id.as_deref()), (Accepted, Some("m-1")), "{answer:?}");

    let server = Raw::start(Act::AnswerAndHold(begun(503))).await;
    let answer = send(&*made("resend", &server.url(), slow)).await;
    assert_ends(&answer, TemporaryFailure, Some(503), Some("http_503"));

    let server = Raw::start(Act::Answer(begun(200))).await;
    let answer = send(&*made("resend", &server.url(), json!({}))).await;
    assert_ends(&answer, Unknown, Some(200), Some("answer_broken"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let ten_megabytes = http(200, &[], &format!("{{\"id\":\"m-1\",\"x\":\"{}\"}}", "x".repeat(10_000_000)));
    let server = Raw::start(Act::Answer(ten_megabytes)).await;
    let answer = send(&*made("resend", &server.url(), json!({}))).await;
    assert_ends(&answer, Unknown, Some(200), Some("answer_too_long"));

    let head = b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let server = Raw::start(Act::Flood { head, block: b"8\r\nxxxxxxxx\r\n".to_vec() }).await;
    let answer = send(&*made("sendgrid", &server.url(), json!({}))).await;
    assert_ends(&answer, Accepted, Some(202), None);
}

#[tokio::test]
async fn another_channels_message_is_never_sent() {
    let server = Raw::start(Act::Answer(http(200, &[], ""))).await;
    for kind in KINDS {
        let provider = made(kind, &server.url(), json!({}));
        for channel in Channel::ALL.into_iter().filter(|channel| *channel != provider.channel()) {
            let answer = send_content(&*provider, &content(channel)).await;
            assert_ends(&answer, Outcome::PermanentFailure, None, Some("wrong_channel"));
        }
    }
    assert!(server.requests().is_empty());
}

#[test]
fn not_knowing_is_met_by_each_kinds_policy() {
    for kind in KINDS {
        let keyed = matches!(kind, "resend" | "brevo_email" | "webhook");
        let by_default = if keyed { OnUnknown::Retry } else { OnUnknown::Hold };
        assert_eq!(made(kind, "http://localhost", json!({})).on_unknown(), by_default, "{kind}");
        let hold = made(kind, "http://localhost", json!({ "on_unknown": "hold" }));
        assert_eq!(hold.on_unknown(), OnUnknown::Hold);
        let retry = made(kind, "http://localhost", json!({ "on_unknown": "retry" }));
        assert_eq!(retry.on_unknown(), OnUnknown::Retry);
    }
}
