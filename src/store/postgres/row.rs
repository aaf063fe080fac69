//! Rust values as PostgreSQL's, and back.

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::failure::Failure;
use crate::domain::event::EventKey;
use crate::ports::StoreError;

type Fault = Box<dyn std::error::Error + Sync + Send>;

/// 16 bytes as a `uuid`, the narrowest type that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub [u8; 16]);

impl From<EventKey> for Key {
    fn from(key: EventKey) -> Self {
        Self(key.0)
    }
}

impl ToSql for Key {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Key {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self(raw.try_into()?))
    }
    accepts!(UUID);
}

/// A column. One of another type is told without what it holds.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Failure> {
    row.try_get(column).map_err(|_| StoreError::Corrupt(format!("column {column}: not of the expected type")).into())
}

/// A position that `WITH ORDINALITY` counted from one.
pub(super) fn position(row: &Row, column: usize) -> Result<usize, Failure> {
    let ordinal: i64 = get(row, column)?;
    let position = usize::try_from(ordinal).ok().and_then(|ordinal| ordinal.checked_sub(1));
    position.ok_or_else(|| StoreError::Corrupt("a position: out of its range".to_owned()).into())
}

/// PostgreSQL's texts hold no NUL, foreign texts may.
pub(super) fn text(foreign: &str) -> std::borrow::Cow<'_, str> {
    if foreign.contains('\0') { foreign.replace('\0', "\u{fffd}").into() } else { foreign.into() }
}
