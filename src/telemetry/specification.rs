//! Every metric there is: its name, its labels with the values that they can take, what it means, and
//! which alerts stand on it. The metrics themselves, the reference page and the tests are made from
//! this table; nothing can be shown that does not stand here.

mod families;

pub use families::FAMILIES;
pub(super) use families::{INCIDENTS, SPAN_OUTCOMES};

/// A metric with all its series.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// What it means; also its line of help.
    pub help: &'static str,
    pub labels: &'static [Label],
    /// The alerts that stand on it (`helm/reassure/alerts`).
    pub alerts: &'static [&'static str],
}

/// What may be done with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only ever rises, from 0 at the start of the process.
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A label, and what bounds it. No label ever tells of an order, a customer or an event (I9, I10).
#[derive(Clone, Copy, Debug)]
pub struct Label {
    pub name: &'static str,
    pub values: Values,
}

/// The values that a label can take.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// These and no others.
    Words(fn() -> Vec<&'static str>),
    /// Words of the program, too many to be listed here.
    Codes(&'static str),
    /// Names out of the configuration: the first so many, and `other` for the rest.
    Names(&'static str, usize),
    /// One at a time, or what is assigned at the moment: shown anew with every answer.
    Present(&'static str),
}

/// What is counted together with all that comes after the first so many.
pub const OTHER: &str = "other";

/// Shops, rules and messages that have series of their own.
pub const MOST_SHOPS: usize = 500;
pub const MOST_RULES: usize = 200;
pub const MOST_MESSAGES: usize = 100;

impl Family {
    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, help, labels: &[], alerts: &[] }
    }

    const fn by(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    const fn alerts(self, alerts: &'static [&'static str]) -> Self {
        Self { alerts, ..self }
    }

    pub fn label_names(&self) -> Vec<&'static str> {
        self.labels.iter().map(|label| label.name).collect()
    }

    /// The family of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| family.name == name)
    }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::new(name, Kind::Counter, help)
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::new(name, Kind::Gauge, help)
}

const fn histogram(name: &'static str, help: &'static str, buckets: &'static [f64]) -> Family {
    Family::new(name, Kind::Histogram(buckets), help)
}

const fn words(name: &'static str, words: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Values::Words(words) }
}
