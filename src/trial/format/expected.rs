//! What a test expects: decisions, and what messages say.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::reader::Reader;
use super::{Content, Expected, Placed, Whole};
use crate::domain::decision::Reason;
use crate::domain::order::Channel;
use crate::domain::rule::RuleSet;
use crate::domain::written::yaml::Yaml;
use crate::trial::keys;
use crate::trial::line::{Line, Said};
use crate::trial::moment::Frame;

impl Reader<'_> {
    pub fn expected(
        &mut self,
        key: &Spanned<String>,
        value: &Spanned<Yaml>,
        in_braces: bool,
        frame: &Frame,
        rules: &RuleSet,
    ) -> Expected {
        let partly = key.value == "expect_partly";
        let list = self.list(value, &key.value);
        let list =
            list.iter().map(|one| Placed { line: line_of(one), decision: self.decision(one, frame, rules, partly) });
        let (line, column) = place_of(key);
        Expected { line, column, in_braces, partly, list: list.collect() }
    }

    fn decision(&mut self, source: &Spanned<Yaml>, frame: &Frame, rules: &RuleSet, partly: bool) -> Line {
        let mut line = Line { at: None, rule: None, about: (!partly).then(String::new), verdict: None };
        let (mut given, mut skipped) = (None, BTreeMap::new());
        let mut verdicts = 0;
        for (key, value) in self.fields(source, "a decision", keys::EXPECTED) {
            match key.value.as_str() {
                "at" => line.at = self.moment(value, "at", frame),
                "rule" => line.rule = self.rule(value, rules),
                "about" => line.about = self.text(value, "about"),
                "because" => given = self.reason(value, "because"),
                "skipped" => {
                    for (channel, why) in self.mapping(value, "skipped") {
                        let place =
                            Spanned::new(Yaml::Text(channel.value.clone()), channel.referenced, channel.defined);
                        let channel = self.channel(&place, "skipped");
                        skipped.extend(channel.zip(self.reason(why, "skipped")));
                    }
                }
                "send" => {
                    let channels = self.channels(value, "send");
                    line.verdict = Some(Said::Send { channels, skipped: BTreeMap::new() });
                    verdicts += 1;
                }
                "withdraw" => {
                    let channels = self.channels(value, "withdraw");
                    line.verdict = Some(Said::Withdraw { channels, because: Reason::NoLongerTrue });
                    verdicts += 1;
                }
                "defer" => {
                    let until = self.moment(value, "defer", frame);
                    line.verdict = until.map(|until| Said::Defer { until, because: Reason::AwaitingDeadline });
                    verdicts += 1;
                }
                _ => {
                    let reason = self.reason(value, "suppress");
                    line.verdict = reason.map(|reason| Said::Suppress { reason, skipped: BTreeMap::new() });
                    verdicts += 1;
                }
            }
        }
        match &mut line.verdict {
            Some(Said::Send { skipped: all, .. } | Said::Suppress { skipped: all, .. }) => *all = skipped,
            Some(Said::Defer { because, .. } | Said::Withdraw { because, .. }) => *because = given.unwrap_or(*because),
            None => {}
        }
        if verdicts > 1 || (verdicts == 0 && !partly) {
            self.fault(source.referenced, "a decision is one of 'send', 'defer', 'suppress' and 'withdraw'");
        }
        if !partly && (line.at.is_none() || line.rule.is_none()) {
            self.fault(
                source.referenced,
                "an expected decision says 'at' and 'rule'; 'expect_partly' may leave them out",
            );
        }
        line
    }

    pub fn contents(&mut self, value: &Spanned<Yaml>, frame: &Frame, rules: &RuleSet) -> Vec<Content> {
        let list = self.list(value, "content");
        list.iter().filter_map(|one| self.content(one, frame, rules)).collect()
    }

    fn content(&mut self, source: &Spanned<Yaml>, frame: &Frame, rules: &RuleSet) -> Option<Content> {
        let fields = self.fields(source, "what a message says", keys::CONTENT);
        let field = |name: &str| fields.iter().find(|(key, _)| key.value == name).map(|(_, value)| *value);
        let (Some(rule), Some(channel)) = (field("rule"), field("channel")) else {
            self.fault(source.referenced, "what a message says needs its 'rule' and its 'channel'");
            return None;
        };
        let in_braces = self.in_braces(source);
        let mut whole = |name: &str| {
            let (key, value) = fields.iter().find(|(key, _)| key.value == name)?;
            let text = if matches!(value.value, Yaml::Null) { None } else { Some(self.text(value, name)?) };
            let (line, column) = place_of(key);
            Some(Whole { line, column, in_braces, text })
        };
        let (subject, text) = (whole("subject"), whole("text"));
        Some(Content {
            line: line_of(source),
            rule: self.rule(rule, rules)?,
            channel: self.channel(channel, "channel")?,
            at: field("at").and_then(|value| self.moment(value, "at", frame)),
            about: field("about").and_then(|value| self.text(value, "about")),
            contains: field("contains").map_or_else(Vec::new, |value| self.texts(value, "contains")),
            lacks: field("lacks").map_or_else(Vec::new, |value| self.texts(value, "lacks")),
            subject,
            text,
        })
    }

    fn rule(&mut self, value: &Spanned<Yaml>, rules: &RuleSet) -> Option<String> {
        let known: Vec<(&str, &str)> = rules.iter().map(|rule| (rule.name.as_str(), rule.name.as_str())).collect();
        self.one_of(value, "rule", &known).map(str::to_owned)
    }

    fn channels(&mut self, value: &Spanned<Yaml>, key: &str) -> Vec<Channel> {
        match &value.value {
            Yaml::List(list) => list.iter().filter_map(|one| self.channel(one, key)).collect(),
            _ => self.channel(value, key).into_iter().collect(),
        }
    }

    fn channel(&mut self, value: &Spanned<Yaml>, key: &str) -> Option<Channel> {
        self.one_of(value, key, &Channel::ALL.map(|channel| (channel.as_str(), channel)))
    }

    fn reason(&mut self, value: &Spanned<Yaml>, key: &str) -> Option<Reason> {
        self.one_of(value, key, &Reason::ALL.map(|reason| (reason.as_str(), reason)))
    }
}

fn line_of(it: &Spanned<Yaml>) -> usize {
    place_of(it).0
}

/// Its line and its column, counted from 1.
fn place_of<T>(it: &Spanned<T>) -> (usize, usize) {
    let number = |number: u64| usize::try_from(number).unwrap_or(1);
    (number(it.referenced.line()), number(it.referenced.column()))
}
