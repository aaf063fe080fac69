//! YAML as it was written, with the place of every key and value.

use std::fmt;

use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

#[derive(Clone, Debug)]
pub enum Yaml {
    Null,
    Truth(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Yaml>>),
    Mapping(Vec<(Spanned<String>, Spanned<Yaml>)>),
}

impl Yaml {
    /// As it would read in "found …".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Truth(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Yaml;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("YAML")
            }
            fn visit_unit<E>(self) -> Result<Yaml, E> {
                Ok(Yaml::Null)
            }
            fn visit_none<E>(self) -> Result<Yaml, E> {
                Ok(Yaml::Null)
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Yaml, E> {
                Ok(Yaml::Truth(truth))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Yaml, E> {
                Ok(Yaml::Number(number.into()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Yaml, E> {
                Ok(Yaml::Number(number.into()))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Yaml, E> {
                let number =
                    serde_json::Number::from_f64(number).ok_or_else(|| E::custom("a finite number is needed"))?;
                Ok(Yaml::Number(number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
                Ok(Yaml::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Yaml, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(Yaml::List(elements))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Yaml, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Yaml::Mapping(fields))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
