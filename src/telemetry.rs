//! What the service says of itself: every metric's name, labels and buckets in one place, and
//! how it logs.

use std::io::IsTerminal;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use tracing_subscriber::EnvFilter;

/// Every metric of the service. Labels take their values from the configuration and from closed
/// vocabularies; never from an order, a recipient or an event (I9, I10).
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Events by type and what became of them.
    pub events: IntCounterVec,
    /// Times that came without a zone.
    pub zoneless: IntCounter,
    /// Scans whose status no vocabulary lists.
    pub unknown_statuses: IntCounter,
    /// Records that were refused, by cause.
    pub refusals: IntCounterVec,
    /// Records that wait because a code in them stands in no table of their adapter.
    pub unmapped_codes: IntCounterVec,
    /// Decisions by rule, verdict and reason.
    pub decisions: IntCounterVec,
    /// Tries at providers.
    pub attempts: IntCounterVec,
    /// From the arrival of what caused a message to the provider's acceptance.
    pub accepted_after: HistogramVec,
    /// From the arrival of a record to its durable effects.
    pub applied_after: prometheus::Histogram,
    pub store_seconds: HistogramVec,
    pub store_errors: IntCounterVec,
    pub conflicts: IntCounter,
    pub rebalances: IntCounterVec,
    /// What the consumer met, by kind.
    pub bus: IntCounterVec,
    pub provider_resting: IntGaugeVec,
    pub in_flight: IntGaugeVec,
    pub lag_records: IntGaugeVec,
    pub lag_seconds: Gauge,
    pub backlog: GaugeVec,
    pub oldest_due: Gauge,
    pub timers_overdue: Gauge,
    pub batch_records: prometheus::Histogram,
    pub support_contacts: IntCounter,
    /// Answers of the schema registry: found, missing, unreadable, unavailable.
    pub registry_answers: IntCounterVec,
    /// Records that wait for a schema, and those behind them.
    pub held_records: IntGauge,
    /// Records of our own, by what became of them.
    pub published: IntCounterVec,
    /// How long the first of what waits to be published has been tried.
    pub publication_waits: GaugeVec,
    pub up: IntGauge,
    /// From an order's arrival to the acceptance of its confirmation.
    pub confirmed_after: prometheus::Histogram,
    /// Orders past the objective whose confirmation no provider has accepted.
    pub confirmations_missing: IntGaugeVec,
    pub orders_without_contact: IntCounterVec,
    /// What was kept for long enough and has been removed, by kind.
    pub purged: IntCounterVec,
    /// Messages that a storm holds.
    pub storm_held: IntGaugeVec,
    /// Rules that are being held.
    pub storm_raging: IntGaugeVec,
    /// Answers of the API, by their status.
    pub api_answers: IntCounterVec,
    /// Changes of the configuration that were found, by what became of them.
    pub reloads: IntCounterVec,
    /// Which configuration is in force.
    pub config_in_force: IntGaugeVec,
    pub config_since: IntGauge,
    pub config_refused: IntGauge,
    pub config_awaits_restart: IntGauge,
}

const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3_600.0];
/// From a second to the end of an outage.
const CONFIRMATION_SECONDS: [f64; 12] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1_800.0, 7_200.0];
const FAST: [f64; 11] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

impl Metrics {
    /// Registers every metric, each named once.
    ///
    /// # Errors
    /// If two metrics share a name; that is a fault of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("reassure".to_owned()), None)?;
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let metric = IntCounter::new(name, help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let gauge = |name: &str, help: &str| -> Result<Gauge, prometheus::Error> {
            let metric = Gauge::new(name, help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let int_gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let metric = IntGauge::new(name, help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let int_gauges = |name: &str, help: &str, labels: &[&str]| -> Result<IntGaugeVec, prometheus::Error> {
            let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| -> Result<prometheus::Histogram, prometheus::Error> {
            let metric = prometheus::Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let histograms =
            |name: &str, help: &str, buckets: &[f64], labels: &[&str]| -> Result<HistogramVec, prometheus::Error> {
                let metric = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
                registry.register(Box::new(metric.clone()))?;
                Ok(metric)
            };
        let backlog = GaugeVec::new(Opts::new("backlog", "What waits, by kind"), &["kind"])?;
        registry.register(Box::new(backlog.clone()))?;
        let publication_waits = GaugeVec::new(
            Opts::new("publication_waiting_seconds", "How long the first publication that waits has been tried"),
            &["stream"],
        )?;
        registry.register(Box::new(publication_waits.clone()))?;
        let up = int_gauge("ready", "1 while the service takes in events and can store them")?;
        let held_records = int_gauge("held_records", "Records that wait for a schema, and those behind them")?;
        Ok(Self {
            events: counters(
                "events_total",
                "Events by type and outcome: applied, duplicate, parked, dead_lettered, tombstone, ignored",
                &["type", "outcome"],
            )?,
            zoneless: counter("zoneless_times_total", "Times that named no zone and were read in the shop's")?,
            unknown_statuses: counter("unknown_statuses_total", "Carrier scans whose status no vocabulary lists")?,
            refusals: counters("refused_records_total", "Records that could not become events, by cause", &["cause"])?,
            unmapped_codes: counters(
                "unmapped_codes_total",
                "Records with a code that no table of their adapter lists; they wait with the dead letters",
                &["topic"],
            )?,
            decisions: counters(
                "decisions_total",
                "Decisions by rule, verdict and reason",
                &["rule", "verdict", "reason"],
            )?,
            attempts: counters(
                "attempts_total",
                "Attempts by channel, provider and outcome",
                &["channel", "provider", "outcome"],
            )?,
            accepted_after: histograms(
                "event_to_accepted_seconds",
                "From the arrival of what caused a message to its acceptance by a provider",
                &SECONDS,
                &["channel"],
            )?,
            applied_after: histogram(
                "event_to_applied_seconds",
                "From the arrival of a record to its durable effects",
                &SECONDS,
            )?,
            store_seconds: histograms(
                "store_seconds",
                "Time that the store takes, by operation",
                &FAST,
                &["operation"],
            )?,
            store_errors: counters(
                "store_errors_total",
                "Store operations that failed, by operation and kind",
                &["operation", "kind"],
            )?,
            conflicts: counter("journey_conflicts_total", "Batches decided again because a journey changed meanwhile")?,
            bus: counters("bus_total", "What the Kafka consumer met", &["what"])?,
            rebalances: counters("rebalances_total", "Partitions given and taken", &["change"])?,
            provider_resting: int_gauges(
                "provider_resting",
                "1 while a provider is left in peace after a fault of its own",
                &["provider"],
            )?,
            in_flight: int_gauges("attempts_in_flight", "Attempts under way", &["provider"])?,
            lag_records: int_gauges("lag_records", "Records that are not read yet", &["topic", "partition"])?,
            lag_seconds: gauge(
                "lag_seconds",
                "How long ago the last record taken in was published, while more are waiting",
            )?,
            backlog,
            oldest_due: gauge("oldest_due_seconds", "Age of the oldest notification that is due and not finished")?,
            timers_overdue: gauge("timer_overdue_seconds", "How long the earliest deadline has been due")?,
            batch_records: histogram(
                "batch_records",
                "Records taken in together",
                &[1.0, 5.0, 20.0, 50.0, 100.0, 250.0, 500.0, 1_000.0],
            )?,
            support_contacts: counter("support_contacts_total", "Customers who had to ask")?,
            registry_answers: counters(
                "registry_answers_total",
                "Answers of the schema registry: found, missing, unreadable, unavailable",
                &["answer"],
            )?,
            held_records,
            published: counters(
                "published_total",
                "Records of our own by stream and outcome: arrived, shortened, refused, failed (tried again), left_out",
                &["stream", "outcome"],
            )?,
            publication_waits,
            up,
            confirmed_after: histogram(
                "confirmation_seconds",
                "From the arrival of an order to the acceptance of its confirmation by a provider",
                &CONFIRMATION_SECONDS,
            )?,
            confirmations_missing: int_gauges(
                "confirmations_missing",
                "Orders past the objective (confirmation.objective_seconds) whose confirmation no provider has accepted, \
                 by shop and cause: no_contact, not_sent, failing, given_up, held. The same on every replica: alert on \
                 max by (shop, cause) above 0 for some minutes",
                &["shop", "cause"],
            )?,
            orders_without_contact: counters(
                "orders_without_contact_total",
                "Orders that came with neither an e-mail address nor a telephone number that could be used, by shop",
                &["shop"],
            )?,
            purged: counters(
                "purged_total",
                "What was kept for long enough and has been removed, by kind: contents, timelines, attempts, journeys, \
                 parked, dead_letters (of weeks that are dropped whole, about how many)",
                &["kind"],
            )?,
            storm_held: int_gauges(
                "storm_held_notifications",
                "Notifications that are held because their rule spoke far more often than ever, by shop and rule; they \
                 wait for reassure storms. The same on every replica: alert on max by (shop, rule) above 0",
                &["shop", "rule"],
            )?,
            storm_raging: int_gauges(
                "storm_raging",
                "1 while what a rule says is held, by shop and rule; the same on every replica",
                &["shop", "rule"],
            )?,
            api_answers: counters("api_answers_total", "Answers of the API, by their HTTP status", &["status"])?,
            reloads: counters(
                "reload_total",
                "Changes of the configuration, by outcome: applied, refused",
                &["outcome"],
            )?,
            config_in_force: int_gauges("config_info", "1 for the hash of the configuration in force", &["hash"])?,
            config_since: int_gauge(
                "config_last_reload_success_timestamp_seconds",
                "Since when the configuration has been in force",
            )?,
            config_refused: int_gauge(
                "config_refused",
                "1 while the configuration as it stands in the files has a fault and an older one is in force: alert on it",
            )?,
            config_awaits_restart: int_gauge(
                "config_restart_needed",
                "1 while something has changed that is in force after a restart",
            )?,
            registry,
        })
    }

    /// Records so far that could not become events.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counters are whole and not below zero")]
    pub fn refused(&self) -> u64 {
        let families = self.refusals.collect();
        let counts = families.iter().flat_map(|family| family.get_metric()).map(|one| one.get_counter().get_value());
        counts.sum::<f64>() as u64
    }

    /// Also reports the process: memory, descriptors, processor time.
    ///
    /// # Errors
    /// If it is registered already.
    pub fn with_process(self) -> Result<Self, prometheus::Error> {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        // the process's metrics have well-known names without our prefix
        prometheus::default_registry().register(Box::new(process)).or_else(|error| match error {
            prometheus::Error::AlreadyReg => Ok(()),
            other => Err(other),
        })?;
        Ok(self)
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let mut families = self.registry.gather();
        families.extend(prometheus::gather());
        TextEncoder::new().encode_to_string(&families).unwrap_or_default()
    }
}

/// Starts logging to standard error: JSON lines, or text for people.
pub fn log(json: bool, level: &str) {
    let filter = EnvFilter::try_from_env("REASSURE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // a second call, as in tests, leaves the first in place
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
}
