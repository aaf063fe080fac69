//! A secret of the configuration: named by the file or the variable that holds it, never
//! written in it, never printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a secret is: `{ file = "/run/secrets/key" }` or `{ env = "SENDGRID_API_KEY" }`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    File(String),
    Env(String),
}

/// A secret in memory; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl SecretSource {
    /// Reads the secret, without the white space around it.
    ///
    /// # Errors
    /// Which file or variable is missing or empty; never what it holds.
    pub fn read(&self) -> Result<Secret, String> {
        let (text, place) = match self {
            Self::File(path) => (
                std::fs::read_to_string(path)
                    .map_err(|error| format!("cannot read the secret's file {path}: {error}"))?,
                format!("the secret's file {path}"),
            ),
            Self::Env(name) => (
                std::env::var(name).map_err(|_| format!("the secret's environment variable {name} is not set"))?,
                format!("the secret's environment variable {name}"),
            ),
        };
        let text = text.trim();
        if text.is_empty() { Err(format!("{place} is empty")) } else { Ok(Secret(text.to_owned())) }
    }
}

/// By hand, so that a secret that was written in place of its source is not repeated.
impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let told = value.as_object().filter(|table| table.len() == 1).and_then(|table| table.iter().next());
        match told.and_then(|(kind, text)| Some((kind.as_str(), text.as_str()?.to_owned()))) {
            Some(("file", path)) => Ok(Self::File(path)),
            Some(("env", name)) => Ok(Self::Env(name)),
            _ => Err(serde::de::Error::custom(
                "a secret is named by where it is, { file = \"…\" } or { env = \"…\" }, and never written here",
            )),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {path}"),
            Self::Env(name) => write!(f, "env {name}"),
        }
    }
}

impl Secret {
    /// The secret itself, for the request that needs it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}
