//! Why a condition came to what it came to: every part of it with its value.

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, Value};
use serde::Serialize;

use super::{Condition, Root, Scope, explain, spell};

/// How many elements of a list are looked at one by one.
const MOST_ELEMENTS: usize = 8;

/// An expression, its value, and those of its parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// Which part of its condition it is; stays the same from one trace to the next.
    #[serde(skip)]
    pub id: u64,
    pub text: String,
    #[serde(flatten)]
    pub finding: Finding,
    #[serde(skip)]
    pub form: Form,
    /// What it is made of; what is written out in it, such as `"home"`, is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Trace>,
}

/// What an expression came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    Truth(bool),
    /// As CEL writes it.
    Value(String),
    /// It could not be evaluated, and why.
    Failed(String),
    /// What stands before it had decided already.
    #[serde(rename = "not_asked")]
    NotAsked(()),
}

impl Finding {
    pub const NOT_ASKED: Self = Self::NotAsked(());
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Value(value) => f.write_str(value),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::NotAsked(()) => f.write_str("not asked"),
        }
    }
}

/// How an expression follows from its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `a && b`
    All,
    /// `a || b`
    Any,
    /// `!a`
    Not,
    /// `a ? b : c`
    Choice,
    /// `list.exists(item, …)` and its kin.
    Each,
    /// A comparison, a fact, a call.
    Plain,
}

impl Trace {
    /// The facts that a comparison hangs on, with their values.
    pub fn facts(&self) -> Vec<(&str, &Finding)> {
        fn of(part: &Trace) -> Vec<(&str, &Finding)> {
            match (part.form, &part.finding) {
                (Form::Plain, Finding::Truth(_)) if !part.parts.is_empty() => part.facts(),
                (Form::Plain, Finding::NotAsked(())) => Vec::new(),
                (Form::Plain, finding) => vec![(&part.text, finding)],
                _ => Vec::new(),
            }
        }
        // a fact that is denied needs no second word
        let bare = |part: &&Self| self.form != Form::Not || !part.parts.is_empty();
        let all = if matches!(self.form, Form::Plain | Form::Not) { &self.parts[..] } else { &[] };
        all.iter().filter(bare).flat_map(of).collect()
    }
}

impl Condition {
    /// The parts of the condition, none of them asked.
    pub fn outline(&self) -> Trace {
        Walk { thorough: false }.walk(self.program.expression(), None)
    }
}

impl Scope<'_> {
    /// Evaluates every part of `condition`, as far as evaluating it would go.
    pub fn trace(&mut self, condition: &Condition) -> Trace {
        self.trace_with(condition, false)
    }

    /// Evaluates every part of `condition`, also what is decided before it is reached.
    pub fn trace_all(&mut self, condition: &Condition) -> Trace {
        self.trace_with(condition, true)
    }

    fn trace_with(&mut self, condition: &Condition, thorough: bool) -> Trace {
        // its parts are evaluated one by one, and a part can be a root
        match condition.needs.iter().try_for_each(|need| self.convert_whole(need.root)) {
            Ok(()) => Walk { thorough }.walk(condition.program.expression(), Some(&self.context)),
            Err(why) => Trace { finding: Finding::Failed(why), ..condition.outline() },
        }
    }

    /// Every fact that is known, by its path, such as `parcel.status`.
    pub fn facts(&mut self) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        for (name, root) in Root::ALL {
            match self.value(root) {
                Ok(Value::Map(map)) => {
                    let all = map.map.iter().filter(|(_, value)| !matches!(value, Value::Null));
                    facts.extend(all.map(|(key, value)| (format!("{name}.{key}"), spell::value(value))));
                }
                Ok(Value::Null) | Err(_) => {}
                Ok(value) => facts.push((name.to_owned(), spell::value(&value))),
            }
        }
        facts.sort();
        facts
    }
}

/// How far a condition is walked.
#[derive(Clone, Copy)]
struct Walk {
    /// Also what is decided before it is reached.
    thorough: bool,
}

impl Walk {
    fn walk(self, it: &IdedExpr, scope: Option<&Context<'_, '_>>) -> Trace {
        let form = form(it);
        let parts = match form {
            Form::All | Form::Any => {
                let mut operands = Vec::new();
                chain(it, form, &mut operands);
                let mut decided = false;
                let mut parts = Vec::with_capacity(operands.len());
                for operand in operands {
                    let mut part = self.walk(operand, scope.filter(|_| self.thorough || !decided));
                    // what stands behind the decision may make no sense by itself
                    if decided && matches!(part.finding, Finding::Failed(_)) {
                        part = self.walk(operand, None);
                    }
                    decided |= part.finding == Finding::Truth(form == Form::Any);
                    parts.push(part);
                }
                parts
            }
            Form::Choice => {
                let [condition, yes, no] = &arguments(it)[..] else { return plain(it, scope, Vec::new()) };
                let condition = self.walk(condition, scope);
                let taken = |truth| scope.filter(|_| condition.finding == Finding::Truth(truth));
                let (yes, no) = (self.walk(yes, taken(true)), self.walk(no, taken(false)));
                vec![condition, yes, no]
            }
            Form::Not => arguments(it).into_iter().map(|operand| self.walk(operand, scope)).collect(),
            Form::Each => self.elements(it, scope),
            Form::Plain => {
                operands(it).into_iter().filter(|part| names_a_fact(part)).map(|part| self.walk(part, scope)).collect()
            }
        };
        Trace { form, ..plain(it, scope, parts) }
    }

    /// The list, and what was asked of each of its elements.
    fn elements(self, it: &IdedExpr, scope: Option<&Context<'_, '_>>) -> Vec<Trace> {
        let Expr::Comprehension(comprehension) = &it.expr else { return Vec::new() };
        let mut parts = vec![self.walk(&comprehension.iter_range, scope)];
        let (_, asked) = spell::asked_of_each(comprehension);
        if let (Some(scope), Some(asked)) = (scope, asked)
            && let Ok(Value::List(list)) = Value::resolve(&comprehension.iter_range, scope)
        {
            for (index, element) in list.iter().enumerate().take(MOST_ELEMENTS) {
                let mut inner = scope.new_inner_scope();
                inner.add_variable_from_value(comprehension.iter_var.as_str(), element.clone());
                let part = self.walk(asked, Some(&inner));
                parts.push(Trace {
                    text: format!("{}[{index}]: {}", spell::expression(&comprehension.iter_range), part.text),
                    ..part
                });
            }
        }
        parts
    }
}

fn plain(it: &IdedExpr, scope: Option<&Context<'_, '_>>, parts: Vec<Trace>) -> Trace {
    let finding = scope.map_or(Finding::NOT_ASKED, |scope| match Value::resolve(it, scope) {
        Ok(Value::Bool(truth)) => Finding::Truth(truth),
        Ok(value) => Finding::Value(spell::value(&value)),
        Err(error) => Finding::Failed(explain(&error)),
    });
    Trace { id: it.id, text: spell::expression(it), finding, form: Form::Plain, parts }
}

fn form(it: &IdedExpr) -> Form {
    match &it.expr {
        Expr::Comprehension(_) => Form::Each,
        Expr::Call(call) => match &call.func_name[..] {
            operators::LOGICAL_AND => Form::All,
            operators::LOGICAL_OR => Form::Any,
            operators::LOGICAL_NOT => Form::Not,
            operators::CONDITIONAL => Form::Choice,
            _ => Form::Plain,
        },
        _ => Form::Plain,
    }
}

/// The operands of `a && b && c`, however they are nested.
fn chain<'e>(it: &'e IdedExpr, of: Form, operands: &mut Vec<&'e IdedExpr>) {
    if form(it) == of {
        arguments(it).into_iter().for_each(|operand| chain(operand, of, operands));
    } else {
        operands.push(it);
    }
}

fn arguments(it: &IdedExpr) -> Vec<&IdedExpr> {
    match &it.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        _ => Vec::new(),
    }
}

/// What the value of a plain expression follows from. A path is one fact, not one of each step.
fn operands(it: &IdedExpr) -> Vec<&IdedExpr> {
    match &it.expr {
        Expr::Call(_) => arguments(it),
        Expr::Select(select) if !is_path(&select.operand) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        _ => Vec::new(),
    }
}

fn is_path(it: &IdedExpr) -> bool {
    match &it.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => is_path(&select.operand),
        _ => false,
    }
}

/// Its value hangs on more than what is written in it.
fn names_a_fact(it: &IdedExpr) -> bool {
    match &it.expr {
        Expr::Ident(_) | Expr::Select(_) | Expr::Comprehension(_) => true,
        _ => operands(it).into_iter().any(names_a_fact),
    }
}
