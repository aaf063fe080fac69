//! Takes events in: batch by batch, each one transaction. Deadlines that fall due and messages
//! that must be taken back go the same way, so that one place alone changes journeys.

mod ahead;
pub(crate) mod disposition;
pub(crate) mod draft;
mod held;
mod intake;
pub(crate) mod known;
mod load;
mod progress;
mod receipts;
mod schemas;
mod sequel;
pub(crate) mod storms;
mod stranded;
mod tally;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::{Clock, Told};
use crate::dispatch::Dispatcher;
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::envelope::{self, Refusal};
use crate::ports::{Advance, Batch, Lease, Leased, Partition, Record, Store, StoreError, Stream};
use crate::publish::Outlet;
use crate::shops::InForce;
use crate::telemetry::{Metrics, Span, trace_id};

use ahead::{Upcoming, Written};
use disposition::Disposition;
use draft::Draft;
pub use intake::{Arrival, Intake, Read, Reader};
use known::Known;
use load::Load;
pub use progress::Progress;
pub use receipts::Receipts;
pub use schemas::{Lookup, Schemas};
pub use sequel::{Fate, Sequel};
use storms::Watch;
use stranded::Round;
use tally::Tally;

/// Told how far a partition is durable, as a hint for lag dashboards.
pub type Hint = Arc<dyn Fn(&[(Partition, i64)]) + Send + Sync>;

/// Asks the bus to read a partition anew, from where the store says.
pub type Reread = Arc<dyn Fn(&Partition) + Send + Sync>;

/// Deadlines decided together.
const DUE_AT_ONCE: usize = 500;
/// Dead records read again together; each may be as long as the broker takes.
const REDRIVEN_AT_ONCE: usize = 10;
/// How often deadlines and redrives are looked for, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Waits between tries while the store is away.
const STORE_WAITS: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// The parts that ingest works with.
pub struct Ingest {
    pub store: Arc<dyn Store>,
    pub shops: InForce,
    pub reader: Reader,
    pub dispatcher: Dispatcher,
    pub outlet: Outlet,
    pub clock: Clock,
    pub metrics: Metrics,
    pub progress: Progress,
    pub hint: Hint,
    pub reread: Reread,
    /// Deadlines, redrives and what is stranded are this process's to look for.
    pub looks: bool,
    pub owner: String,
    pub lease: Duration,
}

impl Ingest {
    /// Works until `stop` is told, then finishes what it has begun.
    pub async fn run(
        self,
        intake: mpsc::Receiver<Intake>,
        mut sequels: mpsc::Receiver<Sequel>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut positions: HashMap<Partition, Option<i64>> = HashMap::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut wake = Changes(self.clock.changes());
        let (mut round, mut watch) = (Round::new(), Watch::new());
        let mut upcoming = Upcoming::new(intake);
        loop {
            let mut load = Load::default();
            tokio::select! {
                biased;
                () = told(&mut stop) => return,
                Some(first) = sequels.recv() => {
                    load.sequels.push(first);
                    while load.sequels.len() < DUE_AT_ONCE {
                        let Ok(next) = sequels.try_recv() else { break };
                        load.sequels.push(next);
                    }
                }
                // before the intake, which is always ready while there is a backlog
                _ = look.tick(), if self.looks => if !self.look(&mut load, &mut round, &mut watch).await { continue },
                () = wake.changed(), if self.looks => if !self.look(&mut load, &mut round, &mut watch).await { continue },
                message = upcoming.next() => match message {
                    None => return,
                    Some((Intake::Assigned(partitions), _)) => {
                        self.metrics.rebalances.with_label_values(&["given"]).inc();
                        positions.extend(partitions);
                        continue;
                    }
                    Some((Intake::Revoked(partitions, done), _)) => {
                        self.metrics.rebalances.with_label_values(&["taken"]).inc();
                        answer(&mut positions, &partitions, done);
                        continue;
                    }
                    Some((Intake::Records(read), glance)) => {
                        load.glance = glance;
                        self.admit(read, &positions, &mut load);
                    }
                },
            }
            if !self.settle(&mut load, &mut upcoming, &mut positions, &mut watch, &mut stop).await {
                return;
            }
            round.put_off(load.unreadable);
            let done: Vec<_> = load.advances.into_iter().map(|advance| (advance.partition, advance.next)).collect();
            positions.extend(done.iter().map(|(partition, next)| (partition.clone(), Some(*next))));
            if !done.is_empty() {
                (self.hint)(&done);
            }
        }
    }

    /// Takes a batch of records in, as far as its partitions are ours.
    fn admit(&self, read: Read, positions: &HashMap<Partition, Option<i64>>, load: &mut Load) {
        for (partition, last) in read.last {
            // what is not assigned has been fenced or revoked meanwhile; its new owner reads it
            if let Some(expected) = positions.get(&partition) {
                load.advances.push(Advance { partition, expected: *expected, next: last + 1 });
            }
        }
        let ours = |partition: &Partition| load.advances.iter().any(|advance| advance.partition == *partition);
        load.arrivals =
            read.arrivals.into_iter().filter(|arrival| arrival.partition.as_ref().is_none_or(ours)).collect();
        load.dead = read.dead.into_iter().filter(|dead| ours(&dead.record.partition)).collect();
        load.records = read.records;
        self.metrics.batch_records.observe(f64::from(u32::try_from(read.records).unwrap_or(u32::MAX)));
        for (outcome, count) in [("tombstone", read.tombstones), ("ignored", read.ignored)] {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.metrics.events.with_label_values(&["none", outcome]).inc_by(count);
        }
    }

    /// Looks for deadlines, for dead records that were put back, for what is stranded and for what
    /// people have said of storms. `false`: there is nothing.
    async fn look(&self, load: &mut Load, round: &mut Round, watch: &mut Watch) -> bool {
        match watch.carry_out(self.clock.now(), &self.lease_from(self.clock.now()), &*self.store).await {
            Ok((dropped, released)) => {
                dropped.iter().for_each(|_| self.progress.sequel_begins());
                load.sequels = dropped;
                if released > 0 {
                    self.dispatcher.wake();
                }
            }
            Err(error) => self.complain("storms", &error),
        }
        match round.next(&*self.store, self.clock.now()).await {
            Ok(stranded) => load.stranded = stranded,
            Err(error) => self.complain("awaited", &error),
        }
        match round.due(&*self.store, self.clock.now(), DUE_AT_ONCE).await {
            Ok(due) => load.due = due.into_iter().map(|key| (key, self.reader.tracer.woken())).collect(),
            Err(error) => self.complain("due", &error),
        }
        let redriven: Vec<(i64, Record)> = match self.store.redriven(REDRIVEN_AT_ONCE).await {
            Ok(redriven) => redriven,
            Err(error) => {
                self.complain("redriven", &error);
                Vec::new()
            }
        };
        let (numbers, read) = self.reader.read_again(redriven);
        load.redriven = numbers;
        load.dead = read.dead;
        load.arrivals = read.arrivals.into_iter().map(|arrival| Arrival { partition: None, ..arrival }).collect();
        !(load.due.is_empty() && load.redriven.is_empty() && load.stranded.is_empty() && load.sequels.is_empty())
    }

    /// Decides and writes, again and again while the store is away or journeys change meanwhile.
    /// A partition that somebody else has advanced is left out: nothing was written, and the rest
    /// of the load must not be lost with it (I5). `false`: a stop came first.
    async fn settle(
        &self,
        load: &mut Load,
        upcoming: &mut Upcoming,
        positions: &mut HashMap<Partition, Option<i64>>,
        watch: &mut Watch,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let mut failures = 0;
        let span = self.reader.tracer.stored(load.spans());
        loop {
            match self.attempt(load, upcoming, watch).await {
                Ok(unreadable) => {
                    load.unreadable = unreadable;
                    self.store_is_back();
                    load.spans().chain([&span]).for_each(Span::end);
                    return true;
                }
                Err(StoreError::Conflict) => {
                    self.metrics.conflicts.inc();
                    span.again("conflict");
                    tokio::task::yield_now().await;
                }
                Err(StoreError::Fenced(partition)) => {
                    tracing::warn!(
                        topic = &*partition.topic,
                        partition = partition.number,
                        "somebody else has advanced the partition; it is read anew, if it is still ours"
                    );
                    span.again("fenced");
                    load.leave(&partition);
                    positions.remove(&partition);
                    (self.reread)(&partition);
                }
                Err(error) => {
                    self.complain("commit", &error);
                    span.again("unavailable");
                    self.progress.set_store_works(false);
                    let wait = STORE_WAITS[failures.min(STORE_WAITS.len() - 1)];
                    failures += 1;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = told(stop) => return false,
                    }
                }
            }
        }
    }

    /// Returns the journeys that cannot be read.
    async fn attempt(
        &self,
        load: &mut Load,
        upcoming: &mut Upcoming,
        watch: &mut Watch,
    ) -> Result<Vec<JourneyKey>, StoreError> {
        let known = self.metrics.timed("load", load.known(&self.store)).await?;
        let unreadable: Vec<JourneyKey> = known.unreadable.iter().cloned().collect();
        if !unreadable.is_empty() {
            self.metrics.store_errors.with_label_values(&["load", "corrupt"]).inc();
        }
        let mut written = Written::default();
        let ((), decided) =
            tokio::join!(upcoming.look(&self.store, &self.metrics), self.decide(load, known, watch, &mut written));
        upcoming.note(written);
        decided.map(|()| unreadable)
    }

    /// Decides and writes; `written` is what may have changed by that, whatever became of it.
    async fn decide(
        &self,
        load: &Load,
        known: Known,
        watch: &mut Watch,
        written: &mut Written,
    ) -> Result<(), StoreError> {
        let (now, shops) = (self.clock.now(), self.shops.get());
        let draft = tokio::task::block_in_place(|| {
            let mut draft = Draft::new(&shops, &*shops, &self.outlet, now, known);
            load.put_to(&mut draft);
            draft
        });
        let on_record = known::on_record(&self.store, draft.addressees()).await?;
        let (mut batch, dispositions) = tokio::task::block_in_place(|| draft.finish(&on_record));
        batch.advances.clone_from(&load.advances);
        batch.redriven.clone_from(&load.redriven);
        batch.spoken = watch.spoken(&batch, &shops, now, &*self.store).await?;
        let tally = Tally::of(&batch, &shops);
        *written = Written::of(&batch);
        self.commit(batch, now).await?;
        self.count(load, &dispositions, now);
        tally.count(&self.metrics);
        Ok(())
    }

    /// Writes the batch, and hands on what it leased.
    async fn commit(&self, batch: Batch, now: Timestamp) -> Result<(), StoreError> {
        let streams: BTreeSet<Stream> = batch.publications.iter().map(|publication| publication.stream).collect();
        let lease = self.lease_from(now);
        let capacity: BTreeMap<String, usize> = self.dispatcher.capacity();
        let leased: Vec<Leased> = self.metrics.timed("commit", self.store.commit(batch, &lease, &capacity)).await?;
        self.dispatcher.hand(leased, lease.until);
        self.outlet.note(streams);
        Ok(())
    }

    fn lease_from(&self, now: Timestamp) -> Lease {
        let span = chrono::Duration::from_std(self.lease).unwrap_or_default();
        Lease { owner: self.owner.clone(), until: now.plus(span) }
    }

    fn count(&self, load: &Load, dispositions: &[(&'static str, Disposition)], now: Timestamp) {
        for (event_type, disposition) in dispositions {
            self.metrics.events.with_label_values(&[event_type, disposition.as_str()]).inc();
            if *event_type == "support.contacted" && *disposition == Disposition::Applied {
                self.metrics.support_contacts.inc();
            }
        }
        for dead in &load.dead {
            self.metrics.events.with_label_values(&["unknown", "dead_lettered"]).inc();
            self.metrics.refusals.with_label_values(&[dead.cause]).inc();
            if dead.cause == Refusal::UNMAPPED_CODE {
                self.metrics.unmapped_codes.with_label_values(&[&*dead.record.partition.topic]).inc();
            }
            tracing::warn!(
                topic = &*dead.record.partition.topic,
                partition = dead.record.partition.number,
                offset = dead.record.offset,
                cause = dead.cause,
                detail = dead.detail,
                trace_id = envelope::traceparent(&dead.record).and_then(trace_id),
                "a record could not be read; it waits with the dead letters"
            );
        }
        if let Some(arrival) = load.arrivals.last() {
            let age = seconds(now.since(arrival.at));
            self.metrics.applied_after.observe(age);
        }
        self.progress.wrote(load.records, load.sequels.len());
    }

    fn store_is_back(&self) {
        if !self.progress.set_store_works(true) {
            tracing::info!("the store is back");
        }
    }

    fn complain(&self, operation: &str, error: &StoreError) {
        let kind = error.kind();
        self.metrics.store_errors.with_label_values(&[operation, kind]).inc();
        tracing::error!(operation, kind, %error, "the store failed; intake waits");
    }
}

/// Returns once `stop` is told, or nobody is left to tell it.
pub async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Wakes when a told clock is moved; never with the machine's.
struct Changes(Option<watch::Receiver<Told>>);

impl Changes {
    async fn changed(&mut self) {
        let moved = match &mut self.0 {
            Some(changes) => changes.changed().await.is_ok(),
            None => false,
        };
        if !moved {
            std::future::pending::<()>().await;
        }
    }
}

/// Lets go of partitions; everything that came before is durable by now.
fn answer(positions: &mut HashMap<Partition, Option<i64>>, partitions: &[Partition], done: oneshot::Sender<()>) {
    for partition in partitions {
        positions.remove(partition);
    }
    // the bus may have stopped waiting
    let _ = done.send(());
}

fn seconds(span: chrono::Duration) -> f64 {
    span.to_std().map_or(0.0, |span| span.as_secs_f64())
}
