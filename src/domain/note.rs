//! What an event said, in a few words for the timeline, without personal data (I9).

use super::event::{Body, Waybill};

/// A few words on `body`.
pub fn of(body: &Body) -> String {
    match body {
        Body::OrderPlaced(data) => {
            let lines = data.order.items.len();
            format!(
                "{lines} {}, {} {}",
                if lines == 1 { "item" } else { "items" },
                data.order.totals.total,
                data.order.currency
            )
        }
        Body::OrderConfirmed(_) | Body::OrderPreparing(_) | Body::OrderCollected(_) => String::new(),
        Body::OrderUpdated(data) => {
            let changed = [
                ("items", data.items.is_some()),
                ("delivery", data.delivery.is_some()),
                ("promise", data.promise.is_some()),
                ("order link", data.order_url.is_some()),
                ("gift", data.gift.is_some()),
            ];
            changed.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        }
        Body::OrderPacked(_) => String::new(),
        Body::OrderReadyForCollection(data) => match data.hold.until {
            Some(until) => format!("until {until}"),
            None => String::new(),
        },
        Body::OrderCancelled(_) => String::new(),
        Body::OrderRefunded(data) => data.amount.to_string(),
        Body::ShipmentCreated(data) => {
            let numbers: Vec<String> = data.parcels.iter().take(3).map(|parcel| number(&parcel.waybill)).collect();
            format!("{}, {} of the order: {}", data.shipment_id, data.extent.as_str(), numbers.join(", "))
        }
        Body::ShipmentReplaced(data) => {
            format!("{} goes on as {}", number(&data.replaced), number(&data.replacement.waybill))
        }
        Body::ParcelTracked(data) => format!("{}, {}", data.status.as_str(), number(&data.waybill)),
        Body::ParcelEtaChanged(data) => format!("{}, now until {}", number(&data.waybill), data.eta.latest),
        Body::CustomerUpdated(data) => {
            let customer = &data.customer;
            let changed = [
                ("name", customer.name.is_some()),
                ("e-mail", customer.email.is_some()),
                ("phone", customer.phone.is_some()),
                ("locale", customer.locale.is_some()),
                ("time zone", customer.time_zone.is_some()),
                ("channels", customer.channels.is_some()),
                ("consent", customer.marketing.is_some()),
            ];
            changed.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        }
        Body::CustomerErased(_) => String::new(),
        Body::SupportContacted(data) => data.topic.clone().unwrap_or_default(),
    }
}

fn number(waybill: &Waybill) -> String {
    format!("{} {}", waybill.carrier, waybill.tracking_number)
}
