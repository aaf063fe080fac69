//! Whole streams, with the trouble of real ones, through the intake of the service: the invariants
//! of `lib.rs`, and that memory does not grow with the journeys that were.
//!
//! In short form with every run of the tests; a million journeys with
//! `REASSURE_JOURNEYS=1000000 cargo test --release --test it simulate::streams -- --nocapture`.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use reassure::domain::decision::{Decision, Entry, NotificationId, Reason, Verdict};
use reassure::domain::event::EventKey;
use reassure::domain::journey::Journey;
use reassure::domain::notification::Notification;
use reassure::domain::rule::{OncePer, RuleSet};
use reassure::domain::step::{Obstacle, still_holds};
use reassure::domain::time::Timestamp;
use reassure::simulate::world::{Fate, Witness, World};

use super::{recorded, shops};
use crate::generated::{Stream, seed};

const SHORT: u64 = 20_000;
/// A shop of that size has its orders over within days, so that some hundred days are many times
/// what is under way.
const DAYS: u64 = 100;
/// More of one order no buyer wants.
const MOST_TOLD: usize = 40;

/// Looks at every decision.
struct Eye {
    rules: RuleSet,
    /// Hashes of the keys of all notifications.
    keys: HashSet<u64>,
    sent: u64,
    not_sent: BTreeMap<Reason, u64>,
}

impl Eye {
    fn sent(&mut self, journey: &Journey, at: Timestamp, decision: &Decision, ids: &[NotificationId]) {
        let place = || format!("{} of {}: {} about {}", at, journey.key.order_id, decision.rule, decision.subject);
        let rule = self.rules.get(&decision.rule).unwrap_or_else(|| panic!("{}: there is no such rule", place()));
        self.sent += 1;
        for id in ids {
            let mut hash = DefaultHasher::new();
            id.hash(&mut hash);
            assert!(self.keys.insert(hash.finish()), "I2: {} is sent once more", place());
            let notification = Notification {
                id: id.clone(),
                rule: decision.rule.clone(),
                message: decision.message.clone(),
                subject: decision.subject.clone(),
                channel: reassure::domain::order::Channel::Webhook,
                provider: String::new(),
                received_at: at,
                decided_at: at,
                expires_at: at.plus(chrono::Duration::days(1)),
                traceparent: None,
                follows: Vec::new(),
            };
            let holds = still_holds(journey, &notification, &self.rules, at);
            // what another rule says at the same moment may take its place before it leaves
            let gives_way = holds == Err(Obstacle::Withdrawn(Reason::Superseded));
            assert!(holds.is_ok() || gives_way, "I4: {} is {holds:?}", place());
        }
        let mine = journey.told.iter().filter(|told| told.rule == decision.rule && !told.withdrawn).count();
        if rule.once_per == OncePer::Order && rule.again_after.is_empty() && rule.deadlines.len() < 2 {
            assert_eq!(mine, 1, "once_per: {}", place());
        }
        assert!(journey.told.len() <= MOST_TOLD, "{} messages of {}", journey.told.len(), journey.key.order_id);
    }
}

impl Witness for Eye {
    fn decided(&mut self, journey: &Journey, entry: Entry) {
        for decision in &entry.decisions {
            match &decision.verdict {
                Verdict::Send { notifications, .. } => {
                    let ids: Vec<NotificationId> = notifications.iter().map(|sent| sent.notification.clone()).collect();
                    self.sent(journey, entry.at, decision, &ids);
                }
                Verdict::Suppress { reason, .. } => *self.not_sent.entry(*reason).or_default() += 1,
                Verdict::Defer { until, .. } => assert!(*until < Timestamp::from_millis(i64::MAX), "waits for ever"),
            }
        }
    }
}

/// I1, I2, I4, I8 and I10 over a whole stream.
#[test]
fn a_stream_of_generated_journeys_keeps_the_invariants() {
    let seed = seed();
    let journeys = std::env::var("REASSURE_JOURNEYS").map_or(SHORT, |text| text.parse().expect("a number"));
    println!("REASSURE_SEED={seed}, {journeys} journeys");
    let shops = shops(None);
    let rules = shops.rules("any").expect("rules").clone();
    let mut eye = Eye { rules, keys: HashSet::new(), sent: 0, not_sent: BTreeMap::new() };
    let mut world = World::new(&shops).expect("metrics");
    let mut fates: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen: HashSet<EventKey> = HashSet::new();
    let (begin, mut events, mut repeated, mut most_held, mut late) = (Instant::now(), 0_u64, 0_u64, 0, 0_u64);
    for generated in Stream::new(seed, journeys, journeys / DAYS) {
        let recorded = recorded(generated);
        events += 1;
        repeated += u64::from(journeys <= SHORT && !seen.insert(recorded.event.key()));
        for fate in world.take(&recorded, &mut eye) {
            let name = match fate {
                Fate::Applied => "applied",
                Fate::Duplicate => "duplicate",
                Fate::Parked => "parked",
                Fate::Full => panic!("no order has so many parcels"),
                Fate::Gone => "gone",
            };
            *fates.entry(name).or_default() += 1;
        }
        late = late.max(u64::try_from(world.now().since(recorded.event.time).num_days()).unwrap_or(0));
        if events.is_multiple_of(10_000) {
            most_held = most_held.max(world.held());
        }
    }
    world.pass(world.now().plus(chrono::Duration::days(60)), &mut eye);
    let of = |name: &str| fates.get(name).copied().unwrap_or(0);
    let waiting = u64::try_from(world.waiting()).expect("a count");
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{events} events of {} orders in {seconds:.0} s, {:.0} a second with all checks; {} messages\n\
         {fates:?}, {waiting} wait in the end; at most {most_held} orders held, {} in the end; peak memory {} MiB\n\
         not sent: {:?}",
        world.orders(),
        events as f64 / seconds,
        eye.sent,
        world.held(),
        peak_mebibytes(),
        eye.not_sent
    );
    assert_eq!(world.orders(), usize::try_from(journeys).expect("a count"), "every order has its journey");
    assert_eq!(of("applied") + of("duplicate") + of("gone") + waiting, events, "I8: each event has one end");
    assert!(journeys > SHORT || of("duplicate") <= repeated, "I1: {} taken for duplicates", of("duplicate"));
    assert!(eye.sent > 2 * journeys, "{} messages: next to nothing was told", eye.sent);
    let under_way = usize::try_from(journeys / 2).expect("a count");
    assert!(most_held <= under_way, "I10: {most_held} of {journeys} orders are held at once");
    assert!(world.held() * 4 <= under_way, "I10: {} orders are held when all is over", world.held());
}

/// The most that this process has held in memory.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}
