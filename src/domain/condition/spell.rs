//! Expressions and values as a person writes them.

use cel::Value;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};

use crate::domain::time::{Timestamp, spell_span};

/// How many characters of a value are shown.
const SHOWN: usize = 120;

/// How tightly each form binds: a part that binds less tightly stands in brackets.
const CHOICE: u8 = 1;
const UNARY: u8 = 7;
const MEMBER: u8 = 8;

/// The expression, in the words of its writer save for white space, quotes and brackets.
pub fn expression(it: &IdedExpr) -> String {
    spell(it, 0)
}

fn spell(it: &IdedExpr, around: u8) -> String {
    let (text, binds) = match &it.expr {
        Expr::Ident(name) => (name.clone(), MEMBER),
        Expr::Literal(literal) => {
            (Value::try_from(&*literal.to_val()).map_or_else(|_| "…".to_owned(), |it| value(&it)), MEMBER)
        }
        Expr::Select(select) => {
            let path = format!("{}.{}", spell(&select.operand, MEMBER), select.field);
            (if select.test { format!("has({path})") } else { path }, MEMBER)
        }
        Expr::List(list) => (format!("[{}]", all(&list.elements)), MEMBER),
        Expr::Map(map) => {
            let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => Some(format!("{}: {}", spell(&entry.key, 0), spell(&entry.value, 0))),
                EntryExpr::StructField(_) => None,
            });
            (format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")), MEMBER)
        }
        Expr::Comprehension(comprehension) => (macro_call(comprehension), MEMBER),
        Expr::Call(call) => match (&call.target, &call.func_name[..], &call.args[..]) {
            (None, operators::CONDITIONAL, [condition, yes, no]) => {
                (format!("{} ? {} : {}", spell(condition, CHOICE + 1), spell(yes, CHOICE), spell(no, CHOICE)), CHOICE)
            }
            (None, operators::INDEX, [of, at]) => (format!("{}[{}]", spell(of, MEMBER), spell(at, 0)), MEMBER),
            (None, operators::LOGICAL_NOT, [of]) => (format!("!{}", spell(of, UNARY)), UNARY),
            (None, operators::NEGATE, [of]) => (format!("-{}", spell(of, UNARY)), UNARY),
            (None, name, [left, right]) if infix(name).is_some() => {
                let (sign, binds) = infix(name).unwrap_or_default();
                // a chain of one logical operator needs no brackets, whichever way it is nested
                let logical = name == operators::LOGICAL_AND || name == operators::LOGICAL_OR;
                let right = spell(right, if logical { binds } else { binds + 1 });
                (format!("{} {sign} {right}", spell(left, binds)), binds)
            }
            (None, name, arguments) => (format!("{name}({})", all(arguments)), MEMBER),
            (Some(target), name, arguments) => {
                (format!("{}.{name}({})", spell(target, MEMBER), all(arguments)), MEMBER)
            }
        },
        Expr::Struct(_) | Expr::Unspecified => ("…".to_owned(), MEMBER),
    };
    if binds < around { format!("({text})") } else { text }
}

fn all(list: &[IdedExpr]) -> String {
    list.iter().map(|one| spell(one, 0)).collect::<Vec<_>>().join(", ")
}

fn infix(name: &str) -> Option<(&'static str, u8)> {
    Some(match name {
        operators::LOGICAL_OR => ("||", 2),
        operators::LOGICAL_AND => ("&&", 3),
        operators::EQUALS => ("==", 4),
        operators::NOT_EQUALS => ("!=", 4),
        operators::LESS => ("<", 4),
        operators::LESS_EQUALS => ("<=", 4),
        operators::GREATER => (">", 4),
        operators::GREATER_EQUALS => (">=", 4),
        operators::IN => ("in", 4),
        operators::ADD => ("+", 5),
        operators::SUBSTRACT => ("-", 5),
        operators::MULTIPLY => ("*", 6),
        operators::DIVIDE => ("/", 6),
        operators::MODULO => ("%", 6),
        _ => return None,
    })
}

/// `list.exists(item, …)` and its kin, from what the parser has made of them.
fn macro_call(it: &ComprehensionExpr) -> String {
    let (name, asked) = asked_of_each(it);
    let asked = asked.map_or_else(|| "…".to_owned(), expression);
    format!("{}.{name}({}, {asked})", spell(&it.iter_range, MEMBER), it.iter_var)
}

/// Which of the macros it was, and what it asks of each element.
pub fn asked_of_each(it: &ComprehensionExpr) -> (&'static str, Option<&IdedExpr>) {
    let Expr::Call(step) = &it.loop_step.expr else { return ("map", None) };
    match (&step.func_name[..], &step.args[..]) {
        (operators::LOGICAL_OR, [_, asked]) => ("exists", Some(asked)),
        (operators::LOGICAL_AND, [_, asked]) => ("all", Some(asked)),
        (operators::CONDITIONAL, [asked, ..]) => {
            (if matches!(it.result.expr, Expr::Call(_)) { "exists_one" } else { "filter" }, Some(asked))
        }
        (operators::ADD, [_, one]) => match &one.expr {
            Expr::List(list) => ("map", list.elements.first()),
            _ => ("map", None),
        },
        _ => ("map", None),
    }
}

/// A value, long ones cut short.
pub fn value(it: &Value) -> String {
    let text = match it {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::String(text) if text.contains('"') => format!("'{text}'"),
        Value::String(text) => format!("\"{text}\""),
        Value::Duration(span) => format!("{}{}", if span.num_seconds() < 0 { "-" } else { "" }, spell_span(*span)),
        Value::Timestamp(at) => Timestamp(at.with_timezone(&chrono::Utc)).to_string(),
        Value::List(list) => format!("[{}]", list.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let mut entries: Vec<String> = map.map.iter().map(|(key, it)| format!("{key}: {}", value(it))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        _ => "…".to_owned(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
