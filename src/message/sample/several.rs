//! One message that tells of several, and one to somebody else.

use super::{Sample, at, delivered_in_part, notification};
use crate::domain::event::{Extent, Line};
use crate::domain::journey::{Shipment, Subject, Told};
use crate::domain::order::Customer;
use crate::domain::party::Party;

/// What one notification tells of.
fn told(message: &str, subject: Subject) -> Told {
    Told {
        rule: message.into(),
        message: message.to_owned(),
        to: Party::Buyer,
        once_key: subject.to_string(),
        subject,
        at: at("2026-03-03T18:41:00+01:00"),
        notifications: vec![notification()],
        withdrawn: false,
        escalated: None,
    }
}

/// The journey of `sample`, as the recipient of the present is told of it.
pub fn for_recipient(mut sample: Sample, message: &str) -> Sample {
    let told = Told { to: Party::Recipient, ..told(message, sample.subject.clone()) };
    sample.journey.told = vec![told];
    let customer = sample.journey.order.customer.clone();
    let gift = sample.journey.order.gift.get_or_insert_default();
    gift.recipient = Some(Customer { name: gift.recipient_name.clone(), ..customer });
    sample
}

/// A second shipment with a parcel of its own.
fn with_a_second(mut sample: Sample) -> Sample {
    let journey = &mut sample.journey;
    if let Some(first) = journey.parcels.first() {
        let mut second = first.clone();
        second.key.waybill.tracking_number = "6A12345678902".to_owned();
        second.tracking_url = Some("https://www.laposte.example/suivi/6A12345678902".to_owned());
        second.shipment_id = Some("S2".to_owned());
        journey.parcels.push(second);
    }
    let items = vec![Line { sku: "TABLE-OAK".to_owned(), quantity: 1 }];
    let created_at = at("2026-03-03T16:30:00+01:00");
    journey.shipments.push(Shipment { id: "S2".to_owned(), created_at, extent: Extent::Last, items });
    sample
}

/// Two shipments of which one message tells.
pub(super) fn shipped() -> Sample {
    let mut sample = Sample { name: "shipped_together", ..with_a_second(super::shipped(Extent::Some)) };
    sample.journey.told = ["S1", "S2"].map(|id| told("shipping", Subject::Shipment(id.to_owned()))).into();
    sample
}

/// Two parcels of which one message tells, each left somewhere else.
pub(super) fn delivered() -> Sample {
    let part = with_a_second(delivered_in_part());
    let mut sample = Sample { name: "delivered_together", ..part };
    let keys = sample.journey.parcels.iter().map(|parcel| parcel.key.clone());
    sample.journey.told = keys.map(|key| told("delivered", Subject::Parcel(key))).collect();
    if let [.., last] = &mut sample.journey.parcels[..] {
        last.delivered_to = Some("neighbour".to_owned());
    }
    sample
}
