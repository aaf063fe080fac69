//! Versions of the schema, and which build may work with which.
//!
//! While a deployment rolls, replicas of two versions work on one store. So a migration only
//! **expands**: it adds tables, columns with a default, and indexes, and whatever the version before
//! it reads and writes goes on to work, byte for byte. What that version needs and this one does not
//! is taken away (**contraction**) by the migration after it at the earliest, when nobody of that
//! version can be there any more. A build therefore works with the version that it knows and with the
//! next one, and the binary can be rolled back by one version on a store that has been migrated.

use std::ops::Range;

use super::columns;
use crate::ports::StoreError;

/// The migrations, by index, that take a store of version `found` to the one that is `known`.
///
/// # Errors
/// [`StoreError::Corrupt`] if what wrote it is more than one version ahead.
pub(super) fn pending(found: i64, known: usize) -> Result<Range<usize>, StoreError> {
    match columns::natural::<usize>(found) {
        Ok(found) if found <= known => Ok(found..known),
        Ok(found) if found == known + 1 => Ok(known..known),
        _ => Err(StoreError::Corrupt(format!(
            "its schema is version {found}, and this build knows those up to {known} and works with {}: a newer version \
             wrote it; run that version or the one before it",
            known + 1
        ))),
    }
}
