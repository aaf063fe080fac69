//! What tests came to, as the XML that build servers read: the form of JUnit, of which there is
//! no standard; Jenkins, GitLab and GitHub agree on what is written here.

use std::fmt::Write;

use super::compare::Verdict;
use super::format::Suite;
use super::report::{self, Style};

/// A document in the making.
#[derive(Debug, Default)]
pub struct Document {
    suites: String,
    tests: usize,
    failures: usize,
}

impl Document {
    /// Adds what the tests of a file came to.
    pub fn add(&mut self, suite: &Suite, verdicts: &[Verdict<'_>]) {
        let failed = verdicts.iter().filter(|verdict| !verdict.passed()).count();
        let (file, all) = (escaped(&suite.file), verdicts.len());
        let _ = writeln!(self.suites, r#"  <testsuite name="{file}" tests="{all}" failures="{failed}">"#);
        for verdict in verdicts {
            let head = format!(
                r#"    <testcase classname="{file}" name="{}" file="{file}" line="{}""#,
                escaped(&verdict.trial.name),
                verdict.trial.line
            );
            if verdict.passed() {
                let _ = writeln!(self.suites, "{head}/>");
                continue;
            }
            let told = escaped(&report::verdict(suite, verdict, Style::default()));
            let _ = writeln!(self.suites, "{head}>");
            let _ = writeln!(self.suites, r#"      <failure message="not as expected">{told}</failure>"#);
            let _ = writeln!(self.suites, "    </testcase>");
        }
        let _ = writeln!(self.suites, "  </testsuite>");
        self.tests += all;
        self.failures += failed;
    }

    /// The document as text.
    pub fn xml(&self) -> String {
        let Self { suites, tests, failures } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rules\" tests=\"{tests}\" failures=\"{failures}\">\n{suites}</testsuites>\n"
        )
    }
}

/// What XML cannot hold, such as control characters, is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}
