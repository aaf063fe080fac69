//! What a status, a header or a code of a vendor comes to, where no vendor says otherwise.
//!
//! Nothing that a vendor writes in free text is ever copied: such texts repeat the recipient's
//! address (I9). Only codes are, and only if they look like one.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

use super::exchange::Reply;
use crate::domain::notification::Outcome;
use crate::domain::time::Timestamp;
use crate::ports::Answer;

/// No vendor is obeyed for longer than this: a wrong header must not silence a shop for weeks.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest detail, and the longest id of a vendor's that is kept.
const DETAIL_LENGTH: usize = 60;
const ID_LENGTH: usize = 200;

/// The provider has the message.
pub fn accepted(reply: &Reply, provider_id: Option<String>) -> Answer {
    Answer {
        outcome: Outcome::Accepted,
        status: Some(reply.status),
        provider_id,
        detail: None,
        retry_after: None,
        rest: false,
    }
}

/// The provider says that it had this message already: as good as accepted.
pub fn already_accepted(reply: &Reply, code: &str) -> Answer {
    Answer { detail: Some(cut(code)), ..accepted(reply, None) }
}

/// The status says success and nothing else does: it may have been sent.
pub fn unclear(reply: &Reply, why: &str) -> Answer {
    let why = reply.flaw.map_or(why, |flaw| flaw.as_str());
    Answer { outcome: Outcome::Unknown, detail: Some(cut(why)), ..accepted(reply, None) }
}

/// The message will not get better by trying again.
pub fn permanent(reply: &Reply, code: Option<String>) -> Answer {
    Answer { outcome: Outcome::PermanentFailure, detail: Some(or_status(reply, code)), ..accepted(reply, None) }
}

/// A fault of the moment; the wait that the provider asks for is obeyed.
pub fn temporary(reply: &Reply, code: Option<String>, now: Timestamp) -> Answer {
    Answer {
        outcome: Outcome::TemporaryFailure,
        detail: Some(or_status(reply, code)),
        retry_after: retry_after(reply, now),
        ..accepted(reply, None)
    }
}

/// A fault of the account or of the pace, not of the message: the provider rests.
pub fn resting(reply: &Reply, code: Option<String>, now: Timestamp) -> Answer {
    Answer { rest: true, ..temporary(reply, code, now) }
}

/// The request never left and never can.
pub fn never_sent(code: &str) -> Answer {
    Answer {
        outcome: Outcome::PermanentFailure,
        status: None,
        provider_id: None,
        detail: Some(cut(code)),
        retry_after: None,
        rest: false,
    }
}

/// The request never left; it may later.
pub fn not_yet_sent(code: &str, rest: bool) -> Answer {
    Answer { outcome: Outcome::TemporaryFailure, rest, ..never_sent(code) }
}

/// The request left and nothing came back.
pub fn no_answer(code: &str) -> Answer {
    Answer { outcome: Outcome::Unknown, ..never_sent(code) }
}

/// What a status that is not a success means by default.
pub fn by_status(reply: &Reply, code: Option<String>, now: Timestamp) -> Answer {
    match reply.status {
        // credentials: of the account, and of a proxy on the way to it
        401 | 403 | 407 | 429 => resting(reply, code, now),
        // followed by nobody: whoever answers so is not the vendor
        300..=399 => temporary(reply, code.or_else(|| Some("redirect_refused".to_owned())), now),
        408 | 421 | 425 => temporary(reply, code, now),
        501 => permanent(reply, code),
        500..=599 => temporary(reply, code, now),
        _ => permanent(reply, code),
    }
}

/// Whether the status says success.
pub fn is_success(reply: &Reply) -> bool {
    (200..300).contains(&reply.status)
}

/// A code in words (`invalid_parameter`), if it is one: lower-case words joined by `_`, `-` or
/// `.`, without the long numbers that could be somebody's.
pub fn word_code(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let mut digits = 0;
    for character in text.chars() {
        match character {
            'a'..='z' | '_' | '-' | '.' => digits = 0,
            '0'..='9' => digits += 1,
            _ => return None,
        }
        if digits > 5 {
            return None;
        }
    }
    text.starts_with(|first: char| first.is_ascii_lowercase()).then(|| cut(text))
}

/// A code in figures (`21610`), if it is one: at most five, too few to be a telephone number.
pub fn number_code(value: &Value) -> Option<String> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    (number < 100_000).then(|| number.to_string())
}

/// The vendor's id of a message: what is printable, without blanks, and not absurdly long.
pub fn provider_id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let fits = !id.is_empty() && id.len() <= ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(id)
}

/// The wait that `Retry-After` asks for, in seconds or as a date, from none to a day.
pub fn retry_after(reply: &Reply, now: Timestamp) -> Option<Duration> {
    let text = reply.header("retry-after")?;
    seconds(text).or_else(|| Some(until(http_date(text)?, now)))
}

/// A wait in whole seconds, bounded.
pub fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // more figures than fit are more than a day all the same
    Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(LONGEST_WAIT))
}

/// The wait until `moment`, bounded; none if it has passed.
pub fn until(moment: Timestamp, now: Timestamp) -> Duration {
    moment.since(now).to_std().unwrap_or(Duration::ZERO).min(LONGEST_WAIT)
}

/// A date in any of the three forms that RFC 9110 has a recipient accept.
fn http_date(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = DateTime::parse_from_rfc2822(text) {
        return Some(Timestamp(moment.to_utc()));
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|moment| Timestamp(moment.and_utc()))
}

fn or_status(reply: &Reply, code: Option<String>) -> String {
    code.map_or_else(|| format!("http_{}", reply.status), |code| cut(&code))
}

fn cut(text: &str) -> String {
    text.chars().take(DETAIL_LENGTH).collect()
}
