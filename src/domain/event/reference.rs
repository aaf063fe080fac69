//! How the journey of an event is found.

use super::{Body, Waybill};

/// What an event is about: how its journey is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    Order(String),
    Parcel(Waybill),
    Customer(String),
}

impl Body {
    /// How the journey of this event is found. An order that is named wins over a waybill.
    /// `None` if a `customer.updated` names no customer.
    pub fn reference(&self) -> Option<Reference> {
        let order = |id: &String| Some(Reference::Order(id.clone()));
        let parcel = |id: &Option<String>, waybill: &Waybill| match id {
            Some(id) => Some(Reference::Order(id.clone())),
            None => Some(Reference::Parcel(waybill.clone())),
        };
        match self {
            Self::OrderPlaced(data) => order(&data.order_id),
            Self::OrderConfirmed(data) | Self::OrderPreparing(data) | Self::OrderCollected(data) => {
                order(&data.order_id)
            }
            Self::OrderUpdated(data) => order(&data.order_id),
            Self::OrderPacked(data) => order(&data.order_id),
            Self::OrderReadyForCollection(data) => order(&data.order_id),
            Self::OrderCancelled(data) => order(&data.order_id),
            Self::OrderRefunded(data) => order(&data.order_id),
            Self::ShipmentCreated(data) => order(&data.order_id),
            Self::ShipmentReplaced(data) => order(&data.order_id),
            Self::SupportContacted(data) => order(&data.order_id),
            Self::ParcelTracked(data) => parcel(&data.order_id, &data.waybill),
            Self::ParcelEtaChanged(data) => parcel(&data.order_id, &data.waybill),
            Self::CustomerUpdated(data) => data.customer.id.clone().map(Reference::Customer),
            Self::CustomerErased(data) => Some(Reference::Customer(data.customer_id.clone())),
        }
    }
}
