//! The keys of orders, in a file of their own beside the store's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::worker::Workers;
use super::{Settings, columns, open};
use crate::domain::journey::JourneyKey;
use crate::ports::{KeptKey, Keys, StoreError};
use crate::seal::Wrapped;
use crate::store::vault::{self, MasterKey, Vault};

const MIGRATIONS: &[&str] = &[include_str!("../migrations/sqlite_keys/0001_ground.sql")];

/// Content at rest is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// The first wraps, all unwrap.
    pub keys: Vec<MasterKey>,
    /// The file of the orders' keys; without it the store's own with `.keys` behind.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// What is sealed by a key that is missing is taken as erased: the keys are lost for good.
    #[serde(default)]
    pub missing_is_erased: bool,
}

struct KeyFile {
    worker: Workers,
}

/// Opens the keys that belong to the store at `store`, or makes their file; also what tells it from
/// any other.
pub(super) fn vault(
    store: &Path,
    settings: &Settings,
    encryption: &Encryption,
) -> Result<(Vault, [u8; 16]), StoreError> {
    let wrong = |what: String| StoreError::Corrupt(format!("store.encryption: {what}"));
    let masters = vault::masters(&encryption.keys).map_err(wrong)?;
    let beside = || {
        let mut path = store.as_os_str().to_owned();
        path.push(".keys");
        PathBuf::from(path)
    };
    let path = encryption.path.clone().unwrap_or_else(beside);
    let small = Settings { writer_cache_mib: 4, max_pages: None, ..settings.clone() };
    let connection = open::writer(&path, &small, MIGRATIONS)?;
    // what is deleted is overwritten, not only let go of
    connection.pragma_update(None, "secure_delete", true)?;
    // looked at again once it is written: another process may have been first, with another key of that name
    while let Some(proof) = vault::proved(&masters, &proofs(&connection)?)? {
        connection.execute(
            "INSERT INTO proofs (master, sealed) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![proof.master, proof.sealed],
        )?;
    }
    let identity = connection.query_row("SELECT id FROM identity", [], |row| row.get(0))?;
    let deadline = Duration::from_millis(settings.deadline_ms);
    let worker = Workers::start("store-keys", vec![connection], settings.waiting_calls, deadline)?;
    Ok((Vault::new(masters, Arc::new(KeyFile { worker }), encryption.missing_is_erased), identity))
}

fn proofs(connection: &Connection) -> Result<Vec<Wrapped>, StoreError> {
    let mut statement = connection.prepare("SELECT master, sealed FROM proofs ORDER BY master")?;
    let proofs = statement.query_map([], wrapped)?.collect::<Result<_, _>>()?;
    Ok(proofs)
}

#[async_trait]
impl Keys for KeyFile {
    async fn find(&self, of: &[JourneyKey]) -> Result<Vec<Option<KeptKey>>, StoreError> {
        let of = of.to_vec();
        self.worker.call(move |c| of.iter().map(|of| find(c, of)).collect()).await
    }

    async fn keep(&self, new: &[(JourneyKey, Wrapped)]) -> Result<Vec<Wrapped>, StoreError> {
        let new = new.to_vec();
        self.worker
            .call(move |c| {
                let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let mut kept = Vec::with_capacity(new.len());
                for (of, key) in new {
                    transaction
                        .prepare_cached(
                            "INSERT INTO keys (shop, order_id, master, sealed) VALUES (?1, ?2, ?3, ?4)
                             ON CONFLICT DO UPDATE SET master = excluded.master, sealed = excluded.sealed
                             WHERE keys.sealed = x''",
                        )?
                        .execute(params![of.shop, of.order_id, key.master, key.sealed])?;
                    kept.push(match find(&transaction, &of)? {
                        Some(KeptKey::Wrapped(kept)) => kept,
                        _ => key,
                    });
                }
                transaction.commit()?;
                Ok(kept)
            })
            .await
    }

    async fn erase(&self, of: &[JourneyKey]) -> Result<(), StoreError> {
        let of = of.to_vec();
        self.worker.call(move |c| forget(c, &of, true)).await
    }

    async fn forget(&self, of: &[JourneyKey]) -> Result<(), StoreError> {
        let of = of.to_vec();
        self.worker.call(move |c| forget(c, &of, false)).await
    }

    async fn wrapped_by_others(
        &self,
        master: &str,
        after: &JourneyKey,
        limit: usize,
    ) -> Result<Vec<(JourneyKey, Wrapped)>, StoreError> {
        let (master, after) = (master.to_owned(), after.clone());
        self.worker
            .call(move |c| {
                let mut statement = c.prepare_cached(
                    "SELECT master, sealed, shop, order_id FROM keys
                     WHERE (shop, order_id) > (?2, ?3) AND master <> ?1 AND sealed <> x''
                     ORDER BY shop, order_id LIMIT ?4",
                )?;
                let read = |row: &Row<'_>| Ok((JourneyKey { shop: row.get(2)?, order_id: row.get(3)? }, wrapped(row)?));
                let given = params![master, after.shop, after.order_id, columns::integer(limit)];
                Ok(statement.query_map(given, read)?.collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn replace(&self, keys: &[(JourneyKey, Wrapped, Wrapped)]) -> Result<(), StoreError> {
        let keys = keys.to_vec();
        self.worker
            .call(move |c| {
                let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for (of, old, new) in &keys {
                    transaction
                        .prepare_cached(
                            "UPDATE keys SET master = ?4, sealed = ?5
                             WHERE shop = ?1 AND order_id = ?2 AND sealed = ?3",
                        )?
                        .execute(params![of.shop, of.order_id, old.sealed, new.master, new.sealed])?;
                }
                transaction.commit()?;
                Ok(())
            })
            .await
    }

    async fn drop_proofs(&self, master: &str) -> Result<(), StoreError> {
        let master = master.to_owned();
        self.worker
            .call(move |c| {
                c.prepare_cached("DELETE FROM proofs WHERE master <> ?1")?.execute([&master])?;
                Ok(())
            })
            .await
    }
}

fn find(connection: &Connection, of: &JourneyKey) -> Result<Option<KeptKey>, StoreError> {
    let found = connection
        .prepare_cached("SELECT master, sealed FROM keys WHERE shop = ?1 AND order_id = ?2")?
        .query_row([&of.shop, &of.order_id], wrapped)
        .optional()?;
    Ok(found.map(vault::kept))
}

/// With a mark that it has been erased, or without any.
fn forget(connection: &mut Connection, of: &[JourneyKey], marks: bool) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for of in of {
        transaction
            .prepare_cached("DELETE FROM keys WHERE shop = ?1 AND order_id = ?2")?
            .execute([&of.shop, &of.order_id])?;
        if marks {
            transaction
                .prepare_cached("INSERT INTO keys (shop, order_id, master, sealed) VALUES (?1, ?2, '', x'')")?
                .execute([&of.shop, &of.order_id])?;
        }
    }
    transaction.commit()?;
    // the log still holds the page with the key
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn wrapped(row: &Row<'_>) -> rusqlite::Result<Wrapped> {
    Ok(Wrapped { master: row.get(0)?, sealed: row.get(1)? })
}

/// Holds the place where the keys are against the one that this store has known; `None`: there is
/// none in this process.
pub(super) fn bind(connection: &Connection, identity: Option<[u8; 16]>) -> Result<(), StoreError> {
    if let Some(identity) = identity {
        connection.execute("INSERT INTO vault (id, keys) VALUES (1, ?1) ON CONFLICT DO NOTHING", [identity])?;
    }
    let known: Option<[u8; 16]> = connection.query_row("SELECT keys FROM vault", [], |row| row.get(0)).optional()?;
    vault::agree(known, identity)
}

/// Orders whose keys are to be forgotten.
pub(super) fn forgotten(connection: &Connection, limit: usize) -> Result<Vec<JourneyKey>, StoreError> {
    let keys = connection
        .prepare_cached("SELECT shop, order_id FROM forgotten_keys LIMIT ?1")?
        .query_map([columns::integer(limit)], |row| Ok(JourneyKey { shop: row.get(0)?, order_id: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    Ok(keys)
}

/// Notes an order whose key is to be forgotten.
pub(super) fn note(connection: &Connection, of: &JourneyKey) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO forgotten_keys (shop, order_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([&of.shop, &of.order_id])?;
    Ok(())
}

/// They have been.
pub(super) fn done(connection: &mut Connection, of: &[JourneyKey]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for of in of {
        transaction
            .prepare_cached("DELETE FROM forgotten_keys WHERE shop = ?1 AND order_id = ?2")?
            .execute([&of.shop, &of.order_id])?;
    }
    transaction.commit()?;
    Ok(())
}
