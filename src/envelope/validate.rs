//! What an event may not say, beyond what its types rule out.

use chrono::{Duration, NaiveDate, NaiveTime};

use super::Refusal;
use crate::domain::event::{Body, Event, Waybill};
use crate::domain::time::Timestamp;

/// The longest name of a shop, an order, a parcel.
pub const NAME: usize = 128;
/// The longest `id` or `source`.
pub const ORIGIN: usize = 256;

/// No shop of today published events before; an earlier time is a clock or a unit gone wrong.
const FIRST_YEAR: i32 = 2000;
/// How far ahead a publisher's clock may be.
const AHEAD_HOURS: i64 = 24;

/// # Errors
/// The first field that cannot be as it is.
pub fn event(event: &Event, now: Timestamp) -> Result<(), Refusal> {
    identifier("id", &event.id, ORIGIN)?;
    identifier("source", &event.source, ORIGIN)?;
    time(event.time, now)?;
    body(&event.body)
}

/// An identifier is not empty, not endless, and can be shown on one line.
pub fn identifier(field: &str, value: &str, longest: usize) -> Result<(), Refusal> {
    let wrong = if value.is_empty() {
        "is empty"
    } else if value.len() > longest {
        "is too long"
    } else if value.chars().any(char::is_control) {
        "holds control characters"
    } else {
        return Ok(());
    };
    let right = format!("it must be 1 to {longest} bytes without control characters");
    Err(Refusal::validate("invalid_field", format!("{field} {wrong}; {right}")))
}

fn time(time: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let first = NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc();
    let wrong = if time.0 < first {
        format!("is before the year {FIRST_YEAR}")
    } else if time > now.plus(Duration::hours(AHEAD_HOURS)) {
        format!("is more than {AHEAD_HOURS} hours ahead")
    } else {
        return Ok(());
    };
    Err(Refusal::validate("absurd_time", format!("time {wrong}; it must be when the event happened")))
}

fn body(body: &Body) -> Result<(), Refusal> {
    let name = |field: &str, value: &str| identifier(field, value, NAME);
    let order = |value: &str| name("data.order_id", value);
    let optional = |field: &str, value: &Option<String>| value.as_deref().map_or(Ok(()), |value| name(field, value));
    let waybill = |at: &str, waybill: &Waybill| {
        name(&format!("{at}.carrier"), &waybill.carrier)?;
        name(&format!("{at}.tracking_number"), &waybill.tracking_number)
    };
    match body {
        Body::OrderPlaced(data) => {
            order(&data.order_id)?;
            optional("data.customer.id", &data.order.customer.id)
        }
        Body::OrderConfirmed(data) | Body::OrderPreparing(data) | Body::OrderCollected(data) => order(&data.order_id),
        Body::OrderUpdated(data) => order(&data.order_id),
        Body::OrderPacked(data) => order(&data.order_id),
        Body::OrderReadyForCollection(data) => order(&data.order_id),
        Body::OrderCancelled(data) => order(&data.order_id),
        Body::OrderRefunded(data) => order(&data.order_id),
        Body::ShipmentCreated(data) => {
            order(&data.order_id)?;
            name("data.shipment_id", &data.shipment_id)?;
            data.parcels
                .iter()
                .enumerate()
                .try_for_each(|(at, parcel)| waybill(&format!("data.parcels[{at}]"), &parcel.waybill))
        }
        Body::ShipmentReplaced(data) => {
            order(&data.order_id)?;
            name("data.shipment_id", &data.shipment_id)?;
            waybill("data.replaced", &data.replaced)?;
            waybill("data.replacement", &data.replacement.waybill)
        }
        Body::ParcelTracked(data) => {
            optional("data.order_id", &data.order_id)?;
            waybill("data", &data.waybill)
        }
        Body::ParcelEtaChanged(data) => {
            optional("data.order_id", &data.order_id)?;
            waybill("data", &data.waybill)
        }
        Body::CustomerUpdated(data) => optional("data.customer.id", &data.customer.id),
        Body::CustomerErased(data) => name("data.customer_id", &data.customer_id),
        Body::SupportContacted(data) => order(&data.order_id),
    }
}
