//! What is traced.

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{ParentBasedSampler, Sampler, SamplingResult, ShouldSample};

/// Obeys whoever began the trace; of those that begin here, takes a share. What names others (a batch)
/// is only begun for their sake.
#[derive(Clone, Debug)]
pub struct Obedient(ParentBasedSampler);

impl Obedient {
    pub fn new(ratio: f64) -> Self {
        Self(Sampler::parent_based(Sampler::TraceIdRatioBased(ratio)))
    }
}

impl ShouldSample for Obedient {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let follows = links.iter().any(|link| link.span_context.is_sampled());
        let sampler: &dyn ShouldSample = if follows { &Sampler::AlwaysOn } else { &self.0 };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}
