//! One connection for one call. What is left in the middle of a transaction is closed, and the
//! server rolls back.
//!
//! Statements that do not need each other's results are sent together (`tokio::join!`): what costs
//! time is the way to the server and back. Each is prepared when the connection is made, so that
//! none of them waits for that and they arrive in the order in which they were sent.

use deadpool_postgres::{ClientWrapper, Object};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::settings::Settings;
use super::{commit, inspect, keys, lane, outbox, publication, purge, read, spending, storm, unconfirmed};
use crate::ports::StoreError;
use crate::store::meter::InUse;

/// What is prepared when a connection is made.
pub(super) type Statements = &'static [&'static [&'static str]];

/// Every statement of the store that is prepared.
pub(super) const STATEMENTS: [&[&str]; 11] = [
    read::STATEMENTS,
    spending::STATEMENTS,
    storm::STATEMENTS,
    unconfirmed::STATEMENTS,
    commit::STATEMENTS,
    lane::STATEMENTS,
    outbox::STATEMENTS,
    publication::STATEMENTS,
    purge::STATEMENTS,
    inspect::STATEMENTS,
    keys::STATEMENTS_OF_STORE,
];

/// What every session wants of the server. All statements are lookups by key: a plan that was made
/// while the tables were small must not be a walk through them once they have grown.
const MANNERS: &str = "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET client_min_messages = error;";

pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) struct Session {
    /// `None` once it has been given back or closed.
    client: Option<Object>,
    /// Where it is in a transaction is not known.
    is_clean: bool,
    _in_use: InUse,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && !self.is_clean
        {
            drop(Object::take(client));
        }
    }
}

impl Session {
    pub fn new(client: Object, in_use: InUse) -> Self {
        Self { client: Some(client), is_clean: false, _in_use: in_use }
    }

    fn client(&self) -> Result<&ClientWrapper, Failure> {
        let closed = || StoreError::Unavailable("the connection is closed".to_owned());
        Ok(self.client.as_deref().ok_or_else(closed)?)
    }

    pub async fn query(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<Vec<Row>, Failure> {
        let client = self.client()?;
        let prepared = client.prepare_cached(statement).await?;
        Ok(client.query(&prepared, parameters).await?)
    }

    /// The number of rows that were written.
    pub async fn execute(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<u64, Failure> {
        let client = self.client()?;
        let prepared = client.prepare_cached(statement).await?;
        Ok(client.execute(&prepared, parameters).await?)
    }

    /// The same where there may be nothing to write.
    pub async fn execute_if(
        &self,
        is_needed: bool,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<u64, Failure> {
        if is_needed { self.execute(statement, parameters).await } else { Ok(0) }
    }

    /// The same where there may be nothing to ask.
    pub async fn query_if(
        &self,
        is_needed: bool,
        statement: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failure> {
        if is_needed { self.query(statement, parameters).await } else { Ok(Vec::new()) }
    }

    pub async fn begin(&self) -> Result<(), Failure> {
        Ok(self.client()?.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?)
    }

    /// A transaction that reads, all of it as of one moment.
    pub async fn begin_reading(&self) -> Result<(), Failure> {
        Ok(self.client()?.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    /// Ends the transaction. One in which a statement has failed is rolled back: look at what the
    /// statements came to first.
    pub async fn commit(&self) -> Result<(), Failure> {
        Ok(self.client()?.batch_execute("COMMIT").await?)
    }

    /// Gives the connection back after a call, if it is worth keeping.
    pub async fn end<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.is_clean = match &result {
            Ok(_) => true,
            Err(failure) if failure.leaves_connection_sound() => match self.client() {
                Ok(client) => client.batch_execute("ROLLBACK").await.is_ok(),
                Err(_) => false,
            },
            Err(_) => false,
        };
        result
    }
}

/// Makes a new connection ready.
pub(super) async fn ready(
    client: &ClientWrapper,
    setup: &str,
    statements: Statements,
) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(setup).await?;
    for group in statements {
        for statement in *group {
            client.prepare_cached(statement).await?;
        }
    }
    Ok(())
}

/// What a session says first: which schema, which manners, how long it waits.
pub(super) fn setup(settings: &Settings) -> String {
    let Settings { schema, statement_ms, lock_ms, .. } = settings;
    format!(
        "SET search_path = \"{schema}\"; SET statement_timeout = {statement_ms}; SET lock_timeout = {lock_ms}; \
         SET idle_in_transaction_session_timeout = {statement_ms}; {MANNERS}"
    )
}
