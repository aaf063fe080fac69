//! A test, run: what happens is taken step by step, and every deadline that falls due in between.

use crate::domain::apply::{self, Full};
use crate::domain::contact::reach_party;
use crate::domain::decision::{Cause, Decision, Entry};
use crate::domain::event::{Body, Event, ParcelStatus};
use crate::domain::journey::Journey;
use crate::domain::notification::{Content, Notification};
use crate::domain::order::Channel;
use crate::domain::reasons::Reasons;
use crate::domain::receipt::{Receipt, Received};
use crate::domain::rule::{RuleName, RuleSet};
use crate::domain::spending::Elsewhere;
use crate::domain::step::{Moment, Obstacle, Transition, step, still_holds};
use crate::domain::time::Timestamp;
use crate::domain::view::Scene;
use crate::message::{Letter, Templates};

use super::format::Trial;
use super::happening::What;
use super::wake::{Woken, deadline, was_asked};

/// No journey wakes so often: rules that would, wake each other.
const MOST_WAKES: usize = 10_000;

/// What a test came to.
#[derive(Debug, Default)]
pub struct Run {
    pub decided: Vec<Decided>,
    pub written: Vec<Written>,
    /// Second looks, right before an attempt.
    pub looks: Vec<(RuleName, Reasons)>,
    /// The timeline, and the journey at the end of it.
    pub entries: Vec<Entry>,
    pub journey: Option<Journey>,
    /// Why it could not go on.
    pub broken: Option<String>,
}

/// A decision, and what it was taken on.
#[derive(Debug)]
pub struct Decided {
    pub at: Timestamp,
    pub decision: Decision,
    pub cause: Cause,
    /// Which of the rule's deadlines set it going.
    pub deadline: Option<usize>,
    /// Of the event that set it going.
    pub status: Option<ParcelStatus>,
    /// The channel that a second look took it back from.
    pub withdrawn: Option<Channel>,
    /// The conditions, if they were asked.
    pub reasons: Option<Reasons>,
}

/// A message that was written.
#[derive(Debug)]
pub struct Written {
    pub at: Timestamp,
    pub notification: Notification,
    pub content: Content,
}

/// Runs a test.
pub fn run(trial: &Trial) -> Run {
    let mut stage = Stage {
        rules: &trial.rules,
        templates: &trial.templates,
        told_elsewhere: &trial.told_elsewhere,
        now: trial.frame.start,
        journey: None,
        waiting: None,
        postponed: Vec::new(),
        run: Run::default(),
    };
    let end = trial.until.into_iter().chain(trial.happenings.last().map(|last| last.at)).max();
    for happening in &trial.happenings {
        stage.pass(Some(happening.at));
        stage.take(&happening.what);
    }
    stage.pass(trial.until.and(end));
    stage.run.journey = stage.journey;
    stage.run
}

/// Where a test is played.
struct Stage<'a> {
    rules: &'a RuleSet,
    templates: &'a Templates,
    told_elsewhere: &'a Elsewhere,
    now: Timestamp,
    journey: Option<Journey>,
    /// What could not leave yet, while the providers are away.
    waiting: Option<Vec<Notification>>,
    /// What would have rung at a quiet hour, with the end of that.
    postponed: Vec<(Timestamp, Notification)>,
    run: Run,
}

impl Stage<'_> {
    /// Lets time pass, until nothing waits if no moment is given.
    fn pass(&mut self, until: Option<Timestamp>) {
        for _ in 0..MOST_WAKES {
            let wakes = self.journey.as_ref().and_then(Journey::wakes_at);
            let quiet_ends = self.postponed.iter().map(|(end, _)| *end).min();
            let Some(due) = wakes.into_iter().chain(quiet_ends).min() else { break };
            if self.run.broken.is_some() || until.is_some_and(|until| due > until) {
                break;
            }
            self.now = self.now.max(due);
            match self.postponed.iter().position(|(end, _)| *end <= self.now) {
                Some(at) => {
                    let (_, notification) = self.postponed.remove(at);
                    self.look_again(&notification);
                }
                None => self.step(&Woken::Due),
            }
        }
        self.now = until.map_or(self.now, |until| self.now.max(until));
    }

    fn take(&mut self, what: &What) {
        match what {
            What::Event(event) => {
                if let (None, Body::OrderPlaced(placed)) = (&self.journey, &event.body) {
                    self.journey = Some(apply::begin(placed, event.time));
                }
                self.step(&Woken::Event(event));
            }
            What::Receipt { receipt, of } => self.hear(*receipt, of),
            What::Away => self.waiting = Some(self.waiting.take().unwrap_or_default()),
            What::Back => {
                for notification in self.waiting.take().into_iter().flatten() {
                    self.look_again(&notification);
                }
            }
        }
    }

    /// Hears something of the last message of a rule, of the one that a person reads first.
    fn hear(&mut self, receipt: Receipt, of: &RuleName) {
        let own = || self.run.written.iter().rev().map(|it| &it.notification).filter(|it| it.rule == *of);
        let by = |channel| own().find(|it| it.channel == channel);
        match by(Channel::Email).or_else(|| by(Channel::Sms)).cloned() {
            Some(Notification { id: notification, channel, .. }) => {
                let at = self.now;
                self.step(&Woken::Receipt(&Received { notification, channel, receipt, at }));
            }
            None => self.run.broken = Some(format!("nothing can be heard of '{of}', which has sent nothing yet")),
        }
    }

    /// Looks at a message once more, right before its attempt.
    fn look_again(&mut self, notification: &Notification) {
        let Some(journey) = &self.journey else { return };
        let rule = self.rules.get(&notification.rule);
        let scene =
            Scene { journey, shop: &self.rules.shop, subject: &notification.subject, event: None, now: self.now };
        if let Some(rule) = rule {
            self.run.looks.push((rule.name.clone(), Reasons::before_attempt(rule, scene)));
        }
        match still_holds(journey, notification, self.rules, self.now) {
            Ok(()) => {}
            Err(Obstacle::QuietUntil(end)) => self.postponed.push((end, notification.clone())),
            Err(Obstacle::Withdrawn(reason)) => self.step(&Woken::Withdrawn(notification, reason)),
        }
    }

    fn step(&mut self, woken: &Woken<'_>) {
        let Some(before) = &self.journey else { return };
        let by_now = |told: &[Timestamp]| told.iter().filter(|at| **at <= self.now).copied().collect();
        let Elsewhere { buyer, recipient } = self.told_elsewhere;
        let by_now = Elsewhere { buyer: by_now(buyer), recipient: by_now(recipient) };
        let moment = Moment { now: self.now, elsewhere: Some(&by_now) };
        let transition = match step(before, woken.input(), self.rules, moment) {
            Ok(transition) => transition,
            Err(Full) => {
                self.run.broken = Some("the journey has no room for more".to_owned());
                return;
            }
        };
        let told_before = before.told.len();
        let transition = self.write(transition);
        let event = match woken {
            Woken::Event(event) => Some(*event),
            _ => None,
        };
        self.keep(&transition, told_before, event);
        self.journey = Some(transition.journey);
    }

    /// Writes the messages, as the service does before it commits.
    fn write(&mut self, mut transition: Transition) -> Transition {
        for notification in transition.notifications.clone() {
            let journey = &transition.journey;
            let to = journey.told_by(&notification.id).next().map(|told| told.to).unwrap_or_default();
            let Ok(recipient) = reach_party(to, &journey.order, &self.rules.shop, notification.channel) else {
                continue;
            };
            let letter = Letter {
                shop_id: &journey.key.shop,
                shop: &self.rules.shop,
                journey,
                subject: &notification.subject,
                message: &notification.message,
                channel: notification.channel,
                recipient: &recipient,
                notification: &notification.id,
                now: self.now,
            };
            match self.templates.write(&letter) {
                Ok(content) => {
                    self.waiting.iter_mut().for_each(|waiting| waiting.push(notification.clone()));
                    self.run.written.push(Written { at: self.now, notification, content });
                }
                Err(why) => transition.refuse(&notification.id, &why.to_string()),
            }
        }
        transition
    }

    fn keep(&mut self, transition: &Transition, told_before: usize, event: Option<&Event>) {
        let Some(entry) = &transition.entry else { return };
        self.run.entries.push(entry.clone());
        // the conditions were asked before anything was told
        let mut journey = transition.journey.clone();
        journey.told.truncate(told_before);
        let status = match event.map(|event| &event.body) {
            Some(Body::ParcelTracked(data)) => Some(data.status),
            _ => None,
        };
        for decision in &entry.decisions {
            let rule = self.rules.get(&decision.rule);
            let scene =
                Scene { journey: &journey, shop: &self.rules.shop, subject: &decision.subject, event, now: self.now };
            let asked = !matches!(entry.cause, Cause::Attempt { .. }) && was_asked(decision);
            let withdrawn = match &entry.cause {
                Cause::Attempt { notification } => {
                    let of = |it: &&Written| it.notification.id == *notification;
                    self.run.written.iter().find(of).map(|it| it.notification.channel)
                }
                _ => None,
            };
            self.run.decided.push(Decided {
                at: self.now,
                decision: decision.clone(),
                cause: entry.cause.clone(),
                deadline: rule.and_then(|rule| deadline(rule, &self.rules.shop, &journey, decision, &entry.cause)),
                status,
                withdrawn,
                reasons: rule.filter(|_| asked).map(|rule| match entry.cause {
                    // `when` is asked once, when it becomes news
                    Cause::Deferral { .. } | Cause::Receipt { .. } => Reasons::before_attempt(rule, scene),
                    _ => Reasons::of(rule, scene),
                }),
            });
        }
    }
}
