//! Events that wait although their journey is known by now. While one replica parks an event,
//! another may be writing the link that it waits for: neither sees what the other has not written
//! yet. So whatever is parked is looked through again and again, a page at a time (I8).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::domain::event::{EventKey, Reference};
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::{Store, StoreError};

const EVERY: Duration = Duration::from_secs(1);
/// Parked events looked at together; the more wait, the longer a round takes (I10).
const PAGE: usize = 500;
/// For so long a journey that could not be read is not asked for by itself: it would be the first to be due
/// again, and keep the others waiting.
const PUT_OFF: Duration = Duration::from_secs(10);
/// Before all keys.
const FIRST: EventKey = EventKey([0; 16]);

/// How far the round has come.
pub struct Round {
    after: EventKey,
    due: Instant,
    /// Journeys that cannot be read, and when to try again.
    put_off: HashMap<JourneyKey, Instant>,
}

impl Round {
    pub fn new() -> Self {
        Self { after: FIRST, due: Instant::now(), put_off: HashMap::new() }
    }

    /// These could not be read.
    pub fn put_off(&mut self, journeys: Vec<JourneyKey>) {
        let until = Instant::now() + PUT_OFF;
        self.put_off.extend(journeys.into_iter().map(|key| (key, until)));
    }

    /// Journeys in which a deadline is due, `limit` at most.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn due(
        &mut self,
        store: &dyn Store,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<JourneyKey>, StoreError> {
        self.put_off.retain(|_, until| *until > Instant::now());
        let mut due = store.due(now, limit + self.put_off.len()).await?;
        due.retain(|key| !self.put_off.contains_key(key));
        due.truncate(limit);
        Ok(due)
    }

    /// What parked events wait for and is there, of the next page, if it is time for one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn next(&mut self, store: &dyn Store, now: Timestamp) -> Result<Vec<(String, Reference)>, StoreError> {
        if Instant::now() < self.due {
            return Ok(Vec::new());
        }
        self.due = Instant::now() + EVERY;
        let page = store.awaited(self.after, PAGE).await?;
        self.after = page.last().filter(|_| page.len() == PAGE).map_or(FIRST, |(key, ..)| *key);
        let mut references: Vec<_> = page.into_iter().map(|(_, shop, reference)| (shop, reference, now)).collect();
        references.sort();
        references.dedup();
        if references.is_empty() {
            return Ok(Vec::new());
        }
        let leads = store.resolve(&references).await?;
        let is_there = |journeys: &[JourneyKey]| {
            !journeys.is_empty() && !journeys.iter().any(|journey| self.put_off.contains_key(journey))
        };
        let found = references.into_iter().zip(leads).filter(|(_, journeys)| is_there(journeys));
        Ok(found.map(|((shop, reference, _), _)| (shop, reference)).collect())
    }
}
