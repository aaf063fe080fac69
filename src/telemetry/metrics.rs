//! The metrics as the code counts them.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::names::Names;
use super::specification::{
    FAMILIES, Family, INCIDENTS, Kind, MOST_MESSAGES, MOST_RULES, MOST_SHOPS, OTHER, SPAN_OUTCOMES,
};
use crate::domain::decision::Reason;
use crate::domain::order::Channel;
use crate::ports::State;
use crate::shops::Shops;

/// Every metric of the service, as [`FAMILIES`] has it.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Which shops, rules and messages have series of their own.
    pub shops: Names,
    pub rules: Names,
    pub messages: Names,
    pub events: IntCounterVec,
    pub decisions: IntCounterVec,
    pub notifications: IntCounterVec,
    pub ended: IntCounterVec,
    pub withdrawn: IntCounterVec,
    pub accepted_after: HistogramVec,
    pub receipts: IntCounterVec,
    pub received_after: HistogramVec,
    pub delivered_after: HistogramVec,
    pub confirmed_after: Histogram,
    pub confirmations_missing: IntGaugeVec,
    pub orders_without_contact: IntCounterVec,
    pub support_contacts: IntCounter,
    pub storm_held: IntGaugeVec,
    pub storm_raging: IntGaugeVec,
    pub api_answers: IntCounterVec,
    pub oldest_due: Gauge,
    pub timers_overdue: Gauge,
    pub backlog: GaugeVec,
    pub oldest_dead: GaugeVec,
    pub lag_seconds: Gauge,
    pub lag_records: IntGaugeVec,
    pub rebalances: IntCounterVec,
    pub incidents: IntCounterVec,
    pub refusals: IntCounterVec,
    pub unmapped_codes: IntCounterVec,
    pub unknown_statuses: IntCounter,
    pub zoneless: IntCounter,
    pub held_records: IntGauge,
    pub registry_answers: IntCounterVec,
    pub attempts: IntCounterVec,
    pub attempt_seconds: HistogramVec,
    pub provider_resting: IntGaugeVec,
    pub throttled: IntCounterVec,
    pub hastened: IntCounterVec,
    pub ready: IntGaugeVec,
    pub store_errors: IntCounterVec,
    pub store_seconds: HistogramVec,
    pub connections: IntGaugeVec,
    pub waiting_calls: IntGaugeVec,
    pub connections_given: IntCounterVec,
    pub connection_waits: CounterVec,
    pub conflicts: IntCounter,
    pub published: IntCounterVec,
    pub publication_waits: GaugeVec,
    pub applied_after: Histogram,
    pub batch_records: Histogram,
    pub partitions: IntGauge,
    pub intake_paused: IntGauge,
    pub in_flight: IntGaugeVec,
    pub allowed: IntGaugeVec,
    /// Without labels; a vector, so that it is not shown until it is known.
    pub store_size: IntGaugeVec,
    pub disk_size: IntGaugeVec,
    pub disk_free: IntGaugeVec,
    pub purged: IntCounterVec,
    pub config_in_force: IntGaugeVec,
    pub config_since: IntGauge,
    pub config_refused: IntGauge,
    pub config_awaits_restart: IntGauge,
    pub reloads: IntCounterVec,
    pub spans: IntCounterVec,
}

impl Metrics {
    /// Registers every metric of the specification.
    ///
    /// # Errors
    /// If code and specification disagree; that is a fault of this program.
    pub fn new() -> Result<Self, prometheus::Error> {
        let of = Registrar::default();
        let metrics = Self {
            shops: Names::new(MOST_SHOPS),
            rules: Names::new(MOST_RULES),
            messages: Names::new(MOST_MESSAGES),
            events: of.counters("reassure_events_total")?,
            decisions: of.counters("reassure_decisions_total")?,
            notifications: of.counters("reassure_notifications_total")?,
            ended: of.counters("reassure_notifications_ended_total")?,
            withdrawn: of.counters("reassure_notifications_withdrawn_total")?,
            accepted_after: of.histograms("reassure_event_to_accepted_seconds")?,
            receipts: of.counters("reassure_receipts_total")?,
            received_after: of.histograms("reassure_decision_to_receipt_seconds")?,
            delivered_after: of.histograms("reassure_event_to_receipt_seconds")?,
            confirmed_after: of.histogram("reassure_confirmation_seconds")?,
            confirmations_missing: of.int_gauges("reassure_confirmations_missing")?,
            orders_without_contact: of.counters("reassure_orders_without_contact_total")?,
            storm_held: of.int_gauges("reassure_storm_held_notifications")?,
            storm_raging: of.int_gauges("reassure_storm_raging")?,
            support_contacts: of.counter("reassure_support_contacts_total")?,
            api_answers: of.counters("reassure_api_answers_total")?,
            oldest_due: of.gauge("reassure_oldest_due_seconds")?,
            timers_overdue: of.gauge("reassure_timer_overdue_seconds")?,
            backlog: of.gauges("reassure_backlog")?,
            oldest_dead: of.gauges("reassure_dead_letter_oldest_seconds")?,
            lag_seconds: of.gauge("reassure_lag_seconds")?,
            lag_records: of.int_gauges("reassure_lag_records")?,
            rebalances: of.counters("reassure_rebalances_total")?,
            incidents: of.counters("reassure_bus_incidents_total")?,
            refusals: of.counters("reassure_refused_records_total")?,
            unmapped_codes: of.counters("reassure_unmapped_codes_total")?,
            unknown_statuses: of.counter("reassure_unknown_statuses_total")?,
            zoneless: of.counter("reassure_zoneless_times_total")?,
            held_records: of.int_gauge("reassure_held_records")?,
            registry_answers: of.counters("reassure_registry_answers_total")?,
            attempts: of.counters("reassure_attempts_total")?,
            attempt_seconds: of.histograms("reassure_attempt_seconds")?,
            provider_resting: of.int_gauges("reassure_provider_resting")?,
            throttled: of.counters("reassure_provider_throttled_total")?,
            hastened: of.counters("reassure_retries_hastened_total")?,
            ready: of.int_gauges("reassure_ready")?,
            store_errors: of.counters("reassure_store_errors_total")?,
            store_seconds: of.histograms("reassure_store_seconds")?,
            connections: of.int_gauges("reassure_store_connections")?,
            waiting_calls: of.int_gauges("reassure_store_waiting_calls")?,
            connections_given: of.counters("reassure_store_connections_given_total")?,
            connection_waits: of.float_counters("reassure_store_connection_wait_seconds_total")?,
            conflicts: of.counter("reassure_journey_conflicts_total")?,
            published: of.counters("reassure_published_total")?,
            publication_waits: of.gauges("reassure_publication_waiting_seconds")?,
            applied_after: of.histogram("reassure_event_to_applied_seconds")?,
            batch_records: of.histogram("reassure_batch_records")?,
            partitions: of.int_gauge("reassure_partitions_assigned")?,
            intake_paused: of.int_gauge("reassure_intake_paused")?,
            in_flight: of.int_gauges("reassure_attempts_in_flight")?,
            allowed: of.int_gauges("reassure_attempts_allowed")?,
            store_size: of.int_gauges("reassure_store_size_bytes")?,
            disk_size: of.int_gauges("reassure_store_disk_size_bytes")?,
            disk_free: of.int_gauges("reassure_store_disk_free_bytes")?,
            purged: of.counters("reassure_purged_total")?,
            config_in_force: of.int_gauges("reassure_config_info")?,
            config_since: of.int_gauge("reassure_config_last_reload_success_timestamp_seconds")?,
            config_refused: of.int_gauge("reassure_config_refused")?,
            config_awaits_restart: of.int_gauge("reassure_config_restart_needed")?,
            reloads: of.counters("reassure_reload_total")?,
            spans: of.counters("reassure_spans_total")?,
            registry: of.registry.clone(),
        };
        of.int_gauges("reassure_build_info")?.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        of.missing()?;
        Ok(metrics)
    }

    /// Lets what alerts count begin at zero for these shops and providers: Prometheus does not see
    /// the first increase of a series that was not there before.
    pub fn expect<'a>(&self, shops: &Shops, providers: impl Iterator<Item = &'a str>) {
        for shop in shops.iter().map(|(shop, _)| shop).chain([OTHER]) {
            let shop = self.shops.label(shop);
            for channel in Channel::ALL.map(Channel::as_str) {
                self.notifications.with_label_values(&[shop, channel]);
                for state in [State::Accepted, State::Dead, State::Held] {
                    self.ended.with_label_values(&[shop, channel, state.as_str()]);
                }
            }
        }
        for rule in shops.all().flat_map(|served| served.rules.iter()) {
            let message = self.messages.label(&rule.message);
            for channel in rule.channels.iter().chain(&rule.otherwise) {
                self.accepted_after.with_label_values(&[message, channel.as_str()]);
            }
        }
        for provider in providers {
            self.provider_resting.with_label_values(&[provider]);
            self.throttled.with_label_values(&[provider]);
            self.hastened.with_label_values(&[provider]);
        }
        self.events.with_label_values(&["unknown", "dead_lettered"]);
        for reason in Reason::ALL {
            self.withdrawn.with_label_values(&[reason.as_str()]);
        }
        for what in INCIDENTS {
            self.incidents.with_label_values(&[what]);
        }
        for change in ["given", "taken"] {
            self.rebalances.with_label_values(&[change]);
        }
        for outcome in SPAN_OUTCOMES {
            self.spans.with_label_values(&[outcome]);
        }
        for outcome in ["applied", "refused"] {
            self.reloads.with_label_values(&[outcome]);
        }
    }

    /// Counts how long the store takes for `work`.
    pub async fn timed<T>(&self, operation: &str, work: impl Future<Output = T>) -> T {
        let begin = Instant::now();
        let result = work.await;
        self.store_seconds.with_label_values(&[operation]).observe(begin.elapsed().as_secs_f64());
        result
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

/// Registers what the specification has, each once.
#[derive(Default)]
struct Registrar {
    registry: Registry,
    made: Mutex<Vec<&'static str>>,
}

impl Registrar {
    fn family(&self, name: &str, is_kind: impl Fn(Kind) -> bool) -> Result<&'static Family, prometheus::Error> {
        let family = Family::named(name).filter(|family| is_kind(family.kind));
        let family = family.ok_or_else(|| prometheus::Error::Msg(format!("{name} is not specified like that")))?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(family.name);
        Ok(family)
    }

    fn register<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error> {
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str) -> Result<IntCounter, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Counter)?;
        self.register(IntCounter::new(family.name, family.help)?)
    }

    fn counters(&self, name: &str) -> Result<IntCounterVec, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Counter)?;
        self.register(IntCounterVec::new(Opts::new(family.name, family.help), &family.label_names())?)
    }

    fn float_counters(&self, name: &str) -> Result<CounterVec, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Counter)?;
        self.register(CounterVec::new(Opts::new(family.name, family.help), &family.label_names())?)
    }

    fn gauge(&self, name: &str) -> Result<Gauge, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Gauge)?;
        self.register(Gauge::new(family.name, family.help)?)
    }

    fn gauges(&self, name: &str) -> Result<GaugeVec, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Gauge)?;
        self.register(GaugeVec::new(Opts::new(family.name, family.help), &family.label_names())?)
    }

    fn int_gauge(&self, name: &str) -> Result<IntGauge, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Gauge)?;
        self.register(IntGauge::new(family.name, family.help)?)
    }

    fn int_gauges(&self, name: &str) -> Result<IntGaugeVec, prometheus::Error> {
        let family = self.family(name, |kind| kind == Kind::Gauge)?;
        self.register(IntGaugeVec::new(Opts::new(family.name, family.help), &family.label_names())?)
    }

    fn histogram(&self, name: &str) -> Result<Histogram, prometheus::Error> {
        self.register(Histogram::with_opts(self.buckets(name)?.1)?)
    }

    fn histograms(&self, name: &str) -> Result<HistogramVec, prometheus::Error> {
        let (family, options) = self.buckets(name)?;
        self.register(HistogramVec::new(options, &family.label_names())?)
    }

    fn buckets(&self, name: &str) -> Result<(&'static Family, HistogramOpts), prometheus::Error> {
        let family = self.family(name, |kind| matches!(kind, Kind::Histogram(_)))?;
        let options = HistogramOpts::new(family.name, family.help);
        let Kind::Histogram(buckets) = family.kind else { return Ok((family, options)) };
        Ok((family, options.buckets(buckets.to_vec())))
    }

    /// What is specified and has not been registered; the process's own are registered elsewhere.
    fn missing(&self) -> Result<(), prometheus::Error> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = FAMILIES.iter().find(|it| !made.contains(&it.name) && !it.name.starts_with("process_"));
        missing.map_or(Ok(()), |it| Err(prometheus::Error::Msg(format!("{} is specified and not made", it.name))))
    }
}
