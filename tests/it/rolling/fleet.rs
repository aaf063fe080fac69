//! The replicas, what is done to them, and what became of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use rand::Rng;
use rand::rngs::StdRng;
use reassure::domain::time::Timestamp;
use reassure::sandbox::{Behaviour, Vendor};

use super::disturbance::Disturbance;
use super::ground::Stack;
use crate::service::harness::{LONG, Service, World, eventually};
use crate::stack::Own;

/// A session and a lease end after six and seven seconds; this is past both.
const NAP: std::ops::Range<u64> = 8_000..11_000;
/// How long the providers misbehave.
const SPELL: std::ops::Range<u64> = 1_500..4_000;
const FEWEST: usize = 2;
const MOST: usize = 5;
/// `drain_seconds`, a second for the runtime's threads, and a busy machine.
const STOPPED_WITHIN: Duration = Duration::from_secs(5 + 1 + 6);

pub fn now() -> Timestamp {
    Timestamp(Utc::now())
}

/// A process from its start to its end, as far as it explains a repetition.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub killed: Option<Timestamp>,
    /// From SIGSTOP to SIGCONT.
    pub naps: Vec<(Timestamp, Timestamp)>,
}

/// What happened to whom.
#[derive(Clone, Debug, Default)]
pub struct Fates {
    pub lives: Vec<Life>,
    /// The database was not there.
    pub away: Vec<(Timestamp, Timestamp)>,
}

struct Replica {
    life: usize,
    service: Service,
    asleep: Option<(Timestamp, Instant)>,
}

pub struct Fleet<'a> {
    world: &'a World,
    replicas: Vec<Replica>,
    /// Those that have ended.
    gone: Vec<Service>,
    fates: Fates,
}

impl<'a> Fleet<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, replicas: Vec::new(), gone: Vec::new(), fates: Fates::default() }
    }

    /// Starts one more, which the sink can tell from all others by the paths that it calls.
    pub fn start(&mut self) {
        self.start_of(&binary());
    }

    /// The same with another binary.
    pub fn start_of(&mut self, binary: &str) {
        let life = self.fates.lives.len();
        let url = self.world.sandbox.url();
        let own = [
            ("providers.mail.url", format!("'{url}/life-{life}'")),
            ("providers.text.url", format!("'{url}/life-{life}'")),
            ("providers.hook.url", format!("'{url}/webhooks/lumen/life-{life}'")),
        ];
        let config = self.world.config_with(&format!("life-{life}"), &own);
        let service = Service::start(Command::new(binary), &config);
        self.fates.lives.push(Life::default());
        self.replicas.push(Replica { life, service, asleep: None });
    }

    /// Waits until all that are awake answer.
    pub async fn ready(&mut self) {
        for replica in self.replicas.iter_mut().filter(|replica| replica.asleep.is_none()) {
            replica.service.address().await;
        }
    }

    /// Disturbs, and tells what it did.
    pub async fn disturb(&mut self, what: Disturbance, stack: &Stack, random: &mut StdRng) -> String {
        match what {
            Disturbance::Restart => {
                let at = self.any_awake(random).await;
                let life = self.end(at).await;
                self.start();
                format!("stopped and replaced {life}")
            }
            Disturbance::Kill => {
                let at = random.random_range(0..self.replicas.len());
                let mut replica = self.replicas.remove(at);
                // before the signal: what it did until then may have reached the sink
                self.fates.lives[replica.life].killed = Some(now());
                replica.service.kill();
                self.note_nap(&mut replica);
                self.gone.push(replica.service);
                self.start();
                format!("killed and replaced {}", replica.life)
            }
            Disturbance::Sleep => {
                let at = self.any_awake(random).await;
                let until = Instant::now() + Duration::from_millis(random.random_range(NAP));
                let replica = &mut self.replicas[at];
                replica.asleep = Some((now(), until));
                replica.service.signal("STOP");
                format!("put {} to sleep", replica.life)
            }
            Disturbance::Scale => {
                let more = self.replicas.len() <= FEWEST || (self.replicas.len() < MOST && random.random());
                if more {
                    self.start();
                    format!("added one; they are {}", self.replicas.len())
                } else {
                    let at = self.any_awake(random).await;
                    let life = self.end(at).await;
                    format!("took {life} away; they are {}", self.replicas.len())
                }
            }
            Disturbance::Broker => {
                restart(&stack.kafka).await;
                "restarted the broker".to_owned()
            }
            Disturbance::Database => self.restart_database(stack).await,
            Disturbance::Silence => self.misbehave("fell silent", &[Behaviour::Hang], random),
            Disturbance::Refusal => self.misbehave("refused", &[Behaviour::Unavailable], random),
            Disturbance::Reset => {
                self.misbehave("cut connections", &[Behaviour::ResetTaken, Behaviour::ResetUnheard], random)
            }
        }
    }

    async fn restart_database(&mut self, stack: &Stack) -> String {
        let since = now();
        restart(&stack.postgres).await;
        self.fates.away.push((since, now()));
        "restarted the database".to_owned()
    }

    /// For a while, half of the requests to one provider or to all of them end badly.
    fn misbehave(&self, how: &str, ways: &'static [Behaviour], random: &mut StdRng) -> String {
        let vendors = [Some(Vendor::Resend), Some(Vendor::BrevoSms), Some(Vendor::Webhook), None];
        let vendor = vendors[random.random_range(0..vendors.len())];
        let spell = Duration::from_millis(random.random_range(SPELL));
        let end = Instant::now() + spell;
        self.world.behave(move |call| {
            let hit = Instant::now() < end && vendor.is_none_or(|vendor| vendor == call.vendor) && rand::random();
            if hit { ways[rand::random_range(0..ways.len())] } else { Behaviour::Answer }
        });
        let who = vendor.map_or("all providers".to_owned(), |vendor| format!("{vendor:?}"));
        format!("{who} {how} for {} ms", spell.as_millis())
    }

    /// One that is awake while another is too; wakes somebody if there is none.
    async fn any_awake(&mut self, random: &mut StdRng) -> usize {
        loop {
            self.wake_those_that_are_due();
            let awake: Vec<usize> = (0..self.replicas.len()).filter(|at| self.replicas[*at].asleep.is_none()).collect();
            if awake.len() > 1 {
                return awake[random.random_range(0..awake.len())];
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub fn wake_those_that_are_due(&mut self) {
        let mut replicas = std::mem::take(&mut self.replicas);
        for replica in &mut replicas {
            if replica.asleep.is_some_and(|(_, until)| Instant::now() >= until) {
                self.wake(replica);
            }
        }
        self.replicas = replicas;
    }

    fn wake(&mut self, replica: &mut Replica) {
        replica.service.signal("CONT");
        self.note_nap(replica);
    }

    fn note_nap(&mut self, replica: &mut Replica) {
        if let Some((since, _)) = replica.asleep.take() {
            self.fates.lives[replica.life].naps.push((since, now()));
        }
    }

    /// Stops one, which must be gone in time (promise 13). Returns its number.
    async fn end(&mut self, at: usize) -> usize {
        let mut replica = self.replicas.remove(at);
        // a signal before it listens for one ends it at once, and tells nothing
        replica.service.address().await;
        replica.service.signal("TERM");
        assert_eq!(replica.service.ended_within(STOPPED_WITHIN).await.code(), Some(0), "{}", replica.service.log());
        self.gone.push(replica.service);
        replica.life
    }

    /// Wakes whoever sleeps, and waits until all are there and the providers are themselves again.
    pub async fn calm(&mut self, world: &World) {
        let mut replicas = std::mem::take(&mut self.replicas);
        for replica in replicas.iter_mut().filter(|replica| replica.asleep.is_some()) {
            self.wake(replica);
        }
        self.replicas = replicas;
        world.behave(|_| Behaviour::Answer);
        self.ready().await;
    }

    pub fn fates(&self) -> &Fates {
        &self.fates
    }

    pub async fn all_ready(&mut self) {
        for replica in &mut self.replicas {
            let service = &mut replica.service;
            eventually("each replica is ready", async || service.get("/readyz").await.status == 200).await;
        }
    }

    /// Starts one of `binary` and stops the oldest, once the new one is ready.
    pub async fn replace_one_by(&mut self, binary: &str) {
        self.start_of(binary);
        self.all_ready().await;
        self.end(0).await;
    }

    pub async fn stop(&mut self) {
        while !self.replicas.is_empty() {
            self.end(0).await;
        }
    }

    /// Puts what they told where it outlives the test.
    pub fn keep_logs(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rolling");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let replicas = self.replicas.iter().map(|replica| &replica.service);
        for service in self.gone.iter().chain(replicas) {
            fs::write(folder.join(format!("{}.log", service.name())), service.log()).unwrap();
        }
        folder
    }

    /// No log names a customer (I9), and nothing panicked.
    pub fn logs_are_clean(&self) {
        for service in &self.gone {
            let log = service.log();
            for word in ["client.example", "Ada", "+33", "panicked"] {
                assert!(!log.contains(word), "'{word}' in\n{log}");
            }
        }
    }
}

/// Stops a part of the stack and starts it again.
async fn restart(part: &Arc<Own>) {
    let part = Arc::clone(part);
    let restarted = tokio::task::spawn_blocking(move || {
        part.stop();
        part.start();
    });
    tokio::time::timeout(2 * LONG, restarted).await.expect("it comes back").unwrap();
}

/// The binary that is tried: the release one where it is named.
pub fn binary() -> String {
    std::env::var("REASSURE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_reassure").to_owned())
}
