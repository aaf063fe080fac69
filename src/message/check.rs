//! Finds what is wrong with templates before a customer could: a file that is missing, a name
//! that does not exist, one that may be missing and is not guarded, a fact that a message may
//! not leave out. What the eye of the check overlooks, writing every message from every sample
//! journey finds.

mod uses;

use std::collections::{BTreeMap, BTreeSet};

use super::shape::Shape;
use super::{Letter, Part, Templates, Unwritable, required, sample, sms};
use crate::domain::contact::Recipient;
use crate::domain::fault::{Fault, nearest};
use crate::domain::notification::Content;
use crate::domain::order::Channel;

impl Templates {
    /// Everything that is wrong; empty if the templates can be used. What is inherited has been
    /// checked where it stands.
    pub fn check(&self) -> Vec<Fault> {
        let shape = Shape::of_scene();
        let mut faults = Vec::new();
        let everywhere: BTreeSet<String> = self.locales(None).into_iter().map(str::to_owned).collect();
        for message in self.messages() {
            // a regional locale may leave a message to its language
            let own = self.locales(Some(message));
            let needed = everywhere.iter().filter(|locale| !locale.contains('-') || own.contains(locale.as_str()));
            for locale in needed.filter(|locale| !self.inherits(message, locale)) {
                self.check_message(message, locale, &shape, &mut faults);
            }
        }
        // what cannot be written is told where it is, which the renderer knows less well
        if faults.is_empty() {
            self.check_samples(&mut faults);
        }
        faults.sort();
        faults.dedup();
        faults
    }

    fn check_message(&self, message: &str, locale: &str, shape: &Shape, faults: &mut Vec<Fault>) {
        let mut used: BTreeMap<Part, BTreeSet<String>> = BTreeMap::new();
        for part in Part::ALL {
            let Some(tree) = self.tree(message, locale, part) else {
                let file = self.file(message, locale, part);
                let fault = Fault::new(file, format!("'{message}' has no {} in '{locale}'", part.file()));
                faults.push(fault.suggest("every message needs its four files in every language"));
                continue;
            };
            let found = uses::of(tree, shape, part);
            faults.extend(found.faults.into_iter().map(|fault| {
                let (file, line) = self.place(fault.line);
                let placed = Fault::new(file, fault.what).at(line, fault.column);
                match fault.suggestion {
                    Some(suggestion) => placed.suggest(suggestion),
                    None => placed,
                }
            }));
            used.insert(part, found.variables);
        }
        for required in required::of(message) {
            for (part, variables) in used.iter().filter(|(part, _)| required.parts.contains(part)) {
                if !required.any_of.iter().any(|wanted| is_used(variables, wanted)) {
                    let file = self.file(message, locale, *part);
                    let names = required.any_of.join("' or '");
                    faults.push(
                        Fault::new(file, format!("'{message}' does not tell {}", required.why))
                            .suggest(format!("use '{names}'")),
                    );
                }
            }
        }
    }

    /// What keeps the message from being written for the recipient of a present, who must not be told
    /// what it cost nor what it is.
    pub fn check_for_recipient(&self, message: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        for sample in sample::all() {
            let sample = sample::for_recipient(sample, message);
            for locale in self.locales(Some(message)) {
                for channel in [Channel::Email, Channel::Sms] {
                    self.check_sample(message, locale, &sample, channel, &mut faults);
                }
            }
        }
        faults.sort();
        faults.dedup();
        faults
    }

    /// Writes every message from every sample, in every locale, on every channel.
    fn check_samples(&self, faults: &mut Vec<Fault>) {
        let samples = sample::all();
        for message in self.messages() {
            for locale in self.locales(Some(message)).into_iter().filter(|locale| !self.inherits(message, locale)) {
                for sample in &samples {
                    for channel in Channel::ALL {
                        self.check_sample(message, locale, sample, channel, faults);
                    }
                }
            }
        }
    }

    fn check_sample(
        &self,
        message: &str,
        locale: &str,
        sample: &sample::Sample,
        channel: Channel,
        faults: &mut Vec<Fault>,
    ) {
        let mut journey = sample.journey.clone();
        journey.order.customer.locale = Some(locale.to_owned());
        if let Some(recipient) = journey.order.gift.as_mut().and_then(|gift| gift.recipient.as_mut()) {
            recipient.locale = Some(locale.to_owned());
        }
        let recipient = match channel {
            Channel::Email => Recipient::Email("camille@example.com".into()),
            Channel::Sms => Recipient::Phone("+33612345678".into()),
            Channel::Webhook => Recipient::Webhook,
        };
        let letter = Letter {
            shop_id: &journey.key.shop,
            shop: &sample.shop,
            journey: &journey,
            subject: &sample.subject,
            message,
            channel,
            recipient: &recipient,
            notification: &sample::notification(),
            now: sample.now,
        };
        let told = |what: String| format!("{what} (with the sample '{}')", sample.name);
        match self.write(&letter) {
            Ok(Content::Email(email)) if email.subject.is_empty() => {
                faults.push(Fault::new(
                    self.file(message, locale, Part::Subject),
                    told("the subject is empty".to_owned()),
                ));
            }
            Ok(Content::Sms(text)) if text.text.is_empty() => {
                faults.push(Fault::new(self.file(message, locale, Part::Sms), told("the text is empty".to_owned())));
            }
            Ok(_) => {}
            Err(Unwritable::Incomplete { file, line, what }) => {
                faults.push(Fault::new(file, told(what)).at(line, 1));
            }
            Err(Unwritable::TooLong) => {
                let what = format!("longer than {} segments", sms::MOST_SEGMENTS);
                faults.push(Fault::new(self.file(message, locale, Part::Sms), told(what)));
            }
            Err(other) => faults.push(Fault::new(self.file(message, locale, Part::Html), told(other.to_string()))),
        }
    }
}

/// The variable itself, or something within it.
fn is_used(variables: &BTreeSet<String>, wanted: &str) -> bool {
    variables.iter().any(|used| used.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// "did you mean", if there is something near.
fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean '{near}'?"))
}
