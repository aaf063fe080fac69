//! A journey's timeline in plain words: what happened, what was decided and why, what was sent
//! and how it ended.

use std::fmt::Write;

use chrono_tz::Tz;

use crate::domain::decision::{Cause, Decision, Entry, Reason, Verdict};
use crate::domain::journey::Subject;
use crate::domain::notification::Outcome;
use crate::domain::party::Party;
use crate::domain::time::Timestamp;
use crate::ports::{State, Story, Timeline};

/// How a timeline is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// With the colours of a terminal.
    pub colour: bool,
    /// Also rules whose condition did not hold.
    pub everything: bool,
    pub zone: Tz,
}

/// A line's tone.
#[derive(Clone, Copy)]
enum Tone {
    Faint,
    Good,
    Bad,
    Waiting,
    Strong,
}

impl Style {
    fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Waiting => "33",
            Tone::Strong => "1",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn moment(self, at: Timestamp) -> String {
        at.in_zone(self.zone).format("%a %d %b %H:%M:%S").to_string()
    }
}

/// The whole timeline.
pub fn write(timeline: &Timeline, now: Timestamp, style: Style) -> String {
    let journey = &timeline.journey;
    let title = format!("{} · {}", journey.key.shop, journey.key.order_id);
    let mut text = format!("{}  {}\n", style.paint(Tone::Strong, &title), journey.phase(now).as_str());
    if let Some(unconfirmed) = &timeline.unconfirmed {
        let since = style.moment(unconfirmed.since);
        let what = format!("not confirmed since {since}: {}", unconfirmed.cause.in_words());
        let _ = writeln!(text, "{}", style.paint(Tone::Bad, &what));
    }
    if journey.erased {
        let _ =
            writeln!(text, "{}", style.paint(Tone::Faint, "erased: who the customer is, and what was written to them"));
    }
    for entry in &timeline.entries {
        text.push_str(&lines(entry, &timeline.notifications, style));
    }
    let deadlines = journey.timers.iter().map(|timer| (timer.due, &timer.rule, &timer.subject, None));
    let deferred = journey.deferred.iter();
    let deferred = deferred.map(|one| (one.until, &one.rule, &one.subject, Some(one.reason.in_words())));
    let mut waiting: Vec<_> = deadlines.chain(deferred).collect();
    waiting.sort();
    if !waiting.is_empty() {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, "waits for"));
        for (at, rule, subject, why) in waiting {
            let why = why.map(|why| format!(", {why}")).unwrap_or_default();
            let what = format!("  {}  {rule}{}{why}", style.moment(at), about(subject));
            let _ = writeln!(text, "{}", style.paint(Tone::Faint, &what));
        }
    }
    text
}

/// How a notification ended that had to wait, with the moment of its last attempt.
pub fn late(story: &Story, style: Style) -> String {
    let at = story.attempts.last().map_or(story.decided_at, |attempt| attempt.at);
    let name = format!("{}{}", story.rule, whom(story.to));
    format!("{}  → {name}: by {}{}\n", style.moment(at), story.channel, ending(story, style))
}

/// One entry: the cause, then each decision. A deadline at which nothing had to be said is left
/// out, unless the style asks for everything.
pub fn lines(entry: &Entry, notifications: &[Story], style: Style) -> String {
    let (what, happened) = match &entry.cause {
        Cause::Event { event_type, time, .. } => (event_type.clone(), *time),
        Cause::Timer { rule, due } => (format!("deadline of {rule}"), *due),
        Cause::Deferral { rule, until } => (format!("{rule}, held back until now"), *until),
        Cause::Attempt { .. } if is_dropped(entry) => ("held, and looked at by a person".to_owned(), entry.at),
        Cause::Attempt { .. } => ("second look before sending".to_owned(), entry.at),
        Cause::Receipt { receipt, .. } => (format!("heard of a message: {}", receipt.as_str()), entry.at),
    };
    let mut text = format!("{}  {}", style.moment(happened), style.paint(Tone::Strong, &what));
    if let Some(note) = entry.note.as_ref().filter(|note| !note.is_empty()) {
        let _ = write!(text, " — {note}");
    }
    if entry.at.since(happened) >= chrono::Duration::minutes(5) {
        let _ = write!(text, "{}", style.paint(Tone::Faint, &format!("  (learnt {})", style.moment(entry.at))));
    }
    text.push('\n');
    let decisions: String = entry.decisions.iter().map(|decision| decided(decision, notifications, style)).collect();
    if decisions.is_empty() && matches!(entry.cause, Cause::Timer { .. }) && !style.everything {
        return String::new();
    }
    text + &decisions
}

/// A person has dropped what was held.
fn is_dropped(entry: &Entry) -> bool {
    let by_a_person = |decision: &Decision| matches!(decision.verdict, Verdict::Suppress { reason: Reason::Storm, .. });
    entry.decisions.iter().any(by_a_person)
}

fn decided(decision: &Decision, notifications: &[Story], style: Style) -> String {
    let bare = format!("{}{}", decision.rule, about(&decision.subject));
    let name = format!("{bare}{}", whom(decision.to));
    let margin = " ".repeat(17);
    match &decision.verdict {
        Verdict::Send { notifications: sent, skipped } => {
            let mut text = String::new();
            for one in sent {
                let story = notifications.iter().find(|story| story.id == one.notification);
                let to = story.map_or(decision.to, |story| story.to);
                let end = story.map(|story| ending(story, style)).unwrap_or_default();
                let _ = writeln!(text, "{margin}→ {bare}{}: by {}{end}", whom(to), one.channel);
            }
            for one in skipped {
                let line = format!("{margin}  {name}: not by {}: {}", one.channel, one.reason.in_words());
                let _ = writeln!(text, "{}", style.paint(Tone::Faint, &line));
            }
            text
        }
        Verdict::Defer { until, reason } => {
            let line = format!("{margin}◷ {name}: {}, {}", reason.in_words(), style.moment(*until));
            format!("{}\n", style.paint(Tone::Faint, &line))
        }
        Verdict::Suppress { reason, detail, skipped } => {
            let routine = matches!(reason, Reason::ConditionFalse | Reason::NotTold);
            if routine && !style.everything {
                return String::new();
            }
            let mut line = format!("{margin}✗ {name}: not sent, {}", reason.in_words());
            for one in skipped {
                let _ = write!(line, "; {}: {}", one.channel, one.reason.in_words());
            }
            if let Some(detail) = detail {
                let _ = write!(line, " ({detail})");
            }
            let tone = if routine { Tone::Faint } else { Tone::Waiting };
            format!("{}\n", style.paint(tone, &line))
        }
    }
}

/// How a notification stands, after its attempts.
fn ending(story: &Story, style: Style) -> String {
    let last = story.attempts.last();
    // not how many: an outage leaves its first and its last
    let tries = match &story.attempts[..] {
        [first, _, ..] => format!(", tried since {}", style.moment(first.at)),
        _ => String::new(),
    };
    let (tone, text) = match story.state {
        State::Accepted => {
            let at = last.map(|attempt| style.moment(attempt.at)).unwrap_or_default();
            let tone = if story.receipts.iter().any(|it| it.receipt.is_failure()) { Tone::Bad } else { Tone::Good };
            let heard: String =
                story.receipts.iter().map(|it| format!("; {} {}", it.receipt.as_str(), style.moment(it.at))).collect();
            (tone, format!("accepted by {}{tries}, {at}{heard}", story.provider))
        }
        State::Pending => {
            let next = story.due_at.map(|due| format!(", next {}", style.moment(due))).unwrap_or_default();
            (Tone::Waiting, format!("waits{tries}{}{next}", why(story)))
        }
        State::Suppressed => (
            Tone::Waiting,
            format!("taken back, {}", story.reason.map_or("no reason given", |reason| reason.in_words())),
        ),
        State::Dead => (Tone::Bad, format!("given up by {}{tries}{}", story.provider, why(story))),
        State::Held => (Tone::Bad, format!("outcome unknown at {}{tries}; waits for a person", story.provider)),
        State::Stormbound => {
            (Tone::Bad, "held: its rule speaks far more often than ever; waits for a person (storms)".to_owned())
        }
    };
    format!("  {}", style.paint(tone, &text))
}

fn why(story: &Story) -> String {
    let failed = story.attempts.iter().rev().find(|attempt| attempt.outcome != Outcome::Accepted);
    match failed {
        Some(attempt) => match (&attempt.detail, attempt.status) {
            (Some(detail), Some(status)) => format!(": {status} {detail}"),
            (Some(detail), None) => format!(": {detail}"),
            (None, Some(status)) => format!(": {status}"),
            (None, None) => String::new(),
        },
        None => String::new(),
    }
}

/// Said where it is not the buyer.
fn whom(to: Party) -> String {
    if to.is_buyer() { String::new() } else { format!(" for {}", to.in_words()) }
}

fn about(subject: &Subject) -> String {
    match subject {
        Subject::Order => String::new(),
        Subject::Shipment(id) => format!(" [{id}]"),
        Subject::Parcel(key) => format!(" [{}]", key.waybill.tracking_number),
    }
}

/// The whole of what is known, as the API and `lookup -o json` give it.
pub fn json(timeline: &Timeline, now: Timestamp) -> serde_json::Value {
    let journey = &timeline.journey;
    serde_json::json!({
        "shop": journey.key.shop,
        "order_id": journey.key.order_id,
        "phase": journey.phase(now).as_str(),
        "version": timeline.version,
        "unconfirmed": timeline.unconfirmed,
        "timeline": timeline.entries,
        "notifications": timeline.notifications,
        "waits_for": journey.timers,
        "deferred": journey.deferred,
        "journey": &**journey,
    })
}
