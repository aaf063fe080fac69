//! What each rule comes to, on one occasion.

use std::collections::BTreeMap;

use super::super::condition::Scope;
use super::super::decision::{Decision, NotificationId, Reason, Sent, Skipped, Verdict};
use super::super::event::{Body, Event};
use super::super::journey::{Deferred, Journey, Subject, Told};
use super::super::notification::Notification;
use super::super::order::Channel;
use super::super::rule::{Rule, RuleSet};
use super::super::schedule;
use super::super::spending::Elsewhere;
use super::super::time::Timestamp;
use super::super::view::Scene;
use super::leave::leave;
use super::moment::Moment;
use super::restraint::{Folded, Restraint, quiet_until};
use super::turn::Turn;

/// No order gives reason for more messages; rules that would send more run wild (I10).
pub const MOST_TOLD: usize = 500;

/// What the rules came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub decisions: Vec<Decision>,
    pub told: Vec<Told>,
    pub notifications: Vec<Notification>,
    /// To be held back from now on.
    pub deferred: Vec<Deferred>,
    /// Held back before, and not to be said any more.
    pub dropped: Vec<Deferred>,
    /// See [`super::Transition::asks_elsewhere`].
    pub asks_elsewhere: bool,
}

impl Outcome {
    pub fn decided(&mut self, rule: &Rule, subject: &Subject, verdict: Verdict) {
        self.decisions.push(Decision {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            to: rule.to,
            subject: subject.clone(),
            verdict,
        });
    }

    /// Leaves in the journey what was told and what waits.
    pub fn remember(&mut self, journey: &mut Journey) {
        journey.deferred.retain(|one| !self.dropped.contains(one));
        journey.deferred.append(&mut self.deferred);
        for told in self.told.drain(..) {
            let same = |other: &&mut Told| other.rule == told.rule && other.once_key == told.once_key;
            match journey.told.iter_mut().find(same) {
                // said on further channels
                Some(known) => {
                    known.notifications.extend(told.notifications);
                    known.withdrawn = false;
                    known.escalated = told.escalated.or(known.escalated);
                }
                None => journey.told.push(Told { escalated: None, ..told }),
            }
        }
    }
}

/// Why rules are looked at.
pub(super) struct Occasion<'a> {
    pub subject: &'a Subject,
    /// When it became news.
    pub since: Timestamp,
    pub event: Option<&'a Event>,
    /// Which of the rule's deadlines.
    pub deadline: Option<u8>,
    /// What was held back until now.
    pub waited: Option<&'a Deferred>,
}

impl<'a> Occasion<'a> {
    /// The moment until which it was held back.
    pub fn of_deferred(waited: &'a Deferred) -> Self {
        Self { subject: &waited.subject, since: waited.since, event: None, deadline: None, waited: Some(waited) }
    }
}

/// Where the rules are looked at, all on the same facts: none may hinge on what another has just
/// decided, save for what the customer has been told by then.
pub(super) struct Desk<'a> {
    pub(super) journey: &'a Journey,
    pub(super) rules: &'a RuleSet,
    pub(super) now: Timestamp,
    pub(super) elsewhere: Option<&'a Elsewhere>,
    pub(super) occasion: &'a Occasion<'a>,
    scope: Scope<'a>,
    pub outcome: Outcome,
}

/// Why there is nothing to say, and more about it.
pub(super) struct Unfit(pub Reason, pub Option<String>);

impl From<Reason> for Unfit {
    fn from(reason: Reason) -> Self {
        Self(reason, None)
    }
}

/// The channels by which a message can go.
#[derive(Default)]
struct Ways {
    chosen: Vec<Channel>,
    skipped: Vec<Skipped>,
}

impl<'a> Desk<'a> {
    pub fn new(journey: &'a Journey, rules: &'a RuleSet, moment: Moment<'a>, occasion: &'a Occasion<'a>) -> Self {
        let Moment { now, elsewhere } = moment;
        let scene = Scene { journey, shop: &rules.shop, subject: occasion.subject, event: occasion.event, now };
        Self { journey, rules, now, elsewhere, occasion, scope: Scope::new(scene), outcome: Outcome::default() }
    }

    pub fn refuse(&mut self, rule: &Rule, reason: Reason, detail: Option<String>) {
        let verdict = Verdict::Suppress { reason, detail, skipped: Vec::new() };
        self.outcome.decided(rule, self.occasion.subject, verdict);
    }

    pub fn decide(&mut self, rule: &Rule) {
        match self.fit(rule) {
            Ok((turn, expires_at)) => self.speak(rule, turn, expires_at),
            Err(Unfit(reason, detail)) => self.refuse(rule, reason, detail),
        }
    }

    /// Whether there is something to say, in which turn, and until when it is news.
    pub(super) fn fit(&mut self, rule: &Rule) -> Result<(Turn, Timestamp), Unfit> {
        if self.journey.erased {
            return Err(Reason::CustomerErased.into());
        }
        if self.rules.restraints().is_off(self.journey, &rule.name, self.now) {
            return Err(Reason::SwitchedOff.into());
        }
        // asked first, since it is cheap and most scans answer nothing
        let turn = self.turn(rule);
        if turn == Err(Reason::NotTold) {
            return Err(Reason::NotTold.into());
        }
        // what was held back has met its `when`, at a time of which nothing is left to ask
        let when = rule.when.as_ref().filter(|_| self.occasion.waited.is_none());
        let valid_while = rule.valid_while.as_ref();
        for (condition, otherwise) in [(when, Reason::ConditionFalse), (valid_while, Reason::NoLongerTrue)] {
            let Some(condition) = condition else { continue };
            match self.scope.holds(condition) {
                Ok(true) => {}
                Ok(false) => return Err(otherwise.into()),
                Err(why) => return Err(Unfit(Reason::ConditionError, Some(why))),
            }
        }
        let expires_at = self.occasion.since.plus(rule.expires);
        if self.now >= expires_at {
            return Err(Reason::Expired.into());
        }
        if rule.unless_carrier_told && self.carrier_told() {
            return Err(Reason::CarrierTold.into());
        }
        if self.is_outdone(rule) {
            return Err(Reason::Superseded.into());
        }
        if self.occasion.waited.is_some()
            && !schedule::has_passed(self.journey, &self.rules.shop, rule, self.occasion.subject, self.now)
        {
            return Err(Reason::DeadlineMoved.into());
        }
        Ok((turn?, expires_at))
    }

    fn carrier_told(&self) -> bool {
        matches!(self.occasion.event, Some(Event { body: Body::ParcelTracked(data), .. }) if data.notified_by_carrier == Some(true))
    }

    /// When this is.
    pub(super) fn moment(&self) -> Moment<'a> {
        Moment { now: self.now, elsewhere: self.elsewhere }
    }

    /// Says it now, or as soon as nothing keeps it back.
    fn speak(&mut self, rule: &Rule, turn: Turn, expires_at: Timestamp) {
        let ways = self.ways(rule);
        if ways.chosen.is_empty() {
            let verdict = Verdict::Suppress { reason: Reason::NoChannel, detail: None, skipped: ways.skipped };
            return self.outcome.decided(rule, self.occasion.subject, verdict);
        }
        self.outcome.asks_elsewhere |= self.elsewhere.is_none() && self.hangs_on_other_orders(rule);
        match self.restraint(rule, expires_at) {
            Some(restraint) if restraint.until >= expires_at => self.refuse(rule, restraint.reason, None),
            Some(restraint) => {
                let pointless = self.superseded(rule);
                let channels = self.occasion.waited.map(|waited| waited.channels.clone());
                self.defer(rule, turn, channels.unwrap_or_default(), restraint);
                self.drop(pointless);
            }
            None => {
                let pointless = self.superseded(rule);
                self.send_aloud(rule, turn, expires_at, ways, &pointless);
                self.drop(pointless);
            }
        }
    }

    /// Says it on the channels that may be heard now; the others wait for the end of their quiet
    /// hours, if it will still be news then.
    fn send_aloud(&mut self, rule: &Rule, turn: Turn, expires_at: Timestamp, mut ways: Ways, pointless: &[Deferred]) {
        let mut quiet: BTreeMap<Timestamp, Vec<Channel>> = BTreeMap::new();
        ways.chosen.retain(|channel| {
            let end = quiet_until(self.journey, self.rules, rule, *channel, self.now);
            if let Some(end) = end {
                ways.skipped.push(Skipped { channel: *channel, reason: Reason::QuietHours });
                quiet.entry(end).or_default().push(*channel);
            }
            end.is_none()
        });
        quiet.retain(|end, _| *end < expires_at);
        if !ways.chosen.is_empty() {
            let folded = self.folded(rule, pointless);
            self.outdo(rule);
            self.send(rule, &turn, expires_at, ways, folded);
        } else if quiet.is_empty() {
            let verdict = Verdict::Suppress { reason: Reason::QuietHours, detail: None, skipped: ways.skipped };
            self.outcome.decided(rule, self.occasion.subject, verdict);
        }
        for (until, channels) in quiet {
            self.defer(rule, turn.clone(), channels, Restraint { until, reason: Reason::QuietHours });
        }
    }

    /// The channels that reach the customer, in the rule's order.
    fn ways(&self, rule: &Rule) -> Ways {
        let mut ways = Ways::default();
        let mut attempt = |channel: Channel| match leave(self.journey, self.rules, rule, channel, self.now) {
            Ok(_) => {
                ways.chosen.push(channel);
                channel != Channel::Webhook
            }
            Err(reason) => {
                ways.skipped.push(Skipped { channel, reason });
                false
            }
        };
        if let Some(waited) = self.occasion.waited.filter(|waited| !waited.channels.is_empty()) {
            for channel in &waited.channels {
                attempt(*channel);
            }
            return ways;
        }
        let mut read_by_a_person = false;
        for channel in &rule.channels {
            read_by_a_person |= attempt(*channel);
        }
        for channel in &rule.otherwise {
            read_by_a_person = read_by_a_person || attempt(*channel);
        }
        if let Some(channel) = self.presses(rule).filter(|to| read_by_a_person && !ways.chosen.contains(to)) {
            match leave(self.journey, self.rules, rule, channel, self.now) {
                Ok(_) => ways.chosen.push(channel),
                Err(reason) => ways.skipped.push(Skipped { channel, reason }),
            }
        }
        ways
    }

    /// Sends it, and with it what was gathered to be said in the same message.
    fn send(&mut self, rule: &Rule, turn: &Turn, expires_at: Timestamp, ways: Ways, folded: Vec<Folded>) {
        let expires_at = folded.iter().map(|one| one.expires_at).fold(expires_at, Timestamp::min);
        let subject = self.occasion.subject;
        let once_key = turn.key();
        let follows = self.followed(rule);
        let mut sent = Vec::new();
        for channel in ways.chosen {
            let id = NotificationId::derive(&self.journey.key, &rule.name, &once_key, channel);
            sent.push(Sent { channel, notification: id.clone() });
            self.outcome.notifications.push(Notification {
                id,
                rule: rule.name.clone(),
                message: rule.message.clone(),
                subject: subject.clone(),
                channel,
                provider: self.rules.shop.providers.of(channel).unwrap_or_default().to_owned(),
                received_at: self.now,
                decided_at: self.now,
                expires_at,
                traceparent: None,
                follows: follows.clone(),
            });
        }
        let told = Told {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            to: rule.to,
            subject: subject.clone(),
            once_key,
            at: self.now,
            notifications: sent.iter().map(|sent| sent.notification.clone()).collect(),
            withdrawn: false,
            escalated: self.occasion.waited.filter(|waited| !waited.channels.is_empty()).map(|_| self.now),
        };
        let mut skipped = ways.skipped;
        let plan = self.plan(rule, &sent, &mut skipped, expires_at);
        self.outcome.decided(rule, subject, Verdict::Send { notifications: sent, skipped });
        for one in folded {
            let also = Told { subject: one.waited.subject.clone(), once_key: one.turn.key(), ..told.clone() };
            let verdict = Verdict::Suppress { reason: Reason::Folded, detail: None, skipped: Vec::new() };
            self.outcome.decided(rule, &also.subject, verdict);
            self.outcome.told.push(also);
            self.outcome.dropped.push(one.waited);
        }
        self.also_tell(rule, &told);
        if let Some(plan) = plan {
            self.wait_for_receipt(rule, turn, plan);
        }
        self.outcome.told.push(told);
    }
}
