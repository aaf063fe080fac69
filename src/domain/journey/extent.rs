//! How much of the order a shipment carries, where its publisher left that to the items.

use super::{Journey, Shipment};
use crate::domain::event::Extent;

impl Journey {
    /// As it was said, or as the items make it: the whole if it carries all, the last if it carries
    /// what the earlier ones left, else a part. An item that the order does not know, or none at
    /// all, says nothing: it counts as the whole.
    pub fn extent_of(&self, shipment: &Shipment) -> Extent {
        if shipment.extent != Extent::ByItems {
            return shipment.extent;
        }
        let known = |sku: &str| self.order.items.iter().any(|item| item.sku == sku);
        let earlier = self.shipments.iter().take_while(|one| one.id != shipment.id);
        if shipment.items.is_empty() || !shipment.items.iter().all(|line| known(&line.sku)) || self.covers([shipment]) {
            Extent::All
        } else if self.covers(earlier.chain([shipment])) {
            Extent::Last
        } else {
            Extent::Some
        }
    }

    /// Together they carry every item of the order.
    fn covers<'a>(&self, shipments: impl IntoIterator<Item = &'a Shipment>) -> bool {
        let lines: Vec<_> = shipments.into_iter().flat_map(|shipment| &shipment.items).collect();
        let carried = |sku: &str| -> u64 {
            lines.iter().filter(|line| line.sku == sku).map(|line| u64::from(line.quantity)).sum()
        };
        let ordered = |sku: &str| -> u64 {
            self.order.items.iter().filter(|item| item.sku == sku).map(|item| u64::from(item.quantity)).sum()
        };
        self.order.items.iter().all(|item| carried(&item.sku) >= ordered(&item.sku))
    }
}
