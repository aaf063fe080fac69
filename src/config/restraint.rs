//! What is not to be said: switches and the list of addresses that must not be written to.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Settings, UnknownShops};
use crate::domain::fault::{Fault, nearest};
use crate::domain::restraint::{Restraints, Suppressions, Switch};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restraint {
    /// A file of addresses and numbers that must not be written to.
    #[serde(default)]
    pub suppressed: Option<PathBuf>,
    #[serde(default)]
    pub switches: Vec<Switch>,
}

impl Settings {
    /// What must not be said, its list of addresses read.
    ///
    /// # Errors
    /// Every fault of the list.
    pub(super) fn restraints(&self) -> Result<Restraints, Vec<Fault>> {
        Ok(Restraints { switches: self.restraint.switches.clone(), suppressed: self.suppressions()? })
    }

    /// The switches that would turn off nothing, or nobody knows what; `rules` are all names of
    /// rules.
    pub(super) fn idle_switches(&self, rules: &BTreeSet<&str>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for switch in &self.restraint.switches {
            self.agree_switch(switch, rules, &mut faults);
        }
        faults
    }

    fn agree_switch(&self, switch: &Switch, rules: &BTreeSet<&str>, faults: &mut Vec<Fault>) {
        let mut fault = |what: String, suggestion: Option<String>| {
            let fault = self.place_in(&["restraint", "switches"], &what);
            faults.push(Fault { suggestion, ..fault });
        };
        let near = |hint: Option<&str>| hint.map(|known| format!("did you mean '{known}'?"));
        if (&switch.rule, &switch.shop, &switch.channel, &switch.country) == (&None, &None, &None, &None) {
            let right = "name a rule, a shop, a channel or a country".to_owned();
            fault("a switch names nothing and would turn everything off".to_owned(), Some(right));
        }
        if switch.why.trim().is_empty() {
            fault("a switch has no 'why': nobody would know whether it is still needed".to_owned(), None);
        }
        if let Some(rule) = &switch.rule
            && !rules.contains(rule.as_str())
        {
            fault(format!("there is no rule '{rule}'"), near(nearest(rule.as_str(), rules.iter().copied())));
        }
        let shops = || self.shops.keys().map(String::as_str);
        if let Some(shop) = &switch.shop
            && self.unknown_shops == UnknownShops::Refuse
            && shops().all(|known| known != shop)
        {
            fault(format!("there is no shop '{shop}'"), near(nearest(shop, shops())));
        }
        if let Some(country) = &switch.country
            && country.parse::<rlibphonenumber::Region>().is_err()
        {
            fault(format!("'{country}' is no country by ISO 3166-1, such as FR"), None);
        }
    }

    /// Reads the file of addresses: one a line; what follows a `#` is a remark.
    fn suppressions(&self) -> Result<Suppressions, Vec<Fault>> {
        let mut suppressed = Suppressions::default();
        let Some(path) = &self.restraint.suppressed else { return Ok(suppressed) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| vec![self.place_in(&["restraint", "suppressed"], &format!("'{name}': {error}"))])?;
        let mut faults = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if !entry.is_empty() && !suppressed.add(entry) {
                // what stands there may be somebody's address all the same (I9)
                let what = "is no e-mail address, no number such as +33612345678 and no SHA-256 of either";
                faults.push(Fault { line: Some(number), ..Fault::new(&name, what) });
            }
        }
        if faults.is_empty() { Ok(suppressed) } else { Err(faults) }
    }
}
