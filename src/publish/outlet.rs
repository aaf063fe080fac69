//! What is to be published of what is about to be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::dead_letter;
use crate::domain::decision::Entry;
use crate::domain::journey::JourneyKey;
use crate::envelope::{Encoding, encode_report};
use crate::outcome::{self, Report};
use crate::ports::{AttemptRecord, DeadRecord, Leased, Publication, Stream};
use crate::telemetry::Metrics;

/// How outcomes are told.
#[derive(Clone, Debug)]
pub struct Manner {
    pub format: Encoding,
    /// The `source` of the CloudEvents.
    pub source: String,
}

/// Makes publications, if they are wanted; shared by those who write them and those who publish.
#[derive(Clone)]
pub struct Outlet(Arc<Shared>);

struct Shared {
    outcomes: Option<Manner>,
    dead_letters: bool,
    metrics: Metrics,
    /// So much waits to be published that no more is written (I10).
    full: AtomicBool,
    /// Told when something of the stream has been written, in the order of [`Stream::ALL`].
    written: [Notify; Stream::ALL.len()],
}

impl Outlet {
    pub fn new(outcomes: Option<Manner>, dead_letters: bool, metrics: Metrics) -> Self {
        let written = Stream::ALL.map(|_| Notify::new());
        Self(Arc::new(Shared { outcomes, dead_letters, metrics, full: AtomicBool::new(false), written }))
    }

    /// What is told of the decisions of `entry`.
    pub fn of_entry(&self, key: &JourneyKey, entry: &Entry, traceparent: Option<&str>) -> Vec<Publication> {
        let Some(manner) = &self.0.outcomes else { return Vec::new() };
        if self.is_full() {
            self.left_out(Stream::Outcomes, entry.decisions.len());
            return Vec::new();
        }
        outcome::of_entry(key, entry, traceparent).iter().map(|report| manner.publication(report)).collect()
    }

    /// What is told of an attempt on `leased`.
    pub fn of_attempt(&self, leased: &Leased, record: &AttemptRecord) -> Option<Publication> {
        let manner = self.0.outcomes.as_ref()?;
        if self.is_full() {
            self.left_out(Stream::Outcomes, 1);
            return None;
        }
        Some(manner.publication(&outcome::of_attempt(leased, record)))
    }

    /// The dead letter, unless it is to be kept in the store.
    pub fn of_dead(&self, dead: &DeadRecord) -> Option<Publication> {
        (self.0.dead_letters && !self.is_full()).then(|| dead_letter::publication(dead))
    }

    /// These streams have something new in the store.
    pub fn note(&self, streams: impl IntoIterator<Item = Stream>) {
        streams.into_iter().for_each(|stream| self.0.written[stream as usize].notify_one());
    }

    /// Waits until something of `stream` has been written by this process.
    pub(super) async fn written(&self, stream: Stream) {
        self.0.written[stream as usize].notified().await;
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.full.load(Ordering::Relaxed)
    }

    /// Says whether more may be written; returns what was said before.
    pub(super) fn set_full(&self, full: bool) -> bool {
        self.0.full.swap(full, Ordering::Relaxed)
    }

    fn left_out(&self, stream: Stream, count: usize) {
        self.0.metrics.published.with_label_values(&[stream.as_str(), "left_out"]).inc_by(count as u64);
    }
}

impl Manner {
    fn publication(&self, report: &Report<'_>) -> Publication {
        let header = |name: &str, value: &str| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        let content_type = self.format.content_type().map(|it| header("content-type", it));
        let traceparent = report.traceparent.map(|it| header("traceparent", it));
        Publication {
            stream: Stream::Outcomes,
            // a journey's reports stay in order on one partition
            key: Some(format!("{}/{}", report.data.shop(), report.data.order_id()).into()),
            value: Some(encode_report(report, &self.source, self.format).into()),
            headers: content_type.into_iter().chain(traceparent).collect(),
            timestamp: Some(report.time.millis()),
        }
    }
}
