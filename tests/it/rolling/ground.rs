//! What a world of several replicas stands on, and a look at it from beside them.

use std::fmt;
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use reassure::config::Settings;
use reassure::ports::Store;

use url::Url;

use crate::service::events::{CARRIERS, ORDERS};
use crate::service::harness::{Ground, LONG, World};
use crate::stack::{self, Own};

/// As many as the most replicas can share, and more.
pub const PARTITIONS: i32 = 12;

/// A broker and a database that can be stopped without disturbing anybody else's tests.
pub struct Stack {
    pub kafka: Arc<Own>,
    pub postgres: Arc<Own>,
}

impl Stack {
    pub fn own() -> Option<Self> {
        Some(Self { kafka: Arc::new(Own::new("kafka")?), postgres: Arc::new(Own::new("postgres")?) })
    }

    pub async fn world(&self) -> World {
        world(&self.kafka.place("REASSURE_TEST_KAFKA"), &self.postgres.place("REASSURE_TEST_POSTGRES")).await
    }
}

/// A world on the stack that all tests share.
pub async fn shared() -> Option<World> {
    Some(world(&stack::kafka()?, &stack::postgres()?).await)
}

/// A world with topics and a schema of its own on this broker and in this database.
pub async fn world(kafka: &str, postgres: &str) -> World {
    let mut world = World::on(topics(kafka).await).await;
    let schema = world.ground.schema();
    keep_in(&mut world, postgres, &schema);
    world
}

/// Lets the world keep its store in a schema of this database.
pub fn keep_in(world: &mut World, postgres: &str, schema: &str) {
    let client: tokio_postgres::Config = postgres.parse().unwrap();
    let password = world.folder.path().join("password");
    std::fs::write(&password, client.get_password().unwrap_or_default()).unwrap();
    let url = Url::parse(postgres).unwrap();
    let place = format!("{}@{}:{}{}", url.username(), url.host_str().unwrap(), url.port().unwrap_or(5432), url.path());
    world.unset("store.path");
    world.set("store.kind", "'postgres'");
    world.set("store.url", &format!("'postgresql://{place}'"));
    world.set("store.password", &format!("{{ file = '{}' }}", password.display()));
    world.set("store.schema", &format!("'{schema}'"));
}

/// Topics that no other world has.
async fn topics(brokers: &str) -> Ground {
    let prefix = format!("world-{:08x}.", rand::random::<u32>());
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let names = [ORDERS, CARRIERS].map(|name| format!("{prefix}{name}"));
    let topics = names.iter().map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)));
    let options = AdminOptions::new().operation_timeout(Some(LONG));
    for created in admin.create_topics(&topics.collect::<Vec<_>>(), &options).await.unwrap() {
        created.unwrap();
    }
    Ground { brokers: brokers.to_owned(), prefix }
}

/// How the members of a group come to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Eager,
    Cooperative,
    /// KIP-848: the broker assigns.
    Consumer,
}

impl Protocol {
    pub const ALL: [Self; 3] = [Self::Eager, Self::Cooperative, Self::Consumer];

    pub fn choose(self, world: &mut World) {
        let strategy = "bus.properties.'partition.assignment.strategy'";
        match self {
            Self::Eager => world.set(strategy, "'range'"),
            Self::Cooperative => world.set(strategy, "'cooperative-sticky'"),
            Self::Consumer => {
                world.set("bus.properties.'group.protocol'", "'consumer'");
                // the broker's to say
                world.unset("bus.properties.'heartbeat.interval.ms'");
            }
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eager => "eager",
            Self::Cooperative => "cooperative-sticky",
            Self::Consumer => "KIP-848",
        })
    }
}

/// The database that all tests share, as who has it looks into it.
pub async fn database() -> tokio_postgres::Client {
    let url = stack::postgres().expect("the world stands on it");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The store, beside the replicas.
pub async fn books(world: &World) -> Arc<dyn Store> {
    Settings::load(Some(&world.config())).unwrap().store.open().await.unwrap()
}

/// Partitions whose offset in the store is not the end that the broker tells.
pub async fn unread(world: &World) -> Vec<String> {
    let known = books(world).await.offsets().await.unwrap();
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &world.ground.brokers).create().unwrap();
    let mut unread = Vec::new();
    for topic in [ORDERS, CARRIERS].map(|name| world.topic(name)) {
        for number in 0..PARTITIONS {
            let (_, end) = consumer.fetch_watermarks(&topic, number, LONG).unwrap();
            let next = known.iter().find(|(partition, _)| *partition.topic == *topic && partition.number == number);
            let next = next.map_or(0, |(_, next)| *next);
            if next != end {
                unread.push(format!("{topic} {number}: {next} of {end}"));
            }
        }
    }
    unread
}
