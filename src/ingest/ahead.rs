//! The batch after the one that is being written. The journeys that it is about are asked for meanwhile: to read does
//! not have to wait for a commit, nor a commit for what is read. What the commit then changes is asked for again.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::intake::{Arrival, Intake};
use super::known::{Known, Source};
use crate::domain::event::{Body, Event, Reference};
use crate::domain::journey::JourneyKey;
use crate::ports::{Batch, Store, StoreError};
use crate::telemetry::Metrics;

/// What comes in, of which the first may have been looked at.
pub(super) struct Upcoming {
    intake: mpsc::Receiver<Intake>,
    next: Option<(Intake, Option<Glance>)>,
}

impl Upcoming {
    pub fn new(intake: mpsc::Receiver<Intake>) -> Self {
        Self { intake, next: None }
    }

    /// The next message, and what is known of it already. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<(Intake, Option<Glance>)> {
        match self.next.take() {
            None => self.intake.recv().await.map(|message| (message, None)),
            next => next,
        }
    }

    /// Asks for the journeys of the next batch, if it is there; once more, if something came in between: no glance is
    /// older than the batch before its own. A fault of the store is left for its turn.
    pub async fn look(&mut self, store: &Arc<dyn Store>, metrics: &Metrics) {
        if self.next.is_none() {
            self.next = self.intake.try_recv().ok().map(|message| (message, None));
        }
        if let Some((Intake::Records(read), glance)) = &mut self.next {
            *glance = None;
            let events: Vec<&Event> = read.arrivals.iter().map(|arrival| &*arrival.event).collect();
            let mut known = Known::default();
            let found = metrics.timed("look", known.find(store, &events, &[])).await;
            *glance = found.ok().map(|()| Glance { known, written: Written::default() });
        }
    }

    /// To be told what was written, or may have been, since the look began.
    pub fn note(&mut self, written: Written) {
        if let Some((_, Some(glance))) = &mut self.next {
            glance.written = written;
        }
    }
}

/// The journeys that a batch is about, as they were before the one that went before it was written.
#[derive(Debug)]
pub(super) struct Glance {
    known: Known,
    written: Written,
}

impl Glance {
    /// All that the batch needs to know. What was written since, or was not there, is asked for again, and what is
    /// parked only now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn renewed(self, store: &dyn Source, arrivals: &[Arrival]) -> Result<Known, StoreError> {
        let events: Vec<&Event> = arrivals.iter().map(|arrival| &*arrival.event).collect();
        let stale: Vec<&Event> = events.iter().copied().filter(|event| self.is_stale(event)).collect();
        let Self { mut known, written } = self;
        if !stale.is_empty() {
            let mut later = Known::default();
            later.find(store, &stale, &[]).await?;
            known.journeys.retain(|key, _| !written.journeys.contains(key));
            known.extend(later);
        }
        known.release(store, &events).await?;
        Ok(known)
    }

    fn is_stale(&self, event: &Event) -> bool {
        let (Known { journeys, resolved, .. }, written) = (&self.known, &self.written);
        let Some(reference) = event.body.reference() else { return false };
        let shop = event.body.shop().to_owned();
        let is_gone = |key: &JourneyKey| !journeys.contains_key(key) || written.journeys.contains(key);
        if let Reference::Order(order_id) = reference {
            let key = JourneyKey { shop, order_id };
            // a new order is there only once it is written
            return if matches!(event.body, Body::OrderPlaced(_)) {
                written.journeys.contains(&key)
            } else {
                is_gone(&key)
            };
        }
        let asked = (shop, reference, event.time);
        let leads_to = resolved.get(&asked).filter(|keys| !keys.is_empty());
        let (shop, reference, _) = asked;
        leads_to.is_none_or(|keys| keys.iter().any(is_gone)) || written.references.contains(&(shop, reference))
    }
}

/// What a batch changes of that which others may have asked for.
#[derive(Debug, Default)]
pub(super) struct Written {
    journeys: HashSet<JourneyKey>,
    /// By which journeys can be found anew.
    references: HashSet<(String, Reference)>,
}

impl Written {
    pub fn of(batch: &Batch) -> Self {
        let links = batch.journeys.iter().flat_map(|write| {
            let shop = &write.journey.key.shop;
            write.links.iter().map(move |link| (shop.clone(), link.reference.clone()))
        });
        Self {
            references: links.collect(),
            journeys: batch.journeys.iter().map(|write| write.journey.key.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use async_trait::async_trait;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::apply::begin;
    use crate::domain::event::Body;
    use crate::domain::journey::Link;
    use crate::domain::spending::{Addressee, Spending};
    use crate::domain::time::Timestamp;
    use crate::envelope::read_parked;
    use crate::ports::{JourneyWrite, Parked, Versioned};

    const ORDER: &str = r#"{"specversion":"1.0","id":"ORDER","source":"/shop","type":"order.placed","time":"2026-03-02T09:00:00Z","data":{"shop":"s","order_id":"ORDER","customer":{"id":"c","email":"c@example.org"},"currency":"EUR","items":[{"sku":"a","name":"A","quantity":1,"unit_price":"1.00"}],"totals":{"items":"1.00","total":"1.00"},"delivery":{"method":"home"}}}"#;
    const SHIPMENT: &str = r#"{"specversion":"1.0","id":"ORDER-WAYBILL","source":"/shop","type":"shipment.created","time":"2026-03-02T10:00:00Z","data":{"shop":"s","order_id":"ORDER","shipment_id":"S-WAYBILL","extent":"all","parcels":[{"carrier":"x","tracking_number":"WAYBILL"}]}}"#;
    const SCAN: &str = r#"{"specversion":"1.0","id":"WAYBILL","source":"/carrier","type":"parcel.tracked","time":"2026-03-02T11:00:00Z","data":{"shop":"s","carrier":"x","tracking_number":"WAYBILL","status":"in_transit"}}"#;
    const SCAN_OF_ORDER: &str = r#"{"specversion":"1.0","id":"of-ORDER-WAYBILL","source":"/carrier","type":"parcel.tracked","time":"2026-03-02T12:00:00Z","data":{"shop":"s","order_id":"ORDER","carrier":"x","tracking_number":"WAYBILL","status":"in_transit"}}"#;

    /// Of three orders and three waybills.
    fn event(kind: usize, order: usize, waybill: usize) -> Event {
        let text = [ORDER, SHIPMENT, SCAN, SCAN_OF_ORDER][kind];
        let text = text.replace("ORDER", &format!("O-{order}")).replace("WAYBILL", &format!("W-{waybill}"));
        read_parked(text.as_bytes()).expect("an event")
    }

    fn arrival(event: Event) -> Arrival {
        Arrival::released(event.key(), event, Timestamp::from_millis(0))
    }

    /// What may be written beside a batch that has been looked at.
    #[derive(Clone, Debug)]
    enum Change {
        /// An order, new or not, and the waybills that lead to it from then on.
        Write(usize, Vec<usize>),
        Park(usize, usize, usize),
        /// All that waits for the order or the waybill.
        Release(usize, bool),
    }

    #[derive(Default)]
    struct Shelf {
        journeys: HashMap<JourneyKey, Versioned>,
        links: HashMap<(String, Reference), Vec<JourneyKey>>,
        parked: HashMap<(String, Reference), Vec<Parked>>,
    }

    impl Shelf {
        fn change(&mut self, changes: &[Change]) -> Batch {
            let mut batch = Batch::default();
            for change in changes {
                match change {
                    Change::Write(order, waybills) => self.write(*order, waybills, &mut batch),
                    Change::Park(kind, order, waybill) => self.park(event(*kind, *order, *waybill), &mut batch),
                    Change::Release(number, is_order) => {
                        let waiting = event(if *is_order { 3 } else { 2 }, *number, *number);
                        let reference = waiting.body.reference().expect("it has one");
                        let released = self.parked.remove(&("s".to_owned(), reference)).unwrap_or_default();
                        batch.released.extend(released.iter().map(|parked| parked.key));
                    }
                }
            }
            batch
        }

        fn write(&mut self, order: usize, waybills: &[usize], batch: &mut Batch) {
            let Body::OrderPlaced(placed) = event(0, order, 0).body else { unreachable!("an order") };
            let journey = Arc::new(begin(&placed, Timestamp::from_millis(0)));
            let expected_version = self.journeys.get(&journey.key).map(|before| before.version);
            let version = expected_version.map_or(0, |version| version + 1);
            let references = waybills.iter().filter_map(|waybill| event(2, 0, *waybill).body.reference());
            let links = references.map(|reference| Link { reference, since: Timestamp::from_millis(0) });
            let links: Vec<Link> = links.collect();
            for link in &links {
                let leads = self.links.entry(("s".to_owned(), link.reference.clone())).or_default();
                if !leads.contains(&journey.key) {
                    leads.push(journey.key.clone());
                }
            }
            self.journeys.insert(journey.key.clone(), Versioned { journey: Arc::clone(&journey), version });
            batch.journeys.push(JourneyWrite {
                journey,
                expected_version,
                links,
                wake: crate::ports::Wake::Kept,
                confirmation: crate::domain::confirmation::Change::default(),
                entries: Vec::new(),
                notifications: Vec::new(),
            });
        }

        fn park(&mut self, event: Event, batch: &mut Batch) {
            let (shop, reference) = ("s".to_owned(), event.body.reference().expect("it has one"));
            let (key, parked_at) = (event.key(), event.time);
            let parked = Parked { shop, reference, key, event: crate::envelope::encode(&event), parked_at };
            let waiting = self.parked.entry((parked.shop.clone(), parked.reference.clone())).or_default();
            if waiting.iter().all(|one| one.key != key) {
                waiting.push(parked.clone());
                batch.parked.push(parked);
            }
        }
    }

    #[async_trait]
    impl Source for Shelf {
        async fn resolve(&self, of: &[(String, Reference, Timestamp)]) -> Result<Vec<Vec<JourneyKey>>, StoreError> {
            let lead = |(shop, reference, _): &(String, Reference, Timestamp)| {
                self.links.get(&(shop.clone(), reference.clone())).cloned().unwrap_or_default()
            };
            Ok(of.iter().map(lead).collect())
        }

        async fn load(&self, keys: &[JourneyKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
            Ok(keys.iter().map(|key| self.journeys.get(key).cloned()).collect())
        }

        async fn parked(&self, of: &[(String, Reference)], _: usize) -> Result<Vec<Vec<Parked>>, StoreError> {
            Ok(of.iter().map(|reference| self.parked.get(reference).cloned().unwrap_or_default()).collect())
        }

        async fn spending(&self, of: &[Addressee]) -> Result<Vec<Option<Spending>>, StoreError> {
            Ok(vec![None; of.len()])
        }
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            (0..3_usize, prop::collection::vec(0..3_usize, 0..2))
                .prop_map(|(order, links)| Change::Write(order, links)),
            (1..4_usize, 0..3_usize, 0..3_usize).prop_map(|(kind, order, waybill)| Change::Park(kind, order, waybill)),
            (0..3_usize, any::<bool>()).prop_map(|(number, is_order)| Change::Release(number, is_order)),
        ];
        prop::collection::vec(change, 0..6)
    }

    /// What is heard of it is then parked; else it would count as applied, and change nothing.
    #[tokio::test]
    async fn a_journey_that_goes_while_it_is_looked_for_is_not_led_to() {
        let mut shelf = Shelf::default();
        shelf.change(&[Change::Write(0, vec![1]), Change::Write(1, vec![1])]);
        shelf.journeys.retain(|key, _| key.order_id == "O-1");
        let known = Known::fetch(&shelf, &[arrival(event(2, 0, 1))], &[], &[]).await.expect("nothing fails");
        let led_to: Vec<&str> = known.resolved.values().flatten().map(|key| key.order_id.as_str()).collect();
        assert_eq!(led_to, ["O-1"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// What was known before others were written is, renewed, what would be known had nobody looked before.
        #[test]
        fn a_glance_that_is_renewed_is_as_good_as_a_look(
            before in changes(),
            meanwhile in changes(),
            arrivals in prop::collection::vec((0..4_usize, 0..3_usize, 0..3_usize), 1..4),
        ) {
            let arrivals: Vec<Arrival> =
                arrivals.into_iter().map(|(kind, order, waybill)| arrival(event(kind, order, waybill))).collect();
            let mut shelf = Shelf::default();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                shelf.change(&before);
                let events: Vec<&Event> = arrivals.iter().map(|arrival| &*arrival.event).collect();
                let mut known = Known::default();
                known.find(&shelf, &events, &[]).await.expect("nothing fails");
                let written = Written::of(&shelf.change(&meanwhile));
                let renewed = Glance { known, written }.renewed(&shelf, &arrivals).await.expect("nothing fails");
                let looked = Known::fetch(&shelf, &arrivals, &[], &[]).await.expect("nothing fails");

                for (key, journey) in &looked.journeys {
                    let version = renewed.journeys.get(key).map(|journey| journey.version);
                    prop_assert_eq!(version, Some(journey.version), "of {:?}", key);
                }
                // what is known besides must at least be true
                for (key, journey) in &renewed.journeys {
                    prop_assert_eq!(journey.version, shelf.journeys[key].version, "of {:?}", key);
                }
                prop_assert_eq!(&renewed.resolved, &looked.resolved);
                prop_assert_eq!(&renewed.parked, &looked.parked);
                Ok(())
            })?;
        }
    }
}
