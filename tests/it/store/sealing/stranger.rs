//! Somebody who has the store, and makes copies of it.

use std::path::PathBuf;

use reassure::packing::{Kind, Unpacker};
use rusqlite::Connection;
use tokio_postgres::Client;

use crate::store::place::Place;

/// Order, name of the master key, and what it has sealed.
pub type Key = (String, String, Vec<u8>);

pub enum Stranger {
    File { store: PathBuf, keys: PathBuf },
    Schema { client: Box<Client>, keys: String },
}

impl Stranger {
    pub async fn of(place: &Place) -> Self {
        match place {
            Place::File(folder) => {
                Self::File { store: folder.path().join("store.db"), keys: folder.path().join("store.db.keys") }
            }
            Place::Schema(schema) => Self::Schema {
                client: {
                    drop(schema.open().await);
                    Box::new(schema.stranger().await)
                },
                keys: format!("{}_keys", schema.settings.schema),
            },
            Place::Sealed(place, _) => Box::pin(Self::of(place)).await,
        }
    }

    pub async fn run(&self, sql: &str) {
        match self {
            Self::File { store, .. } => Connection::open(store).unwrap().execute_batch(sql).unwrap(),
            Self::Schema { client, .. } => client.batch_execute(sql).await.unwrap(),
        }
    }

    pub async fn damage_journey(&self, order: &str) {
        let body = match self {
            Self::File { .. } => "x'00'",
            Self::Schema { .. } => "'\\x00'",
        };
        self.run(&format!("UPDATE journeys SET body = {body} WHERE order_id = '{order}'")).await;
    }

    async fn bodies(&self, table: &str) -> Vec<Vec<u8>> {
        let sql = format!("SELECT body FROM {table}");
        match self {
            Self::File { store, .. } => {
                let connection = Connection::open(store).unwrap();
                let mut statement = connection.prepare(&sql).unwrap();
                let bodies = statement.query_map([], |row| row.get(0)).unwrap();
                bodies.collect::<Result<_, _>>().unwrap()
            }
            Self::Schema { client, .. } => {
                client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// All that can be read of journeys.
    pub async fn journeys(&self) -> Vec<String> {
        self.bodies("journeys").await.iter().map(|body| readable(Kind::Journey, body)).collect()
    }

    /// All that can be read of journeys and contents.
    pub async fn at_rest(&self) -> String {
        let contents = self.bodies("contents").await;
        let contents = contents.iter().map(|body| readable(Kind::Content, body));
        self.journeys().await.into_iter().chain(contents).collect()
    }

    /// Copies the store; its keys are elsewhere.
    pub async fn back_up(&self) {
        for table in ["journeys", "outbox", "contents"] {
            self.run(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
        }
    }

    pub async fn bring_back(&self) {
        let body = "SELECT s.body FROM saved_journeys s WHERE s.id = journeys.id";
        self.run(&format!("UPDATE journeys SET body = ({body})")).await;
        for table in ["outbox", "contents"] {
            self.run(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}")).await;
        }
    }

    /// Of every order that has one which is not erased.
    pub async fn keys(&self) -> Vec<Key> {
        match self {
            Self::File { keys, .. } => {
                let connection = Connection::open(keys).unwrap();
                let mut statement =
                    connection.prepare("SELECT order_id, master, sealed FROM keys WHERE sealed <> x''").unwrap();
                let keys = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
                keys.collect::<Result<_, _>>().unwrap()
            }
            Self::Schema { client, keys } => {
                let rows = client
                    .query(&format!("SELECT order_id, master, sealed FROM {keys}.keys WHERE sealed <> ''"), &[])
                    .await;
                rows.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
            }
        }
    }

    /// As they were when they were saved: what was made since is not among them.
    pub async fn bring_back_keys(&self, saved: &[Key]) {
        match self {
            Self::File { keys, .. } => Connection::open(keys).unwrap().execute_batch("DELETE FROM keys").unwrap(),
            Self::Schema { client, keys } => client.batch_execute(&format!("DELETE FROM {keys}.keys")).await.unwrap(),
        }
        for (order, master, sealed) in saved {
            match self {
                Self::File { keys, .. } => {
                    let sql = "INSERT INTO keys VALUES ('atelier', ?1, ?2, ?3)";
                    Connection::open(keys).unwrap().execute(sql, rusqlite::params![order, master, sealed]).unwrap();
                }
                Self::Schema { client, keys } => {
                    let sql = format!("INSERT INTO {keys}.keys VALUES ('atelier', $1, $2, $3)");
                    client.execute(&sql, &[order, master, sealed]).await.unwrap();
                }
            }
        }
    }

    pub async fn lose_keys(&self) {
        match self {
            Self::File { keys, .. } => std::fs::remove_file(keys).unwrap(),
            Self::Schema { client, keys } => {
                client.batch_execute(&format!("DROP SCHEMA {keys} CASCADE")).await.unwrap();
            }
        }
    }
}

/// Everything that unpacks, wherever it begins, and the bytes as they are.
fn readable(kind: Kind, body: &[u8]) -> String {
    let mut unpacker = Unpacker::default();
    let frames = (0..body.len()).filter_map(|from| unpacker.decompress(kind, &body[from..]).ok());
    frames.chain([body.to_vec()]).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}
