//! What the vendors tell of their messages afterwards has in common.
//!
//! A message carries whose it is: the notification's id and, as a mark, its journey, so that a receipt
//! finds both without an index of all that was ever sent. There is no window of time for signatures:
//! what is told late is true all the same, and what is told twice changes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::decision::NotificationId;
use crate::domain::journey::JourneyKey;
use crate::domain::order::Channel;
use crate::domain::receipt::{Receipt, Received};
use crate::domain::time::Timestamp;
use crate::ports::{Heard, Notice, Outgoing, Unheard};

/// The longest mark that every vendor takes; a longer one is left out, and the receipts with it.
const LONGEST_MARK: usize = 256;

/// The journey, in letters, figures, `-` and `_`.
pub fn mark(outgoing: &Outgoing<'_>) -> Option<String> {
    let text = serde_json::to_vec(&[outgoing.shop, outgoing.order_id]).ok()?;
    Some(URL_SAFE_NO_PAD.encode(text)).filter(|mark| mark.len() <= LONGEST_MARK)
}

/// The journey of a mark.
fn unmark(mark: &str) -> Option<JourneyKey> {
    let text = URL_SAFE_NO_PAD.decode(mark).ok()?;
    let [shop, order_id]: [String; 2] = serde_json::from_slice(&text).ok()?;
    Some(JourneyKey { shop, order_id })
}

/// Gathers what a callback tells.
pub(super) struct Gathered {
    channel: Channel,
    now: Timestamp,
    heard: Heard,
}

impl Gathered {
    pub fn new(channel: Channel, now: Timestamp) -> Self {
        Self { channel, now, heard: Heard::default() }
    }

    /// One event: `receipt` if it is one that matters, `at` when it happened if that is told.
    pub fn add(&mut self, receipt: Option<Receipt>, notification: &str, mark: &str, at: Option<Timestamp>) {
        let known = receipt.zip(unmark(mark)).filter(|_| !notification.is_empty());
        let Some((receipt, key)) = known else { return self.heard.others += 1 };
        let received = Received {
            notification: NotificationId(notification.to_owned()),
            channel: self.channel,
            receipt,
            at: at.unwrap_or(self.now).min(self.now),
        };
        self.heard.notices.push(Notice { key, received });
    }

    pub fn done(self) -> Heard {
        self.heard
    }
}

/// The events of a body: an array of them, or one alone.
pub(super) fn events(body: &[u8]) -> Result<Vec<Value>, Unheard> {
    match serde_json::from_slice(body) {
        Ok(Value::Array(events)) => Ok(events),
        Ok(event @ Value::Object(_)) => Ok(vec![event]),
        _ => Err(Unheard::Unreadable),
    }
}

/// The text at `pointer`; empty if there is none.
pub(super) fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The moment at `pointer`, in seconds since 1970.
pub(super) fn seconds(event: &Value, pointer: &str) -> Option<Timestamp> {
    let seconds = event.pointer(pointer)?.as_i64()?;
    Some(Timestamp::from_millis(seconds.checked_mul(1_000)?))
}

/// The value of a field of a form or a query; empty if there is none.
pub(super) fn field(form: &[u8], name: &str) -> String {
    let mut fields = url::form_urlencoded::parse(form);
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Whether two secrets are the same; how long it takes tells nothing of them.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
