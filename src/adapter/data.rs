//! What an event is made of: the shape of its data, each leaf an expression, and each result
//! brought into the type that the event's schema wants there.

use cel::Context;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::expression::{Expression, Failure};
use super::foreign::MOST_ELEMENTS;
use crate::domain::order::Amount;
use crate::domain::time::in_zone;

/// A part of an event's data.
pub enum Node {
    Fixed(Value),
    Leaf {
        expression: Expression,
        kind: Kind,
    },
    Object(Object),
    /// One object for each element of a list.
    Each {
        each: Each,
        object: Object,
    },
    List(Vec<Node>),
}

/// Fields, each left out if there is nothing to put into it.
pub struct Object {
    pub when: Option<Expression>,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    /// The event is none without it.
    pub required: bool,
    pub node: Node,
}

/// `<name> in <list>`
pub struct Each {
    pub name: String,
    pub list: Expression,
}

/// What the event's schema wants of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Text,
    /// One of these.
    Word(Vec<String>),
    Whole,
    Truth,
    Amount,
    Moment(Edge),
    Day,
    ListOf(Box<Kind>),
}

/// Which end of a day is meant where only the day is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Begin,
    End,
}

impl Each {
    /// Calls `work` with a scope for each element; nothing has no elements.
    ///
    /// # Errors
    /// Those of `work`, or that it is no list.
    pub fn run<'v>(
        &self,
        scope: &Context<'_, 'v>,
        mut work: impl FnMut(&Context<'_, 'v>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let list = self.list.bare(scope)?;
        let no_list = || Failure::new("invalid_field", format!("what '{}' is to be taken from is no list", self.name));
        let mut elements = list.as_iterable().ok_or_else(no_list)?.iter();
        let mut position = 0;
        while let Some(element) = elements.next() {
            if position >= MOST_ELEMENTS {
                return Err(Failure::new("too_many", format!("there are more than {MOST_ELEMENTS} elements")));
            }
            let mut inner = scope.new_inner_scope();
            inner.add_variable_as_val(self.name.as_str(), element.clone_as_boxed());
            work(&inner).map_err(|failure| failure.within(&format!("[{position}]")))?;
            position += 1;
        }
        Ok(())
    }
}

impl Object {
    /// The object, or `None` if there is nothing to say; times without a zone are read in `zone`.
    ///
    /// # Errors
    /// The first field that cannot be made.
    pub fn make(&self, scope: &Context<'_, '_>, zone: Option<Tz>) -> Result<Option<Map<String, Value>>, Failure> {
        if let Some(when) = &self.when
            && !when.holds(scope).map_err(|failure| failure.within("when"))?
        {
            return Ok(None);
        }
        let (mut made, mut missing) = (Map::new(), None);
        for field in &self.fields {
            match field.node.make(scope, zone).map_err(|failure| failure.within(&field.name))? {
                Some(value) => {
                    made.insert(field.name.clone(), value);
                }
                None if field.required => match &field.node {
                    Node::Object(object) if object.when.is_none() => {
                        made.insert(field.name.clone(), Value::Object(Map::new()));
                    }
                    Node::Each { .. } | Node::List(_) => {
                        made.insert(field.name.clone(), Value::Array(Vec::new()));
                    }
                    _ => missing = missing.or(Some(&field.name)),
                },
                None => {}
            }
        }
        match missing {
            // of what a payload says nothing, nothing is missing
            Some(name) if !made.is_empty() => {
                Err(Failure::new("missing_field", "is missing in the payload").within(name))
            }
            _ => Ok((!made.is_empty()).then_some(made)),
        }
    }
}

impl Node {
    fn make(&self, scope: &Context<'_, '_>, zone: Option<Tz>) -> Result<Option<Value>, Failure> {
        match self {
            Self::Fixed(value) => Ok(Some(value.clone())),
            Self::Leaf { expression, kind } => kind.bring(expression.value(scope)?, zone),
            Self::Object(object) => Ok(object.make(scope, zone)?.map(Value::Object)),
            Self::Each { each, object } => {
                let mut all = Vec::new();
                each.run(scope, |inner| {
                    all.extend(object.make(inner, zone)?.map(Value::Object));
                    Ok(())
                })?;
                Ok((!all.is_empty()).then_some(Value::Array(all)))
            }
            Self::List(nodes) => {
                let mut all = Vec::new();
                for node in nodes {
                    all.extend(node.make(scope, zone)?);
                }
                Ok((!all.is_empty()).then_some(Value::Array(all)))
            }
        }
    }
}

impl Kind {
    /// Brings a value into this type. `None` for what is missing or empty.
    ///
    /// # Errors
    /// What would be right; nothing of the value (I9).
    pub fn bring(&self, value: Value, zone: Option<Tz>) -> Result<Option<Value>, Failure> {
        let wrong = |right: &str| Failure::new("invalid_field", format!("cannot be taken for {right}"));
        let blank = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        if blank(&value) {
            return Ok(None);
        }
        let brought = match (self, value) {
            (Self::Text, Value::String(text)) => Value::String(text),
            (Self::Text, Value::Number(number)) => Value::String(number.to_string()),
            (Self::Text, _) => return Err(wrong("a text")),
            (Self::Word(words), Value::String(text)) if words.contains(&text) => Value::String(text),
            (Self::Word(words), _) => return Err(wrong(&format!("one of {}", words.join(", ")))),
            (Self::Whole, value) => whole(&value).ok_or_else(|| wrong("a whole number"))?.into(),
            (Self::Truth, Value::Bool(truth)) => Value::Bool(truth),
            (Self::Truth, _) => return Err(wrong("true or false")),
            (Self::Amount, value) => amount(&value).ok_or_else(|| wrong("an amount of money"))?.to_string().into(),
            (Self::Moment(edge), Value::String(text)) => {
                moment(text.trim(), *edge, zone).ok_or_else(|| wrong("a date and time"))?.into()
            }
            (Self::Moment(_), _) => return Err(wrong("a date and time")),
            (Self::Day, Value::String(text)) => {
                let day = text.trim().get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
                day.ok_or_else(|| wrong("a day"))?.to_string().into()
            }
            (Self::Day, _) => return Err(wrong("a day")),
            (Self::ListOf(kind), Value::Array(elements)) => {
                let mut all = Vec::new();
                for (position, element) in elements.into_iter().enumerate() {
                    all.extend(kind.bring(element, zone).map_err(|failure| failure.within(&format!("[{position}]")))?);
                }
                return Ok((!all.is_empty()).then_some(Value::Array(all)));
            }
            (Self::ListOf(_), _) => return Err(wrong("a list")),
        };
        Ok(Some(brought))
    }
}

fn whole(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        other => other.as_f64()?,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at right before")]
    (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
}

/// A sum as our events write it: platforms compute with more figures than money has.
pub fn amount(value: &Value) -> Option<Amount> {
    let exact = value.as_str().and_then(|text| Amount::parse(text.trim()).ok());
    exact.or_else(|| {
        let number = match value {
            Value::String(text) => text.trim().parse::<f64>().ok()?,
            other => other.as_f64()?,
        };
        #[allow(clippy::cast_possible_truncation, reason = "looked at right before")]
        (number.abs() < 1e12).then(|| Amount::from_ten_thousandths((number * 10_000.0).round() as i64))
    })
}

/// A time in the forms of ISO 8601 that sources use, as events write it. Without a zone it is read
/// in `zone`; without that it stays as it is, to be read in the shop's.
pub fn moment(text: &str, edge: Edge, zone: Option<Tz>) -> Option<String> {
    if DateTime::parse_from_rfc3339(text).is_ok() {
        return Some(text.to_owned());
    }
    if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z") {
        return Some(moment.to_rfc3339());
    }
    let clock = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let of_day = || {
        let end = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
        let day: NaiveDate = text.parse().ok()?;
        Some(day.and_time(if edge == Edge::End { end } else { NaiveTime::MIN }))
    };
    let local = clock.or_else(of_day)?;
    Some(match zone {
        Some(zone) => in_zone(local, zone).with_timezone(&zone).to_rfc3339(),
        None => local.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
    })
}
