//! When the storm guard would have held a rule.
//!
//! Counted as in the service and judged by the same [`Guard::judge`], with a memory in place of the store's
//! record. What it would hold counts as sent all the same: whether it leaves is for a person to say.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::domain::rule::RuleName;
use crate::domain::storm::{Busiest, HISTORY_HOURS, Hour, Judgement, Past, Standing, ThisHour};
use crate::domain::time::Timestamp;
use crate::ingest::storms::counts;
use crate::ports::Batch;
use crate::shops::Shops;

/// A rule that would have been held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storm {
    pub shop: String,
    pub rule: String,
    /// When its first message would have been held.
    pub from: Timestamp,
    /// Until then all that it said would have been held, had no person looked.
    pub to: Timestamp,
    /// Messages, whatever the channels.
    pub held: u64,
    /// In its busiest hour it had so many.
    pub busiest: u64,
    /// So many within an hour would have been usual enough.
    pub mark: u64,
}

/// A rule of a shop; without a rule, its orders.
type Voice = (String, Option<RuleName>);

/// What is on record of the voices, and the storms so far.
#[derive(Default)]
pub struct Storms {
    voices: HashMap<Voice, Record>,
    all: Vec<Storm>,
}

impl Storms {
    /// In the order in which they began.
    pub fn into_all(self) -> Vec<Storm> {
        self.all
    }

    /// Counts what a batch says at `now`, and holds whoever speaks too often.
    pub fn hear(&mut self, batch: &Batch, shops: &Shops, now: Timestamp) {
        let Self { voices, all } = self;
        for (shop, count) in counts(batch, shops, now) {
            let Some(guard) = shops.rules(shop).map(|rules| rules.shop.storm) else { continue };
            let of_shop = voices.entry((shop.to_owned(), None)).or_default();
            of_shop.say(count.orders, Hour::of(now));
            let (orders, usual_orders) = (of_shop.spoken, of_shop.usual);
            for (rule, messages) in count.rules {
                let record = voices.entry((shop.to_owned(), Some(rule.clone()))).or_default();
                record.say(messages, Hour::of(now));
                let past = Past { messages: record.usual, orders: usual_orders };
                let hour = ThisHour { messages: record.spoken, orders };
                let last = record.storm.and_then(|at| all.get_mut(at));
                let standing = last.as_ref().map(|storm| Standing { holds_until: storm.to, granted: None });
                let Judgement::Storm { mark, until } = guard.judge(&past, hour, standing.as_ref(), now) else {
                    continue;
                };
                record.held += messages;
                let to = until.unwrap_or(now);
                match last.filter(|storm| now < storm.to) {
                    Some(storm) => {
                        (storm.to, storm.mark) = (storm.to.max(to), mark);
                        (storm.held, storm.busiest) = (storm.held + messages, storm.busiest.max(record.spoken));
                    }
                    None => {
                        record.storm = Some(all.len());
                        let (shop, rule, busiest) = (shop.to_owned(), rule.to_string(), record.spoken);
                        all.push(Storm { shop, rule, from: now, to, held: messages, busiest, mark });
                    }
                }
            }
        }
    }
}

/// How often a voice has spoken.
#[derive(Default)]
struct Record {
    /// Hour by hour, without what was held: that is no history.
    past: BTreeMap<Hour, u64>,
    /// The last hour in which it spoke, how often then, and how much of that was held.
    hour: Option<Hour>,
    spoken: u64,
    held: u64,
    /// What was usual before that hour.
    usual: Busiest,
    /// The number of its last storm.
    storm: Option<usize>,
}

impl Record {
    fn say(&mut self, count: u64, now: Hour) {
        if self.hour != Some(now) {
            self.past.extend(self.hour.map(|hour| (hour, self.spoken - self.held)));
            self.past = self.past.split_off(&Hour(now.0 - HISTORY_HOURS));
            self.usual = Busiest::of(self.past.iter().map(|(hour, spoken)| (*hour, *spoken)), now);
            (self.hour, self.spoken, self.held) = (Some(now), 0, 0);
        }
        self.spoken += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_have_been_held_is_no_history() {
        let mut record = Record::default();
        record.say(60, Hour(1000));
        record.held = 40;
        record.say(1, Hour(1000 + 8 * 24));
        assert_eq!(record.usual, Busiest { before: 20, lately: 0 });
        record.say(1, Hour(1000 + HISTORY_HOURS + 1));
        assert_eq!(record.usual, Busiest { before: 1, lately: 0 }, "nor is what is too long ago");
    }
}
