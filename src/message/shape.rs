//! The form of what templates see, read from the JSON Schema of [`Scene`]: which names there
//! are, which may be missing, and what a plain `{{name}}` cannot show.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Scene;

/// The form of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Object(BTreeMap<String, Field>),
    List(Box<Shape>),
    /// Text, a number, a boolean or a link: shown as it is.
    Plain,
    /// Needs one of these helpers.
    Shown(&'static [&'static str]),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub shape: Shape,
    pub may_be_missing: bool,
}

/// The types that are shown by helpers, by their names in the schema.
const SHOWN: [(&str, &[&str]); 5] = [
    ("Moment", &["date", "day", "day_short", "time"]),
    ("Day", &["date", "day", "day_short"]),
    ("Span", &["window", "window_short"]),
    ("Clock", &["clock"]),
    ("Money", &["money"]),
];

impl Shape {
    /// The form of the whole scene.
    pub fn of_scene() -> Self {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let schema = generator.into_root_schema_for::<Scene<'static>>().to_value();
        let none = Map::new();
        let types = schema.get("$defs").and_then(Value::as_object).unwrap_or(&none);
        Self::read(&schema, types)
    }

    fn read(schema: &Value, types: &Map<String, Value>) -> Self {
        // an optional reference is written as "that or null"
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            let real = choices.iter().find(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
            return real.map_or(Self::Plain, |choice| Self::read(choice, types));
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            if let Some((_, helpers)) = SHOWN.iter().find(|(shown, _)| *shown == name) {
                return Self::Shown(helpers);
            }
            return types.get(name).map_or(Self::Plain, |schema| Self::read(schema, types));
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let required = schema.get("required").and_then(Value::as_array);
            let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
            let field = |(name, schema): (&String, &Value)| {
                let field = Field { shape: Self::read(schema, types), may_be_missing: !is_required(name) };
                (name.clone(), field)
            };
            return Self::Object(properties.iter().map(field).collect());
        }
        match schema.get("items") {
            Some(items) => Self::List(Box::new(Self::read(items, types))),
            None => Self::Plain,
        }
    }

    /// The fields of an object, also of one that a helper shows.
    pub fn field(&self, name: &str) -> Option<&Field> {
        match self {
            Self::Object(fields) => fields.get(name),
            _ => None,
        }
    }

    /// The names that can follow.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let fields = match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        };
        fields.into_iter().flat_map(|fields| fields.keys()).map(String::as_str)
    }
}
