//! What tests run on: rules, shops and words.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::happening::lay;
use crate::domain::fault::nearest;
use crate::domain::rule::{Rule, RuleSet};
use crate::domain::shop::Shop;
use crate::message::{Templates, sample};

/// Rules, shops and words. The same on every machine, unless a test names a configured shop.
pub struct Bench {
    /// For a shop of examples that sends by every channel.
    pub rules: RuleSet,
    shops: BTreeMap<String, RuleSet>,
    pub templates: Arc<Templates>,
}

impl Bench {
    /// `shops` are those that tests may name.
    pub fn new(rules: Vec<Rule>, shops: BTreeMap<String, RuleSet>, templates: Arc<Templates>) -> Self {
        Self { rules: RuleSet::new(rules, Arc::new(sample::shop())), shops, templates }
    }

    /// The rules for the shop of that name, else of the examples, with `changes` laid over it.
    ///
    /// # Errors
    /// What is wrong with the name or the changes.
    pub fn rules_of(&self, name: Option<&str>, changes: &Value) -> Result<RuleSet, String> {
        let rules = match name {
            None => &self.rules,
            Some(name) => self.shops.get(name).ok_or_else(|| {
                let known = nearest(name, self.shops.keys().map(String::as_str));
                let hint = known.map(|known| format!("; did you mean '{known}'?")).unwrap_or_default();
                format!("shop: the configuration has no shop '{name}'{hint}")
            })?,
        };
        if changes.is_null() {
            return Ok(rules.clone());
        }
        let mut shop = serde_json::to_value(&*rules.shop).map_err(|error| format!("shop: {error}"))?;
        lay(changes.clone(), &mut shop);
        let shop: Shop = serde_json::from_value(shop).map_err(|error| format!("shop: {error}"))?;
        Ok(rules.for_shop(Arc::new(shop)))
    }
}
