//! Carriers' names: platforms spell them as people do, scans must still find the parcel.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::fault::Fault;
use crate::domain::written::Written;

/// From every spelling to the short name that events use.
#[derive(Clone, Debug, Default)]
pub struct Carriers(Arc<BTreeMap<String, String>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The short name, and how else it is spelled.
    carriers: BTreeMap<String, Vec<String>>,
}

impl Carriers {
    /// Reads `carriers: {<short name>: [<spelling>, …]}`. Case, blanks and punctuation of a
    /// spelling do not count.
    ///
    /// # Errors
    /// What is wrong with the file, such as one spelling for two carriers.
    pub fn parse(written: Written<'_>) -> Result<Self, Vec<Fault>> {
        let file: File = serde_saphyr::from_str(written.text)
            .map_err(|error| vec![written.unreadable("a list of carriers", &error)])?;
        let (mut names, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, spellings) in file.carriers {
            for spelling in spellings.iter().chain([&name]) {
                let other = names.insert(bare(spelling), name.clone());
                if let Some(other) = other.filter(|other| *other != name) {
                    let what = format!("'{spelling}' is a spelling of both '{other}' and '{name}'");
                    faults.push(Fault::new(written.file, what));
                }
            }
        }
        if faults.is_empty() { Ok(Self(Arc::new(names))) } else { Err(faults) }
    }

    /// The short name of a carrier; one that is not listed keeps its own, in lower case.
    pub fn name(&self, spelling: &str) -> String {
        self.0.get(&bare(spelling)).cloned().unwrap_or_else(|| {
            let lower = spelling.to_lowercase();
            lower.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
        })
    }
}

fn bare(spelling: &str) -> String {
    spelling.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
