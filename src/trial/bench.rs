//! What tests run on: rules, shops and words.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::happening::lay;
use crate::domain::fault::nearest;
use crate::domain::rule::{Rule, RuleName, RuleSet};
use crate::domain::shop::Shop;
use crate::message::{Templates, sample};
use crate::shops::Served;

/// Rules, shops and words. The same on every machine, unless a test names a configured shop.
pub struct Bench {
    /// For a shop of examples that sends by every channel.
    pub rules: RuleSet,
    shops: BTreeMap<String, Served>,
    templates: Arc<Templates>,
}

impl Bench {
    /// `shops` are those that tests may name.
    pub fn new<R: Into<Arc<Rule>>>(rules: Vec<R>, shops: BTreeMap<String, Served>, templates: Arc<Templates>) -> Self {
        Self { rules: RuleSet::new(rules, Arc::new(sample::shop())), shops, templates }
    }

    /// Every rule that a test may be of: those of each shop count, since a test may name a shop.
    pub fn names(&self) -> impl Iterator<Item = &RuleName> {
        let of_shops = self.shops.values().flat_map(|served| served.rules.iter());
        self.rules.iter().chain(of_shops).map(|rule| &rule.name)
    }

    /// The shop of that name, else that of the examples, with `changes` laid over it.
    ///
    /// # Errors
    /// What is wrong with the name or the changes.
    pub fn shop(&self, name: Option<&str>, changes: &Value) -> Result<Served, String> {
        let served = match name {
            None => Served { rules: self.rules.clone(), templates: Arc::clone(&self.templates) },
            Some(name) => self.shops.get(name).cloned().ok_or_else(|| {
                let known = nearest(name, self.shops.keys().map(String::as_str));
                let hint = known.map(|known| format!("; did you mean '{known}'?")).unwrap_or_default();
                format!("shop: the configuration has no shop '{name}'{hint}")
            })?,
        };
        if changes.is_null() {
            return Ok(served);
        }
        let mut shop = serde_json::to_value(&*served.rules.shop).map_err(|error| format!("shop: {error}"))?;
        lay(changes.clone(), &mut shop);
        let shop: Shop = serde_json::from_value(shop).map_err(|error| format!("shop: {error}"))?;
        Ok(Served { rules: served.rules.for_shop(Arc::new(shop)), ..served })
    }
}
