//! Tables of codes, as expressions see them: `status[scan.code]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelInt, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

/// What begins the name of the function that the error of an unlisted code names; the table's own
/// name follows.
pub const UNLISTED: &str = "table:";

/// From the codes of a source to our words.
#[derive(Clone, Debug)]
pub struct Table(Arc<Codes>);

#[derive(Debug)]
struct Codes {
    name: String,
    words: BTreeMap<String, String>,
    /// For codes that are not listed; without it they are an error.
    otherwise: Option<String>,
}

impl Table {
    pub fn new(name: &str, words: BTreeMap<String, String>, otherwise: Option<String>) -> Self {
        Self(Arc::new(Codes { name: name.to_owned(), words, otherwise }))
    }

    fn find(&self, code: &str) -> Option<&str> {
        self.0.words.get(code).map(String::as_str)
    }
}

/// A code as text; sources write some as numbers.
fn code(value: &dyn Val) -> Option<String> {
    let text = value.downcast_ref::<CelString>().map(|text| text.inner().to_owned());
    text.or_else(|| value.downcast_ref::<CelInt>().map(|number| number.inner().to_string()))
}

impl Val for Table {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
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

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w> {
        Box::new(self.clone())
    }
}

impl Indexer for Table {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let wanted = code(index);
        let found = wanted.as_deref().and_then(|code| self.find(code)).or(self.0.otherwise.as_deref());
        match found {
            Some(word) => Ok(CowVal::owned(CelString::from(word.to_owned()))),
            None => {
                Err(ExecutionError::function_error(&format!("{UNLISTED}{}", self.0.name), wanted.unwrap_or_default()))
            }
        }
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Container for Table {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(code(value).is_some_and(|code| self.find(&code).is_some()))
    }
}
