//! `rules test`: the default rules' own tests, and the tool that runs them.

mod command;
mod defaults;
mod editor;
mod explained;
mod files;
mod moments;
mod past;
mod updates;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use reassure::domain::rule;
use reassure::message::Templates;
use reassure::trial::{self, Bench, Coverage, Suite, report};

static TEMPLATES: LazyLock<Arc<Templates>> =
    LazyLock::new(|| Arc::new(Templates::load(None).unwrap_or_else(|faults| panic!("{faults:#?}"))));

/// The default rules, and what they say.
fn ours() -> Bench {
    bench(reassure::rules::load(None).expect("the default rules have no fault"))
}

fn bench<R: Into<Arc<rule::Rule>>>(rules: Vec<R>) -> Bench {
    Bench::new(rules, BTreeMap::new(), Arc::clone(&TEMPLATES))
}

/// A bench with these rules alone.
fn bench_of(yaml: &str) -> Bench {
    bench(rule::parse("own.yaml", yaml).unwrap_or_else(|faults| panic!("{faults:#?}")))
}

fn suite(text: &str, bench: &Bench) -> Suite {
    trial::parse("own.test.yaml", text, None, bench).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// What the tests of `text` come to, and what they cover.
fn report_of(text: &str, bench: &Bench) -> (String, Coverage) {
    let suite = suite(text, bench);
    let mut coverage = Coverage::of(&bench.rules, [&suite]);
    let verdicts = trial::run(&suite, &|_| true, &mut coverage);
    let style = report::Style::default();
    (verdicts.iter().map(|verdict| report::verdict(&suite, verdict, style)).collect(), coverage)
}
