//! What would have happened: simulations, and the service's invariants over whole streams of
//! generated journeys.

mod budget;
mod command;
mod differences;
mod range;
mod storms;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;

use reassure::domain::rule::RuleSet;
use reassure::message::Templates;
use reassure::shops::{Served, Shops};
use reassure::simulate::Recorded;

use crate::domain::story;

/// Every shop with these rules, or with the default ones.
pub fn shops(yaml: Option<&str>) -> Shops {
    shops_with(match yaml {
        Some(yaml) => story::own_rules(yaml),
        None => story::rules(),
    })
}

fn shops_with(rules: RuleSet) -> Shops {
    let templates = Arc::new(Templates::load(None).expect("the default templates"));
    Shops::new(BTreeMap::new(), Some(Served { rules, templates }))
}

fn recorded(generated: crate::generated::Recorded) -> Recorded {
    Recorded { at: generated.at, event: Arc::new(generated.event) }
}
