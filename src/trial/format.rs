//! Test files as people write them: YAML, every fault reported with its place.

mod expected;
mod reader;

use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::bench::Bench;
use super::happening::{self, Happening};
use super::keys;
use super::line::Line;
use super::moment::{Frame, Manner, read_date};
use crate::domain::fault::{Fault, nearest};
use crate::domain::order::Channel;
use crate::domain::rule::{RuleName, RuleSet};
use crate::domain::spending::Elsewhere;
use crate::domain::time::Timestamp;
use crate::domain::written::Written;
use crate::domain::written::yaml::Yaml;
use crate::message::Templates;
use crate::shops::Served;
use reader::Reader;

/// A file of tests.
#[derive(Debug)]
pub struct Suite {
    pub file: String,
    /// Those under test.
    pub rules: Vec<RuleName>,
    pub trials: Vec<Trial>,
}

/// One test.
#[derive(Debug)]
pub struct Trial {
    pub name: String,
    pub line: usize,
    pub frame: Frame,
    /// The configured shop that it is of, if it is of one.
    pub shop: Option<String>,
    /// All rules, for the test's shop.
    pub rules: RuleSet,
    /// What it says, and how.
    pub templates: Arc<Templates>,
    /// The first is `order.placed`.
    pub happenings: Vec<Happening>,
    /// When other orders have told the customers something.
    pub told_elsewhere: Elsewhere,
    pub until: Option<Timestamp>,
    /// Decisions of all rules are expected, not only of those under test.
    pub of_all: bool,
    pub expected: Option<Expected>,
    pub contents: Vec<Content>,
}

/// The decisions that are expected.
#[derive(Debug)]
pub struct Expected {
    /// Where the key stands.
    pub line: usize,
    pub column: usize,
    /// Its test is written in braces, where lines do not count.
    pub in_braces: bool,
    /// Others may be decided too.
    pub partly: bool,
    pub list: Vec<Placed>,
}

/// An expected decision, and its line in the file.
#[derive(Clone, Debug)]
pub struct Placed {
    pub line: usize,
    pub decision: Line,
}

/// What a message is to say.
#[derive(Clone, Debug)]
pub struct Content {
    pub line: usize,
    pub rule: String,
    pub channel: Channel,
    pub at: Option<Timestamp>,
    pub about: Option<String>,
    pub contains: Vec<String>,
    pub lacks: Vec<String>,
    pub subject: Option<Whole>,
    pub text: Option<Whole>,
}

/// A text that is to be just so.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Where the key stands.
    pub line: usize,
    pub column: usize,
    /// What it belongs to is written in braces, where lines do not count.
    pub in_braces: bool,
    /// `None`: still to be filled in.
    pub text: Option<String>,
}

/// What a file says for all its tests, and a test for itself.
#[derive(Clone)]
struct Ground {
    zone: Option<Tz>,
    starts: Option<String>,
    shop: Value,
    named: Option<String>,
    given: Value,
}

/// A Monday morning.
const STARTS: &str = "2026-03-02 09:00";

/// Reads a file of tests; `bench` has the rules and the shops that it names. Its tests are of the shop of
/// that name where they name none.
///
/// # Errors
/// Every fault of the file.
pub fn parse(file: &str, text: &str, shop: Option<&str>, bench: &Bench) -> Result<Suite, Vec<Fault>> {
    let written = Written { file, text };
    let source: Spanned<Yaml> =
        serde_saphyr::from_str(text).map_err(|error| vec![written.unreadable("a file of tests", &error)])?;
    let mut reader = Reader { written, faults: Vec::new() };
    let suite = reader.suite(&source, shop, bench);
    if reader.faults.is_empty() { Ok(suite) } else { Err(reader.faults) }
}

impl Reader<'_> {
    fn suite(&mut self, source: &Spanned<Yaml>, shop: Option<&str>, bench: &Bench) -> Suite {
        let fields = self.fields(source, "a file of tests", keys::FILE);
        let named = shop.map(str::to_owned);
        let mut ground = Ground { zone: None, starts: None, shop: Value::Null, named, given: Value::Null };
        let mut rules = Vec::new();
        let mut tests: &[Spanned<Yaml>] = &[];
        for (key, value) in &fields {
            match key.value.as_str() {
                "rules" => rules = self.rules(value, bench),
                "tests" => tests = self.list(value, "tests"),
                _ => self.ground(&mut ground, key, value),
            }
        }
        for key in ["rules", "tests"] {
            if !fields.iter().any(|(known, _)| known.value == key) {
                self.fault(source.referenced, format!("the file has no '{key}'"));
            }
        }
        let trials: Vec<Trial> =
            tests.iter().filter_map(|test| self.trial(test, ground.clone(), &rules, bench)).collect();
        for (index, trial) in trials.iter().enumerate() {
            if trials[..index].iter().any(|other| other.name == trial.name) {
                let fault = Fault::new(self.written.file, format!("there is another test '{}'", trial.name));
                self.faults.push(fault.at(trial.line, 1));
            }
        }
        Suite { file: self.written.file.to_owned(), rules, trials }
    }

    fn rules(&mut self, value: &Spanned<Yaml>, bench: &Bench) -> Vec<RuleName> {
        let names = self.texts(value, "rules");
        for name in &names {
            let known = || bench.names().map(RuleName::as_str);
            if known().all(|rule| rule != name) {
                let fault = self.written.fault(value.referenced, format!("there is no rule '{name}'"));
                let suggestion = nearest(name, known()).map(|known| format!("did you mean '{known}'?"));
                self.faults.push(Fault { suggestion, ..fault });
            }
        }
        names.iter().map(|name| RuleName::from(&**name)).collect()
    }

    /// A key that files and tests have.
    fn ground(&mut self, ground: &mut Ground, key: &Spanned<String>, value: &Spanned<Yaml>) {
        match key.value.as_str() {
            "zone" => {
                let zone = self.text(value, "zone").and_then(|text| text.parse().ok());
                if zone.is_none() {
                    self.fault(value.referenced, "zone: a name of the IANA database is needed, such as Europe/Paris");
                }
                ground.zone = zone;
            }
            "starts" => ground.starts = self.text(value, "starts"),
            "shop" => match &value.value {
                Yaml::Text(name) => (ground.named, ground.shop) = (Some(name.clone()), Value::Null),
                other => happening::lay(reader::json(other), &mut ground.shop),
            },
            "given" => happening::lay(reader::json(&value.value), &mut ground.given),
            _ => {}
        }
    }

    /// The buyer is meant, if nobody is named.
    fn elsewhere(&mut self, it: &Spanned<Yaml>, frame: &Frame) -> Elsewhere {
        const KEY: &str = "told_elsewhere";
        let mut elsewhere = Elsewhere::default();
        if !matches!(it.value, Yaml::Mapping(_)) {
            elsewhere.buyer = self.moments(it, KEY, frame);
        } else {
            for (key, value) in self.fields(it, KEY, keys::ELSEWHERE) {
                let moments = self.moments(value, KEY, frame);
                *(if key.value == "buyer" { &mut elsewhere.buyer } else { &mut elsewhere.recipient }) = moments;
            }
        }
        elsewhere
    }

    fn trial(
        &mut self,
        source: &Spanned<Yaml>,
        mut ground: Ground,
        under_test: &[RuleName],
        bench: &Bench,
    ) -> Option<Trial> {
        let before = self.faults.len();
        let fields = self.fields(source, "a test", keys::TEST);
        let field = |name: &str| fields.iter().find(|(key, _)| key.value == name).map(|(_, value)| *value);
        for (key, value) in &fields {
            self.ground(&mut ground, key, value);
        }
        let name = field("test").and_then(|value| self.text(value, "test")).unwrap_or_default();
        if name.is_empty() {
            self.fault(source.referenced, "the test has no name; begin it with 'test: <what it shows>'");
        }
        let Served { rules, templates } = bench
            .shop(ground.named.as_deref(), &ground.shop)
            .map_err(|what| self.fault(source.referenced, what))
            .ok()?;
        let zone = ground.zone.unwrap_or(rules.shop.time_zone);
        let starts = ground.starts.as_deref().unwrap_or(STARTS);
        let Some(start) = read_date(starts, zone) else {
            self.fault(source.referenced, format!("starts: '{starts}' is no date and time; write it as {STARTS}"));
            return None;
        };
        let mut frame = Frame { start, zone, manner: Manner::Relative };
        let listed = field("events").map_or(&[][..], |value| self.list(value, "events"));
        if let Some(Yaml::Text(at)) = listed.first().and_then(|first| reader::get(first, "at")) {
            frame.manner = Manner::of(at);
        }
        let happenings = self.happenings(listed, &frame, ground.given, source);
        let told_elsewhere = field("told_elsewhere").map(|it| self.elsewhere(it, &frame)).unwrap_or_default();
        let until = field("until").and_then(|value| self.moment(value, "until", &frame));
        let of_all = field("of").is_some_and(|value| {
            let all = matches!(&value.value, Yaml::Text(text) if text == "all");
            if !all {
                self.fault(value.referenced, "of: 'all' is all that it can be");
            }
            all
        });
        let expected = fields.iter().find(|(key, _)| key.value.starts_with("expect"));
        let in_braces = self.in_braces(source);
        let expected = expected.map(|(key, value)| self.expected(key, value, in_braces, &frame, &rules));
        if let Some(one) = expected.as_ref().filter(|_| !of_all).and_then(|it| {
            it.list.iter().find(|one| {
                one.decision.rule.as_ref().is_some_and(|rule| under_test.iter().all(|known| known.as_str() != rule))
            })
        }) {
            let rule = one.decision.rule.as_deref().unwrap_or_default();
            let fault = Fault::new(self.written.file, format!("'{rule}' is not under test"));
            self.faults.push(fault.at(one.line, 1).suggest("name it in 'rules', or say 'of: all'"));
        }
        let contents = field("content").map_or_else(Vec::new, |value| self.contents(value, &frame, &rules));
        if expected.is_none() && contents.is_empty() {
            self.fault(source.referenced, format!("the test '{name}' expects nothing"));
        }
        let line = usize::try_from(source.referenced.line()).unwrap_or(1);
        (self.faults.len() == before).then_some(Trial {
            name,
            line,
            frame,
            shop: ground.named,
            rules,
            templates,
            happenings,
            told_elsewhere,
            until,
            of_all,
            expected,
            contents,
        })
    }

    fn happenings(
        &mut self,
        listed: &[Spanned<Yaml>],
        frame: &Frame,
        given: Value,
        source: &Spanned<Yaml>,
    ) -> Vec<Happening> {
        let order = match happening::order(given, frame) {
            Ok(order) => order,
            Err((key, what)) => {
                let place = match reader::get(source, "given") {
                    Some(Yaml::Mapping(fields)) => fields.iter().map(|(known, _)| known).find(|it| it.value == key),
                    _ => None,
                };
                self.fault(place.map_or(source.referenced, |key| key.referenced), format!("given: {what}"));
                return Vec::new();
            }
        };
        // the order is placed at the start, unless the test says when it is
        let first = listed.iter().find_map(|one| reader::get(one, "event"));
        let mut happenings = Vec::new();
        if !matches!(first, Some(Yaml::Text(name)) if name == "order.placed") {
            happenings.extend(happening::placed(&order, frame));
        }
        for (index, one) in listed.iter().enumerate() {
            let fields = self.mapping(one, "what happens");
            if fields.is_empty() {
                continue;
            }
            match happening::read(index, reader::json(&one.value), &order, frame) {
                Ok(happening) => happenings.push(happening),
                Err((key, what)) => {
                    let place = fields.iter().find(|(known, _)| known.value == key);
                    let place = place.map_or(one.referenced, |(known, _)| known.referenced);
                    self.fault(place, what);
                }
            }
        }
        if happenings.windows(2).any(|pair| pair[1].at < pair[0].at) {
            self.fault(source.referenced, "events: they must stand in the order of 'at'; 'happened' may lie before it");
        }
        happenings
    }
}
