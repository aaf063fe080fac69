//! Rules as people write them: YAML, every fault reported with its place.

mod changes;
mod party;
mod restraint;

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::keys::{KEYS, NEEDED};
use super::{Anchor, Deadline, OncePer, Purpose, Rule, RuleName, Trigger};
use crate::domain::condition::Condition;
use crate::domain::event::{EventType, ParcelStatus};
use crate::domain::fault::{Fault, nearest};
use crate::domain::order::Channel;
use crate::domain::party::Party;
use crate::domain::time::parse_span;
use crate::domain::written::Written;

pub use changes::{Changes, parse, parse_changes};

/// A mapping with the place of each of its keys and values.
struct Fields(Vec<(Spanned<String>, Spanned<Value>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rule: a mapping that begins with 'rule: <name>'")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

pub(super) struct Reader<'a> {
    written: Written<'a>,
    pub(super) faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, location: Location, what: impl Into<String>, suggestion: Option<String>) {
        let fault = self.written.fault(location, what);
        self.faults.push(Fault { suggestion, ..fault });
    }

    fn rule(&mut self, source: Spanned<Fields>) -> Option<Rule> {
        let before = self.faults.len();
        let begin = source.referenced;
        let mut rule = Rule {
            name: RuleName::from(""),
            says: String::new(),
            triggers: Vec::new(),
            deadlines: Vec::new(),
            when: None,
            message: String::new(),
            to: Party::Buyer,
            channels: Vec::new(),
            otherwise: Vec::new(),
            escalate: None,
            once_per: OncePer::Order,
            again_after: Vec::new(),
            only_if_told: Vec::new(),
            not_within: Vec::new(),
            supersedes: Vec::new(),
            fold: None,
            purpose: Purpose::Service,
            unless_carrier_told: false,
            beyond_budget: false,
            valid_while: None,
            ignores_quiet_hours: false,
            expires: chrono::Duration::zero(),
            priority: 50,
        };
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in source.value.0 {
            let at = value.referenced;
            match key.value.as_str() {
                "rule" => rule.name = RuleName::from(&*self.text_of(&key.value, &value)),
                "says" => rule.says = self.text_of(&key.value, &value),
                "on" => rule.triggers = self.triggers(&value.value, at),
                "at" => rule.deadlines = self.deadlines(&value.value, at),
                "when" => rule.when = self.condition(&value),
                "message" => rule.message = self.text_of(&key.value, &value),
                "to" => rule.to = self.party(&value).unwrap_or_default(),
                "channels" => rule.channels = self.channels(&value.value, at),
                "otherwise" => rule.otherwise = self.channels(&value.value, at),
                "escalate" => rule.escalate = self.escalation(&value),
                "once_per" => rule.once_per = self.once_per(&value).unwrap_or(OncePer::Order),
                "again_after" => rule.again_after = self.texts(&key.value, &value.value, at),
                "only_if_told" => rule.only_if_told = self.texts(&key.value, &value.value, at),
                "not_within" => rule.not_within = self.cool_downs(&value.value, at),
                "supersedes" => rule.supersedes = self.texts(&key.value, &value.value, at),
                "fold" => rule.fold = self.span(&key.value, &value),
                "purpose" => rule.purpose = self.purpose(&value),
                "unless_carrier_told" => rule.unless_carrier_told = self.flag(&key.value, &value),
                "beyond_budget" => rule.beyond_budget = self.flag(&key.value, &value),
                "valid_while" => rule.valid_while = self.condition(&value),
                "quiet_hours" if value.value == "ignore" => rule.ignores_quiet_hours = true,
                "quiet_hours" => {
                    let right = "leave it out to wait for their end; when they are is the shop's to say".to_owned();
                    self.fault(at, "quiet_hours: a rule can only 'ignore' them", Some(right));
                }
                "expires" => match parse_span(&self.text_of("expires", &value)) {
                    Ok(span) if span.is_zero() => {
                        self.fault(at, "expires: at once, so that nothing would ever be sent", None);
                    }
                    Ok(span) => rule.expires = span,
                    Err(what) => self.fault(at, format!("expires: {what}"), None),
                },
                "priority" => match value.value.as_u64().and_then(|number| u8::try_from(number).ok()) {
                    Some(priority) => rule.priority = priority,
                    None => self.fault(at, "priority: a whole number from 0 to 255 is needed", None),
                },
                other => {
                    let suggestion = nearest(other, KEYS.iter().map(|(key, _)| *key))
                        .map(|known| format!("did you mean '{known}'?"));
                    self.fault(key.referenced, format!("a rule has no '{other}'"), suggestion);
                }
            }
            seen.push(key.value);
        }
        for key in NEEDED {
            if !seen.iter().any(|known| known == key) {
                self.fault(begin, format!("the rule '{}' has no '{key}'", rule.name), None);
            }
        }
        self.whole(&rule, &seen, begin);
        (self.faults.len() == before).then_some(rule)
    }

    /// What only shows once the parts are together.
    fn whole(&mut self, rule: &Rule, seen: &[String], begin: Location) {
        let name = &rule.name;
        if !seen.iter().any(|key| key == "on" || key == "at") {
            self.fault(begin, format!("the rule '{name}' has neither 'on' nor 'at': nothing sets it going"), None);
        }
        self.whole_escalation(rule, begin);
        self.whole_party(rule, begin);
        let slug = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !slug(name.as_str()) || name.as_str().len() > 64 {
            self.fault(begin, format!("'{name}' is no name for a rule: lower-case letters, digits and _ are"), None);
        }
        if !rule.deadlines.is_empty()
            && rule.when.as_ref().is_some_and(Condition::needs_event)
            && rule.triggers.is_empty()
        {
            self.fault(
                begin,
                format!("the rule '{name}' looks at 'event' in 'when', but no event sets it going"),
                None,
            );
        }
        if rule.valid_while.as_ref().is_some_and(Condition::needs_event) {
            let hint = "say it with 'journey', 'parcel' or 'hold' as they are then";
            self.fault(
                begin,
                format!("the rule '{name}' looks at 'event' in 'valid_while', which is asked long after it"),
                Some(hint.to_owned()),
            );
        }
        let needs_parcel = [&rule.when, &rule.valid_while].into_iter().flatten().any(Condition::needs_parcel);
        let no_parcel = |trigger: &Trigger| {
            !matches!(
                trigger.event,
                EventType::ParcelTracked | EventType::ParcelEtaChanged | EventType::ShipmentReplaced
            )
        };
        if needs_parcel
            && (rule.triggers.iter().any(no_parcel)
                || rule.deadlines.iter().any(|deadline| deadline.anchor != Anchor::LastScan))
        {
            self.fault(
                begin,
                format!("the rule '{name}' looks at 'parcel', but not all that sets it going is about one parcel"),
                None,
            );
        }
    }

    fn text_of(&mut self, key: &str, value: &Spanned<Value>) -> String {
        match &value.value {
            Value::String(text) => text.trim().to_owned(),
            _ => {
                self.fault(value.referenced, format!("{key}: a text is needed"), None);
                String::new()
            }
        }
    }

    fn texts(&mut self, key: &str, value: &Value, at: Location) -> Vec<String> {
        let texts = match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(list) => list.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if texts.as_ref().is_none_or(Vec::is_empty) {
            self.fault(at, format!("{key}: a list of names is needed"), None);
        }
        texts.unwrap_or_default()
    }

    fn triggers(&mut self, value: &Value, at: Location) -> Vec<Trigger> {
        let list = match value {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        let mut triggers = Vec::new();
        if list.is_empty() {
            self.fault(at, "on: at least one event type is needed", None);
        }
        for one in list {
            match &one {
                Value::String(name) => {
                    triggers.extend(self.event_type(name, at).map(|event| Trigger { event, statuses: Vec::new() }));
                }
                Value::Object(map) => {
                    for (name, statuses) in map {
                        let Some(event) = self.event_type(name, at) else { continue };
                        if event != EventType::ParcelTracked {
                            self.fault(at, format!("on: '{name}' has no statuses; only parcel.tracked has"), None);
                        }
                        let statuses = self.texts("on", statuses, at);
                        let statuses = statuses.iter().filter_map(|name| self.status(name, at)).collect();
                        triggers.push(Trigger { event, statuses });
                    }
                }
                _ => self.fault(
                    at,
                    "on: event types are needed, such as 'order.placed' or 'parcel.tracked: [delivered]'",
                    None,
                ),
            }
        }
        triggers
    }

    fn event_type(&mut self, name: &str, at: Location) -> Option<EventType> {
        let known = EventType::parse(name);
        if known.is_none() {
            let suggestion = nearest(name, EventType::ALL.iter().map(|event| event.as_str()));
            self.fault(
                at,
                format!("on: there is no event '{name}'"),
                suggestion.map(|known| format!("did you mean '{known}'?")),
            );
        }
        known
    }

    fn status(&mut self, name: &str, at: Location) -> Option<ParcelStatus> {
        let known = ParcelStatus::parse(name);
        if known.is_none() {
            let suggestion = nearest(name, ParcelStatus::ALL.iter().map(|status| status.as_str()));
            self.fault(
                at,
                format!("on: there is no parcel status '{name}'"),
                suggestion.map(|known| format!("did you mean '{known}'?")),
            );
        }
        known
    }

    fn deadlines(&mut self, value: &Value, at: Location) -> Vec<Deadline> {
        let texts = self.texts("at", value, at);
        let mut deadlines = Vec::new();
        for text in texts {
            match Deadline::parse(&text) {
                Ok(deadline) => deadlines.push(deadline),
                Err((what, right)) => self.fault(at, format!("at: {what}"), right),
            }
        }
        deadlines
    }

    fn channels(&mut self, value: &Value, at: Location) -> Vec<Channel> {
        let texts = self.texts("channels", value, at);
        let mut channels = Vec::new();
        for text in texts {
            match Channel::ALL.into_iter().find(|channel| channel.as_str() == text) {
                Some(channel) => channels.push(channel),
                None => {
                    let names = Channel::ALL.map(Channel::as_str);
                    self.fault(
                        at,
                        format!("channels: there is no '{text}'"),
                        Some(format!("known: {}", names.join(", "))),
                    );
                }
            }
        }
        channels
    }

    fn once_per(&mut self, value: &Spanned<Value>) -> Option<OncePer> {
        let known = serde_json::from_value(value.value.clone()).ok();
        if known.is_none() {
            self.fault(value.referenced, "once_per: one of order, shipment, parcel or event is needed", None);
        }
        known
    }

    fn condition(&mut self, value: &Spanned<Value>) -> Option<Condition> {
        let Value::String(source) = &value.value else {
            self.fault(value.referenced, "a condition is needed, in quotes or after |", None);
            return None;
        };
        match Condition::parse(source) {
            Ok(condition) => Some(condition),
            Err(flaws) => {
                for flaw in flaws {
                    self.faults.push(self.written.flaw(value.referenced, source, &flaw));
                }
                None
            }
        }
    }
}
