//! What tests came to, in words.

use std::fmt::Write;

use serde_json::json;

use super::compare::{Change, Verdict, shown};
use super::coverage::{Coverage, Share};
use super::format::Suite;
use crate::domain::condition::trace::{Finding, Form, Trace};
use crate::domain::reasons::Reasons;

/// How a report is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// With the colours of a terminal.
    pub colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }
    pub fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }
}

/// One test: a line if it passed, else what differs and why.
pub fn verdict(suite: &Suite, verdict: &Verdict<'_>, style: Style) -> String {
    let trial = verdict.trial;
    if verdict.passed() {
        return format!("{} {}\n", style.good("ok  "), trial.name);
    }
    let place = format!("{}:{}", suite.file, trial.line);
    let mut text = format!("{} {}  {}\n", style.bad("FAIL"), style.strong(&trial.name), style.faint(&place));
    if let Some(broken) = &verdict.run.broken {
        let _ = writeln!(text, "  it could not go on: {broken}");
    }
    text.push_str(&difference(suite, verdict, style));
    for (line, what) in &verdict.wrong_contents {
        let _ = writeln!(text, "  {} {what}", style.faint(&format!("{}:{line}:", suite.file)));
    }
    text
}

/// The decisions side by side, then why those that differ came to what they came to.
fn difference(suite: &Suite, verdict: &Verdict<'_>, style: Style) -> String {
    let trial = verdict.trial;
    let Some(expected) = &trial.expected else { return String::new() };
    if verdict.diff.iter().all(|change| matches!(change, Change::Same(..))) {
        return String::new();
    }
    let shown = shown(suite, trial, &verdict.run);
    let mut text = format!("  decisions, {} and {}:\n", style.bad("- expected"), style.good("+ actual"));
    let mut why = String::new();
    for change in &verdict.diff {
        match change {
            Change::Same(_, at) => {
                let _ = writeln!(text, "{}", style.faint(&format!("      {}", shown[*at].1.yaml(&trial.frame))));
            }
            Change::Missing(at) => {
                let one = &expected.list[*at];
                let line = format!("    - {}", one.decision.yaml(&trial.frame));
                let _ =
                    writeln!(text, "{}  {}", style.bad(&line), style.faint(&format!("{}:{}", suite.file, one.line)));
                let answered = shown
                    .iter()
                    .any(|(_, actual)| (&actual.at, &actual.rule) == (&one.decision.at, &one.decision.rule));
                if let (Some(at), Some(rule), false) = (one.decision.at, &one.decision.rule, answered) {
                    let _ = writeln!(why, "  {rule} at {}: nothing set it going then", trial.frame.spell(at));
                }
            }
            Change::Surplus(at) => {
                let (decided, line) = &shown[*at];
                let _ = writeln!(text, "{}", style.good(&format!("    + {}", line.yaml(&trial.frame))));
                if let Some(reasons) = &decided.reasons {
                    let rule = &decided.decision.rule;
                    let _ = writeln!(why, "  {} at {}", style.strong(rule.as_str()), trial.frame.spell(decided.at));
                    why.push_str(&conditions(reasons, "    ", style));
                }
            }
        }
    }
    text + &why
}

/// Each condition with the value of every part.
pub fn conditions(reasons: &Reasons, margin: &str, style: Style) -> String {
    let mut text = String::new();
    for (key, trace) in reasons.iter().filter(|(_, trace)| trace.finding != Finding::NOT_ASKED) {
        text.push_str(&condition(key, trace, margin, style));
    }
    text
}

/// What a condition came to, and each of its parts.
pub fn condition(name: &str, trace: &Trace, margin: &str, style: Style) -> String {
    let mut text = format!("{margin}{name}: {}\n", finding(&trace.finding, style));
    parts(trace, &format!("{margin}  "), style, &mut text);
    text
}

fn finding(finding: &Finding, style: Style) -> String {
    match finding {
        Finding::Truth(true) => style.good("true"),
        Finding::Truth(false) | Finding::Failed(_) => style.bad(&finding.to_string()),
        Finding::Value(value) => value.clone(),
        Finding::NotAsked(()) => style.faint("not asked"),
    }
}

fn parts(trace: &Trace, margin: &str, style: Style, text: &mut String) {
    let value = finding(&trace.finding, style);
    let inner = format!("{margin}  ");
    match trace.form {
        Form::All | Form::Any => {
            let word = if trace.form == Form::All { "all of" } else { "one of" };
            let _ = writeln!(text, "{margin}{word} → {value}");
        }
        _ => {
            let facts: Vec<String> = trace.facts().iter().map(|(fact, value)| format!("{fact} is {value}")).collect();
            let facts = if facts.is_empty() { String::new() } else { format!("   {}", facts.join(", ")) };
            let _ = writeln!(text, "{margin}{} → {value}{}", trace.text, style.faint(&facts));
        }
    }
    // what joins others is told by them, and so is what was asked of each element
    let asked = trace.finding != Finding::NOT_ASKED;
    let told = match trace.form {
        Form::All | Form::Any | Form::Choice => &trace.parts[..],
        Form::Each => trace.parts.get(1..).unwrap_or_default(),
        Form::Not if matches!(trace.parts[..], [Trace { form: Form::All | Form::Any | Form::Each, .. }]) => {
            &trace.parts[..]
        }
        _ => &[],
    };
    for part in told.iter().filter(|_| asked) {
        parts(part, &inner, style, text);
    }
}

/// What no test has shown, rule by rule.
pub fn coverage(coverage: &Coverage, style: Style) -> String {
    let shares = coverage.shares();
    let name = |share: &Share| match &share.shop {
        Some(shop) => format!("{} ({shop})", share.rule),
        None => share.rule.to_string(),
    };
    let width = shares.iter().map(|share| name(share).len()).max().unwrap_or(0);
    let mut text = String::new();
    for share in &shares {
        let line = format!("  {:width$}  {:>3} of {:<3}", name(share), share.shown, share.of);
        let line = if share.missing.is_empty() { style.good(&line) } else { style.bad(&line) };
        let _ = writeln!(text, "{line}");
        for missing in &share.missing {
            let _ = writeln!(text, "  {:width$}    {missing}", "");
        }
    }
    let _ = writeln!(text, "{}", style.strong(&format!("coverage {:.1} %", coverage.percent())));
    text
}

/// One test as data: every line of the diff, with the conditions behind what was not expected.
pub fn json(suite: &Suite, verdict: &Verdict<'_>) -> serde_json::Value {
    let frame = &verdict.trial.frame;
    let shown = shown(suite, verdict.trial, &verdict.run);
    let expected = verdict.trial.expected.as_ref().map_or(&[][..], |expected| &expected.list);
    let line = |change: &Change| match change {
        Change::Same(_, at) => json!({ "change": "same", "decision": shown[*at].1.yaml(frame) }),
        Change::Missing(at) => {
            let one = &expected[*at];
            json!({ "change": "missing", "decision": one.decision.yaml(frame), "line": one.line })
        }
        Change::Surplus(at) => {
            let (decided, line) = &shown[*at];
            json!({ "change": "surplus", "decision": line.yaml(frame), "conditions": decided.reasons })
        }
    };
    json!({
        "test": verdict.trial.name,
        "line": verdict.trial.line,
        "passed": verdict.passed(),
        "broken": verdict.run.broken,
        "decisions": verdict.diff.iter().map(line).collect::<Vec<_>>(),
        "content": verdict.wrong_contents.iter().map(|(line, what)| json!({ "line": line, "what": what })).collect::<Vec<_>>(),
    })
}
