//! What a test came to, held against what it expects.

use super::format::{Content as Told, Expected, Suite, Trial};
use super::line::Line;
use super::run::{Decided, Run, Written};
use crate::domain::notification::Content;

/// What became of a test.
#[derive(Debug)]
pub struct Verdict<'a> {
    pub trial: &'a Trial,
    pub run: Run,
    /// The decisions side by side; all [`Change::Same`] if they are as expected.
    pub diff: Vec<Change>,
    /// What a message does not say as it should, each with the line of the file.
    pub wrong_contents: Vec<(usize, String)>,
}

/// A line of a diff.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The place of both in their lists.
    Same(usize, usize),
    /// Expected, and not decided.
    Missing(usize),
    /// Decided, and not expected.
    Surplus(usize),
}

impl Verdict<'_> {
    pub fn passed(&self) -> bool {
        self.run.broken.is_none()
            && self.wrong_contents.is_empty()
            && self.diff.iter().all(|change| matches!(change, Change::Same(..)))
    }
}

/// Holds `run` against what `trial` expects.
pub fn compare<'a>(suite: &Suite, trial: &'a Trial, run: Run) -> Verdict<'a> {
    let shown = shown(suite, trial, &run);
    let diff = trial.expected.as_ref().map(|expected| match expected.partly {
        true => partly(expected, &shown),
        false => wholly(expected, &shown),
    });
    let wrong_contents = trial.contents.iter().flat_map(|told| wrong_content(told, &run)).collect();
    Verdict { diff: diff.unwrap_or_default(), wrong_contents, trial, run }
}

/// The decisions that the test is about, in the order in which they were taken.
pub fn shown<'r>(suite: &Suite, trial: &Trial, run: &'r Run) -> Vec<(&'r Decided, Line)> {
    let under_test = |it: &&Decided| trial.of_all || suite.rules.contains(&it.decision.rule);
    let mut shown: Vec<(&Decided, Line)> = Vec::new();
    for decided in run.decided.iter().filter(under_test) {
        let line = Line::of(&decided.decision, decided.at, decided.withdrawn);
        if !shown.last_mut().is_some_and(|(_, last)| last.fold(&line)) {
            shown.push((decided, line));
        }
    }
    shown
}

/// Each expectation finds its decision, one after the other.
fn partly(expected: &Expected, shown: &[(&Decided, Line)]) -> Vec<Change> {
    let mut from = 0;
    let find = |(index, one): (usize, &super::format::Placed)| match shown
        .iter()
        .enumerate()
        .skip(from)
        .find(|(_, (_, actual))| one.decision.fits(actual))
    {
        Some((at, _)) => {
            from = at + 1;
            Change::Same(index, at)
        }
        None => Change::Missing(index),
    };
    expected.list.iter().enumerate().map(find).collect()
}

/// The longest common order, with what stands between.
fn wholly(expected: &Expected, shown: &[(&Decided, Line)]) -> Vec<Change> {
    let same = |i: usize, j: usize| expected.list[i].decision.fits(&shown[j].1);
    let (n, m) = (expected.list.len(), shown.len());
    let mut longest = vec![vec![0_usize; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            longest[i][j] =
                if same(i, j) { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut diff) = (0, 0, Vec::new());
    while i < n || j < m {
        if i < n && j < m && same(i, j) {
            diff.push(Change::Same(i, j));
            (i, j) = (i + 1, j + 1);
        } else if i < n && (j == m || longest[i + 1][j] >= longest[i][j + 1]) {
            diff.push(Change::Missing(i));
            i += 1;
        } else {
            diff.push(Change::Surplus(j));
            j += 1;
        }
    }
    diff
}

/// The message that `told` is about.
pub fn message_of<'r>(told: &Told, run: &'r Run) -> Option<&'r Written> {
    run.written.iter().find(|written| {
        written.notification.rule.as_str() == told.rule
            && written.notification.channel == told.channel
            && told.at.is_none_or(|at| at == written.at)
            && told.about.as_ref().is_none_or(|about| *about == super::line::about(&written.notification.subject))
    })
}

/// The subject and the text of a message.
pub fn words(content: &Content) -> (Option<&str>, &str) {
    match content {
        Content::Email(email) => (Some(&email.subject), &email.text),
        Content::Sms(sms) => (None, &sms.text),
        Content::Webhook(webhook) => (None, &webhook.body),
    }
}

fn wrong_content(told: &Told, run: &Run) -> Vec<(usize, String)> {
    let name = format!("{} by {}", told.rule, told.channel);
    let Some(written) = message_of(told, run) else {
        return vec![(told.line, format!("{name}: no such message was written"))];
    };
    let (subject, text) = words(&written.content);
    let all = format!("{}\n{text}", subject.unwrap_or_default());
    let mut wrong = Vec::new();
    for fragment in told.contains.iter().filter(|fragment| !all.contains(fragment.as_str())) {
        wrong.push((told.line, format!("{name}: '{fragment}' does not appear in it; it says\n{}", indented(&all))));
    }
    for fragment in told.lacks.iter().filter(|fragment| all.contains(fragment.as_str())) {
        wrong.push((told.line, format!("{name}: '{fragment}' appears in it, and must not")));
    }
    for (key, whole, actual) in [("subject", &told.subject, subject), ("text", &told.text, Some(text))] {
        let Some(whole) = whole else { continue };
        let actual = actual.unwrap_or_default().trim();
        match &whole.text {
            None => wrong.push((
                whole.line,
                format!("{name}: '{key}' is still to be filled in: --update does, where it has a line of its own"),
            )),
            Some(expected) if expected.trim() != actual => {
                let lines = differing(expected.trim(), actual);
                wrong.push((whole.line, format!("{name}: '{key}' is another\n{lines}")));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// Two texts, line by line, as far as they differ.
fn differing(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let before = expected.iter().zip(&actual).take_while(|(a, b)| a == b).count();
    let after = expected[before..].iter().rev().zip(actual[before..].iter().rev()).take_while(|(a, b)| a == b).count();
    let minus = expected[before..expected.len() - after].iter().map(|line| format!("    - {line}"));
    let plus = actual[before..actual.len() - after].iter().map(|line| format!("    + {line}"));
    minus.chain(plus).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}
