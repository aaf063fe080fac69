//! The shops that are served, each with its rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::domain::rule::RuleSet;
use crate::domain::shop::Shop;

/// What is known of each shop.
#[derive(Clone, Debug)]
pub struct Shops {
    known: BTreeMap<String, RuleSet>,
    /// For a shop that the configuration does not name; `None` refuses its events.
    unknown: Option<RuleSet>,
}

impl Shops {
    /// Gives every shop the rules of `rules`, whose own shop serves those that are not named, if
    /// `serve_unknown`.
    pub fn new(rules: RuleSet, named: BTreeMap<String, Shop>, serve_unknown: bool) -> Self {
        let known = named.into_iter().map(|(id, shop)| (id, rules.for_shop(Arc::new(shop)))).collect();
        Self { known, unknown: serve_unknown.then_some(rules) }
    }

    /// The rules of that shop, if it is served.
    pub fn rules(&self, shop: &str) -> Option<&RuleSet> {
        self.known.get(shop).or(self.unknown.as_ref())
    }

    /// The zone of times that name none.
    pub fn zone(&self, shop: &str) -> Option<Tz> {
        self.rules(shop).map(|rules| rules.shop.time_zone)
    }

    /// The rules of whichever shop is served.
    pub fn any(&self) -> Option<&RuleSet> {
        self.known.values().next().or(self.unknown.as_ref())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &RuleSet)> {
        self.known.iter().map(|(id, rules)| (id.as_str(), rules))
    }
}
