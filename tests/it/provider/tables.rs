//! The golden tables. What is not said of a line is: no id, no detail, no wait, no rest.

use super::golden::{Case, accepted, permanent, temporary, unknown};

/// What every provider does alike where its contract says nothing else.
fn common() -> Vec<Case> {
    vec![
        temporary(301, "").header("location", "http://127.0.0.1/elsewhere").detail("redirect_refused"),
        temporary(307, "").detail("redirect_refused"),
        permanent(400, "not JSON").detail("http_400"),
        temporary(401, "").detail("http_401").rest(),
        temporary(403, "{}").detail("http_403").rest(),
        permanent(404, "").detail("http_404"),
        permanent(405, "").detail("http_405"),
        temporary(408, "").detail("http_408"),
        permanent(413, "<html>413 Request Entity Too Large</html>").detail("http_413"),
        permanent(422, "null").detail("http_422"),
        temporary(425, "").detail("http_425"),
        temporary(429, "").detail("http_429").rest(),
        temporary(429, "").header("retry-after", "17").detail("http_429").wait(17).rest(),
        temporary(429, "").header("retry-after", "Mon, 02 Nov 2026 10:01:00 GMT").detail("http_429").wait(60).rest(),
        temporary(429, "").header("retry-after", "Monday, 02-Nov-26 10:01:00 GMT").detail("http_429").wait(60).rest(),
        temporary(429, "").header("retry-after", "Mon Nov  2 10:01:00 2026").detail("http_429").wait(60).rest(),
        // the past is now; a year is a day; what cannot be read is not obeyed
        temporary(429, "").header("retry-after", "Sun, 01 Nov 2026 10:00:00 GMT").detail("http_429").wait(0).rest(),
        temporary(429, "").header("retry-after", "31536000").detail("http_429").wait(86_400).rest(),
        temporary(429, "").header("retry-after", "99999999999999999999999").detail("http_429").wait(86_400).rest(),
        temporary(429, "")
            .header("retry-after", "Tue, 02 Nov 2027 10:00:00 GMT")
            .detail("http_429")
            .wait(86_400)
            .rest(),
        temporary(429, "").header("retry-after", "-5").detail("http_429").rest(),
        temporary(429, "").header("retry-after", "soon").detail("http_429").rest(),
        temporary(500, "oops").detail("http_500"),
        permanent(501, "").detail("http_501"),
        temporary(503, "").header("retry-after", "120").detail("http_503").wait(120),
        temporary(599, "").detail("http_599"),
    ]
}

fn with(own: Vec<Case>) -> Vec<Case> {
    own.into_iter().chain(common()).collect()
}

pub fn sendgrid() -> Vec<Case> {
    with(vec![
        accepted(202, "").header("x-message-id", "14c5d75ce93.dfd.64b469").id("14c5d75ce93.dfd.64b469"),
        accepted(202, ""),
        accepted(202, "garbage"),
        accepted(202, "").header("x-message-id", "not an id"),
        unknown(200, "<html>It works!</html>").detail("status_unexpected"),
        permanent(
            400,
            r#"{"errors":[{"message":"buyer@example.com is invalid","field":"personalizations.0.to.0.email"}]}"#,
        )
        .detail("personalizations.0.to.0.email"),
        permanent(400, r#"{"errors":[{"message":"Invalid JSON","field":null}]}"#).detail("http_400"),
        permanent(400, r#"{"errors":[]}"#).detail("http_400"),
        temporary(401, r#"{"errors":[{"message":"Maximum credits exceeded","field":null,"help":null}]}"#)
            .detail("http_401")
            .rest(),
        // ten seconds after the attempt, and one before it
        temporary(429, "").header("x-ratelimit-reset", "1793613610").detail("http_429").wait(10).rest(),
        temporary(429, "").header("x-ratelimit-reset", "1793613599").detail("http_429").wait(0).rest(),
        temporary(429, "").header("x-ratelimit-reset", "9223372036854775807").detail("http_429").wait(86_400).rest(),
        temporary(429, "")
            .header("x-ratelimit-reset", "1793613610")
            .header("retry-after", "3")
            .detail("http_429")
            .wait(3)
            .rest(),
        temporary(502, "").detail("http_502"),
    ])
}

pub fn resend() -> Vec<Case> {
    with(vec![
        accepted(200, r#"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}"#).id("49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"),
        accepted(201, r#"{"id":"49a3999c","object":"email"}"#).id("49a3999c"),
        unknown(200, "").detail("answer_without_id"),
        unknown(200, "<html>It works!</html>").detail("answer_without_id"),
        unknown(200, r#"{"id":null}"#).detail("answer_without_id"),
        unknown(200, r#"{"name":"application_error","message":"buyer@example.com"}"#).detail("answer_without_id"),
        permanent(400, r#"{"statusCode":400,"name":"invalid_idempotency_key","message":"…"}"#)
            .detail("invalid_idempotency_key"),
        temporary(401, r#"{"statusCode":401,"name":"missing_api_key","message":"…"}"#).detail("missing_api_key").rest(),
        temporary(403, r#"{"statusCode":403,"name":"invalid_api_key","message":"…"}"#).detail("invalid_api_key").rest(),
        temporary(403, r#"{"statusCode":403,"name":"validation_error","message":"The domain is not verified"}"#)
            .detail("validation_error")
            .rest(),
        temporary(409, r#"{"statusCode":409,"name":"concurrent_idempotent_requests","message":"…"}"#)
            .detail("concurrent_idempotent_requests"),
        permanent(409, r#"{"statusCode":409,"name":"invalid_idempotent_request","message":"…"}"#)
            .detail("invalid_idempotent_request"),
        permanent(422, r#"{"statusCode":422,"name":"missing_required_field","message":"…"}"#)
            .detail("missing_required_field"),
        permanent(422, r#"{"statusCode":422,"name":"to: buyer@example.com","message":"…"}"#).detail("http_422"),
        temporary(429, r#"{"statusCode":429,"name":"rate_limit_exceeded","message":"…"}"#)
            .header("ratelimit-reset", "1")
            .detail("rate_limit_exceeded")
            .wait(1)
            .rest(),
        temporary(429, r#"{"statusCode":429,"name":"daily_quota_exceeded","message":"…"}"#)
            .header("retry-after", "3600")
            .header("ratelimit-reset", "1")
            .detail("daily_quota_exceeded")
            .wait(3600)
            .rest(),
        temporary(500, r#"{"statusCode":500,"name":"application_error","message":"…"}"#).detail("application_error"),
        temporary(502, "").detail("http_502"),
    ])
}

fn brevo() -> Vec<Case> {
    with(vec![
        unknown(200, "").detail("answer_without_id"),
        unknown(201, "garbage").detail("answer_without_id"),
        unknown(201, r#"{"code":"internal","message":"33612345678"}"#).detail("answer_without_id"),
        permanent(400, r#"{"code":"invalid_parameter","message":"buyer@example.com"}"#).detail("invalid_parameter"),
        permanent(400, r#"{"code":"missing_parameter","message":"…"}"#).detail("missing_parameter"),
        temporary(400, r#"{"code":"not_enough_credits","message":"…"}"#).detail("not_enough_credits").rest(),
        temporary(400, r#"{"code":"account_under_validation","message":"…"}"#)
            .detail("account_under_validation")
            .rest(),
        temporary(401, r#"{"code":"unauthorized","message":"Key not found"}"#).detail("unauthorized").rest(),
        temporary(402, r#"{"code":"not_enough_credits","message":"…"}"#).detail("not_enough_credits").rest(),
        temporary(402, "").detail("http_402").rest(),
        temporary(429, r#"{"code":"too_many_requests"}"#)
            .header("x-sib-ratelimit-reset", "7")
            .detail("too_many_requests")
            .wait(7)
            .rest(),
        temporary(502, "").detail("http_502"),
    ])
}

pub fn brevo_email() -> Vec<Case> {
    let id = "<201798300811.5787683@smtp-relay.mailin.fr>";
    brevo()
        .into_iter()
        .chain([
            accepted(201, r#"{"messageId":"<201798300811.5787683@smtp-relay.mailin.fr>"}"#).id(id),
            // it had the message already
            accepted(400, r#"{"code":"duplicate_parameter","message":"…"}"#).detail("duplicate_parameter"),
            accepted(409, r#"{"code":"duplicate_request","message":"…"}"#).detail("duplicate_request"),
            temporary(503, r#"{"code":"duplicate_parameter","message":"…"}"#).detail("duplicate_parameter"),
        ])
        .collect()
}

pub fn brevo_sms() -> Vec<Case> {
    brevo()
        .into_iter()
        .chain([
            accepted(201, r#"{"messageId":1511882900176220}"#).id("1511882900176220"),
            accepted(200, r#"{"reference":"ab1","messageId":15118829001762200000}"#).id("15118829001762200000"),
            // no key is sent, so this cannot mean that it had the message
            permanent(400, r#"{"code":"duplicate_parameter","message":"…"}"#).detail("duplicate_parameter"),
        ])
        .collect()
}

pub fn twilio() -> Vec<Case> {
    with(vec![
        accepted(201, r#"{"sid":"SM5ef8732a3c49700934481addd5ce1659","status":"queued","error_code":null}"#)
            .id("SM5ef8732a3c49700934481addd5ce1659"),
        accepted(200, r#"{"sid":"SM1"}"#).id("SM1"),
        unknown(201, "").detail("answer_unreadable"),
        unknown(200, "<html>").detail("answer_unreadable"),
        unknown(200, r#"{"code":20500,"message":"…"}"#).detail("answer_without_id"),
        permanent(201, r#"{"sid":"SM1","status":"failed","error_code":30007}"#).detail("30007"),
        permanent(201, r#"{"sid":"SM1","status":"undelivered","error_code":null}"#).detail("failed"),
        permanent(400, r#"{"code":21211,"message":"'+33612345678' is not valid","status":400}"#).detail("21211"),
        permanent(400, r#"{"code":21610,"message":"Attempt to send to unsubscribed recipient"}"#).detail("21610"),
        permanent(400, r#"{"code":33612345678}"#).detail("http_400"),
        temporary(401, r#"{"code":20003,"message":"Authenticate","status":401}"#).detail("20003").rest(),
        // of the account, though the status says otherwise
        temporary(400, r#"{"code":20003,"message":"…","status":400}"#).detail("20003").rest(),
        temporary(403, r#"{"code":20005,"message":"Account not active"}"#).detail("20005").rest(),
        // of the recipient, though the status says otherwise
        permanent(403, r#"{"code":21408,"message":"Permission to send … for the region"}"#).detail("21408"),
        temporary(429, r#"{"code":20429,"message":"Too Many Requests"}"#)
            .header("retry-after", "2")
            .detail("20429")
            .wait(2)
            .rest(),
        temporary(400, r#"{"code":21611,"message":"… exceeded the maximum number of queued messages"}"#)
            .detail("21611")
            .rest(),
        temporary(502, "").detail("http_502"),
    ])
}

pub fn webhook() -> Vec<Case> {
    with(vec![
        accepted(200, "ok"),
        accepted(200, r#"{"error":"whatever stands in the body"}"#),
        accepted(202, ""),
        accepted(204, ""),
        permanent(410, "").detail("endpoint_gone"),
        permanent(409, "").detail("http_409"),
        temporary(502, "").detail("http_502").rest(),
        temporary(504, "").header("retry-after", "30").detail("http_504").wait(30).rest(),
    ])
}

pub fn generic() -> Vec<Case> {
    with(vec![
        accepted(200, r#"{"id":"m-1"}"#).id("m-1"),
        accepted(202, r#"{"id":7}"#).id("7"),
        unknown(200, "").detail("answer_without_id"),
        unknown(200, r#"{"id":["m-1"]}"#).detail("answer_without_id"),
        permanent(409, r#"{"id":"m-1"}"#).detail("http_409"),
        temporary(502, "").detail("http_502"),
    ])
}
