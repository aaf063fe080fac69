//! What goes wrong on the way from those who publish to the topics.

use rand::Rng;
use rand::rngs::StdRng;
use reassure::domain::event::ParcelStatus;

use super::plan::{Step, What};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Lets what goes wrong befall the steps of a journey.
pub fn befall(steps: &mut Vec<Step>, random: &mut StdRng) {
    wrong_clock(steps, random);
    disorder(steps, random);
    repetitions(steps, random);
    if random.random_ratio(1, 90) {
        bulk_correction(steps, random);
    }
    if random.random_ratio(1, 120) {
        replay(steps, random);
    }
    if random.random_ratio(1, 60) {
        silence(steps, random);
    }
}

fn is_scan(step: &Step) -> bool {
    matches!(step.what, What::Scan(..))
}

/// The carrier's clock is hours off, or it knows days only.
fn wrong_clock(steps: &mut [Step], random: &mut StdRng) {
    let off = match random.random_range(0..100) {
        0 => 2 * HOUR,
        1 => -HOUR,
        2 => -26 * HOUR,
        3 => {
            steps
                .iter_mut()
                .filter(|step| is_scan(step))
                .for_each(|step| step.happened -= step.happened.rem_euclid(DAY));
            0
        }
        _ => 0,
    };
    steps.iter_mut().filter(|step| is_scan(step)).for_each(|step| step.happened += off);
}

/// Some is recorded late: minutes, hours, days; now and then the order after everything else.
fn disorder(steps: &mut [Step], random: &mut StdRng) {
    for step in steps.iter_mut() {
        step.recorded += match (step.what, random.random_range(0..1000)) {
            (What::Placed, 0..15) => random.random_range(60_000..30 * HOUR),
            (What::Placed, _) => 0,
            (What::Shipped(..), 0..60) => random.random_range(HOUR..20 * HOUR),
            (_, 0..60) => random.random_range(60_000..3 * HOUR),
            (_, 60..75) => random.random_range(10 * HOUR..4 * DAY),
            _ => 0,
        };
    }
}

fn repetitions(steps: &mut Vec<Step>, random: &mut StdRng) {
    for index in 0..steps.len() {
        if random.random_ratio(1, 30) {
            let later = random.random_range(1..HOUR);
            steps.push(Step { recorded: steps[index].recorded + later, ..steps[index] });
        }
    }
}

/// The carrier sends all of its scans once more, as events of their own.
fn bulk_correction(steps: &mut Vec<Step>, random: &mut StdRng) {
    let at = end(steps) + random.random_range(DAY..9 * DAY);
    let last = steps.iter().map(|step| step.id).max().unwrap_or(0);
    let scans: Vec<Step> = steps.iter().filter(|step| is_scan(step)).copied().collect();
    for ((after, id), scan) in (0..).zip(last + 1..).zip(scans) {
        steps.push(Step { recorded: at + after, id, ..scan });
    }
}

/// Everything is published once more as it was.
fn replay(steps: &mut Vec<Step>, random: &mut StdRng) {
    let at = end(steps) + random.random_range(HOUR..20 * DAY);
    let again: Vec<Step> =
        (0..).zip(steps.iter()).map(|(after, step)| Step { recorded: at + after, ..*step }).collect();
    steps.extend(again);
}

/// From some point on, the carrier says nothing more.
fn silence(steps: &mut Vec<Step>, random: &mut StdRng) {
    let spoken: Vec<i64> = steps.iter().filter(|step| is_scan(step)).map(|step| step.recorded).collect();
    if !spoken.is_empty() {
        let until = spoken[random.random_range(0..spoken.len())];
        let ends = |what: What| matches!(what, What::Scan(_, ParcelStatus::Announced));
        steps.retain(|step| !is_scan(step) || step.recorded <= until || ends(step.what));
    }
}

fn end(steps: &[Step]) -> i64 {
    steps.iter().map(|step| step.recorded).max().unwrap_or(super::BEGIN)
}
