//! Takes the actual for the expected, in the text of a test file: nothing else in it changes, and
//! what is as expected stays as it was written.

use super::compare::{Change, Verdict, message_of, shown, words};
use super::format::{Expected, Suite};

/// Lines that come in the place of others; counted from 0, the end left out.
struct Edit {
    from: usize,
    to: usize,
    lines: Vec<String>,
}

/// The text of `suite`, with what its tests came to.
pub fn update(text: &str, suite: &Suite, verdicts: &[Verdict<'_>]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut edits: Vec<Edit> = verdicts.iter().flat_map(|verdict| edits(&lines, suite, verdict)).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.from));
    let mut updated: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    for edit in edits {
        updated.splice(edit.from..edit.to, edit.lines);
    }
    updated.join("\n") + "\n"
}

fn edits(lines: &[&str], suite: &Suite, verdict: &Verdict<'_>) -> Vec<Edit> {
    let expected = verdict.trial.expected.as_ref().filter(|it| !it.partly);
    let differs = verdict.diff.iter().any(|change| !matches!(change, Change::Same(..)));
    let mut edits: Vec<Edit> =
        expected.filter(|_| differs).map(|it| decisions(lines, suite, verdict, it)).into_iter().collect();
    for told in &verdict.trial.contents {
        let Some(written) = message_of(told, &verdict.run) else { continue };
        let (subject, text) = words(&written.content);
        for (key, whole, actual) in [("subject", &told.subject, subject), ("text", &told.text, Some(text))] {
            let (Some(whole), Some(actual)) = (whole, actual) else { continue };
            if whole.text.as_deref().map(str::trim) != Some(actual.trim()) {
                edits.extend(content(lines, whole.line - 1, key, actual.trim()));
            }
        }
    }
    edits
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

/// A whole text, in a block of its own if it has several lines. What stands within braces cannot
/// be edited line by line.
fn content(lines: &[&str], from: usize, key: &str, actual: &str) -> Option<Edit> {
    let line = lines.get(from)?;
    let indent = line.find(&format!("{key}:")).filter(|at| !line[..*at].contains('{'))?;
    let head = &line[..indent];
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
