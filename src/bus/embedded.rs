//! A broker within the process, for demonstrations and tests: nothing to install.
//!
//! It is librdkafka's own and speaks to ordinary clients and groups over TCP. What it is not: it
//! keeps at most 5 MiB or 100,000 records of each partition and drops the oldest silently, it
//! forgets everything when it ends, and it knows neither SASL nor topic administration.

use rdkafka::ClientConfig;
use rdkafka::bindings::{rd_kafka_handle_mock_cluster, rd_kafka_mock_group_initial_rebalance_delay_ms};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};

/// How long a group waits for further members when it forms. The library's three seconds are
/// meant for fleets; here they would only be waited.
const FORMING_MILLIS: i32 = 100;

/// Runs as long as it is kept.
pub struct EmbeddedBroker {
    /// The client that the broker lives in; nothing is published by it.
    host: BaseProducer,
}

impl EmbeddedBroker {
    /// Starts one broker with these topics, each with its number of partitions.
    ///
    /// # Errors
    /// What the library says.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, String> {
        let host = ClientConfig::new().set("test.mock.num.brokers", "1").create();
        let host: BaseProducer = host.map_err(|error| format!("the embedded broker did not start: {error}"))?;
        // SAFETY: the client is alive, and its broker lives as long as it does; null means that
        // it has none
        unsafe {
            let cluster = rd_kafka_handle_mock_cluster(host.client().native_ptr());
            if !cluster.is_null() {
                rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, FORMING_MILLIS);
            }
        }
        let broker = Self { host };
        broker.cluster()?;
        topics.iter().try_for_each(|(name, partitions)| broker.create_topic(name, *partitions))?;
        Ok(broker)
    }

    fn cluster(&self) -> Result<MockCluster<'_, DefaultProducerContext>, String> {
        self.host.client().mock_cluster().ok_or_else(|| "the embedded broker did not start".to_owned())
    }

    /// # Errors
    /// What the library says.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), String> {
        let created = self.cluster()?.create_topic(name, partitions, 1);
        created.map_err(|error| format!("the topic {name} could not be created: {error}"))
    }

    /// Where clients find it: `127.0.0.1:` and a free port.
    pub fn bootstrap_servers(&self) -> String {
        self.cluster().map(|cluster| cluster.bootstrap_servers()).unwrap_or_default()
    }

    /// Cuts all connections and takes none until [`Self::up`].
    ///
    /// # Errors
    /// What the library says.
    pub fn down(&self) -> Result<(), String> {
        self.cluster()?.broker_down(-1).map_err(|error| error.to_string())
    }

    /// # Errors
    /// What the library says.
    pub fn up(&self) -> Result<(), String> {
        self.cluster()?.broker_up(-1).map_err(|error| error.to_string())
    }
}
