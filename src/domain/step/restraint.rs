//! What keeps a message back although it is due and true: it waits, or something newer makes it
//! pointless.

use chrono::NaiveTime;

use super::super::calendar::Holidays;
use super::super::decision::{Decision, NotificationId, Reason, Verdict};
use super::super::journey::{Deferred, Journey, Reach, Subject, Told};
use super::super::notification::Notification;
use super::super::order::Channel;
use super::super::restraint::Budget;
use super::super::rule::{Rule, RuleSet};
use super::super::spending::spent;
use super::super::time::{Timestamp, in_zone};
use super::super::zone;
use super::desk::{Desk, Occasion};
use super::turn::{Turn, number_of};

/// When the next day begins for a message that had to wait for it.
const MORNING: NaiveTime = NaiveTime::from_hms_opt(8, 0, 0).expect("eight o'clock");

/// Why a message must wait, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Restraint {
    pub until: Timestamp,
    pub reason: Reason,
}

/// What is said together with something else of its kind.
pub(super) struct Folded {
    pub waited: Deferred,
    pub turn: Turn,
    pub expires_at: Timestamp,
}

impl Desk<'_> {
    /// What keeps the rule's message back the longest.
    pub(super) fn restraint(&self, rule: &Rule, expires_at: Timestamp) -> Option<Restraint> {
        [self.cool_down(rule), self.budget(rule), self.gathering(rule, expires_at)]
            .into_iter()
            .flatten()
            .max_by_key(|restraint| restraint.until)
    }

    /// While more of the same may come that one message can tell too.
    fn gathering(&self, rule: &Rule, expires_at: Timestamp) -> Option<Restraint> {
        let span = rule.fold.filter(|_| self.occasion.waited.is_none() && self.more_may_come())?;
        let gathered = self.waiting().filter(|one| one.rule == rule.name && one.reason == Reason::Folding);
        let until = gathered.map(|one| one.until).min().unwrap_or_else(|| self.now.plus(span));
        (self.now < until && until < expires_at).then_some(Restraint { until, reason: Reason::Folding })
    }

    /// There are others of which the same could be told.
    fn more_may_come(&self) -> bool {
        let journey = self.journey;
        match self.occasion.subject {
            Subject::Order => true,
            Subject::Shipment(_) => !journey.all_shipped(),
            Subject::Parcel(key) => journey.outbound().any(|parcel| parcel.key != *key && !parcel.is_over()),
        }
    }

    /// What was held back of the rule and can be said in the message that it sends now.
    pub(super) fn folded(&self, rule: &Rule, pointless: &[Deferred]) -> Vec<Folded> {
        // on a further channel nothing is said that the others have not said
        if rule.fold.is_none() || self.occasion.waited.is_some_and(|waited| !waited.channels.is_empty()) {
            return Vec::new();
        }
        let gathered =
            self.waiting().filter(|one| one.rule == rule.name && one.channels.is_empty() && !pointless.contains(one));
        let fits = |waited: &Deferred| {
            let occasion = Occasion::of_deferred(waited);
            let (turn, expires_at) = Desk::new(self.journey, self.rules, self.moment(), &occasion).fit(rule).ok()?;
            Some(Folded { waited: waited.clone(), turn, expires_at })
        };
        gathered.filter_map(fits).collect()
    }

    /// Whether the rule keeps to a budget that the customer's other orders spend too.
    pub(super) fn hangs_on_other_orders(&self, rule: &Rule) -> bool {
        self.rules.shop.budget.per_customer_day > 0 && rule.keeps_to_budget()
    }

    /// Until the next morning of the customer, once enough has been said for one day: of this order,
    /// or by all of theirs.
    fn budget(&self, rule: &Rule) -> Option<Restraint> {
        let Budget { per_journey_day, per_customer_day } = self.rules.shop.budget;
        if !rule.keeps_to_budget() || (per_journey_day, per_customer_day) == (0, 0) {
            return None;
        }
        let zone = zone::of_party(rule.to, &self.journey.order, &self.rules.shop);
        let today = self.now.day_in(zone);
        let is_today = |at: &Timestamp| at.day_in(zone) == today;
        let told = self.journey.told.iter().chain(&self.outcome.told);
        let here = spent(told, rule.to, self.rules).filter(is_today).count();
        let elsewhere =
            self.elsewhere.map_or(&[][..], |elsewhere| elsewhere.to(rule.to)).iter().filter(|at| is_today(at)).count();
        let is_spent = |most: u32, told: usize| most > 0 && told >= usize::try_from(most).unwrap_or(usize::MAX);
        let reason = if is_spent(per_journey_day, here) {
            Reason::BudgetSpent
        } else if is_spent(per_customer_day, here + elsewhere) {
            Reason::CustomerBudgetSpent
        } else {
            return None;
        };
        let morning = today.succ_opt()?.and_time(MORNING);
        Some(Restraint { until: Timestamp(in_zone(morning, zone)), reason })
    }

    fn cool_down(&self, rule: &Rule) -> Option<Restraint> {
        let own = self.occasion.waited.filter(|waited| !waited.channels.is_empty());
        let is_own =
            |told: &Told| own.is_some_and(|own| own.rule == told.rule && number_of(told, &own.once_key).is_some());
        let told = || {
            let all = self.journey.told.iter().chain(&self.outcome.told);
            all.filter(|told| told.to == rule.to && !told.withdrawn && !is_own(told))
        };
        let ends = rule.not_within.iter().flat_map(|cool_down| {
            let counts = |told: &&Told| cool_down.after.is_empty() || cool_down.after.contains(&told.message);
            told().filter(counts).map(|told| told.at.plus(cool_down.span))
        });
        let until = ends.max().filter(|until| *until > self.now)?;
        Some(Restraint { until, reason: Reason::CoolingDown })
    }

    /// Holds the message back on `channels` (on all, if empty), to be decided anew by then.
    pub(super) fn defer(&mut self, rule: &Rule, turn: Turn, channels: Vec<Channel>, restraint: Restraint) {
        let Restraint { until, reason } = restraint;
        self.outcome.deferred.push(Deferred {
            rule: rule.name.clone(),
            message: rule.message.clone(),
            subject: self.occasion.subject.clone(),
            once_key: turn.once_key,
            since: self.occasion.since,
            until,
            reason,
            channels,
            escalates: self.occasion.waited.map(|waited| waited.escalates.clone()).unwrap_or_default(),
        });
        self.outcome.decided(rule, self.occasion.subject, Verdict::Defer { until, reason });
    }

    /// What is held back.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Deferred> {
        let dropped = &self.outcome.dropped;
        self.journey.deferred.iter().filter(|one| !dropped.contains(one)).chain(&self.outcome.deferred)
    }

    /// What is held back and pointless once the rule speaks.
    pub(super) fn superseded(&self, rule: &Rule) -> Vec<Deferred> {
        let is_theirs = |one: &Deferred| self.rules.get(&one.rule).is_none_or(|other| other.to == rule.to);
        let pointless = |one: &&Deferred| {
            (one.message == rule.message || rule.supersedes.contains(&one.message))
                && is_theirs(one)
                && self.journey.includes(self.occasion.subject, &one.subject)
        };
        // the same message on further channels waits for its own moment
        let is_part = |one: &&Deferred| {
            self.occasion.waited.is_some_and(|waited| waited.rule == one.rule && waited.once_key == one.once_key)
        };
        self.waiting().filter(|one| pointless(one) && !is_part(one)).cloned().collect()
    }

    /// Whether it is pointless once the rule speaks on this occasion.
    pub(super) fn supersedes(&self, rule: &Rule, told: &Told) -> bool {
        displaces(rule, told) && self.journey.includes(self.occasion.subject, &told.subject)
    }

    /// Whether another rule has just said what makes this one's message pointless.
    pub(super) fn is_outdone(&self, rule: &Rule) -> bool {
        self.outcome.told.iter().filter(|told| told.to == rule.to).any(|told| {
            self.rules.get(&told.rule).is_some_and(|other| other.supersedes.contains(&rule.message))
                && self.journey.includes(&told.subject, self.occasion.subject)
        })
    }

    /// Takes back what was decided on this occasion and is pointless now that the rule speaks: a
    /// message of several only as a whole.
    pub(super) fn outdo(&mut self, rule: &Rule) {
        let told = &self.outcome.told;
        let stays = |id: &NotificationId| {
            told.iter().any(|told| told.notifications.contains(id) && !self.supersedes(rule, told))
        };
        let gone: Vec<NotificationId> =
            self.outcome.notifications.iter().map(|one| &one.id).filter(|id| !stays(id)).cloned().collect();
        let is_gone = |told: &Told| told.notifications.iter().any(|id| gone.contains(id));
        let outcome = &mut self.outcome;
        outcome.told.retain(|told| !is_gone(told));
        outcome.notifications.retain(|one| !gone.contains(&one.id));
        for decision in &mut outcome.decisions {
            let Verdict::Send { notifications, skipped } = &mut decision.verdict else { continue };
            if notifications.iter().any(|sent| gone.contains(&sent.notification)) {
                let skipped = std::mem::take(skipped);
                decision.verdict = Verdict::Suppress { reason: Reason::Superseded, detail: None, skipped };
            }
        }
    }

    /// What the rule's message answers or says once more, and is not to be heard before.
    pub(super) fn followed(&self, rule: &Rule) -> Vec<NotificationId> {
        let told = self.journey.told.iter().chain(&self.outcome.told);
        let answered = told.filter(|told| answers(self.journey, rule, self.occasion.subject, told));
        let escalated = self.escalated().into_iter().flat_map(|waited| &waited.escalates);
        answered.flat_map(|told| &told.notifications).chain(escalated).cloned().collect()
    }

    pub(super) fn drop(&mut self, superseded: Vec<Deferred>) {
        for one in superseded {
            self.outcome.decisions.push(Decision {
                rule: one.rule.clone(),
                message: one.message.clone(),
                to: self.rules.whom(&one.rule),
                subject: one.subject.clone(),
                verdict: Verdict::Suppress { reason: Reason::Superseded, detail: None, skipped: Vec::new() },
            });
            self.outcome.deferred.retain(|other| *other != one);
            self.outcome.dropped.push(one);
        }
    }
}

/// Whether the rule's message takes the place of what was told; what somebody else hears does not.
fn displaces(rule: &Rule, told: &Told) -> bool {
    told.to == rule.to && rule.supersedes.contains(&told.message)
}

/// Whether nothing is left that the notification would answer: what was told before it, and only
/// for the sake of which it was decided, has been taken back since.
pub(super) fn answers_nothing(journey: &Journey, notification: &Notification, rule: &Rule) -> bool {
    if rule.only_if_told.is_empty() {
        return false;
    }
    let carries = |told: &Told| told.notifications.contains(&notification.id);
    let Some(at) = journey.told.iter().position(carries) else { return false };
    !journey.told[..at].iter().any(|told| answers(journey, rule, &notification.subject, told))
}

/// Whether a message of the rule about `subject` answers what was told.
fn answers(journey: &Journey, rule: &Rule, subject: &Subject, told: &Told) -> bool {
    !told.withdrawn
        && told.to == rule.to
        && rule.only_if_told.contains(&told.message)
        && journey.reach_of(&told.subject, subject) != Reach::None
}

/// Whether something that was told later makes the notification pointless.
pub(super) fn is_superseded(journey: &Journey, notification: &Notification, rules: &RuleSet) -> bool {
    let carries = |(_, told): &(usize, &Told)| told.notifications.contains(&notification.id);
    let supersedes = |later: &Told, told: &Told| {
        !later.withdrawn
            && rules.get(&later.rule).is_some_and(|rule| displaces(rule, told))
            && journey.includes(&later.subject, &told.subject)
    };
    let mut carried = journey.told.iter().enumerate().filter(carries).peekable();
    carried.peek().is_some()
        && carried.all(|(at, told)| journey.told[at + 1..].iter().any(|later| supersedes(later, told)))
}

/// When the channel may be heard again where the customer is, if not now.
pub(super) fn quiet_until(
    journey: &Journey,
    rules: &RuleSet,
    rule: &Rule,
    channel: Channel,
    now: Timestamp,
) -> Option<Timestamp> {
    let quiet = rules.shop.quiet_hours.of(channel).filter(|_| !rule.ignores_quiet_hours)?;
    let zone = zone::of_party(rule.to, &journey.order, &rules.shop);
    quiet.end(now, zone, Holidays::of(&journey.order.delivery))
}
