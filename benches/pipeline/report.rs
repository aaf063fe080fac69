//! The figures, as a table and as JSON, held against the targets.

use std::fmt::Write;

use serde::Serialize;

/// A part on its own, per second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limits {
    pub consume_events: f64,
    pub store_events: f64,
    pub http_messages: f64,
}

impl Limits {
    /// Events a second, if the parts ran one after the other and nothing else cost anything.
    pub fn together(self, messages_per_event: f64) -> f64 {
        1.0 / (1.0 / self.consume_events + 1.0 / self.store_events + messages_per_event / self.http_messages)
    }
}

/// Milliseconds from publishing to the provider's acceptance.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

impl Latency {
    pub fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let index = (micros.len() as f64 * share) as usize;
            micros.get(index.min(micros.len().saturating_sub(1))).map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

/// What one run of the service came to.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// In the store before it began.
    pub journeys: u32,
    /// Processes of the service.
    pub replicas: usize,
    pub events: usize,
    pub events_per_second: f64,
    pub messages_per_second: f64,
    pub messages_per_event: f64,
    pub processor_seconds_per_million: f64,
    /// Of everything on the machine: broker, database and publisher too.
    pub machine_seconds_per_million: f64,
    pub wall_seconds_per_million: f64,
    pub read_kib_per_event: f64,
    pub written_kib_per_event: f64,
    pub peak_mib: f64,
    pub ready_milliseconds: f64,
    pub saturated: Latency,
    pub paced_events_per_second: f64,
    pub paced: Latency,
    /// Messages that the sink got more than once.
    pub repeated: usize,
    /// Of every round, in turn.
    pub costs: Vec<Cost>,
}

/// What a million events took, in seconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    pub processor: f64,
    pub wall: f64,
}

/// How many times as much an event costs in the largest store as in the smallest, round by round: neighbours
/// meet the same machine, whose pace drifts by more than what is looked for.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    pub rounds: Vec<f64>,
    pub median: f64,
}

impl Growth {
    fn between(small: &Run, large: &Run, of: fn(&Cost) -> f64) -> Self {
        let rounds: Vec<f64> =
            small.costs.iter().zip(&large.costs).map(|(small, large)| of(large) / of(small)).collect();
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        Self { median: sorted[sorted.len() / 2], rounds }
    }

    fn words(&self) -> String {
        let rounds: Vec<String> = self.rounds.iter().map(|growth| format!("{growth:.2}")).collect();
        format!("{:.2} times (in turn {})", self.median, rounds.join(", "))
    }
}

impl Run {
    /// The round in which an event took the least time: whatever else runs on the machine can only
    /// add to it. Memory and repetitions are the worst of all rounds, the paced part is the last's.
    pub fn best(rounds: Vec<Self>) -> Self {
        let wall = |run: &&Self| run.wall_seconds_per_million;
        let best = rounds.iter().min_by(|a, b| wall(a).total_cmp(&wall(b))).expect("a round").clone();
        let worst = |of: fn(&Self) -> f64| rounds.iter().map(of).fold(0.0, f64::max);
        let last = rounds.last().expect("a round");
        Self {
            peak_mib: worst(|run| run.peak_mib),
            ready_milliseconds: worst(|run| run.ready_milliseconds),
            repeated: rounds.iter().map(|run| run.repeated).sum(),
            costs: rounds.iter().flat_map(|run| run.costs.iter().copied()).collect(),
            paced: last.paced,
            paced_events_per_second: last.paced_events_per_second,
            ..best
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub processors: usize,
    pub runs: Vec<Run>,
    pub limits: Limits,
    pub limit_events_per_second: f64,
    pub ratio: f64,
    pub ratio_wanted: f64,
    pub processor_growth: Option<Growth>,
    pub wall_growth: Option<Growth>,
    /// Of several replicas to one: events a second.
    pub replicas_gain: Option<f64>,
    /// The same, had only the processor time of an event changed, all of the machine's.
    pub replicas_gain_expected: Option<f64>,
}

impl Report {
    pub fn new(runs: Vec<Run>, limits: Limits, ratio_wanted: f64) -> Self {
        let (first, last) = (&runs[0], &runs[runs.len() - 1]);
        let larger = (last.journeys > first.journeys).then_some(last);
        let more = (last.replicas > first.replicas).then_some(last);
        let limit = limits.together(first.messages_per_event);
        Self {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            limits,
            limit_events_per_second: limit,
            ratio: first.events_per_second / limit,
            ratio_wanted,
            processor_growth: larger.map(|last| Growth::between(first, last, |cost| cost.processor)),
            wall_growth: larger.map(|last| Growth::between(first, last, |cost| cost.wall)),
            replicas_gain: more.map(|last| last.events_per_second / first.events_per_second),
            replicas_gain_expected: more
                .map(|last| first.machine_seconds_per_million / last.machine_seconds_per_million),
            runs,
        }
    }

    /// What misses its target, in words.
    pub fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let mut hold = |met: bool, words: String| {
            if !met {
                missed.push(words)
            }
        };
        let wanted = self.ratio_wanted;
        hold(self.ratio >= wanted, format!("the ratio to the limit is {:.2}, not {wanted}", self.ratio));
        if let Some((gain, expected)) = self.replicas_gain.zip(self.replicas_gain_expected) {
            hold(
                gain >= 0.95 * expected,
                format!("several replicas do {gain:.2} times as much as one; the processors allow {expected:.2}"),
            );
        }
        for (of, growth) in [("processor", &self.processor_growth), ("wall", &self.wall_growth)] {
            if let Some(growth) = growth {
                hold(growth.median <= 1.3, format!("the {of} time of an event grows {}, not 1.3", growth.words()));
            }
        }
        for run in &self.runs {
            let of = run.journeys;
            hold(run.peak_mib < 150.0, format!("with {of} journeys it held {:.0} MiB, not below 150", run.peak_mib));
            // where it has to wait for nobody else's start
            hold(
                self.replicas_gain.is_some() || run.ready_milliseconds < 1_000.0,
                format!("with {of} journeys it was ready after {:.0} ms, not within a second", run.ready_milliseconds),
            );
            hold(run.repeated == 0, format!("{} messages were sent more than once", run.repeated));
        }
        missed
    }

    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, of: &dyn Fn(&Run) -> String| {
            let cells: Vec<String> = self.runs.iter().map(of).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        };
        line("journeys in the store", &|run| grouped(f64::from(run.journeys)));
        line("---", &|_| "---:".to_owned());
        line("replicas", &|run| run.replicas.to_string());
        line("events", &|run| grouped(run.events as f64));
        line("events/s", &|run| grouped(run.events_per_second));
        line("messages/s", &|run| grouped(run.messages_per_second));
        line("processor seconds per million events", &|run| format!("{:.0}", run.processor_seconds_per_million));
        line("the same of the whole machine", &|run| format!("{:.0}", run.machine_seconds_per_million));
        line("wall seconds per million events", &|run| format!("{:.0}", run.wall_seconds_per_million));
        line("read / written in files per event, KiB", &|run| {
            format!("{:.1} / {:.1}", run.read_kib_per_event, run.written_kib_per_event)
        });
        line("peak memory, MiB", &|run| format!("{:.0}", run.peak_mib));
        line("ready after, ms", &|run| format!("{:.0}", run.ready_milliseconds));
        let latency = |of: Latency| format!("{:.0} / {:.0} / {:.0}", of.p50, of.p99, of.p999);
        line("event to accepted, p50 / p99 / p99.9, ms, at a pace", &|run| {
            format!("{} (at {} events/s)", latency(run.paced), grouped(run.paced_events_per_second))
        });
        line("the same with the queue always full", &|run| latency(run.saturated));
        let Limits { consume_events, store_events, http_messages } = self.limits;
        let per_event = self.runs[0].messages_per_event;
        let _ = write!(
            text,
            "\nThe parts alone, on the same {} processors: consuming {} events/s, writing {} events/s, {} HTTP \
             requests/s.\nOne after the other, with {per_event:.2} messages an event: {} events/s. The service \
             reaches {:.2} of that.\n",
            self.processors,
            grouped(consume_events),
            grouped(store_events),
            grouped(http_messages),
            grouped(self.limit_events_per_second),
            self.ratio,
        );
        if let Some((processor, wall)) = self.processor_growth.as_ref().zip(self.wall_growth.as_ref()) {
            let _ = writeln!(
                text,
                "From the smallest to the largest store the processor time of an event grows {}, the wall time {}.",
                processor.words(),
                wall.words()
            );
        }
        if let Some((gain, expected)) = self.replicas_gain.zip(self.replicas_gain_expected) {
            let _ = writeln!(
                text,
                "{} replicas do {gain:.2} times as much as one; by the processor time that an event takes of the \
                 whole machine it would be {expected:.2}.",
                self.runs[self.runs.len() - 1].replicas
            );
        }
        text
    }
}

/// A whole number with a comma after each three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
