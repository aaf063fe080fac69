//! Expressions in CEL over a foreign payload, compiled when the adapter is read.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::{Context, ExecutionError, Program, Value as Cel};
use chrono::format::{Item, StrftimeItems};
use serde_json::Value;

use super::foreign::{MOST_ELEMENTS, TOO_MANY, plain};
use super::function::{NAMES, language};
use super::table::UNLISTED;
use crate::domain::condition::{Flaw, offset_of};
use crate::domain::fault::nearest;
use crate::envelope::Refusal;

/// An expression, parsed once.
pub struct Expression(Program);

/// Why a payload could not be mapped; no value of it, but for what looks like a code (I9).
#[derive(Debug)]
pub struct Failure {
    pub cause: &'static str,
    /// The field of the event, from the outside in.
    pub at: String,
    pub what: String,
}

impl Failure {
    pub fn new(cause: &'static str, what: impl Into<String>) -> Self {
        Self { cause, at: String::new(), what: what.into() }
    }

    /// Puts the name of what it is within in front.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        let joint = if self.at.is_empty() || self.at.starts_with('[') { "" } else { "." };
        self.at = format!("{name}{joint}{}", self.at);
        self
    }
}

impl Expression {
    /// Reads an expression that may use these names.
    ///
    /// # Errors
    /// Every flaw found.
    pub fn parse(source: &str, names: &[String]) -> Result<Self, Vec<Flaw>> {
        let program = language().compile(source).map_err(|errors| {
            let flaw = |error: &cel::ParseError| {
                let what = format!("not an expression: {}", error.msg);
                let torn = source.matches('(').count() != source.matches(')').count();
                let hint = "within [ ] it ends at its first comma: put it in quotes, or on a line of its own";
                Flaw { offset: offset_of(source, error.pos), what, suggestion: torn.then(|| hint.to_owned()) }
            };
            errors.errors.iter().map(flaw).collect::<Vec<_>>()
        })?;
        let mut walk = Walk { flaws: Vec::new(), names: names.to_vec(), source, program: &program };
        walk.expression(program.expression());
        let flaws = walk.flaws;
        if flaws.is_empty() { Ok(Self(program)) } else { Err(flaws) }
    }

    /// What it comes to, as a scope may hold it.
    ///
    /// # Errors
    /// Why it cannot be evaluated.
    pub fn bare<'e, 'v>(&'e self, scope: &'e Context<'_, 'v>) -> Result<CowVal<'e, 'v>, Failure> {
        Cel::resolve_val(self.0.expression(), scope).map_err(|error| explain(&error))
    }

    /// What it comes to, as JSON: a plain value or a list of them.
    ///
    /// # Errors
    /// Why it cannot be evaluated, or that it is an object.
    pub fn value(&self, scope: &Context<'_, '_>) -> Result<Value, Failure> {
        let value = self.bare(scope)?;
        plain(&*value).ok_or_else(|| {
            let what = format!("is {}; name the field of it that is meant", spell(value.get_type().name()));
            Failure::new("invalid_field", what)
        })
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// Why it cannot be evaluated, or that it is neither true nor false.
    pub fn holds(&self, scope: &Context<'_, '_>) -> Result<bool, Failure> {
        let value = self.bare(scope)?;
        value.downcast_ref::<CelBool>().map(|truth| *truth.inner()).ok_or_else(|| {
            let what = format!("is {} where true or false is needed", spell(value.get_type().name()));
            Failure::new("invalid_field", what)
        })
    }
}

/// CEL's type names, as they read in a sentence.
pub fn spell(kind: &str) -> &str {
    match kind {
        "map" => "an object",
        "list" => "a list",
        "string" => "a text",
        "int" | "uint" | "double" => "a number",
        "bool" => "true or false",
        "null_type" => "missing",
        other => other,
    }
}

/// What looks like a code of a vocabulary, and can hardly be anything of a person.
fn looks_like_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// What went wrong, naming names and types but no values.
fn explain(error: &ExecutionError) -> Failure {
    use ExecutionError as E;
    match error {
        E::FunctionError { function, message } if function.starts_with(UNLISTED) => {
            let table = function.trim_start_matches(UNLISTED);
            if message.is_empty() {
                return Failure::new("missing_field", format!("there is no code to look up in the table '{table}'"));
            }
            let code = if looks_like_code(message) { format!("'{message}'") } else { "this code".to_owned() };
            let what = format!("the table '{table}' does not list {code}; add it, then put the record back");
            Failure::new(Refusal::UNMAPPED_CODE, what)
        }
        E::FunctionError { function, .. } if function == TOO_MANY => {
            Failure::new("too_many", format!("a list has more than {MOST_ELEMENTS} elements"))
        }
        E::FunctionError { function, .. } => Failure::new("invalid_field", format!("'{function}' cannot be applied")),
        E::NoSuchOverload(overload) => {
            let types: Vec<&str> = overload.argument_types().iter().map(|name| spell(name)).collect();
            let what = format!("'{}' cannot be applied to what is {}", overload.function(), types.join(" and "));
            Failure::new("invalid_field", what)
        }
        E::UnexpectedType { .. } => Failure::new("invalid_field", "a value is of another type than is needed"),
        E::IndexOutOfBounds(_) => Failure::new("invalid_field", "a list is shorter than is needed"),
        _ => Failure::new("invalid_field", "the parts of the expression do not fit together"),
    }
}

/// Walks a parsed expression and holds its names against those that are known.
struct Walk<'p> {
    flaws: Vec<Flaw>,
    names: Vec<String>,
    source: &'p str,
    program: &'p Program,
}

impl Walk<'_> {
    fn expression(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Ident(name) => {
                let bound = name.starts_with('@') || self.names.iter().any(|known| known == name);
                if !bound && !["int", "string", "bool", "double", "list", "map"].contains(&name.as_str()) {
                    let known: Vec<String> = self.names.clone();
                    self.unknown(expression.id, name, known.iter().map(String::as_str));
                }
            }
            Expr::Select(select) => {
                if select.test {
                    let hint = "a field that is not there is null: write '… != null'";
                    self.flaw(expression.id, &select.field, "'has' always holds".to_owned(), hint.to_owned());
                }
                self.expression(&select.operand);
            }
            Expr::Call(call) => {
                let called = &call.func_name;
                let named = called.starts_with(|c: char| c.is_ascii_alphabetic());
                if named && !NAMES.contains(&called.as_str()) {
                    self.unknown(expression.id, called, NAMES.into_iter());
                }
                let null = |argument: &IdedExpr| matches!(&argument.expr, Expr::Literal(LiteralValue::Null));
                if ["_==_", "_!=_"].contains(&called.as_str()) && call.args.first().is_some_and(null) {
                    let what = "null stands on the left, where it equals nothing of a payload".to_owned();
                    self.flaw(expression.id, "null", what, "write it on the right".to_owned());
                }
                if called == "moment"
                    && let Some(Expr::Literal(LiteralValue::String(form))) = call.args.get(1).map(|form| &form.expr)
                    && StrftimeItems::new(form.inner()).any(|item| item == Item::Error)
                {
                    let hint = "the letters are those of strftime, such as \"%Y%m%d%H%M%S\"".to_owned();
                    self.flaw(expression.id, form.inner(), "this is no form of a time".to_owned(), hint);
                }
                call.target.iter().for_each(|target| self.expression(target));
                call.args.iter().for_each(|argument| self.expression(argument));
            }
            Expr::Comprehension(comprehension) => {
                self.expression(&comprehension.iter_range);
                self.expression(&comprehension.accu_init);
                let before = self.names.len();
                self.names.push(comprehension.iter_var.clone());
                self.names.extend(comprehension.iter_var2.clone());
                self.names.push(comprehension.accu_var.clone());
                for part in [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result] {
                    self.expression(part);
                }
                self.names.truncate(before);
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.expression(element)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.expression(&entry.key);
                        self.expression(&entry.value);
                    }
                }
            }
            Expr::Struct(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn unknown<'n>(&mut self, id: u64, name: &str, known: impl Iterator<Item = &'n str> + Clone) {
        let suggestion = match nearest(name, known.clone()) {
            Some(name) => format!("did you mean '{name}'?"),
            None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.flaw(id, name, format!("'{name}' is not known"), suggestion);
    }

    fn flaw(&mut self, id: u64, name: &str, what: String, suggestion: String) {
        // a call is placed at its bracket and a selection at its dot: the name is looked for around
        let start = self.program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
        let after = self.source.get(start..).and_then(|rest| rest.find(name)).map(|at| start + at);
        let before = self.source.get(..start).and_then(|rest| rest.rfind(name));
        let offset = before.filter(|at| at + name.len() == start).or(after).or(before).unwrap_or(start);
        self.flaws.push(Flaw { offset, what, suggestion: Some(suggestion) });
    }
}
