//! From where the bus reads: what the store holds, as long as the topics are still those that it
//! knows under their names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::bus::{Identities, OffsetsOf};
use crate::clock::Clock;
use crate::ports::{Advance, Batch, Lease, Partition, Store, StoreError};
use crate::telemetry::Metrics;

/// Asking the store where to read from may take so long.
const OFFSETS_WITHIN: Duration = Duration::from_secs(30);
/// Others who look at the same time may be quicker; after so many tries the bus asks again later.
const MOST_TRIES: usize = 5;

/// Bridges the bus thread, which cannot wait on a future, to the store.
pub(super) fn offsets_of(store: &Arc<dyn Store>, metrics: &Metrics) -> OffsetsOf {
    let (store, metrics, runtime) = (Arc::clone(store), metrics.clone(), Handle::current());
    Arc::new(move |partitions: &[Partition], identities: &Identities| {
        let known = runtime
            .block_on(async { tokio::time::timeout(OFFSETS_WITHIN, known(&*store, identities, &metrics)).await })
            .map_err(|_| "the store took too long".to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(partitions.iter().map(|partition| known.get(partition).copied()).collect())
    })
}

/// The offsets in the store, once it knows which topics they are of.
async fn known(
    store: &dyn Store,
    identities: &Identities,
    metrics: &Metrics,
) -> Result<BTreeMap<Partition, i64>, StoreError> {
    let mut last = StoreError::Conflict;
    for _ in 0..MOST_TRIES {
        let known = store.offsets().await?;
        let Adoption { advances, renewed } = adopt(&known, identities);
        if advances.is_empty() {
            return Ok(known);
        }
        let batch = Batch { advances, ..Batch::default() };
        // nothing in it can be leased
        let lease = Lease { owner: String::new(), until: Clock::system().now() };
        match store.commit(batch, &lease, &BTreeMap::new()).await {
            Ok(_) => {
                for topic in renewed {
                    metrics.incidents.with_label_values(&["topic_made_anew"]).inc();
                    tracing::warn!(topic, "the topic has been deleted and made anew; it is read from its beginning");
                }
            }
            // somebody has advanced or adopted meanwhile: what is to be done is looked at again
            Err(error @ (StoreError::Fenced(_) | StoreError::Conflict)) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// What the store has to learn.
#[derive(Debug, Default, PartialEq)]
struct Adoption {
    advances: Vec<Advance>,
    /// Topics that were others before.
    renewed: Vec<String>,
}

/// The identity of a topic stands beside its offsets, so that both change together or not at all,
/// fenced by what they were (I6).
fn adopt(known: &BTreeMap<Partition, i64>, identities: &Identities) -> Adoption {
    let mut adoption = Adoption::default();
    for (topic, identity) in identities {
        let whole = Partition { topic: Arc::clone(topic), number: Partition::WHOLE_TOPIC };
        let before = known.get(&whole).copied();
        if before == Some(*identity) {
            continue;
        }
        if before.is_some() {
            let of_topic = known.iter().filter(|(partition, _)| partition.topic == *topic && partition.number >= 0);
            adoption.advances.extend(of_topic.map(|(partition, offset)| Advance {
                partition: partition.clone(),
                expected: Some(*offset),
                next: 0,
            }));
            adoption.renewed.push(topic.to_string());
        }
        adoption.advances.push(Advance { partition: whole, expected: before, next: *identity });
    }
    adoption
}
