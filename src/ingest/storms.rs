//! The storm guard's part in ingest: what a batch says is set against what was usual, and what people
//! have said of storms is carried out.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::domain::confirmation::MOST_WAITED;
use crate::domain::decision::{Reason, Verdict};
use crate::domain::rule::RuleName;
use crate::domain::storm::{Busiest, HISTORY_HOURS, Hour, Past};
use crate::domain::time::Timestamp;
use crate::ports::{Batch, Counted, Lease, Spoken, SpokenBy, Store, StoreError};
use crate::shops::Shops;

use super::{Fate, Sequel};

/// How often rulings are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// Carried out together.
const AT_ONCE: usize = 500;
/// Of so many rules and shops at most is known what is usual; with more it is asked for again (I10).
const MOST_KNOWN: usize = 50_000;

/// What was usual before this hour, and when rulings are to be looked for.
pub struct Watch {
    hour: Hour,
    usual: HashMap<Counted, Busiest>,
    due: Instant,
}

impl Watch {
    pub fn new() -> Self {
        Self { hour: Hour(0), usual: HashMap::new(), due: Instant::now() }
    }

    /// How often rules speak in `batch`, beside what was usual. The store is asked once an hour for
    /// each rule that speaks.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn spoken(
        &mut self,
        batch: &Batch,
        shops: &Shops,
        now: Timestamp,
        store: &dyn Store,
    ) -> Result<Vec<Spoken>, StoreError> {
        let counts = counts(batch, shops, now);
        if counts.is_empty() {
            return Ok(Vec::new());
        }
        self.learn(&counts, now, store).await?;
        let usual = |shop: &str, rule: Option<&RuleName>| {
            let counted = Counted { shop: shop.to_owned(), rule: rule.cloned() };
            self.usual.get(&counted).copied().unwrap_or_default()
        };
        let spoken = counts.into_iter().filter_map(|(shop, Count { orders, rules })| {
            let guard = shops.rules(shop)?.shop.storm;
            let before = usual(shop, None);
            let rules = rules.into_iter().map(|(rule, messages)| SpokenBy {
                rule: rule.clone(),
                messages,
                past: Past { messages: usual(shop, Some(rule)), orders: before },
            });
            Some(Spoken { shop: shop.to_owned(), at: now, guard, orders, rules: rules.collect() })
        });
        Ok(spoken.collect())
    }

    async fn learn(
        &mut self,
        counts: &BTreeMap<&str, Count<'_>>,
        now: Timestamp,
        store: &dyn Store,
    ) -> Result<(), StoreError> {
        let hour = Hour::of(now);
        if self.hour != hour || self.usual.len() > MOST_KNOWN {
            self.hour = hour;
            self.usual.clear();
        }
        let voices = counts.iter().flat_map(|(shop, count)| {
            let rules = count.rules.keys().map(|rule| Some((*rule).clone()));
            std::iter::once(None).chain(rules).map(|rule| Counted { shop: (*shop).to_owned(), rule })
        });
        let unknown: Vec<Counted> = voices.filter(|counted| !self.usual.contains_key(counted)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let hours = store.busiest(&unknown, Hour(hour.0 - HISTORY_HOURS), hour).await?;
        self.usual.extend(unknown.into_iter().zip(hours.into_iter().map(|hours| Busiest::of(hours, hour))));
        Ok(())
    }

    /// Carries out what people have said of storms: tells what has to be withdrawn, and how much
    /// is on its way again.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn carry_out(
        &mut self,
        now: Timestamp,
        lease: &Lease,
        store: &dyn Store,
    ) -> Result<(Vec<Sequel>, usize), StoreError> {
        if Instant::now() < self.due {
            return Ok((Vec::new(), 0));
        }
        let done = store.carry_out(now, lease, AT_ONCE).await?;
        if done.released < AT_ONCE && done.dropped.len() < AT_ONCE {
            self.due = Instant::now() + EVERY;
        }
        let dropped =
            done.dropped.into_iter().map(|(key, it)| Sequel::new(key, it, Fate::Withdrawn(Reason::Storm), None));
        Ok((dropped.collect(), done.released))
    }
}

/// What a batch brings of one shop.
#[derive(Default)]
pub struct Count<'a> {
    /// Those that are new.
    pub orders: u64,
    /// Decisions to send, whatever the channels.
    pub rules: BTreeMap<&'a RuleName, u64>,
}

/// By shop, as far as it has a guard.
pub fn counts<'a>(batch: &'a Batch, shops: &Shops, now: Timestamp) -> BTreeMap<&'a str, Count<'a>> {
    let mut counts: BTreeMap<&str, Count<'_>> = BTreeMap::new();
    let is_guarded = |shop: &str| shops.rules(shop).is_some_and(|rules| !rules.shop.storm.is_off());
    for write in &batch.journeys {
        let shop = &*write.journey.key.shop;
        // history that is read in brings no more to say
        let is_order = write.expected_version.is_none() && now.since(write.journey.placed_at) < MOST_WAITED;
        let decisions = write.entries.iter().flat_map(|entry| &entry.decisions);
        let mut sent = decisions.filter(|decision| matches!(decision.verdict, Verdict::Send { .. })).peekable();
        if (!is_order && sent.peek().is_none()) || !is_guarded(shop) {
            continue;
        }
        let count = counts.entry(shop).or_default();
        count.orders += u64::from(is_order);
        for decision in sent {
            *count.rules.entry(&decision.rule).or_default() += 1;
        }
    }
    counts
}
