//! Threads that own connections: SQLite blocks, the service must not.
//!
//! A whole call is one job, so that reading a hundred journeys costs one hand-over, not a
//! hundred.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::ports::{Connections, StoreError};
use crate::store::meter::Meter;

/// Shorter lists are not worth more hand-overs.
const WORTH_DIVIDING: usize = 96;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// One thread for each connection, all fed from one bounded channel.
pub(super) struct Workers {
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    deadline: Duration,
    meter: Arc<Meter>,
}

impl Workers {
    /// Starts a thread for each of `connections`. At most `waiting` jobs wait; a call that finds
    /// no room waits for it, within its deadline.
    pub fn start(
        name: &str,
        connections: Vec<Connection>,
        waiting: usize,
        deadline: Duration,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>(waiting.max(1));
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::with_capacity(connections.len());
        for mut connection in connections {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(job) = next(&queue) {
                    // A job that panics loses its caller's answer, never the thread. Its
                    // transaction was rolled back while unwinding.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
                        tracing::error!("a call of the store panicked");
                    }
                }
            });
            threads.push(thread.map_err(|error| StoreError::Unavailable(error.to_string()))?);
        }
        Ok(Self { jobs: Some(jobs), threads, deadline, meter: Arc::default() })
    }

    /// Runs `work` on one of the connections. A call whose deadline passes before its turn comes
    /// is not carried out; one that is running then goes on and may still take effect.
    pub async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let closed = || StoreError::Unavailable("the store's thread has ended".to_owned());
        let late = |_| StoreError::Unavailable("no answer within the deadline".to_owned());
        let deadline = Instant::now() + self.deadline;
        let (answer, answered) = oneshot::channel();
        let waiting = self.meter.wait();
        let job: Job = Box::new(move |connection| {
            let _in_use = waiting.over();
            if !answer.is_closed() {
                // the caller may have gone meanwhile: nobody to tell
                let _ = answer.send(work(connection));
            }
        });
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        timeout_at(deadline, jobs.send(job)).await.map_err(late)?.map_err(|_| closed())?;
        timeout_at(deadline, answered)
            .await
            .map_err(late)?
            .map_err(|_| StoreError::Unavailable("the call was given up".to_owned()))?
    }

    /// Runs `read` on one of the connections, all of it as of one moment. Otherwise as [`Self::call`].
    pub async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            read(&transaction)
        })
        .await
    }

    /// How its connections stand.
    pub fn connections(&self, pool: &'static str) -> Connections {
        self.meter.read(pool, self.threads.len())
    }
}

/// Reads what there is for each of `items`, in their order: of a few by `first` alone, of many two thirds by
/// `others` beside it.
pub(super) async fn read_thirds<I, T, F>(
    first: &Workers,
    others: &Workers,
    items: &[I],
    read: F,
) -> Result<Vec<T>, StoreError>
where
    I: Clone + Send + 'static,
    T: Send + 'static,
    F: Fn(&Connection, &[I]) -> Result<Vec<T>, StoreError> + Clone + Send + 'static,
{
    let by = |workers, items: &[I]| {
        let (items, read) = (items.to_vec(), read.clone());
        Workers::read(workers, move |connection| read(connection, &items))
    };
    if items.len() < WORTH_DIVIDING {
        return by(first, items).await;
    }
    let (own, rest) = items.split_at(items.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    let (mut found, second, third) = tokio::try_join!(by(first, own), by(others, second), by(others, third))?;
    found.extend(second.into_iter().chain(third));
    Ok(found)
}

/// The next job; `None` once nobody can send one any more. The lock is held while waiting: the
/// threads take turns.
fn next(queue: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

impl Drop for Workers {
    /// Waits for the jobs that were handed over, so that whoever opens the store next finds it
    /// closed.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.thread().id() != std::thread::current().id() {
                // a thread cannot end in a panic: its jobs are caught
                let _ = thread.join();
            }
        }
    }
}
