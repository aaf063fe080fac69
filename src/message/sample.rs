//! Journeys to try messages with: [`Templates::check`](super::Templates::check) writes every
//! message from every one of them, so that what could be missing in real life is missing here
//! first. They also serve previews and tests.

mod several;
mod worry;

use serde::de::DeserializeOwned;

use crate::domain::decision::NotificationId;
use crate::domain::event::{Extent, HoldNotice, Line, ParcelStatus, Waybill};
use crate::domain::journey::{
    Cancelled, Eta, Hold, HoldKind, Journey, JourneyKey, Parcel, ParcelKey, Promised, Refunded, Scan, Shipment, Steps,
    Subject,
};
use crate::domain::order::{Amount, DeliveryMethod, Order, Point};
use crate::domain::shop::Shop;
use crate::domain::time::{Timestamp, Window};

pub use several::for_recipient;

/// A journey at a moment at which something is told.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: &'static str,
    pub shop: Shop,
    pub journey: Journey,
    pub subject: Subject,
    pub now: Timestamp,
}

/// Every sample: from the journey that has everything to the one that has next to nothing.
pub fn all() -> Vec<Sample> {
    let samples = vec![
        placed(),
        for_store(),
        shipped(Extent::All),
        shipped(Extent::Some),
        shipped(Extent::Last),
        several::shipped(),
        worry::out_for_delivery(),
        worry::appointment(),
        worry::valuable(),
        worry::perishable(),
        worry::bulky(),
        worry::urgent(),
        worry::cherished(),
        delayed(),
        delayed_without_a_date(),
        damaged(),
        put_off(),
        overdue(),
        held_as_chosen(),
        held_as_imposed(),
        held_in_store(),
        delivered(),
        delivered_in_part(),
        several::delivered(),
        collected(),
        collected_in_store(),
        cancelled(),
        cancelled_unpaid(),
        returned(),
        lost(),
        bare(),
        bare_parcel(),
    ];
    samples.into_iter().map(worried).collect()
}

/// The order with everything, and that with next to nothing.
pub fn extremes() -> [Sample; 2] {
    [placed(), bare()]
}

/// With the concerns that its order raises.
fn worried(mut sample: Sample) -> Sample {
    sample.journey.concerns = sample.shop.concerns.raised_by(&sample.journey, &sample.shop);
    sample
}

/// The sample of that name.
pub fn named(name: &str) -> Option<Sample> {
    all().into_iter().find(|sample| sample.name == name)
}

/// The notification that each sample is written for.
pub fn notification() -> NotificationId {
    NotificationId("ntf_0123456789abcdef".to_owned())
}

/// A shop that sends by every channel.
pub fn shop() -> Shop {
    read(include_str!("sample/shop.json"))
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("the samples are part of this program and tested with it")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("the samples are part of this program and tested with it")
}

fn window(earliest: &str, latest: &str) -> Window {
    Window { earliest: at(earliest), latest: at(latest) }
}

fn journey(order: Order) -> Journey {
    let placed_at = at("2026-03-02T09:30:00+01:00");
    let promises = order.promise.map(|window| Promised { window, at: placed_at }).into_iter().collect();
    Journey {
        key: JourneyKey { shop: "maison-orme".to_owned(), order_id: "FR-20418".to_owned() },
        placed_at,
        order,
        concerns: Vec::new(),
        as_of: Default::default(),
        steps: Steps::default(),
        store_hold: None,
        packaging: None,
        shipments: Vec::new(),
        parcels: Vec::new(),
        promises,
        support_contacts: 0,
        told: Vec::new(),
        receipts: Vec::new(),
        timers: Vec::new(),
        fired: Vec::new(),
        deferred: Vec::new(),
        erased: false,
        taken: Default::default(),
    }
}

fn placed() -> Sample {
    Sample {
        name: "placed",
        shop: shop(),
        journey: journey(read(include_str!("sample/order.json"))),
        subject: Subject::Order,
        now: at("2026-03-02T09:30:04+01:00"),
    }
}

fn point() -> Point {
    read(include_str!("sample/point.json"))
}

fn for_store() -> Sample {
    let mut sample = Sample { name: "for_store", ..placed() };
    let delivery = &mut sample.journey.order.delivery;
    delivery.method = DeliveryMethod::Store;
    delivery.service = Some("Retrait en magasin".to_owned());
    delivery.address = None;
    delivery.point = Some(Point { name: "Maison Orme Lyon".to_owned(), ..point() });
    sample
}

fn key() -> ParcelKey {
    let waybill = Waybill { carrier: "colissimo".to_owned(), tracking_number: "6A12345678901".to_owned() };
    ParcelKey { waybill, epoch: 0 }
}

fn scan(status: ParcelStatus, time: &str, text: &str) -> Scan {
    Scan {
        status,
        at: at(time),
        code: None,
        text: Some(text.to_owned()),
        place: Some("Lyon".to_owned()),
        hold: None,
        delivered_to: None,
    }
}

fn shipped(extent: Extent) -> Sample {
    let name = match extent {
        Extent::All | Extent::ByItems => "shipped_all",
        Extent::Some => "shipped_some",
        Extent::Last => "shipped_last",
    };
    let mut sample = Sample { name, subject: Subject::Shipment("S1".to_owned()), ..placed() };
    let line = |sku: &str, quantity| vec![Line { sku: sku.to_owned(), quantity }];
    let shipment = |id: &str, extent, items| Shipment {
        id: id.to_owned(),
        created_at: at("2026-03-03T16:10:00+01:00"),
        extent,
        items,
    };
    sample.journey.shipments = match extent {
        Extent::All | Extent::ByItems => vec![shipment("S1", Extent::All, Vec::new())],
        Extent::Some => vec![shipment("S1", Extent::Some, line("CHEESE-12", 2))],
        Extent::Last => {
            vec![shipment("S0", Extent::Some, line("CHEESE-12", 2)), shipment("S1", Extent::Last, line("TABLE-OAK", 1))]
        }
    };
    sample.journey.parcels = vec![Parcel {
        key: key(),
        shipment_id: Some("S1".to_owned()),
        tracking_url: Some("https://www.laposte.example/suivi/6A12345678901".to_owned()),
        scans: vec![scan(ParcelStatus::PickedUp, "2026-03-03T18:40:00+01:00", "Pris en charge")],
        etas: Vec::new(),
        eta: Some(Eta {
            window: window("2026-03-05T08:00:00+01:00", "2026-03-05T18:00:00+01:00"),
            at: at("2026-03-03T18:40:00+01:00"),
            before: None,
            reason: None,
        }),
        hold: None,
        delivered_to: None,
        linked_at: at("2026-03-03T16:10:00+01:00"),
        given_before: Vec::new(),
        replaced_by: None,
        is_return: false,
    }];
    sample.now = at("2026-03-03T18:41:00+01:00");
    sample
}

/// A parcel on its way, and what `happens` to it.
fn parcel(name: &'static str, now: &str, happens: impl FnOnce(&mut Parcel)) -> Sample {
    let mut sample = Sample { name, subject: Subject::Parcel(key()), now: at(now), ..shipped(Extent::All) };
    if let Some(parcel) = sample.journey.parcels.first_mut() {
        happens(parcel);
    }
    sample
}

fn delayed() -> Sample {
    parcel("delayed", "2026-03-05T10:00:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::Delayed, "2026-03-05T09:58:00+01:00", "Retard d’acheminement"));
        parcel.eta = Some(Eta {
            window: window("2026-03-07T08:00:00+01:00", "2026-03-07T13:00:00+01:00"),
            at: at("2026-03-05T09:58:00+01:00"),
            before: Some(window("2026-03-05T08:00:00+01:00", "2026-03-05T18:00:00+01:00")),
            reason: Some("intempéries sur la route".to_owned()),
        });
    })
}

fn delayed_without_a_date() -> Sample {
    parcel("delayed_without_a_date", "2026-03-05T10:00:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::Exception, "2026-03-05T09:58:00+01:00", "Colis retenu au centre de tri"));
        parcel.eta = None;
    })
}

fn damaged() -> Sample {
    parcel("damaged", "2026-03-05T10:00:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::Damaged, "2026-03-05T09:58:00+01:00", "Emballage détérioré"));
        parcel.eta = None;
    })
}

/// The shop moves its promise before anything has left.
fn put_off() -> Sample {
    let mut sample = Sample { name: "put_off", now: at("2026-03-03T10:00:00+01:00"), ..placed() };
    let promise = window("2026-03-09T08:00:00+01:00", "2026-03-11T18:00:00+01:00");
    sample.journey.promises.push(Promised { window: promise, at: sample.now });
    sample.journey.order.promise = Some(promise);
    sample
}

fn overdue() -> Sample {
    parcel("overdue", "2026-03-06T18:30:00+01:00", |_| ())
}

fn hold(kind: HoldKind) -> Hold {
    Hold {
        kind,
        since: at("2026-03-05T14:20:00+01:00"),
        notice: HoldNotice {
            point: Some(point()),
            until: Some(at("2026-03-14T18:00:00+01:00")),
            code: Some("K7F-204".to_owned()),
            id_required: Some(true),
        },
    }
}

fn held_as_chosen() -> Sample {
    let mut sample = parcel("held_as_chosen", "2026-03-05T14:21:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::HeldAtPickup, "2026-03-05T14:20:00+01:00", "Disponible"));
        parcel.hold = Some(hold(HoldKind::Chosen));
    });
    sample.journey.order.delivery.method = DeliveryMethod::PickupPoint;
    sample.journey.order.delivery.point = Some(point());
    sample
}

fn held_as_imposed() -> Sample {
    parcel("held_as_imposed", "2026-03-05T14:21:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::AttemptFailed, "2026-03-05T11:05:00+01:00", "Destinataire absent"));
        parcel.scans.push(scan(ParcelStatus::HeldAtPickup, "2026-03-05T14:20:00+01:00", "En instance"));
        parcel.hold = Some(hold(HoldKind::Imposed));
    })
}

fn held_in_store() -> Sample {
    let mut sample = Sample { name: "held_in_store", now: at("2026-03-05T14:21:00+01:00"), ..for_store() };
    sample.journey.store_hold = Some(hold(HoldKind::Chosen));
    sample
}

fn delivered() -> Sample {
    parcel("delivered", "2026-03-05T11:06:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::Delivered, "2026-03-05T11:05:00+01:00", "Livré"));
        parcel.delivered_to = Some("neighbour".to_owned());
    })
}

/// One of two shipments has arrived; the other has yet to leave.
fn delivered_in_part() -> Sample {
    let part = shipped(Extent::Some);
    let mut sample = Sample { name: "delivered_in_part", journey: part.journey, ..delivered() };
    for parcel in &mut sample.journey.parcels {
        parcel.scans.push(scan(ParcelStatus::Delivered, "2026-03-05T11:05:00+01:00", "Livré"));
        parcel.delivered_to = Some("reception".to_owned());
    }
    sample
}

fn collected() -> Sample {
    let held = held_as_chosen();
    let mut sample = Sample { name: "collected", now: at("2026-03-06T17:31:00+01:00"), ..held };
    for parcel in &mut sample.journey.parcels {
        parcel.scans.push(scan(ParcelStatus::Collected, "2026-03-06T17:30:00+01:00", "Retiré"));
        parcel.hold = None;
    }
    sample
}

fn collected_in_store() -> Sample {
    let held = held_in_store();
    let mut sample = Sample { name: "collected_in_store", now: at("2026-03-06T17:31:00+01:00"), ..held };
    sample.journey.steps.collected = Some(at("2026-03-06T17:30:00+01:00"));
    sample.journey.store_hold = None;
    sample
}

/// Nothing is known of the money.
fn cancelled_unpaid() -> Sample {
    let mut sample = Sample { name: "cancelled_unpaid", ..cancelled() };
    sample.journey.steps.refunded = None;
    sample
}

fn cancelled() -> Sample {
    let mut sample = Sample { name: "cancelled", now: at("2026-03-02T12:00:00+01:00"), ..placed() };
    sample.journey.steps.cancelled =
        Some(Cancelled { at: sample.now, reason: Some("article indisponible".to_owned()) });
    sample.journey.steps.refunded = Some(Refunded { at: sample.now, amount: read::<Amount>("\"1370.90\"") });
    sample
}

fn returned() -> Sample {
    parcel("returned", "2026-03-09T09:01:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::Refused, "2026-03-05T11:05:00+01:00", "Refusé"));
        parcel.scans.push(scan(ParcelStatus::Returned, "2026-03-09T09:00:00+01:00", "Retourné à l’expéditeur"));
    })
}

fn lost() -> Sample {
    parcel("lost", "2026-03-12T09:01:00+01:00", |parcel| {
        parcel.scans.push(scan(ParcelStatus::Lost, "2026-03-12T09:00:00+01:00", "Colis égaré"));
        parcel.eta = None;
    })
}

/// Everything that may be missing is missing, of the shop too.
fn bare() -> Sample {
    let mut sample = Sample { name: "bare", journey: journey(read(include_str!("sample/bare.json"))), ..placed() };
    let shop = &mut sample.shop;
    shop.contact.email = None;
    shop.contact.phone = None;
    shop.contact.hours = None;
    shop.contact.help_url = None;
    shop.legal.withdrawal_days = 0;
    shop.legal.terms_url = None;
    shop.legal.returns_url = None;
    shop.packaging = None;
    sample
}

/// A parcel of which no more is known than its number and that it is somewhere.
fn bare_parcel() -> Sample {
    let full = held_as_imposed();
    let mut sample = Sample { name: "bare_parcel", subject: full.subject, now: full.now, ..bare() };
    sample.journey.shipments = full.journey.shipments;
    sample.journey.parcels = full.journey.parcels;
    for parcel in &mut sample.journey.parcels {
        parcel.tracking_url = None;
        parcel.eta = None;
        parcel.scans.clear();
        parcel.hold = parcel.hold.take().map(|hold| Hold { notice: HoldNotice::default(), ..hold });
    }
    sample
}
