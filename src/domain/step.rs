//! The decision: what follows, for one journey, from one thing that happened.
//!
//! `step` is pure. An event, a deadline or a second look goes in; the new journey, the decisions
//! and what is to be sent, set and dropped come out as data, for others to carry out.

use std::collections::BTreeSet;

use super::apply::{Applied, Full, News, apply};
use super::condition::Scope;
use super::contact::reach;
use super::decision::{Cause, Decision, Entry, NotificationId, Reason, Sent, Skipped, Verdict};
use super::event::{Body, Event};
use super::journey::{Journey, Link, Subject, Timer, Told};
use super::notification::Notification;
use super::order::Channel;
use super::rule::{OncePer, Rule, RuleSet};
use super::schedule;
use super::time::Timestamp;
use super::view::Scene;

/// What sets a step going.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    Event(&'a Event),
    /// A deadline that fell due.
    Timer(&'a Timer),
    /// A second look, right before an attempt, found that it must not leave.
    Withdrawn(&'a NotificationId, Reason),
}

/// What follows from an input.
#[derive(Debug)]
pub struct Transition {
    pub journey: Journey,
    /// What the input was to the journey.
    pub news: News,
    /// The line for the timeline; none if a deadline turned out to lie later.
    pub entry: Option<Entry>,
    pub notifications: Vec<Notification>,
    pub timers_set: Vec<Timer>,
    pub timers_dropped: Vec<Timer>,
    pub links: Vec<Link>,
}

/// Takes one step.
///
/// # Errors
/// [`Full`] if the journey has no room for the event.
pub fn step(journey: &Journey, input: Input<'_>, rules: &RuleSet, now: Timestamp) -> Result<Transition, Full> {
    let before: BTreeSet<Timer> = journey.timers.iter().cloned().collect();
    let mut work = Work { journey: journey.clone(), rules, now, decisions: Vec::new(), notifications: Vec::new() };
    let mut news = News::Fresh;
    let mut links = Vec::new();
    let (cause, note) = match input {
        Input::Event(event) => {
            let applied = apply(&mut work.journey, event)?;
            work.decide_event(event, &applied);
            news = applied.news;
            links = applied.links;
            let cause = Cause::Event {
                event_type: event.body.event_type().as_str().to_owned(),
                source: event.source.clone(),
                id: event.id.clone(),
                time: event.time,
            };
            (Some(cause), Some(super::note::of(&event.body)))
        }
        Input::Timer(timer) => (work.decide_timer(timer), None),
        Input::Withdrawn(notification, reason) => {
            work.withdraw(notification, reason);
            (Some(Cause::Attempt { notification: notification.clone() }), None)
        }
    };
    work.schedule();
    let Work { journey, decisions, notifications, .. } = work;
    let after: BTreeSet<Timer> = journey.timers.iter().cloned().collect();
    Ok(Transition {
        entry: cause.map(|cause| Entry { at: now, cause, phase: journey.phase(now), note, decisions }),
        timers_set: after.difference(&before).cloned().collect(),
        timers_dropped: before.difference(&after).cloned().collect(),
        journey,
        news,
        notifications,
        links,
    })
}

/// Whether a notification may still leave at `now` (I4).
///
/// # Errors
/// Why it may not.
pub fn still_holds(
    journey: &Journey,
    notification: &Notification,
    rules: &RuleSet,
    now: Timestamp,
) -> Result<(), Reason> {
    if journey.erased {
        return Err(Reason::CustomerErased);
    }
    if now >= notification.expires_at {
        return Err(Reason::Expired);
    }
    if reach(&journey.order.customer, &rules.shop, notification.channel) == Err(Reason::ChannelDeclined) {
        return Err(Reason::ChannelDeclined);
    }
    // a rule that the care team has taken out must not speak any more
    let rule = rules.get(&notification.rule).ok_or(Reason::NoLongerTrue)?;
    let Some(condition) = &rule.valid_while else { return Ok(()) };
    let scene = Scene { journey, shop: &rules.shop, subject: &notification.subject, event: None, now };
    match Scope::new(scene).holds(condition) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Reason::NoLongerTrue),
        Err(_) => Err(Reason::ConditionError),
    }
}

struct Work<'a> {
    journey: Journey,
    rules: &'a RuleSet,
    now: Timestamp,
    decisions: Vec<Decision>,
    notifications: Vec<Notification>,
}

/// Why a rule is looked at.
struct Occasion<'a> {
    subject: &'a Subject,
    /// When it became news.
    since: Timestamp,
    event: Option<&'a Event>,
    /// Which of the rule's deadlines.
    deadline: Option<u8>,
}

impl Work<'_> {
    fn decide_event(&mut self, event: &Event, applied: &Applied) {
        let rules = self.rules.clone();
        let status = match &event.body {
            Body::ParcelTracked(data) => Some(data.status),
            _ => None,
        };
        let triggered: Vec<&Rule> = rules.triggered_by(event.body.event_type(), status).collect();
        if triggered.is_empty() {
            return;
        }
        let refused = match applied.news {
            News::Fresh => None,
            News::Old => Some(Reason::OldNews),
            News::Known => Some(Reason::AlreadyTold),
            News::ReturnLeg => Some(Reason::ReturnLeg),
        };
        let occasion = Occasion { subject: &applied.subject, since: event.time, event: Some(event), deadline: None };
        // one snapshot for all rules of the event: none may hinge on what another just decided
        let snapshot = self.journey.clone();
        let mut scope = Scope::new(scene_of(&occasion, &rules, self.now, &snapshot));
        for rule in triggered {
            match refused {
                Some(reason) => self.suppress(rule, occasion.subject, reason, None, Vec::new()),
                None => self.decide(rule, &occasion, &mut scope),
            }
        }
    }

    /// Decides on a deadline, if it is indeed due; returns what to write in the timeline.
    fn decide_timer(&mut self, timer: &Timer) -> Option<Cause> {
        self.journey.timers.retain(|waiting| waiting != timer);
        let rules = self.rules.clone();
        let rule = rules.get(&timer.rule)?;
        let due = schedule::due(&self.journey, rule, &timer.subject, timer.index)?;
        if due > self.now {
            return None;
        }
        let decided = Timer { due, ..timer.clone() };
        let same =
            |fired: &Timer| (&fired.rule, &fired.subject, fired.index) == (&timer.rule, &timer.subject, timer.index);
        self.journey.fired.retain(|fired| !same(fired));
        self.journey.fired.push(decided);
        let occasion = Occasion { subject: &timer.subject, since: due, event: None, deadline: Some(timer.index) };
        let snapshot = self.journey.clone();
        let mut scope = Scope::new(scene_of(&occasion, &rules, self.now, &snapshot));
        self.decide(rule, &occasion, &mut scope);
        Some(Cause::Timer { rule: timer.rule.clone(), due })
    }

    fn decide(&mut self, rule: &Rule, occasion: &Occasion<'_>, scope: &mut Scope<'_>) {
        let subject = occasion.subject;
        let refuse = |work: &mut Self, reason, detail| work.suppress(rule, subject, reason, detail, Vec::new());
        if self.journey.erased {
            return refuse(self, Reason::CustomerErased, None);
        }
        for (condition, otherwise) in [(&rule.when, Reason::ConditionFalse), (&rule.valid_while, Reason::NoLongerTrue)]
        {
            let Some(condition) = condition else { continue };
            match scope.holds(condition) {
                Ok(true) => {}
                Ok(false) => return refuse(self, otherwise, None),
                Err(why) => return refuse(self, Reason::ConditionError, Some(why)),
            }
        }
        let expires_at = occasion.since.plus(rule.expires);
        if self.now >= expires_at {
            return refuse(self, Reason::Expired, None);
        }
        let once_key = match self.turn(rule, occasion) {
            Ok(once_key) => once_key,
            Err(reason) => return refuse(self, reason, None),
        };
        self.send(rule, occasion, once_key, expires_at);
    }

    /// The key under which the rule may speak now.
    fn turn(&self, rule: &Rule, occasion: &Occasion<'_>) -> Result<String, Reason> {
        let mut key = match (rule.once_per, occasion.subject) {
            (OncePer::Event, _) => match occasion.event {
                Some(event) => format!("event/{}/{}", event.source, event.id),
                None => format!("due/{}", occasion.since.millis()),
            },
            (OncePer::Order, _) | (_, Subject::Order) => "order".to_owned(),
            (OncePer::Shipment, Subject::Parcel(parcel)) => {
                match self.journey.parcel(parcel).and_then(|parcel| parcel.shipment_id.as_ref()) {
                    Some(id) => Subject::Shipment(id.clone()).to_string(),
                    None => occasion.subject.to_string(),
                }
            }
            (OncePer::Shipment | OncePer::Parcel, subject) => subject.to_string(),
        };
        if let Some(index) = occasion.deadline.filter(|_| rule.deadlines.len() > 1) {
            key.push_str(&format!("/{index}"));
        }
        let turn_of = |told: &Told| {
            let rest = told.once_key.strip_prefix(&key)?;
            if rest.is_empty() { Some(1) } else { rest.strip_prefix('#')?.parse::<u32>().ok() }
        };
        let about = |told: &&Told| told.subject == *occasion.subject || told.subject == Subject::Order;
        let heard = || self.journey.told.iter().filter(|told| !told.withdrawn).filter(about);
        let last = self.journey.told.iter().rev().find(|told| told.rule == rule.name && turn_of(told).is_some());
        // in the order in which they were decided, which two moments need not tell apart
        let position = |wanted: &Told| self.journey.told.iter().position(|told| std::ptr::eq(told, wanted));
        let since = last.and_then(position);
        let told_since =
            |messages: &[String]| heard().any(|told| messages.contains(&told.message) && position(told) > since);
        if !rule.only_if_told.is_empty() && !told_since(&rule.only_if_told) {
            return Err(Reason::NotTold);
        }
        match last {
            None => Ok(key),
            Some(_) if told_since(&rule.again_after) => {
                let turn = last.and_then(turn_of).unwrap_or(1).saturating_add(1);
                Ok(format!("{key}#{turn}"))
            }
            Some(_) => Err(Reason::AlreadyTold),
        }
    }

    fn send(&mut self, rule: &Rule, occasion: &Occasion<'_>, once_key: String, expires_at: Timestamp) {
        let customer = &self.journey.order.customer;
        let shop = &self.rules.shop;
        let mut chosen: Vec<Channel> = Vec::new();
        let mut skipped = Vec::new();
        let mut attempt = |channel: Channel| match reach(customer, shop, channel) {
            Ok(_) => {
                chosen.push(channel);
                channel != Channel::Webhook
            }
            Err(reason) => {
                skipped.push(Skipped { channel, reason });
                false
            }
        };
        let mut read_by_a_person = false;
        for channel in &rule.channels {
            read_by_a_person |= attempt(*channel);
        }
        for channel in &rule.otherwise {
            read_by_a_person = read_by_a_person || attempt(*channel);
        }
        if chosen.is_empty() {
            return self.suppress(rule, occasion.subject, Reason::NoChannel, None, skipped);
        }
        let mut sent = Vec::new();
        for channel in chosen {
            let id = NotificationId::derive(&self.journey.key, &rule.name, &once_key, channel);
            sent.push(Sent { channel, notification: id.clone() });
            self.notifications.push(Notification {
                id,
                rule: rule.name.clone(),
                message: rule.message.clone(),
                subject: occasion.subject.clone(),
                channel,
                provider: self.rules.shop.providers.of(channel).unwrap_or_default().to_owned(),
                received_at: self.now,
                decided_at: self.now,
                expires_at,
                traceparent: occasion.event.and_then(|event| event.traceparent.clone()),
            });
        }
        self.journey.told.push(Told {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: occasion.subject.clone(),
            once_key,
            at: self.now,
            notifications: sent.iter().map(|sent| sent.notification.clone()).collect(),
            withdrawn: false,
        });
        self.decided(rule, occasion.subject, Verdict::Send { notifications: sent, skipped });
    }

    fn withdraw(&mut self, notification: &NotificationId, reason: Reason) {
        let carries = |told: &&mut Told| told.notifications.contains(notification);
        let Some(told) = self.journey.told.iter_mut().find(carries) else { return };
        told.notifications.retain(|other| other != notification);
        told.withdrawn = told.notifications.is_empty();
        self.decisions.push(Decision {
            rule: told.rule.clone(),
            message: told.message.clone(),
            subject: told.subject.clone(),
            verdict: Verdict::Suppress { reason, detail: None, skipped: Vec::new() },
        });
    }

    /// Sets the timers that the deadlines call for now, and drops those that they do not.
    fn schedule(&mut self) {
        let rules = self.rules.clone();
        let wanted = schedule::timers(&self.journey, &rules);
        for timer in &wanted {
            let waits = |known: &Timer| {
                (&known.rule, &known.subject, known.index) == (&timer.rule, &timer.subject, timer.index)
            };
            let is_new = !self.journey.timers.iter().chain(&self.journey.fired).any(waits);
            if is_new && let Some(rule) = rules.get(&timer.rule) {
                self.decided(
                    rule,
                    &timer.subject,
                    Verdict::Defer { until: timer.due, reason: Reason::AwaitingDeadline },
                );
            }
        }
        self.journey.timers = wanted;
    }

    fn suppress(
        &mut self,
        rule: &Rule,
        subject: &Subject,
        reason: Reason,
        detail: Option<String>,
        skipped: Vec<Skipped>,
    ) {
        self.decided(rule, subject, Verdict::Suppress { reason, detail, skipped });
    }

    fn decided(&mut self, rule: &Rule, subject: &Subject, verdict: Verdict) {
        self.decisions.push(Decision {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: subject.clone(),
            verdict,
        });
    }
}

fn scene_of<'a>(occasion: &Occasion<'a>, rules: &'a RuleSet, now: Timestamp, journey: &'a Journey) -> Scene<'a> {
    Scene { journey, shop: &rules.shop, subject: occasion.subject, event: occasion.event, now }
}

impl Transition {
    /// Takes back a notification that could not be written: it is not sent, and the decision
    /// says so.
    pub fn refuse(&mut self, notification: &NotificationId, detail: &str) {
        self.notifications.retain(|other| other.id != *notification);
        let mut channel_of = None;
        for decision in self.entry.iter_mut().flat_map(|entry| &mut entry.decisions) {
            let Verdict::Send { notifications, skipped } = &mut decision.verdict else { continue };
            let Some(at) = notifications.iter().position(|sent| sent.notification == *notification) else { continue };
            let channel = notifications.remove(at).channel;
            skipped.push(Skipped { channel, reason: Reason::Unrenderable });
            channel_of = Some(channel);
            if notifications.is_empty() {
                let skipped = std::mem::take(skipped);
                decision.verdict =
                    Verdict::Suppress { reason: Reason::Unrenderable, detail: Some(detail.to_owned()), skipped };
            }
        }
        if channel_of.is_some()
            && let Some(told) = self.journey.told.iter_mut().find(|told| told.notifications.contains(notification))
        {
            told.notifications.retain(|other| other != notification);
            told.withdrawn = told.notifications.is_empty();
        }
    }
}
