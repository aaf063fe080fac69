//! Everything that the configuration names, read and made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Adapters, Files, Role, Settings};
use crate::adapter::{Adapter, Library};
use crate::domain::fault::Fault;
use crate::envelope::Formats;
use crate::http::access::{self, Access};
use crate::ports::{Provider, Registry};
use crate::provider;
use crate::registry::HttpRegistry;
use crate::shops::Shops;
use crate::telemetry::export::Target;

/// Everything that the configuration names, read and made: ready to run.
pub struct Loaded {
    pub settings: Settings,
    /// Where the configuration was read from.
    pub file: Option<PathBuf>,
    /// The files as they were when they were read, or before.
    pub files: Files,
    pub shops: Arc<Shops>,
    pub providers: Vec<(Arc<dyn Provider>, usize)>,
    pub formats: Arc<Formats>,
    /// Where the schemas of others are asked for, if anywhere.
    pub registry: Option<Arc<dyn Registry>>,
    /// Who may ask the API.
    pub access: Arc<Access>,
    /// Where spans go, if anywhere.
    pub tracing: Target,
}

impl Loaded {
    /// Reads the configuration (see [`Settings::load`]) and everything that it names.
    ///
    /// # Errors
    /// Every fault of every part.
    pub fn load(file: Option<&Path>) -> Result<Self, Vec<Fault>> {
        // looked at first: what changes while it is read is found to have changed
        let files = Files::of(file);
        let (settings, mut faults) = Settings::read(file)?;
        match Self::made_of(settings, file, files) {
            Ok(loaded) if faults.is_empty() => return Ok(loaded),
            Ok(_) => {}
            Err(found) => faults.extend(found),
        }
        Err(faults)
    }

    /// Reads rules and templates, makes the providers, and holds all of it against each other.
    fn made_of(settings: Settings, file: Option<&Path>, files: Files) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |found: Vec<Fault>| faults.extend(found);
        let shops = settings.serve().map_err(&mut keep).ok();
        let mut providers = Vec::new();
        for (name, own) in &settings.providers {
            match provider::build(name, own) {
                Ok(provider) => providers.push((provider, own.max_in_flight())),
                Err(found) => keep(found.into_iter().map(|fault| settings.place(name, fault)).collect()),
            }
        }
        let library = Library::load(&settings.adapters).map_err(&mut keep).ok();
        let adapters: Adapters = library.iter().flat_map(Library::iter).map(Adapter::named).collect();
        let formats = settings.formats(&adapters).map_err(&mut keep).unwrap_or_default();
        let registry = HttpRegistry::new(&settings.registry)
            .map_err(|(key, what)| keep(vec![settings.place_in(&["registry", key], &what)]))
            .unwrap_or_default();
        let tracing = Target::of(&settings.tracing, |name| std::env::var(name).ok())
            .map_err(|(key, what)| keep(vec![settings.place_in(&["tracing", key], &what)]))
            .unwrap_or_default();
        let access = settings.access().map_err(&mut keep).ok();
        let (Some(shops), Some(access), true) = (shops, access, faults.is_empty()) else { return Err(faults) };
        Ok(Self {
            settings,
            file: file.map(Path::to_owned),
            files,
            shops: Arc::new(shops),
            providers,
            formats: Arc::new(formats),
            registry: registry.map(|registry| -> Arc<dyn Registry> { Arc::new(registry) }),
            access: Arc::new(access),
            tracing,
        })
    }
}

impl Settings {
    /// Who may ask the API; their tokens are needed by who answers it alone.
    fn access(&self) -> Result<Access, Vec<Fault>> {
        let tokens = if self.service.has(Role::Http) { self.api.tokens.clone() } else { BTreeMap::new() };
        Access::new(&access::Settings { tokens, ..self.api.clone() }).map_err(|faults| {
            let place = |(name, what): (String, String)| self.place_in(&["api", "tokens", &name, "token"], &what);
            faults.into_iter().map(place).collect()
        })
    }
}
