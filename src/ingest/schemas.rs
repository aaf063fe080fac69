//! The schemas of a registry, kept: asked for once at a time, as many as memory is set aside for.
//!
//! Asking goes on beside the reading, so that only what needs a schema waits for it. A registry
//! that is away is asked again for as long as it takes; what it says is not there, or cannot be
//! read with, is remembered for a short time, because it may be registered the next moment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::envelope::{Refusal, WriterSchema};
use crate::ports::{Registered, Registry, RegistryError, SchemaId};
use crate::telemetry::Metrics;

/// Questions that the registry is asked at once.
const AT_ONCE: usize = 4;
/// For so long a refusal is the answer to all who ask.
const REFUSED_FOR: chrono::Duration = chrono::Duration::seconds(10);
/// Between two questions for one schema: doubled from the first to the longest, and drawn by
/// chance from the upper half, so that replicas do not ask in step.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What is known of a schema.
#[derive(Debug)]
pub enum Lookup {
    Known(Arc<WriterSchema>),
    Refused(Refusal),
    /// It is being asked for; see [`Schemas::changes`].
    Asked,
}

/// The schemas of a registry.
#[derive(Clone)]
pub struct Schemas(Arc<Shared>);

struct Shared {
    registry: Arc<dyn Registry>,
    most: usize,
    clock: Clock,
    metrics: Metrics,
    questions: Semaphore,
    kept: Mutex<Kept>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    schemas: HashMap<SchemaId, Entry>,
    /// Counts up with each use, to tell what was used last.
    uses: u64,
    /// Asked for in vain so far.
    failing: HashSet<SchemaId>,
}

struct Entry {
    used: u64,
    state: State,
}

enum State {
    Asked,
    Known(Arc<WriterSchema>),
    Refused { refusal: Refusal, until: Timestamp },
}

impl Schemas {
    /// The schemas of `registry`, of which `most` are kept.
    pub fn new(registry: Arc<dyn Registry>, most: usize, clock: Clock, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            registry,
            most: most.max(1),
            clock,
            metrics,
            questions: Semaphore::new(AT_ONCE),
            kept: Mutex::default(),
            changed: watch::Sender::default(),
        }))
    }

    /// What is known of the schema; if nothing is, it is asked for. Must be called within a
    /// runtime.
    pub fn get(&self, id: SchemaId) -> Lookup {
        let mut kept = self.0.kept();
        kept.uses += 1;
        let uses = kept.uses;
        if let Some(entry) = kept.schemas.get_mut(&id) {
            entry.used = uses;
            match &entry.state {
                State::Known(schema) => return Lookup::Known(Arc::clone(schema)),
                State::Refused { refusal, until } if self.0.clock.now() < *until => {
                    return Lookup::Refused(refusal.clone());
                }
                State::Asked => return Lookup::Asked,
                State::Refused { .. } => {}
            }
        }
        kept.schemas.insert(id, Entry { used: uses, state: State::Asked });
        drop(kept);
        tokio::spawn(ask(Arc::downgrade(&self.0), id));
        Lookup::Asked
    }

    /// Changes whenever an answer has come, or has failed to.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Something is asked for that the registry has failed to answer so far.
    pub fn is_failing(&self) -> bool {
        !self.0.kept().failing.is_empty()
    }

    /// How many are kept, whatever is known of them.
    pub fn count(&self) -> usize {
        self.0.kept().schemas.len()
    }
}

/// Asks until there is an answer, or nobody is left to want it.
async fn ask(shared: Weak<Shared>, id: SchemaId) {
    let mut wait = FIRST_WAIT;
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let answer = match shared.questions.acquire().await {
            Ok(_turn) => shared.registry.schema(id).await,
            Err(_) => return,
        };
        match answer {
            Err(RegistryError::Unavailable(what)) => shared.failed(id, &what),
            answer => return shared.answered(id, answer),
        }
        drop(shared);
        tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // nothing panics while it is held
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, id: SchemaId, what: &str) {
        self.metrics.registry_answers.with_label_values(&["unavailable"]).inc();
        if self.kept().failing.insert(id) {
            tracing::warn!(schema = %id, what, "the schema registry is away; the records that need it wait");
        }
        self.tell();
    }

    fn answered(&self, id: SchemaId, answer: Result<Registered, RegistryError>) {
        let (label, read) = match answer {
            Ok(registered) => ("found", WriterSchema::parse(&registered)),
            Err(RegistryError::Missing) => {
                let right = "register it, and put the record back to work";
                let detail = format!("the registry has no schema {id}, or lacks one that it refers to; {right}");
                ("missing", Err(Refusal::decode("unknown_schema", detail)))
            }
            Err(RegistryError::Unreadable(what) | RegistryError::Unavailable(what)) => {
                let detail = format!("the schema {id} in the registry {what}");
                ("unreadable", Err(Refusal::decode("unreadable_schema", detail)))
            }
        };
        self.metrics.registry_answers.with_label_values(&[label]).inc();
        let state = match read {
            Ok(schema) => State::Known(Arc::new(schema)),
            Err(refusal) => State::Refused { refusal, until: self.clock.now().plus(REFUSED_FOR) },
        };
        let mut kept = self.kept();
        if kept.failing.remove(&id) && kept.failing.is_empty() {
            tracing::info!("the schema registry is back");
        }
        kept.uses += 1;
        let used = kept.uses;
        kept.schemas.insert(id, Entry { used, state });
        kept.shrink_to(self.most);
        drop(kept);
        self.tell();
    }

    fn tell(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }
}

impl Kept {
    /// Lets go of what was not used for the longest time; what is asked for stays.
    fn shrink_to(&mut self, most: usize) {
        let settled = |(id, entry): (&SchemaId, &Entry)| match entry.state {
            State::Asked => None,
            State::Known(_) | State::Refused { .. } => Some((entry.used, *id)),
        };
        let mut settled: Vec<(u64, SchemaId)> = self.schemas.iter().filter_map(settled).collect();
        let surplus = settled.len().saturating_sub(most);
        settled.sort_unstable_by_key(|(used, _)| *used);
        for (_, id) in settled.into_iter().take(surplus) {
            self.schemas.remove(&id);
        }
    }
}
