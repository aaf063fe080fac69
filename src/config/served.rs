//! The shops as they are served: what each changes, over what every shop inherits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Settings, UnknownShops};
use crate::domain::fault::{Fault, nearest};
use crate::domain::party::Party;
use crate::domain::restraint::Restraints;
use crate::domain::rule::RuleSet;
use crate::domain::shop::Shop;
use crate::message::Templates;
use crate::rules::Rules;
use crate::shops::{Served, Shops};

/// What the folder of a shop may hold.
const PARTS: [&str; 2] = ["rules", "templates"];

impl Settings {
    /// Reads rules and templates, those of every shop and those of each, and holds them against
    /// each other.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn serve(&self) -> Result<Shops, Vec<Fault>> {
        self.serve_with(true)
    }

    /// Reads rules alone, those of every shop and those of each, for who sends nothing.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn serve_without_words(&self) -> Result<Shops, Vec<Fault>> {
        self.serve_with(false)
    }

    /// The folder of that section, if it is set and can be read.
    fn readable<'a>(&self, section: &str, folder: &'a Option<PathBuf>) -> Result<Option<&'a Path>, Vec<Fault>> {
        let Some(folder) = folder.as_deref() else { return Ok(None) };
        match std::fs::read_dir(folder) {
            Ok(_) => Ok(Some(folder)),
            Err(error) => {
                let what = format!("'{}' cannot be read: {error}", folder.display());
                let fault = self.place_in(&[section, "folder"], &what);
                Err(vec![fault.suggest("name a folder that is there and may be read, or leave the setting out")])
            }
        }
    }

    fn serve_with(&self, words: bool) -> Result<Shops, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |found: Vec<Fault>| faults.extend(found);
        let rules = self.readable("rules", &self.rules.folder).and_then(Rules::load).map_err(&mut keep).ok();
        let templates = if words {
            self.readable("templates", &self.templates.folder).and_then(Templates::load)
        } else {
            Ok(Templates::none())
        };
        let templates = templates.map_err(&mut keep).ok();
        let restraints = self.restraints().map_err(&mut keep).map(Arc::new).unwrap_or_default();
        let folders = self.folders().map_err(&mut keep).unwrap_or_default();
        let (Some(rules), Some(templates)) = (rules, templates) else { return Err(faults) };
        if words {
            keep(templates.check());
            keep(rules.wordless(&templates.messages().collect::<Vec<_>>()));
            keep(for_recipients(&RuleSet::new(rules.all(), Arc::new(self.shop.clone())), &templates));
        }
        let all = Inherited {
            set: RuleSet::new(rules.all(), Arc::new(self.shop.clone())).with_restraints(&restraints),
            restraints,
            rules,
            templates: templates.into(),
            words,
        };
        let mut known = BTreeMap::new();
        let ids: BTreeSet<&String> = self.shops.keys().chain(folders.keys()).collect();
        for id in ids {
            let shop = Arc::new(self.shops.get(id).unwrap_or(&self.shop).clone());
            match all.serve(id, shop, folders.get(id).map(PathBuf::as_path)) {
                Ok(served) => drop(known.insert(id.clone(), served)),
                Err(found) => keep(found),
            }
        }
        let sets = known.values().map(|served| &served.rules).chain([&all.set]);
        keep(self.idle_switches(&sets.flat_map(RuleSet::iter).map(|rule| rule.name.as_str()).collect()));
        let serves_unknown = self.unknown_shops == UnknownShops::Serve;
        let shops = known.iter().map(|(id, served)| (Some(id), &served.rules));
        faults.extend(
            shops
                .chain(serves_unknown.then_some((None, &all.set)))
                .find_map(|(id, rules)| self.without_threshold(id.map(String::as_str), rules)),
        );
        if !faults.is_empty() {
            return Err(faults);
        }
        let unknown = Served { rules: all.set, templates: all.templates };
        Ok(Shops::new(known, serves_unknown.then_some(unknown)))
    }

    /// The first threshold that a rule of the shop waits for and that the shop does not have.
    fn without_threshold(&self, id: Option<&str>, rules: &RuleSet) -> Option<Fault> {
        let named = || rules.shop.thresholds.names();
        let wanted = rules.iter().flat_map(|rule| rule.deadlines.iter().map(move |deadline| (rule, deadline)));
        let mut wanted = wanted.filter_map(|(rule, deadline)| Some((rule, deadline.threshold()?)));
        let (rule, missing) = wanted.find(|(_, name)| named().all(|known| known != *name))?;
        let place: Vec<&str> = match id {
            Some(id) => vec!["shops", "named", id, "thresholds"],
            None => vec!["shop", "thresholds"],
        };
        let what = format!("there is no '{missing}', for which the rule '{}' waits", rule.name);
        let right = match nearest(missing, named()) {
            Some(near) => format!("did you mean '{near}', in the rule?"),
            None => format!("add [[{}.{missing}]] with after = \"36h\"", place.join(".")),
        };
        Some(self.place_in(&place, &what).suggest(right))
    }

    /// The folder of the rules that a shop changes, if it has one.
    pub fn rules_of(&self, shop: &str) -> Option<PathBuf> {
        let folder = self.shops_folder.as_ref()?.join(shop).join("rules");
        folder.is_dir().then_some(folder)
    }

    /// The folder of each shop that has one.
    fn folders(&self) -> Result<BTreeMap<String, PathBuf>, Vec<Fault>> {
        let Some(folder) = self.readable("shops", &self.shops_folder)? else { return Ok(BTreeMap::new()) };
        let mut folders = BTreeMap::new();
        let mut faults = Vec::new();
        for (id, path) in folders_in(folder)? {
            if self.unknown_shops == UnknownShops::Refuse && !self.source.names_shop(&id) {
                let fault = Fault::new(path.display().to_string(), format!("there is no shop '{id}'"));
                let near = nearest(&id, self.shops.keys().map(String::as_str));
                faults.push(fault.suggest(match near {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("add [shops.named.{id}]"),
                }));
            }
            folders.insert(id, path);
        }
        if faults.is_empty() { Ok(folders) } else { Err(faults) }
    }
}

/// What every shop has unless it says otherwise.
struct Inherited {
    rules: Rules,
    set: RuleSet,
    restraints: Arc<Restraints>,
    templates: Arc<Templates>,
    /// Without them, those of the shops are not read either.
    words: bool,
}

impl Inherited {
    /// One shop, with what its folder changes.
    fn serve(&self, id: &str, shop: Arc<Shop>, folder: Option<&Path>) -> Result<Served, Vec<Fault>> {
        let inherited = Served { rules: self.set.for_shop(Arc::clone(&shop)), templates: Arc::clone(&self.templates) };
        let Some(folder) = folder else { return Ok(inherited) };
        let mut faults = Vec::new();
        let mut keep = |found: Vec<Fault>| faults.extend(found.into_iter().map(|fault| told_of(id, folder, fault)));
        let parts = folders_in(folder).map_err(&mut keep).unwrap_or_default();
        for (name, path) in parts.iter().filter(|(name, _)| !PARTS.contains(&name.as_str())) {
            let fault = Fault::new(path.display().to_string(), format!("a shop has no folder '{name}'"));
            let near = nearest(name, PARTS);
            keep(vec![fault.suggest(
                near.map_or_else(|| format!("known: {}", PARTS.join(", ")), |near| format!("did you mean '{near}'?")),
            )]);
        }
        let rules = match parts.get("rules") {
            Some(path) => self.rules.with(path).map_err(&mut keep).ok().map(Some),
            None => Some(None),
        };
        let templates = match parts.get("templates").filter(|_| self.words) {
            Some(path) => Templates::over(&self.templates, path).map_err(&mut keep).ok().map(Arc::new),
            None => Some(inherited.templates),
        };
        if let (Some(rules), Some(templates)) = (rules, templates) {
            if self.words && parts.contains_key("templates") {
                keep(templates.check());
            }
            if let Some(rules) = rules.as_ref().filter(|_| self.words) {
                keep(rules.wordless(&templates.messages().collect::<Vec<_>>()));
            }
            let rules = rules
                .map_or(inherited.rules, |rules| RuleSet::new(rules.all(), shop).with_restraints(&self.restraints));
            if self.words {
                keep(for_recipients(&rules, &templates));
            }
            if faults.is_empty() {
                return Ok(Served { rules, templates });
            }
        }
        Err(faults)
    }
}

/// What keeps messages from being written for the recipients of presents.
fn for_recipients(rules: &RuleSet, templates: &Templates) -> Vec<Fault> {
    let theirs: BTreeSet<&str> =
        rules.iter().filter(|rule| rule.to == Party::Recipient).map(|rule| &*rule.message).collect();
    theirs.into_iter().flat_map(|message| templates.check_for_recipient(message)).collect()
}

/// A fault outside of the shop's folder says which shop it is of.
fn told_of(id: &str, folder: &Path, fault: Fault) -> Fault {
    if Path::new(&fault.file).starts_with(folder) {
        return fault;
    }
    Fault { what: format!("{} (in the shop '{id}', by what its templates change)", fault.what), ..fault }
}

/// The folders in `folder`, by their names. Hidden ones are passed over: mounted configuration has
/// them.
fn folders_in(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Vec<Fault>> {
    let unreadable =
        |error: std::io::Error| vec![Fault::new(folder.display().to_string(), format!("cannot be read: {error}"))];
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') {
            found.insert(name, path);
        }
    }
    Ok(found)
}
