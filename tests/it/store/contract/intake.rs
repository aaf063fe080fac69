//! Offsets, journeys, links, parked events, timers.

use reassure::domain::event::{Reference, Waybill};
use reassure::domain::journey::JourneyKey;
use reassure::ports::{Batch, DeadRecord, JourneyWrite, Record, Store, StoreError, Wake};

use crate::store::fixture::*;

async fn commit(store: &dyn Store, batch: Batch) -> Result<(), StoreError> {
    store.commit(batch, &lease("a", 60), &none()).await.map(|_| ())
}

fn advancing(advances: impl IntoIterator<Item = reassure::ports::Advance>) -> Batch {
    Batch { advances: advances.into_iter().collect(), ..Batch::default() }
}

pub async fn offsets_begin_once_and_advance_from_what_was(store: &dyn Store) {
    assert!(store.offsets().await.unwrap().is_empty());
    commit(store, advancing([advance(0, None, 10), advance(1, None, 5)])).await.unwrap();
    commit(store, advancing([advance(0, Some(10), 12)])).await.unwrap();
    let offsets = store.offsets().await.unwrap();
    assert_eq!(offsets.into_iter().collect::<Vec<_>>(), [(partition(0), 12), (partition(1), 5)]);
    let again = commit(store, advancing([advance(1, None, 6)])).await;
    assert!(matches!(again, Err(StoreError::Fenced(fenced)) if fenced == partition(1)));
}

pub async fn a_former_owner_writes_nothing(store: &dyn Store) {
    commit(store, advancing([advance(0, None, 10), advance(1, None, 10)])).await.unwrap();
    commit(store, advancing([advance(1, Some(10), 20)])).await.unwrap();
    let zombie = Batch {
        advances: vec![advance(0, Some(10), 30), advance(1, Some(10), 30)],
        journeys: vec![write("A", None)],
        ..Batch::default()
    };
    let refused = commit(store, zombie).await;
    assert!(matches!(refused, Err(StoreError::Fenced(fenced)) if fenced == partition(1)));
    let offsets = store.offsets().await.unwrap();
    assert_eq!((offsets[&partition(0)], offsets[&partition(1)]), (10, 20));
    assert!(store.load(&[key("A")]).await.unwrap()[0].is_none());
    let ahead = commit(store, advancing([advance(1, Some(21), 30)])).await;
    assert!(matches!(ahead, Err(StoreError::Fenced(fenced)) if fenced == partition(1)));
    let unknown = commit(store, advancing([advance(7, Some(0), 1)])).await;
    assert!(matches!(unknown, Err(StoreError::Fenced(fenced)) if fenced == partition(7)));
}

pub async fn a_journey_is_written_from_the_version_that_was_loaded(store: &dyn Store) {
    commit(store, batch([write("A", None)])).await.unwrap();
    assert!(matches!(commit(store, batch([write("A", None)])).await, Err(StoreError::Conflict)));
    let loaded = store.load(&[key("A")]).await.unwrap().remove(0).unwrap();
    assert_eq!(*loaded.journey, journey("A"));
    let mut changed = journey("A");
    changed.support_contacts = 3;
    let change = |expected| JourneyWrite { journey: changed.clone().into(), ..write("A", expected) };
    commit(store, batch([change(Some(loaded.version))])).await.unwrap();
    let stale = commit(store, batch([change(Some(loaded.version))])).await;
    assert!(matches!(stale, Err(StoreError::Conflict)));
    let reloaded = store.load(&[key("A")]).await.unwrap().remove(0).unwrap();
    assert_ne!(reloaded.version, loaded.version);
    assert_eq!(reloaded.journey.support_contacts, 3);
    let missing = commit(store, batch([write("B", Some(1))])).await;
    assert!(matches!(missing, Err(StoreError::Conflict)));
}

pub async fn a_batch_that_fails_at_its_end_leaves_nothing(store: &dyn Store) {
    let full = |last| Batch {
        advances: vec![advance(0, None, 10)],
        journeys: vec![
            JourneyWrite {
                links: vec![link(waybill("6A1"), 0)],
                wake: Wake::At(at(5)),
                entries: vec![entry(1, "placed")],
                notifications: vec![email("n1")],
                ..write("A", None)
            },
            last,
        ],
        parked: vec![parked(9, waybill("6A9"))],
        dead: vec![DeadRecord {
            record: Record {
                partition: partition(0),
                offset: 1,
                key: None,
                value: None,
                headers: Vec::new(),
                timestamp: None,
            },
            stage: "decode",
            cause: "malformed_json",
            detail: String::new(),
            at: at(0),
        }],
        ..Batch::default()
    };
    let failed = store.commit(full(write("B", Some(4))), &lease("a", 60), &plenty()).await;
    assert!(matches!(failed, Err(StoreError::Conflict)));
    assert!(store.offsets().await.unwrap().is_empty());
    assert!(store.timeline(&key("A")).await.unwrap().is_none());
    assert_eq!(store.resolve(&[("atelier".to_owned(), waybill("6A1"), at(9))]).await.unwrap(), [Vec::new()]);
    assert_eq!(store.backlog(at(9)).await.unwrap(), reassure::ports::Backlog::default());
    // nothing of it stands in the way of a second try
    let leased = store.commit(full(write("B", None)), &lease("a", 60), &plenty()).await.unwrap();
    assert_eq!(names(&leased), ["n1"]);
    let backlog = store.backlog(at(9)).await.unwrap();
    assert_eq!((backlog.pending, backlog.parked, backlog.dead_records, backlog.timers), (1, 1, 1, 1));
}

pub async fn journeys_come_in_the_order_of_their_keys(store: &dyn Store) {
    commit(store, batch([write("A", None), write("B", None)])).await.unwrap();
    let other_shop = JourneyKey { shop: "brocante".to_owned(), order_id: "A".to_owned() };
    let loaded = store.load(&[key("B"), key("C"), other_shop, key("A"), key("B")]).await.unwrap();
    let orders: Vec<_> =
        loaded.iter().map(|found| found.as_ref().map(|found| found.journey.key.order_id.as_str())).collect();
    assert_eq!(orders, [Some("B"), None, None, Some("A"), Some("B")]);
    assert!(store.load(&[]).await.unwrap().is_empty());
}

/// However a store divides a long list, each gets its own answer.
pub async fn many_are_found_in_the_order_that_they_are_asked_for(store: &dyn Store) {
    let order = |number: usize| format!("A{number:03}");
    let linked = |number| JourneyWrite { links: vec![link(waybill(&order(number)), 0)], ..write(&order(number), None) };
    commit(store, batch((0..300).step_by(2).map(linked))).await.unwrap();
    // 7 and 300 share no factor: each comes once, the known and the unknown in turn
    let asked: Vec<String> = (0..300).map(|number| order(number * 7 % 300)).collect();
    let known = |name: &&String| name[1..].parse::<usize>().unwrap() % 2 == 0;
    let references: Vec<_> = asked.iter().map(|name| ("atelier".to_owned(), waybill(name), at(9))).collect();
    let resolved = store.resolve(&references).await.unwrap();
    let expected: Vec<Vec<_>> =
        asked.iter().map(|name| Some(name).filter(known).map(|name| key(name)).into_iter().collect()).collect();
    assert_eq!(resolved, expected);
    let keys: Vec<_> = asked.iter().map(|name| key(name)).collect();
    let loaded = store.load(&keys).await.unwrap().into_iter().map(|found| Some(found?.journey.key.clone()));
    let expected = asked.iter().map(|name| Some(name).filter(known).map(|name| key(name)));
    assert_eq!(loaded.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

async fn resolved(store: &dyn Store, reference: Reference, second: i64) -> Vec<String> {
    let found = store.resolve(&[("atelier".to_owned(), reference, at(second))]).await.unwrap().remove(0);
    found.into_iter().map(|key| key.order_id).collect()
}

pub async fn a_waybill_leads_to_the_journey_of_that_moment(store: &dyn Store) {
    let linked = |order, since| JourneyWrite { links: vec![link(waybill("6A1"), since)], ..write(order, None) };
    commit(store, batch([linked("first", 100), linked("second", 200)])).await.unwrap();
    for (second, order) in [(0, "first"), (100, "first"), (199, "first"), (200, "second"), (900, "second")] {
        assert_eq!(resolved(store, waybill("6A1"), second).await, [order], "at {second}");
    }
    assert!(resolved(store, waybill("6A2"), 150).await.is_empty());
    // said again, it changes nothing
    let again = JourneyWrite { links: vec![link(waybill("6A1"), 100)], ..write("first", Some(1)) };
    commit(store, batch([again])).await.unwrap();
    assert_eq!(resolved(store, waybill("6A1"), 150).await, ["first"]);
}

pub async fn one_parcel_may_hold_two_orders(store: &dyn Store) {
    let linked = |order| JourneyWrite { links: vec![link(waybill("6A1"), 100)], ..write(order, None) };
    commit(store, batch([linked("A"), linked("B")])).await.unwrap();
    assert_eq!(resolved(store, waybill("6A1"), 150).await, ["A", "B"]);
}

pub async fn a_customer_leads_to_all_their_orders(store: &dyn Store) {
    let customer = || Reference::Customer("C7".to_owned());
    let linked = |order, since| JourneyWrite { links: vec![link(customer(), since)], ..write(order, None) };
    commit(store, batch([linked("A", 100), linked("B", 200), write("C", None)])).await.unwrap();
    let twice = JourneyWrite { links: vec![link(customer(), 300)], ..write("A", Some(1)) };
    commit(store, batch([twice])).await.unwrap();
    assert_eq!(resolved(store, customer(), 50).await, ["A", "B"]);
    assert_eq!(resolved(store, Reference::Order("C".to_owned()), 50).await, ["C"]);
    assert!(resolved(store, Reference::Order("D".to_owned()), 50).await.is_empty());
}

pub async fn references_do_not_mix(store: &dyn Store) {
    let parcel = |carrier: &str, number: &str| {
        Reference::Parcel(Waybill { carrier: carrier.to_owned(), tracking_number: number.to_owned() })
    };
    let references = [
        parcel("ups", "1/2"),
        parcel("ups/1", "2"),
        parcel("UPS", "1/2"),
        Reference::Customer("ups".to_owned()),
        Reference::Customer("1\",\"2".to_owned()),
    ];
    let writes = references.iter().enumerate().map(|(number, reference)| JourneyWrite {
        links: vec![link(reference.clone(), 0)],
        ..write(&number.to_string(), None)
    });
    commit(store, batch(writes)).await.unwrap();
    for (number, reference) in references.into_iter().enumerate() {
        assert_eq!(resolved(store, reference.clone(), 1).await, [number.to_string()]);
        let elsewhere = store.resolve(&[("brocante".to_owned(), reference, at(1))]).await.unwrap();
        assert_eq!(elsewhere, [Vec::new()]);
    }
}

pub async fn parked_events_wait_for_their_reference(store: &dyn Store) {
    let events = [parked(1, waybill("6A1")), parked(2, waybill("6A2")), parked(3, waybill("6A1"))];
    commit(store, Batch { parked: events.to_vec(), ..Batch::default() }).await.unwrap();
    let find = |number| ("atelier".to_owned(), waybill(number));
    let found = store.parked(&[find("6A1"), find("6A3"), find("6A2")], 10).await.unwrap();
    assert_eq!(found, [vec![events[0].clone(), events[2].clone()], vec![], vec![events[1].clone()]]);
    assert_eq!(store.parked(&[find("6A1")], 1).await.unwrap(), [vec![events[0].clone()]]);
    commit(store, Batch { released: vec![event_key(1), event_key(9)], ..Batch::default() }).await.unwrap();
    assert_eq!(store.parked(&[find("6A1")], 10).await.unwrap(), [vec![events[2].clone()]]);
}

pub async fn what_parked_events_wait_for_comes_page_by_page(store: &dyn Store) {
    let order = Reference::Order("\"A\", 1".to_owned());
    let customer = Reference::Customer("c-1".to_owned());
    let events = [parked(7, waybill("6A1")), parked(2, order.clone()), parked(5, customer.clone())];
    commit(store, Batch { parked: events.to_vec(), ..Batch::default() }).await.unwrap();
    let awaited = |number, reference: &Reference| (event_key(number), "atelier".to_owned(), reference.clone());
    let pages = [awaited(2, &order), awaited(5, &customer), awaited(7, &waybill("6A1"))];
    assert_eq!(store.awaited(event_key(0), 2).await.unwrap(), pages[..2]);
    assert_eq!(store.awaited(event_key(5), 2).await.unwrap(), pages[2..]);
    assert!(store.awaited(event_key(7), 2).await.unwrap().is_empty());
}

async fn due(store: &dyn Store, second: i64, limit: usize) -> Vec<String> {
    store.due(at(second), limit).await.unwrap().into_iter().map(|key| key.order_id).collect()
}

pub async fn journeys_are_woken_earliest_first(store: &dyn Store) {
    commit(store, batch([waking("A", None, 30), waking("B", None, 20), write("C", None)])).await.unwrap();
    assert!(due(store, 19, 10).await.is_empty(), "never a moment too early");
    assert_eq!(due(store, 20, 10).await, ["B"]);
    assert_eq!(due(store, 99, 10).await, ["B", "A"]);
    assert_eq!(due(store, 99, 1).await, ["B"]);
}

pub async fn a_wake_is_moved_kept_and_forgotten(store: &dyn Store) {
    commit(store, batch([waking("A", None, 20), waking("B", None, 20)])).await.unwrap();
    let a_little_later = at(30).plus(chrono::Duration::nanoseconds(123_456));
    let moved = JourneyWrite { wake: Wake::At(a_little_later), ..write("A", Some(1)) };
    commit(store, batch([moved, write("B", Some(1))])).await.unwrap();
    assert_eq!(due(store, 30, 10).await, ["B"], "never a moment too early");
    assert_eq!(due(store, 31, 10).await, ["B", "A"]);
    let forgotten = JourneyWrite { wake: Wake::Never, ..write("B", Some(2)) };
    commit(store, batch([forgotten])).await.unwrap();
    assert_eq!(due(store, 99, 10).await, ["A"]);
    commit(store, batch([waking("B", Some(3), 10)])).await.unwrap();
    assert_eq!(due(store, 99, 10).await, ["B", "A"]);
}
