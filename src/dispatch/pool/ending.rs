//! What follows from an attempt that has ended.

use crate::domain::confirmation;
use crate::domain::notification::Outcome;
use crate::domain::order::Channel;
use crate::domain::receipt::{Receipt, Received};
use crate::domain::retry::{After, Tried};
use crate::domain::rule::RuleSet;
use crate::domain::time::Timestamp;
use crate::ingest::{Fate, Sequel};
use crate::ports::{AttemptRecord, Leased, Next, OnUnknown, State};
use crate::telemetry::trace_id;

use super::{Finished, Pool};

impl Pool {
    /// Tells the journey what it may wait to hear before it says the same on another channel: that the
    /// message never arrives, or, of a provider that tells no more, that it was taken. Should ingest not
    /// take it, the journey's own deadline is as good, only later.
    pub(super) async fn tell_of(&self, one: &Leased, record: &AttemptRecord) {
        let receipt = match record.next {
            Next::Dead => Receipt::Failed,
            Next::Accepted if self.provider.receipts().is_none() => Receipt::Accepted,
            _ => return,
        };
        let escalates = |rules: &RuleSet| rules.get(&one.notification.rule).is_some_and(|rule| rule.escalate.is_some());
        if self.shared.shops.get().rules(&one.key.shop).is_some_and(escalates) {
            let (notification, channel) = (one.notification.id.clone(), one.notification.channel);
            let received = Received { notification: notification.clone(), channel, receipt, at: record.at };
            let traceparent = one.notification.traceparent.clone();
            self.tell(Sequel::new(one.key.clone(), notification, Fate::Received(received), traceparent)).await;
        }
    }

    pub(super) async fn tell(&self, sequel: Sequel) {
        self.shared.progress.sequel_begins();
        let _ = self.shared.sequels.send(sequel).await;
    }

    /// What follows from an attempt.
    pub(super) fn judge(&self, finished: &Finished, now: Timestamp) -> AttemptRecord {
        let Finished { one, answer, is_to_fail, .. } = finished;
        let tried = Tried {
            attempts: one.attempts + 1,
            outcome: answer.outcome,
            retry_after: answer.retry_after,
            rests: answer.rest,
            in_outage: self.haste.is_outage(now) && !is_to_fail,
            retry_unknown: self.provider.on_unknown() == OnUnknown::Retry,
        };
        let next = match self.shared.manner.retry.after(tried, rand::random(), now) {
            After::Accepted => Next::Accepted,
            After::GiveUp => Next::Dead,
            After::Hold => Next::Held,
            After::RetryAt(at) => Next::Retry(self.not_resting(at, now)),
            After::WaitUntil(at) => Next::Wait(self.not_resting(at, now)),
        };
        let mut record = AttemptRecord {
            notification: one.notification.id.clone(),
            key: one.key.clone(),
            at: now,
            provider: self.provider.name().to_owned(),
            outcome: answer.outcome,
            status: answer.status,
            provider_id: answer.provider_id.clone(),
            detail: answer.detail.clone(),
            next,
            asked_until: answer.retry_after.and_then(|asked| Some(now.plus(chrono::Duration::from_std(asked).ok()?))),
            publication: None,
        };
        record.publication = self.shared.outlet.of_attempt(one, &record);
        record
    }

    fn not_resting(&self, at: Timestamp, now: Timestamp) -> Timestamp {
        self.pace.resting_until(now).map_or(at, |rested| at.max(rested))
    }

    pub(super) fn count(&self, finished: &Finished, record: &AttemptRecord, now: Timestamp) {
        let Finished { one, answer, took, .. } = finished;
        let channel = one.notification.channel.as_str();
        let name = self.provider.name();
        let metrics = &self.shared.metrics;
        let labels = [channel, name, answer.outcome.as_str()];
        metrics.attempts.with_label_values(&labels).inc();
        metrics.attempt_seconds.with_label_values(&labels).observe(took.as_secs_f64());
        if answer.rest {
            metrics.throttled.with_label_values(&[name]).inc();
        }
        if answer.outcome == Outcome::Accepted {
            let after = now.since(one.notification.received_at).to_std().unwrap_or_default();
            let message = metrics.messages.label(&one.notification.message);
            metrics.accepted_after.with_label_values(&[message, channel]).observe(after.as_secs_f64());
            if one.notification.message == confirmation::MESSAGE && one.notification.channel != Channel::Webhook {
                metrics.confirmed_after.observe(after.as_secs_f64());
            }
        }
        let state = match record.next {
            Next::Accepted => Some(State::Accepted),
            Next::Dead => Some(State::Dead),
            Next::Held => Some(State::Held),
            Next::Retry(_) | Next::Wait(_) => None,
        };
        if let Some(state) = state {
            let shops = self.shared.shops.get();
            let shop = metrics.shops.label(shops.label(&one.key.shop));
            metrics.ended.with_label_values(&[shop, channel, state.as_str()]).inc();
        }
        if matches!(record.next, Next::Dead | Next::Held) {
            tracing::warn!(
                notification = %one.notification.id, message_name = one.notification.message, provider = name,
                outcome = answer.outcome.as_str(), status = answer.status, detail = answer.detail.as_deref(),
                trace_id = one.notification.traceparent.as_deref().and_then(trace_id),
                "a message waits for a person with the dead letters"
            );
        }
    }
}
