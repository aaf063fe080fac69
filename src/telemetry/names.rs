//! Names that become values of labels.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use super::specification::OTHER;

/// The names that have series of their own: the first so many. What comes after them is counted
/// together, so that no stream of events and no series of configurations makes metrics grow without
/// bound (I10).
#[derive(Clone, Debug)]
pub struct Names {
    most: usize,
    known: Arc<RwLock<BTreeSet<Box<str>>>>,
}

impl Names {
    pub fn new(most: usize) -> Self {
        Self { most, known: Arc::default() }
    }

    /// The value for `name`: itself, or [`OTHER`].
    pub fn label<'a>(&self, name: &'a str) -> &'a str {
        // a set is whole after every statement
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return name;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < self.most {
            known.insert(name.into());
        }
        if known.contains(name) { name } else { OTHER }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_stay_and_the_rest_is_other() {
        let names = Names::new(2);
        let labels = ["a", "b", "c", "a", "c"].map(|name| names.label(name));
        assert_eq!(labels, ["a", "b", OTHER, "a", OTHER]);
    }
}
