//! Where the store of a test lives: a file or a schema of its own, both gone afterwards.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reassure::ports::{Store, StoreError};
use reassure::secret::SecretSource;
use reassure::store::MasterKey;
use reassure::store::postgres::{self, Postgres};
use reassure::store::sqlite::{self, Sqlite};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::stack;

#[allow(clippy::large_enum_variant, reason = "a test has one")]
pub enum Place {
    File(TempDir),
    Schema(Schema),
    /// One of them, encrypted.
    Sealed(Box<Place>, Masters),
}

impl Place {
    pub fn file() -> Option<Self> {
        Some(Self::File(TempDir::new().unwrap()))
    }

    /// None where the tests go without PostgreSQL.
    pub fn schema() -> Option<Self> {
        Schema::new().map(Self::Schema)
    }

    pub fn sealed(self) -> Self {
        Self::Sealed(Box::new(self), Masters::new())
    }

    /// Opens the store, as one replica of any number.
    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Sealed(place, masters) => place.opening(&[masters.key("first")]).await.unwrap(),
            place => place.opening(&[]).await.unwrap(),
        }
    }

    /// Opens the store with these master keys; without any, nothing is encrypted.
    pub async fn opening(&self, masters: &[MasterKey]) -> Result<Arc<dyn Store>, StoreError> {
        self.opening_with(masters, false).await
    }

    /// As [`Self::opening`], and says what a missing key means.
    pub async fn opening_with(
        &self,
        masters: &[MasterKey],
        missing_is_erased: bool,
    ) -> Result<Arc<dyn Store>, StoreError> {
        let keys = (!masters.is_empty()).then(|| masters.to_vec());
        Ok(match self {
            Self::File(folder) => {
                let encryption = keys.map(|keys| sqlite::Encryption { keys, path: None, missing_is_erased });
                let settings = sqlite::Settings { encryption, ..sqlite::Settings::default() };
                Arc::new(Sqlite::open(folder.path().join("store.db"), settings)?)
            }
            Self::Schema(schema) => {
                let (url, password, schema_of_keys) = (None, None, None);
                let encryption = keys.map(|keys| postgres::Encryption {
                    keys,
                    url,
                    password,
                    schema: schema_of_keys,
                    missing_is_erased,
                });
                Arc::new(Postgres::open(postgres::Settings { encryption, ..schema.settings.clone() }).await?)
            }
            Self::Sealed(place, _) => Box::pin(place.opening_with(masters, missing_is_erased)).await?,
        })
    }
}

/// Master keys by name, each in a file.
pub struct Masters(TempDir);

impl Masters {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// The key of that name: always the same.
    pub fn key(&self, id: &str) -> MasterKey {
        self.key_of(id, id)
    }

    /// A key of that name that is another's.
    pub fn key_of(&self, id: &str, other: &str) -> MasterKey {
        let file = self.0.path().join(format!("{id}-{other}"));
        std::fs::write(&file, BASE64_STANDARD.encode(Sha256::digest(other))).unwrap();
        MasterKey { id: id.to_owned(), key: SecretSource::File(file.display().to_string()) }
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
                    "SET client_min_messages = error; SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {schema}, {schema}_keys CASCADE"
                );
                client.batch_execute(&sql).await.map_err(std::io::Error::other)
            })
        });
        // a server that is gone has taken it along
        let _ = dropping.join();
    }
}
