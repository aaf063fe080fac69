//! The budget that a customer's orders share: what is about to be said is weighed against what the
//! other orders have said. Only those customers are looked up who are about to be told something,
//! and only their journeys are decided anew.

use std::collections::{HashMap, HashSet};

use crate::domain::journey::JourneyKey;
use crate::domain::party::Party;
use crate::domain::spending::{Addressee, Elsewhere, Spending, spent_of_late};
use crate::domain::time::Timestamp;
use crate::ports::Spent;
use crate::shops::Shops;

use super::Draft;
use super::sheet::Sheet;

/// What is on record of customers.
pub type OnRecord = HashMap<Addressee, Spending>;

impl Draft<'_> {
    /// Whose budgets the batch hangs on, or changes.
    pub fn addressees(&self) -> Vec<Addressee> {
        let all: HashSet<Addressee> =
            self.spenders().into_iter().flat_map(|(_, parties)| parties).map(|(_, addressee)| addressee).collect();
        all.into_iter().collect()
    }

    /// Decides anew where it hangs on what other orders have told the customer, and notes what is told
    /// now. One order after the other: the next knows what the one before has said.
    pub(super) fn weigh(&mut self, on_record: &OnRecord) {
        let mut with_this: OnRecord = HashMap::new();
        for (key, parties) in self.spenders() {
            let mut elsewhere = Elsewhere::default();
            for (to, addressee) in &parties {
                let before = || on_record.get(addressee).cloned().unwrap_or_default();
                let told = with_this.entry(addressee.clone()).or_insert_with(before).elsewhere(&key.order_id, *to);
                match to {
                    Party::Recipient => elsewhere.recipient = told,
                    _ => elsewhere.buyer = told,
                }
            }
            self.decide_anew(&key, elsewhere);
            let (Some(sheet), Some(rules)) = (self.sheets.get(&key), self.shops.rules(&key.shop)) else { continue };
            for (to, addressee) in parties {
                let times = spent_of_late(&sheet.journey, to, rules, self.now);
                with_this.entry(addressee).or_default().set(&key.order_id, to, times);
            }
        }
        for (addressee, mut spending) in with_this {
            let expected = on_record.get(&addressee).cloned();
            if expected.as_ref().unwrap_or(&Spending::default()) != &spending {
                spending.tidy(self.now);
                self.batch.spent.push(Spent { addressee, expected, spending });
            }
        }
    }

    /// Unless it did not hang on that.
    fn decide_anew(&mut self, key: &JourneyKey, elsewhere: Elsewhere) {
        let Some(sheet) = self.sheets.get_mut(key).filter(|sheet| sheet.asks_elsewhere) else { return };
        for taken in sheet.begin_anew(elsewhere) {
            // what found it full has been buried the first time
            let _ = self.put(key, &taken);
        }
    }

    /// The journeys in question, in the order of their keys, each with those whom other orders could
    /// reach too.
    fn spenders(&self) -> Vec<(JourneyKey, Vec<(Party, Addressee)>)> {
        let mut spenders: Vec<_> = self
            .sheets
            .values()
            .filter(|sheet| sheet.speaks && spends(sheet, self.shops, self.now))
            .map(|Sheet { journey, .. }| {
                let rules = self.shops.rules(&journey.key.shop).filter(|_| !journey.erased);
                let of = |to| rules.and_then(|rules| Some((to, Addressee::of(journey, to, &rules.shop)?)));
                (journey.key.clone(), Party::ALL.into_iter().filter_map(of).collect())
            })
            .collect();
        spenders.sort_by(|(a, _), (b, _)| a.cmp(b));
        spenders
    }
}

/// What it comes to hangs on the budget, or changes what is left of it.
fn spends(sheet: &Sheet, shops: &Shops, now: Timestamp) -> bool {
    let Some(rules) = shops.rules(&sheet.journey.key.shop) else { return false };
    let of_late = |journey| Party::ALL.map(|to| spent_of_late(journey, to, rules, now));
    rules.shop.budget.per_customer_day > 0 && (sheet.asks_elsewhere || of_late(&sheet.journey) != of_late(&sheet.began))
}
