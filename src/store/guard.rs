//! The storm guard within a commit, whatever the database: what is said beside what is on record.

use std::collections::HashMap;

use crate::domain::storm::{Guard, Hour, Judgement, Standing, ThisHour};
use crate::domain::time::Timestamp;
use crate::ports::{Counted, Spoken};

/// Stands for a rule where orders are counted: no rule has an empty name.
const ORDERS: &str = "";

/// A shop, and a rule of it or [`ORDERS`].
pub(super) type Voice<'a> = (&'a str, &'a str);

pub(super) fn voice(counted: &Counted) -> Voice<'_> {
    (&counted.shop, counted.rule.as_ref().map_or(ORDERS, |rule| rule.as_str()))
}

/// How much each voice says in a batch, in their order.
pub(super) fn said(spoken: &[Spoken]) -> impl Iterator<Item = (Voice<'_>, u64)> {
    spoken.iter().flat_map(|spoken| {
        let orders = std::iter::once(((&*spoken.shop, ORDERS), spoken.orders));
        orders.chain(spoken.rules.iter().map(|by| ((&*spoken.shop, by.rule.as_str()), by.messages)))
    })
}

/// What is on record of a voice.
#[derive(Clone, Copy, Default)]
pub(super) struct OnRecord {
    /// With what this batch says.
    pub this_hour: u64,
    pub standing: Option<Standing>,
}

/// A rule of which all that this batch says is held.
pub(super) struct Held<'a> {
    pub voice: Voice<'a>,
    pub at: Timestamp,
    /// In this batch.
    pub messages: u64,
    pub this_hour: u64,
    pub mark: u64,
    /// Where it has passed its mark.
    pub until: Option<Timestamp>,
}

impl Held<'_> {
    pub fn hour(&self) -> Hour {
        Hour::of(self.at)
    }
}

/// How a notification is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub storm: i64,
    /// The row with which it is let go; `None`: by itself.
    pub to: Option<i64>,
}

/// The rules that are held with a batch.
#[derive(Default)]
pub(super) struct Holding<'a> {
    of: HashMap<Voice<'a>, i64>,
    /// Those whose storm begins.
    begun: Vec<Held<'a>>,
}

impl<'a> Holding<'a> {
    /// A rule is held by the storm of that id.
    pub fn add(&mut self, held: Held<'a>, id: i64, is_new: bool) {
        self.of.insert(held.voice, id);
        if is_new {
            self.begun.push(held);
        }
    }

    /// How a message of that voice is held.
    pub fn of(&self, voice: Voice<'_>) -> Option<Bound> {
        let storm = if self.of.is_empty() { None } else { self.of.get(&voice).copied() };
        storm.map(|storm| Bound { storm, to: None })
    }

    /// One line for the operator for each storm that has begun, once that is durable.
    pub fn tell(&self) {
        for held in &self.begun {
            let (shop, rule) = held.voice;
            tracing::error!(
                shop,
                rule,
                messages_this_hour = held.this_hour,
                mark = held.mark,
                "a rule speaks far more often than ever; what it says is held until a person releases or drops it \
                 (reassure storms)"
            );
        }
    }
}

/// The rules that must be held.
pub(super) fn judge<'a>(spoken: &'a [Spoken], on_record: &HashMap<Voice<'_>, OnRecord>) -> Vec<Held<'a>> {
    let found = |voice: Voice<'_>| on_record.get(&voice).copied().unwrap_or_default();
    let mut held = Vec::new();
    for Spoken { shop, at, guard, rules, .. } in spoken {
        let guard: &Guard = guard;
        let orders = found((shop, ORDERS)).this_hour;
        for by in rules {
            let voice = (&**shop, by.rule.as_str());
            let OnRecord { this_hour, standing } = found(voice);
            let hour = ThisHour { messages: this_hour, orders };
            if let Judgement::Storm { mark, until } = guard.judge(&by.past, hour, standing.as_ref(), *at) {
                held.push(Held { voice, at: *at, messages: by.messages, this_hour, mark, until });
            }
        }
    }
    held
}
