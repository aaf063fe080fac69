//! `rules test`: rules tried on journeys that people write down.
//!
//! A file `<rule>.test.yaml` stands beside the rules. Each of its tests says what happens and
//! which decisions follow, all of them and in order. Time is simulated: between two events every
//! deadline that falls due fires. Nothing is sent, and nothing here looks at a clock or at a file:
//! the same test comes to the same, wherever it runs.
//!
//! [`format`] reads a file, [`run`] plays a test, [`compare`] holds both against each other,
//! [`coverage`] counts what no test has shown, [`report`] and [`junit`] tell it, [`update`] takes the
//! actual for the expected, [`from`] makes a file of a real journey.

pub mod bench;
pub mod compare;
pub mod coverage;
pub mod format;
pub mod from;
pub mod happening;
pub mod junit;
pub mod keys;
pub mod line;
pub mod moment;
pub mod report;
pub mod run;
pub mod update;
mod wake;

pub use bench::Bench;
pub use compare::Verdict;
pub use coverage::Coverage;
pub use format::{Suite, parse};

/// Runs those tests of `suite` that `wanted` names; their decisions count for `coverage`.
pub fn run<'a>(suite: &'a Suite, wanted: &dyn Fn(&str) -> bool, coverage: &mut Coverage) -> Vec<Verdict<'a>> {
    let trials = suite.trials.iter().filter(|trial| wanted(&trial.name));
    let run = |trial| {
        let run = run::run(trial);
        coverage.count(suite, trial, &run);
        compare::compare(suite, trial, run)
    };
    trials.map(run).collect()
}
