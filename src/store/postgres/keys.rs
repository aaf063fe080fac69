//! The keys of orders, in a schema of their own: of the same database, or better of another server.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use super::call::call;
use super::failure::Failure;
use super::inner::Inner;
use super::row::{Key, get, position};
use super::session::{Parameters, Session};
use super::{Settings, migrate};
use crate::domain::journey::JourneyKey;
use crate::ports::{KeptKey, Keys, StoreError};
use crate::seal::{Masters, Wrapped};
use crate::secret::SecretSource;
use crate::store::columns;
use crate::store::vault::{self, MasterKey, Vault};

const MIGRATIONS: &[&str] = &[include_str!("../migrations/postgres_keys/0001_ground.sql")];

const FIND: &str = "SELECT w.ord, k.master, k.sealed
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w(shop, order_id, ord)
    JOIN keys k ON k.shop = w.shop AND k.order_id = w.order_id";

/// In the order of their keys, so that two never wait for each other.
const KEEP: &str = "INSERT INTO keys AS k (shop, order_id, master, sealed)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) w(shop, order_id, master, sealed)
    ORDER BY w.shop COLLATE \"C\", w.order_id COLLATE \"C\"
    ON CONFLICT (shop, order_id) DO UPDATE SET master = excluded.master, sealed = excluded.sealed WHERE k.sealed = ''";

/// As [`KEEP`], whatever is there.
const ERASE: &str = "INSERT INTO keys (shop, order_id, master, sealed)
    SELECT w.shop, w.order_id, '', ''::bytea FROM unnest($1::text[], $2::text[]) w(shop, order_id)
    ORDER BY w.shop COLLATE \"C\", w.order_id COLLATE \"C\"
    ON CONFLICT (shop, order_id) DO UPDATE SET master = '', sealed = ''";

const FORGET: &str = "DELETE FROM keys k USING unnest($1::text[], $2::text[]) w(shop, order_id)
    WHERE k.shop = w.shop AND k.order_id = w.order_id";

const OTHERS: &str = "SELECT master, sealed, shop, order_id FROM keys
    WHERE (shop, order_id) > ($2, $3) AND master <> $1 AND sealed <> '' ORDER BY shop, order_id LIMIT $4";

const REPLACE: &str = "UPDATE keys k SET master = w.master, sealed = w.sealed
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bytea[]) w(shop, order_id, was, master, sealed)
    WHERE k.shop = w.shop AND k.order_id = w.order_id AND k.sealed = w.was";

const DROP_PROOFS: &str = "DELETE FROM proofs WHERE master <> $1";

const STATEMENTS: &[&str] = &[FIND, KEEP, ERASE, FORGET, OTHERS, REPLACE, DROP_PROOFS];

/// In the store itself: orders whose keys are to be forgotten.
const FORGOTTEN: &str = "SELECT shop, order_id FROM forgotten_keys ORDER BY shop, order_id LIMIT $1";

const DONE: &str = "DELETE FROM forgotten_keys f USING unnest($1::text[], $2::text[]) w(shop, order_id)
    WHERE f.shop = w.shop AND f.order_id = w.order_id";

pub(super) const STATEMENTS_OF_STORE: &[&str] = &[FORGOTTEN, DONE];

/// Content at rest is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// The first wraps, all unwrap.
    pub keys: Vec<MasterKey>,
    /// The database of the orders' keys, as `store.url`; without it, the store's own.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// The schema of the orders' keys; without it, the store's with `_keys` behind.
    #[serde(default)]
    pub schema: Option<String>,
    /// What is sealed by a key that is missing is taken as erased: the keys are lost for good.
    #[serde(default)]
    pub missing_is_erased: bool,
}

impl Encryption {
    /// How the keys of the store with these settings are reached.
    pub(super) fn place(&self, store: &Settings) -> Settings {
        let (url, password) = match &self.url {
            Some(url) => (url.clone(), self.password.clone()),
            None => (store.url.clone(), store.password.clone()),
        };
        let schema = self.schema.clone().unwrap_or_else(|| format!("{}_keys", store.schema));
        Settings { url, password, schema, encryption: None, ..store.clone() }
    }
}

struct KeySchema {
    inner: Arc<Inner>,
}

impl KeySchema {
    async fn execute(&self, statement: &'static str, parameters: Parameters<'_>) -> Result<(), StoreError> {
        call!(self, |session| session.execute(statement, parameters)).map(|_| ())
    }
}

/// Reaches the keys that belong to the store with these settings, or makes their schema; also what
/// tells it from any other.
pub(super) async fn vault(store: &Settings, encryption: &Encryption) -> Result<(Vault, [u8; 16]), StoreError> {
    let wrong = |what: String| StoreError::Corrupt(format!("store.encryption: {what}"));
    let masters = vault::masters(&encryption.keys).map_err(wrong)?;
    let settings = encryption.place(store);
    let schema = settings.schema.clone();
    let inner = Arc::new(Inner::new(settings, &[STATEMENTS])?);
    let mut client = inner.apart().await?;
    migrate::migrate(&mut client, &schema, MIGRATIONS).await?;
    let identity = introduce(&client, &masters).await?;
    Ok((Vault::new(masters, Arc::new(KeySchema { inner }), encryption.missing_is_erased), identity))
}

/// Holds the master keys against those that have wrapped keys, and adds the first to them.
async fn introduce(client: &Client, masters: &Masters) -> Result<[u8; 16], Failure> {
    // looked at again once it is written: another process may have been first, with another key of that name
    while let Some(proof) = vault::proved(masters, &proofs(client).await?)? {
        let add = "INSERT INTO proofs (master, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        client.execute(add, &[&proof.master, &proof.sealed]).await?;
    }
    Ok(get::<Key>(&client.query_one("SELECT id FROM identity", &[]).await?, 0)?.0)
}

async fn proofs(client: &Client) -> Result<Vec<Wrapped>, Failure> {
    let proofs = client.query("SELECT master, sealed FROM proofs ORDER BY master", &[]).await?;
    proofs.iter().map(|row| wrapped(row, 0)).collect()
}

#[async_trait]
impl Keys for KeySchema {
    async fn find(&self, of: &[JourneyKey]) -> Result<Vec<Option<KeptKey>>, StoreError> {
        call!(self, |session| find(session, of))
    }

    async fn keep(&self, new: &[(JourneyKey, Wrapped)]) -> Result<Vec<Wrapped>, StoreError> {
        let of: Vec<JourneyKey> = new.iter().map(|(of, _)| of.clone()).collect();
        let (shops, orders) = texts(&of);
        let masters: Vec<&str> = new.iter().map(|(_, key)| &*key.master).collect();
        let sealed: Vec<&[u8]> = new.iter().map(|(_, key)| &*key.sealed).collect();
        self.execute(KEEP, &[&shops, &orders, &masters, &sealed]).await?;
        let found = self.find(&of).await?;
        let kept = |(found, (_, own)): (Option<KeptKey>, &(JourneyKey, Wrapped))| match found {
            Some(KeptKey::Wrapped(kept)) => kept,
            _ => own.clone(),
        };
        Ok(found.into_iter().zip(new).map(kept).collect())
    }

    async fn erase(&self, of: &[JourneyKey]) -> Result<(), StoreError> {
        let (shops, orders) = texts(of);
        self.execute(ERASE, &[&shops, &orders]).await
    }

    async fn forget(&self, of: &[JourneyKey]) -> Result<(), StoreError> {
        let (shops, orders) = texts(of);
        self.execute(FORGET, &[&shops, &orders]).await
    }

    async fn wrapped_by_others(
        &self,
        master: &str,
        after: &JourneyKey,
        limit: usize,
    ) -> Result<Vec<(JourneyKey, Wrapped)>, StoreError> {
        let most = columns::integer(limit);
        call!(self, |session| async {
            let rows = session.query(OTHERS, &[&master, &after.shop, &after.order_id, &most]).await?;
            let read = |row| Ok((JourneyKey { shop: get(row, 2)?, order_id: get(row, 3)? }, wrapped(row, 0)?));
            rows.iter().map(read).collect::<Result<_, Failure>>()
        })
    }

    async fn replace(&self, keys: &[(JourneyKey, Wrapped, Wrapped)]) -> Result<(), StoreError> {
        let shops: Vec<&str> = keys.iter().map(|(of, ..)| &*of.shop).collect();
        let orders: Vec<&str> = keys.iter().map(|(of, ..)| &*of.order_id).collect();
        let was: Vec<&[u8]> = keys.iter().map(|(_, old, _)| &*old.sealed).collect();
        let masters: Vec<&str> = keys.iter().map(|(.., new)| &*new.master).collect();
        let sealed: Vec<&[u8]> = keys.iter().map(|(.., new)| &*new.sealed).collect();
        self.execute(REPLACE, &[&shops, &orders, &was, &masters, &sealed]).await
    }

    async fn drop_proofs(&self, master: &str) -> Result<(), StoreError> {
        self.execute(DROP_PROOFS, &[&master]).await
    }
}

async fn find(session: &Session, of: &[JourneyKey]) -> Result<Vec<Option<KeptKey>>, Failure> {
    let (shops, orders) = texts(of);
    let mut found = vec![None; of.len()];
    for row in &session.query(FIND, &[&shops, &orders]).await? {
        found[position(row, 0)?] = Some(vault::kept(wrapped(row, 1)?));
    }
    Ok(found)
}

fn wrapped(row: &tokio_postgres::Row, from: usize) -> Result<Wrapped, Failure> {
    Ok(Wrapped { master: get(row, from)?, sealed: get(row, from + 1)? })
}

fn texts(of: &[JourneyKey]) -> (Vec<&str>, Vec<&str>) {
    of.iter().map(|of| (&*of.shop, &*of.order_id)).unzip()
}

/// Holds the place where the keys are against the one that this store has known; `None`: there is
/// none in this process.
pub(super) async fn bind(client: &Client, identity: Option<[u8; 16]>) -> Result<(), Failure> {
    if let Some(identity) = identity {
        let bind = "INSERT INTO vault (id, keys) VALUES (1, $1) ON CONFLICT DO NOTHING";
        client.execute(bind, &[&Key(identity)]).await?;
    }
    let known: Option<Key> = client.query_opt("SELECT keys FROM vault", &[]).await?.map(|row| row.get(0));
    Ok(vault::agree(known.map(|known| known.0), identity)?)
}

/// Orders whose keys are to be forgotten.
pub(super) async fn forgotten(session: &Session, limit: usize) -> Result<Vec<JourneyKey>, Failure> {
    let rows = session.query(FORGOTTEN, &[&columns::integer(limit)]).await?;
    rows.iter().map(|row| Ok(JourneyKey { shop: get(row, 0)?, order_id: get(row, 1)? })).collect()
}

/// They have been.
pub(super) async fn done(session: &Session, of: &[JourneyKey]) -> Result<u64, Failure> {
    let (shops, orders) = texts(of);
    session.execute(DONE, &[&shops, &orders]).await
}
