//! The text of `/metrics`, read.

use std::collections::{BTreeMap, BTreeSet};

use reassure::telemetry::specification::{Family, Kind, OTHER, Values};

/// A series with its labels and its value.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

/// Families with their type and their samples.
#[derive(Default)]
pub struct Exposition {
    pub kinds: BTreeMap<String, String>,
    pub helps: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

impl Exposition {
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                read.kinds.insert(name.to_owned(), kind.to_owned());
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                read.helps.insert(name.to_owned(), help.to_owned());
            } else {
                read.samples.push(Sample::read(line));
            }
        }
        read
    }

    /// Each series, by its name and labels alone.
    pub fn series(&self) -> BTreeSet<String> {
        self.samples.iter().map(|sample| format!("{} {:?}", sample.name, sample.labels)).collect()
    }

    /// Where it says something else than the specification, a line each.
    pub fn trespasses(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, kind) in &self.kinds {
            match Family::named(name) {
                None => found.push(format!("{name} is not specified")),
                Some(family) if family.kind.as_str() != kind => found.push(format!("{name} is a {kind}")),
                Some(_) => {}
            }
        }
        let mut values: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for sample in &self.samples {
            let Some(family) = family_of(&sample.name) else { continue };
            let mut labels: Vec<&str> = family.label_names();
            if sample.name.ends_with("_bucket") {
                labels.push("le");
            }
            labels.sort_unstable();
            if sample.labels.keys().map(String::as_str).ne(labels.iter().copied()) {
                found.push(format!("{} has the labels {:?}, not {labels:?}", sample.name, sample.labels.keys()));
            }
            for label in family.labels {
                let value = sample.labels.get(label.name).map_or("", String::as_str);
                values.entry((family.name, label.name)).or_default().insert(value);
                if let Values::Words(words) = label.values
                    && !words().contains(&value)
                {
                    found.push(format!("{} of {} is {value}", label.name, family.name));
                }
            }
        }
        for ((name, label), values) in values {
            let bounds = Family::named(name).unwrap().labels.iter().find(|it| it.name == label).unwrap();
            if let Values::Names(_, most) = bounds.values {
                let own = values.iter().filter(|value| **value != OTHER).count();
                if own > most {
                    found.push(format!("{label} of {name} has {own} values"));
                }
            }
        }
        found
    }
}

impl Sample {
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        value.parse::<f64>().unwrap_or_else(|_| panic!("no number: {line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        let labels = labels.split("\",").filter(|label| !label.is_empty()).map(|label| {
            let (name, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            (name.to_owned(), value.trim_end_matches('"').to_owned())
        });
        Self { name: name.to_owned(), labels: labels.collect() }
    }
}

/// The family that a series is of: itself, or a histogram's part.
pub fn family_of(series: &str) -> Option<&'static Family> {
    let part = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| {
        let family = Family::named(series.strip_suffix(suffix)?)?;
        matches!(family.kind, Kind::Histogram(_)).then_some(family)
    });
    let whole = || Family::named(series).filter(|family| !matches!(family.kind, Kind::Histogram(_)));
    part.or_else(whole)
}
