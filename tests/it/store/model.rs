//! Random lives of an outbox against a model of it: nothing is lost, nothing is held by two, no
//! message passes an older one of its lane.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reassure::domain::decision::Reason;
use reassure::domain::notification::{Content, Notification};
use reassure::domain::order::Channel;
use reassure::ports::{Batch, JourneyWrite, Leased, Next, State, Store};

use super::fixture::*;
use super::place::Place;

const LEASE_SECONDS: i64 = 60;
const LANES: [(&str, Channel); 3] = [("A", Channel::Email), ("A", Channel::Sms), ("B", Channel::Email)];

#[derive(Clone, Debug)]
enum Step {
    /// So many notifications of a lane, with capacity for so many, and perhaps one withdrawn.
    Commit {
        lane: usize,
        count: usize,
        capacity: usize,
        withdrawn: Option<usize>,
    },
    Claim {
        sms: bool,
        limit: usize,
    },
    /// The end of an attempt on one of those ever leased, perhaps by an owner of long ago.
    Record {
        which: usize,
        end: End,
    },
    Release {
        which: usize,
    },
    Redrive {
        which: usize,
    },
    /// What failed so long ago or longer is brought forward.
    Hasten {
        sms: bool,
        seconds: i64,
    },
    Pass {
        seconds: i64,
    },
    /// The process dies; another takes its place.
    Crash,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Accepted,
    Retry(i64),
    Dead,
    Held,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..1000_usize;
    let end = prop_oneof![
        3 => Just(End::Accepted),
        2 => (1..100_i64).prop_map(End::Retry),
        1 => Just(End::Dead),
        1 => Just(End::Held),
    ];
    prop_oneof![
        3 => (0..LANES.len(), 0..4_usize, 0..3_usize, proptest::option::weighted(0.3, which.clone()))
            .prop_map(|(lane, count, capacity, withdrawn)| Step::Commit { lane, count, capacity, withdrawn }),
        3 => (any::<bool>(), 0..4_usize).prop_map(|(sms, limit)| Step::Claim { sms, limit }),
        6 => (which.clone(), end).prop_map(|(which, end)| Step::Record { which, end }),
        1 => which.clone().prop_map(|which| Step::Release { which }),
        2 => which.prop_map(|which| Step::Redrive { which }),
        1 => (any::<bool>(), 0..50_i64).prop_map(|(sms, seconds)| Step::Hasten { sms, seconds }),
        2 => (1..90_i64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Crash),
    ]
}

/// What is known of one notification without asking the store.
#[derive(Clone, Debug)]
struct Known {
    lane: usize,
    state: State,
    due: i64,
    /// When it failed, while it waits for its retry.
    failed: Option<i64>,
    /// Owner and end.
    lease: Option<(String, i64)>,
}

struct World {
    place: Place,
    /// Each call goes to the next.
    replicas: Vec<Arc<dyn Store>>,
    calls: usize,
    now: i64,
    /// Which process we are by now.
    process: usize,
    versions: BTreeMap<&'static str, u64>,
    /// In the order in which they were decided.
    known: Vec<Known>,
    /// Every lease there ever was: the notification and its owner then.
    leases: Vec<(usize, String)>,
}

impl World {
    async fn new(place: Place, replicas: usize) -> Self {
        let mut world = Self {
            place,
            replicas: Vec::new(),
            calls: 0,
            now: 0,
            process: 0,
            versions: BTreeMap::new(),
            known: Vec::new(),
            leases: Vec::new(),
        };
        for _ in 0..replicas {
            world.replicas.push(world.place.open().await);
        }
        world
    }

    fn store(&mut self) -> Arc<dyn Store> {
        self.calls += 1;
        Arc::clone(&self.replicas[self.calls % self.replicas.len()])
    }

    fn owner(&self) -> String {
        format!("process {}", self.process)
    }

    fn lease(&self) -> reassure::ports::Lease {
        lease(&self.owner(), self.now + LEASE_SECONDS)
    }

    fn lane_of(&self, lane: usize) -> impl Iterator<Item = (usize, &Known)> {
        self.known.iter().enumerate().filter(move |(_, known)| known.lane == lane && known.state == State::Pending)
    }

    /// Checks what the store has leased to us, and remembers it.
    fn lent(&mut self, leased: &[Leased], only_due: bool) {
        for leased in leased {
            let number: usize = leased.notification.id.0.parse().unwrap();
            let known = &self.known[number];
            assert_eq!(known.state, State::Pending, "{number} is finished");
            assert!(!only_due || known.due <= self.now, "{number} is not due");
            assert_eq!(self.lane_of(known.lane).next().unwrap().0, number, "{number} passes an older one");
            for (other, rival) in self.lane_of(known.lane) {
                let live = rival.lease.as_ref().is_some_and(|(_, until)| *until > self.now);
                assert!(!live, "{other} is being sent while {number} is leased");
            }
            assert_eq!(leased.content, content(leased.notification.channel, &number.to_string()));
            self.known[number].lease = Some((self.owner(), self.now + LEASE_SECONDS));
            self.leases.push((number, self.owner()));
        }
    }

    /// The notification of that number, written for its lane.
    fn notification(&self, number: usize, lane: usize) -> (Notification, Content) {
        let channel = LANES[lane].1;
        let provider = if channel == Channel::Sms { "twilio" } else { "brevo" };
        let (mut notification, content) = on(channel, provider, &number.to_string());
        notification.decided_at = at(self.now);
        (notification, content)
    }

    async fn commit(&mut self, lane: usize, count: usize, capacity: usize, withdrawn: Option<usize>) {
        let order = LANES[lane].0;
        let numbers = self.known.len()..self.known.len() + count;
        let notifications = numbers.clone().map(|number| self.notification(number, lane)).collect();
        let write = JourneyWrite { notifications, ..write(order, self.versions.get(order).copied()) };
        let withdrawn = withdrawn.filter(|_| !self.known.is_empty()).map(|which| which % self.known.len());
        let batch = Batch {
            withdrawn: withdrawn.iter().map(|number| (id(&number.to_string()), Reason::Expired)).collect(),
            ..batch([write])
        };
        let lease = self.lease();
        let capacity = super::fixture::capacity(&[("brevo", capacity), ("twilio", capacity)]);
        let leased = self.store().commit(batch, &lease, &capacity).await.unwrap();
        *self.versions.entry(order).or_default() += 1;
        for _ in numbers {
            self.known.push(Known { lane, state: State::Pending, due: self.now, failed: None, lease: None });
        }
        if let Some(known) = withdrawn.map(|number| &mut self.known[number])
            && known.state == State::Pending
        {
            (known.state, known.lease) = (State::Suppressed, None);
        }
        for provider in ["brevo", "twilio"] {
            let taken = leased.iter().filter(|leased| leased.notification.provider == provider).count();
            assert!(taken <= capacity[provider], "more than there was capacity for");
        }
        self.lent(&leased, true);
    }

    async fn claim(&mut self, provider: &str, limit: usize) -> usize {
        let (now, lease) = (at(self.now), self.lease());
        let leased = self.store().claim(provider, now, &lease, limit).await.unwrap();
        assert!(leased.len() <= limit);
        self.lent(&leased, true);
        leased.len()
    }

    /// The owner of that lease, dead or alive, records how its attempt ended.
    async fn record(&mut self, which: usize, end: End) {
        if self.leases.is_empty() {
            return;
        }
        let (number, owner) = self.leases[which % self.leases.len()].clone();
        let next = match end {
            End::Accepted => Next::Accepted,
            End::Retry(seconds) => Next::Retry(at(self.now + seconds)),
            End::Dead => Next::Dead,
            End::Held => Next::Held,
        };
        let known = &mut self.known[number];
        if known.lease.as_ref().is_some_and(|(now_owner, _)| *now_owner == owner) {
            known.lease = None;
            match end {
                End::Accepted => known.state = State::Accepted,
                End::Retry(seconds) => (known.due, known.failed) = (self.now + seconds, Some(self.now)),
                End::Dead => known.state = State::Dead,
                End::Held => known.state = State::Held,
            }
        }
        let (attempts, now) = (vec![attempt(&number.to_string(), self.now, next)], at(self.now));
        let lease = lease(&owner, self.now + LEASE_SECONDS);
        let leased = self.store().record(attempts, now, &lease).await.unwrap();
        let process = self.process;
        self.process = owner.trim_start_matches("process ").parse().unwrap();
        self.lent(&leased, true);
        self.process = process;
    }

    async fn release(&mut self, which: usize) {
        if self.leases.is_empty() {
            return;
        }
        let (number, owner) = self.leases[which % self.leases.len()].clone();
        self.store().release(&[id(&number.to_string())], None, &owner).await.unwrap();
        let known = &mut self.known[number];
        if known.lease.as_ref().is_some_and(|(now_owner, _)| *now_owner == owner) {
            known.lease = None;
        }
    }

    async fn redrive(&mut self, which: usize) {
        if self.known.is_empty() {
            return;
        }
        let number = which % self.known.len();
        let now = at(self.now);
        let expected = matches!(self.known[number].state, State::Dead | State::Held);
        let done = self.store().redrive_notification(&id(&number.to_string()), now).await.unwrap();
        assert_eq!(done, expected);
        if done {
            let lane = self.known[number].lane;
            self.known[number] = Known { lane, state: State::Pending, due: self.now, failed: None, lease: None };
        }
    }

    async fn hasten(&mut self, provider: &str, before: i64) {
        let count = self.store().hasten(provider, at(before), at(self.now), 100).await.unwrap();
        let mut expected = 0;
        for (lane, (_, channel)) in LANES.iter().enumerate() {
            let first = self.lane_of(lane).next().map(|(number, _)| number);
            let Some(known) = first.map(|number| &mut self.known[number]) else { continue };
            let is_of = (*channel == Channel::Sms) == (provider == "twilio");
            if is_of && known.lease.is_none() && known.due > self.now && known.failed.is_some_and(|at| at <= before) {
                (known.due, expected) = (self.now, expected + 1);
            }
        }
        assert_eq!(count, expected, "brought forward");
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Commit { lane, count, capacity, withdrawn } => self.commit(lane, count, capacity, withdrawn).await,
            Step::Claim { sms, limit } => {
                self.claim(if sms { "twilio" } else { "brevo" }, limit).await;
            }
            Step::Record { which, end } => self.record(which, end).await,
            Step::Release { which } => self.release(which).await,
            Step::Redrive { which } => self.redrive(which).await,
            Step::Hasten { sms, seconds } => {
                self.hasten(if sms { "twilio" } else { "brevo" }, self.now - seconds).await;
            }
            Step::Pass { seconds } => self.now += seconds,
            Step::Crash => {
                self.process += 1;
                self.replicas.remove(0);
                self.replicas.push(self.place.open().await);
            }
        }
    }

    /// Sends all that is left. Whatever happened before, every notification comes to its end.
    async fn finish(&mut self) {
        // two rounds are needed where a redriven one takes the turn back from a dead sender
        let mut idle = 0;
        while idle < 2 {
            self.now += 2 * LEASE_SECONDS + 100;
            self.process += 1;
            let before = self.leases.len();
            self.claim("brevo", 100).await;
            self.claim("twilio", 100).await;
            let mut next = before;
            while next < self.leases.len() {
                self.record(next, End::Accepted).await;
                next += 1;
            }
            idle = if self.leases.len() == before { idle + 1 } else { 0 };
        }
        let pending = self.known.iter().position(|known| known.state == State::Pending);
        assert_eq!(pending, None, "one was lost");
        let mut states = BTreeMap::new();
        for order in ["A", "B"] {
            for story in self.store().timeline(&key(order)).await.unwrap().into_iter().flat_map(|t| t.notifications) {
                states.insert(story.id.0.parse::<usize>().unwrap(), story.state);
            }
        }
        let expected: BTreeMap<_, _> = self.known.iter().map(|known| known.state).enumerate().collect();
        assert_eq!(states, expected);
    }
}

/// Lives through the steps on a store that each call meets through another of so many replicas.
async fn live(place: Place, replicas: usize, steps: &[Step]) {
    let mut world = World::new(place, replicas).await;
    for step in steps {
        world.take(step).await;
    }
    world.finish().await;
}

fn lives(cases: u32, replicas: usize, place: fn() -> Option<Place>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let steps = proptest::collection::vec(step(), 1..60);
    let held = TestRunner::new(config).run(&steps, |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Some(place) = place() {
            runtime.block_on(live(place, replicas, &steps));
        }
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn nothing_is_lost_doubled_or_overtaken_in_a_file() {
    lives(48, 1, Place::file);
}

#[test]
fn nothing_is_lost_doubled_or_overtaken_by_three_processes_on_a_file() {
    lives(12, 3, Place::file);
}

#[test]
fn nothing_is_lost_doubled_or_overtaken_by_three_replicas_on_postgres() {
    if crate::stack::postgres().is_some() {
        lives(24, 3, Place::schema);
    }
}
