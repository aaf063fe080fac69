//! Places in what people write as YAML, so that every fault can name one.

pub mod yaml;

use serde_saphyr::Location;

use super::condition::Flaw;
use super::fault::{Fault, Place};

/// A YAML file, by the name under which people open it.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Written<'_> {
    /// Where that is.
    pub fn place(&self, at: Location) -> Place {
        let (line, column) = (usize::try_from(at.line()), usize::try_from(at.column()));
        Place { file: self.file.into(), line: line.unwrap_or(1), column: column.unwrap_or(1) }
    }

    /// A fault of that place.
    pub fn fault(&self, at: Location, what: impl Into<String>) -> Fault {
        self.place(at).fault(what)
    }

    /// Why the file cannot be read as what it should be, in the words of its writer.
    pub fn unreadable(&self, expected: &str, error: &serde_saphyr::Error) -> Fault {
        let told = error.without_snippet().to_string();
        // the place is told in front, and what the reader's options are is not the writer's concern
        let what = told.split(" at line ").next().and_then(|what| what.split(", set ").next()).unwrap_or(&told);
        let what = format!("not {expected}: {what}");
        match error.location() {
            Some(location) => self.fault(location, what),
            None => Fault::new(self.file, what),
        }
    }

    /// The flaw of an expression that begins at `at`. YAML folds lines, drops indents and undoes
    /// escapes, but keeps what is not white space in its order.
    pub fn flaw(&self, at: Location, source: &str, flaw: &Flaw) -> Fault {
        let begin = (usize::try_from(at.line()).unwrap_or(1), usize::try_from(at.column()).unwrap_or(1));
        let first = self.text.lines().nth(begin.0 - 1).unwrap_or("");
        let tail: String = first.chars().skip(begin.1 - 1).collect();
        let lines = std::iter::once(&*tail).chain(self.text.lines().skip(begin.0));
        let mut written = lines.zip(0..).flat_map(|(text, below)| {
            let column = if below == 0 { begin.1 } else { 1 };
            text.chars().enumerate().map(move |(index, c)| (c, (begin.0 + below, column + index)))
        });
        let (before, rest) = source.split_at_checked(flaw.offset).unwrap_or(("", source));
        let wanted = before.chars().chain(rest.chars().find(|c| !c.is_whitespace())).filter(|c| !c.is_whitespace());
        let place = wanted.map_while(|wanted| written.find(|(c, _)| *c == wanted)).last();
        let (line, column) = place.map_or(begin, |(_, place)| place);
        let fault = Fault::new(self.file, flaw.what.clone()).at(line, column);
        Fault { suggestion: flaw.suggestion.clone(), ..fault }
    }
}
