//! The way to the database: the connections of calls, and those beside them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failure, no_connection};
use super::row::Key;
use super::session::{Session, Statements};
use super::{Settings, migrate, session, upkeep};
use crate::domain::time::Timestamp;
use crate::ports::{Connections, Kept, StoreError};
use crate::store::meter::Meter;
use crate::store::spending::Pseudonyms;

pub(super) struct Inner {
    pool: Pool,
    client: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    pub settings: Settings,
    /// Tells this process from the others in what it has taken up.
    pub replica: Key,
    meter: Arc<Meter>,
    /// Known from the first contact on.
    pseudonyms: OnceLock<Pseudonyms>,
}

impl Inner {
    /// The way to the store itself.
    pub fn of_store(settings: Settings) -> Result<Self, StoreError> {
        Self::new(settings, &session::STATEMENTS)
    }

    /// The way to where these statements are carried out.
    pub fn new(settings: Settings, statements: Statements) -> Result<Self, StoreError> {
        let wrong = |what: String| StoreError::Corrupt(format!("store.{what}"));
        let mut client = settings.client().map_err(|what| wrong(format!("url {what}")))?;
        if let Some(source) = &settings.password {
            let password = source.read().map_err(|what| wrong(format!("password: {what}")))?;
            client.password(password.expose());
        }
        let tls = settings.tls().map_err(StoreError::Corrupt)?;
        let manager = Manager::from_config(
            client.clone(),
            tls.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let setup = Arc::<str>::from(session::setup(&settings));
        let connect = Duration::from_millis(settings.connect_ms.into());
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            .wait_timeout(Some(Duration::from_millis(settings.deadline_ms.into())))
            .create_timeout(Some(connect))
            .recycle_timeout(Some(connect))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let setup = Arc::clone(&setup);
                Box::pin(async move { session::ready(client, &setup, statements).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| StoreError::Corrupt(format!("the pool of connections: {error}")))?;
        Ok(Self {
            pool,
            client,
            tls,
            settings,
            replica: Key(rand::random()),
            meter: Arc::default(),
            pseudonyms: OnceLock::new(),
        })
    }

    pub async fn session(&self) -> Result<Session, StoreError> {
        let waiting = self.meter.wait();
        let client = self.pool.get().await.map_err(no_connection)?;
        Ok(Session::new(client, waiting.over()))
    }

    /// What is seen of its connections.
    pub fn connections(&self) -> Connections {
        self.meter.read("both", self.pool.status().size)
    }

    /// Ends a call: gives its connection back, if it is worth keeping.
    pub async fn end<T>(&self, session: Session, done: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(&done, Err(failure) if failure.is_read_only()) {
            // the others lead to the same server
            self.pool.retain(|_, _| false);
        }
        session.end(done).await
    }

    pub async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let deadline = Duration::from_millis(self.settings.deadline_ms.into());
        tokio::time::timeout(deadline, work).await.unwrap_or(Err(Failure::Late))
    }

    /// A connection beside the pool, for what takes longer than a call may.
    pub async fn apart(&self) -> Result<Client, Failure> {
        let connect = Duration::from_millis(self.settings.connect_ms.into());
        let connecting = tokio::time::timeout(connect, self.client.connect(self.tls.clone()));
        let (client, connection) = connecting.await.map_err(|_| Failure::Late)??;
        tokio::spawn(async move {
            // its end is told by the calls that it fails
            let _ = connection.await;
        });
        client.batch_execute(&session::setup(&self.settings)).await?;
        Ok(client)
    }

    /// The first contact.
    pub async fn begin(&self) -> Result<(), StoreError> {
        let mut client = self.apart().await?;
        migrate::migrate(&mut client, &self.settings.schema, migrate::MIGRATIONS).await?;
        upkeep::make(&mut client, &self.settings.schema).await?;
        let key: Vec<u8> = client.query_one("SELECT key FROM pseudonyms", &[]).await.map_err(Failure::from)?.get(0);
        let _ = self.pseudonyms.set(Pseudonyms::new(&key)?);
        self.agree_on_time(&client).await
    }

    /// The names under which customers are on record.
    pub fn pseudonyms(&self) -> Result<&Pseudonyms, StoreError> {
        self.pseudonyms.get().ok_or_else(|| StoreError::Unavailable("the database has not been reached yet".to_owned()))
    }

    /// Makes the partitions that are needed, and looks at the clocks.
    pub async fn keep_up(&self) -> Result<(), StoreError> {
        let mut client = self.apart().await?;
        upkeep::make(&mut client, &self.settings.schema).await?;
        self.agree_on_time(&client).await
    }

    /// Drops the weeks of a kind whose time is over, and says about how many rows lay in each.
    pub async fn drop_weeks(&self, kept: Kept, before: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
        let Some(table) = upkeep::table(kept) else { return Ok(Vec::new()) };
        let client = self.apart().await?;
        Ok(upkeep::drop_old(&client, &self.settings, table, before).await?)
    }

    pub async fn make_partitions(&self) -> Result<(), StoreError> {
        let mut client = self.apart().await?;
        Ok(upkeep::make(&mut client, &self.settings.schema).await?)
    }

    async fn agree_on_time(&self, client: &Client) -> Result<(), StoreError> {
        let skew = upkeep::skew(client).await?;
        if skew <= upkeep::SKEW {
            return Ok(());
        }
        Err(StoreError::Unavailable(format!(
            "this machine's clock and the database's differ by {} s, and leases allow for {} s; set both by NTP",
            skew.as_secs(),
            upkeep::SKEW.as_secs()
        )))
    }
}
