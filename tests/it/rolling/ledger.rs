//! What was received, copy by copy, and whether each copy has a cause.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::Duration;
use reassure::domain::time::Timestamp;
use reassure::sandbox::Received;
use sha2::{Digest, Sha256};

use super::fleet::Fates;
use crate::service::harness::Message;

/// In the order in which a journey calls for them.
pub const MESSAGES: [&str; 3] = ["confirmation", "shipping", "delivered"];
/// What one replica may have under way: `max_in_flight` of each of the three providers.
const UNDER_WAY: usize = 3 * 8;
/// From the moment at which the sink has a message to the moment at which that is written: two
/// seconds for the answer, and a busy machine.
fn being_recorded() -> Duration {
    Duration::seconds(8)
}

/// From the moment before a signal to the moment at which the sink has what had left by then.
fn arriving() -> Duration {
    Duration::seconds(1)
}

/// Order, message and vendor.
pub type Called = (String, String, String);

/// A message as it was received once.
#[derive(Clone, Debug)]
struct Copy {
    /// Which process sent it.
    life: usize,
    at: Timestamp,
    answered: bool,
    /// It would reach the customer: the provider did not know its key.
    taken: bool,
    key: String,
    body: [u8; 32],
    /// A later message of its journey had come by the same way.
    overtaken: bool,
}

#[derive(Default)]
pub struct Ledger {
    pub events: usize,
    received: BTreeMap<Called, Vec<Copy>>,
    keys: BTreeSet<String>,
    /// Put back by hand, of which nobody knew whether they had been received: they were not.
    put_back: BTreeSet<String>,
    /// The furthest message of each journey and vendor.
    furthest: BTreeMap<(String, String), usize>,
    /// Requests that the sink was told to refuse.
    refused: usize,
    /// Requests that it refused because they were wrong.
    wrong: Vec<String>,
    shipped: Vec<String>,
}

/// Why a request was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// Its sender was killed before it could write that it was sent.
    Killed,
    /// Its sender was put to sleep before it could.
    Asleep,
    /// Its second sender had looked at it before it was put to sleep itself, and sent it on waking.
    Awoken,
    /// The sink gave no answer: nobody knew whether it had been received.
    Unanswered,
    /// The database was away when it was to be written.
    Away,
}

impl Ledger {
    pub fn enter(&mut self, received: Vec<Received>) {
        for message in received.into_iter().map(Message::new) {
            let Received { status, taken, duplicate, .. } = message.received;
            if !(taken || duplicate) {
                if status == 503 {
                    self.refused += 1
                } else {
                    self.wrong.push(message.to_string())
                }
                continue;
            }
            let vendor = format!("{:?}", message.vendor);
            let turn = MESSAGES.iter().position(|name| *name == message.name).unwrap_or(0);
            let furthest = self.furthest.entry((message.order.clone(), vendor.clone())).or_default();
            let overtaken = turn < *furthest;
            *furthest = turn.max(*furthest);
            let called = (message.order.clone(), message.name.clone(), vendor.clone());
            self.keys.insert(message.received.key.clone());
            let copies = self.received.entry(called).or_default();
            copies.push(Copy {
                life: life(&message.received.path),
                at: Timestamp::parse(&message.received.received_at).unwrap(),
                answered: message.received.answered,
                taken,
                key: message.received.key.clone(),
                body: Sha256::digest(&message.received.body).into(),
                overtaken,
            });
            if copies.len() == 1 && message.name == "shipping" {
                let other = if vendor == "Webhook" { ["Resend", "BrevoSms"] } else { ["Webhook"; 2] };
                let is_told = |vendor: &str| {
                    self.received.contains_key(&(message.order.clone(), "shipping".into(), vendor.into()))
                };
                if other.into_iter().any(is_told) {
                    self.shipped.push(message.order);
                }
            }
        }
    }

    /// Orders whose shipping has been told by both ways, each once.
    pub fn shipped(&mut self) -> Vec<String> {
        std::mem::take(&mut self.shipped)
    }

    /// Whether the message of this key has been received; if not, a person may put it back.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    pub fn put_back(&mut self, key: &str) {
        self.put_back.insert(key.to_owned());
    }

    pub fn missing(&self, wanted: &BTreeSet<Called>) -> Vec<Called> {
        wanted.iter().filter(|called| !self.received.contains_key(called)).cloned().collect()
    }

    /// Holds what was received against what was called for, and each repetition against what
    /// happened.
    ///
    /// # Errors
    /// Everything that does not balance.
    pub fn balance(&self, wanted: &BTreeSet<Called>, fates: &Fates) -> Result<Balance, Vec<String>> {
        let mut faults: Vec<String> = self.wrong.iter().map(|request| format!("refused: {request}")).collect();
        faults.extend(self.missing(wanted).iter().map(|called| format!("missing: {called:?}")));
        let mut repeated: BTreeMap<Cause, usize> = BTreeMap::new();
        let mut doubled: BTreeMap<Cause, usize> = BTreeMap::new();
        for (called, received) in &self.received {
            if !wanted.contains(called) {
                faults.push(format!("nobody called for {called:?}"));
            }
            for pair in received.windows(2) {
                let (first, again) = (&pair[0], &pair[1]);
                if (&first.key, first.body) != (&again.key, again.body) {
                    faults.push(format!("sent again with another key or body: {called:?}: {first:?} and {again:?}"));
                }
                match fates.cause(first, again) {
                    Some(cause) if !again.taken => *repeated.entry(cause).or_default() += 1,
                    // nothing else may cost the customer a second copy
                    Some(cause @ (Cause::Killed | Cause::Asleep | Cause::Awoken)) => {
                        *doubled.entry(cause).or_default() += 1;
                    }
                    cause => faults.push(format!("sent again, {cause:?}: {called:?}: {first:?} and {again:?}")),
                }
            }
            let excused = |copy: &&Copy| fates.had_just_woken(copy) || self.put_back.contains(&copy.key);
            for late in received.iter().filter(|copy| copy.overtaken && !excused(copy)) {
                faults.push(format!("out of order: {called:?}: {late:?}"));
            }
        }
        let kills = fates.lives.iter().filter(|life| life.killed.is_some()).count();
        let naps: usize = fates.lives.iter().map(|life| life.naps.len()).sum();
        for (cause, times) in [(Cause::Killed, kills), (Cause::Asleep, naps), (Cause::Awoken, naps)] {
            let sent: usize = [&repeated, &doubled].into_iter().filter_map(|copies| copies.get(&cause)).sum();
            if sent > times * UNDER_WAY {
                faults.push(format!("{sent} copies for {times} times {cause}: more than can have been under way"));
            }
        }
        let (messages, put_back) = (self.received.len(), self.put_back.len());
        let balance = Balance { events: self.events, messages, refused: self.refused, put_back, repeated, doubled };
        if faults.is_empty() { Ok(balance) } else { Err(faults) }
    }
}

impl Fates {
    fn cause(&self, first: &Copy, again: &Copy) -> Option<Cause> {
        let life = &self.lives[first.life];
        let was_under_way = |at: Timestamp| first.at <= at.plus(arriving()) && at <= first.at.plus(being_recorded());
        let killed = life.killed.is_some_and(was_under_way);
        let asleep = life.naps.iter().any(|(since, _)| was_under_way(*since));
        let away =
            self.away.iter().any(|(since, until)| first.at <= *until && *since <= first.at.plus(being_recorded()));
        [
            (!first.answered, Cause::Unanswered),
            (killed, Cause::Killed),
            (asleep, Cause::Asleep),
            (self.had_just_woken(again), Cause::Awoken),
            (away, Cause::Away),
        ]
        .into_iter()
        .find_map(|(is, cause)| is.then_some(cause))
    }

    /// It was looked at before the sleep, and nobody can look again in the instant of sending.
    fn had_just_woken(&self, copy: &Copy) -> bool {
        self.lives[copy.life].naps.iter().any(|(_, until)| *until <= copy.at && copy.at <= until.plus(being_recorded()))
    }
}

/// The process whose base this path begins with.
fn life(path: &str) -> usize {
    let life = path.split('/').find_map(|part| part.strip_prefix("life-"));
    life.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no replica calls {path}"))
}

/// A ledger that balances.
pub struct Balance {
    events: usize,
    messages: usize,
    refused: usize,
    put_back: usize,
    /// Requests under a key that the provider knew: nobody got anything twice.
    repeated: BTreeMap<Cause, usize>,
    /// What a customer got twice, of a provider that knows no keys.
    doubled: BTreeMap<Cause, usize>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed => "the sender was killed",
            Self::Asleep => "the sender was put to sleep",
            Self::Awoken => "the second sender had just woken",
            Self::Unanswered => "no answer came",
            Self::Away => "the database was away",
        })
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:>6} events published", self.events)?;
        writeln!(f, "  {:>6} messages called for, and received in order", self.messages)?;
        writeln!(f, "  {:>6} requests refused as the sink was told to", self.refused)?;
        write!(f, "  {:>6} put back by hand: nobody knew whether they had arrived, and they had not", self.put_back)?;
        for (what, copies) in
            [("requests repeated, and known by their key", &self.repeated), ("messages received twice", &self.doubled)]
        {
            write!(f, "\n  {:>6} {what}", copies.values().sum::<usize>())?;
            copies.iter().try_for_each(|(cause, count)| write!(f, "\n  {count:>6}   because {cause}"))?;
        }
        Ok(())
    }
}
