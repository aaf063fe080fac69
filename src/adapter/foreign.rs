//! A payload as expressions see it: read where it is named, never as a whole.
//!
//! A field that is not there is `null`, and so is every field of `null`, so that a mapping can
//! write `payload.customer.email` without asking at each step. An object can be gone into but not
//! taken over: that is what keeps everything that no mapping names out of the events.

use std::fmt;

use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelNull, CelString, CelUInt, LIST_TYPE, MAP_TYPE, NULL_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use cel::{ExecutionError, Value as Cel};
use serde_json::{Map, Value};

/// The longest list of a payload that is read: as long as the longest of an event.
pub const MOST_ELEMENTS: usize = 500;

/// The function that the error of a longer list names.
pub const TOO_MANY: &str = "list:";

#[derive(Clone)]
pub enum Foreign<'v> {
    Nothing,
    Object(&'v Map<String, Value>),
    List(Vec<Box<dyn Val + 'v>>),
}

impl<'v> Foreign<'v> {
    /// The value as expressions see it: texts, numbers and truths as CEL's own.
    ///
    /// # Errors
    /// A list that is too long.
    pub fn value(value: &'v Value) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        Ok(match value {
            Value::Null => Box::new(Foreign::Nothing),
            Value::Bool(truth) => Box::new(CelBool::from(*truth)),
            Value::String(text) => Box::new(CelString::from(text.as_str())),
            Value::Object(fields) => Box::new(Foreign::Object(fields)),
            Value::Array(elements) if elements.len() > MOST_ELEMENTS => {
                return Err(ExecutionError::function_error(TOO_MANY, ""));
            }
            Value::Array(elements) => {
                Box::new(Foreign::List(elements.iter().map(Foreign::value).collect::<Result<_, _>>()?))
            }
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Box::new(CelInt::from(number)),
                (None, Some(number)) => Box::new(CelUInt::from(number)),
                (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or_default())),
            },
        })
    }
}

/// Says what kind of thing it is and nothing of what it holds (I9).
impl fmt::Debug for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get_type().name())
    }
}

impl Val for Foreign<'_> {
    fn get_type(&self) -> &Type {
        match self {
            Self::Nothing => &NULL_TYPE,
            Self::Object(_) => &MAP_TYPE,
            Self::List(_) => &LIST_TYPE,
        }
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_iterable<'b, 'w>(&'b self) -> Option<&'b (dyn Iterable + 'w)>
    where
        Self: 'w,
    {
        match self {
            Self::Object(_) => None,
            Self::Nothing | Self::List(_) => Some(self),
        }
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        matches!(self, Self::Nothing) && other.downcast_ref::<CelNull>().is_some()
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Foreign<'_> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let name = index.downcast_ref::<CelString>().map(CelString::inner);
        let position = index.downcast_ref::<CelInt>().map(|position| *position.inner());
        let found = match (self, name, position) {
            (Self::Object(fields), Some(name), _) => {
                return fields
                    .get(name)
                    .map_or_else(|| Ok(Box::new(Foreign::Nothing) as _), Foreign::value)
                    .map(CowVal::Owned);
            }
            (Self::List(elements), _, Some(position)) => {
                usize::try_from(position).ok().and_then(|position| elements.get(position))
            }
            (Self::Nothing, ..) => None,
            _ => {
                let (got, want) = (index.get_type().name().to_owned(), "a name or a position".to_owned());
                return Err(ExecutionError::UnexpectedType { got, want });
            }
        };
        Ok(match found {
            Some(element) => CowVal::Borrowed(&**element),
            None => CowVal::owned(Foreign::Nothing),
        })
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Container for Foreign<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(match self {
            Self::Nothing => false,
            Self::List(elements) => elements.iter().any(|element| element.equals(value)),
            Self::Object(fields) => {
                value.downcast_ref::<CelString>().is_some_and(|name| fields.contains_key(name.inner()))
            }
        })
    }
}

impl Sizer for Foreign<'_> {
    fn size(&self) -> CelInt {
        let size = match self {
            Self::Nothing => 0,
            Self::Object(fields) => fields.len(),
            Self::List(elements) => elements.len(),
        };
        i64::try_from(size).unwrap_or(i64::MAX).into()
    }
}

/// The elements of a list; nothing has none.
struct Elements<'b, 'v>(std::slice::Iter<'b, Box<dyn Val + 'v>>);

impl<'b, 'v: 'w, 'w> traits::Iterator<'b, 'w> for Elements<'b, 'v> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'w)> {
        self.0.next().map(|element| &**element as &(dyn Val + 'w))
    }
}

impl Iterable for Foreign<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn traits::Iterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        let elements: &[Box<dyn Val + '_>] = match self {
            Self::List(elements) => elements,
            Self::Nothing | Self::Object(_) => &[],
        };
        Box::new(Elements(elements.iter()))
    }
}

/// A result as JSON: a plain value or a list of plain values. `None` for anything else.
pub fn plain(value: &dyn Val) -> Option<Value> {
    if let Some(elements) = value.as_iterable()
        && value.get_type() == &LIST_TYPE
    {
        let (mut elements, mut plainly) = (elements.iter(), Vec::new());
        while let Some(element) = elements.next() {
            plainly.push(plain(element)?);
        }
        return Some(Value::Array(plainly));
    }
    Some(match Cel::try_from(value).ok()? {
        Cel::Null => Value::Null,
        Cel::Bool(truth) => Value::Bool(truth),
        Cel::Int(number) => Value::from(number),
        Cel::UInt(number) => Value::from(number),
        Cel::Float(number) => Value::from(number),
        Cel::String(text) => Value::String(std::sync::Arc::unwrap_or_clone(text)),
        Cel::Timestamp(moment) => Value::String(moment.to_rfc3339()),
        _ => return None,
    })
}
