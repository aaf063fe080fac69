//! What is said of shipments and of parcels.

use super::super::event::{NewParcel, ParcelStatus, Reference, ShipmentCreated, Waybill};
use super::super::journey::{Announced, Journey, Link, Parcel, ParcelKey, Scan, Shipment, Subject};
use super::super::parcel::{Facts, Given, rank, rank_of_eta};
use super::super::time::Timestamp;
use super::{Applied, Full, MOST_PARCELS, MOST_SCANS, News, is_newest};

pub(super) fn ship(journey: &mut Journey, data: &ShipmentCreated, at: Timestamp) -> Result<Applied, Full> {
    let subject = Subject::Shipment(data.shipment_id.clone());
    room_for(journey, data.parcels.iter().map(|parcel| &parcel.waybill))?;
    let known = journey.shipments.iter().position(|shipment| shipment.id == data.shipment_id);
    match known {
        Some(position) => amend(journey, position, data, at),
        None if journey.shipments.len() >= MOST_PARCELS => return Err(Full),
        None => journey.shipments.push(Shipment {
            id: data.shipment_id.clone(),
            created_at: at,
            extent: data.extent,
            items: data.items.clone(),
        }),
    }
    journey.shipments.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut links = Vec::new();
    for parcel in &data.parcels {
        links.extend(give(journey, &data.shipment_id, parcel, at));
        if let Some(window) = data.eta {
            let mut facts = facts_of(journey, &parcel.waybill);
            facts.etas.push(Announced { at, window, reason: None });
            settle(journey, &parcel.waybill, facts);
        }
    }
    Ok(Applied { news: if known.is_some() { News::Known } else { News::Fresh }, subject, links })
}

/// A shipment is spoken of again: the newest word says what it carries, the oldest when it left.
fn amend(journey: &mut Journey, position: usize, data: &ShipmentCreated, at: Timestamp) {
    let fact = format!("shipment.{}", data.shipment_id);
    let Journey { shipments, as_of, .. } = journey;
    let shipment = &mut shipments[position];
    let newest = as_of.get(&fact).copied().unwrap_or(shipment.created_at);
    if at >= newest {
        shipment.extent = data.extent;
        shipment.items.clone_from(&data.items);
    }
    if at != newest {
        as_of.insert(fact, newest.max(at));
    }
    shipment.created_at = shipment.created_at.min(at);
}

/// The parcel goes on under another number.
pub(super) fn replace(journey: &mut Journey, replaced: &Waybill, by: &Waybill, at: Timestamp) -> News {
    if replaced == by {
        return News::Known;
    }
    let newest = is_newest(journey, &format!("replaced.{}.{}", replaced.carrier, replaced.tracking_number), at);
    let mut facts = facts_of(journey, replaced);
    if facts.replaced_by.as_ref() == Some(by) {
        return News::Known;
    }
    if !newest {
        return News::Old;
    }
    facts.replaced_by = Some(by.clone());
    settle(journey, replaced, facts);
    News::Fresh
}

/// Gives the buyer a number.
pub(super) fn give(journey: &mut Journey, shipment_id: &str, parcel: &NewParcel, at: Timestamp) -> Vec<Link> {
    let mut facts = facts_of(journey, &parcel.waybill);
    facts.given.push(Given { at, shipment_id: shipment_id.to_owned(), tracking_url: parcel.tracking_url.clone() });
    settle(journey, &parcel.waybill, facts);
    vec![Link { reference: Reference::Parcel(parcel.waybill.clone()), since: at }]
}

pub(super) fn track(
    journey: &mut Journey,
    waybill: &Waybill,
    scan: Option<Scan>,
    eta: Option<Announced>,
) -> Result<Applied, Full> {
    room_for(journey, [waybill])?;
    let mut facts = facts_of(journey, waybill);
    // an event that names order and number makes the number known for those that do not
    let unknown = !journey.parcels.iter().any(|parcel| parcel.key.waybill == *waybill);
    let since = scan.as_ref().map(|scan| scan.at).or(eta.as_ref().map(|eta| eta.at));
    let links = since.filter(|_| unknown).map(|since| Link { reference: Reference::Parcel(waybill.clone()), since });
    let mut news = News::Known;
    if let Some(scan) = &scan {
        let same = |known: &Scan| (known.status, known.at, &known.code) == (scan.status, scan.at, &scan.code);
        if let Some(known) = facts.scans.iter_mut().find(|known| same(known)) {
            if words(known) < words(scan) {
                known.clone_from(scan);
            }
        } else {
            // what says nothing does not outdate what does
            let telling = facts.scans.iter().filter(|known| known.status != ParcelStatus::Unknown);
            let latest = telling.map(rank).max().is_none_or(|latest| latest < rank(scan));
            news = if latest { News::Fresh } else { News::Old };
            facts.scans.push(scan.clone());
        }
    }
    if let Some(eta) = eta
        && !facts.etas.contains(&eta)
    {
        let last = facts.etas.iter().max_by(|a, b| rank_of_eta(a).cmp(&rank_of_eta(b)));
        let latest = last.is_none_or(|last| rank_of_eta(last) < rank_of_eta(&eta));
        let said = last.is_some_and(|last| last.window == eta.window);
        if scan.is_none() {
            news = match (latest, said) {
                (true, true) => News::Known,
                (true, false) => News::Fresh,
                (false, _) => News::Old,
            };
        }
        facts.etas.push(eta);
    }
    if facts.scans.len() > MOST_SCANS {
        facts.scans.sort_by(|a, b| rank(a).cmp(&rank(b)));
        facts.scans.remove(MOST_SCANS / 2);
    }
    if facts.etas.len() > MOST_SCANS {
        facts.etas.remove(0);
    }
    let replaced = facts.replaced_by.is_some();
    settle(journey, waybill, facts);
    let life = journey.parcels.iter().rev().find(|parcel| parcel.key.waybill == *waybill);
    // said of an earlier life of the number
    let outlived = scan.as_ref().is_some_and(|scan| life.is_some_and(|life| !life.scans.contains(scan)));
    let said_of_return =
        scan.is_none_or(|scan| scan.status != ParcelStatus::Unknown) && life.is_some_and(|life| life.is_return);
    news = match news {
        News::Fresh if replaced || outlived => News::Old,
        News::Fresh if said_of_return => News::ReturnLeg,
        other => other,
    };
    Ok(Applied { news, subject: latest_life(journey, waybill), links: links.into_iter().collect() })
}

/// What else is said of one scan: of two that say it otherwise the fuller one counts, and always the same.
fn words(scan: &Scan) -> (usize, String) {
    let words = serde_json::to_string(scan).unwrap_or_default();
    (words.len(), words)
}

pub(super) fn facts_of(journey: &Journey, waybill: &Waybill) -> Facts {
    Facts::gather(journey.parcels.iter().filter(|parcel| parcel.key.waybill == *waybill))
}

/// Puts the lives that follow from `facts` in place of those that were there.
pub(super) fn settle(journey: &mut Journey, waybill: &Waybill, facts: Facts) {
    let lives = facts.lives(waybill, journey.hold_kind(), journey.first_promise());
    journey.parcels.retain(|parcel| parcel.key.waybill != *waybill);
    let at = journey.parcels.partition_point(|parcel: &Parcel| parcel.key.waybill < *waybill);
    journey.parcels.splice(at..at, lives);
}

pub(super) fn latest_life(journey: &Journey, waybill: &Waybill) -> Subject {
    let life = journey.parcels.iter().rev().find(|parcel| parcel.key.waybill == *waybill);
    Subject::Parcel(life.map_or_else(|| ParcelKey { waybill: waybill.clone(), epoch: 0 }, |life| life.key.clone()))
}

pub(super) fn room_for<'a>(journey: &Journey, waybills: impl IntoIterator<Item = &'a Waybill>) -> Result<(), Full> {
    let is_new = |waybill: &&Waybill| !journey.parcels.iter().any(|parcel| parcel.key.waybill == **waybill);
    let new = waybills.into_iter().filter(is_new).count();
    if journey.parcels.len() + new > MOST_PARCELS { Err(Full) } else { Ok(()) }
}
