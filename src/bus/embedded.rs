//! A broker within the process, for demonstrations and tests: nothing to install.
//!
//! It is librdkafka's own and speaks to ordinary clients and groups over TCP. What it is not: it
//! keeps at most 5 MiB or 100,000 records of each partition and drops the oldest silently, it
//! forgets everything when it ends, and it knows neither SASL nor topic administration.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// Runs as long as it is kept.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts one broker with these topics, each with its number of partitions.
    ///
    /// # Errors
    /// What the library says.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, String> {
        let cluster = MockCluster::new(1).map_err(|error| format!("the embedded broker did not start: {error}"))?;
        let broker = Self { cluster };
        topics.iter().try_for_each(|(name, partitions)| broker.create_topic(name, *partitions))?;
        Ok(broker)
    }

    /// # Errors
    /// What the library says.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), String> {
        let created = self.cluster.create_topic(name, partitions, 1);
        created.map_err(|error| format!("the topic {name} could not be created: {error}"))
    }

    /// Where clients find it: `127.0.0.1:` and a free port.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Cuts all connections and takes none until [`Self::up`].
    ///
    /// # Errors
    /// What the library says.
    pub fn down(&self) -> Result<(), String> {
        self.cluster.broker_down(-1).map_err(|error| error.to_string())
    }

    /// # Errors
    /// What the library says.
    pub fn up(&self) -> Result<(), String> {
        self.cluster.broker_up(-1).map_err(|error| error.to_string())
    }
}
