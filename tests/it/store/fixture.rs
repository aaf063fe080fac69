//! Small journeys, notifications and leases. Time is counted in seconds from one Monday morning.

use std::collections::BTreeMap;
use std::sync::Arc;

use reassure::domain::decision::{Cause, NotificationId};
use reassure::domain::event::{EventKey, Reference, Waybill};
use reassure::domain::journey::{Journey, JourneyKey, Link, Phase, Steps, Subject};
use reassure::domain::notification::{Content, Email, Notification, Outcome, Sms, Webhook};
use reassure::domain::order::{Channel, Customer, Delivery, Order, Totals};
use reassure::domain::time::Timestamp;
use reassure::ports::{
    Advance, AttemptRecord, Batch, Entry, JourneyWrite, Lease, Leased, Next, Parked, Partition, Store, Wake,
};

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_772_438_400_000 + seconds * 1000)
}

pub fn key(order: &str) -> JourneyKey {
    JourneyKey { shop: "atelier".to_owned(), order_id: order.to_owned() }
}

pub fn journey(order: &str) -> Journey {
    Journey {
        key: key(order),
        placed_at: at(0),
        order: Order {
            customer: Customer { email: Some("ada@example.org".into()), ..Customer::default() },
            currency: "EUR".to_owned(),
            items: Vec::new(),
            totals: Totals::default(),
            delivery: Delivery::default(),
            promise: None,
            order_url: None,
            gift: None,
            concerns: Vec::new(),
        },
        concerns: Vec::new(),
        as_of: Default::default(),
        steps: Steps::default(),
        store_hold: None,
        packaging: None,
        shipments: Vec::new(),
        parcels: Vec::new(),
        promises: Vec::new(),
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

/// A write of the journey that changes nothing else.
pub fn write(order: &str, expected_version: Option<u64>) -> JourneyWrite {
    JourneyWrite {
        journey: Arc::new(journey(order)),
        expected_version,
        links: Vec::new(),
        wake: Wake::Kept,
        confirmation: reassure::domain::confirmation::Change::None,
        entries: Vec::new(),
        notifications: Vec::new(),
    }
}

pub fn batch(journeys: impl IntoIterator<Item = JourneyWrite>) -> Batch {
    Batch { journeys: journeys.into_iter().collect(), ..Batch::default() }
}

pub fn id(name: &str) -> NotificationId {
    NotificationId(name.to_owned())
}

/// An e-mail, decided at second 0.
pub fn email(name: &str) -> (Notification, Content) {
    on(Channel::Email, "brevo", name)
}

pub fn sms(name: &str) -> (Notification, Content) {
    on(Channel::Sms, "twilio", name)
}

pub fn on(channel: Channel, provider: &str, name: &str) -> (Notification, Content) {
    let notification = Notification {
        id: id(name),
        rule: "delay".into(),
        message: "delay".to_owned(),
        subject: Subject::Shipment("S1".to_owned()),
        channel,
        provider: provider.to_owned(),
        received_at: at(0),
        decided_at: at(0),
        expires_at: at(86_400),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        follows: Vec::new(),
    };
    (notification, content(channel, name))
}

pub fn content(channel: Channel, name: &str) -> Content {
    match channel {
        Channel::Email => Content::Email(Email {
            from: "orders@atelier.example".to_owned(),
            from_name: "Atelier".to_owned(),
            reply_to: None,
            to: "ada@example.org".into(),
            to_name: None,
            subject: format!("Your parcel is late ({name})"),
            html: format!("<p>{}</p>", "It comes a day later. ".repeat(20)),
            text: "It comes a day later.".to_owned(),
        }),
        Channel::Sms => {
            Content::Sms(Sms { from: "Atelier".to_owned(), to: "+33612345678".into(), text: format!("Late: {name}") })
        }
        Channel::Webhook => Content::Webhook(Webhook { body: format!("{{\"id\":\"{name}\"}}") }),
    }
}

/// The lease of `owner` until that second.
pub fn lease(owner: &str, until: i64) -> Lease {
    Lease { owner: owner.to_owned(), until: at(until) }
}

pub fn plenty() -> BTreeMap<String, usize> {
    capacity(&[("brevo", 1000), ("twilio", 1000), ("hooks", 1000)])
}

pub fn capacity(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    of.iter().map(|(provider, left)| ((*provider).to_owned(), *left)).collect()
}

pub fn none() -> BTreeMap<String, usize> {
    BTreeMap::new()
}

/// Commits a new journey with these notifications, none of them leased.
pub async fn place(store: &dyn Store, order: &str, notifications: Vec<(Notification, Content)>) {
    let write = JourneyWrite { notifications, ..write(order, None) };
    let leased = store.commit(batch([write]), &lease("placing", 60), &none()).await.expect("placed");
    assert_eq!(names(&leased), Vec::<&str>::new(), "there was no capacity");
}

pub fn names(leased: &[Leased]) -> Vec<&str> {
    leased.iter().map(|leased| leased.notification.id.0.as_str()).collect()
}

/// An attempt at that second, on a notification of the journey `A`.
pub fn attempt(name: &str, second: i64, next: Next) -> AttemptRecord {
    let outcome = match next {
        Next::Accepted => Outcome::Accepted,
        Next::Retry(_) | Next::Wait(_) => Outcome::TemporaryFailure,
        Next::Dead => Outcome::PermanentFailure,
        Next::Held => Outcome::Unknown,
    };
    AttemptRecord {
        notification: id(name),
        key: key("A"),
        at: at(second),
        provider: "brevo".to_owned(),
        outcome,
        status: Some(202),
        provider_id: Some(format!("p-{name}-{second}")),
        detail: Some(format!("attempt at {second}")),
        next,
        asked_until: None,
        publication: None,
    }
}

pub fn partition(number: i32) -> Partition {
    Partition { topic: "orders".into(), number }
}

pub fn advance(number: i32, expected: Option<i64>, next: i64) -> Advance {
    Advance { partition: partition(number), expected, next }
}

pub fn event_key(number: u8) -> EventKey {
    EventKey([number; 16])
}

/// A write of a journey that is to be woken then.
pub fn waking(order: &str, expected_version: Option<u64>, second: i64) -> JourneyWrite {
    JourneyWrite { wake: Wake::At(at(second)), ..write(order, expected_version) }
}

pub fn entry(second: i64, note: &str) -> Entry {
    Entry {
        at: at(second),
        cause: Cause::Timer { rule: "delay".into(), due: at(second) },
        phase: Phase::Delay,
        note: Some(note.to_owned()),
        decisions: Vec::new(),
    }
}

pub fn waybill(number: &str) -> Reference {
    Reference::Parcel(Waybill { carrier: "colissimo".to_owned(), tracking_number: number.to_owned() })
}

pub fn link(reference: Reference, since: i64) -> Link {
    Link { reference, since: at(since) }
}

pub fn parked(number: u8, reference: Reference) -> Parked {
    Parked {
        shop: "atelier".to_owned(),
        reference,
        key: event_key(number),
        event: format!("{{\"id\":{number}}}").into_bytes(),
        parked_at: at(i64::from(number)),
    }
}
