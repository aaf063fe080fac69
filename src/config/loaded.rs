//! Everything that the configuration names, read and made.

use std::path::Path;
use std::sync::Arc;

use super::{Adapters, Settings, UnknownShops};
use crate::adapter::{Adapter, Library};
use crate::domain::fault::{Fault, nearest};
use crate::domain::rule::RuleSet;
use crate::envelope::Formats;
use crate::message::Templates;
use crate::ports::{Provider, Registry};
use crate::provider;
use crate::registry::HttpRegistry;
use crate::rules;
use crate::shops::Shops;

/// Everything that the configuration names, read and made: ready to run.
pub struct Loaded {
    pub settings: Settings,
    pub shops: Arc<Shops>,
    pub templates: Arc<Templates>,
    pub providers: Vec<(Arc<dyn Provider>, usize)>,
    pub formats: Arc<Formats>,
    /// Where the schemas of others are asked for, if anywhere.
    pub registry: Option<Arc<dyn Registry>>,
}

impl Loaded {
    /// Reads the configuration (see [`Settings::load`]) and everything that it names.
    ///
    /// # Errors
    /// Every fault of every part.
    pub fn load(file: Option<&Path>) -> Result<Self, Vec<Fault>> {
        let (settings, mut faults) = Settings::read(file)?;
        match Self::new(settings) {
            Ok(loaded) if faults.is_empty() => return Ok(loaded),
            Ok(_) => {}
            Err(found) => faults.extend(found),
        }
        Err(faults)
    }

    /// Reads rules and templates, makes the providers, and holds all of it against each other.
    ///
    /// # Errors
    /// Every fault of every part.
    pub fn new(settings: Settings) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |found: Vec<Fault>| faults.extend(found);
        let rules = rules::load(settings.rules.folder.as_deref()).map_err(&mut keep).ok();
        let templates = Templates::load(settings.templates.folder.as_deref()).map_err(&mut keep).ok();
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
        if let (Some(rules), Some(templates)) = (&rules, &templates) {
            keep(templates.check());
            for rule in rules.iter().filter(|rule| !templates.messages().any(|known| known == rule.message)) {
                let place = settings
                    .rules
                    .folder
                    .as_ref()
                    .map_or("config/rules".to_owned(), |folder| folder.display().to_string());
                let hint = nearest(&rule.message, templates.messages());
                let fault = Fault::new(
                    place,
                    format!("the rule '{}' sends '{}', of which there are no templates", rule.name, rule.message),
                );
                keep(vec![Fault { suggestion: hint.map(|known| format!("did you mean '{known}'?")), ..fault }]);
            }
        }
        let (Some(rules), Some(templates)) = (rules, templates) else { return Err(faults) };
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = RuleSet::new(rules, Arc::new(settings.shop.clone()));
        let serve_unknown = settings.unknown_shops == UnknownShops::Serve;
        let shops = Shops::new(rules, settings.shops.clone(), serve_unknown);
        Ok(Self {
            settings,
            shops: Arc::new(shops),
            templates: Arc::new(templates),
            providers,
            formats: Arc::new(formats),
            registry: registry.map(|registry| -> Arc<dyn Registry> { Arc::new(registry) }),
        })
    }
}
