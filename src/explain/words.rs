//! Explanations as people read them.

use std::fmt::Write;

use chrono_tz::Tz;

use super::Explanation;
use crate::domain::decision::{Cause, Decision, Entry, Reason, Verdict};
use crate::domain::journey::Journey;
use crate::domain::reasons::Difference;
use crate::domain::restraint::Budget;
use crate::domain::rule::RuleSet;
use crate::domain::spending::spent;
use crate::domain::time::{Timestamp, spell_span};
use crate::domain::zone;
use crate::trial::line::about;
use crate::trial::report::{self, Style};

/// What has led to the decision beside the conditions.
pub fn because(journey: &Journey, entry: &Entry, decision: &Decision, rules: &RuleSet) -> Vec<String> {
    let rule = rules.get(&decision.rule);
    let mut because = Vec::new();
    let skipped = match &decision.verdict {
        Verdict::Send { skipped, .. } | Verdict::Suppress { skipped, .. } => &skipped[..],
        Verdict::Defer { .. } => &[],
    };
    because.extend(skipped.iter().map(|one| format!("not by {}: {}", one.channel, one.reason.in_words())));
    if let Some(budget) = budget(journey, entry, decision, rules) {
        because.push(budget);
    }
    let Verdict::Suppress { reason, detail, .. } = &decision.verdict else { return because };
    because.extend(detail.clone());
    let since = match &entry.cause {
        Cause::Event { time, .. } => *time,
        Cause::Timer { due, .. } => *due,
        Cause::Deferral { until, .. } => *until,
        Cause::Attempt { .. } | Cause::Receipt { .. } => entry.at,
    };
    match (reason, rule) {
        (Reason::AlreadyTold, _) => {
            let told = journey.told.iter().filter(|told| told.rule == decision.rule && !told.withdrawn);
            because.extend(told.map(|told| format!("told at {}", told.at)));
        }
        (Reason::Expired, Some(rule)) => because.push(format!(
            "it was news until {}, {} after it happened",
            since.plus(rule.expires),
            spell_span(rule.expires)
        )),
        (Reason::NotTold, Some(rule)) => {
            because.push(format!("none of these was told before: {}", rule.only_if_told.join(", ")));
        }
        (Reason::OldNews, _) => because.push(format!("it happened at {since}, and newer is known")),
        _ => {}
    }
    because
}

/// How the day's budget had been spent, if that kept it back.
fn budget(journey: &Journey, entry: &Entry, decision: &Decision, rules: &RuleSet) -> Option<String> {
    let (Verdict::Defer { reason, .. } | Verdict::Suppress { reason, .. }) = &decision.verdict else { return None };
    let Budget { per_journey_day, per_customer_day } = rules.shop.budget;
    let to = rules.get(&decision.rule)?.to;
    let zone = zone::of_party(to, &journey.order, &rules.shop);
    let today = |at: &Timestamp| at.day_in(zone) == entry.at.day_in(zone);
    let here = spent(&journey.told, to, rules).filter(today).count();
    match reason {
        Reason::BudgetSpent => Some(format!("this order had told {here} messages that day, of {per_journey_day}")),
        Reason::CustomerBudgetSpent => Some(format!(
            "this order had told {here} messages that day, the customer's other orders the rest of {per_customer_day}"
        )),
        _ => None,
    }
}

/// An explanation in words; `everything` with the state it was taken in.
pub fn write(it: &Explanation<'_>, zone: Tz, style: Style, everything: bool) -> String {
    let moment = |at: Timestamp| at.in_zone(zone).format("%a %d %b %Y %H:%M:%S").to_string();
    let subject = about(&it.decision.subject);
    let subject = if subject.is_empty() { String::new() } else { format!(" [{subject}]") };
    let mut text = format!("{}{subject}  {}\n", style.strong(it.decision.rule.as_str()), moment(it.at));
    if let Some(says) = &it.says {
        let _ = writeln!(text, "  {}", style.faint(says));
    }
    let cause = match it.cause {
        Cause::Event { event_type, time, .. } if *time != it.at => {
            format!("{event_type}, which happened {}", moment(*time))
        }
        Cause::Event { event_type, .. } => event_type.clone(),
        Cause::Timer { due, .. } => format!("its deadline {}", moment(*due)),
        Cause::Deferral { until, .. } => format!("what was held back until {}", moment(*until)),
        Cause::Attempt { .. } => "a second look, right before it would have left".to_owned(),
        Cause::Receipt { receipt, .. } => format!("what was heard of its message: {}", receipt.as_str()),
    };
    let note = it.note.map(|note| format!(" ({note})")).unwrap_or_default();
    let _ = writeln!(text, "  on {cause}{note}");
    let verdict = match &it.decision.verdict {
        Verdict::Send { notifications, .. } => {
            let channels: Vec<&str> = notifications.iter().map(|sent| sent.channel.as_str()).collect();
            style.good(&format!("sent by {}", channels.join(", ")))
        }
        Verdict::Defer { until, reason } => format!("{} until {}", reason.in_words(), moment(*until)),
        Verdict::Suppress { reason, .. } => {
            style.bad(&format!("not sent: {} ({})", reason.in_words(), reason.as_str()))
        }
    };
    let _ = writeln!(text, "  {verdict}");
    for because in &it.because {
        let _ = writeln!(text, "    {because}");
    }
    text.push_str(&report::conditions(&it.conditions, "  ", style));
    if !it.differently.is_empty() {
        let _ = writeln!(text, "  for its conditions to hold:");
        it.differently.iter().for_each(|one| difference(one, "    ", &mut text));
    }
    for caveat in &it.caveats {
        let _ = writeln!(text, "  {}", style.bad(&format!("mind: {caveat}")));
    }
    if everything {
        let _ = writeln!(text, "  {}", style.faint("what there was to worry about in the order:"));
        for grounds in &it.concerns {
            text.push_str(&report::condition(grounds.concern.as_str(), &grounds.condition, "    ", style));
        }
        let _ = writeln!(text, "  {}", style.faint("what the rule could see:"));
        for fact in &it.state {
            let _ = writeln!(text, "  {}", style.faint(&format!("  {} = {}", fact.path, fact.value)));
        }
    }
    text
}

fn difference(it: &Difference, margin: &str, text: &mut String) {
    let inner = format!("{margin}  ");
    match it {
        Difference::All(parts) => {
            let _ = writeln!(text, "{margin}all of");
            parts.iter().for_each(|part| difference(part, &inner, text));
        }
        Difference::Any(parts) => {
            let _ = writeln!(text, "{margin}one of");
            parts.iter().for_each(|part| difference(part, &inner, text));
        }
        Difference::One { text: condition, should_be, was } => {
            let was: Vec<String> = was.iter().map(|(fact, value)| format!("{fact} was {value}")).collect();
            let was = if was.is_empty() { String::new() } else { format!("; {}", was.join(", ")) };
            let _ = writeln!(text, "{margin}{condition} must be {should_be}{was}");
        }
    }
}
