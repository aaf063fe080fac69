//! Where journeys lie in their table, remembered from the first look to the last of a batch: each
//! look by order number would cost a page of the index, and there are a million orders.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::journey::JourneyKey;

/// More than the batches under way can name; beyond it all is forgotten (I10).
const MOST: usize = 8_192;

/// Row ids by journey. A row may have been deleted and its id given to another since: whoever asks
/// by id asks for the key too.
#[derive(Default)]
pub(super) struct Rows(Mutex<HashMap<JourneyKey, i64>>);

impl Rows {
    pub fn remember(&self, found: impl Iterator<Item = (JourneyKey, i64)>) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() > MOST {
            rows.clear();
        }
        rows.extend(found);
    }

    /// The rows of those that are remembered.
    pub fn of<'a>(&self, keys: impl Iterator<Item = &'a JourneyKey>) -> Vec<Option<i64>> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.map(|key| rows.get(key).copied()).collect()
    }
}
