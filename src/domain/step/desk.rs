//! What each rule comes to, on one occasion.

use super::super::condition::Scope;
use super::super::contact::reach;
use super::super::decision::{Decision, NotificationId, Reason, Sent, Skipped, Verdict};
use super::super::event::Event;
use super::super::journey::{Journey, Reach, Subject, Told};
use super::super::notification::Notification;
use super::super::order::Channel;
use super::super::rule::{OncePer, Rule, RuleSet};
use super::super::time::Timestamp;
use super::super::view::Scene;

/// No order gives reason for more messages; rules that would send more run wild (I10).
pub const MOST_TOLD: usize = 500;

/// What the rules came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub decisions: Vec<Decision>,
    pub told: Vec<Told>,
    pub notifications: Vec<Notification>,
}

impl Outcome {
    pub fn decided(&mut self, rule: &Rule, subject: &Subject, verdict: Verdict) {
        self.decisions.push(Decision {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: subject.clone(),
            verdict,
        });
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
}

/// Where the rules are looked at, all on the same facts: none may hinge on what another has just
/// decided, save for what the customer has been told by then.
pub(super) struct Desk<'a> {
    journey: &'a Journey,
    rules: &'a RuleSet,
    now: Timestamp,
    occasion: &'a Occasion<'a>,
    scope: Scope<'a>,
    pub outcome: Outcome,
}

impl<'a> Desk<'a> {
    pub fn new(journey: &'a Journey, rules: &'a RuleSet, now: Timestamp, occasion: &'a Occasion<'a>) -> Self {
        let scene = Scene { journey, shop: &rules.shop, subject: occasion.subject, event: occasion.event, now };
        Self { journey, rules, now, occasion, scope: Scope::new(scene), outcome: Outcome::default() }
    }

    pub fn refuse(&mut self, rule: &Rule, reason: Reason, detail: Option<String>) {
        let verdict = Verdict::Suppress { reason, detail, skipped: Vec::new() };
        self.outcome.decided(rule, self.occasion.subject, verdict);
    }

    pub fn decide(&mut self, rule: &Rule) {
        if self.journey.erased {
            return self.refuse(rule, Reason::CustomerErased, None);
        }
        // asked first, since it is cheap and most scans answer nothing
        let turn = self.turn(rule);
        if turn == Err(Reason::NotTold) {
            return self.refuse(rule, Reason::NotTold, None);
        }
        for (condition, otherwise) in [(&rule.when, Reason::ConditionFalse), (&rule.valid_while, Reason::NoLongerTrue)]
        {
            let Some(condition) = condition else { continue };
            match self.scope.holds(condition) {
                Ok(true) => {}
                Ok(false) => return self.refuse(rule, otherwise, None),
                Err(why) => return self.refuse(rule, Reason::ConditionError, Some(why)),
            }
        }
        let expires_at = self.occasion.since.plus(rule.expires);
        if self.now >= expires_at {
            return self.refuse(rule, Reason::Expired, None);
        }
        match turn {
            Ok(once_key) => self.send(rule, once_key, expires_at),
            Err(reason) => self.refuse(rule, reason, None),
        }
    }

    /// What the rule sends at most once of.
    fn once(&self, rule: &Rule) -> String {
        let subject = self.occasion.subject;
        let mut key = match (rule.once_per, subject) {
            (OncePer::Event, _) => match self.occasion.event {
                Some(event) => format!("event/{}/{}", event.source, event.id),
                None => format!("{subject}/due/{}", self.occasion.since.millis()),
            },
            (OncePer::Order, _) | (_, Subject::Order) => Subject::Order.to_string(),
            (OncePer::Shipment, Subject::Parcel(parcel)) => {
                match self.journey.parcel(parcel).and_then(|parcel| parcel.shipment_id.as_ref()) {
                    Some(id) => Subject::Shipment(id.clone()).to_string(),
                    None => subject.to_string(),
                }
            }
            (OncePer::Shipment | OncePer::Parcel, subject) => subject.to_string(),
        };
        if let Some(index) = self.occasion.deadline.filter(|_| rule.deadlines.len() > 1) {
            key.push_str(&format!("/{index}"));
        }
        key
    }

    /// The key under which the rule may speak now.
    fn turn(&self, rule: &Rule) -> Result<String, Reason> {
        let key = self.once(rule);
        let turn_of = |told: &Told| {
            let rest = told.once_key.strip_prefix(&key)?;
            if rest.is_empty() { Some(1) } else { rest.strip_prefix('#')?.parse::<u32>().ok() }
        };
        let told = || self.journey.told.iter().chain(&self.outcome.told).enumerate();
        let mine = || told().filter(|(_, told)| told.rule == rule.name);
        let taken = mine().filter_map(|(_, told)| turn_of(told)).max();
        // what was withdrawn never reached the customer: it used up a key, and no turn
        let heard = |(_, told): &(usize, &Told)| !told.withdrawn;
        let spoke = mine().filter(heard).filter(|(_, told)| turn_of(told).is_some()).last().map(|(at, _)| at);
        let spoke_at_all = mine().filter(heard).last().map(|(at, _)| at);
        let heard_since = |messages: &[String]| {
            told().filter(heard).filter(|(_, told)| messages.contains(&told.message)).any(|(at, told)| {
                match self.journey.reach_of(&told.subject, self.occasion.subject) {
                    Reach::None => false,
                    Reach::Same => Some(at) > spoke,
                    // told of more than this parcel, and so answered by what was said of any other
                    Reach::Wider => Some(at) > spoke_at_all,
                }
            })
        };
        if !rule.only_if_told.is_empty() && !heard_since(&rule.only_if_told) {
            return Err(Reason::NotTold);
        }
        if spoke.is_some() && !heard_since(&rule.again_after) {
            return Err(Reason::AlreadyTold);
        }
        if self.journey.told.len() + self.outcome.told.len() >= MOST_TOLD {
            return Err(Reason::EnoughTold);
        }
        Ok(match taken {
            None => key,
            Some(turn) => format!("{key}#{}", turn.saturating_add(1)),
        })
    }

    fn send(&mut self, rule: &Rule, once_key: String, expires_at: Timestamp) {
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
        let subject = self.occasion.subject;
        if chosen.is_empty() {
            let verdict = Verdict::Suppress { reason: Reason::NoChannel, detail: None, skipped };
            return self.outcome.decided(rule, subject, verdict);
        }
        let mut sent = Vec::new();
        for channel in chosen {
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
                traceparent: self.occasion.event.and_then(|event| event.traceparent.clone()),
            });
        }
        self.outcome.told.push(Told {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: subject.clone(),
            once_key,
            at: self.now,
            notifications: sent.iter().map(|sent| sent.notification.clone()).collect(),
            withdrawn: false,
        });
        self.outcome.decided(rule, subject, Verdict::Send { notifications: sent, skipped });
    }
}
