//! Where spans go: to a collector, by OTLP over HTTP with protobuf.
//!
//! What has ended waits in a bounded queue and is sent by one task. A collector that is away costs
//! what waited for it, which is counted, and nothing else: no retry, no wait of anybody.

mod queue;
mod sampler;

use std::time::Duration;

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Metrics, Tracer};
use queue::{Http, Queue, Sender};
use sampler::Obedient;

pub use queue::Exporting;

/// What is traced, and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The collector's address, without `/v1/traces`; without one, that of the environment.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The share of the records without a trace that begin one.
    pub ratio: f64,
    /// Spans that may wait.
    pub queue: usize,
    /// No sending takes longer.
    pub timeout_seconds: u64,
}

/// Where spans go, if anywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target(Option<Reached>);

#[derive(Clone, Debug, PartialEq)]
struct Reached {
    url: Url,
    ratio: f64,
    queue: usize,
    timeout: Duration,
    /// As OTEL_SERVICE_NAME has it.
    service: String,
}

impl Target {
    /// What the settings and the environment's `variable`s come to; the settings go first.
    ///
    /// # Errors
    /// The setting that is wrong, and what would be right.
    pub fn of(settings: &Settings, variable: impl Fn(&str) -> Option<String>) -> Result<Self, (&'static str, String)> {
        if !(0.0..=1.0).contains(&settings.ratio) {
            return Err(("ratio", format!("is {}; it is a share, from 0 to 1", settings.ratio)));
        }
        if settings.queue == 0 {
            return Err(("queue", "is 0; every span would be dropped".to_owned()));
        }
        if settings.timeout_seconds == 0 {
            return Err(("timeout_seconds", "is 0; every sending needs some time".to_owned()));
        }
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "none");
        let base = settings.endpoint.clone().filter(|it| !it.is_empty());
        let (of_all, of_traces) =
            (variable("OTEL_EXPORTER_OTLP_ENDPOINT"), variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
        let below = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        // the variable for traces alone is the whole address
        let Some(address) = base.map(below).or(of_traces).or(of_all.map(below)).filter(|_| !is_off) else {
            return Ok(Self(None));
        };
        let url = Url::parse(&address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| {
            let what = "(or OTEL_EXPORTER_OTLP_ENDPOINT) is no address such as http://collector:4318";
            ("endpoint", what.to_owned())
        })?;
        Ok(Self(Some(Reached {
            url,
            ratio: settings.ratio,
            queue: settings.queue,
            timeout: Duration::from_secs(settings.timeout_seconds),
            service: variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "reassure".to_owned()),
        })))
    }

    /// Where spans go, if anywhere.
    pub fn address(&self) -> Option<&str> {
        self.0.as_ref().map(|reached| reached.url.as_str())
    }

    /// Begins to trace, as far as there is somewhere to tell of it. `instance` is one per process.
    ///
    /// # Errors
    /// Why nothing can be sent.
    pub fn start(&self, instance: &str, metrics: &Metrics) -> anyhow::Result<(Tracer, Exporting)> {
        let Some(reached) = &self.0 else { return Ok((Tracer::default(), Exporting::none())) };
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", instance.to_owned()),
                KeyValue::new("service.name", reached.service.clone()),
            ])
            .with_detector(Box::new(EnvResourceDetector::new()))
            .build();
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(reached.url.as_str())
            .with_timeout(reached.timeout)
            // what was not taken is lost; a retry would make what comes after it wait
            .with_retry_policy(RetryPolicy::disabled())
            .with_http_client(Http::new(reached.timeout)?)
            .build()
            .context("spans cannot be written")?;
        exporter.set_resource(&resource);
        let (queue, waiting) = Queue::new(reached.queue, metrics);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Obedient::new(reached.ratio))
            .with_span_processor(queue)
            .build();
        let tracer = Tracer::new(provider.tracer("reassure"));
        Ok((tracer, Sender::start(exporter, waiting, metrics)))
    }
}
