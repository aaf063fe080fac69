//! Where the store of a test lives: a file or a schema of its own, both gone afterwards.

use std::sync::Arc;

use reassure::ports::Store;
use reassure::secret::SecretSource;
use reassure::store::postgres::{self, Postgres};
use reassure::store::sqlite::{self, Sqlite};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::stack;

pub enum Place {
    File(TempDir),
    Schema(Schema),
}

impl Place {
    pub fn file() -> Option<Self> {
        Some(Self::File(TempDir::new().unwrap()))
    }

    /// None where the tests go without PostgreSQL.
    pub fn schema() -> Option<Self> {
        Schema::new().map(Self::Schema)
    }

    /// Opens the store, as one replica of any number.
    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::File(folder) => {
                Arc::new(Sqlite::open(folder.path().join("store.db"), sqlite::Settings::default()).unwrap())
            }
            Self::Schema(schema) => Arc::new(schema.open().await),
        }
    }
}

/// A schema of a database.
pub struct Schema {
    pub settings: postgres::Settings,
    /// For another client than ours.
    url: String,
    _password: TempDir,
}

impl Schema {
    pub fn new() -> Option<Self> {
        stack::postgres().map(|url| Self::of(&url))
    }

    /// One of the database at `url`, which may hold a password.
    pub fn of(url: &str) -> Self {
        let mut place: url::Url = url.parse().expect("a URL");
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("password");
        let password = place.password().map(|password| {
            std::fs::write(&file, password).unwrap();
            SecretSource::File(file.display().to_string())
        });
        place.set_password(None).unwrap();
        let settings = postgres::Settings {
            url: place.into(),
            password,
            schema: format!("test_{:016x}", rand::random::<u64>()),
            connections: 3,
            start_ms: 0,
            ..postgres::Settings::default()
        };
        Self { settings, url: url.to_owned(), _password: folder }
    }

    pub async fn open(&self) -> Postgres {
        Postgres::open(self.settings.clone()).await.unwrap()
    }

    /// The schema as a stranger sees it.
    pub async fn stranger(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path = {}", self.settings.schema)).await.unwrap();
        client
    }

    /// Moves the database's clock by `interval`, such as `-60 weeks`.
    pub async fn shift_clock(&self, interval: &str) {
        self.set_clock(&format!("now() + interval '{interval}'")).await;
    }

    /// The database's clock shows `moment`, an expression.
    pub async fn set_clock(&self, moment: &str) {
        let sql = format!(
            "CREATE OR REPLACE FUNCTION moment() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT {moment} $$"
        );
        self.stranger().await.batch_execute(&sql).await.unwrap();
    }
}

impl Drop for Schema {
    /// In a runtime of its own: the test's may be ending.
    fn drop(&mut self) {
        let (url, schema) = (self.url.clone(), self.settings.schema.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await.map_err(std::io::Error::other)?;
                tokio::spawn(connection);
                let sql = format!(
                    "SET client_min_messages = error; SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {schema} CASCADE"
                );
                client.batch_execute(&sql).await.map_err(std::io::Error::other)
            })
        });
        // a server that is gone has taken it along
        let _ = dropping.join();
    }
}
