//! `rules test --from`: a test file made of a real journey. Names, addresses and numbers become
//! stand-ins, the same for the same; times stay as far apart as they were, to the second.

mod stand_in;

use std::fmt::Write;

use chrono::Duration;
use serde_json::{Map, Value, json};

use super::line::{Line, Said, plain};
use super::moment::{Frame, Manner};
use crate::domain::decision::{Cause, Decision, Entry, Reason, Verdict};
use crate::domain::event::{Body, Event};
use crate::domain::party::Party;
use crate::domain::receipt::Receipt;
use crate::domain::rule::RuleSet;
use crate::domain::shop::Shop;
use crate::domain::time::Timestamp;
use crate::domain::zone;
use crate::message::sample;
use crate::ports::Timeline;
use crate::replay::Replay;
use stand_in::StandIns;

/// The text of a test file: what happened to the order, and what was decided. `rules` are those of
/// the order's shop.
pub fn write(timeline: &Timeline, rules: &RuleSet) -> String {
    let (journey, shop) = (&timeline.journey, &*rules.shop);
    let frame = Frame { start: whole(journey.placed_at), zone: shop.time_zone, manner: Manner::Relative };
    let replay = Replay::new(journey, &timeline.entries);
    let stand_ins = StandIns::of(journey);
    let decisions = decisions(timeline, &frame, &stand_ins);
    let mut tried: Vec<&str> =
        timeline.entries.iter().flat_map(|entry| &entry.decisions).map(|decision| decision.rule.as_str()).collect();
    tried.sort_unstable();
    tried.dedup();
    let mut text =
        String::from("# Made of a real journey; what stands for a name, an address or a number is none of its own.\n");
    let _ = writeln!(text, "rules: [{}]", tried.join(", "));
    let _ = writeln!(text, "zone: {}", shop.time_zone);
    let _ = writeln!(text, "starts: {}", frame.start.in_zone(shop.time_zone).format("%Y-%m-%d %H:%M:%S"));
    text.push_str(&differences(shop));
    let mut happened = Vec::new();
    for (index, entry) in timeline.entries.iter().enumerate() {
        match replay.event(entry) {
            Some(Event { body: Body::OrderPlaced(placed), .. }) if index == 0 => {
                let order = stand_ins.order(json!(placed.order));
                let _ = writeln!(text, "given:");
                for (key, value) in &order {
                    let _ = writeln!(text, "  {key}: {}", flow(key, value, &frame));
                }
                happened.push(event_line(entry, &Map::new(), &frame));
            }
            Some(event) => happened.push(event_line(entry, &stand_ins.data(&event), &frame)),
            None => {
                happened.extend(heard(entry, &frame).map_or_else(|| absence(entry, timeline, &frame), |it| vec![it]))
            }
        }
    }
    let _ = writeln!(text, "tests:\n  - test: As it went");
    let elsewhere = told_elsewhere(timeline, rules, &frame);
    if !elsewhere.is_empty() {
        let _ = writeln!(text, "    told_elsewhere: {{ {} }}", elsewhere.join(", "));
    }
    let _ = writeln!(text, "    events:");
    happened.sort_by_key(|(at, rank, _)| (*at, *rank));
    // several messages may have waited for the same providers
    happened.dedup();
    for (_, _, line) in &happened {
        let _ = writeln!(text, "      - {line}");
    }
    if let Some(until) = timeline.entries.last().map(|last| whole(last.at)) {
        let _ = writeln!(text, "    until: {}", frame.spell(until));
    }
    let _ = writeln!(text, "    expect:");
    for line in &decisions {
        let _ = writeln!(text, "      - {}", line.yaml(&frame));
    }
    text
}

/// When it is learnt, its rank among what is learnt at once, and its line.
type Happened = (Timestamp, u8, String);

fn event_line(entry: &Entry, data: &Map<String, Value>, frame: &Frame) -> Happened {
    let Cause::Event { event_type, time, .. } = &entry.cause else { return (entry.at, 1, String::new()) };
    let mut line = format!("{{ at: {}", frame.spell(whole(entry.at)));
    if whole(*time) != whole(entry.at) {
        let _ = write!(line, ", happened: {}", frame.spell(whole(*time)));
    }
    let _ = write!(line, ", event: {event_type}");
    for (key, value) in data {
        let _ = write!(line, ", {key}: {}", flow(key, value, frame));
    }
    (whole(entry.at), 1, line + " }")
}

/// What was heard of a message.
fn heard(entry: &Entry, frame: &Frame) -> Option<Happened> {
    let Cause::Receipt { receipt, .. } = &entry.cause else { return None };
    let receipt = if *receipt == Receipt::Accepted { Receipt::Delivered } else { *receipt };
    let of = &entry.decisions.first()?.rule;
    let at = whole(entry.at);
    Some((at, 1, format!("{{ at: {}, receipt: {}, of: {of} }}", frame.spell(at), receipt.as_str())))
}

/// What a second look took back had waited since it was decided: the providers were away.
fn absence(entry: &Entry, timeline: &Timeline, frame: &Frame) -> Vec<Happened> {
    let Cause::Attempt { notification } = &entry.cause else { return Vec::new() };
    let decided = timeline.notifications.iter().find(|story| story.id == *notification);
    let Some(decided) = decided.map(|story| whole(story.decided_at)) else { return Vec::new() };
    let line = |at: Timestamp, what: &str| format!("{{ at: {}, providers: {what} }}", frame.spell(at));
    // a deadline of that moment must find them away already
    let away = decided.plus(-Duration::seconds(1));
    let back = whole(entry.at);
    vec![(away, 0, line(away, "away")), (back, 2, line(back, "back"))]
}

fn decisions(timeline: &Timeline, frame: &Frame, stand_ins: &StandIns) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut before = frame.start;
    for entry in &timeline.entries {
        // a deadline falls due when it is due; that it was looked at a little later is no matter
        let (at, withdrawn) = match &entry.cause {
            Cause::Timer { due: at, .. } | Cause::Deferral { until: at, .. } => ((*at).max(before), None),
            Cause::Attempt { notification } => {
                let story = timeline.notifications.iter().find(|story| story.id == *notification);
                (entry.at, story.map(|story| story.channel))
            }
            Cause::Event { .. } | Cause::Receipt { .. } => (entry.at, None),
        };
        before = before.max(at);
        for decision in &entry.decisions {
            let mut line = Line::of(decision, whole(at), withdrawn);
            line.about = line.about.map(|about| stand_ins.about(&about));
            if let Some(Said::Defer { until, .. }) = &mut line.verdict {
                *until = whole(*until);
            }
            if !lines.last_mut().is_some_and(|last| last.fold(&line)) {
                lines.push(line);
            }
        }
    }
    lines
}

/// What decisions say of the customers' other orders, for each of them: on such a day they had spent the
/// budget by then.
fn told_elsewhere(timeline: &Timeline, rules: &RuleSet, frame: &Frame) -> Vec<String> {
    let of_party = |to: Party| {
        let zone = zone::of_party(to, &timeline.journey.order, &rules.shop);
        let waited = |decision: &Decision| {
            let (Verdict::Defer { reason, .. } | Verdict::Suppress { reason, .. }) = &decision.verdict else {
                return false;
            };
            *reason == Reason::CustomerBudgetSpent && rules.get(&decision.rule).is_none_or(|rule| rule.to == to)
        };
        let mut entries: Vec<&Entry> =
            timeline.entries.iter().filter(|entry| entry.decisions.iter().any(waited)).collect();
        entries.dedup_by_key(|entry| entry.at.day_in(zone));
        let often = usize::try_from(rules.shop.budget.per_customer_day).unwrap_or(usize::MAX);
        let moments = entries.iter().flat_map(|entry| std::iter::repeat_n(frame.spell(whole(entry.at)), often));
        let moments: Vec<String> = moments.collect();
        (!moments.is_empty()).then(|| format!("{}: [{}]", to.as_str(), moments.join(", ")))
    };
    [Party::Buyer, Party::Recipient].into_iter().filter_map(of_party).collect()
}

/// In what the shop differs from the one of tests, as far as it bears on decisions.
fn differences(shop: &Shop) -> String {
    let (Value::Object(own), Value::Object(tests)) = (json!(shop), json!(sample::shop())) else { return String::new() };
    let mut lines = Vec::new();
    for (key, value) in own {
        let told = match key.as_str() {
            "providers" => {
                let Value::Object(all) = &value else { continue };
                let away: Vec<_> =
                    all.iter().filter(|(_, it)| it.is_null()).map(|(key, _)| format!("{key}: null")).collect();
                if away.is_empty() { continue } else { format!("{{ {} }}", away.join(", ")) }
            }
            "name" | "sender" | "contact" | "brand" | "legal" | "packaging" => continue,
            _ if tests.get(&key) == Some(&value) => continue,
            _ => value.to_string(),
        };
        lines.push(format!("  {key}: {told}\n"));
    }
    if lines.is_empty() { String::new() } else { format!("shop:\n{}", lines.concat()) }
}

/// A value on one line; moments are counted from the start.
fn flow(key: &str, value: &Value, frame: &Frame) -> String {
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let parts: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {}", flow(key, value, frame))).collect();
            format!("{{ {} }}", parts.join(", "))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(|one| flow("", one, frame)).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => match Timestamp::parse(text) {
            Ok(at) if ["earliest", "latest", "until"].contains(&key) => frame.spell(whole(at)),
            _ => plain(text),
        },
        other => other.to_string(),
    }
}

/// To the second before.
fn whole(at: Timestamp) -> Timestamp {
    at.plus(-Duration::milliseconds(at.millis().rem_euclid(1_000)))
}
