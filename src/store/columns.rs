//! The words of the domain as columns, and back.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use crate::domain::confirmation::Cause;
use crate::domain::decision::Reason;
use crate::domain::event::{Reference, Waybill};
use crate::domain::journey::{Journey, Subject};
use crate::domain::notification::Outcome;
use crate::domain::order::Channel;
use crate::domain::storm::Standing;
use crate::domain::time::Timestamp;
use crate::packing::unreadable;
use crate::ports::{Partition, Ruling, State, StoreError};

pub(super) fn json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable(what, &error))
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

/// A subject as text.
pub(super) fn subject(subject: &Subject) -> Result<String, StoreError> {
    json("a subject", subject)
}

/// A reference as text, the same for equal references. A JSON array keeps its parts apart
/// whatever characters they hold.
pub(super) fn reference(reference: &Reference) -> Result<String, StoreError> {
    let parts: &[&str] = match reference {
        Reference::Order(id) => &["order", id],
        Reference::Parcel(waybill) => &["parcel", &waybill.carrier, &waybill.tracking_number],
        Reference::Customer(id) => &["customer", id],
    };
    json("a reference", &parts)
}

/// The references by which a journey can be found beside its order.
pub(super) fn references(journey: &Journey) -> Result<Vec<String>, StoreError> {
    let customer = journey.order.customer.id.clone().map(Reference::Customer);
    let parcels = journey.parcels.iter().map(|parcel| Reference::Parcel(parcel.key.waybill.clone()));
    customer.into_iter().chain(parcels).map(|found| reference(&found)).collect()
}

/// The reference that a text is of.
pub(super) fn read_reference(text: &str) -> Result<Reference, StoreError> {
    let parts: Vec<String> = from_json("a reference", text)?;
    match parts.as_slice() {
        [kind, id] if kind == "order" => Ok(Reference::Order(id.clone())),
        [kind, id] if kind == "customer" => Ok(Reference::Customer(id.clone())),
        [kind, carrier, number] if kind == "parcel" => {
            Ok(Reference::Parcel(Waybill { carrier: carrier.clone(), tracking_number: number.clone() }))
        }
        _ => Err(StoreError::Corrupt("a reference: of no kind that is known".to_owned())),
    }
}

pub(super) fn channel(word: &str) -> Result<Channel, StoreError> {
    Channel::ALL.into_iter().find(|channel| channel.as_str() == word).ok_or_else(|| unknown_word("a channel"))
}

pub(super) fn outcome(word: &str) -> Result<Outcome, StoreError> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word).ok_or_else(|| unknown_word("an outcome"))
}

pub(super) fn reason(word: &str) -> Result<Reason, StoreError> {
    Reason::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(|| unknown_word("a reason"))
}

pub(super) fn cause(word: &str) -> Result<Cause, StoreError> {
    Cause::ALL.into_iter().find(|cause| cause.as_str() == word).ok_or_else(|| unknown_word("a cause"))
}

pub(super) fn state(word: &str) -> Result<State, StoreError> {
    [State::Pending, State::Accepted, State::Suppressed, State::Dead, State::Held, State::Stormbound]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| unknown_word("a state"))
}

/// How a rule stands that has been held.
pub(super) fn standing(
    holds_until_ms: i64,
    granted: Option<i64>,
    granted_ms: Option<i64>,
) -> Result<Standing, StoreError> {
    let granted = granted_ms
        .zip(granted)
        .map(|(at, messages)| Ok::<_, StoreError>((Timestamp::from_millis(at), natural(messages)?)));
    Ok(Standing { holds_until: Timestamp::from_millis(holds_until_ms), granted: granted.transpose()? })
}

pub(super) fn ruling(word: &str) -> Result<Ruling, StoreError> {
    Ruling::ALL.into_iter().find(|ruling| ruling.as_str() == word).ok_or_else(|| unknown_word("a ruling"))
}

pub(super) fn partition(topic: String, number: i32) -> Partition {
    Partition { topic: topic.into(), number }
}

/// Milliseconds since 1970, rounded up: what is woken then finds that it is time.
pub(super) fn millis_after(moment: Timestamp) -> i64 {
    let millis = moment.millis();
    if Timestamp::from_millis(millis) < moment { millis + 1 } else { millis }
}

/// A count or a size as a database keeps it.
pub(super) fn integer(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// A count, a size or a version, back from the database.
pub(super) fn natural<T: TryFrom<i64>>(stored: i64) -> Result<T, StoreError> {
    T::try_from(stored).map_err(|_| StoreError::Corrupt("a number: out of its range".to_owned()))
}

/// Message headers as text: their values may be any bytes.
pub(super) fn headers(headers: &[(String, Bytes)]) -> Result<String, StoreError> {
    let readable: Vec<_> = headers.iter().map(|(name, value)| (name, BASE64_STANDARD.encode(value))).collect();
    json("a record's headers", &readable)
}

pub(super) fn from_headers(text: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
    let what = "a record's headers";
    let readable: Vec<(String, String)> = from_json(what, text)?;
    readable
        .into_iter()
        .map(|(name, value)| {
            let value =
                BASE64_STANDARD.decode(value).map_err(|_| StoreError::Corrupt(format!("{what}: not base64")))?;
            Ok((name, value.into()))
        })
        .collect()
}

/// `what` holds a word that this build does not know.
pub(super) fn unknown_word(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what}: a word that this version does not know"))
}
