//! All adapters: those in the binary, or a folder of the operator's.

use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Adapter, Carriers};
use crate::domain::fault::{Fault, nearest};
use crate::domain::written::Written;
use crate::folder;
use crate::ports::Record;

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/config/adapters");

/// The file of a folder that holds carriers' names in place of an adapter.
const CARRIERS: &str = "carriers.yaml";

/// Where adapters are, and what they cannot know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A folder of `*.yaml` files; without one, the adapters in the binary.
    pub folder: Option<std::path::PathBuf>,
    /// The shop of payloads that name none.
    pub shop: Option<String>,
}

/// Every adapter, by its name.
#[derive(Clone, Default)]
pub struct Library(Vec<Arc<Adapter>>);

impl Library {
    /// Reads every adapter.
    ///
    /// # Errors
    /// Every fault of every file, and adapters that share a name.
    pub fn load(settings: &Settings) -> Result<Self, Vec<Fault>> {
        let texts = folder::yaml(settings.folder.as_deref(), &SHIPPED, "config/adapters")?;
        let is_carriers = |file: &str| Path::new(file).file_name().is_some_and(|name| name == CARRIERS);
        let (mut faults, mut adapters) = (Vec::new(), Vec::<Arc<Adapter>>::new());
        // a folder without one has carriers called as the binary's own list does
        let shipped = || SHIPPED.get_file(CARRIERS).and_then(|file| file.contents_utf8()).unwrap_or_default();
        let (file, text) = texts
            .iter()
            .find(|(file, _)| is_carriers(file))
            .map_or_else(|| (CARRIERS, shipped()), |(file, text)| (file.as_str(), text.as_str()));
        let carriers =
            Carriers::parse(Written { file, text }).map_err(|found| faults.extend(found)).unwrap_or_default();
        for (file, text) in texts.iter().filter(|(file, _)| !is_carriers(file)) {
            match Adapter::parse(Written { file, text }, &carriers, settings.shop.as_deref()) {
                Err(found) => faults.extend(found),
                Ok(adapter) => {
                    let name = &adapter.about().name;
                    if adapters.iter().any(|other| other.about().name == *name) {
                        faults.push(Fault::new(file, format!("there is another adapter '{name}'")));
                    }
                    adapters.push(Arc::new(adapter));
                }
            }
        }
        if faults.is_empty() { Ok(Self(adapters)) } else { Err(faults) }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Adapter>> {
        self.0.iter()
    }

    /// The adapter of that name.
    ///
    /// # Errors
    /// That there is none, and which name may have been meant.
    pub fn get(&self, name: &str) -> Result<&Arc<Adapter>, String> {
        let names = || self.0.iter().map(|adapter| adapter.about().name.as_str());
        self.0.iter().find(|adapter| adapter.about().name == name).ok_or_else(|| match nearest(name, names()) {
            Some(near) => format!("there is no adapter '{name}'; did you mean '{near}'?"),
            None => format!("there is no adapter '{name}'; there are {}", names().collect::<Vec<_>>().join(", ")),
        })
    }

    /// The adapters that are for such a payload.
    pub fn takers(&self, payload: &Value, record: &Record) -> Vec<&Arc<Adapter>> {
        self.0.iter().filter(|adapter| adapter.takes(payload, record)).collect()
    }
}
