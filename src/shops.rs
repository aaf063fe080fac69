//! The shops that are served, each with its rules and its words.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use tokio::sync::watch;

use crate::domain::rule::RuleSet;
use crate::message::Templates;

/// A shop as it is served: what it says of itself, its rules and its words. What it does not
/// change is shared with the others.
#[derive(Clone, Debug)]
pub struct Served {
    pub rules: RuleSet,
    pub templates: Arc<Templates>,
}

/// What is known of each shop.
#[derive(Clone, Debug)]
pub struct Shops {
    known: BTreeMap<String, Served>,
    /// For a shop that the configuration does not name; `None` refuses its events.
    unknown: Option<Served>,
}

impl Shops {
    /// `unknown` serves the shops that are not among `known`; without it, their events are refused.
    pub fn new(known: BTreeMap<String, Served>, unknown: Option<Served>) -> Self {
        Self { known, unknown }
    }

    /// That shop, if it is served.
    pub fn get(&self, shop: &str) -> Option<&Served> {
        self.known.get(shop).or(self.unknown.as_ref())
    }

    /// The name of that shop for metrics, which must not take as many values as events please.
    pub fn label<'a>(&self, shop: &'a str) -> &'a str {
        if self.known.contains_key(shop) { shop } else { "other" }
    }

    /// The rules of that shop, if it is served.
    pub fn rules(&self, shop: &str) -> Option<&RuleSet> {
        self.get(shop).map(|served| &served.rules)
    }

    /// The zone of times that name none.
    pub fn zone(&self, shop: &str) -> Option<Tz> {
        self.rules(shop).map(|rules| rules.shop.time_zone)
    }

    /// The shops that are known by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Served)> {
        self.known.iter().map(|(id, served)| (id.as_str(), served))
    }

    /// Every shop that is known by name, and the one that serves the others.
    pub fn all(&self) -> impl Iterator<Item = &Served> {
        self.known.values().chain(&self.unknown)
    }
}

/// The shops in force. They are replaced as a whole while the service runs; whoever decides takes
/// them once, and decides all of a batch with what it took.
#[derive(Clone)]
pub struct InForce(watch::Sender<Arc<Shops>>);

impl InForce {
    pub fn new(shops: Arc<Shops>) -> Self {
        Self(watch::Sender::new(shops))
    }

    /// The shops as they are now.
    pub fn get(&self) -> Arc<Shops> {
        Arc::clone(&self.0.borrow())
    }

    /// Puts others in force.
    pub fn replace(&self, shops: Arc<Shops>) {
        self.0.send_replace(shops);
    }
}
