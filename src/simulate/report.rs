//! The result of a simulation, and how it is told.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::difference::{Difference, Differing, JourneyDifference, Kind};
use super::storms::Storm;
use super::tally::{Events, RuleTally, Sending};
use crate::domain::decision::Reason;
use crate::domain::order::Channel;
use crate::domain::time::Timestamp;

/// The result of a simulation.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When the first event was recorded.
    pub from: Option<Timestamp>,
    /// The virtual time at the end.
    pub to: Option<Timestamp>,
    pub orders: u64,
    #[serde(flatten)]
    pub rules: RuleSetReport,
    /// The other rule set, if there were two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<RuleSetReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// What one rule set came to.
#[derive(Debug, Serialize)]
pub struct RuleSetReport {
    pub events: Events,
    /// Those that sent most come first; those that never spoke are there too.
    pub rules: Vec<RuleTally>,
    /// Rules that the storm guard would have held, in the order in which it began to.
    pub storms: Vec<Storm>,
    /// The first messages, one by one.
    pub sendings: Vec<Sending>,
}

impl RuleSetReport {
    /// All messages that would have been sent.
    pub fn sent(&self) -> u64 {
        self.rules.iter().map(|rule| rule.sent).sum()
    }

    fn reasons(&self) -> BTreeMap<Reason, u64> {
        let mut reasons = BTreeMap::new();
        for (reason, count) in self.rules.iter().flat_map(|rule| &rule.not_sent) {
            *reasons.entry(*reason).or_default() += count;
        }
        reasons
    }
}

/// The report as people read it, with at most `most` messages or differing journeys one by one.
pub fn text(report: &Report, most: usize) -> String {
    let mut text = String::new();
    let (Some(from), Some(to)) = (report.from, report.to) else {
        return "no event to simulate\n".to_owned() + &refused(&report.rules.events);
    };
    let all = &report.rules;
    let _ = writeln!(
        text,
        "{} to {} (UTC): {} events, {} orders, {} messages; nothing was sent\n",
        minute(from),
        minute(to),
        grouped(all.events.read),
        grouped(report.orders),
        grouped(all.sent())
    );
    rules(&mut text, &all.rules);
    storms(&mut text, report);
    reasons(&mut text, all);
    events(&mut text, &all.events);
    if let (Some(difference), Some(against)) = (&report.difference, &report.against) {
        differences(&mut text, difference, all, against, most);
    } else if !all.sendings.is_empty() && most > 0 {
        let _ = writeln!(text, "\nthe first messages");
        for sending in all.sendings.iter().take(most) {
            let _ = writeln!(text, "  {}  {}/{}  {}", minute(sending.at), sending.shop, sending.order, brief(sending));
        }
    }
    text
}

fn rules(text: &mut String, rules: &[RuleTally]) {
    let mut table = Table::new(["rule", "message", "sent", "email", "sms", "webhook", "deferred", "busiest day"]);
    for rule in rules {
        let of = |channel: Channel| count(rule.by_channel.get(&channel).copied());
        let busiest = rule.by_day.iter().max_by_key(|(_, sent)| **sent);
        table.row([
            rule.rule.clone(),
            rule.message.clone(),
            count(Some(rule.sent)),
            of(Channel::Email),
            of(Channel::Sms),
            of(Channel::Webhook),
            count(rule.deferred.values().copied().reduce(|a, b| a + b)),
            busiest.map_or_else(String::new, |(day, sent)| format!("{day}: {}", grouped(*sent))),
        ]);
    }
    text.push_str(&table.finish());
}

fn storms(text: &mut String, report: &Report) {
    let compares = report.against.is_some();
    let mut table = Table::new(["held as a storm", "shop", "from", "to", "held", "busiest hour", "usual enough"]);
    for (side, set) in [("A", Some(&report.rules)), ("B", report.against.as_ref())] {
        for storm in set.into_iter().flat_map(|set| &set.storms) {
            let rule = if compares { format!("{side}: {}", storm.rule) } else { storm.rule.clone() };
            let [held, busiest, mark] = [storm.held, storm.busiest, storm.mark].map(|number| count(Some(number)));
            table.row([rule, storm.shop.clone(), minute(storm.from), minute(storm.to), held, busiest, mark]);
        }
    }
    if !table.is_empty() {
        let _ = write!(text, "\n{}", table.finish());
    }
}

fn reasons(text: &mut String, all: &RuleSetReport) {
    let mut reasons: Vec<_> = all.reasons().into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut table = Table::new(["not sent, because", "", "times"]);
    for (reason, times) in reasons {
        table.row([reason.as_str().to_owned(), reason.in_words().to_owned(), count(Some(times))]);
    }
    let _ = write!(text, "\n{}", table.finish());
}

fn events(text: &mut String, events: &Events) {
    let mut parts = vec![
        format!("{} applied", grouped(events.applied)),
        format!("{} duplicate", grouped(events.duplicate)),
        format!("{} still wait for their order or shipment", grouped(events.waiting)),
    ];
    for (number, what) in [
        (events.after_the_end, "about orders over for a month or more"),
        (events.no_room, "for which their order had no room"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", grouped(number)));
        }
    }
    let _ = write!(text, "\nevents: {}\n{}", parts.join(", "), refused(events));
}

fn refused(events: &Events) -> String {
    let causes: Vec<String> =
        events.refused.iter().map(|(cause, times)| format!("{} {cause}", grouped(*times))).collect();
    if causes.is_empty() { String::new() } else { format!("refused: {}\n", causes.join(", ")) }
}

fn differences(text: &mut String, difference: &Difference, a: &RuleSetReport, b: &RuleSetReport, most: usize) {
    let _ = writeln!(
        text,
        "\nA against B: {} and {} messages; {} of the orders differ",
        grouped(a.sent()),
        grouped(b.sent()),
        grouped(difference.journeys)
    );
    let heads = ["rule", "A", "B", "same", "only A", "only B", "other time", "other channels", "other message"];
    let mut table = Table::new(heads);
    let sent =
        |rules: &[RuleTally], name: &str| rules.iter().find(|rule| rule.rule == name).map_or(0, |rule| rule.sent);
    for (rule, found) in difference.rules.iter().filter(|(_, found)| !found.is_none()) {
        let numbers =
            [found.same, found.only_a, found.only_b, found.other_time, found.other_channels, found.other_message];
        let [same, only_a, only_b, time, channels, message] = numbers.map(|number| count(Some(number)));
        let (in_a, in_b) = (count(Some(sent(&a.rules, rule))), count(Some(sent(&b.rules, rule))));
        table.row([rule.clone(), in_a, in_b, same, only_a, only_b, time, channels, message]);
    }
    text.push_str(&table.finish());
    for JourneyDifference { shop, order, messages } in difference.examples.iter().take(most) {
        let _ = writeln!(text, "\n{shop}/{order}");
        for message in messages {
            let _ = writeln!(text, "  {}", differing(message));
        }
    }
    let shown = u64::try_from(most.min(difference.examples.len())).unwrap_or(u64::MAX);
    if difference.journeys > shown {
        let _ = writeln!(text, "\nand {} orders more", grouped(difference.journeys - shown));
    }
}

fn differing(message: &Differing) -> String {
    let moment = |sending: &Option<Sending>| sending.as_ref().map_or_else(String::new, |sent| minute(sent.at));
    let channels = |sending: &Option<Sending>| sending.as_ref().map_or_else(String::new, |sent| joined(&sent.channels));
    let words = |sending: &Option<Sending>| sending.as_ref().map_or_else(String::new, |sent| sent.message.clone());
    let (a, b) = (&message.a, &message.b);
    let what = a.as_ref().or(b.as_ref()).map_or_else(String::new, brief);
    match message.kind {
        Kind::OnlyA => format!("{}  only A: {what}", moment(a)),
        Kind::OnlyB => format!("{}  only B: {what}", moment(b)),
        Kind::OtherTime => format!("{}  in B at {}: {what}", moment(a), moment(b)),
        Kind::OtherChannels => format!("{}  in B by {}: {what}", moment(a), channels(b)),
        Kind::OtherMessage => format!("{}  in B as {}: {what}", moment(a), words(b)),
    }
}

fn brief(sending: &Sending) -> String {
    let about = match &sending.about {
        crate::domain::journey::Subject::Order => String::new(),
        other => format!(" [{other}]"),
    };
    format!("{}{about} by {} ({})", sending.rule, joined(&sending.channels), sending.because)
}

fn joined(channels: &[Channel]) -> String {
    channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join("+")
}

fn minute(at: Timestamp) -> String {
    at.0.format("%Y-%m-%d %H:%M").to_string()
}

/// Nothing for none.
fn count(number: Option<u64>) -> String {
    number.filter(|number| *number > 0).map_or_else(|| "·".to_owned(), grouped)
}

/// In groups of three figures.
fn grouped(number: u64) -> String {
    let figures = number.to_string();
    let mut text = String::new();
    for (index, figure) in figures.chars().enumerate() {
        if index > 0 && (figures.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(figure);
    }
    text
}

/// Columns under heads: texts to the left, numbers to the right.
struct Table<const N: usize>(Vec<[String; N]>);

impl<const N: usize> Table<N> {
    fn new(heads: [&str; N]) -> Self {
        Self(vec![heads.map(str::to_owned)])
    }

    /// It has heads alone.
    fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    fn row(&mut self, cells: [String; N]) {
        self.0.push(cells);
    }

    fn finish(self) -> String {
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        let is_number =
            |text: &str| text == "·" || text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(':');
        let right: [bool; N] =
            std::array::from_fn(|column| self.0.len() > 1 && self.0[1..].iter().all(|row| is_number(&row[column])));
        let mut text = String::new();
        for row in &self.0 {
            let cells = row.iter().zip(widths).zip(right).map(|((cell, width), right)| {
                let pad = " ".repeat(width - cell.chars().count());
                if right { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}
