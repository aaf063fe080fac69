//! A schema registry: what records name by a number or a GUID.

use std::fmt;

use async_trait::async_trait;

/// By what a record names the schema it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    Number(u32),
    Guid([u8; 16]),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Guid(bytes) => bytes.iter().enumerate().try_for_each(|(at, byte)| {
                let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")
            }),
        }
    }
}

/// A schema as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// `AVRO`, `JSON` or `PROTOBUF`.
    pub kind: String,
    pub text: String,
    /// The schemas that it refers to, each after those that it refers to itself.
    pub references: Vec<String>,
}

/// Why there is no schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// The registry has none of that id, or lacks one that it refers to.
    Missing,
    /// It can never be read; with the reason.
    Unreadable(String),
    /// There is no telling now: the registry is down, slow, or not one. Ask again later.
    Unavailable(String),
}

/// Where schemas are asked for.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The schema of that id. Comes back within a deadline of its own.
    ///
    /// # Errors
    /// Why there is none, and whether to ask again.
    async fn schema(&self, id: SchemaId) -> Result<Registered, RegistryError>;
}
