//! What there is to worry about in an order: conditions of the shop's own over it.
//!
//! They are asked when the order is placed and when it changes; what they came to stays with the
//! journey, so that a step costs nothing for it and a change of the configuration concerns the
//! orders that come after it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::condition::trace::Trace;
use super::condition::{Condition, Scope};
use super::journey::{Journey, Subject};
use super::order::Concern;
use super::shop::Shop;
use super::view::Scene;

/// When a shop's orders raise which concern. Without a condition, one is raised by the event alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Concerns {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Ground>,
    #[serde(skip_serializing_if = "Option::is_none")]
    perishable: Option<Ground>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulky: Option<Ground>,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgent: Option<Ground>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cherished: Option<Ground>,
}

/// A condition over an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Ground(Arc<Condition>);

impl PartialEq for Ground {
    fn eq(&self, other: &Self) -> bool {
        self.0.source() == other.0.source()
    }
}

impl TryFrom<String> for Ground {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        let told = |flaws: Vec<super::condition::Flaw>| {
            let flaws = flaws.into_iter().map(|flaw| match flaw.suggestion {
                Some(suggestion) => format!("{}; {suggestion}", flaw.what),
                None => flaw.what,
            });
            flaws.collect::<Vec<_>>().join(", and ")
        };
        Condition::of_order(&source).map(Arc::new).map(Self).map_err(told)
    }
}

impl From<Ground> for String {
    fn from(ground: Ground) -> Self {
        ground.0.source().to_owned()
    }
}

impl Concerns {
    /// The concerns that the order raises, and those that its event states, in a fixed order. A
    /// condition that cannot be evaluated raises none; [`Concerns::faults`] tells beforehand.
    pub fn raised_by(&self, journey: &Journey, shop: &Shop) -> Vec<Concern> {
        let mut scope = scope(journey, shop);
        let mut holds = |concern| self.of(concern).is_some_and(|condition| scope.holds(condition) == Ok(true));
        Concern::ALL.into_iter().filter(|concern| journey.order.concerns.contains(concern) || holds(*concern)).collect()
    }

    /// The conditions that cannot be evaluated for such an order, and why.
    pub fn faults(&self, journey: &Journey, shop: &Shop) -> Vec<(Concern, String)> {
        let mut scope = scope(journey, shop);
        let asked = Concern::ALL.into_iter().filter_map(|concern| Some((concern, self.of(concern)?)));
        asked.filter_map(|(concern, condition)| Some((concern, scope.holds(condition).err()?))).collect()
    }

    /// Why each concern is raised or not, as the order stands now.
    pub fn traces(&self, journey: &Journey, shop: &Shop) -> Vec<(Concern, Trace)> {
        let mut scope = scope(journey, shop);
        let asked = Concern::ALL.into_iter().filter_map(|concern| Some((concern, self.of(concern)?)));
        asked.map(|(concern, condition)| (concern, scope.trace(condition))).collect()
    }

    fn of(&self, concern: Concern) -> Option<&Condition> {
        let ground = match concern {
            Concern::Value => &self.value,
            Concern::Perishable => &self.perishable,
            Concern::Bulky => &self.bulky,
            Concern::Urgent => &self.urgent,
            Concern::Cherished => &self.cherished,
        };
        ground.as_ref().map(|Ground(condition)| &**condition)
    }
}

fn scope<'a>(journey: &'a Journey, shop: &'a Shop) -> Scope<'a> {
    Scope::new(Scene { journey, shop, subject: &Subject::Order, event: None, now: journey.placed_at })
}
