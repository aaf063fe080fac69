//! The functions that mappings have beside CEL's own.

use std::sync::{Arc, LazyLock};

use cel::common::types::{CelInt, CelNull, CelString, DYN_TYPE, LIST_TYPE, NULL_TYPE};
use cel::common::value::CowVal;
use cel::{Context, Env, ExecutionError, Value, extensions};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::carrier::Carriers;
use super::data;
use super::foreign::{Foreign, plain};
use crate::domain::order::Amount;

/// What a mapping may call: our own, those of CEL, and its extension for texts.
pub const NAMES: [&str; 32] = [
    "either",
    "words",
    "sum",
    "text",
    "moment",
    "cents",
    "carrier",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "split",
    "join",
    "replace",
    "trim",
    "lowerAscii",
    "upperAscii",
    "substring",
    "indexOf",
    "lastIndexOf",
    "charAt",
    "format",
    "reverse",
    "timestamp",
    "duration",
    "type",
];

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// Registering functions is slow, so it is done once.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut language = Env::stdlib();
    let mut result = extensions::strings(&mut language);
    for arguments in 2..=4 {
        let id = format!("either_{arguments}");
        let any = || (0..arguments).map(|_| DYN_TYPE).collect();
        result = result.and(language.add_overload("either", &id, any(), either));
        result = result.and(language.add_overload("words", &id.replace("either", "words"), any(), words));
    }
    // nothing has no elements and no letters
    result = result.and(language.add_overload("size", "size_null", vec![NULL_TYPE], size));
    result = result.and(language.add_member_overload("size", "null_size", NULL_TYPE, vec![], size));
    result = result.and(language.add_overload("sum", "sum_list", vec![LIST_TYPE], sum));
    result = result.and(language.add_overload("sum", "sum_null", vec![NULL_TYPE], sum));
    result = result.and(language.add_overload("text", "text_any", vec![DYN_TYPE], text));
    debug_assert!(result.is_ok(), "the names are our own: {result:?}");
    Arc::new(language)
});

pub fn language() -> &'static Env {
    &LANGUAGE
}

/// A scope with every function, to which an adapter adds its tables.
pub fn scope(carriers: &Carriers) -> Context<'static, 'static> {
    let mut scope = Context::with_env(Arc::clone(&LANGUAGE));
    let carriers = carriers.clone();
    let mut result = scope.add_function("carrier", move |name: Value| match name {
        Value::String(name) if !name.trim().is_empty() => Value::from(carriers.name(&name)),
        _ => Value::Null,
    });
    result = result.and(scope.add_function("moment", moment)).and(scope.add_function("cents", cents));
    debug_assert!(result.is_ok(), "the names are our own: {result:?}");
    scope
}

/// The first that is neither `null` nor an empty text.
fn either<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let blank = |value: &CowVal<'b, 'v>| {
        value.equals(&CelNull) || value.downcast_ref::<CelString>().is_some_and(|text| text.inner().trim().is_empty())
    };
    Ok(arguments.into_iter().find(|value| !blank(value)).unwrap_or_else(|| CowVal::owned(Foreign::Nothing)))
}

/// The texts among these, with a blank between.
fn words<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let texts = arguments.iter().filter_map(|value| value.downcast_ref::<CelString>()).map(|text| text.inner().trim());
    Ok(CowVal::owned(CelString::from(texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "))))
}

fn size<'b, 'v>(_: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelInt::from(0)))
}

/// What the amounts of a list come to; nothing for nothing.
fn sum<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let wrong = || ExecutionError::function_error("sum", "a list of amounts is needed");
    let list = arguments.first().ok_or_else(ExecutionError::missing_argument_or_target)?;
    let amounts = plain(&**list).ok_or_else(wrong)?;
    let mut total: i64 = 0;
    for amount in amounts.as_array().into_iter().flatten().filter(|amount| !amount.is_null()) {
        let amount = data::amount(amount).ok_or_else(wrong)?;
        total = total.checked_add(amount.ten_thousandths()).ok_or_else(wrong)?;
    }
    Ok(CowVal::owned(CelString::from(Amount::from_ten_thousandths(total).to_string())))
}

/// A whole number as a text; anything else as it is.
fn text<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let value = arguments.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    Ok(match value.downcast_ref::<CelInt>() {
        Some(number) => CowVal::owned(CelString::from(number.inner().to_string())),
        None => value,
    })
}

/// A time that is written in a form of its own (`strftime`'s letters); without a zone in the form,
/// it has none.
fn moment(written: Value, form: Arc<String>) -> Result<Value, ExecutionError> {
    let Value::String(written) = written else { return Ok(Value::Null) };
    if let Ok(moment) = DateTime::parse_from_str(&written, &form) {
        return Ok(Value::from(moment.to_rfc3339()));
    }
    let local = NaiveDateTime::parse_from_str(&written, &form)
        .map(|local| local.format("%Y-%m-%dT%H:%M:%S").to_string())
        .or_else(|_| NaiveDate::parse_from_str(&written, &form).map(|day| day.to_string()));
    local.map(Value::from).map_err(|_| ExecutionError::function_error("moment", "it is not written in this form"))
}

/// An amount that is counted in its smallest unit, with so many digits behind the point.
fn cents(amount: Value, digits: Value) -> Result<Value, ExecutionError> {
    let wrong = || ExecutionError::function_error("cents", "a whole number and 0 to 4 digits are needed");
    let (amount, digits) = match (amount, digits) {
        (Value::Null, _) => return Ok(Value::Null),
        (Value::Int(amount), Value::Int(digits)) => (amount, digits),
        (Value::Int(amount), Value::Null) => (amount, 2),
        _ => return Err(wrong()),
    };
    let digits = usize::try_from(digits).ok().filter(|digits| *digits <= 4).ok_or_else(wrong)?;
    let sign = if amount < 0 { "-" } else { "" };
    let figures = format!("{:0>width$}", amount.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = figures.split_at(figures.len() - digits);
    Ok(Value::from(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }))
}
