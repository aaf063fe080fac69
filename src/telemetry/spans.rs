//! What a trace tells of an event's way: the record, the batch that stored it, the attempts at the
//! providers. Ids, codes and names of the configuration, never what was written for or by a person (I9).
//!
//! Without a [`Tracer`] that exports, a [`Span`] is nothing, and nothing is allocated for it.

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use crate::domain::notification::Outcome;
use crate::ports::{Answer, Leased, Record};

/// Records of a batch that its span names; the rest is in the batch all the same.
const MOST_LINKS: usize = 128;

/// Begins spans, if they go anywhere.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<SdkTracer>);

/// Work under way, if it is traced. It ends when it is told to, or with its last copy.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Context>);

impl Tracer {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self(Some(tracer))
    }

    /// A record that was read, until its effects are durable; `parent` is its publisher's.
    pub fn consumed(&self, record: &Record, parent: Option<&str>) -> Span {
        self.begin(parent, || {
            let topic = record.partition.topic.to_string();
            SpanBuilder::from_name(format!("process {topic}")).with_kind(SpanKind::Consumer).with_attributes([
                KeyValue::new("messaging.system", "kafka"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.destination.name", topic),
                KeyValue::new("messaging.destination.partition.id", record.partition.number.to_string()),
                KeyValue::new("messaging.kafka.offset", record.offset),
            ])
        })
    }

    /// A journey with a deadline that is due, until what follows is durable.
    pub fn woken(&self) -> Span {
        self.begin(None, || SpanBuilder::from_name("wake").with_kind(SpanKind::Internal))
    }

    /// The transaction that carries out what follows from `members`: they and it name each other, and
    /// it is traced if one of them is.
    pub fn stored<'a>(&self, members: impl Iterator<Item = &'a Span> + Clone) -> Span {
        if self.0.is_none() {
            return Span::default();
        }
        let traced = members.filter(|span| span.is_sampled());
        let links: Vec<Link> =
            traced.clone().filter_map(Span::context).take(MOST_LINKS).map(Link::with_context).collect();
        if links.is_empty() {
            return Span::default();
        }
        let span = self.begin(None, || {
            let records = i64::try_from(traced.clone().count()).unwrap_or(i64::MAX);
            SpanBuilder::from_name("store")
                .with_kind(SpanKind::Internal)
                .with_attributes([KeyValue::new("reassure.batch.traced", records)])
                .with_links(links)
        });
        if let Some(own) = span.context() {
            traced.filter_map(|member| member.0.as_ref()).for_each(|it| it.span().add_link(own.clone(), Vec::new()));
        }
        span
    }

    /// An attempt at a provider, in the trace of what caused the message.
    pub fn attempt(&self, leased: &Leased, provider: &str) -> Span {
        let notification = &leased.notification;
        self.begin(notification.traceparent.as_deref(), || {
            SpanBuilder::from_name(format!("send {provider}")).with_kind(SpanKind::Client).with_attributes([
                KeyValue::new("reassure.notification", notification.id.0.clone()),
                KeyValue::new("reassure.rule", notification.rule.as_str().to_owned()),
                KeyValue::new("reassure.message", notification.message.clone()),
                KeyValue::new("reassure.channel", notification.channel.as_str()),
                KeyValue::new("reassure.provider", provider.to_owned()),
                KeyValue::new("reassure.attempt", i64::from(leased.attempts) + 1),
            ])
        })
    }

    fn begin(&self, parent: Option<&str>, builder: impl FnOnce() -> SpanBuilder) -> Span {
        let Some(tracer) = &self.0 else { return Span::default() };
        let parent = parent.and_then(remote);
        let around = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        Span(Some(Context::new().with_span(builder().start_with_context(tracer, &around))))
    }
}

impl Span {
    /// What others are told, so that theirs belong to this one; also if it is not sampled, so that
    /// they do not begin a trace of their own.
    pub fn traceparent(&self) -> Option<String> {
        let own = self.context().filter(SpanContext::is_valid)?;
        let flags = own.trace_flags() & TraceFlags::SAMPLED;
        Some(format!("00-{}-{}-{:02x}", own.trace_id(), own.span_id(), flags.to_u8()))
    }

    /// What type the event is of.
    pub fn is_of(&self, event_type: &'static str) {
        self.set(KeyValue::new("reassure.event.type", event_type));
    }

    /// What became of the event.
    pub fn applied(&self, disposition: &'static str) {
        self.set(KeyValue::new("reassure.event.outcome", disposition));
    }

    /// The record could not be read; nothing more is done with it.
    pub fn refused(&self, cause: &'static str) {
        self.applied("dead_lettered");
        self.fail(cause);
        self.end();
    }

    /// The transaction has failed and is tried again.
    pub fn again(&self, why: &'static str) {
        if let Some(context) = &self.0 {
            context.span().add_event("again", vec![KeyValue::new("error.type", why)]);
        }
    }

    /// The attempt is over.
    pub fn answered(&self, answer: &Answer) {
        self.set(KeyValue::new("reassure.outcome", answer.outcome.as_str()));
        if let Some(status) = answer.status {
            self.set(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        if answer.outcome != Outcome::Accepted {
            self.fail(answer.outcome.as_str());
        }
        self.end();
    }

    pub fn end(&self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }

    fn fail(&self, what: &'static str) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new("error.type", what));
            context.span().set_status(Status::error(what));
        }
    }

    fn set(&self, attribute: KeyValue) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(attribute);
        }
    }

    fn context(&self) -> Option<SpanContext> {
        Some(self.0.as_ref()?.span().span_context().clone())
    }

    fn is_sampled(&self) -> bool {
        self.context().is_some_and(|own| own.is_sampled())
    }
}

/// The trace that a `traceparent` is of, as logs name it.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

fn remote(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}
