//! What the metrics count of a batch, once it is written.

use crate::domain::confirmation::{Cause, Change};
use crate::domain::decision::Verdict;
use crate::domain::rule::RuleName;
use crate::ports::Batch;
use crate::shops::Shops;
use crate::telemetry::Metrics;

/// The counts of one batch.
pub struct Tally {
    verdicts: Vec<(RuleName, &'static str, &'static str)>,
    /// The shop of each order that came without a contact.
    without_contact: Vec<String>,
}

impl Tally {
    /// Of a batch that was decided for `shops`.
    pub fn of(batch: &Batch, shops: &Shops) -> Self {
        let decisions = batch.journeys.iter().flat_map(|write| &write.entries).flat_map(|entry| &entry.decisions);
        let verdicts = decisions.map(|decision| {
            let (verdict, reason) = match &decision.verdict {
                Verdict::Send { .. } => ("send", "none"),
                Verdict::Defer { reason, .. } => ("defer", reason.as_str()),
                Verdict::Suppress { reason, .. } => ("suppress", reason.as_str()),
            };
            (decision.rule.clone(), verdict, reason)
        });
        let begins = |change: &Change| matches!(change, Change::Begins { wait, .. } if wait.cause == Cause::NoContact);
        let unreached = batch.journeys.iter().filter(|write| begins(&write.confirmation));
        Self {
            verdicts: verdicts.collect(),
            without_contact: unreached.map(|write| shops.label(&write.journey.key.shop).to_owned()).collect(),
        }
    }

    pub fn count(self, metrics: &Metrics) {
        for (rule, verdict, reason) in self.verdicts {
            metrics.decisions.with_label_values(&[rule.as_str(), verdict, reason]).inc();
        }
        for shop in self.without_contact {
            metrics.orders_without_contact.with_label_values(&[&shop]).inc();
        }
    }
}
