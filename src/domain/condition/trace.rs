//! Why a condition came to what it came to: every part of it with its value.

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, Value};
use serde::Serialize;

use super::{Condition, Scope, explain, spell};

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

impl Condition {
    /// The parts of the condition, none of them asked.
    pub fn outline(&self) -> Trace {
        walk(self.program.expression(), None)
    }
}

impl Scope<'_> {
    /// Evaluates every part of `condition`, as far as evaluating it would go.
    pub fn trace(&mut self, condition: &Condition) -> Trace {
        match self.convert(condition) {
            Ok(()) => walk(condition.program.expression(), Some(&self.context)),
            Err(why) => Trace { finding: Finding::Failed(why), ..condition.outline() },
        }
    }
}

fn walk(it: &IdedExpr, scope: Option<&Context<'_, '_>>) -> Trace {
    let form = form(it);
    let parts = match form {
        Form::All | Form::Any => {
            let mut operands = Vec::new();
            chain(it, form, &mut operands);
            let mut scope = scope;
            let mut parts = Vec::with_capacity(operands.len());
            for operand in operands {
                let part = walk(operand, scope);
                if part.finding == Finding::Truth(form == Form::Any) {
                    scope = None;
                }
                parts.push(part);
            }
            parts
        }
        Form::Choice => {
            let [condition, yes, no] = &arguments(it)[..] else { return plain(it, scope, Vec::new()) };
            let condition = walk(condition, scope);
            let taken = |truth| scope.filter(|_| condition.finding == Finding::Truth(truth));
            let (yes, no) = (walk(yes, taken(true)), walk(no, taken(false)));
            vec![condition, yes, no]
        }
        Form::Not => arguments(it).into_iter().map(|operand| walk(operand, scope)).collect(),
        Form::Each => elements(it, scope),
        Form::Plain => {
            operands(it).into_iter().filter(|part| names_a_fact(part)).map(|part| walk(part, scope)).collect()
        }
    };
    Trace { form, ..plain(it, scope, parts) }
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

/// The list, and what was asked of each of its elements.
fn elements(it: &IdedExpr, scope: Option<&Context<'_, '_>>) -> Vec<Trace> {
    let Expr::Comprehension(comprehension) = &it.expr else { return Vec::new() };
    let mut parts = vec![walk(&comprehension.iter_range, scope)];
    let (_, asked) = spell::asked_of_each(comprehension);
    if let (Some(scope), Some(asked)) = (scope, asked)
        && let Ok(Value::List(list)) = Value::resolve(&comprehension.iter_range, scope)
    {
        for (index, element) in list.iter().enumerate().take(MOST_ELEMENTS) {
            let mut inner = scope.new_inner_scope();
            inner.add_variable_from_value(comprehension.iter_var.as_str(), element.clone());
            let part = walk(asked, Some(&inner));
            parts.push(Trace {
                text: format!("{}[{index}]: {}", spell::expression(&comprehension.iter_range), part.text),
                ..part
            });
        }
    }
    parts
}
