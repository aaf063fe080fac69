//! Moves the clock from one thing to the next: an event to publish, a deadline, a retry. Between
//! two moments everything comes to rest, so that a story always goes the same way.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::time::{Instant, timeout};

use super::Stage;
use super::play::Cue;
use crate::bus::producer::Outbound;
use crate::domain::event::Reference;
use crate::domain::journey::JourneyKey;
use crate::domain::time::Timestamp;
use crate::ports::Backlog;

/// Deadlines later than this after the last event are not waited for.
const HORIZON: chrono::Duration = chrono::Duration::days(120);
/// Nothing takes longer to come to rest, in real time.
const REST_WITHIN: Duration = Duration::from_secs(60);
/// While a provider rests, messages wait for it and nothing moves for so long.
const STILL: Duration = Duration::from_millis(300);

/// What happened in one moment of the story.
pub struct Moment {
    pub at: Timestamp,
    /// Journeys that may have something new to tell.
    pub touched: BTreeSet<JourneyKey>,
    /// Events published so far.
    pub published: usize,
}

/// Plays `cues` through the stage, and every deadline and retry that follows from them.
/// `show` is called after each moment.
///
/// # Errors
/// If something never comes to rest, or cannot be published.
pub async fn play<F: AsyncFnMut(Moment)>(stage: &Stage, cues: &[Cue], mut show: F) -> anyhow::Result<Backlog> {
    let last = cues.last().map_or_else(|| stage.clock.now(), |cue| cue.at);
    let mut published = 0;
    loop {
        let backlog = rest(stage, published as u64).await?;
        let now = stage.clock.now();
        let next = [
            cues.get(published).map(|cue| cue.at.max(now)),
            backlog.next_wake,
            backlog.next_retry,
            stage.running.dispatcher.resting_until().filter(|until| *until > now && backlog.pending > 0),
        ];
        let Some(next) = next.into_iter().flatten().min().filter(|next| *next <= last.plus(HORIZON)) else {
            return Ok(backlog);
        };
        let woken = stage.running.store.due(next, 1_000).await.context("the store")?;
        let mut touched: BTreeSet<JourneyKey> = woken.into_iter().collect();
        stage.clock.advance(next);
        stage.running.dispatcher.wake();
        let due: Vec<&Cue> = cues[published..].iter().take_while(|cue| cue.at <= next).collect();
        let outbound: Vec<Outbound<'_>> = due
            .iter()
            .map(|cue| Outbound {
                topic: cue.topic,
                key: Some(cue.key.as_bytes()),
                value: Some(&cue.value),
                headers: &[("content-type", b"application/cloudevents+json")],
                ..Outbound::default()
            })
            .collect();
        stage.producer.publish_all(&outbound).await.context("publishing the story")?;
        published += due.len();
        rest(stage, published as u64).await?;
        touched.extend(about(stage, &due).await?);
        show(Moment { at: next, touched, published }).await;
    }
}

/// The journeys that the cues are about, as far as they are known by now.
async fn about(stage: &Stage, cues: &[&Cue]) -> anyhow::Result<Vec<JourneyKey>> {
    let mut found = Vec::new();
    let mut indirect = Vec::new();
    for (shop, reference) in cues.iter().filter_map(|cue| cue.about.clone()) {
        match reference {
            Reference::Order(order_id) => found.push(JourneyKey { shop, order_id }),
            other => indirect.push((shop, other, stage.clock.now())),
        }
    }
    found.extend(stage.running.store.resolve(&indirect).await.context("the store")?.into_iter().flatten());
    Ok(found)
}

/// Waits until everything published is taken in, every deadline decided and every message that is
/// due has been attempted.
async fn rest(stage: &Stage, published: u64) -> anyhow::Result<Backlog> {
    let mut changes = stage.running.progress.changes();
    let end = Instant::now() + REST_WITHIN;
    let mut still_since = Instant::now();
    loop {
        changes.borrow_and_update();
        if stage.running.progress.records() >= published {
            let now = stage.clock.now();
            let backlog = stage.running.store.backlog(now).await.context("the store")?;
            let timers_done = backlog.next_wake.is_none_or(|due| due > now);
            let nothing_due = backlog.oldest_due.is_none_or(|due| due > now);
            let resting = stage.running.dispatcher.resting_until().is_some_and(|until| until > now);
            let idle = stage.running.dispatcher.busy() == 0 && stage.running.progress.sequels() == 0;
            if timers_done && idle && (nothing_due || (resting && still_since.elapsed() >= STILL)) {
                return Ok(backlog);
            }
        }
        if Instant::now() > end {
            return Err(anyhow!(
                "the story came to a standstill at {}: {published} events were published",
                stage.clock.now()
            ));
        }
        stage.running.dispatcher.wake();
        if timeout(Duration::from_millis(20), changes.changed()).await.is_ok() {
            still_since = Instant::now();
        }
    }
}
