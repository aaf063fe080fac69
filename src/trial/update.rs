//! Takes the actual for the expected, in the text of a test file: nothing else in it changes, and
//! what is as expected stays as it was written.

use std::ops::Range;

use super::compare::{Change, Verdict, message_of, shown, words};
use super::format::{Expected, Suite, Whole};
use crate::domain::fault::Fault;

/// Lines that come in the place of others; counted from 0, the end left out.
struct Edit {
    from: usize,
    to: usize,
    lines: Vec<String>,
}

/// A value that stands within braces: its place in a line, and what comes there.
struct Patch {
    line: usize,
    range: Range<usize>,
    value: String,
}

/// What is to be changed in a text, and what cannot be.
#[derive(Default)]
struct Changes {
    edits: Vec<Edit>,
    patches: Vec<Patch>,
    faults: Vec<Fault>,
}

/// The text of `suite`, with what its tests came to, and every place where that cannot be written.
pub fn update(text: &str, suite: &Suite, verdicts: &[Verdict<'_>]) -> (String, Vec<Fault>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut changes = Changes::default();
    for verdict in verdicts {
        changes.add(&lines, suite, verdict);
    }
    let Changes { mut edits, mut patches, faults } = changes;
    let mut updated: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    // from the end, so that the places before stay where they are
    patches.sort_by_key(|patch| std::cmp::Reverse((patch.line, patch.range.start)));
    for Patch { line, range, value } in patches {
        updated[line].replace_range(range, &value);
    }
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.from));
    for edit in edits {
        updated.splice(edit.from..edit.to, edit.lines);
    }
    (updated.join("\n") + "\n", faults)
}

impl Changes {
    fn add(&mut self, lines: &[&str], suite: &Suite, verdict: &Verdict<'_>) {
        let expected = verdict.trial.expected.as_ref().filter(|it| !it.partly);
        let differs = verdict.diff.iter().any(|change| !matches!(change, Change::Same(..)));
        match expected.filter(|_| differs) {
            Some(it) if it.in_braces => self.refuse(suite, "expect", it.line, it.column),
            Some(it) => self.edits.push(decisions(lines, suite, verdict, it)),
            None => {}
        }
        for told in &verdict.trial.contents {
            let Some(written) = message_of(told, &verdict.run) else { continue };
            let (subject, text) = words(&written.content);
            for (key, whole, actual) in [("subject", &told.subject, subject), ("text", &told.text, Some(text))] {
                let (Some(whole), Some(actual)) = (whole, actual) else { continue };
                if whole.text.as_deref().map(str::trim) == Some(actual.trim()) {
                    continue;
                }
                if !whole.in_braces {
                    self.edits.extend(content(lines, whole, key, actual.trim()));
                } else if let Some(patch) = in_braces(lines, whole, key, actual.trim()) {
                    self.patches.push(patch);
                } else {
                    self.refuse(suite, key, whole.line, whole.column);
                }
            }
        }
    }

    fn refuse(&mut self, suite: &Suite, key: &str, line: usize, column: usize) {
        let what = format!("'{key}' stands within braces, where --update cannot write it");
        let fault = Fault::new(&*suite.file, what).at(line, column);
        self.faults.push(fault.suggest(format!("write '{key}:' on a line of its own, outside of braces")));
    }
}

fn decisions(lines: &[&str], suite: &Suite, verdict: &Verdict<'_>, expected: &Expected) -> Edit {
    let frame = &verdict.trial.frame;
    let (from, indent) = (expected.line - 1, expected.column - 1);
    let end = block_end(lines, from, indent);
    let margin = " ".repeat(indent);
    // where each expectation begins, with the comments above it
    let begins: Vec<usize> = expected.list.iter().map(|one| with_comments(lines, one.line - 1, from + 1)).collect();
    let on_lines = begins.windows(2).all(|pair| pair[0] < pair[1]) && begins.first().is_none_or(|first| *first > from);
    let as_written = |index: usize| {
        let chunk = lines[begins[index]..begins.get(index + 1).copied().unwrap_or(end)].iter();
        chunk.map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    let shown = shown(suite, verdict.trial, &verdict.run);
    let list: Vec<String> = verdict
        .diff
        .iter()
        .flat_map(|change| match change {
            Change::Missing(_) => Vec::new(),
            Change::Same(index, _) if on_lines => as_written(*index),
            Change::Same(_, at) | Change::Surplus(at) => vec![format!("{margin}  - {}", shown[*at].1.yaml(frame))],
        })
        .collect();
    let mut replaced = vec![format!("{margin}expect:{}", if list.is_empty() { " []" } else { "" })];
    // the key may share its line with the dash of its test
    replaced[0].replace_range(..indent, &lines[from][..indent]);
    replaced.extend(list);
    Edit { from, to: end, lines: replaced }
}

/// A whole text, in a block of its own if it has several lines.
fn content(lines: &[&str], whole: &Whole, key: &str, actual: &str) -> Option<Edit> {
    let from = whole.line - 1;
    let head = head(lines, whole)?;
    let indent = head.len();
    let mut replaced = Vec::new();
    if actual.contains('\n') {
        replaced.push(format!("{head}{key}: |-"));
        let margin = " ".repeat(indent + 2);
        replaced.extend(actual.lines().map(|line| format!("{margin}{line}").trim_end().to_owned()));
    } else {
        replaced.push(format!("{head}{key}: {}", serde_json::Value::from(actual)));
    }
    Some(Edit { from, to: block_end(lines, from, indent), lines: replaced })
}

/// A whole text within braces, where its value ends on the line of its key.
fn in_braces(lines: &[&str], whole: &Whole, key: &str, actual: &str) -> Option<Patch> {
    let line = whole.line - 1;
    let rest = &lines[line][head(lines, whole)?.len()..];
    let after_key = rest.strip_prefix(key)?.trim_start().strip_prefix(':')?;
    let written = after_key.trim_start();
    let length = match written.chars().next()? {
        quote @ ('"' | '\'') => quoted(written, quote)?,
        // an anchor, a tag or an alias
        '&' | '!' | '*' => return None,
        _ => written.find([',', '}']).filter(|end| !written[..*end].contains(" #"))?,
    };
    let left = written[length..].trim_start();
    let begin = lines[line].len() - after_key.len();
    let range = begin..lines[line].len() - left.len();
    let value = format!(" {}{}", serde_json::Value::from(actual), if left.starts_with('}') { " " } else { "" });
    left.starts_with([',', '}']).then_some(Patch { line, range, value })
}

/// How long the text in quotes is, with them; none if it goes on in the next line.
fn quoted(written: &str, quote: char) -> Option<usize> {
    let mut letters = written.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let is_doubled = quote == '\'' && letters.peek().is_some_and(|(_, next)| *next == quote);
        if (quote == '"' && letter == '\\') || (letter == quote && is_doubled) {
            letters.next();
        } else if letter == quote {
            return Some(at + 1);
        }
    }
    None
}

/// What stands before the key on its line.
fn head<'l>(lines: &[&'l str], whole: &Whole) -> Option<&'l str> {
    let line = lines.get(whole.line - 1)?;
    let end = line.char_indices().nth(whole.column - 1).map(|(at, _)| at)?;
    Some(&line[..end])
}

/// The first line after the value of the key at `from`, which stands at `indent`.
fn block_end(lines: &[&str], from: usize, indent: usize) -> usize {
    let is_within = |line: &&&str| {
        let content = line.trim_start();
        let depth = line.len() - content.len();
        content.is_empty() || depth > indent || (depth == indent && content.starts_with("- "))
    };
    let mut end = from + 1 + lines[from + 1..].iter().take_while(is_within).count();
    // what stands above the next key belongs to it
    while end > from + 1 && is_comment(lines[end - 1]) {
        end -= 1;
    }
    end
}

fn with_comments(lines: &[&str], line: usize, least: usize) -> usize {
    (least..line).rev().take_while(|above| is_comment(lines[*above])).last().unwrap_or(line)
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}
