//! The queue of spans that have ended, and the task that sends them.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use prometheus::IntCounter;
use reqwest::{Client, redirect};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::telemetry::Metrics;
use crate::tls::choose_cryptography;

/// Spans that are sent together.
const MOST_AT_ONCE: usize = 512;
/// For so long the first of them waits for more.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// A collector has no more to say.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Takes in what has ended, and never waits.
#[derive(Debug)]
pub struct Queue {
    spans: mpsc::Sender<SpanData>,
    dropped: IntCounter,
}

impl Queue {
    pub fn new(most: usize, metrics: &Metrics) -> (Self, mpsc::Receiver<SpanData>) {
        let (spans, waiting) = mpsc::channel(most);
        (Self { spans, dropped: metrics.spans.with_label_values(&["dropped"]) }, waiting)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            self.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends what waits.
pub struct Sender<E> {
    exporter: E,
    waiting: mpsc::Receiver<SpanData>,
    exported: IntCounter,
    failed: IntCounter,
    /// The last sending failed.
    is_away: bool,
}

/// Spans on their way.
pub struct Exporting(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Exporting {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Sends what still waits, if the collector takes it, by `end` at the latest.
    pub async fn finish(self, end: Instant) {
        let Some((stop, mut task)) = self.0 else { return };
        let _ = stop.send(());
        if tokio::time::timeout_at(end, &mut task).await.is_err() {
            task.abort();
        }
    }
}

impl<E: SpanExporter + 'static> Sender<E> {
    pub fn start(exporter: E, waiting: mpsc::Receiver<SpanData>, metrics: &Metrics) -> Exporting {
        let of = |outcome: &str| metrics.spans.with_label_values(&[outcome]);
        let sender = Self { exporter, waiting, exported: of("exported"), failed: of("failed"), is_away: false };
        let (stop, stopped) = oneshot::channel();
        Exporting(Some((stop, tokio::spawn(sender.run(stopped)))))
    }

    async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut tick = tokio::time::interval(SEND_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut spans = Vec::new();
        loop {
            let room = MOST_AT_ONCE - spans.len();
            tokio::select! {
                _ = &mut stop => break,
                count = self.waiting.recv_many(&mut spans, room) => match count {
                    0 => break,
                    all if all < room => continue,
                    _ => {}
                },
                _ = tick.tick() => {}
            }
            self.send(&mut spans).await;
        }
        loop {
            while spans.len() < MOST_AT_ONCE
                && let Ok(span) = self.waiting.try_recv()
            {
                spans.push(span);
            }
            if spans.is_empty() || !self.send(&mut spans).await {
                break;
            }
        }
        self.waiting.close();
        while self.waiting.try_recv().is_ok() {
            self.failed.inc();
        }
    }

    /// `false`: the collector does not take them.
    async fn send(&mut self, spans: &mut Vec<SpanData>) -> bool {
        if spans.is_empty() {
            return true;
        }
        let count = spans.len() as u64;
        match self.exporter.export(std::mem::take(spans)).await {
            Ok(()) => {
                self.exported.inc_by(count);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!("the collector of spans is back");
                }
            }
            Err(error) => {
                self.failed.inc_by(count);
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::warn!(%error, "the collector takes no spans; they are lost until it does");
                }
            }
        }
        !self.is_away
    }
}

/// The HTTP client that the others of the service are of.
#[derive(Debug)]
pub struct Http(Client);

impl Http {
    pub fn new(timeout: Duration) -> anyhow::Result<Self> {
        choose_cryptography();
        let client = Client::builder()
            .user_agent(concat!("reassure/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            // whoever redirects does not get the credentials
            .redirect(redirect::Policy::none())
            .build();
        client.map(Self).context("no HTTP client can be made")
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // the URL of the error may hold a token
        let mut answer = self.0.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
        let mut told = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            if told.len() + chunk.len() > LONGEST_ANSWER {
                return Err("the answer is too long".into());
            }
            told.extend_from_slice(&chunk);
        }
        Ok(Response::builder().status(answer.status()).body(told.into())?)
    }
}
