//! What of a changed configuration can be in force while the service runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Settings, UnknownShops};
use crate::domain::fault::Fault;
use crate::domain::order::Channel;
use crate::domain::shop::Shop;

/// The sections that are in force at once when they change.
const AT_ONCE: [&str; 5] = ["rules", "templates", "restraint", "shops", "shop"];

impl Settings {
    /// The files and folders that a running service looks at for changes: the configuration in
    /// `file` and what it names for its shops.
    pub fn places(file: Option<&Path>) -> Vec<PathBuf> {
        let named = Self::read(file).ok().map(|(settings, _)| settings);
        let places = named
            .into_iter()
            .flat_map(|own| [own.rules.folder, own.templates.folder, own.shops_folder, own.restraint.suppressed]);
        file.map(Path::to_owned).into_iter().chain(places.flatten()).collect()
    }

    /// The sections of `new` that differ from these and need a restart.
    pub fn needs_restart(&self, new: &Self) -> Vec<String> {
        let changed = self.source.changed_sections(&new.source);
        changed.into_iter().filter(|section| !AT_ONCE.contains(&section.as_str())).collect()
    }

    /// The providers that shops use and that a service that was `started` does not have.
    pub fn unknown_providers(&self, started: &Self) -> Vec<Fault> {
        let mut served: Vec<(Vec<&str>, &Shop)> =
            self.shops.iter().map(|(id, shop)| (vec!["shops", "named", id.as_str()], shop)).collect();
        if self.unknown_shops == UnknownShops::Serve {
            served.push((vec!["shop"], &self.shop));
        }
        let mut faults = BTreeSet::new();
        for (path, shop) in served {
            for channel in Channel::ALL {
                let Some(name) = shop.providers.of(channel) else { continue };
                if started.providers.get(name).is_none_or(|known| known.channel() != channel) {
                    let place: Vec<&str> = path.iter().copied().chain(["providers", channel.as_str()]).collect();
                    let what = format!("{}: the running service has no provider '{name}'", place.join("."));
                    faults.insert(self.source.fault(&place, what).suggest("restart it, to let it have one"));
                }
            }
        }
        faults.into_iter().collect()
    }
}
