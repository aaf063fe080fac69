//! What the metrics count of a batch, once it is written.

use crate::domain::confirmation::{Cause, Change};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::order::Channel;
use crate::domain::rule::RuleName;
use crate::ports::Batch;
use crate::shops::Shops;
use crate::telemetry::Metrics;

/// The counts of one batch.
pub struct Tally {
    verdicts: Vec<(RuleName, &'static str, &'static str)>,
    /// The shop and the channel of each message.
    notifications: Vec<(String, Channel)>,
    withdrawn: Vec<Reason>,
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
        let notifications = batch.journeys.iter().flat_map(|write| {
            let shop = shops.label(&write.journey.key.shop);
            write.notifications.iter().map(move |(notification, _)| (shop.to_owned(), notification.channel))
        });
        Self {
            verdicts: verdicts.collect(),
            notifications: notifications.collect(),
            withdrawn: batch.withdrawn.iter().map(|(_, reason)| *reason).collect(),
            without_contact: unreached.map(|write| shops.label(&write.journey.key.shop).to_owned()).collect(),
        }
    }

    pub fn count(self, metrics: &Metrics) {
        for (rule, verdict, reason) in self.verdicts {
            let rule = metrics.rules.label(rule.as_str());
            metrics.decisions.with_label_values(&[rule, verdict, reason]).inc();
        }
        for (shop, channel) in self.notifications {
            metrics.notifications.with_label_values(&[metrics.shops.label(&shop), channel.as_str()]).inc();
        }
        for reason in self.withdrawn {
            metrics.withdrawn.with_label_values(&[reason.as_str()]).inc();
        }
        for shop in self.without_contact {
            metrics.orders_without_contact.with_label_values(&[metrics.shops.label(&shop)]).inc();
        }
    }
}
