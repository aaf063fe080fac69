//! What there is to worry about: all of it on the day itself, and each with a delay on top of it.

use super::{Sample, at, delayed, parcel, placed, read, scan, window};
use crate::domain::event::ParcelStatus;
use crate::domain::order::{Order, Totals};

/// The day itself.
pub(super) fn out_for_delivery() -> Sample {
    parcel("out_for_delivery", "2026-03-05T08:31:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::OutForDelivery, "2026-03-05T08:30:00+01:00", "En livraison"));
    })
}

/// The day before somebody has to be there; nothing has left yet.
pub(super) fn appointment() -> Sample {
    Sample { name: "appointment", now: at("2026-03-04T08:00:00+01:00"), ..placed() }
}

/// A delayed parcel with one item, and one worry about it.
fn worry(name: &'static str, item: usize, changes: impl FnOnce(&mut Order)) -> Sample {
    let mut sample = Sample { name, ..delayed() };
    let order = &mut sample.journey.order;
    order.items = order.items.drain(item..=item).collect();
    order.totals = Totals { items: read("\"129.90\""), total: read("\"129.90\""), ..Totals::default() };
    (order.gift, order.delivery.express, order.delivery.appointment) = (None, false, None);
    (order.delivery.signature, order.delivery.insured) = (false, None);
    for item in &mut order.items {
        (item.bulky, item.perishable, item.cold_chain, item.best_before) = (false, false, false, None);
    }
    changes(order);
    sample
}

/// Handed over against a signature, and insured.
pub(super) fn valuable() -> Sample {
    worry("valuable", 1, |order| {
        order.totals.total = read("\"1249.00\"");
        (order.delivery.signature, order.delivery.insured) = (true, Some(order.totals.total));
    })
}

/// Best before a day that the delay goes beyond.
pub(super) fn perishable() -> Sample {
    worry("perishable", 0, |order| {
        for item in &mut order.items {
            (item.perishable, item.cold_chain) = (true, true);
            item.best_before = Some(read("\"2026-03-06\""));
        }
    })
}

/// By appointment, on a later day.
pub(super) fn bulky() -> Sample {
    worry("bulky", 1, |order| {
        order.items.iter_mut().for_each(|item| item.bulky = true);
        order.delivery.appointment = Some(window("2026-03-07T08:00:00+01:00", "2026-03-07T13:00:00+01:00"));
    })
}

pub(super) fn urgent() -> Sample {
    worry("urgent", 1, |order| order.delivery.express = true)
}

/// A present that the delay makes come too late.
pub(super) fn cherished() -> Sample {
    worry("cherished", 1, |order| {
        order.gift = Some(read("{ \"recipient_name\": \"Louise\", \"wanted_on\": \"2026-03-06\" }"));
    })
}
