//! The schema, brought up to date by whoever comes first; the others wait for it.

use std::ops::Range;

use tokio_postgres::Client;

use super::failure::Failure;
use crate::ports::StoreError;
use crate::store::version;

/// Each takes the schema from its index to the next version, and only expands it (see [`version`]).
/// Append only: a store in the field has run those that are here.
pub(super) const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/postgres/0001_ground.sql"), include_str!("../migrations/postgres/0002_keys.sql")];

/// `DETACH PARTITION … CONCURRENTLY` came with it.
const OLDEST_SERVER: i32 = 140_000;

/// Makes the schema or brings it up to date: whole or not at all.
pub(super) async fn migrate(client: &mut Client, schema: &str, migrations: &[&str]) -> Result<(), Failure> {
    let server: i32 = client.query_one("SELECT current_setting('server_version_num')::int", &[]).await?.get(0);
    if server < OLDEST_SERVER {
        let what = format!("the server is PostgreSQL {}, and the oldest that does is 14", server / 10_000);
        return Err(StoreError::Corrupt(what).into());
    }
    let transaction = client.transaction().await?;
    transaction.query_one("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&lock(schema)]).await?;
    // to make one needs a right that its owner may lack, even if it is there
    let missing: bool = transaction.query_one("SELECT to_regnamespace($1) IS NULL", &[&schema]).await?.get(0);
    if missing {
        transaction.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    let tables: i64 = transaction
        .query_one("SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1)", &[&schema])
        .await?
        .get(0);
    let pending = if tables == 0 {
        transaction
            .batch_execute(
                "CREATE TABLE schema_version (version integer NOT NULL); INSERT INTO schema_version VALUES (0)",
            )
            .await?;
        0..migrations.len()
    } else {
        pending(&transaction, migrations.len()).await?
    };
    for migration in &migrations[pending.clone()] {
        transaction.batch_execute(migration).await?;
    }
    if !pending.is_empty() {
        let now = i32::try_from(migrations.len()).unwrap_or(i32::MAX);
        transaction.execute("UPDATE schema_version SET version = $1", &[&now]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The migrations that are to be run; refuses what a far newer version or another program made.
async fn pending(transaction: &tokio_postgres::Transaction<'_>, known: usize) -> Result<Range<usize>, Failure> {
    let ours: bool = transaction.query_one("SELECT to_regclass('schema_version') IS NOT NULL", &[]).await?.get(0);
    if !ours {
        let what = "the schema holds tables of another program; name another (store.schema)";
        return Err(StoreError::Corrupt(what.to_owned()).into());
    }
    let version: i32 = transaction.query_one("SELECT version FROM schema_version", &[]).await?.get(0);
    Ok(version::pending(version.into(), known)?)
}

/// The name of the lock under which a schema is changed.
pub(super) fn lock(schema: &str) -> String {
    format!("reassure schema {schema}")
}
